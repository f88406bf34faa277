/* CRLs: keeping them, handing them out parsed. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "crl.h"
#include "handle.h"
#include "why.h"

#define HASH_BYTES 32 /* SHA-256 */

const char *crl_source_name(enum crl_source source)
{
    return source == CRL_IMPORTED ? "imported" : "fetched";
}

/* ---- What a CRL says of itself ---- */

enum store_status crl_parse(const unsigned char *der, size_t length, X509_CRL **out, char **why)
{
    const unsigned char *at = der;
    *out = length <= LONG_MAX ? d2i_X509_CRL(NULL, &at, (long)length) : NULL;
    if (!*out || at != der + length) {
        X509_CRL_free(*out);
        *out = NULL;
        ERR_clear_error();
        why_set(why, "a CRL in the store is damaged");
        return STORE_ERROR;
    }
    return STORE_OK;
}

static time_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm = {0};
    return time && ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

/* The 32 bits by which OpenSSL looks up names: of their canonical form. */
static enum store_status name_hash(const X509_NAME *name, int64_t *out, char **why)
{
    int ok = 0;
    *out = (int64_t)X509_NAME_hash_ex(name, NULL, NULL, &ok);
    return ok ? STORE_OK : store_no_memory(why);
}

static char *name_text(const X509_NAME *name)
{
    char *text = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory &&
        X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        char *start = NULL;
        long length = BIO_get_mem_data(memory, &start);
        text = strndup(length > 0 ? start : "", length > 0 ? (size_t)length : 0);
    }
    BIO_free(memory);
    return text;
}

static char *number_text(X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    BIGNUM *big = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
    char *hex = big ? BN_bn2hex(big) : NULL;
    char *text = strdup(hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(big);
    ASN1_INTEGER_free(number);
    ERR_clear_error();
    return text;
}

static bool is_delta(X509_CRL *crl)
{
    return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

/* Which CRLs replace each other: signed by one key, of one scope, both complete or both deltas. */
static enum store_status stream_of(X509_CRL *crl, X509 *signer, char out[2 * HASH_BYTES + 1],
                                   char **why)
{
    unsigned char hash[HASH_BYTES];
    unsigned char *key = NULL;
    int key_length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(signer), &key);
    int at = X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1);
    ASN1_OCTET_STRING *scope = at >= 0 ? X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at)) : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const unsigned char delta = is_delta(crl);
    bool made = key_length > 0 && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, &delta, 1) == 1 &&
                EVP_DigestUpdate(context, key, (size_t)key_length) == 1 &&
                (!scope || EVP_DigestUpdate(context, ASN1_STRING_get0_data(scope),
                                            (size_t)ASN1_STRING_length(scope)) == 1) &&
                EVP_DigestFinal_ex(context, hash, NULL) == 1;
    for (size_t i = 0; made && i < HASH_BYTES; i++) {
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    EVP_MD_CTX_free(context);
    OPENSSL_free(key);
    ERR_clear_error();
    return made ? STORE_OK : store_no_memory(why);
}

/* ---- Keeping ---- */

/* A CRL on its way into the database. */
struct incoming {
    X509_CRL *crl;
    X509 *signer;
    const char *url; /* NULL: imported */
    time_t now;
    char stream[2 * HASH_BYTES + 1];
    int64_t issuer_hash;
    char *issuer;
    char *number;
    unsigned char *der;
    int length;
    unsigned char *signer_der;
    int signer_length;
};

static void incoming_clear(struct incoming *incoming)
{
    free(incoming->issuer);
    free(incoming->number);
    OPENSSL_free(incoming->der);
    OPENSSL_free(incoming->signer_der);
}

