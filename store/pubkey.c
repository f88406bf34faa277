/* Other people's public keys: importing, listing, deleting. */
#include "pubkey.h"

#include <stdlib.h>

#include "certificate.h"
#include "handle.h"
#include "why.h"

const char *pubkey_source_name(enum pubkey_source source)
{
    return source == PUBKEY_IMPORTED ? "imported" : "harvested";
}

/* ---- Writing ---- */

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
    for (size_t i = 0; status == STORE_OK && i < addresses->count; i++) {
        status = sql_run(sql, "INSERT INTO pubkey_address (address, pubkey) VALUES (?1, ?2)",
                         SQL_VALUES(SQL_TEXT(addresses->items[i]), SQL_INT(*id_out)), why);
    }
    return status;
}

static enum store_status update(struct sql *sql, int64_t id, enum pubkey_source source, time_t now,
                                enum pubkey_write *write_out, char **why)
{
    enum store_status status = STORE_OK;
    if (source == PUBKEY_IMPORTED) {
        status = sql_run(sql, "UPDATE pubkey SET source = 0 WHERE id = ?1 AND source <> 0",
                         SQL_VALUES(SQL_INT(id)), why);
        if (status == STORE_OK && sql_changes(sql) > 0) {
            *write_out = PUBKEY_CHANGED;
        }
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

enum store_status pubkey_put(struct sql *sql, X509 *certificate,
                             const struct cert_addresses *addresses, enum pubkey_source source,
                             time_t now, int64_t *id_out, enum pubkey_write *write_out, char **why)
{
    char *fingerprint = NULL;
    *write_out = PUBKEY_UNCHANGED;
    enum store_status status = certificate_fingerprint(certificate, &fingerprint, why);
    if (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT p.id FROM pubkey p JOIN certificate c ON c.id = p.certificate"
                             " WHERE c.fingerprint = ?1",
                             SQL_VALUES(SQL_TEXT(fingerprint)), id_out, why);
    }
    free(fingerprint);
    if (status == STORE_OK) {
        return update(sql, *id_out, source, now, write_out, why);
    }
    if (status == STORE_NONE) {
        *write_out = PUBKEY_CHANGED;
        return insert(sql, certificate, addresses, source, now, id_out, why);
    }
    return status;
}

enum store_status store_pubkey_import(struct store *store, X509 *certificate, time_t now,
                                      int64_t *id_out, char **why)
{
    struct cert_addresses addresses;
    enum pubkey_write write = PUBKEY_UNCHANGED;
    int64_t id = 0;
    if (cert_check_use(certificate, CERT_USE_ENCRYPT, now, why) != 0) {
        return STORE_REFUSED;
    }
    if (cert_addresses(certificate, &addresses) != 0) {
        return store_no_memory(why);
    }
    enum store_status status = change_begin(store, why);
    if (status == STORE_OK) {
        status =
            pubkey_put(store->sql, certificate, &addresses, PUBKEY_IMPORTED, now, &id, &write, why);
        struct change change = {
            .effect = write == PUBKEY_CHANGED ? CHANGE_ADDRESSES : CHANGE_NOTHING,
            .kind = CACHE_ENCRYPTION,
            .addresses = addresses.items,
            .count = addresses.count,
        };
        status = change_end(store, status, &change, why);
    }
    if (status == STORE_OK && id_out) {
        *id_out = id;
    }
    cert_addresses_clear(&addresses);
    return status;
}

/* ---- Deleting ---- */

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

enum store_status store_pubkey_delete(struct store *store, int64_t id, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = pubkey_remove(store->sql, id, why);
    if (status == STORE_NONE) {
        why_set(why, "there is no public key %lld", (long long)id);
        status = STORE_REFUSED;
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}

/* ---- Listing ---- */

static void clear(struct pubkey *pubkey)
{
    for (size_t i = 0; i < pubkey->address_count; i++) {
        free(pubkey->addresses[i]);
    }
    free(pubkey->addresses);
    X509_free(pubkey->certificate);
    free(pubkey->fingerprint);
    *pubkey = (struct pubkey){0};
}

void pubkey_list_clear(struct pubkey_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct pubkey_list){NULL, 0};
}

static enum store_status push_pubkey(struct pubkey_list *list, sqlite3_stmt *row, char **why)
{
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct pubkey *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    struct pubkey *item = &list->items[list->count++];
    *item = (struct pubkey){
        .id = sqlite3_column_int64(row, 0),
        .source = (enum pubkey_source)sqlite3_column_int(row, 1),
        .first_seen = sqlite3_column_int64(row, 2),
        .last_seen = sqlite3_column_int64(row, 3),
    };
    item->fingerprint = sql_text(row, 4, why);
    return item->fingerprint ? certificate_column(row, 5, &item->certificate, why) : STORE_ERROR;
}

static enum store_status push_address(struct pubkey *pubkey, sqlite3_stmt *row, char **why)
{
    char *address = sql_text(row, 0, why);
    if (!address) {
        return STORE_ERROR;
    }
    char **addresses = realloc(pubkey->addresses, (pubkey->address_count + 1) * sizeof *addresses);
    if (!addresses) {
        free(address);
        return store_no_memory(why);
    }
    pubkey->addresses = addresses;
    addresses[pubkey->address_count++] = address;
    return STORE_OK;
}

static enum store_status read_addresses(struct sql *sql, struct pubkey *pubkey, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql, "SELECT address FROM pubkey_address WHERE pubkey = ?1 ORDER BY address",
                  SQL_VALUES(SQL_INT(pubkey->id)), &row, why);
    while (status == STORE_OK) {
        status = push_address(pubkey, row, why);
        if (status == STORE_OK) {
            status = sql_next(sql, row, why);
        }
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

#define PUBKEY_COLUMNS                                                                             \
    "SELECT p.id, p.source, p.first_seen, p.last_seen, c.fingerprint, c.der"                       \
    " FROM pubkey p JOIN certificate c ON c.id = p.certificate "

static enum store_status list(struct sql *sql, const char *address, struct pubkey_list *out,
                              char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        address ? sql_query(sql,
                            PUBKEY_COLUMNS "JOIN pubkey_address a ON a.pubkey = p.id"
                                           " WHERE a.address = ?1 ORDER BY p.id",
                            SQL_VALUES(SQL_TEXT(address)), &row, why)
                : sql_query(sql, PUBKEY_COLUMNS "ORDER BY p.id", SQL_NO_VALUES, &row, why);
    while (status == STORE_OK) {
        status = push_pubkey(out, row, why);
        if (status == STORE_OK) {
            status = sql_next(sql, row, why);
        }
    }
    sql_done(row);
    status = status == STORE_NONE ? STORE_OK : status;
    for (size_t i = 0; status == STORE_OK && i < out->count; i++) {
        status = read_addresses(sql, &out->items[i], why);
    }
    return status;
}

enum store_status store_pubkey_list(struct store *store, const char *address,
                                    struct pubkey_list *out, char **why)
{
    *out = (struct pubkey_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, list(store->sql, address, out, why), why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        pubkey_list_clear(out);
    }
    return status;
}
