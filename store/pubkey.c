/* Other people's public keys as rows: writing, deleting, pinning. */
#include "pubkey.h"

#include <stdlib.h>

#include "certificate.h"
#include "handle.h"
#include "why.h"

const char *pubkey_source_name(enum pubkey_source source)
{
    switch (source) {
    case PUBKEY_IMPORTED:
        return "imported";
    case PUBKEY_HARVESTED:
        return "harvested";
    case PUBKEY_DIRECTORY:
        return "directory";
    }
    return "unknown";
}

/* ---- Writing ---- */

static enum store_status put_addresses(struct sql *sql, int64_t id,
                                       const struct cert_addresses *addresses, char **why)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < addresses->count; i++) {
        status =
            sql_run(sql, "INSERT OR IGNORE INTO pubkey_address (address, pubkey) VALUES (?1, ?2)",
                    SQL_VALUES(SQL_TEXT(addresses->items[i]), SQL_INT(id)), why);
    }
    return status;
}

static enum store_status insert(struct sql *sql, X509 *certificate,
                                const struct cert_addresses *addresses, enum pubkey_source source,
                                time_t now, int64_t *id_out, char **why)
{
    int64_t row = 0;
    enum store_status status = certificate_put(sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "INSERT INTO pubkey (certificate, source, first_seen, last_seen)"
                         " VALUES (?1, ?2, ?3, ?3)",
                         SQL_VALUES(SQL_INT(row), SQL_INT(source), SQL_INT(now)), why);
    }
    *id_out = sql_last_id(sql);
    return status == STORE_OK ? put_addresses(sql, *id_out, addresses, why) : status;
}

static enum store_status update(struct sql *sql, int64_t id, const struct cert_addresses *addresses,
                                enum pubkey_source source, time_t now, enum pubkey_write *write_out,
                                char **why)
{
    enum store_status status =
        sql_run(sql, "UPDATE pubkey SET source = ?2 WHERE id = ?1 AND source > ?2",
                SQL_VALUES(SQL_INT(id), SQL_INT(source)), why);
    if (status == STORE_OK && sql_changes(sql) > 0) {
        *write_out = PUBKEY_CHANGED;
        /* A directory spoke only for those whom it was asked about. */
        status = put_addresses(sql, id, addresses, why);
    }
    if (status == STORE_OK) {
        status = sql_run(
            sql, "UPDATE pubkey SET last_seen = ?2 WHERE id = ?1 AND last_seen <= ?3",
            SQL_VALUES(SQL_INT(id), SQL_INT(now), SQL_INT(now - PUBKEY_SEEN_INTERVAL_S)), why);
        if (status == STORE_OK && sql_changes(sql) > 0 && *write_out == PUBKEY_UNCHANGED) {
            *write_out = PUBKEY_SEEN;
        }
    }
    return status;
}

enum store_status pubkey_id_of(struct sql *sql, X509 *certificate, int64_t *id_out, char **why)
{
    char *fingerprint = NULL;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT p.id FROM pubkey p JOIN certificate c ON c.id = p.certificate"
                             " WHERE c.fingerprint = ?1",
                             SQL_VALUES(SQL_TEXT(fingerprint)), id_out, why);
    }
    free(fingerprint);
    return status;
}

