/* smimectl mailbox: the mailboxes of the managed domains, and their S/MIME state. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "input.h"
#include "mailbox_listing.h"
#include "tell.h"
#include "why.h"

#define MAX_ADDRESSES 10000 /* on one command line */

static const char *const unknown_mailbox_advice = "Mailboxes are listed by: smimectl mailbox list";

/* The canonical form of an address that must be managed: a new string, or NULL told. */
static char *managed_argument(const struct context *context, const char *text)
{
    char *canonical = canonical_argument(text);
    if (canonical && !context_manages(context, canonical)) {
        tell_error("%s is not in a managed domain", canonical);
        tell_next("Add its domain to \"managed_domains\" in %s. Other people's certificates are "
                  "imported with: smimectl pubkey import",
                  context->config_path);
        free(canonical);
        canonical = NULL;
    }
    return canonical;
}

static void tell_store(const char *address, enum store_status status, char *const *why)
{
    if (status == STORE_NONE) {
        tell_error("there is no mailbox %s", address);
        tell_next("%s", unknown_mailbox_advice);
    } else {
        tell_error("%s: %s", address, why_text(why));
    }
}

/* ---- add ---- */

static void free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(strings[i]);
    }
    free(strings);
}

static int mailbox_add(struct context *context)
{
    const struct option_values *given = &context->arguments->options[OPTION_ALIAS];
    int code = EXIT_REFUSED;
    char *why = NULL, *address = NULL;
    char **aliases = calloc(given->count + 1, sizeof *aliases);
    if (!aliases) {
        tell_error("out of memory");
        goto out;
    }
    if (context_store(context)) {
        goto out;
    }
    address = managed_argument(context, context->words[0]);
    if (!address) {
        goto out;
    }
    for (size_t i = 0; i < given->count; i++) {
        aliases[i] = managed_argument(context, given->items[i]);
        if (!aliases[i]) {
            goto out;
        }
    }
    enum store_status status = store_mailbox_add(context->store, address,
                                                 (const char *const *)aliases, given->count, &why);
    if (status != STORE_OK) {
        tell_error("%s cannot be added: %s", address, why_text(&why));
        goto out;
    }
    code = mailbox_show_one(context, address) ? EXIT_REFUSED : EXIT_DONE;
out:
    if (aliases) {
        free_strings(aliases, given->count);
    }
    free(address);
    why_free(&why);
    return code;
}

/* ---- list, show ---- */

static int mailbox_list_command(struct context *context)
{
    const char *state = argument_value(context->arguments, OPTION_STATE);
    const char *domain = argument_value(context->arguments, OPTION_DOMAIN);
    struct mailbox_filter filter = {.state = -1};
    char *canonical = NULL;
    int code = EXIT_REFUSED;
    for (int i = MAILBOX_INACTIVE; state && i <= MAILBOX_ACTIVE; i++) {
        if (!strcmp(state, mailbox_state_name((enum mailbox_state)i))) {
            filter.state = i;
        }
    }
    if (state && filter.state < 0) {
        tell_error("\"%s\" is no state; there are inactive, activating and active", state);
        return EXIT_USAGE;
    }
    if (domain) {
        if (address_canonical_domain(domain, strlen(domain), &canonical) != ADDRESS_OK) {
            tell_error("\"%s\" is no domain", domain);
            return EXIT_USAGE;
        }
        filter.domain = canonical;
    }
    if (context_store(context) == 0 && mailbox_show_list(context, &filter) == 0) {
        code = EXIT_DONE;
    }
    free(canonical);
    return code;
}

static int mailbox_show(struct context *context)
{
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[0]);
    int code = address && mailbox_show_one(context, address) == 0 ? EXIT_DONE : EXIT_REFUSED;
    free(address);
    return code;
}

/* ---- activate ---- */

/* Exactly one of --pkcs12 and --key with --cert? */
static int check_sources(const struct arguments *arguments)
{
    bool pkcs12 = argument_given(arguments, OPTION_PKCS12);
    bool key = argument_given(arguments, OPTION_KEY);
    bool cert = argument_given(arguments, OPTION_CERT);
    bool chain = argument_given(arguments, OPTION_CHAIN);
    if (pkcs12 ? (key || cert || chain) : (!key || !cert)) {
        tell_error("either --pkcs12 FILE is needed, or --key FILE and --cert FILE");
        return -1;
    }
    return 0;
}

static int read_credentials(const struct arguments *arguments, EVP_PKEY **key_out,
                            X509 **certificate_out, STACK_OF(X509) * *chain_out)
{
    struct password_source password = {argument_value(arguments, OPTION_PASSWORD_FILE)};
    const char *pkcs12 = argument_value(arguments, OPTION_PKCS12);
    if (pkcs12) {
        return input_pkcs12(pkcs12, &password, key_out, certificate_out, chain_out);
    }
    return input_key_and_certificates(
        argument_value(arguments, OPTION_KEY), argument_value(arguments, OPTION_CERT),
        &arguments->options[OPTION_CHAIN], &password, key_out, certificate_out, chain_out);
}

