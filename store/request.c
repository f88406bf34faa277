/* Requests: new keys that wait for their certificate. */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "audit.h"
#include "handle.h"
#include "mailbox.h"
#include "request.h"
#include "why.h"

static const struct change all = {.effect = CHANGE_ALL};

/* The state of the mailbox, and whether a request is pending. */
static enum store_status read_state(struct sql *sql, const char *address, int64_t *mailbox_out,
                                    int64_t *pending_out, char **why)
{
    enum store_status status = mailbox_id_needed(sql, address, mailbox_out, why);
    if (status == STORE_OK) {
        status = sql_integer(sql, "SELECT count(*) FROM key_request WHERE mailbox = ?1",
                             SQL_VALUES(SQL_INT(*mailbox_out)), pending_out, why);
    }
    return status;
}

static enum store_status set_state(struct sql *sql, int64_t mailbox, enum mailbox_state from,
                                   enum mailbox_state to, char **why)
{
    return sql_run(sql, "UPDATE mailbox SET state = ?3 WHERE id = ?1 AND state = ?2",
                   SQL_VALUES(SQL_INT(mailbox), SQL_INT(from), SQL_INT(to)), why);
}

/* ---- Making ---- */

enum store_status request_insert(struct sql *sql, const char *address, const struct blob *sealed,
                                 const struct blob *csr, bool replace, time_t now, char **why)
{
    int64_t mailbox = 0;
    int64_t pending = 0;
    enum store_status status = read_state(sql, address, &mailbox, &pending, why);
    if (status == STORE_OK && pending > 0 && !replace) {
        why_set(why, "a request is pending already for %s", address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = enrolment_delete(sql, mailbox, why);
    }
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "INSERT OR REPLACE INTO key_request (mailbox, pkcs8, csr, made)"
                         " VALUES (?1, ?2, ?3, ?4)",
                         SQL_VALUES(SQL_INT(mailbox), SQL_BLOB(sealed->start, sealed->length),
                                    SQL_BLOB(csr->start, csr->length), SQL_INT(now)),
                         why);
    }
    if (status == STORE_OK) {
        status = set_state(sql, mailbox, MAILBOX_INACTIVE, MAILBOX_ACTIVATING, why);
    }
    return status;
}

enum store_status store_request_put(struct store *store, const char *address, EVP_PKEY *key,
                                    const unsigned char *csr, size_t length, bool replace,
                                    time_t now, char **why)
{
    struct blob sealed = {NULL, 0};
    const struct blob request = {(unsigned char *)(uintptr_t)csr, length};
    enum store_status status =
        secret_seal_key(&store->secret, key, &sealed.start, &sealed.length, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status == STORE_OK) {
        status = request_insert(store->sql, address, &sealed, &request, replace, now, why);
        if (status == STORE_OK) {
            status = audit_record(store, "certificate requested", address, why, "%s",
                                  replace ? "in the place of a former request, if any" : "");
        }
        status = change_end(store, status, &all, why);
    }
    OPENSSL_free(sealed.start);
    return status;
}

/* ---- Finding ---- */

static enum store_status read_request(struct sql *sql, const char *address, struct blob *sealed,
                                      struct blob *csr, char **why)
{
    int64_t mailbox = 0;
    sqlite3_stmt *row = NULL;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = sql_query(sql, "SELECT pkcs8, csr FROM key_request WHERE mailbox = ?1",
                           SQL_VALUES(SQL_INT(mailbox)), &row, why);
    }
    if (status == STORE_OK) {
        sealed->start = sql_blob(row, 0, &sealed->length, why);
        csr->start = sealed->start ? sql_blob(row, 1, &csr->length, why) : NULL;
        status = csr->start ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status;
}

enum store_status store_request_find(struct store *store, const char *address,
                                     unsigned char **csr_out, size_t *length_out,
                                     EVP_PKEY **key_out, char **why)
{
    struct blob sealed = {NULL, 0};
    struct blob csr = {NULL, 0};
    *csr_out = NULL;
    *length_out = 0;
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_request(store->sql, address, &sealed, &csr, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status == STORE_OK && key_out) {
        status = secret_open_key(&store->secret, sealed.start, sealed.length, key_out, why);
    }
    if (status == STORE_OK) {
        *csr_out = csr.start;
        *length_out = csr.length;
        csr.start = NULL;
    }
    free(sealed.start);
    free(csr.start);
    return status;
}

/* ---- Withdrawing ---- */

enum store_status request_delete(struct sql *sql, int64_t mailbox, char **why)
{
    enum store_status status = sql_run(sql, "DELETE FROM key_request WHERE mailbox = ?1",
                                       SQL_VALUES(SQL_INT(mailbox)), why);
    if (status == STORE_OK) {
        status = set_state(sql, mailbox, MAILBOX_ACTIVATING, MAILBOX_INACTIVE, why);
    }
    return status;
}

static enum store_status withdraw(struct sql *sql, const char *address, char **why)
{
    int64_t mailbox = 0;
    int64_t pending = 0;
    enum store_status status = read_state(sql, address, &mailbox, &pending, why);
    if (status == STORE_OK && pending == 0) {
        why_set(why, "no request is pending for %s", address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = enrolment_delete(sql, mailbox, why);
    }
    return status == STORE_OK ? request_delete(sql, mailbox, why) : status;
}

enum store_status store_request_withdraw(struct store *store, const char *address, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = withdraw(store->sql, address, why);
    if (status == STORE_OK) {
        status = audit_record(store, "request withdrawn", address, why, "%s", "");
    }
    return change_end(store, status, &all, why);
}
