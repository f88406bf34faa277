/* OCSP answers, kept by the certificate that they are about, be it in the store or not. */
#include <stdlib.h>

#include "certificate.h"
#include "handle.h"
#include "revocation.h"
#include "why.h"

static enum store_status put(struct sql *sql, const char *fingerprint, const unsigned char *der,
                             size_t length, time_t until, time_t now, char **why)
{
    enum store_status status = sql_run(
        sql,
        "INSERT INTO ocsp_answer (fingerprint, der, fetched, until) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (fingerprint) DO UPDATE SET der = excluded.der,"
        " fetched = excluded.fetched, until = excluded.until",
        SQL_VALUES(SQL_TEXT(fingerprint), SQL_BLOB(der, length), SQL_INT(now), SQL_INT(until)),
        why);
    if (status == STORE_OK) {
        status =
            sql_run(sql, "DELETE FROM ocsp_answer WHERE until < ?1", SQL_VALUES(SQL_INT(now)), why);
    }
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "DELETE FROM ocsp_answer WHERE fingerprint IN (SELECT fingerprint"
                         " FROM ocsp_answer ORDER BY fetched DESC LIMIT -1 OFFSET ?1)",
                         SQL_VALUES(SQL_INT(OCSP_MAX_ANSWERS)), why);
    }
    return status;
}

enum store_status store_ocsp_put(struct store *store, X509 *certificate, const unsigned char *der,
                                 size_t length, time_t until, time_t now, char **why)
{
    char *fingerprint = NULL;
    if (length > OCSP_MAX_ANSWER_BYTES) {
        why_set(why, "the OCSP answer is larger than %d bytes", OCSP_MAX_ANSWER_BYTES);
        return STORE_REFUSED;
    }
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
        if (status == STORE_OK) {
            audit_nothing(store);
            status = put(store->sql, fingerprint, der, length, until, now, why);
            status = change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
        }
    }
    free(fingerprint);
    return status;
}

enum store_status store_ocsp_get(struct store *store, X509 *certificate, time_t now,
                                 unsigned char **der_out, size_t *length_out, time_t *fetched_out,
                                 char **why)
{
    sqlite3_stmt *row = NULL;
    char *fingerprint = NULL;
    *der_out = NULL;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
    }
    if (status != STORE_OK) {
        free(fingerprint);
        return status;
    }
    status = sql_query(store->sql,
                       "SELECT der, fetched FROM ocsp_answer WHERE fingerprint = ?1"
                       " AND until >= ?2",
                       SQL_VALUES(SQL_TEXT(fingerprint), SQL_INT(now)), &row, why);
    if (status == STORE_OK) {
        *fetched_out = sqlite3_column_int64(row, 1);
        *der_out = sql_blob(row, 0, length_out, why);
        status = *der_out ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    sql_unlock(store->sql);
    free(fingerprint);
    return status;
}
