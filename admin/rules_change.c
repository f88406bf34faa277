/* smimectl rules: changing one rule in the administrator's file, and telling the daemon. */
#include "rules_change.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "daemon_reload.h"
#include "edit.h"
#include "file_replace.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define LAST_POSITION ((size_t)-1) /* beyond every rule */

/* What is asked for. */
struct request {
    int (*change)(const struct request *request, const struct rules_text *text,
                  struct rules_change *out, char **why);
    struct rule_draft draft;
    size_t position; /* of the rule; of a new one, that it gets */
    size_t to;       /* of a moved one */
    bool deletes;
    const char *done; /* "added" */
};

/* ---- what is asked for ---- */

static int add(const struct request *request, const struct rules_text *text,
               struct rules_change *out, char **why)
{
    return rules_text_add(text, &request->draft, request->position, out, why);
}

static int edit(const struct request *request, const struct rules_text *text,
                struct rules_change *out, char **why)
{
    return rules_text_edit(text, &request->draft, request->position, out, why);
}

static int move(const struct request *request, const struct rules_text *text,
                struct rules_change *out, char **why)
{
    return rules_text_move(text, request->position, request->to, out, why);
}

static int move_down(const struct request *request, const struct rules_text *text,
                     struct rules_change *out, char **why)
{
    if (request->position == rules_text_config(text)->rules.count) {
        why_set(why, "rule %zu is the last one already", request->position);
        return -1;
    }
    return rules_text_move(text, request->position, request->position + 1, out, why);
}

static int move_up(const struct request *request, const struct rules_text *text,
                   struct rules_change *out, char **why)
{
    if (request->position == 1) {
        why_set(why, "rule 1 is the first one already");
        return -1;
    }
    return rules_text_move(text, request->position, request->position - 1, out, why);
}

static int delete (const struct request *request, const struct rules_text *text,
                   struct rules_change *out, char **why)
{
    return rules_text_delete(text, request->position, out, why);
}

/* ---- the change ---- */

/* The file that the rules stand in, without symbolic links: a new string, NULL with *why. */
static char *real_file(const struct rules_text *text, char **why)
{
    const char *file = rules_text_file(text, why);
    char *path = file ? realpath(file, NULL) : NULL;
    if (file && !path) {
        why_set(why, "%s: %m", file);
    }
    return path;
}

/* Read the configuration. NULL told. */
static struct rules_text *open_rules(const struct context *context)
{
    struct problems problems = {0};
    struct rules_text *text = rules_text_open(context->config_path, &problems);
    if (!text) {
        context_tell_problems(&problems);
        tell_next("The configuration %s has to be good before a rule can be changed.",
                  context->config_path);
    }
    problems_clear(&problems);
    return text;
}

/* The same while nobody else changes it. *lock_out is the lock's descriptor, *path_out the file.
 * NULL told. */
static struct rules_text *open_locked(const struct context *context, int *lock_out, char **path_out)
{
    struct rules_text *text = open_rules(context);
    char *why = NULL, *path = NULL;
    if (!text) {
        return NULL;
    }
    *path_out = real_file(text, &why);
    *lock_out = *path_out ? folder_lock(*path_out, &why) : -1;
    rules_text_free(&text);
    if (*lock_out < 0) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    /* Who had the lock before may have changed it. */
    text = open_rules(context);
    path = text ? real_file(text, &why) : NULL;
    if (text && (!path || strcmp(path, *path_out) != 0)) {
        tell_error("%s", path ? "the rules were put into another file meanwhile; try again"
                              : why_text(&why));
        rules_text_free(&text);
    }
out:
    free(path);
    why_free(&why);
    return text;
}

static const struct column columns[] = {{"position", "position", CELL_INTEGER},
                                        {"rules", "rules", CELL_INTEGER},
                                        {"file", "file", CELL_TEXT},
                                        {"line", "line", CELL_INTEGER},
                                        {"backup", "backup", CELL_TEXT},
                                        {"told to reload", "reloaded", CELL_INTEGER},
                                        {NULL, NULL, CELL_TEXT}};

/* `backup` NULL: nothing was changed. `pid` 0: nobody was told. */
static int report(const struct context *context, const struct request *request,
                  const struct rules_change *change, const char *backup, pid_t pid)
{
    const struct rule_list *rules = &rules_text_config(change->result)->rules;
    struct table *table = table_new(columns);
    if (!table) {
        return -1;
    }
    table_integer(table, (long long)change->position);
    table_count(table, rules->count);
    table_text(table, change->file);
    table_integer(table, request->deletes ? 0 : rules->items[change->position - 1].line);
    table_text(table, backup);
    table_integer(table, pid > 0 ? pid : 0);
    int rc = table_print_record(table, context->json, stdout);
    table_free(&table);
    return rc;
}

/* Record the change in the audit trail; without a store there is none. Returns 0, -1 told. */
static int record(struct context *context, const struct request *request,
                  const struct rules_change *change, const char *path)
{
    const char *store = rules_text_config(change->result)->settings.store;
    char *action = NULL, *object = NULL, *why = NULL;
    int rc = -1;
    if (access(store, F_OK)) {
        return 0;
    }
    if (asprintf(&action, "rule %s", request->done) < 0) {
        action = NULL;
    }
    if (asprintf(&object, "rule %zu of %s", change->position, path) < 0) {
        object = NULL;
    }
    if (!action || !object) {
        tell_error("out of memory");
    } else if (context_store(context)) {
        tell_next("So the change of the rules is not in the audit trail.");
    } else if (store_audit(context->store, action, object, "", &why) != STORE_OK) {
        tell_error("the audit trail: %s", why_text(&why));
    } else {
        rc = 0;
    }
    free(action);
    free(object);
    why_free(&why);
    return rc;
}

