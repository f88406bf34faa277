/* Notices of what the store itself sees happen: certificates that came from a CA, and those learned
 * from signed mail. They are noted in the transaction that makes it happen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "cert_use.h"
#include "certificate.h"
#include "enrolment.h"
#include "notice_rows.h"
#include "utf8.h"

#define FORMER_MAX 8         /* certificates named beside a new one */
#define ISSUER_MAX_BYTES 500 /* of a name */
#define ERROR_MAX_BYTES 1000 /* of what a CA said */

/* ---- Enrolments ---- */

struct enrolment_row {
    char *address;
    char *ca;
    char *fingerprint; /* of what signs now; "" if nothing does */
    enum enrolment_kind kind;
    int64_t started;
};

static void enrolment_row_clear(struct enrolment_row *row)
{
    free(row->address);
    free(row->ca);
    free(row->fingerprint);
}

/* Without an error only one that has brought a certificate: a request can be answered by hand, too.
 */
static enum store_status find_enrolment(struct sql *sql, int64_t mailbox, bool failed,
                                        struct enrolment_row *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT m.address, e.ca, c.fingerprint, e.kind, e.started FROM enrolment e"
                  " JOIN mailbox m ON m.id = e.mailbox"
                  " LEFT JOIN private_key k ON k.id = m.signing_key"
                  " LEFT JOIN certificate c ON c.id = k.certificate"
                  " WHERE e.mailbox = ?1 AND (?2 = 1 OR e.received != 0)",
                  SQL_VALUES(SQL_INT(mailbox), SQL_INT(failed ? 1 : 0)), &row, why);
    if (status == STORE_OK) {
        out->address = sql_text(row, 0, why);
        out->ca = sql_text(row, 1, why);
        out->fingerprint = sql_text(row, 2, why);
        out->kind = (enum enrolment_kind)sqlite3_column_int(row, 3);
        out->started = sqlite3_column_int64(row, 4);
        status = out->address && out->ca && out->fingerprint ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status;
}

/* A key update that fails is tried again each day: it is told once for the certificate that it is
 * to follow. */
static char *enrolment_topic(const struct enrolment_row *row, bool failed)
{
    char *topic = NULL;
    int rc = failed && row->kind == ENROLMENT_UPDATE
                 ? asprintf(&topic, "%s %s", row->address, row->fingerprint)
                 : asprintf(&topic, "%s %" PRId64, row->address, row->started);
    return rc < 0 ? NULL : topic;
}

enum store_status notice_of_enrolment(struct store *store, int64_t mailbox, const char *error,
                                      char **why)
{
    struct enrolment_row row = {0};
    struct notice_note note = {.kind = NOTICE_ACTIVATED};
    char *topic = NULL;
    char *detail = NULL;
    if (!notice_is_news(store)) {
        return STORE_OK;
    }
    enum store_status status = find_enrolment(store->sql, mailbox, error != NULL, &row, why);
    if (status != STORE_OK) {
        goto out;
    }
    topic = enrolment_topic(&row, error != NULL);
    if (asprintf(&detail, "%s%s%.*s", row.ca, error ? "\n" : "",
                 error ? (int)utf8_cut(error, strlen(error), ERROR_MAX_BYTES) : 0,
                 error ? error : "") < 0) {
        detail = NULL;
    }
    if (!topic || !detail) {
        status = store_no_memory(why);
        goto out;
    }
    if (row.kind == ENROLMENT_UPDATE) {
        note.kind = error ? NOTICE_NOT_RENEWED : NOTICE_RENEWED;
    } else if (error) {
        note.kind = NOTICE_NOT_ACTIVATED;
    }
    note.topic = topic;
    note.object = row.address;
    note.detail = detail;
    status = notice_put(store->sql, &note, NULL, why);
out:
    enrolment_row_clear(&row);
    free(topic);
    free(detail);
    return status == STORE_NONE ? STORE_OK : status;
}

/* ---- Keys of others ---- */

static char *issuer_text(X509 *certificate)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *start = NULL;
    char *copy = NULL;
    if (memory && X509_NAME_print_ex(memory, X509_get_issuer_name(certificate), 0,
                                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long length = BIO_get_mem_data(memory, &start);
        copy = strndup(start, utf8_cut(start, (size_t)length, ISSUER_MAX_BYTES));
    }
    ERR_clear_error();
    BIO_free(memory);
    return copy;
}

/* What is already there for an address, beside the certificate that has come. */
struct comparison {
    X509 *certificate;
    time_t now;
    bool expected; /* it follows one of the others, or is for the same key */
    size_t count;
    FILE *out; /* a line for each */
};

/* `chosen`: by an administrator, who wants to hear of any other key. */
static bool is_successor(const struct comparison *comparison, X509 *former, bool chosen)
{
    X509 *certificate = comparison->certificate;
    time_t begins = 0;
    time_t ends = 0;
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    const EVP_PKEY *former_key = X509_get0_pubkey(former);
    bool same_key = key && former_key && EVP_PKEY_eq(key, former_key) == 1;
    ERR_clear_error();
    return same_key ||
           (!chosen &&
            X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_issuer_name(former)) == 0 &&
            cert_validity(former, &begins, &ends) == 0 &&
            ends <= comparison->now + NOTICE_RENEWAL_S);
}

