/* Putting an account together from options and configuration. */
#include "client_account.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "pattern.h"
#include "tell.h"
#include "utf8.h"
#include "why.h"

#define DEFAULT_USERNAME "%a"

static const enum option_id host_options[CLIENT_SERVICES] = {
    [MAIL_HOST_IMAP] = OPTION_IMAP,
    [MAIL_HOST_POP3] = OPTION_POP3,
    [MAIL_HOST_SUBMISSION] = OPTION_SUBMISSION,
    [MAIL_HOST_ACTIVESYNC] = OPTION_ACTIVESYNC,
};

static int read_address(struct context *context, struct client_account *out)
{
    const char *text = argument_value(context->arguments, OPTION_MAILBOX);
    if (!text) {
        tell_error("--mailbox ADDRESS is needed");
        return EXIT_USAGE;
    }
    out->address = canonical_argument(text);
    if (!out->address) {
        return EXIT_REFUSED;
    }
    if (!context_manages(context, out->address)) {
        tell_error("%s is not in a managed domain", out->address);
        return EXIT_REFUSED;
    }
    out->domain = address_domain(out->address);
    out->local_part = strndup(out->address, (size_t)(out->domain - 1 - out->address));
    if (!out->local_part) {
        tell_error("out of memory");
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

static int read_name(const struct context *context, struct client_account *out)
{
    const char *name = argument_value(context->arguments, OPTION_NAME);
    if (!name) {
        return EXIT_DONE;
    }
    if (!*name || !utf8_is_printable(name, strlen(name))) {
        tell_error("--name must be one line of UTF-8");
        return EXIT_USAGE;
    }
    out->name = strdup(name);
    if (!out->name) {
        tell_error("out of memory");
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

/* The first entry of client_servers that is for the address; NULL if none. */
static const struct client_setting *configured(const struct context *context, const char *address)
{
    const struct settings *settings = &context->config->settings;
    for (size_t i = 0; i < settings->client_server_count; i++) {
        if (pattern_list_matches(&settings->client_servers[i].addresses, address,
                                 settings->recipient_delimiter)) {
            return &settings->client_servers[i];
        }
    }
    return NULL;
}

static void take_configured(const struct client_setting *setting, struct client_account *out)
{
    const struct mail_host *hosts[CLIENT_SERVICES] = {
        [MAIL_HOST_IMAP] = &setting->imap,
        [MAIL_HOST_POP3] = &setting->pop3,
        [MAIL_HOST_SUBMISSION] = &setting->submission,
        [MAIL_HOST_ACTIVESYNC] = &setting->activesync,
    };
    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        out->hosts[i] = hosts[i]->name ? hosts[i] : NULL;
    }
    out->username_pattern = setting->username;
}

static int read_hosts(const struct context *context, struct client_account *out)
{
    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        const char *text = argument_value(context->arguments, host_options[i]);
        char *why = NULL;
        if (!text) {
            continue;
        }
        if (mail_host_parse((enum mail_host_service)i, text, &out->given[i], &why)) {
            tell_error("%s", why_text(&why));
            tell_next("Servers are given as HOST[:PORT] [tls|starttls], such as "
                      "\"imap.example.com:993 tls\".");
            why_free(&why);
            return EXIT_USAGE;
        }
        out->hosts[i] = &out->given[i];
    }
    return EXIT_DONE;
}

static int read_username(const struct context *context, struct client_account *out)
{
    const char *pattern = argument_value(context->arguments, OPTION_USERNAME);
    char *why = NULL;
    if (pattern) {
        if (!*pattern || !utf8_is_printable(pattern, strlen(pattern))) {
            tell_error("--username must be one line of UTF-8");
            return EXIT_USAGE;
        }
        if (mail_username_check(pattern, &why)) {
            tell_error("%s", why_text(&why));
            why_free(&why);
            return EXIT_USAGE;
        }
        out->username_pattern = pattern;
    }
    out->username =
        mail_username(out->username_pattern, out->address, out->local_part, out->domain);
    if (!out->username) {
        tell_error("out of memory");
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

/* Mail that can be read but not sent helps nobody. */
static int check_complete(const struct client_account *account)
{
    bool reads = account->hosts[MAIL_HOST_IMAP] || account->hosts[MAIL_HOST_POP3];
    bool sends = account->hosts[MAIL_HOST_SUBMISSION] != NULL;
    if (reads ? sends : !sends && account->hosts[MAIL_HOST_ACTIVESYNC]) {
        return EXIT_DONE;
    }
    if (!reads && !sends) {
        tell_error("no server is known for %s", account->address);
    } else {
        tell_error("for %s %s", account->address,
                   reads ? "no server is known that takes mail (submission)"
                         : "no server is known where mail is read (imap, pop3)");
    }
    tell_next("Name them in the setting client_servers, or by --imap, --pop3, --submission and "
              "--activesync.");
    return EXIT_REFUSED;
}

int client_account_read(struct context *context, struct client_account *out)
{
    *out = (struct client_account){.username_pattern = DEFAULT_USERNAME};
    if (context_config(context)) {
        return EXIT_REFUSED;
    }
    int code = read_address(context, out);
    if (code == EXIT_DONE) {
        const struct client_setting *setting = configured(context, out->address);
        if (setting) {
            take_configured(setting, out);
        }
        code = read_name(context, out);
    }
    code = code == EXIT_DONE ? read_hosts(context, out) : code;
    code = code == EXIT_DONE ? read_username(context, out) : code;
    return code == EXIT_DONE ? check_complete(out) : code;
}

void client_account_clear(struct client_account *account)
{
    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        mail_host_clear(&account->given[i]);
    }
    free(account->username);
    free(account->name);
    free(account->local_part);
    free(account->address);
    *account = (struct client_account){.username_pattern = DEFAULT_USERNAME};
}
