/* smimectl process: the envelope from the command line, a message from standard input. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actor.h"
#include "command.h"
#include "iso8601.h"
#include "message_io.h"
#include "process_report.h"
#include "process_run.h"
#include "tell.h"
#include "why.h"

/* ---- the envelope, from the command line ---- */

static int read_role(const struct arguments *arguments, enum role *out)
{
    const char *name = argument_value(arguments, OPTION_ROLE);
    bool incoming = argument_given(arguments, OPTION_INCOMING);
    if (incoming == argument_given(arguments, OPTION_OUTGOING)) {
        tell_error("exactly one of --incoming and --outgoing is needed");
        return -1;
    }
    *out = incoming ? ROLE_INBOUND : ROLE_SUBMISSION;
    for (int role = ROLE_INBOUND; name && role <= ROLE_LOCAL; role++) {
        if (!strcmp(name, role_name((enum role)role))) {
            *out = (enum role)role;
            name = NULL;
        }
    }
    if (name) {
        tell_error("\"%s\" is no role; there are inbound, submission and local", name);
        return -1;
    }
    if (incoming != (*out == ROLE_INBOUND)) {
        tell_error("mail comes in by the role inbound, and goes out by submission or local");
        return -1;
    }
    return 0;
}

static int read_client(const char *text, struct envelope *envelope)
{
    if (inet_pton(AF_INET6, text, envelope->client) == 1) {
        return 0;
    }
    envelope->client[10] = envelope->client[11] = 0xff; /* IPv4-mapped, RFC 4291 section 2.5.5.2 */
    if (inet_pton(AF_INET, text, envelope->client + 12) == 1) {
        return 0;
    }
    tell_error("\"%s\" is no IP address", text);
    return -1;
}

static int read_envelope(const struct context *context, struct envelope *out)
{
    const struct arguments *arguments = context->arguments;
    const char *client = argument_value(arguments, OPTION_CLIENT);
    const char *at = argument_value(arguments, OPTION_AT);
    *out = (struct envelope){
        .from = argument_value(arguments, OPTION_FROM),
        .to = &arguments->options[OPTION_TO],
        .login = argument_value(arguments, OPTION_LOGIN),
        .client_known = client != NULL,
        .no_tls = argument_given(arguments, OPTION_NO_TLS),
        .now = context->now,
    };
    if (!out->from || out->to->count == 0) {
        tell_error("--from and at least one --to are needed");
        return -1;
    }
    if (!strcmp(out->from, "<>")) {
        out->from = "";
    }
    if (read_role(arguments, &out->role) || (client && read_client(client, out))) {
        return -1;
    }
    if (at && iso8601_read(at, &out->now)) {
        tell_error("\"%s\" is no time; write 2026-01-02T03:04:05Z, 2026-01-02 or seconds since "
                   "1970",
                   at);
        return -1;
    }
    if (argument_given(arguments, OPTION_CRLF) && argument_given(arguments, OPTION_LF)) {
        tell_error("--crlf and --lf exclude each other");
        return -1;
    }
    return 0;
}

/* ---- the result ---- */

static int write_message(const struct process_result *result, enum line_ends ends)
{
    struct header header = {0};
    const struct entity *message = &result->transaction.message;
    const struct outcome *outcome = &result->outcome;
    char *why = NULL;
    int rc = -1;
    if (header_copy(&header, &message->header) || outcome_edit_header(outcome, &header)) {
        tell_error("out of memory");
        goto out;
    }
    if (message_write(&header, outcome->action == FLOW_REPLACE ? outcome->body : message->body,
                      ends, stdout, &why)) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    rc = 0;
out:
    header_clear(&header);
    why_free(&why);
    return rc;
}

/* Is one of the recipients who were accepted at RCPT refused by a report to the sender? */
static bool any_reported(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->copy_count; i++) {
        if (outcome->copies[i].outcome->action == FLOW_REPLY) {
            return true;
        }
    }
    return false;
}

