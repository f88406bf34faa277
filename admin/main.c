/* smimectl: the administrator's tool. Finds the command that the words name, checks its arguments
 * and runs it. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "command.h"
#include "help.h"
#include "tell.h"

static int unknown_group(const char *word)
{
    tell_error("there is no command \"%s\"", word);
    tell_next("The commands are listed by: smimectl help");
    return EXIT_USAGE;
}

static int unknown_command(const struct command_group *group, const char *word)
{
    if (word) {
        tell_error("there is no command \"%s %s\"", group->name, word);
    } else {
        tell_error("\"%s\" needs to know what to do", group->name);
    }
    help_group(group, stderr);
    return EXIT_USAGE;
}

/* `smimectl help mailbox add` and `smimectl mailbox add --help`. */
static int show_help(char *const *words, size_t count)
{
    if (count == 0) {
        help_program(stdout);
        return EXIT_DONE;
    }
    const struct command_group *group = command_group_named(words[0]);
    if (!group) {
        return unknown_group(words[0]);
    }
    if (count == 1) {
        help_group(group, stdout);
        return EXIT_DONE;
    }
    const struct command *command = command_named(group, words[1]);
    if (!command) {
        return unknown_command(group, words[1]);
    }
    help_command(group, command, stdout);
    return EXIT_DONE;
}

static int wrong_usage(const struct command_group *group, const struct command *command)
{
    help_usage(group, command, stderr);
    tell_next("More, with an example: smimectl help %s%s%s", group->name, command->name ? " " : "",
              command->name ? command->name : "");
    return EXIT_USAGE;
}

static int run_command(const struct command_group *group, const struct command *command,
                       const struct arguments *arguments)
{
    const option_set everywhere = WITH(OPTION_CONFIG) | WITH(OPTION_JSON);
    size_t own_words = command->name ? 2 : 1;
    size_t words = arguments->word_count - own_words;
    const char *misplaced = arguments_misplaced(arguments, command->options | everywhere);
    if (misplaced) {
        tell_error("option --%s does not belong to this command", misplaced);
        return wrong_usage(group, command);
    }
    if (words < command->min_words) {
        tell_error("something is missing");
        return wrong_usage(group, command);
    }
    if (words > command->max_words) {
        tell_error("\"%s\" is too much", arguments->words[own_words + command->max_words]);
        return wrong_usage(group, command);
    }
    const char *config_path = argument_value(arguments, OPTION_CONFIG);
    struct context context = {
        .arguments = arguments,
        .words = arguments->words + own_words,
        .word_count = words,
        .config_path = config_path ? config_path : DEFAULT_CONFIG_PATH,
        .json = argument_given(arguments, OPTION_JSON),
        .now = time(NULL),
    };
    int code = command->run(&context);
    context_clear(&context);
    return code == EXIT_USAGE ? wrong_usage(group, command) : code;
}

static int dispatch(const struct arguments *arguments)
{
    char *const *words = arguments->words;
    size_t count = arguments->word_count;
    if (argument_given(arguments, OPTION_VERSION)) {
        puts("smimectl " SMIMED_VERSION);
        return EXIT_DONE;
    }
    if (argument_given(arguments, OPTION_HELP)) {
        return show_help(words, count > 2 ? 2 : count);
    }
    if (count == 0) {
        tell_error("a command is missing");
        help_program(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(words[0], "help") && argument_given(arguments, OPTION_COMPLETE)) {
        help_completion(stdout);
        return EXIT_DONE;
    }
    if (!strcmp(words[0], "help")) {
        return show_help(words + 1, count - 1);
    }
    const struct command_group *group = command_group_named(words[0]);
    if (!group) {
        return unknown_group(words[0]);
    }
    const struct command *command = command_named(group, count > 1 ? words[1] : NULL);
    if (!command) {
        return unknown_command(group, count > 1 ? words[1] : NULL);
    }
    return run_command(group, command, arguments);
}

int main(int argc, char **argv)
{
    /* Only characters: numbers and dates stay as they are in files and JSON. */
    setlocale(LC_CTYPE, "");
    /* Keys and passwords pass through this process. */
    if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0})) {
        tell_error("core dumps cannot be switched off");
        return EXIT_REFUSED;
    }
    struct arguments arguments;
    int code = EXIT_USAGE;
    if (arguments_parse(argc, argv, &arguments)) {
        tell_next("Options and commands are listed by: smimectl help");
    } else {
        code = dispatch(&arguments);
    }
    arguments_clear(&arguments);
    if (fflush(stdout) == EOF || ferror(stdout)) {
        tell_error("standard output cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    return code;
}
