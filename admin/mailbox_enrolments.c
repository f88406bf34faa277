/* smimectl mailbox enrolments: what CAs are asked for by CMP, and how far it is. */
#include "command.h"
#include "enrolment.h"
#include "mailbox_commands.h"
#include "table.h"
#include "tell.h"
#include "why.h"

static const struct column columns[] = {
    {"MAILBOX", "mailbox", CELL_TEXT},  {"CA", "ca", CELL_TEXT},
    {"KIND", "kind", CELL_TEXT},        {"STATE", "state", CELL_TEXT},
    {"SINCE", "started", CELL_TIME},    {NULL, "give_up", CELL_TIME},
    {NULL, "next_attempt", CELL_TIME},  {NULL, "failures", CELL_INTEGER},
    {"LAST ERROR", "error", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};

static void fill(struct table *table, const struct enrolment *enrolment)
{
    table_text(table, enrolment->address);
    table_text(table, enrolment->ca);
    table_text(table, enrolment_kind_name(enrolment->kind));
    table_text(table, enrolment_phase_name(enrolment->phase));
    table_time(table, enrolment->started);
    table_time(table, enrolment->give_up);
    table_time(table, enrolment->next_attempt);
    table_integer(table, enrolment->failures);
    table_text(table, enrolment->error[0] ? enrolment->error : NULL);
}

int mailbox_enrolments(struct context *context)
{
    struct enrolment_list list = {NULL, 0};
    struct table *table = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    if (store_enrolment_list(context->store, &list, &why) != STORE_OK) {
        tell_error("the enrolments cannot be listed: %s", why_text(&why));
        goto out;
    }
    table = table_new(columns);
    for (size_t i = 0; table && i < list.count; i++) {
        fill(table, &list.items[i]);
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the enrolments cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    enrolment_list_clear(&list);
    why_free(&why);
    return code;
}
