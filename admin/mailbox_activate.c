/* smimectl mailbox activate, deactivate: for one mailbox, for many, for those that a file names. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bulk.h"
#include "chain_notice.h"
#include "command.h"
#include "input.h"
#include "mailbox_commands.h"
#include "mailbox_file.h"
#include "mailbox_listing.h"
#include "mailbox_targets.h"
#include "tell.h"
#include "why.h"

struct credentials {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * chain;
};

enum { DONE, UNCHANGED };
static const char *const activation_outcomes[] = {"activated", "unchanged", NULL};
static const char *const deactivation_outcomes[] = {"deactivated", "unchanged", NULL};
static const char *const failed = "failed";

static void credentials_clear(struct credentials *credentials)
{
    EVP_PKEY_free(credentials->key);
    X509_free(credentials->certificate);
    sk_X509_pop_free(credentials->chain, X509_free);
    *credentials = (struct credentials){NULL, NULL, NULL};
}

/* ---- What the command line says ---- */

static bool credentials_given(const struct arguments *arguments)
{
    return argument_given(arguments, OPTION_PKCS12) || argument_given(arguments, OPTION_KEY) ||
           argument_given(arguments, OPTION_CERT) || argument_given(arguments, OPTION_CHAIN);
}

/* Exactly one of --pkcs12 and --key with --cert, or neither? */
static int check_sources(const struct arguments *arguments)
{
    bool pkcs12 = argument_given(arguments, OPTION_PKCS12);
    bool key = argument_given(arguments, OPTION_KEY);
    bool cert = argument_given(arguments, OPTION_CERT);
    bool chain = argument_given(arguments, OPTION_CHAIN);
    if (credentials_given(arguments) && (pkcs12 ? (key || cert || chain) : (!key || !cert))) {
        tell_error("either --pkcs12 FILE is needed, or --key FILE and --cert FILE");
        return -1;
    }
    return 0;
}

/* Either addresses or a file, which brings its own keys? */
static int check_targets(const struct context *context)
{
    bool file = argument_given(context->arguments, OPTION_FROM_FILE);
    if (file == (context->word_count > 0)) {
        tell_error("either addresses are needed, or --from-file FILE");
        return -1;
    }
    if (file && (credentials_given(context->arguments) ||
                 argument_given(context->arguments, OPTION_PASSWORD_FILE))) {
        tell_error("with --from-file the file itself names keys and passwords");
        return -1;
    }
    return 0;
}

static int read_credentials(const struct arguments *arguments, struct credentials *out, char **why)
{
    struct password_source password = {NULL, argument_value(arguments, OPTION_PASSWORD_FILE)};
    const char *pkcs12 = argument_value(arguments, OPTION_PKCS12);
    if (pkcs12) {
        return input_pkcs12(pkcs12, &password, &out->key, &out->certificate, &out->chain, why);
    }
    return input_key_and_certificates(argument_value(arguments, OPTION_KEY),
                                      argument_value(arguments, OPTION_CERT),
                                      &arguments->options[OPTION_CHAIN], &password, &out->key,
                                      &out->certificate, &out->chain, why);
}

/* What cannot be opened is not the wrong key. */
static bool sources_readable(const struct arguments *arguments)
{
    static const enum option_id sources[] = {OPTION_PKCS12, OPTION_KEY, OPTION_CERT,
                                             OPTION_PASSWORD_FILE};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        const char *path = argument_value(arguments, sources[i]);
        if (path && strcmp(path, "-") != 0 && access(path, R_OK)) {
            return false;
        }
    }
    return true;
}

/* ---- One mailbox ---- */

/* `given` without a key: the one that signed last. *unchanged_out: there was nothing to do. */
static enum store_status activate(struct context *context, const char *address,
                                  const struct credentials *given, bool *unchanged_out, char **why)
{
    struct mailbox *mailbox = NULL;
    *unchanged_out = false;
    if (!context_manages(context, address)) {
        why_set(why, "%s is not in a managed domain", address);
        return STORE_REFUSED;
    }
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, why);
    if (status == STORE_NONE) {
        why_set(why, "there is no mailbox %s", address);
    } else if (status == STORE_OK && given->key) {
        status = store_mailbox_activate(context->store, address, given->key, given->certificate,
                                        given->chain, context->now, why);
    } else if (status == STORE_OK && mailbox->state == MAILBOX_ACTIVE) {
        *unchanged_out = true;
    } else if (status == STORE_OK) {
        status = store_mailbox_reactivate(context->store, address, context->now, why);
        if (status == STORE_REFUSED && mailbox->certificate_id == 0) {
            why_set(why, "it has no key yet: give it one with --pkcs12 FILE, or --key and --cert");
        }
    }
    mailbox_free(&mailbox);
    return status;
}