static enum store_status examine(struct incoming *in, char **why)
{
    EVP_PKEY *key = X509_get0_pubkey(in->signer);
    if (!key || X509_CRL_verify(in->crl, key) != 1) {
        ERR_clear_error();
        why_set(why, "the CRL is not signed by the key of the CA that it names");
        return STORE_REFUSED;
    }
    if (seconds_of(X509_CRL_get0_lastUpdate(in->crl)) == 0) {
        why_set(why, "the CRL does not say when it was made (thisUpdate)");
        return STORE_REFUSED;
    }
    in->issuer = name_text(X509_CRL_get_issuer(in->crl));
    in->number = number_text(in->crl);
    in->length = i2d_X509_CRL(in->crl, &in->der);
    in->signer_length = i2d_X509(in->signer, &in->signer_der);
    if (!in->issuer || !in->number || in->length <= 0 || in->signer_length <= 0) {
        return store_no_memory(why);
    }
    enum store_status status = stream_of(in->crl, in->signer, in->stream, why);
    return status == STORE_OK ? name_hash(X509_CRL_get_issuer(in->crl), &in->issuer_hash, why)
                              : status;
}

/* Below 0, 0 or above 0, as `left` is an older, the same or a newer CRL than `right`. */
static int compare(const char *left_number, time_t left_time, const char *right_number,
                   time_t right_time)
{
    BIGNUM *left = NULL;
    BIGNUM *right = NULL;
    int order = 0;
    if (*left_number && *right_number && BN_hex2bn(&left, left_number) > 0 &&
        BN_hex2bn(&right, right_number) > 0) {
        order = BN_cmp(left, right);
    }
    BN_free(left);
    BN_free(right);
    if (order == 0) {
        order = (left_time > right_time) - (left_time < right_time);
    }
    return order;
}

struct former {
    int64_t id; /* 0: none */
    int order;  /* of the new one, compared with it */
};

static enum store_status find_former(struct sql *sql, const struct incoming *in, struct former *out,
                                     char **why)
{
    sqlite3_stmt *row = NULL;
    *out = (struct former){0, 1};
    enum store_status status =
        sql_query(sql, "SELECT id, number, this_update FROM crl WHERE stream = ?1",
                  SQL_VALUES(SQL_TEXT(in->stream)), &row, why);
    if (status == STORE_OK) {
        const char *number = (const char *)sqlite3_column_text(row, 1);
        out->id = sqlite3_column_int64(row, 0);
        out->order = compare(in->number, seconds_of(X509_CRL_get0_lastUpdate(in->crl)),
                             number ? number : "", sqlite3_column_int64(row, 2));
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status write_row(struct sql *sql, const struct incoming *in, int64_t *id_out,
                                   char **why)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(in->crl);
    int count = sk_X509_REVOKED_num(entries);
    enum store_status status = sql_run(
        sql,
        "INSERT INTO crl (stream, version, issuer_hash, source, delta, issuer, number, url,"
        " this_update, next_update, fetched, entries, bytes, der, signer)"
        " VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
        " ON CONFLICT (stream) DO UPDATE SET version = version + 1,"
        " source = excluded.source, number = excluded.number, url = excluded.url,"
        " this_update = excluded.this_update, next_update = excluded.next_update,"
        " fetched = excluded.fetched, entries = excluded.entries, bytes = excluded.bytes,"
        " der = excluded.der, signer = excluded.signer",
        SQL_VALUES(SQL_TEXT(in->stream), SQL_INT(in->issuer_hash),
                   SQL_INT(in->url ? CRL_FETCHED : CRL_IMPORTED), SQL_INT(is_delta(in->crl)),
                   SQL_TEXT(in->issuer), SQL_TEXT(in->number), SQL_TEXT(in->url ? in->url : ""),
                   SQL_INT(seconds_of(X509_CRL_get0_lastUpdate(in->crl))),
                   SQL_INT(seconds_of(X509_CRL_get0_nextUpdate(in->crl))), SQL_INT(in->now),
                   SQL_INT(count > 0 ? count : 0), SQL_INT(in->length),
                   SQL_BLOB(in->der, (size_t)in->length),
                   SQL_BLOB(in->signer_der, (size_t)in->signer_length)),
        why);
    return status == STORE_OK ? sql_integer(sql, "SELECT id FROM crl WHERE stream = ?1",
                                            SQL_VALUES(SQL_TEXT(in->stream)), id_out, why)
                              : status;
}

/* Too many: of fetched ones the oldest go, but not the one that has just come. */
static enum store_status trim(struct sql *sql, int64_t kept, char **why)
{
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        int64_t oldest = 0;
        int64_t over = 0;
        status = sql_integer(sql, "SELECT count(*) > ?1 OR sum(bytes) > ?2 FROM crl",
                             SQL_VALUES(SQL_INT(CRLS_MAX), SQL_INT(CRLS_MAX_BYTES)), &over, why);
        if (status != STORE_OK || !over) {
            return status;
        }
        status = sql_integer(sql,
                             "SELECT id FROM crl WHERE source = 1 AND id <> ?1"
                             " ORDER BY fetched, id LIMIT 1",
                             SQL_VALUES(SQL_INT(kept)), &oldest, why);
        if (status == STORE_NONE) {
            why_set(why, "more than %d CRLs or %ld bytes of them are not kept: delete some",
                    CRLS_MAX, CRLS_MAX_BYTES);
            return STORE_REFUSED;
        }
        if (status == STORE_OK) {
            status =
                sql_run(sql, "DELETE FROM crl WHERE id = ?1", SQL_VALUES(SQL_INT(oldest)), why);
        }
    }
    return status;
}

