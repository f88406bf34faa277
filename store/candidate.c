/* Certificates from signed mail that wait for an administrator, and those he rejected.
 *
 * They stand in a table of their own: no look-up for encryption can come upon them. */
#include <stdlib.h>

#include "cert_use.h"
#include "certificate.h"
#include "handle.h"
#include "pubkey.h"
#include "why.h"

/* Waiting certificates kept of one address. Who signs with a new one each day must not fill the
 * store; the one not seen for the longest time goes. */
#define CANDIDATE_MAX_PER_ADDRESS 32

/* ---- Rows ---- */

enum store_status candidate_is_rejected(struct sql *sql, X509 *certificate, bool *out, char **why)
{
    int64_t row = 0;
    int64_t rejected = 0;
    *out = false;
    enum store_status status = certificate_find(sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_integer(sql, "SELECT rejected FROM candidate WHERE certificate = ?1",
                             SQL_VALUES(SQL_INT(row)), &rejected, why);
    }
    *out = status == STORE_OK && rejected;
    return status;
}

static enum store_status trim(struct sql *sql, const char *address, char **why)
{
    int64_t oldest = 0;
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT certificate FROM candidate WHERE address = ?1"
                             " AND rejected = 0 ORDER BY last_seen DESC, id DESC LIMIT 1 OFFSET ?2",
                             SQL_VALUES(SQL_TEXT(address), SQL_INT(CANDIDATE_MAX_PER_ADDRESS)),
                             &oldest, why);
        if (status == STORE_OK) {
            status = sql_run(sql, "DELETE FROM candidate WHERE certificate = ?1",
                             SQL_VALUES(SQL_INT(oldest)), why);
        }
        if (status == STORE_OK) {
            status = certificate_drop_unused(sql, oldest, why);
        }
    }
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status candidate_put(struct sql *sql, const char *address, X509 *certificate, time_t now,
                                bool *added_out, char **why)
{
    int64_t row = 0;
    *added_out = false;
    enum store_status status = certificate_put(sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_run(sql, "UPDATE candidate SET last_seen = ?2 WHERE certificate = ?1",
                         SQL_VALUES(SQL_INT(row), SQL_INT(now)), why);
    }
    if (status != STORE_OK || sql_changes(sql) > 0) {
        return status;
    }
    *added_out = true;
    status = sql_run(sql,
                     "INSERT INTO candidate (certificate, address, first_seen, last_seen)"
                     " VALUES (?1, ?2, ?3, ?3)",
                     SQL_VALUES(SQL_INT(row), SQL_TEXT(address), SQL_INT(now)), why);
    return status == STORE_OK ? trim(sql, address, why) : status;
}

enum store_status candidate_forget(struct sql *sql, X509 *certificate, char **why)
{
    int64_t row = 0;
    enum store_status status = certificate_find(sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_run(sql, "DELETE FROM candidate WHERE certificate = ?1",
                         SQL_VALUES(SQL_INT(row)), why);
    }
    return status == STORE_NONE ? STORE_OK : status;
}

/* ---- Deciding ---- */

struct decision_row {
    char *address;
    X509 *certificate;
    bool rejected;
};

static void decision_row_clear(struct decision_row *row)
{
    free(row->address);
    X509_free(row->certificate);
}

static enum store_status find(struct sql *sql, int64_t id, struct decision_row *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT k.address, k.rejected, c.der FROM candidate k"
                  " JOIN certificate c ON c.id = k.certificate WHERE k.id = ?1",
                  SQL_VALUES(SQL_INT(id)), &row, why);
    if (status == STORE_OK) {
        out->address = sql_text(row, 0, why);
        out->rejected = sqlite3_column_int(row, 1) != 0;
        status = out->address ? certificate_column(row, 2, &out->certificate, why) : STORE_ERROR;
    } else if (status == STORE_NONE) {
        why_set(why, "no certificate with the id %lld waits for approval", (long long)id);
        status = STORE_REFUSED;
    }
    sql_done(row);
    return status;
}

/* Whoever approves a certificate wants it to be used. */
static enum store_status prefer(struct store *store, const char *address, X509 *certificate,
                                time_t now, char **why)
{
    int64_t id = 0;
    enum store_status status = certificate_find(store->sql, certificate, &id, why);
    return status == STORE_OK ? preference_put(store->sql, address, id, now, why) : status;
}

