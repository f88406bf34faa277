/* Other people's public keys: listing. */
#include <stdlib.h>

#include "certificate.h"
#include "handle.h"

static void clear(struct pubkey *pubkey)
{
    for (size_t i = 0; i < pubkey->address_count; i++) {
        free(pubkey->addresses[i]);
    }
    free(pubkey->addresses);
    X509_free(pubkey->certificate);
    free(pubkey->fingerprint);
    free(pubkey->revoked);
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

static enum store_status read_pubkey(sqlite3_stmt *row, struct pubkey *out, char **why)
{
    *out = (struct pubkey){
        .id = sqlite3_column_int64(row, 0),
        .source = (enum pubkey_source)sqlite3_column_int(row, 1),
        .first_seen = sqlite3_column_int64(row, 2),
        .last_seen = sqlite3_column_int64(row, 3),
        .pinned = sqlite3_column_int(row, 6) != 0,
    };
    out->fingerprint = sql_text(row, 4, why);
    if (sqlite3_column_type(row, 7) != SQLITE_NULL) {
        out->revoked = sql_text(row, 7, why);
        if (!out->revoked) {
            return STORE_ERROR;
        }
    }
    return out->fingerprint ? certificate_column(row, 5, &out->certificate, why) : STORE_ERROR;
}

static enum store_status push_address(void *context, sqlite3_stmt *row, char **why)
{
    struct pubkey *pubkey = context;
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
    return sql_each(sql, "SELECT address FROM pubkey_address WHERE pubkey = ?1 ORDER BY address",
                    SQL_VALUES(SQL_INT(pubkey->id)), push_address, pubkey, why);
}

#define PUBKEY_COLUMNS                                                                             \
    "SELECT p.id, p.source, p.first_seen, p.last_seen, c.fingerprint, c.der, p.pinned, "           \
    "(SELECT r.sentence FROM revoked r WHERE r.certificate = c.id)"                                \
    " FROM pubkey p JOIN certificate c ON c.id = p.certificate "

/* The first row of those for `address`; without one of that with `id`; without either of all, or of
 * all that are pinned. */
static enum store_status first_row(struct sql *sql, const struct pubkey_filter *filter, int64_t id,
                                   sqlite3_stmt **row_out, char **why)
{
    if (filter->address) {
        return sql_query(sql,
                         PUBKEY_COLUMNS "JOIN pubkey_address a ON a.pubkey = p.id"
                                        " WHERE a.address = ?1 AND p.pinned >= ?2 ORDER BY p.id",
                         SQL_VALUES(SQL_TEXT(filter->address), SQL_INT(filter->pinned)), row_out,
                         why);
    }
    if (id > 0) {
        return sql_query(sql, PUBKEY_COLUMNS "WHERE p.id = ?1", SQL_VALUES(SQL_INT(id)), row_out,
                         why);
    }
    return sql_query(sql, PUBKEY_COLUMNS "WHERE p.pinned >= ?1 ORDER BY p.id",
                     SQL_VALUES(SQL_INT(filter->pinned)), row_out, why);
}

/* Where public keys go, one by one; the taker may take over what is in one. */
struct taking {
    enum store_status (*take)(struct taking *taking, struct pubkey *pubkey, char **why);
    struct pubkey_list *list;
    pubkey_taker *taker;
    void *context;
};

static enum store_status each(struct sql *sql, const struct pubkey_filter *filter, int64_t id,
                              struct taking *taking, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = first_row(sql, filter, id, &row, why);
    while (status == STORE_OK) {
        struct pubkey pubkey = {0};
        status = read_pubkey(row, &pubkey, why);
        if (status == STORE_OK) {
            status = read_addresses(sql, &pubkey, why);
        }
        if (status == STORE_OK) {
            status = taking->take(taking, &pubkey, why);
        }
        clear(&pubkey);
        if (status == STORE_OK) {
            status = sql_next(sql, row, why);
        }
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status read_all(struct store *store, const struct pubkey_filter *filter,
                                  int64_t id, struct taking *taking, char **why)
{
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, each(store->sql, filter, id, taking, why), why);
    sql_unlock(store->sql);
    return status;
}

/* ---- One after the other ---- */

static enum store_status hand_on(struct taking *taking, struct pubkey *pubkey, char **why)
{
    (void)why;
    taking->taker(taking->context, pubkey);
    return STORE_OK;
}

enum store_status store_pubkey_each(struct store *store, const struct pubkey_filter *filter,
                                    pubkey_taker *take, void *context, char **why)
{
    struct taking taking = {.take = hand_on, .taker = take, .context = context};
    return read_all(store, filter, 0, &taking, why);
}

/* ---- As a list ---- */

static enum store_status keep(struct taking *taking, struct pubkey *pubkey, char **why)
{
    struct pubkey_list *list = taking->list;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct pubkey *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    list->items[list->count++] = *pubkey;
    *pubkey = (struct pubkey){0};
    return STORE_OK;
}

static enum store_status read_list(struct store *store, const char *address, int64_t id,
                                   struct pubkey_list *out, char **why)
{
    const struct pubkey_filter filter = {.address = address};
    struct taking taking = {.take = keep, .list = out};
    *out = (struct pubkey_list){NULL, 0};
    enum store_status status = read_all(store, &filter, id, &taking, why);
    if (status != STORE_OK) {
        pubkey_list_clear(out);
    }
    return status;
}

enum store_status store_pubkey_list(struct store *store, const char *address,
                                    struct pubkey_list *out, char **why)
{
    return read_list(store, address, 0, out, why);
}

enum store_status store_pubkey_get(struct store *store, int64_t id, struct pubkey_list *out,
                                   char **why)
{
    *out = (struct pubkey_list){NULL, 0};
    if (id <= 0) {
        return STORE_NONE;
    }
    enum store_status status = read_list(store, NULL, id, out, why);
    return status == STORE_OK && out->count == 0 ? STORE_NONE : status;
}