static enum store_status compare(void *context, sqlite3_stmt *row, char **why)
{
    struct comparison *comparison = context;
    X509 *former = NULL;
    char *fingerprint = sql_text(row, 1, why);
    char *issuer = NULL;
    enum store_status status = fingerprint ? certificate_column(row, 0, &former, why) : STORE_ERROR;
    if (status == STORE_OK) {
        issuer = issuer_text(former);
        status = issuer ? STORE_OK : store_no_memory(why);
    }
    if (status == STORE_OK) {
        comparison->expected = comparison->expected ||
                               is_successor(comparison, former, sqlite3_column_int(row, 2) != 0);
        if (comparison->count++ < FORMER_MAX) {
            fprintf(comparison->out, "\n%s %s", fingerprint, issuer);
        }
    }
    X509_free(former);
    free(fingerprint);
    free(issuer);
    return status;
}

/* Valid ones that nobody is known to have revoked. */
static enum store_status compare_all(struct sql *sql, const char *address, const char *fingerprint,
                                     struct comparison *comparison, char **why)
{
    return sql_each(sql,
                    "SELECT c.der, c.fingerprint, p.source = 0 OR p.pinned = 1"
                    " FROM pubkey_address a"
                    " JOIN pubkey p ON p.id = a.pubkey JOIN certificate c ON c.id = p.certificate"
                    " WHERE a.address = ?1 AND c.fingerprint <> ?2"
                    " AND c.not_before <= ?3 AND c.not_after >= ?3"
                    " AND NOT EXISTS (SELECT 1 FROM revoked r WHERE r.certificate = c.id)"
                    " ORDER BY p.source, p.id DESC",
                    SQL_VALUES(SQL_TEXT(address), SQL_TEXT(fingerprint), SQL_INT(comparison->now)),
                    compare, comparison, why);
}

/* Compare with what there is for `address`: the detail of a notice. */
static enum store_status describe(struct sql *sql, const char *address, const char *fingerprint,
                                  struct comparison *comparison, char **detail_out, char **why)
{
    size_t length = 0;
    char *issuer = issuer_text(comparison->certificate);
    enum store_status status = STORE_ERROR;
    *detail_out = NULL;
    comparison->expected = false;
    comparison->count = 0;
    comparison->out = open_memstream(detail_out, &length);
    if (!issuer || !comparison->out) {
        store_no_memory(why);
    } else {
        fputs(issuer, comparison->out);
        status = compare_all(sql, address, fingerprint, comparison, why);
    }
    if (comparison->out && fclose(comparison->out) != 0 && status == STORE_OK) {
        status = store_no_memory(why);
    }
    free(issuer);
    return status;
}

static enum store_status note_learned(struct sql *sql, const char *address, const char *fingerprint,
                                      struct comparison *comparison, char **why)
{
    char *detail = NULL;
    char *topic = NULL;
    enum store_status status = describe(sql, address, fingerprint, comparison, &detail, why);
    if (status != STORE_OK || comparison->count == 0 || comparison->expected) {
        goto out;
    }
    if (asprintf(&topic, "%s %s", address, fingerprint) < 0) {
        topic = NULL;
        status = store_no_memory(why);
        goto out;
    }
    status = notice_put(sql,
                        &(struct notice_note){.kind = NOTICE_KEY_CHANGED,
                                              .topic = topic,
                                              .object = address,
                                              .detail = detail,
                                              .fingerprint = fingerprint},
                        NULL, why);
out:
    free(detail);
    free(topic);
    return status;
}

enum store_status notice_of_learned(struct sql *sql, X509 *certificate,
                                    const struct cert_addresses *addresses, time_t now, char **why)
{
    struct comparison comparison = {.certificate = certificate, .now = now};
    char *fingerprint = NULL;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    for (size_t i = 0; status == STORE_OK && i < addresses->count; i++) {
        status = note_learned(sql, addresses->items[i], fingerprint, &comparison, why);
    }
    free(fingerprint);
    return status;
}

enum store_status notice_of_held(struct sql *sql, X509 *certificate, const char *address,
                                 time_t now, char **why)
{
    struct comparison comparison = {.certificate = certificate, .now = now};
    char *fingerprint = NULL;
    char *detail = NULL;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = describe(sql, address, fingerprint, &comparison, &detail, why);
    }
    if (status == STORE_OK) {
        status = notice_put(sql,
                            &(struct notice_note){.kind = NOTICE_KEY_HELD,
                                                  .topic = fingerprint,
                                                  .object = address,
                                                  .detail = detail,
                                                  .fingerprint = fingerprint},
                            NULL, why);
    }
    free(fingerprint);
    free(detail);
    return status;
}
