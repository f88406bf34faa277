/* Listings of public keys. */
#include "pubkey_listing.h"

#include <stdlib.h>

#include "certificate.h"
#include "command.h"
#include "declared.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* ---- list, show ---- */

static const struct column list_columns[] = {
    {"ID", "id", CELL_INTEGER},          {"ADDRESSES", "addresses", CELL_LIST},
    {"SOURCE", "source", CELL_TEXT},     {"PINNED", "pinned", CELL_BOOLEAN},
    {"EXPIRES", "not_after", CELL_TIME}, {"LAST SEEN", "last_seen", CELL_TIME},
    {"SUBJECT", "subject", CELL_TEXT},   {"ISSUER", "issuer", CELL_TEXT},
    {"REVOKED", "revoked", CELL_TEXT},   {NULL, "serial", CELL_TEXT},
    {NULL, "not_before", CELL_TIME},     {NULL, "fingerprint", CELL_TEXT},
    {NULL, "first_seen", CELL_TIME},     {NULL, NULL, CELL_TEXT}};

static const struct column record_columns[] = {{"id", "id", CELL_INTEGER},
                                               {"addresses", "addresses", CELL_LIST},
                                               {"source", "source", CELL_TEXT},
                                               {"pinned", "pinned", CELL_BOOLEAN},
                                               {"expires", "not_after", CELL_TIME},
                                               {"last seen", "last_seen", CELL_TIME},
                                               {"subject", "subject", CELL_TEXT},
                                               {"issuer", "issuer", CELL_TEXT},
                                               {"revoked", "revoked", CELL_TEXT},
                                               {"serial", "serial", CELL_TEXT},
                                               {"valid from", "not_before", CELL_TIME},
                                               {"fingerprint", "fingerprint", CELL_TEXT},
                                               {"first seen", "first_seen", CELL_TIME},
                                               {"declared", "declared", CELL_LIST},
                                               {NULL, NULL, CELL_TEXT}};

/* In the order of both lists of columns, but for what only a record has. */
static void fill(void *context, const struct pubkey *pubkey)
{
    struct table *table = context;
    char *issuer = certificate_issuer(pubkey->certificate);
    char *subject = certificate_subject(pubkey->certificate);
    char *serial = certificate_serial(pubkey->certificate);
    table_integer(table, pubkey->id);
    table_list(table, pubkey->addresses, pubkey->address_count);
    table_text(table, pubkey_source_name(pubkey->source));
    table_boolean(table, pubkey->pinned);
    table_time(table, certificate_not_after(pubkey->certificate));
    table_time(table, pubkey->last_seen);
    table_text(table, subject);
    table_text(table, issuer);
    table_text(table, pubkey->revoked);
    table_text(table, serial);
    table_time(table, certificate_not_before(pubkey->certificate));
    table_text(table, pubkey->fingerprint);
    table_time(table, pubkey->first_seen);
    OPENSSL_free(issuer);
    OPENSSL_free(subject);
    OPENSSL_free(serial);
}

int pubkey_list_command(struct context *context)
{
    struct pubkey_filter filter = {0};
    struct table *table = NULL;
    char *why = NULL, *address = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        goto out;
    }
    if (context->word_count > 0 && !(address = canonical_argument(context->words[0]))) {
        goto out;
    }
    filter.address = address;
    table = table_new(list_columns);
    if (table && store_pubkey_each(context->store, &filter, fill, table, &why) != STORE_OK) {
        tell_error("the public keys cannot be listed: %s", why_text(&why));
        goto out;
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the public keys cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    free(address);
    why_free(&why);
    return code;
}

static int64_t named_by_id(struct context *context, int64_t id, X509 **certificate_out)
{
    struct pubkey_list list = {0};
    char *why = NULL;
    int64_t found = 0;
    enum store_status status = store_pubkey_get(context->store, id, &list, &why);
    if (status == STORE_NONE) {
        tell_error("there is no public key with the id %lld", (long long)id);
        tell_next("Ids are listed by: smimectl pubkey list");
    } else if (status != STORE_OK) {
        tell_error("the public keys cannot be read: %s", why_text(&why));
    } else if (X509_up_ref(list.items[0].certificate) == 1) {
        *certificate_out = list.items[0].certificate;
        found = id;
    }
    pubkey_list_clear(&list);
    why_free(&why);
    return found;
}

/* The id of `certificate` among those for `address`. */
static int64_t id_of(struct context *context, const char *address, X509 *certificate)
{
    struct pubkey_list list = {0};
    char *why = NULL;
    int64_t found = 0;
    if (store_pubkey_list(context->store, address, &list, &why) != STORE_OK) {
        tell_error("the public keys cannot be read: %s", why_text(&why));
    }
    for (size_t i = 0; i < list.count && !found; i++) {
        if (X509_cmp(list.items[i].certificate, certificate) == 0) {
            found = list.items[i].id;
        }
    }
    pubkey_list_clear(&list);
    why_free(&why);
    return found;
}

