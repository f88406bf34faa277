/* Certificates as rows of the database. */
#include "certificate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cert_use.h"
#include "why.h"

enum store_status certificate_fingerprint(X509 *certificate, char **out, char **why)
{
    *out = cert_fingerprint(certificate);
    if (!*out) {
        ERR_clear_error();
        why_set(why, "cannot compute the fingerprint of a certificate");
        return STORE_ERROR;
    }
    return STORE_OK;
}

/* The subject as RFC 4514 writes it: a new string, NULL when out of memory. */
static char *subject_text(X509 *certificate)
{
    char *text = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory && X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0,
                                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        char *start = NULL;
        long length = BIO_get_mem_data(memory, &start);
        text = length > 0 ? strndup(start, (size_t)length) : strdup("(no subject)");
    }
    BIO_free(memory);
    return text;
}

enum store_status certificate_describe(X509 *certificate, char **out, char **why)
{
    time_t not_after = 0;
    struct tm day = {0};
    char date[sizeof "2026-01-02"] = "?";
    char *fingerprint = cert_fingerprint(certificate);
    char *subject = subject_text(certificate);
    *out = NULL;
    if (cert_validity(certificate, &(time_t){0}, &not_after) == 0 && gmtime_r(&not_after, &day)) {
        strftime(date, sizeof date, "%Y-%m-%d", &day);
    }
    if (!fingerprint || !subject ||
        asprintf(out, "%s, SHA-256 %s, valid until %s", subject, fingerprint, date) < 0) {
        *out = NULL;
    }
    free(subject);
    free(fingerprint);
    ERR_clear_error();
    if (!*out) {
        why_set(why, "out of memory");
    }
    return *out ? STORE_OK : STORE_ERROR;
}

static enum store_status find(struct sql *sql, const char *fingerprint, int64_t *id_out, char **why)
{
    return sql_integer(sql, "SELECT id FROM certificate WHERE fingerprint = ?1",
                       SQL_VALUES(SQL_TEXT(fingerprint)), id_out, why);
}

enum store_status certificate_find(struct sql *sql, X509 *certificate, int64_t *id_out, char **why)
{
    char *fingerprint = NULL;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = find(sql, fingerprint, id_out, why);
    }
    free(fingerprint);
    return status;
}

static enum store_status insert(struct sql *sql, X509 *certificate, const char *fingerprint,
                                int64_t *id_out, char **why)
{
    unsigned char *der = NULL;
    time_t not_before = 0;
    time_t not_after = 0;
    int length = i2d_X509(certificate, &der);
    if (length <= 0 || cert_validity(certificate, &not_before, &not_after) != 0) {
        OPENSSL_free(der);
        ERR_clear_error();
        why_set(why, "a certificate cannot be written as DER");
        return STORE_ERROR;
    }
    enum store_status status =
        sql_run(sql,
                "INSERT INTO certificate (fingerprint, der, not_before, not_after)"
                " VALUES (?1, ?2, ?3, ?4)",
                SQL_VALUES(SQL_TEXT(fingerprint), SQL_BLOB(der, (size_t)length),
                           SQL_INT(not_before), SQL_INT(not_after)),
                why);
    *id_out = sql_last_id(sql);
    OPENSSL_free(der);
    return status;
}

enum store_status certificate_put(struct sql *sql, X509 *certificate, int64_t *id_out, char **why)
{
    char *fingerprint = NULL;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = find(sql, fingerprint, id_out, why);
    }
    if (status == STORE_NONE) {
        status = insert(sql, certificate, fingerprint, id_out, why);
    }
    free(fingerprint);
    return status;
}

enum store_status certificate_drop_unused(struct sql *sql, int64_t id, char **why)
{
    return sql_run(sql,
                   "DELETE FROM certificate WHERE id = ?1"
                   " AND NOT EXISTS (SELECT 1 FROM private_key WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM key_chain WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM pubkey WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM candidate WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM anchor WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM intermediate WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM ca WHERE certificate = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM ca_certificate WHERE certificate = ?1)",
                   SQL_VALUES(SQL_INT(id)), why);
}

enum store_status certificate_parse(const unsigned char *der, size_t length, X509 **out, char **why)
{
    const unsigned char *at = der;
    *out = length <= LONG_MAX ? d2i_X509(NULL, &at, (long)length) : NULL;
    if (!*out || at != der + length) {
        X509_free(*out);
        *out = NULL;
        ERR_clear_error();
        why_set(why, "a certificate in the store is damaged");
        return STORE_ERROR;
    }
    /* Decodes what OpenSSL would decode at the first use, which may be in two threads at once. */
    X509_check_purpose(*out, -1, 0);
    ERR_clear_error();
    return STORE_OK;
}

enum store_status certificate_column(sqlite3_stmt *row, int column, X509 **out, char **why)
{
    const unsigned char *der = sqlite3_column_blob(row, column);
    return certificate_parse(der, (size_t)sqlite3_column_bytes(row, column), out, why);
}

enum store_status certificate_parse_all(const struct blobs *blobs, STACK_OF(X509) * *out,
                                        char **why)
{
    enum store_status status = STORE_OK;
    *out = NULL;
    STACK_OF(X509) *stack = sk_X509_new_null();
    if (!stack) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    for (size_t i = 0; status == STORE_OK && i < blobs->count; i++) {
        X509 *certificate = NULL;
        status =
            certificate_parse(blobs->items[i].start, blobs->items[i].length, &certificate, why);
        if (status == STORE_OK && sk_X509_push(stack, certificate) <= 0) {
            X509_free(certificate);
            why_set(why, "out of memory");
            status = STORE_ERROR;
        }
    }
    if (status == STORE_OK) {
        *out = stack;
        stack = NULL;
    }
    sk_X509_pop_free(stack, X509_free);
    return status;
}