static int exit_code(const struct process_result *result)
{
    const struct reply *reply = process_reply(result);
    if (reply) {
        return reply->code >= 500 ? EXIT_REFUSED : EXIT_DEFERRED;
    }
    return result->refused_count > 0 || any_reported(&result->outcome) ? EXIT_PARTLY : EXIT_DONE;
}

/* The configuration is the gateway's from now on. NULL told. */
static struct gateway *open_gateway(struct context *context)
{
    struct problems problems = {0};
    if (context_config(context)) {
        return NULL;
    }
    struct gateway *gateway = gateway_new(context->config, &problems);
    context->config = NULL;
    if (!gateway) {
        context_tell_problems(&problems);
        tell_next("If there is no store yet, make it with: smimectl init");
    }
    problems_clear(&problems);
    if (gateway && actor_set(context->arguments, gateway->store)) {
        gateway_release(&gateway);
    }
    return gateway;
}

static enum line_ends wanted_ends(const struct arguments *arguments, enum line_ends found)
{
    if (argument_given(arguments, OPTION_CRLF)) {
        return LINE_ENDS_CRLF;
    }
    return argument_given(arguments, OPTION_LF) ? LINE_ENDS_LF : found;
}

static int process(struct context *context)
{
    struct envelope envelope;
    struct process_result result = {0};
    enum line_ends ends = LINE_ENDS_LF;
    int code = EXIT_REFUSED;
    if (read_envelope(context, &envelope)) {
        return EXIT_USAGE;
    }
    struct gateway *gateway = open_gateway(context);
    if (!gateway || process_run(gateway, &envelope, STDIN_FILENO, &result, &ends)) {
        goto out;
    }
    /* Where the message cannot be written the code must not say that it was. */
    if (process_reply(&result) == NULL &&
        write_message(&result, wanted_ends(context->arguments, ends))) {
        goto out;
    }
    if (!context->json) {
        process_report_text(&result, stderr);
    } else if (process_report_json(&result, stderr)) {
        tell_error("the report cannot be written");
        goto out;
    }
    code = exit_code(&result);
out:
    process_result_clear(&result);
    gateway_release(&gateway);
    return code;
}

static const struct command process_commands[] = {
    {.options = WITH(OPTION_INCOMING) | WITH(OPTION_OUTGOING) | WITH(OPTION_FROM) |
                WITH(OPTION_TO) | WITH(OPTION_ROLE) | WITH(OPTION_LOGIN) | WITH(OPTION_CLIENT) |
                WITH(OPTION_AT) | WITH(OPTION_CRLF) | WITH(OPTION_LF) | WITH(OPTION_NO_TLS),
     .synopsis = "--incoming|--outgoing --from ADDRESS --to ADDRESS...\n"
                 "           [--role ROLE] [--login LOGIN] [--client IP] [--no-tls] [--at TIME]\n"
                 "           [--crlf|--lf] < message",
     .summary = "treat one message as the daemon would",
     .details =
         "Reads a message from standard input, treats it with the same code as the daemon, and\n"
         "writes the result to standard output; the decision and the verdict go to standard\n"
         "error. Public keys are learned as by the daemon. --from and --to are the envelope\n"
         "('<>' is the null sender; --to may be repeated). The role is inbound for --incoming\n"
         "and submission for --outgoing (or --role local). Without --login and --client an\n"
         "outgoing message counts as sent by the owner of --from; with either the configured\n"
         "rights decide. It counts as come by TLS unless --no-tls is given. --at treats it as\n"
         "of another time. The line ends are those of the input unless --crlf or --lf is given.\n"
         "\n"
         "Exit codes: 0 accepted; 1 refused (5xx); 3 accepted, but not for every recipient;\n"
         "75 deferred (4xx).",
     .example = "  smimectl process --outgoing --from alice@example.com --to bob@partner.test \\\n"
                "      < message.eml > signed.eml",
     .run = process},
    {0},
};

const struct command_group process_group = {"process", "Treat one message as the daemon would",
                                            process_commands};
