/* Which certificates of the store are known to be revoked, and which are in use. */
#include <stdlib.h>

#include "certificate.h"
#include "handle.h"
#include "revocation.h"
#include "revoked.h"

void revoked_list_clear(struct revoked_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        X509_free(list->items[i].certificate);
        free(list->items[i].sentence);
    }
    free(list->items);
    *list = (struct revoked_list){NULL, 0};
}

enum store_status revoked_key(struct sql *sql, const char *address, time_t now, char **out,
                              char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT r.sentence FROM pubkey_address a JOIN pubkey p ON p.id = a.pubkey"
                  " JOIN certificate c ON c.id = p.certificate"
                  " JOIN revoked r ON r.certificate = c.id"
                  " WHERE a.address = ?1 AND c.not_after >= ?2 ORDER BY c.not_before DESC LIMIT 1",
                  SQL_VALUES(SQL_TEXT(address), SQL_INT(now)), &row, why);
    if (status == STORE_OK) {
        *out = sql_text(row, 0, why);
        status = *out ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status;
}

/* ---- Marking ---- */

enum store_status store_revoked_mark(struct store *store, X509 *certificate, time_t revoked_at,
                                     int reason, const char *sentence, time_t now,
                                     bool *changed_out, char **why)
{
    int64_t row = 0;
    bool changed = false;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = certificate_find(store->sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_run(store->sql,
                         "INSERT INTO revoked (certificate, revoked_at, reason, sentence, noted)"
                         " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                         SQL_VALUES(SQL_INT(row), SQL_INT(revoked_at), SQL_INT(reason),
                                    SQL_TEXT(sentence), SQL_INT(now)),
                         why);
        changed = status == STORE_OK && sql_changes(store->sql) > 0;
    }
    if (changed) {
        status = audit_certificate_row(store, "certificate found revoked", sentence, 0, row, why);
    }
    struct change change = {.effect = changed ? CHANGE_ALL : CHANGE_NOTHING};
    status = change_end(store, status, &change, why);
    if (changed_out) {
        *changed_out = changed && status == STORE_OK;
    }
    return status;
}

enum store_status store_revoked_unmark(struct store *store, X509 *certificate, char **why)
{
    int64_t row = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = certificate_find(store->sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_run(store->sql, "DELETE FROM revoked WHERE certificate = ?1",
                         SQL_VALUES(SQL_INT(row)), why);
    }
    if (status == STORE_OK && sql_changes(store->sql) == 0) {
        status = STORE_NONE;
    }
    if (status == STORE_OK) {
        status = audit_certificate_row(store, "certificate is no longer on hold", "", 0, row, why);
    }
    struct change change = {.effect = status == STORE_OK ? CHANGE_ALL : CHANGE_NOTHING};
    return change_end(store, status, &change, why);
}

enum store_status store_revoked_key(struct store *store, const char *address, time_t now,
                                    char **sentence_out, char **why)
{
    *sentence_out = NULL;
    enum store_status status = sql_lock(store->sql, why);
    if (status == STORE_OK) {
        status = revoked_key(store->sql, address, now, sentence_out, why);
        sql_unlock(store->sql);
    }
    return status;
}

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct revoked_list *list = context;
    struct revoked_certificate *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        return store_no_memory(why);
    }
    list->items = items;
    struct revoked_certificate *item = &items[list->count++];
    *item = (struct revoked_certificate){
        .revoked_at = sqlite3_column_int64(row, 1),
        .reason = sqlite3_column_int(row, 2),
        .sentence = sql_text(row, 3, why),
    };
    return item->sentence ? certificate_column(row, 0, &item->certificate, why) : STORE_ERROR;
}

