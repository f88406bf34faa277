/* CRLs of a CA of one's own (RFC 5280 section 5). */
#include "ca.h"

#include <stdlib.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "audit.h"
#include "ca_profile.h"
#include "ca_rows.h"
#include "handle.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)

/* ---- Entries ---- */

/* RFC 5280 section 5.3.1: "unspecified" is said by saying nothing. */
static int set_reason(X509_REVOKED *entry, enum ca_reason reason)
{
    if (reason == CA_UNSPECIFIED) {
        return 0;
    }
    ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
    int rc = -1;
    if (code && ASN1_ENUMERATED_set(code, (long)reason) == 1 &&
        X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, X509V3_ADD_DEFAULT) == 1) {
        rc = 0;
    }
    ASN1_ENUMERATED_free(code);
    return rc;
}

static int add_entry(X509_CRL *crl, const char *serial, time_t revoked, enum ca_reason reason)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = NULL;
    ASN1_INTEGER *integer = NULL;
    ASN1_TIME *at = ASN1_TIME_set(NULL, revoked);
    int rc = -1;
    if (entry && at && BN_hex2bn(&number, serial) > 0 &&
        (integer = BN_to_ASN1_INTEGER(number, NULL)) != NULL &&
        X509_REVOKED_set_serialNumber(entry, integer) == 1 &&
        X509_REVOKED_set_revocationDate(entry, at) == 1 && set_reason(entry, reason) == 0 &&
        X509_CRL_add0_revoked(crl, entry) == 1) {
        entry = NULL;
        rc = 0;
    }
    X509_REVOKED_free(entry);
    ASN1_TIME_free(at);
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return rc;
}

static enum store_status add_entries(struct sql *sql, int64_t ca, X509_CRL *crl, size_t *count_out,
                                     char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(sql,
                                         "SELECT serial, revoked, reason FROM ca_certificate"
                                         " WHERE ca = ?1 AND revoked IS NOT NULL ORDER BY id",
                                         SQL_VALUES(SQL_INT(ca)), &row, why);
    while (status == STORE_OK) {
        const char *serial = (const char *)sqlite3_column_text(row, 0);
        if (!serial || add_entry(crl, serial, sqlite3_column_int64(row, 1),
                                 (enum ca_reason)sqlite3_column_int(row, 2)) != 0) {
            why_set(why, "OpenSSL cannot make an entry of the CRL");
            status = STORE_ERROR;
        } else {
            (*count_out)++;
            status = sql_next(sql, row, why);
        }
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

/* ---- The list ---- */

static int set_number(X509_CRL *crl, int64_t number)
{
    ASN1_INTEGER *integer = ASN1_INTEGER_new();
    int rc = -1;
    if (integer && ASN1_INTEGER_set_int64(integer, number) == 1 &&
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer, 0, X509V3_ADD_DEFAULT) == 1) {
        rc = 0;
    }
    ASN1_INTEGER_free(integer);
    return rc;
}

static int set_key_identifier(X509_CRL *crl, X509 *issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    int rc = extension && X509_CRL_add_ext(crl, extension, -1) == 1 ? 0 : -1;
    X509_EXTENSION_free(extension);
    return rc;
}

static int set_times(X509_CRL *crl, time_t this_update, time_t next_update)
{
    ASN1_TIME *from = ASN1_TIME_set(NULL, this_update);
    ASN1_TIME *until = ASN1_TIME_set(NULL, next_update);
    int rc = -1;
    if (from && until && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
        X509_CRL_set1_nextUpdate(crl, until) == 1) {
        rc = 0;
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return rc;
}

static enum store_status sign(X509_CRL *crl, const struct ca_signer *signer, struct ca_crl *out,
                              char **why)
{
    X509 *issuer = signer->certificate;
    int length = -1;
    if (X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
        set_times(crl, out->this_update, out->next_update) == 0 &&
        set_key_identifier(crl, issuer) == 0 && set_number(crl, out->number) == 0 &&
        X509_CRL_sort(crl) == 1 &&
        X509_CRL_sign(crl, signer->key, ca_profile_digest(signer->key)) > 0) {
        length = i2d_X509_CRL(crl, &out->der);
    }
    ERR_clear_error();
    if (length <= 0) {
        why_set(why, "OpenSSL cannot make the CRL");
        return STORE_ERROR;
    }
    out->length = (size_t)length;
    return STORE_OK;
}

/* Take the next number. */
static enum store_status count_up(struct sql *sql, int64_t ca, time_t next_update,
                                  int64_t *number_out, char **why)
{
    enum store_status status = sql_run(
        sql, "UPDATE ca SET crl_number = crl_number + 1, crl_next_update = ?2 WHERE id = ?1",
        SQL_VALUES(SQL_INT(ca), SQL_INT(next_update)), why);
    if (status == STORE_OK) {
        status = sql_integer(sql, "SELECT crl_number FROM ca WHERE id = ?1",
                             SQL_VALUES(SQL_INT(ca)), number_out, why);
    }
    return status;
}

/* Inside the transaction, signature included: of two CRLs the one with the greater number is to
 * hold all that the other does. */
static enum store_status make(struct store *store, const struct ca_signer *signer,
                              struct ca_crl *out, char **why)
{
    X509_CRL *crl = X509_CRL_new();
    enum store_status status = crl ? STORE_OK : store_no_memory(why);
    if (status == STORE_OK) {
        status = count_up(store->sql, signer->id, out->next_update, &out->number, why);
    }
    if (status == STORE_OK) {
        status = add_entries(store->sql, signer->id, crl, &out->entries, why);
    }
    if (status == STORE_OK) {
        status = sign(crl, signer, out, why);
    }
    if (status == STORE_OK) {
        status = audit_record(store, "CRL made", "own", why, "CA %lld, number %lld, %zu entries",
                              (long long)signer->id, (long long)out->number, out->entries);
    }
    X509_CRL_free(crl);
    return status;
}

enum store_status store_ca_crl(struct store *store, int64_t ca, int days, time_t now,
                               struct ca_crl *out, char **why)
{
    struct ca_signer signer = {0};
    *out = (struct ca_crl){.this_update = now, .next_update = now + (time_t)days * DAY_S};
    if (days < 1 || days > CA_CRL_MAX_DAYS) {
        why_set(why, "a CRL is valid for 1 to %d days", CA_CRL_MAX_DAYS);
        return STORE_REFUSED;
    }
    enum store_status status = ca_signer_load(store, ca, &signer, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status == STORE_OK) {
        status = make(store, &signer, out, why);
        status = change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
    }
    ca_signer_clear(&signer);
    if (status != STORE_OK) {
        ca_crl_clear(out);
    }
    return status;
}

void ca_crl_clear(struct ca_crl *crl)
{
    OPENSSL_free(crl->der);
    *crl = (struct ca_crl){0};
}
