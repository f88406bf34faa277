/* The m4 lines for Sendmail. Nothing is read: its configuration is a program that only m4
 * understands. */
#include "setup_sendmail.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "table.h"
#include "tell.h"

#define LOCAL_PORT 10587      /* where submit.cf hands over */
#define LEAST_WORK_MINUTES 5  /* E: the end of a message; never less than Sendmail's own default */
#define WORK_TIMEOUT_FACTOR 2 /* smimed gives up first */

/* What listens for a role. M=a: clients have to log in, E: no ETRN. */
static const struct {
    enum role role;
    const char *name;
    const char *options;
} daemons[] = {
    {ROLE_INBOUND, "MTA", "Port=smtp"},
    {ROLE_SUBMISSION, "MSA", "Port=submission, M=Ea"},
    {ROLE_LOCAL, "local", "Addr=127.0.0.1, Port="},
};

static const char *socket_of(const struct settings *settings, enum role role)
{
    for (size_t i = 0; i < settings->socket_count; i++) {
        if (settings->sockets[i].role == role) {
            return settings->sockets[i].address;
        }
    }
    return NULL;
}

static int work_minutes(const struct settings *settings)
{
    int minutes = (settings->work_timeout_s * WORK_TIMEOUT_FACTOR + 59) / 60;
    return minutes > LEAST_WORK_MINUTES ? minutes : LEAST_WORK_MINUTES;
}

static void write_filters(const struct settings *settings, FILE *out)
{
    for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
        const char *socket = socket_of(settings, daemons[i].role);
        if (socket) {
            fprintf(out, "MAIL_FILTER(`smimed-%s', `S=%s, F=T, T=C:30s;S:30s;R:60s;E:%dm')dnl\n",
                    role_name(daemons[i].role), socket, work_minutes(settings));
        }
    }
}

static void write_daemons(const struct settings *settings, FILE *out)
{
    fputs("FEATURE(`no_default_msa')dnl\n", out);
    for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
        if (!socket_of(settings, daemons[i].role)) {
            continue;
        }
        fprintf(out, "DAEMON_OPTIONS(`Name=%s, %s", daemons[i].name, daemons[i].options);
        if (daemons[i].role == ROLE_LOCAL) {
            fprintf(out, "%d", LOCAL_PORT);
        }
        fprintf(out, ", InputMailFilters=smimed-%s')dnl\n", role_name(daemons[i].role));
    }
}

/* A listener for copies of split messages: without filters of ours, and by a login, because a
 * Unix socket that Sendmail makes is for root only. */
static void write_copies(const char *setting, const struct mail_server_setting *server,
                         const char *name, const char *filters, FILE *out)
{
    if (server->unix_path) {
        fprintf(out,
                "dnl Copies (%s): a Unix socket of Sendmail's is for root only. Let it be\n"
                "dnl { address = \"inet:10588@127.0.0.1\"; user = ...; password_file = ...;\n"
                "dnl login_in_clear = true; } and run this again.\n",
                setting);
    } else if (server->host && !strcmp(server->host, "127.0.0.1")) {
        fprintf(out,
                "dnl Copies of split messages (%s), past smimed; filters behind smimed are named\n"
                "dnl here as well: %s. Clients have to log in, as smimed does.\n"
                "DAEMON_OPTIONS(`Name=%s, Addr=127.0.0.1, Port=%u, M=Ea')dnl\n",
                setting, filters, name, server->port);
    }
}

static void write_sendmail_mc(const struct settings *settings, FILE *out)
{
    fputs("dnl smimed: F=T makes mail wait where smimed cannot be asked. Without it Sendmail goes "
          "on\n"
          "dnl without smimed, and mail that a rule wants encrypted goes out in the clear.\n",
          out);
    write_filters(settings, out);
    fputs("dnl Each listener has the filter of its role; others are named in their order, with a ; "
          "in\n"
          "dnl between. Strangers: what verifies DKIM, smimed, what scans. Users: a DKIM signer "
          "last.\n"
          "dnl These take the place of other DAEMON_OPTIONS for the same ports.\n",
          out);
    write_daemons(settings, out);
    write_copies("reinject", &settings->reinject, "copies", "InputMailFilters=opendkim", out);
    write_copies("reinject_incoming", &settings->reinject_incoming, "incoming-copies",
                 "what scans, and nothing that verifies DKIM", out);
    if (settings->message_size_limit > 0) {
        fprintf(out, "define(`confMAX_MESSAGE_SIZE', `%lld')dnl\n", settings->message_size_limit);
    }
}

static void write_submit_mc(const struct settings *settings, FILE *out)
{
    if (socket_of(settings, ROLE_LOCAL)) {
        fprintf(out,
                "dnl smimed: programs on this machine hand over to the listener of role local.\n"
                "define(`RELAY_MAILER_ARGS', `TCP $h %d')dnl\n"
                "FEATURE(`msp', `[127.0.0.1]')dnl\n",
                LOCAL_PORT);
    }
}

/* A new string, NULL when out of memory. */
static char *written(void (*write)(const struct settings *, FILE *),
                     const struct settings *settings)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        return NULL;
    }
    write(settings, out);
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}

static int print_json(const char *sendmail_mc, const char *submit_mc)
{
    json_t *all = json_object();
    int failed = !all;
    failed |= json_object_set_new(all, "sendmail.mc", json_text(sendmail_mc));
    failed |= json_object_set_new(all, "submit.mc", json_text(submit_mc));
    if (failed) {
        json_decref(all);
        all = NULL;
    }
    return json_write(all, stdout);
}

int setup_sendmail(struct context *context)
{
    char *sendmail_mc = NULL, *submit_mc = NULL;
    int code = EXIT_REFUSED;
    if (context_config(context)) {
        return EXIT_REFUSED;
    }
    const struct settings *settings = &context->config->settings;
    if (settings->socket_count == 0) {
        tell_error("%s names no sockets", context->config_path);
        tell_next("Add them first; smimed.conf(5) tells how (sockets).");
        return EXIT_REFUSED;
    }
    sendmail_mc = written(write_sendmail_mc, settings);
    submit_mc = written(write_submit_mc, settings);
    if (!sendmail_mc || !submit_mc) {
        tell_error("out of memory");
        goto out;
    }
    if (context->json) {
        code = print_json(sendmail_mc, submit_mc) ? EXIT_REFUSED : EXIT_DONE;
        goto out;
    }
    printf("dnl ---- sendmail.mc, before MAILER lines ----\n%s", sendmail_mc);
    if (*submit_mc) {
        printf("dnl ---- submit.mc, in place of its FEATURE(`msp') ----\n%s", submit_mc);
    }
    code = EXIT_DONE;
out:
    free(sendmail_mc);
    free(submit_mc);
    return code;
}