enum store_status store_revoked_list(struct store *store, struct revoked_list *out, char **why)
{
    *out = (struct revoked_list){NULL, 0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_each(store->sql,
                      "SELECT c.der, r.revoked_at, r.reason, r.sentence FROM revoked r"
                      " JOIN certificate c ON c.id = r.certificate ORDER BY r.certificate",
                      SQL_NO_VALUES, push, out, why);
    sql_unlock(store->sql);
    if (status == STORE_ERROR) {
        revoked_list_clear(out);
    }
    return status;
}

/* ---- In use ---- */

static enum store_status take(sqlite3_stmt *row, STACK_OF(X509) * out, int64_t *last_out,
                              char **why)
{
    X509 *certificate = NULL;
    *last_out = sqlite3_column_int64(row, 0);
    enum store_status status = certificate_column(row, 1, &certificate, why);
    if (status == STORE_OK && sk_X509_push(out, certificate) <= 0) {
        X509_free(certificate);
        status = store_no_memory(why);
    }
    return status;
}

static enum store_status query(struct sql *sql, bool pubkeys, time_t now, int64_t after,
                               size_t limit, sqlite3_stmt **row, char **why)
{
    if (pubkeys) {
        return sql_query(sql,
                         "SELECT c.id, c.der FROM pubkey p JOIN certificate c"
                         " ON c.id = p.certificate WHERE p.certificate > ?1"
                         " AND c.not_before <= ?2 AND c.not_after >= ?2 AND NOT EXISTS"
                         " (SELECT 1 FROM revoked r WHERE r.certificate = c.id)"
                         " ORDER BY p.certificate LIMIT ?3",
                         SQL_VALUES(SQL_INT(after), SQL_INT(now), SQL_INT((int64_t)limit)), row,
                         why);
    }
    return sql_query(sql,
                     "SELECT DISTINCT c.id, c.der FROM mailbox m"
                     " JOIN private_key k ON k.id = m.signing_key"
                     " JOIN certificate c ON c.id = k.certificate WHERE m.state = 2 AND c.id > ?1"
                     " AND c.not_before <= ?2 AND c.not_after >= ?2 AND NOT EXISTS"
                     " (SELECT 1 FROM revoked r WHERE r.certificate = c.id)"
                     " ORDER BY c.id LIMIT ?3",
                     SQL_VALUES(SQL_INT(after), SQL_INT(now), SQL_INT((int64_t)limit)), row, why);
}

enum store_status store_certificates_in_use(struct store *store, bool pubkeys, time_t now,
                                            int64_t after, size_t limit, STACK_OF(X509) * *out,
                                            int64_t *last_out, char **why)
{
    sqlite3_stmt *row = NULL;
    *last_out = 0;
    *out = sk_X509_new_null();
    if (!*out) {
        return store_no_memory(why);
    }
    enum store_status status = sql_lock(store->sql, why);
    if (status == STORE_OK) {
        status = query(store->sql, pubkeys, now, after, limit, &row, why);
        while (status == STORE_OK) {
            status = take(row, *out, last_out, why);
            if (status == STORE_OK) {
                status = sql_next(store->sql, row, why);
            }
        }
        sql_done(row);
        sql_unlock(store->sql);
    }
    if (status == STORE_ERROR) {
        sk_X509_pop_free(*out, X509_free);
        *out = NULL;
        return status;
    }
    if ((size_t)sk_X509_num(*out) < limit) {
        *last_out = 0;
    }
    return STORE_OK;
}

enum store_status store_chain_certificates(struct store *store, STACK_OF(X509) * *out, char **why)
{
    struct blobs blobs = {NULL, 0};
    *out = NULL;
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_blobs(store->sql,
                       "SELECT c.der FROM certificate c WHERE c.id IN"
                       " (SELECT certificate FROM key_chain)",
                       SQL_NO_VALUES, &blobs, why);
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        status = certificate_parse_all(&blobs, out, why);
    }
    blobs_clear(&blobs);
    return status;
}

enum store_status store_has_evidence(struct store *store, X509 *certificate, bool *out, char **why)
{
    int ok = 0;
    int64_t found = 0;
    int64_t issuer = (int64_t)X509_NAME_hash_ex(X509_get_issuer_name(certificate), NULL, NULL, &ok);
    char *fingerprint = NULL;
    *out = false;
    enum store_status status =
        ok ? certificate_fingerprint(certificate, &fingerprint, why) : store_no_memory(why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
        if (status == STORE_OK) {
            status = sql_integer(store->sql,
                                 "SELECT EXISTS (SELECT 1 FROM crl WHERE issuer_hash = ?1)"
                                 " OR EXISTS (SELECT 1 FROM ocsp_answer WHERE fingerprint = ?2)",
                                 SQL_VALUES(SQL_INT(issuer), SQL_TEXT(fingerprint)), &found, why);
            sql_unlock(store->sql);
        }
    }
    *out = found != 0;
    free(fingerprint);
    return status;
}
