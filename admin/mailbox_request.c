/* smimectl mailbox request, install: a key is made here, a CA elsewhere certifies it. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chain_notice.h"
#include "command.h"
#include "credential.h"
#include "csr.h"
#include "distinguished_name.h"
#include "input.h"
#include "mailbox_commands.h"
#include "mailbox_listing.h"
#include "public_file.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define PEM_NAME "CERTIFICATE REQUEST"

/* ---- request ---- */

/* Print the request that is pending. */
static int print_request(struct context *context, const struct mailbox *mailbox)
{
    unsigned char *der = NULL;
    size_t length = 0;
    char *why = NULL, *text = NULL;
    int code = EXIT_REFUSED;
    enum store_status status =
        store_request_find(context->store, mailbox->address, &der, &length, NULL, &why);
    if (status == STORE_NONE) {
        tell_error("no request is pending for %s", mailbox->address);
        tell_next("One is made by: smimectl mailbox request %s", mailbox->address);
        goto out;
    }
    text = status == STORE_OK ? pem_of(PEM_NAME, der, length) : NULL;
    if (!text) {
        tell_error("the request cannot be shown: %s", why_text(&why));
        goto out;
    }
    int written =
        context->json
            ? json_write(json_pack("{s:s,s:s}", "mailbox", mailbox->address, "csr", text), stdout)
            : (fputs(text, stdout) == EOF || fflush(stdout) == EOF ? -1 : 0);
    if (written == 0) {
        code = EXIT_DONE;
    } else {
        tell_error("the request is kept, but cannot be written");
        tell_next("It is shown again by: smimectl mailbox request %s --again", mailbox->address);
    }
out:
    OPENSSL_free(text);
    free(der);
    why_free(&why);
    return code;
}

