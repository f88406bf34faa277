/* The m4 lines for Sendmail. Nothing is read: its configuration is a program that only m4
 * understands. */
#include "setup_sendmail.h"

#include <stdbool.h>
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

/* The listeners for copies of split messages: without filters of ours, and by a login, because a
 * Unix socket that Sendmail makes is for root only. */
static const struct {
    const char *setting, *name, *filters;
} copies[] = {
    {"reinject", "copies", "a DKIM signer"},
    {"reinject_incoming", "incoming-copies", "what scans, nothing that verifies DKIM"},
};

#define COPIES (sizeof copies / sizeof *copies)

static const struct mail_server_setting *copies_server(const struct settings *settings, size_t i)
{
    return i == 0 ? &settings->reinject : &settings->reinject_incoming;
}

static bool is_here(const struct mail_server_setting *server)
{
    return server->host && !strcmp(server->host, "127.0.0.1");
}

static void write_copies(const struct settings *settings, size_t i, FILE *out)
{
    const struct mail_server_setting *server = copies_server(settings, i);
    if (server->unix_path) {
        fprintf(out,
                "dnl Copies (%s): a Unix socket of Sendmail's is for root only. Let it be\n"
                "dnl { address = \"inet:10588@127.0.0.1\"; user = ...; password_file = ...;\n"
                "dnl login_in_clear = true; } and run this again.\n",
                copies[i].setting);
    } else if (is_here(server)) {
        fprintf(out,
                "dnl Copies of split messages (%s), past smimed. Filters behind smimed (%s) are\n"
                "dnl named here as well: InputMailFilters=... Clients have to log in.\n"
                "DAEMON_OPTIONS(`Name=%s, Addr=127.0.0.1, Port=%u, M=Ea')dnl\n",
                copies[i].setting, copies[i].filters, copies[i].name, server->port);
    }
}

/* Can it stand in a rule as it is, and between quotes of m4? */
static bool is_plain(const char *user)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789.@_-";
    return user[strspn(user, allowed)] == '\0';
}

/* M=a takes every login: who has one would send past all rules. Refused for now only, so that a
 * login that is told otherwise than we think costs no mail. */
static void write_login_rules(const struct settings *settings, FILE *out)
{
    bool begun = false;
    for (size_t i = 0; i < COPIES; i++) {
        const struct mail_server_setting *server = copies_server(settings, i);
        if (!is_here(server) || !server->user) {
            continue;
        }
        if (!is_plain(server->user)) {
            fprintf(out, "dnl %s: the login cannot be named here. Every login is taken.\n",
                    copies[i].setting);
            continue;
        }
        if (!begun) {
            fputs("dnl Only smimed may hand them in, by the login that it has in smimed.conf. Tabs "
                  "matter.\n"
                  "LOCAL_RULESETS\n"
                  "SLocal_check_mail\n"
                  "R$*\t$: $&{daemon_name} $| $&{auth_authen}\n",
                  out);
        }
        begun = true;
        fprintf(out,
                "R%s $| `%s'\t$@ ok\n"
                "R%s $| $*\t$#error $@ 4.7.1 $: \"451 only smimed hands in copies here\"\n",
                copies[i].name, server->user, copies[i].name);
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
    for (size_t i = 0; i < COPIES; i++) {
        write_copies(settings, i, out);
    }
    if (settings->message_size_limit > 0) {
        fprintf(out, "define(`confMAX_MESSAGE_SIZE', `%lld')dnl\n", settings->message_size_limit);
    }
    write_login_rules(settings, out);
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
