/* smimectl notice: what administrators and senders were told, and whether they can be. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "mail_server.h"
#include "message_id.h"
#include "notice.h"
#include "notice_delivery.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* ---- list ---- */

static const struct column columns[] = {
    {"ID", "id", CELL_INTEGER},        {"NOTED", "noted", CELL_TIME},
    {"KIND", "kind", CELL_TEXT},       {"TO", "recipient", CELL_TEXT},
    {"ABOUT", "object", CELL_TEXT},    {"STATE", "state", CELL_TEXT},
    {"DONE", "done", CELL_TIME},       {"ERROR", "error", CELL_TEXT},
    {NULL, "fingerprint", CELL_TEXT},  {NULL, "detail", CELL_TEXT},
    {NULL, "expires", CELL_TIME},      {NULL, "reference", CELL_TEXT},
    {NULL, "next_attempt", CELL_TIME}, {NULL, NULL, CELL_TEXT},
};

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

static void fill(struct table *table, const struct notice *notice)
{
    bool waiting = notice->state == NOTICE_WAITING;
    table_integer(table, notice->id);
    table_time(table, notice->noted);
    table_text(table, notice_kind_name(notice->kind));
    table_text(table, *notice->recipient ? notice->recipient : "administrator");
    table_text(table, text_or_null(notice->object));
    table_text(table, notice_state_name(notice->state));
    table_time(table, notice->done);
    table_text(table, text_or_null(notice->error));
    table_text(table, text_or_null(notice->fingerprint));
    table_text(table, text_or_null(notice->detail));
    table_time(table, notice->expires);
    table_text(table, text_or_null(notice->reference));
    table_time(table, waiting ? notice->next_attempt : 0);
}

/* -1: any, -2: none of that name. */
static int state_named(const char *name)
{
    if (!name) {
        return -1;
    }
    for (int state = NOTICE_WAITING; state <= NOTICE_SUPERSEDED; state++) {
        if (!strcmp(name, notice_state_name((enum notice_state)state))) {
            return state;
        }
    }
    return -2;
}

static int list(struct context *context)
{
    const char *name = argument_value(context->arguments, OPTION_STATE);
    int state = state_named(name);
    struct notice_list notices = {0};
    struct table *table = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (state == -2) {
        tell_error("--state \"%s\" is no state of a notice", name);
        tell_next("There are waiting, sent, logged, given-up and superseded.");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        goto out;
    }
    if (store_notice_list(context->store, &notices, &why) != STORE_OK) {
        tell_error("the notices cannot be read: %s", why_text(&why));
        goto out;
    }
    table = table_new(columns);
    for (size_t i = 0; table && i < notices.count; i++) {
        if (state == -1 || (int)notices.items[i].state == state) {
            fill(table, &notices.items[i]);
        }
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the notices cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    notice_list_clear(&notices);
    why_free(&why);
    return code;
}

/* ---- test ---- */

/* Whom to send to, and by whom; told where something lacks. */
static int check_way(const struct settings *settings, const struct mail_server_setting **server_out)
{
    *server_out = mail_server_for_own(settings);
    if (settings->administrators.count == 0) {
        tell_error("no administrator is set, so notices are sent to nobody");
        tell_next("Set administrator in the configuration: smimed.conf(5).");
        return -1;
    }
    if (!*server_out) {
        tell_error("neither mail_server nor reinject is set, so nobody takes notices");
        tell_next("Set one of them in the configuration: smimed.conf(5).");
        return -1;
    }
    return 0;
}

static int print_json(const struct settings *settings, const char *server, const char *message_id,
                      enum handover_status status, const char *reason)
{
    static const char *const names[] = {
        [HANDOVER_DONE] = "sent", [HANDOVER_DEFERRED] = "deferred", [HANDOVER_REFUSED] = "refused"};
    return json_write(
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "result", json_text(names[status]), "recipients",
                  json_texts(settings->administrators.items, settings->administrators.count),
                  "server", json_text(server), "message_id", json_text(message_id), "reason",
                  json_text(reason)),
        stdout);
}

static int tell_result(const char *server, const char *message_id, enum handover_status status,
                       const char *reason, bool json)
{
    switch (status) {
    case HANDOVER_DONE:
        if (!json) {
            printf("%s has taken a test notice, <%s>.\n", server, message_id);
        }
        if (reason) {
            tell_note("not for everybody: %s", reason);
        }
        return reason ? EXIT_PARTLY : EXIT_DONE;
    case HANDOVER_DEFERRED:
        tell_error("%s does not take notices now: %s", server, reason ? reason : "no reason");
        tell_next("Notices that are due wait, and are tried again.");
        return EXIT_DEFERRED;
    case HANDOVER_REFUSED:
        break;
    }
    tell_error("%s refuses notices: %s", server, reason ? reason : "no reason");
    tell_next("Put the addresses in administrator and notice_sender right, or what the server "
              "objects to.");
    return EXIT_REFUSED;
}

static int send_test(struct context *context, const struct mail_server_setting *server)
{
    const struct settings *settings = &context->config->settings;
    const struct spool_options spool = {.directory = settings->spool,
                                        .memory_bytes = (size_t)settings->memory_spool_bytes};
    char empty[] = "";
    struct notice notice = {.kind = NOTICE_TEST,
                            .recipient = empty,
                            .object = empty,
                            .detail = empty,
                            .fingerprint = empty,
                            .reference = empty,
                            .error = empty,
                            .noted = context->now};
    struct notice_mail mail = {.recipient = empty,
                               .message_id = message_id_new(settings->authserv_id),
                               .formed = context->now,
                               .notices = {&notice, 1}};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (!mail.message_id) {
        tell_error("out of memory");
        return code;
    }
    enum handover_status status = notice_deliver(settings, &spool, &mail, context->now, &why);
    code = tell_result(server->address, mail.message_id, status, why, context->json);
    if (context->json && print_json(settings, server->address, mail.message_id, status, why) != 0) {
        tell_error("the result cannot be written");
        code = EXIT_REFUSED;
    }
    free(mail.message_id);
    why_free(&why);
    return code;
}

static int test(struct context *context)
{
    const struct mail_server_setting *server = NULL;
    if (context_config(context) || check_way(&context->config->settings, &server)) {
        return EXIT_REFUSED;
    }
    return send_test(context, server);
}

/* ---- The commands ---- */

static const struct command notice_commands[] = {
    {.name = "list",
     .options = WITH(OPTION_STATE),
     .synopsis = "[--state waiting|sent|logged|given-up|superseded]",
     .summary = "list what was told, and what waits",
     .details =
         "Lists the notices to the administrator and to senders that smimed remembers, the oldest\n"
         "first: when each was noted, of what kind it is, to whom it goes, whom or what it is\n"
         "about, and what became of it; ERROR is what the mail server said to the last attempt.",
     .example = "  smimectl notice list --state waiting",
     .run = list},
    {.name = "test",
     .synopsis = "",
     .summary = "send a test notice to the administrator",
     .details =
         "Sends a test notice to those whom the setting administrator names, by the server that\n"
         "takes notices (mail_server, or else reinject), and says what the server said. The exit\n"
         "code is 0 when it was taken, 3 when it was taken for some of them, 1 when it was\n"
         "refused or cannot be sent, 75 when the server is to be tried again later.",
     .example = "  smimectl notice test",
     .run = test},
    {0},
};

const struct command_group notice_group = {"notice", "notices to administrators and senders",
                                           notice_commands};
