/* smimectl setup: what the MTA has to be told, and whether it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "file_replace.h"
#include "program.h"
#include "setup.h"
#include "setup_sendmail.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define POSTFIX_CHECK_TIMEOUT_S 60

static int read_postfix(const char *directory, struct postfix **out)
{
    char *why = NULL;
    int rc = postfix_read(directory, out, &why);
    if (rc) {
        tell_error("the set-up in %s cannot be read: %s", directory, why_text(&why));
        tell_next("Name the folder that has main.cf with --postfix-config DIRECTORY.");
    }
    why_free(&why);
    return rc;
}

/* ---- showing ---- */

static int print_json(const struct setup *setup, const char *directory, json_t *applied)
{
    json_t *all = json_object();
    json_t *changes = changes_json(&setup->changes);
    json_t *findings = setup_findings_json(setup->findings);
    int failed = !all;
    failed |= json_object_set_new(all, "config_directory", json_text(directory));
    failed |= json_object_set_new(all, "changes", changes);
    failed |= json_object_set_new(all, "applied", applied);
    failed |= json_object_set_new(all, "findings", findings);
    if (failed) {
        json_decref(all);
        all = NULL;
    }
    return json_write(all, stdout);
}

static void print_text(const struct setup *setup, const char *directory)
{
    if (setup->changes.count > 0) {
        changes_print(&setup->changes, directory);
        printf("\nsmimectl setup postfix --apply makes these changes.\n\n");
    }
    setup_findings_print(setup->findings);
    if (setup_findings_count(setup->findings) == 0) {
        printf("%s is as it should be\n", directory);
    }
}

/* `applied` (taken over): what was changed; an empty array if nothing was. */
static int show(const struct setup *setup, const char *directory, json_t *applied)
{
    bool json = setup->context->json;
    if (!json) {
        json_decref(applied);
        print_text(setup, directory);
    } else if (print_json(setup, directory, applied)) {
        tell_error("what was found cannot be written");
        return EXIT_REFUSED;
    }
    return setup_findings_wrong(setup->findings) > 0 ? EXIT_FOUND : EXIT_DONE;
}

/* ---- applying ---- */

static int check_postfix(const char *directory, char **why)
{
    const char *const arguments[] = {"postfix", "-c", directory, "check", NULL};
    struct text_file out = {0};
    int rc = program_run(arguments, POSTFIX_CHECK_TIMEOUT_S, &out, why);
    text_file_clear(&out);
    return rc;
}

/* Make the changes. Returns 0, -1 told. */
static int apply(const struct setup *setup, const char *directory)
{
    /* What was done is for people; JSON has the list of changes. */
    FILE *log = setup->context->json ? stderr : stdout;
    char *main = NULL, *why = NULL;
    int lock = -1, rc = -1;
    if (asprintf(&main, "%s/main.cf", directory) < 0) {
        main = NULL;
        tell_error("out of memory");
        goto out;
    }
    lock = folder_lock(main, &why);
    if (lock < 0 || changes_apply(&setup->changes, directory, setup->context->now, log, &why)) {
        tell_error("nothing was changed: %s", why_text(&why));
        goto out;
    }
    if (check_postfix(directory, &why)) {
        tell_error("the changes are made, but postfix check complains: %s", why_text(&why));
        tell_next("Postfix says more in its log. The files as they were are beside main.cf and "
                  "master.cf.");
        goto out;
    }
    fprintf(log,
            "postfix check is content. Running mail goes on as before until you say:\n"
            "    postfix -c %s reload\n\n",
            directory);
    rc = 0;
out:
    if (lock >= 0) {
        close(lock);
    }
    free(main);
    why_free(&why);
    return rc;
}

static int examine(struct setup *setup, struct context *context, const char *directory,
                   struct postfix **postfix)
{
    *setup = (struct setup){.context = context};
    if (read_postfix(directory, postfix)) {
        return -1;
    }
    setup->postfix = *postfix;
    return setup_examine(setup);
}

static int setup_postfix(struct context *context)
{
    const char *directory = argument_value(context->arguments, OPTION_POSTFIX_CONFIG);
    struct postfix *postfix = NULL;
    struct setup setup = {0};
    json_t *applied = json_array();
    int code = EXIT_REFUSED;
    directory = directory ? directory : DEFAULT_POSTFIX_CONFIG;
    if (context_config(context) || examine(&setup, context, directory, &postfix)) {
        goto out;
    }
    if (argument_given(context->arguments, OPTION_APPLY) && setup.changes.count > 0) {
        if (apply(&setup, directory)) {
            goto out;
        }
        json_decref(applied);
        applied = changes_json(&setup.changes);
        setup_clear(&setup);
        postfix_free(&postfix);
        if (examine(&setup, context, directory, &postfix)) {
            goto out;
        }
    }
    code = show(&setup, directory, applied);
    applied = NULL;
out:
    json_decref(applied);
    setup_clear(&setup);
    postfix_free(&postfix);
    return code;
}

/* ---- the table ---- */

static const struct command setup_commands[] = {
    {.name = "postfix",
     .options = WITH(OPTION_APPLY) | WITH(OPTION_POSTFIX_CONFIG),
     .synopsis = "[--postfix-config DIRECTORY] [--apply]",
     .summary = "check how Postfix is set up, and say or make what it lacks",
     .details =
         "Asks postconf for the set-up in DIRECTORY (default: " DEFAULT_POSTFIX_CONFIG ") and\n"
         "shows the lines that main.cf and master.cf lack: the socket of its role for each\n"
         "listener in its place among other milters, what happens when smimed cannot be\n"
         "asked, timeouts. Then it says what is wrong and why that matters, also of what it\n"
         "does not change by itself: who enforces sender logins, ways past smimed, mappings,\n"
         "sizes, TLS. --apply makes the changes by postconf, keeps main.cf and master.cf with\n"
         "the time in their names, and runs postfix check; Postfix is not told to reload.\n"
         "Exit code 6: something is wrong.",
     .example = "  smimectl setup postfix\n"
                "  smimectl setup postfix --apply",
     .run = setup_postfix},
    {.name = "sendmail",
     .synopsis = "",
     .summary = "print the lines for sendmail.mc and submit.mc",
     .details = "Prints the m4 lines that Sendmail's configuration gets, with the sockets, the\n"
                "timeout and the size limit of smimed.conf: a listener and a filter for each\n"
                "role, listeners for copies of split messages, and the port by which programs\n"
                "on this machine hand over. Those for sendmail.mc go before its MAILER lines,\n"
                "those for submit.mc in place of its FEATURE(`msp'). smimed(8) says what is\n"
                "different from Postfix.",
     .example = "  smimectl setup sendmail",
     .run = setup_sendmail},
    {.run = NULL}};

const struct command_group setup_group = {
    .name = "setup",
    .summary = "tell Postfix or Sendmail of smimed, and check whether all is well",
    .commands = setup_commands,
};