/* What recipients will see; NULL if nothing is to be said. */
static char *notice(struct context *context, const struct credentials *given)
{
    char *sentence = NULL;
    if (given->key) {
        chain_notice(context, given->certificate, given->chain, &sentence);
    }
    return sentence;
}

static int activate_single(struct context *context)
{
    struct credentials given = {NULL, NULL, NULL};
    char *why = NULL, *sentence = NULL;
    struct mailbox *mailbox = NULL;
    bool unchanged = false;
    int code = EXIT_REFUSED;
    char *address = mailbox_managed_argument(context, context->words[0]);
    if (!address) {
        goto out;
    }
    /* Before a password is asked for in vain. */
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
    if (status != STORE_OK) {
        mailbox_tell_failure(address, status, &why);
        if (status == STORE_NONE) {
            tell_next("It is added by: smimectl mailbox add %s", address);
        }
        goto out;
    }
    if (credentials_given(context->arguments) &&
        read_credentials(context->arguments, &given, &why)) {
        tell_error("%s", why_text(&why));
        tell_next(sources_readable(context->arguments)
                      ? "Nothing was changed. The key must be the one that the certificate was "
                        "made for, and the password the one that the file was saved with."
                      : "Nothing was changed.");
        goto out;
    }
    status = activate(context, address, &given, &unchanged, &why);
    if (status != STORE_OK) {
        mailbox_tell_failure(address, status, &why);
        tell_next("Nothing was changed; the mailbox stays %s.", mailbox_state_name(mailbox->state));
        goto out;
    }
    sentence = notice(context, &given);
    if (sentence) {
        tell_note("%s: %s", address, sentence);
    }
    code = mailbox_show_one(context, address) ? EXIT_REFUSED : EXIT_DONE;
out:
    mailbox_free(&mailbox);
    credentials_clear(&given);
    free(address);
    why_free(&sentence);
    why_free(&why);
    return code;
}

/* ---- Many ---- */

static void activate_one_of_many(struct context *context, struct bulk *bulk, size_t line,
                                 const char *address, const struct credentials *given)
{
    char *why = NULL;
    bool unchanged = false;
    if (activate(context, address, given, &unchanged, &why) == STORE_OK) {
        bulk_count(bulk, unchanged ? UNCHANGED : DONE);
    } else {
        bulk_fail(bulk, line, address, why_text(&why));
    }
    why_free(&why);
}

struct activation {
    struct context *context;
    const struct credentials *given;
};

static void activate_target(void *data, struct bulk *bulk, const struct target *target)
{
    const struct activation *activation = data;
    activate_one_of_many(activation->context, bulk, 0, target->address, activation->given);
}

static int activate_targets(struct context *context, const struct credentials *given)
{
    struct activation activation = {context, given};
    return targets_each(context, activation_outcomes, failed, activate_target, &activation);
}

static int activate_many(struct context *context)
{
    struct credentials given = {NULL, NULL, NULL};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (credentials_given(context->arguments) &&
        read_credentials(context->arguments, &given, &why)) {
        tell_error("%s", why_text(&why));
        tell_next("Nothing was changed.");
    } else {
        char *sentence = notice(context, &given);
        if (sentence) {
            tell_note("%s", sentence);
        }
        why_free(&sentence);
        code = activate_targets(context, &given);
    }
    credentials_clear(&given);
    why_free(&why);
    return code;
}

/* ---- From a file ---- */

static int read_row(const struct mailbox_row *row, struct credentials *out, char **why)
{
    struct password_source password = {.text = row->password};
    struct option_values chain = {(const char **)(uintptr_t)&row->chain, row->chain != NULL};
    int pem = row->certificate ? 1 : input_is_pem(row->key, why);
    if (pem < 0) {
        return -1;
    }
    if (!pem && !row->chain) {
        return input_pkcs12(row->key, &password, &out->key, &out->certificate, &out->chain, why);
    }
    return input_key_and_certificates(row->key, row->certificate, &chain, &password, &out->key,
                                      &out->certificate, &out->chain, why);
}

