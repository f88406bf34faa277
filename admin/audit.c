/* smimectl audit: who changed what. */
#include "command.h"
#include "iso8601.h"
#include "table.h"
#include "tell.h"
#include "why.h"

static const struct column columns[] = {
    {"ID", "id", CELL_INTEGER},        {"TIME", "time", CELL_TEXT},
    {"USER", "user", CELL_TEXT},       {"SUDO", "sudo_user", CELL_TEXT},
    {"ACTION", "action", CELL_TEXT},   {"OBJECT", "object", CELL_TEXT},
    {"DETAILS", "details", CELL_TEXT}, {"COMMAND", "command", CELL_TEXT},
    {NULL, "uid", CELL_TEXT},          {NULL, NULL, CELL_TEXT}};

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

static void fill(struct table *table, const struct audit_entry *entry)
{
    char at[ISO8601_BYTES];
    char uid[24];
    iso8601_time(entry->at, at);
    snprintf(uid, sizeof uid, "%lld", (long long)entry->uid);
    table_integer(table, entry->id);
    table_text(table, at);
    table_text(table, *entry->actor ? entry->actor : uid);
    table_text(table, text_or_null(entry->sudo_user));
    table_text(table, entry->action);
    table_text(table, text_or_null(entry->object));
    table_text(table, text_or_null(entry->details));
    table_text(table, text_or_null(entry->command));
    table_text(table, uid);
}

static int audit(struct context *context)
{
    const char *text = argument_value(context->arguments, OPTION_SINCE);
    struct audit_list list = {0};
    struct table *table = NULL;
    time_t since = 0;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (text && iso8601_read(text, &since)) {
        tell_error("--since \"%s\" is no time", text);
        tell_next("A time looks like 2026-01-02T03:04:05Z or 2026-01-02.");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        goto out;
    }
    if (store_audit_list(context->store, since, &list, &why) != STORE_OK) {
        tell_error("the audit trail cannot be read: %s", why_text(&why));
        goto out;
    }
    table = table_new(columns);
    for (size_t i = 0; table && i < list.count; i++) {
        fill(table, &list.items[i]);
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the audit trail cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    audit_list_clear(&list);
    why_free(&why);
    return code;
}

static const struct command audit_commands[] = {
    {.options = WITH(OPTION_SINCE),
     .synopsis = "[--since TIME]",
     .summary = "show who changed what",
     .details =
         "Lists every change of the store, the oldest first: when, which user (and who became\n"
         "that by sudo), what was done to what, and the command. What smimed learned by\n"
         "itself is there, too. Entries are never altered or deleted.",
     .example = "  smimectl audit --since 2026-01-01",
     .run = audit},
    {0},
};

const struct command_group audit_group = {"audit", "who changed what", audit_commands};