static int mailbox_activate(struct context *context)
{
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    char *why = NULL, *address = NULL;
    struct mailbox *mailbox = NULL;
    int code = EXIT_REFUSED;
    if (check_sources(context->arguments)) {
        return EXIT_USAGE;
    }
    if (context_store(context) || !(address = managed_argument(context, context->words[0]))) {
        goto out;
    }
    /* Before a password is asked for in vain. */
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
    if (status != STORE_OK) {
        tell_store(address, status, &why);
        if (status == STORE_NONE) {
            tell_next("It is added by: smimectl mailbox add %s", address);
        }
        goto out;
    }
    if (read_credentials(context->arguments, &key, &certificate, &chain)) {
        goto out;
    }
    status = store_mailbox_activate(context->store, address, key, certificate, chain, context->now,
                                    &why);
    if (status != STORE_OK) {
        tell_store(address, status, &why);
        tell_next("Nothing was changed; the mailbox stays %s.", mailbox_state_name(mailbox->state));
        goto out;
    }
    code = mailbox_show_one(context, address) ? EXIT_REFUSED : EXIT_DONE;
out:
    mailbox_free(&mailbox);
    EVP_PKEY_free(key);
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    free(address);
    why_free(&why);
    return code;
}

/* ---- deactivate, never-decrypt ---- */

static int mailbox_deactivate(struct context *context)
{
    size_t done = 0, failed = 0;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        char *why = NULL;
        char *address = canonical_argument(context->words[i]);
        enum store_status status =
            address ? store_mailbox_deactivate(context->store, address, &why) : STORE_REFUSED;
        if (status == STORE_OK) {
            done++;
        } else {
            failed++;
        }
        if (address && status != STORE_OK) {
            tell_store(address, status, &why);
        }
        free(address);
        why_free(&why);
    }
    return exit_code_of(done, failed);
}

static int mailbox_never_decrypt(struct context *context)
{
    bool never = !strcmp(context->words[1], "on");
    char *why = NULL;
    if (!never && strcmp(context->words[1], "off") != 0) {
        tell_error("\"%s\" must be on or off", context->words[1]);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[0]);
    if (!address) {
        return EXIT_REFUSED;
    }
    enum store_status status =
        store_mailbox_set_never_decrypt(context->store, address, never, &why);
    if (status != STORE_OK) {
        tell_store(address, status, &why);
    }
    free(address);
    why_free(&why);
    return status == STORE_OK ? EXIT_DONE : EXIT_REFUSED;
}

static const struct command mailbox_commands[] = {
    {.name = "add",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_ALIAS),
     .synopsis = "ADDRESS [--alias ADDRESS]...",
     .summary = "add a mailbox, inactive at first",
     .details = "Adds a mailbox with its further addresses. All must be in managed domains. Its\n"
                "state is inactive until it is activated with a key and a certificate.",
     .example = "  smimectl mailbox add alice@example.com --alias a.smith@example.com",
     .run = mailbox_add},
    {.name = "list",
     .options = WITH(OPTION_DOMAIN) | WITH(OPTION_STATE),
     .synopsis = "[--domain DOMAIN] [--state inactive|activating|active]",
     .summary = "list the mailboxes with certificate, state and expiry",
     .details =
         "Lists certificate id, mailbox, domain, state and the day on which the certificate\n"
         "expires.",
     .example = "  smimectl mailbox list --domain example.com --state active",
     .run = mailbox_list_command},
    {.name = "show",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "ADDRESS",
     .summary = "show one mailbox with its further addresses and its certificate",
     .details = "Shows everything about a mailbox. ADDRESS may be one of its further addresses.",
     .example = "  smimectl mailbox show alice@example.com",
     .run = mailbox_show},
    {.name = "activate",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_PKCS12) | WITH(OPTION_PASSWORD_FILE) | WITH(OPTION_KEY) |
                WITH(OPTION_CERT) | WITH(OPTION_CHAIN),
     .synopsis = "ADDRESS (--pkcs12 FILE | --key FILE --cert FILE [--chain FILE]...)\n"
                 "           [--password-file FILE]",
     .summary = "give a mailbox the key and certificate that sign from now on",
     .details =
         "Gives a mailbox a private key and its certificate: from a PKCS#12 file, or from a key\n"
         "and a certificate as PEM or DER. CA certificates that come along, or in --chain, travel\n"
         "with the signatures. Former keys stay for reading old mail. Refused are keys that do\n"
         "not match, certificates of somebody else, of a CA or of a domain, expired ones and\n"
         "ones not for mail.\n"
         "\n"
         "The password is the first line of --password-file (\"-\": of standard input). Without\n"
         "it the terminal is asked, where a password is needed.",
     .example = "  smimectl mailbox activate alice@example.com --pkcs12 alice.p12",
     .run = mailbox_activate},
    {.name = "deactivate",
     .min_words = 1,
     .max_words = MAX_ADDRESSES,
     .synopsis = "ADDRESS...",
     .summary = "stop signing for mailboxes; decrypting goes on",
     .details = "Stops signing for the mailboxes. Mail that was encrypted to them is decrypted as\n"
                "before, because their keys stay.",
     .example = "  smimectl mailbox deactivate alice@example.com",
     .run = mailbox_deactivate},
    {.name = "never-decrypt",
     .min_words = 2,
     .max_words = 2,
     .synopsis = "ADDRESS on|off",
     .summary = "leave mail to a mailbox encrypted, whatever the rules say",
     .details = "With \"on\" mail to the mailbox is never decrypted: for mailboxes whose mail is\n"
                "redirected to the outside, where nobody should read it in the clear.",
     .example = "  smimectl mailbox never-decrypt forward@example.com on",
     .run = mailbox_never_decrypt},
    {0},
};

const struct command_group mailbox_group = {
    "mailbox", "Mailboxes of the managed domains: their keys and their state", mailbox_commands};