static void activate_row(struct context *context, struct bulk *bulk, const struct mailbox_row *row)
{
    struct credentials given = {NULL, NULL, NULL};
    char *why = NULL;
    if (row->reason) {
        bulk_fail(bulk, row->line, NULL, why_text(&row->reason));
    } else if (!row->key) {
        bulk_fail(bulk, row->line, row->address, "no key is named");
    } else if (read_row(row, &given, &why)) {
        bulk_fail(bulk, row->line, row->address, why_text(&why));
    } else {
        char *sentence = notice(context, &given);
        if (sentence) {
            bulk_note(bulk, row->address, sentence);
        }
        activate_one_of_many(context, bulk, row->line, row->address, &given);
        why_free(&sentence);
    }
    credentials_clear(&given);
    why_free(&why);
}

/* Load the file and start the run; NULL told. */
static struct bulk *begin_file(struct context *context, const char *const *outcomes,
                               struct mailbox_file *file)
{
    const char *path = argument_value(context->arguments, OPTION_FROM_FILE);
    char *why = NULL;
    struct bulk *bulk = NULL;
    if (mailbox_file_read(path, file, &why) == 0) {
        bulk = bulk_new(context, outcomes, failed, path, file->count);
    } else {
        tell_error("%s: %s", path, why_text(&why));
    }
    why_free(&why);
    return bulk;
}

static int activate_file(struct context *context)
{
    struct mailbox_file file = {0};
    int code = EXIT_REFUSED;
    struct bulk *bulk = begin_file(context, activation_outcomes, &file);
    if (bulk && file.open_passwords) {
        tell_note("%s holds passwords and everybody on this machine may read it: chmod 600 %s",
                  argument_value(context->arguments, OPTION_FROM_FILE),
                  argument_value(context->arguments, OPTION_FROM_FILE));
    }
    for (size_t i = 0; bulk && i < file.count; i++) {
        activate_row(context, bulk, &file.rows[i]);
    }
    if (bulk) {
        code = bulk_finish(&bulk);
    }
    mailbox_file_clear(&file);
    return code;
}

int mailbox_activate(struct context *context)
{
    if (check_sources(context->arguments) || check_targets(context)) {
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    if (argument_given(context->arguments, OPTION_FROM_FILE)) {
        return activate_file(context);
    }
    bool single = context->word_count == 1 && !target_is_pattern(context->words[0]);
    return single ? activate_single(context) : activate_many(context);
}

/* ---- deactivate ---- */

static void deactivate(struct context *context, struct bulk *bulk, size_t line, const char *address)
{
    struct mailbox *mailbox = NULL;
    char *why = NULL;
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
    if (status == STORE_NONE) {
        why_set(&why, "there is no mailbox %s", address);
    }
    bool unchanged = status == STORE_OK && mailbox->state == MAILBOX_INACTIVE;
    if (status == STORE_OK && !unchanged) {
        status = store_mailbox_deactivate(context->store, address, &why);
    }
    if (status == STORE_OK) {
        bulk_count(bulk, unchanged ? UNCHANGED : DONE);
    } else {
        bulk_fail(bulk, line, address, why_text(&why));
    }
    mailbox_free(&mailbox);
    why_free(&why);
}

static int deactivate_file(struct context *context)
{
    struct mailbox_file file = {0};
    int code = EXIT_REFUSED;
    struct bulk *bulk = begin_file(context, deactivation_outcomes, &file);
    for (size_t i = 0; bulk && i < file.count; i++) {
        if (file.rows[i].reason) {
            bulk_fail(bulk, file.rows[i].line, NULL, why_text(&file.rows[i].reason));
        } else {
            deactivate(context, bulk, file.rows[i].line, file.rows[i].address);
        }
    }
    if (bulk) {
        code = bulk_finish(&bulk);
    }
    mailbox_file_clear(&file);
    return code;
}

static void deactivate_target(void *data, struct bulk *bulk, const struct target *target)
{
    deactivate(data, bulk, 0, target->address);
}

static int deactivate_targets(struct context *context)
{
    return targets_each(context, deactivation_outcomes, failed, deactivate_target, context);
}

int mailbox_deactivate(struct context *context)
{
    if (check_targets(context)) {
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    return argument_given(context->arguments, OPTION_FROM_FILE) ? deactivate_file(context)
                                                                : deactivate_targets(context);
}