/* The file is changed: what is told from here on is no reason to change it again. */
static int finish(struct context *context, const struct request *request,
                  const struct rules_change *change, const char *path)
{
    char *why = NULL, *backup = NULL;
    int code = EXIT_DONE;
    pid_t pid = daemon_reload(rules_text_config(change->result)->settings.pid_file, &why);
    if (pid == 0) {
        tell_note("nobody was told to reload: %s", why_text(&why));
        tell_next("Where smimed runs, tell it by: systemctl reload smimed");
    } else if (pid < 0) {
        tell_error("the rule is %s, but smimed was not told to reload: %s", request->done,
                   why_text(&why));
        tell_next("Tell it by: systemctl reload smimed");
        code = EXIT_PARTLY;
    }
    if (record(context, request, change, path)) {
        code = EXIT_PARTLY;
    }
    if (asprintf(&backup, "%s" BACKUP_SUFFIX, path) < 0) {
        backup = NULL;
    }
    if (!backup || report(context, request, change, backup, pid)) {
        tell_error("the rule is %s, but that cannot be written", request->done);
        code = EXIT_PARTLY;
    }
    free(backup);
    why_free(&why);
    return code;
}

static int change_rules(struct context *context, const struct request *request)
{
    struct rules_change change = {0};
    char *path = NULL, *why = NULL;
    int lock = -1, code = EXIT_REFUSED;
    struct rules_text *text = open_locked(context, &lock, &path);
    if (!text) {
        goto out;
    }
    if (request->change(request, text, &change, &why)) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    if (change.before_length == change.after_length &&
        !memcmp(change.before, change.after, change.after_length)) {
        tell_note("there is nothing to change");
        code = report(context, request, &change, NULL, 0) ? EXIT_REFUSED : EXIT_DONE;
        goto out;
    }
    const struct replacement replacement = {path, change.before, change.before_length, change.after,
                                            change.after_length};
    if (file_replace(&replacement, &why)) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    code = finish(context, request, &change, path);
out:
    if (lock >= 0) {
        close(lock);
    }
    rules_change_clear(&change);
    rules_text_free(&text);
    free(path);
    why_free(&why);
    return code;
}

/* ---- commands ---- */

/* A position, from 1. Returns 0, -1 told. */
static int read_position(const char *text, size_t *out)
{
    int64_t number = 0;
    if (id_argument(text, &number)) {
        tell_error("\"%s\" is no position; the first rule has position 1", text);
        return -1;
    }
    *out = (size_t)number;
    return 0;
}

static void read_draft(const struct arguments *arguments, struct rule_draft *out)
{
    const struct option_values *managed = &arguments->options[OPTION_MANAGED];
    const struct option_values *external = &arguments->options[OPTION_EXTERNAL];
    *out = (struct rule_draft){
        .managed = managed->items,
        .managed_count = managed->count,
        .external = external->items,
        .external_count = external->count,
        .incoming = argument_value(arguments, OPTION_INCOMING_MODE),
        .outgoing = argument_value(arguments, OPTION_OUTGOING_MODE),
        .choice = argument_value(arguments, OPTION_CHOICE),
        .require_tls = argument_value(arguments, OPTION_REQUIRE_TLS),
        .profile = argument_value(arguments, OPTION_PROFILE),
        .note = argument_value(arguments, OPTION_NOTE),
    };
}

int rules_add(struct context *context)
{
    struct request request = {.change = add, .position = 1, .done = "added"};
    const char *position = argument_value(context->arguments, OPTION_POSITION);
    read_draft(context->arguments, &request.draft);
    if (request.draft.managed_count == 0 || request.draft.external_count == 0) {
        tell_error("--managed and --external are needed");
        return EXIT_USAGE;
    }
    const struct rule_draft *draft = &request.draft;
    if (!draft->incoming && !draft->outgoing && !draft->require_tls &&
        !(draft->profile && *draft->profile)) {
        tell_error("--incoming-mode, --outgoing-mode, --require-tls or --profile is needed: a rule "
                   "without decides nothing");
        return EXIT_USAGE;
    }
    if (position && !strcmp(position, "last")) {
        request.position = LAST_POSITION;
    } else if (position && read_position(position, &request.position)) {
        return EXIT_USAGE;
    }
    return change_rules(context, &request);
}

int rules_edit(struct context *context)
{
    struct request request = {.change = edit, .done = "changed"};
    read_draft(context->arguments, &request.draft);
    const struct rule_draft *draft = &request.draft;
    if (read_position(context->words[0], &request.position)) {
        return EXIT_USAGE;
    }
    if (draft->managed_count == 0 && draft->external_count == 0 && !draft->incoming &&
        !draft->outgoing && !draft->choice && !draft->require_tls && !draft->profile &&
        !draft->note) {
        tell_error("what is to be changed?");
        return EXIT_USAGE;
    }
    return change_rules(context, &request);
}

int rules_move(struct context *context)
{
    struct request request = {.change = move, .done = "moved"};
    if (read_position(context->words[0], &request.position) ||
        read_position(context->words[1], &request.to)) {
        return EXIT_USAGE;
    }
    return change_rules(context, &request);
}

/* A command that knows what to do from one position. */
static int change_one(struct context *context, struct request *request)
{
    if (read_position(context->words[0], &request->position)) {
        return EXIT_USAGE;
    }
    return change_rules(context, request);
}

int rules_up(struct context *context)
{
    struct request request = {.change = move_up, .done = "moved"};
    return change_one(context, &request);
}

int rules_down(struct context *context)
{
    struct request request = {.change = move_down, .done = "moved"};
    return change_one(context, &request);
}

int rules_delete(struct context *context)
{
    struct request request = {.change = delete, .deletes = true, .done = "deleted"};
    return change_one(context, &request);
}