enum store_status pubkey_is_from_directory(struct sql *sql, int64_t id, bool *out, char **why)
{
    int64_t found = 0;
    enum store_status status = sql_integer(sql, "SELECT 1 FROM pubkey WHERE id = ?1 AND source = 2",
                                           SQL_VALUES(SQL_INT(id)), &found, why);
    *out = status == STORE_OK;
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status pubkey_audit(struct store *store, const char *action, int64_t id, char **why)
{
    sqlite3_stmt *row = NULL;
    int64_t certificate = 0;
    char *addresses = NULL;
    enum store_status status =
        sql_query(store->sql,
                  "SELECT p.certificate, (SELECT group_concat(a.address, ', ')"
                  " FROM pubkey_address a WHERE a.pubkey = p.id) FROM pubkey p WHERE p.id = ?1",
                  SQL_VALUES(SQL_INT(id)), &row, why);
    if (status == STORE_OK) {
        certificate = sqlite3_column_int64(row, 0);
        addresses = sql_text(row, 1, why);
        status = addresses ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    if (status == STORE_OK) {
        status = audit_certificate_row(store, action, addresses, id, certificate, why);
    }
    free(addresses);
    return status;
}

enum store_status pubkey_put(struct sql *sql, X509 *certificate,
                             const struct cert_addresses *addresses, enum pubkey_source source,
                             time_t now, int64_t *id_out, enum pubkey_write *write_out, char **why)
{
    *write_out = PUBKEY_UNCHANGED;
    enum store_status status = pubkey_id_of(sql, certificate, id_out, why);
    if (status == STORE_OK) {
        return update(sql, *id_out, addresses, source, now, write_out, why);
    }
    if (status == STORE_NONE) {
        *write_out = PUBKEY_CHANGED;
        return insert(sql, certificate, addresses, source, now, id_out, why);
    }
    return status;
}

/* ---- Deleting ---- */

enum store_status preference_put(struct sql *sql, const char *address, int64_t certificate,
                                 int64_t declared, char **why)
{
    return sql_run(sql,
                   "INSERT INTO preference (address, certificate, declared) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (address) DO UPDATE"
                   " SET certificate = excluded.certificate, declared = excluded.declared",
                   SQL_VALUES(SQL_TEXT(address), SQL_INT(certificate), SQL_INT(declared)), why);
}

enum store_status pubkey_remove(struct sql *sql, int64_t id, char **why)
{
    int64_t certificate = 0;
    enum store_status status = sql_integer(sql, "SELECT certificate FROM pubkey WHERE id = ?1",
                                           SQL_VALUES(SQL_INT(id)), &certificate, why);
    if (status != STORE_OK) {
        return status;
    }
    /* Capabilities of addresses that nobody can encrypt to any more. */
    status = sql_run(sql,
                     "DELETE FROM capabilities WHERE address IN"
                     " (SELECT a.address FROM pubkey_address a WHERE a.pubkey = ?1 AND NOT EXISTS"
                     " (SELECT 1 FROM pubkey_address b"
                     " WHERE b.address = a.address AND b.pubkey <> ?1))",
                     SQL_VALUES(SQL_INT(id)), why);
    if (status == STORE_OK) {
        status = sql_run(sql, "DELETE FROM pubkey WHERE id = ?1", SQL_VALUES(SQL_INT(id)), why);
    }
    return status == STORE_OK ? certificate_drop_unused(sql, certificate, why) : status;
}

static enum store_status is_pinned(struct sql *sql, int64_t id, int64_t *out, char **why)
{
    enum store_status status = sql_integer(sql, "SELECT pinned FROM pubkey WHERE id = ?1",
                                           SQL_VALUES(SQL_INT(id)), out, why);
    if (status == STORE_NONE) {
        why_set(why, "there is no public key %lld", (long long)id);
        return STORE_REFUSED;
    }
    return status;
}

static enum store_status refuse_pinned(struct sql *sql, int64_t id, char **why)
{
    int64_t pinned = 0;
    enum store_status status = is_pinned(sql, id, &pinned, why);
    if (status == STORE_OK && pinned) {
        why_set(why, "the public key %lld is pinned: unpin it first", (long long)id);
        return STORE_REFUSED;
    }
    return status;
}

enum store_status store_pubkey_delete(struct store *store, int64_t id, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = refuse_pinned(store->sql, id, why);
    if (status == STORE_OK) {
        status = pubkey_audit(store, "public key deleted", id, why);
    }
    if (status == STORE_OK) {
        status = pubkey_remove(store->sql, id, why);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}

/* ---- Pinning ---- */

static enum store_status check_valid(struct sql *sql, int64_t id, time_t now, char **why)
{
    int64_t found = 0;
    enum store_status status =
        sql_integer(sql,
                    "SELECT 1 FROM pubkey p JOIN certificate c ON c.id = p.certificate"
                    " WHERE p.id = ?1 AND c.not_before <= ?2 AND c.not_after >= ?2",
                    SQL_VALUES(SQL_INT(id), SQL_INT(now)), &found, why);
    if (status == STORE_NONE) {
        why_set(why, "the public key %lld is not valid now", (long long)id);
        return STORE_REFUSED;
    }
    return status;
}

/* Two of one address would leave it open which of them is meant. */
static enum store_status refuse_second(struct sql *sql, int64_t id, time_t now, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT p.id, b.address FROM pubkey_address a"
                  " JOIN pubkey_address b ON b.address = a.address AND b.pubkey <> a.pubkey"
                  " JOIN pubkey p ON p.id = b.pubkey JOIN certificate c ON c.id = p.certificate"
                  " WHERE a.pubkey = ?1 AND p.pinned = 1 AND c.not_after >= ?2 LIMIT 1",
                  SQL_VALUES(SQL_INT(id), SQL_INT(now)), &row, why);
    if (status == STORE_OK) {
        const char *address = (const char *)sqlite3_column_text(row, 1);
        why_set(why, "the public key %lld is pinned for %s already: unpin it first",
                (long long)sqlite3_column_int64(row, 0), address ? address : "?");
        status = STORE_REFUSED;
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status set_pinned(struct store *store, int64_t id, bool pin, char **why)
{
    enum store_status status = sql_run(store->sql, "UPDATE pubkey SET pinned = ?2 WHERE id = ?1",
                                       SQL_VALUES(SQL_INT(id), SQL_INT(pin)), why);
    return status == STORE_OK
               ? pubkey_audit(store, pin ? "public key pinned" : "public key unpinned", id, why)
               : status;
}

enum store_status store_pubkey_pin(struct store *store, int64_t id, time_t now, char **why)
{
    int64_t pinned = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = is_pinned(store->sql, id, &pinned, why);
    if (status == STORE_OK && !pinned) {
        status = check_valid(store->sql, id, now, why);
    }
    if (status == STORE_OK && !pinned) {
        status = refuse_second(store->sql, id, now, why);
    }
    if (status == STORE_OK && !pinned) {
        status = set_pinned(store, id, true, why);
    }
    struct change change = {.effect = pinned ? CHANGE_NOTHING : CHANGE_ALL};
    return change_end(store, status, &change, why);
}

enum store_status store_pubkey_unpin(struct store *store, int64_t id, char **why)
{
    int64_t pinned = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = is_pinned(store->sql, id, &pinned, why);
    if (status == STORE_OK && pinned) {
        status = set_pinned(store, id, false, why);
    }
    struct change change = {.effect = pinned ? CHANGE_ALL : CHANGE_NOTHING};
    return change_end(store, status, &change, why);
}