static int64_t named_by_address(struct context *context, const char *text, X509 **certificate_out)
{
    char *why = NULL;
    int64_t found = 0;
    char *address = canonical_argument(text);
    if (!address) {
        return 0;
    }
    enum store_status status = store_encryption_certificate(context->store, address, context->now,
                                                            certificate_out, NULL, &why);
    if (status == STORE_NONE) {
        tell_error("there is no public key for %s that is valid now", address);
        tell_next("Expired ones are listed by \"smimectl pubkey list %s\" and named by id.",
                  address);
    } else if (status != STORE_OK) {
        tell_error("%s: %s", address, why_text(&why));
    } else {
        found = id_of(context, address, *certificate_out);
    }
    if (!found) {
        X509_free(*certificate_out);
        *certificate_out = NULL;
    }
    free(address);
    why_free(&why);
    return found;
}

int64_t pubkey_named(struct context *context, X509 **certificate_out)
{
    const char *word = context->words[0];
    int64_t id = 0;
    *certificate_out = NULL;
    return id_argument(word, &id) == 0 ? named_by_id(context, id, certificate_out)
                                       : named_by_address(context, word, certificate_out);
}

int pubkey_show_command(struct context *context)
{
    struct pubkey_list list = {0};
    struct declared declared = {.count = 0};
    X509 *certificate = NULL;
    struct table *table = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        goto out;
    }
    int64_t id = pubkey_named(context, &certificate);
    if (!id) {
        goto out;
    }
    if (store_pubkey_get(context->store, id, &list, &why) != STORE_OK) {
        tell_error("the public key cannot be read: %s", why_text(&why));
        goto out;
    }
    if (declared_read(context, &list.items[0], &declared)) {
        goto out;
    }
    table = table_new(record_columns);
    if (table) {
        fill(table, &list.items[0]);
        table_list(table, declared.names, declared.count);
    }
    if (!table || table_print_record(table, context->json, stdout)) {
        tell_error("the public key cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    declared_clear(&declared);
    pubkey_list_clear(&list);
    X509_free(certificate);
    why_free(&why);
    return code;
}

/* ---- pending ---- */

static const struct column pending_columns[] = {{"ID", "id", CELL_INTEGER},
                                                {"ADDRESS", "address", CELL_TEXT},
                                                {"STATE", "state", CELL_TEXT},
                                                {"EXPIRES", "not_after", CELL_TIME},
                                                {"LAST SEEN", "last_seen", CELL_TIME},
                                                {"SUBJECT", "subject", CELL_TEXT},
                                                {"ISSUER", "issuer", CELL_TEXT},
                                                {NULL, "serial", CELL_TEXT},
                                                {NULL, "not_before", CELL_TIME},
                                                {NULL, "fingerprint", CELL_TEXT},
                                                {NULL, "first_seen", CELL_TIME},
                                                {NULL, NULL, CELL_TEXT}};

static void fill_pending(struct table *table, const struct candidate *candidate)
{
    char *issuer = certificate_issuer(candidate->certificate);
    char *subject = certificate_subject(candidate->certificate);
    char *serial = certificate_serial(candidate->certificate);
    table_integer(table, candidate->id);
    table_text(table, candidate->address);
    table_text(table, candidate->rejected ? "rejected" : "pending");
    table_time(table, certificate_not_after(candidate->certificate));
    table_time(table, candidate->last_seen);
    table_text(table, subject);
    table_text(table, issuer);
    table_text(table, serial);
    table_time(table, certificate_not_before(candidate->certificate));
    table_text(table, candidate->fingerprint);
    table_time(table, candidate->first_seen);
    OPENSSL_free(issuer);
    OPENSSL_free(subject);
    OPENSSL_free(serial);
}

int pubkey_pending_command(struct context *context)
{
    bool rejected = argument_given(context->arguments, OPTION_REJECTED);
    struct candidate_list list = {0};
    struct table *table = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        goto out;
    }
    if (store_candidate_list(context->store, &list, &why) != STORE_OK) {
        tell_error("the pending public keys cannot be listed: %s", why_text(&why));
        goto out;
    }
    table = table_new(pending_columns);
    for (size_t i = 0; table && i < list.count; i++) {
        if (list.items[i].rejected == rejected) {
            fill_pending(table, &list.items[i]);
        }
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the pending public keys cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    candidate_list_clear(&list);
    why_free(&why);
    return code;
}
