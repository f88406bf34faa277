/* Help for the program, for a group of commands, for one command. */
#include "help.h"

#include <stdbool.h>
#include <string.h>

void help_usage(const struct command_group *group, const struct command *command, FILE *out)
{
    fprintf(out, "usage: smimectl %s", group->name);
    if (command->name) {
        fprintf(out, " %s", command->name);
    }
    fprintf(out, "%s%s\n", *command->synopsis ? " " : "", command->synopsis);
}

void help_program(FILE *out)
{
    fputs("usage: smimectl [-c FILE] [--json] COMMAND ...\n"
          "\n"
          "Administers smimed(8), the S/MIME gateway. Commands:\n"
          "\n",
          out);
    for (size_t i = 0; command_groups[i]; i++) {
        fprintf(out, "  %-15s  %s\n", command_groups[i]->name, command_groups[i]->summary);
    }
    fputs("  help             help [COMMAND ...]: this text, or that of a command\n"
          "\n"
          "Options, anywhere on the line:\n"
          "\n"
          "  -c, --config FILE  the configuration (default: " DEFAULT_CONFIG_PATH ")\n"
          "      --json         write listings, results and decisions as JSON\n"
          "  -h, --help         help for the command\n"
          "      --version      the version of the program\n"
          "\n"
          "Exit codes: 0 done; 1 refused or failed; 2 wrong command line; 3 some of several\n"
          "were done and some were not; 4, 5 (only expiring, tls check) certificates run out,\n"
          "have run out; warnings, failures; 6 (rules check, setup) something was found; 75\n"
          "(process, pubkey lookup, mailbox enroll and renew, notice test) to be tried again,\n"
          "or waited for.\n"
          "\n"
          "Example: smimectl mailbox list --domain example.com\n",
          out);
}

void help_command(const struct command_group *group, const struct command *command, FILE *out)
{
    help_usage(group, command, out);
    fprintf(out, "\n%s\n\nExample:\n%s\n", command->details, command->example);
}

void help_group(const struct command_group *group, FILE *out)
{
    if (!group->commands[0].name) {
        help_command(group, &group->commands[0], out);
        return;
    }
    fprintf(out, "usage: smimectl %s COMMAND ...\n\n%s. Commands:\n\n", group->name,
            group->summary);
    for (const struct command *command = group->commands; command->run; command++) {
        fprintf(out, "  %s %s\n      %s\n", command->name, command->synopsis, command->summary);
    }
    fprintf(out, "\nExample:\n%s\n\nMore: smimectl help %s COMMAND\n", group->commands[0].example,
            group->name);
}

/* ---- For the completion of shells ---- */

static void print_options(option_set options, FILE *out)
{
    const char *blank = "";
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options & WITH(i)) {
            bool takes_value = false;
            const char *name = argument_name((enum option_id)i, &takes_value);
            fprintf(out, "%s--%s%s", blank, name, takes_value ? "=" : "");
            blank = " ";
        }
    }
}

/* The lines of a synopsis as one. */
static void print_synopsis(const char *synopsis, FILE *out)
{
    while (*synopsis) {
        size_t length = strcspn(synopsis, "\n");
        fwrite(synopsis, 1, length, out);
        synopsis += length;
        if (*synopsis) {
            synopsis += strspn(synopsis, "\n ");
            fputc(' ', out);
        }
    }
}

void help_completion(FILE *out)
{
    const option_set everywhere = WITH(OPTION_CONFIG) | WITH(OPTION_HELP) | WITH(OPTION_JSON);
    fputs("-\t", out);
    print_options(everywhere | WITH(OPTION_VERSION), out);
    fputs("\t--config FILE\n", out);
    for (size_t i = 0; command_groups[i]; i++) {
        const struct command_group *group = command_groups[i];
        for (const struct command *command = group->commands; command->run; command++) {
            fprintf(out, "%s%s%s\t", group->name, command->name ? " " : "",
                    command->name ? command->name : "");
            print_options(everywhere | command->options, out);
            fputc('\t', out);
            print_synopsis(command->synopsis, out);
            fputc('\n', out);
        }
    }
}
