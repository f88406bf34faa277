/* CRLs: listing them, and handing them out parsed.
 *
 * Parsing a large CRL takes longer than all else that is done to a message, so parsed ones stay in
 * a cache of their own. What is cached bears the version of its row: it cannot become stale,
 * whatever else changes in the store. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include "crl.h"
#include "handle.h"
#include "why.h"

#define KEY_BYTES 48 /* two numbers */

struct parsed_crl {
    struct cached cached;
    X509_CRL *crl;
};

static void parsed_destroy(struct cached *cached)
{
    struct parsed_crl *parsed = (struct parsed_crl *)cached;
    X509_CRL_free(parsed->crl);
    free(parsed);
}

static void clear(struct stored_crl *crl)
{
    X509_CRL_free(crl->crl);
    free(crl->issuer);
    free(crl->number);
    free(crl->url);
}

void crl_list_clear(struct crl_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct crl_list){NULL, 0};
}

/* ---- Parsed ---- */

static enum store_status parse_row(struct store *store, int64_t id, X509_CRL **out, char **why)
{
    sqlite3_stmt *row = NULL;
    unsigned char *der = NULL;
    size_t length = 0;
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, "SELECT der FROM crl WHERE id = ?1", SQL_VALUES(SQL_INT(id)),
                       &row, why);
    if (status == STORE_OK) {
        der = sql_blob(row, 0, &length, why);
        status = der ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    sql_unlock(store->sql); /* parsing is for those who want it, not for those who wait */
    if (status == STORE_OK) {
        status = crl_parse(der, length, out, why);
    }
    free(der);
    return status;
}

/* STORE_NONE: it was deleted meanwhile. */
static enum store_status load(struct store *store, int64_t id, int64_t version, int64_t bytes,
                              X509_CRL **out, char **why)
{
    char key[KEY_BYTES];
    uint64_t epoch = 0;
    snprintf(key, sizeof key, "%lld.%lld", (long long)id, (long long)version);
    struct parsed_crl *parsed = (struct parsed_crl *)cache_get(store->crls, CACHE_CRL, key, &epoch);
    if (!parsed) {
        parsed = calloc(1, sizeof *parsed);
        if (!parsed) {
            return store_no_memory(why);
        }
        cached_init(&parsed->cached, (size_t)(bytes / 1024) + 1, parsed_destroy);
        enum store_status status = parse_row(store, id, &parsed->crl, why);
        if (status != STORE_OK) {
            cached_release(&parsed->cached);
            return status;
        }
        cache_put(store->crls, CACHE_CRL, key, epoch, &parsed->cached);
    }
    X509_CRL_up_ref(parsed->crl);
    *out = parsed->crl;
    cached_release(&parsed->cached);
    return STORE_OK;
}

/* ---- Rows ---- */

struct version_list {
    int64_t *items;
    size_t count;
};

/* Columns as in CRL_COLUMNS. */
static enum store_status push(struct crl_list *list, struct version_list *versions,
                              sqlite3_stmt *row, char **why)
{
    struct stored_crl *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        return store_no_memory(why);
    }
    list->items = items;
    int64_t *grown = reallocarray(versions->items, versions->count + 1, sizeof *grown);
    if (!grown) {
        return store_no_memory(why);
    }
    versions->items = grown;
    versions->items[versions->count++] = sqlite3_column_int64(row, 11);
    struct stored_crl *item = &items[list->count++];
    *item = (struct stored_crl){
        .id = sqlite3_column_int64(row, 0),
        .source = (enum crl_source)sqlite3_column_int(row, 1),
        .delta = sqlite3_column_int(row, 2) != 0,
        .issuer = sql_text(row, 3, why),
        .number = sql_text(row, 4, why),
        .url = sql_text(row, 5, why),
        .this_update = sqlite3_column_int64(row, 6),
        .next_update = sqlite3_column_int64(row, 7),
        .fetched = sqlite3_column_int64(row, 8),
        .entries = sqlite3_column_int64(row, 9),
        .bytes = sqlite3_column_int64(row, 10),
    };
    return item->issuer && item->number && item->url ? STORE_OK : STORE_ERROR;
}

#define CRL_COLUMNS                                                                                \
    "SELECT id, source, delta, issuer, number, url, this_update, next_update, fetched, entries,"   \
    " bytes, version FROM crl "

static enum store_status read_rows(struct sql *sql, sqlite3_stmt *row, enum store_status status,
                                   struct crl_list *out, struct version_list *versions, char **why)
{
    while (status == STORE_OK) {
        status = push(out, versions, row, why);
        if (status == STORE_OK) {
            status = sql_next(sql, row, why);
        }
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

/* Put the parsed CRLs to the rows; those that have gone meanwhile are left out. */
static enum store_status load_all(struct store *store, const struct version_list *versions,
                                  struct crl_list *list, char **why)
{
    size_t kept = 0;
    enum store_status status = STORE_OK;
    for (size_t i = 0; i < list->count; i++) {
        struct stored_crl *item = &list->items[i];
        if (status == STORE_OK) {
            status = load(store, item->id, versions->items[i], item->bytes, &item->crl, why);
        }
        if (item->crl) {
            struct stored_crl moved = *item;
            list->items[kept++] = moved;
        } else {
            clear(item);
        }
        status = status == STORE_NONE ? STORE_OK : status;
    }
    list->count = kept;
    return status;
}

enum store_status store_crls_of(struct store *store, const X509_NAME *issuer, struct crl_list *out,
                                char **why)
{
    struct version_list versions = {NULL, 0};
    sqlite3_stmt *row = NULL;
    int ok = 0;
    unsigned long hash = X509_NAME_hash_ex(issuer, NULL, NULL, &ok);
    *out = (struct crl_list){NULL, 0};
    if (!ok) {
        return store_no_memory(why);
    }
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, CRL_COLUMNS "WHERE issuer_hash = ?1 ORDER BY id",
                       SQL_VALUES(SQL_INT((int64_t)hash)), &row, why);
    status = read_rows(store->sql, row, status, out, &versions, why);
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        status = load_all(store, &versions, out, why);
    }
    if (status != STORE_OK) {
        crl_list_clear(out);
    }
    free(versions.items);
    return status;
}

enum store_status store_crl_list(struct store *store, int64_t id, struct crl_list *out, char **why)
{
    struct version_list versions = {NULL, 0};
    sqlite3_stmt *row = NULL;
    *out = (struct crl_list){NULL, 0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, CRL_COLUMNS "WHERE ?1 = 0 OR id = ?1 ORDER BY id",
                       SQL_VALUES(SQL_INT(id)), &row, why);
    status = read_rows(store->sql, row, status, out, &versions, why);
    sql_unlock(store->sql);
    if (status == STORE_OK && id != 0) {
        status = load_all(store, &versions, out, why);
        status = status == STORE_OK && out->count == 0 ? STORE_NONE : status;
    }
    if (status != STORE_OK) {
        crl_list_clear(out);
    }
    free(versions.items);
    return status;
}