static enum store_status put(struct store *store, const struct incoming *in, int64_t *id_out,
                             char **why)
{
    struct former former;
    enum store_status status = find_former(store->sql, in, &former, why);
    if (status != STORE_OK) {
        return status;
    }
    if (former.order < 0) {
        why_set(why, "a newer CRL of this CA is there already (id %lld)", (long long)former.id);
        return STORE_REFUSED;
    }
    if (former.order == 0) {
        *id_out = former.id;
        audit_nothing(store);
        return sql_run(store->sql, "UPDATE crl SET fetched = ?2 WHERE id = ?1",
                       SQL_VALUES(SQL_INT(former.id), SQL_INT(in->now)), why);
    }
    status = write_row(store->sql, in, id_out, why);
    if (status == STORE_OK) {
        status = trim(store->sql, *id_out, why);
    }
    if (status == STORE_OK && in->url) {
        audit_nothing(store); /* fetched again and again */
    } else if (status == STORE_OK) {
        status = audit_record(store, "CRL imported", in->issuer, why, "id %lld, number %s",
                              (long long)*id_out, *in->number ? in->number : "none");
    }
    return status;
}

enum store_status store_crl_put(struct store *store, X509_CRL *crl, X509 *signer, const char *url,
                                time_t now, int64_t *id_out, char **why)
{
    struct incoming in = {.crl = crl, .signer = signer, .url = url, .now = now};
    int64_t id = 0;
    enum store_status status = examine(&in, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
        if (status == STORE_OK) {
            status = put(store, &in, &id, why);
            status = change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
        }
    }
    if (status == STORE_OK && id_out) {
        *id_out = id;
    }
    incoming_clear(&in);
    return status;
}

enum store_status store_crl_delete(struct store *store, int64_t id, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, "SELECT issuer, number FROM crl WHERE id = ?1",
                       SQL_VALUES(SQL_INT(id)), &row, why);
    if (status == STORE_NONE) {
        why_set(why, "there is no CRL %lld", (long long)id);
        status = STORE_REFUSED;
    } else if (status == STORE_OK) {
        status = audit_record(store, "CRL deleted", (const char *)sqlite3_column_text(row, 0), why,
                              "id %lld, number %s", (long long)id, sqlite3_column_text(row, 1));
    }
    sql_done(row);
    if (status == STORE_OK) {
        status = sql_run(store->sql, "DELETE FROM crl WHERE id = ?1", SQL_VALUES(SQL_INT(id)), why);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
}

enum store_status store_crl_signer(struct store *store, int64_t id, X509 **out, char **why)
{
    sqlite3_stmt *row = NULL;
    *out = NULL;
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, "SELECT signer FROM crl WHERE id = ?1", SQL_VALUES(SQL_INT(id)),
                       &row, why);
    if (status == STORE_OK) {
        status = certificate_column(row, 0, out, why);
    }
    sql_done(row);
    sql_unlock(store->sql);
    return status;
}