/* The key and its request; both go into the store. */
static enum store_status make_request(struct context *context, const struct mailbox *mailbox,
                                      const X509_NAME *subject, char **why)
{
    const char *kind = argument_value(context->arguments, OPTION_KEY);
    EVP_PKEY *key = NULL;
    unsigned char *der = NULL;
    size_t length = 0;
    enum store_status status = STORE_ERROR;
    const char **addresses = calloc(mailbox->alias_count + 1, sizeof *addresses);
    if (!addresses) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    addresses[0] = mailbox->address;
    for (size_t i = 0; i < mailbox->alias_count; i++) {
        addresses[i + 1] = mailbox->aliases[i];
    }
    status = new_key_make(kind ? kind : NEW_KEY_DEFAULT, &key, why);
    if (status == STORE_OK) {
        status = csr_make(key, subject, addresses, mailbox->alias_count + 1, &der, &length, why);
    }
    if (status == STORE_OK) {
        status = store_request_put(context->store, mailbox->address, key, der, length,
                                   argument_given(context->arguments, OPTION_REPLACE), context->now,
                                   why);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    free(addresses);
    return status;
}

static int new_request(struct context *context, const struct mailbox *mailbox)
{
    const char *subject_text = argument_value(context->arguments, OPTION_SUBJECT);
    X509_NAME *subject = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    /* Asked first: making a key takes its time. */
    if (mailbox->requested && !argument_given(context->arguments, OPTION_REPLACE)) {
        tell_error("a request is pending already for %s", mailbox->address);
        tell_next("It is shown again with --again, and given up with --withdraw. With --replace a "
                  "new one takes its place; the CA's answer to the former is of no use then.");
        return EXIT_REFUSED;
    }
    if (subject_text && !(subject = distinguished_name_read(subject_text, &why))) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    if (make_request(context, mailbox, subject, &why) != STORE_OK) {
        tell_error("%s: %s", mailbox->address, why_text(&why));
        goto out;
    }
    code = print_request(context, mailbox);
    if (code == EXIT_DONE) {
        tell_note("give this to a CA, and its answer to: smimectl mailbox install %s --cert FILE",
                  mailbox->address);
    }
out:
    X509_NAME_free(subject);
    why_free(&why);
    return code;
}

static int withdraw(struct context *context, const struct mailbox *mailbox)
{
    char *why = NULL;
    int code = EXIT_REFUSED;
    enum store_status status = store_request_withdraw(context->store, mailbox->address, &why);
    if (status == STORE_OK) {
        code = mailbox_show_one(context, mailbox->address) ? EXIT_REFUSED : EXIT_DONE;
    } else {
        tell_error("%s", why_text(&why));
    }
    why_free(&why);
    return code;
}

/* The mailbox of an argument; NULL told. */
static struct mailbox *find(struct context *context, const char *word)
{
    char *why = NULL;
    struct mailbox *mailbox = NULL;
    char *address = mailbox_managed_argument(context, word);
    if (address) {
        enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
        if (status != STORE_OK) {
            mailbox_tell_failure(address, status, &why);
        }
    }
    free(address);
    why_free(&why);
    return mailbox;
}

int mailbox_request(struct context *context)
{
    const struct arguments *arguments = context->arguments;
    bool again = argument_given(arguments, OPTION_AGAIN);
    bool withdrawn = argument_given(arguments, OPTION_WITHDRAW);
    bool makes = argument_given(arguments, OPTION_KEY) ||
                 argument_given(arguments, OPTION_SUBJECT) ||
                 argument_given(arguments, OPTION_REPLACE);
    if (again + withdrawn + makes > 1) {
        tell_error("--again and --withdraw stand alone: they make no new request");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    struct mailbox *mailbox = find(context, context->words[0]);
    int code = EXIT_REFUSED;
    if (mailbox) {
        code = again       ? print_request(context, mailbox)
               : withdrawn ? withdraw(context, mailbox)
                           : new_request(context, mailbox);
    }
    mailbox_free(&mailbox);
    return code;
}

/* ---- install ---- */

/* Of the certificates in the CA's answer, the one that belongs to the key, and the others. */
static int read_answer(struct context *context, EVP_PKEY *key, X509 **certificate_out,
                       STACK_OF(X509) * *chain_out, char **why)
{
    const struct option_values *chain = &context->arguments->options[OPTION_CHAIN];
    STACK_OF(X509) *all = sk_X509_new_null();
    int rc = -1;
    if (!all) {
        why_set(why, "out of memory");
        return -1;
    }
    if (input_add_certificates(argument_value(context->arguments, OPTION_CERT), all, why)) {
        goto out;
    }
    for (size_t i = 0; i < chain->count; i++) {
        if (input_add_certificates(chain->items[i], all, why)) {
            goto out;
        }
    }
    if (certificates_split(all, key, certificate_out, chain_out, why) != CREDENTIAL_OK) {
        why_prefix(why, "the key of the request that is pending");
        goto out;
    }
    rc = 0;
out:
    sk_X509_pop_free(all, X509_free);
    return rc;
}

static int install(struct context *context, const struct mailbox *mailbox, EVP_PKEY *key)
{
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    char *why = NULL, *sentence = NULL;
    int code = EXIT_REFUSED;
    if (read_answer(context, key, &certificate, &chain, &why)) {
        tell_error("%s", why_text(&why));
        tell_next("Nothing was changed; the request stays pending.");
        goto out;
    }
    if (store_mailbox_install(context->store, mailbox->address, certificate, chain, context->now,
                              &why) != STORE_OK) {
        tell_error("%s: %s", mailbox->address, why_text(&why));
        tell_next("Nothing was changed; the request stays pending.");
        goto out;
    }
    chain_notice(context, certificate, chain, &sentence);
    if (sentence) {
        tell_note("%s: %s", mailbox->address, sentence);
    }
    code = mailbox_show_one(context, mailbox->address) ? EXIT_REFUSED : EXIT_DONE;
out:
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    why_free(&sentence);
    why_free(&why);
    return code;
}

int mailbox_install(struct context *context)
{
    unsigned char *der = NULL;
    size_t length = 0;
    EVP_PKEY *key = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (!argument_given(context->arguments, OPTION_CERT)) {
        tell_error("--cert FILE is needed: the certificate that the CA has issued");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    struct mailbox *mailbox = find(context, context->words[0]);
    if (!mailbox) {
        return EXIT_REFUSED;
    }
    enum store_status status =
        store_request_find(context->store, mailbox->address, &der, &length, &key, &why);
    if (status == STORE_OK) {
        code = install(context, mailbox, key);
    } else if (status == STORE_NONE) {
        tell_error("no request is pending for %s", mailbox->address);
        tell_next("One is made by: smimectl mailbox request %s. A key that was made elsewhere is "
                  "taken by: smimectl mailbox activate",
                  mailbox->address);
    } else {
        tell_error("%s: %s", mailbox->address, why_text(&why));
    }
    EVP_PKEY_free(key);
    free(der);
    mailbox_free(&mailbox);
    why_free(&why);
    return code;
}