static enum store_status approve(struct store *store, const char *address, X509 *certificate,
                                 time_t now, int64_t *pubkey_out, char **why)
{
    struct cert_addresses addresses;
    enum pubkey_write write = PUBKEY_UNCHANGED;
    if (cert_check_use(certificate, CERT_USE_ENCRYPT, now, why) != 0) {
        return STORE_REFUSED;
    }
    if (cert_addresses(certificate, &addresses) != 0) {
        return store_no_memory(why);
    }
    enum store_status status = pubkey_put(store->sql, certificate, &addresses, PUBKEY_HARVESTED,
                                          now, pubkey_out, &write, why);
    if (status == STORE_OK) {
        status = candidate_forget(store->sql, certificate, why);
    }
    if (status == STORE_OK) {
        status = prefer(store, address, certificate, now, why);
    }
    if (status == STORE_OK) {
        status = pubkey_audit(store, "public key approved", *pubkey_out, why);
    }
    cert_addresses_clear(&addresses);
    return status;
}

enum store_status store_candidate_approve(struct store *store, int64_t id, time_t now,
                                          int64_t *pubkey_out, char **why)
{
    struct decision_row row = {0};
    int64_t pubkey = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = find(store->sql, id, &row, why);
    if (status == STORE_OK) {
        status = approve(store, row.address, row.certificate, now, &pubkey, why);
    }
    status = change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
    if (status == STORE_OK && pubkey_out) {
        *pubkey_out = pubkey;
    }
    decision_row_clear(&row);
    return status;
}

/* What a directory has of it is not wanted either. */
static enum store_status drop_from_directories(struct store *store, X509 *certificate,
                                               bool *dropped_out, char **why)
{
    int64_t pubkey = 0;
    enum store_status status = pubkey_id_of(store->sql, certificate, &pubkey, why);
    if (status == STORE_OK) {
        status = pubkey_is_from_directory(store->sql, pubkey, dropped_out, why);
    }
    if (status == STORE_OK && *dropped_out) {
        status = pubkey_remove(store->sql, pubkey, why);
    }
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status store_candidate_reject(struct store *store, int64_t id, char **why)
{
    struct decision_row row = {0};
    bool dropped = false;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = find(store->sql, id, &row, why);
    if (status == STORE_OK && !row.rejected) {
        status = sql_run(store->sql, "UPDATE candidate SET rejected = 1 WHERE id = ?1",
                         SQL_VALUES(SQL_INT(id)), why);
        if (status == STORE_OK) {
            status = audit_certificate(store, "public key rejected", row.address, id,
                                       row.certificate, why);
        }
        if (status == STORE_OK) {
            status = drop_from_directories(store, row.certificate, &dropped, why);
        }
    }
    struct change change = {.effect = dropped ? CHANGE_ALL : CHANGE_NOTHING};
    status = change_end(store, status, &change, why);
    decision_row_clear(&row);
    return status;
}

/* ---- Listing ---- */

void candidate_list_clear(struct candidate_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].address);
        free(list->items[i].fingerprint);
        X509_free(list->items[i].certificate);
    }
    free(list->items);
    *list = (struct candidate_list){NULL, 0};
}

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct candidate_list *list = context;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct candidate *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    struct candidate *item = &list->items[list->count++];
    *item = (struct candidate){
        .id = sqlite3_column_int64(row, 0),
        .address = sql_text(row, 1, why),
        .rejected = sqlite3_column_int(row, 2) != 0,
        .first_seen = sqlite3_column_int64(row, 3),
        .last_seen = sqlite3_column_int64(row, 4),
        .fingerprint = sql_text(row, 5, why),
    };
    return item->address && item->fingerprint ? certificate_column(row, 6, &item->certificate, why)
                                              : STORE_ERROR;
}

enum store_status store_candidate_list(struct store *store, struct candidate_list *out, char **why)
{
    *out = (struct candidate_list){NULL, 0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_each(store->sql,
                      "SELECT k.id, k.address, k.rejected, k.first_seen, k.last_seen,"
                      " c.fingerprint, c.der FROM candidate k"
                      " JOIN certificate c ON c.id = k.certificate ORDER BY k.id",
                      SQL_NO_VALUES, push, out, why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        candidate_list_clear(out);
    }
    return status;
}
