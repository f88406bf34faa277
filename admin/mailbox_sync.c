/* smimectl mailbox sync: mailboxes from where the mail server has them. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "ldap_source.h"
#include "mailbox_commands.h"
#include "mailbox_source.h"
#include "password.h"
#include "postfix_map.h"
#include "tell.h"
#include "why.h"

#define DEFAULT_ADDRESS_ATTR "mail"

static const enum option_id only_ldap[] = {OPTION_BASE,       OPTION_FILTER,  OPTION_ADDRESS_ATTR,
                                           OPTION_ALIAS_ATTR, OPTION_BIND_DN, OPTION_PASSWORD_FILE,
                                           OPTION_START_TLS,  OPTION_TLS_CA};

static int check_usage(const struct arguments *arguments)
{
    bool ldap = argument_given(arguments, OPTION_LDAP);
    if (ldap + argument_given(arguments, OPTION_POSTFIX_MAP) +
            argument_given(arguments, OPTION_TEXT) !=
        1) {
        tell_error("one of --postfix-map TYPE:FILE, --text FILE and --ldap URI is needed");
        return -1;
    }
    for (size_t i = 0; !ldap && i < sizeof only_ldap / sizeof *only_ldap; i++) {
        if (argument_given(arguments, only_ldap[i])) {
            tell_error("this option belongs to --ldap");
            return -1;
        }
    }
    if (ldap && !argument_given(arguments, OPTION_BASE)) {
        tell_error("--base DN is needed: where in the directory the search begins");
        return -1;
    }
    if (ldap && argument_given(arguments, OPTION_DOMAIN)) {
        tell_error("--domain belongs to --postfix-map and --text; a directory has --filter");
        return -1;
    }
    if (argument_given(arguments, OPTION_PASSWORD_FILE) &&
        !argument_given(arguments, OPTION_BIND_DN)) {
        tell_error("--password-file is of no use without --bind-dn");
        return -1;
    }
    return 0;
}

static int read_directory(struct context *context, struct mailbox_source *out, char **why)
{
    const struct arguments *arguments = context->arguments;
    const char *attribute = argument_value(arguments, OPTION_ADDRESS_ATTR);
    const char *password_file = argument_value(arguments, OPTION_PASSWORD_FILE);
    struct password password = {0};
    struct ldap_source from = {
        .uri = argument_value(arguments, OPTION_LDAP),
        .base = argument_value(arguments, OPTION_BASE),
        .filter = argument_value(arguments, OPTION_FILTER),
        .address_attr = attribute ? attribute : DEFAULT_ADDRESS_ATTR,
        .alias_attr = &arguments->options[OPTION_ALIAS_ATTR],
        .bind_dn = argument_value(arguments, OPTION_BIND_DN),
        .password = password.text,
        .start_tls = argument_given(arguments, OPTION_START_TLS),
        .tls_ca = argument_value(arguments, OPTION_TLS_CA),
    };
    int rc = 0;
    if (from.bind_dn) {
        rc = password_file ? password_from_file(password_file, &password, why)
                           : password_from_terminal(from.bind_dn, &password, why);
    }
    if (rc == 0) {
        rc = ldap_source_read(context, &from, out, why);
    }
    password_clear(&password);
    return rc;
}

static int read_source(struct context *context, const char *domain, struct mailbox_source *out,
                       char **why)
{
    const char *map = argument_value(context->arguments, OPTION_POSTFIX_MAP);
    const char *text = argument_value(context->arguments, OPTION_TEXT);
    if (map) {
        return postfix_map_read(context, map, domain, out, why);
    }
    return text ? postfix_map_read_text(context, text, domain, out, why)
                : read_directory(context, out, why);
}

static int sync_source(struct context *context, const struct mailbox_source *source,
                       const char *domain)
{
    struct bulk *bulk = bulk_new(context, merge_outcomes, merge_failure,
                                 argument_value(context->arguments, OPTION_TEXT), source->count);
    if (!bulk) {
        return EXIT_REFUSED;
    }
    int rc = mailbox_source_merge(context, source, bulk);
    if (rc == 0) {
        rc = mailbox_source_report_gone(context, source, domain, bulk);
    }
    if (rc == 0 && source->passed_over > 0) {
        tell_note("%zu passed over: not managed, no address, a list of addresses, or leading "
                  "outside",
                  source->passed_over);
    }
    int code = bulk_finish(&bulk);
    return rc && code == EXIT_DONE ? EXIT_PARTLY : code;
}

int mailbox_sync(struct context *context)
{
    const char *domain_text = argument_value(context->arguments, OPTION_DOMAIN);
    struct mailbox_source source = {0};
    char *why = NULL, *domain = NULL;
    int code = EXIT_REFUSED;
    if (check_usage(context->arguments)) {
        return EXIT_USAGE;
    }
    if (domain_text &&
        address_canonical_domain(domain_text, strlen(domain_text), &domain) != ADDRESS_OK) {
        tell_error("\"%s\" is no domain", domain_text);
        return EXIT_USAGE;
    }
    if (context_store(context) == 0) {
        if (read_source(context, domain, &source, &why) == 0) {
            code = sync_source(context, &source, domain);
        } else {
            tell_error("%s", why_text(&why));
            tell_next("Nothing was changed.");
        }
    }
    mailbox_source_clear(&source);
    free(domain);
    why_free(&why);
    return code;
}
