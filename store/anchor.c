/* Trust anchors: importing and deleting own ones, listing both kinds. */
#include <stdlib.h>

#include "cert_use.h"
#include "certificate.h"
#include "handle.h"
#include "why.h"

/* ---- Own anchors ---- */

static enum store_status put(struct sql *sql, X509 *certificate, time_t now, int64_t *id_out,
                             bool *changed, char **why)
{
    int64_t row = 0;
    enum store_status status = certificate_put(sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_run(
            sql, "INSERT INTO anchor (certificate, added) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            SQL_VALUES(SQL_INT(row), SQL_INT(now)), why);
    }
    if (status == STORE_OK) {
        *changed = sql_changes(sql) > 0;
        status = sql_integer(sql, "SELECT id FROM anchor WHERE certificate = ?1",
                             SQL_VALUES(SQL_INT(row)), id_out, why);
    }
    return status;
}

enum store_status store_anchor_import(struct store *store, X509 *certificate, time_t now,
                                      int64_t *id_out, char **why)
{
    int64_t id = 0;
    bool changed = false;
    if (cert_check_anchor(certificate, now, why) != 0) {
        return STORE_REFUSED;
    }
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = put(store->sql, certificate, now, &id, &changed, why);
    if (status == STORE_OK && changed) {
        status = audit_certificate(store, "trust anchor imported", "own", id, certificate, why);
    }
    struct change change = {.effect = changed ? CHANGE_ALL : CHANGE_NOTHING};
    status = change_end(store, status, &change, why);
    if (status == STORE_OK && id_out) {
        *id_out = id;
    }
    return status;
}

static enum store_status remove_row(struct store *store, int64_t id, char **why)
{
    struct sql *sql = store->sql;
    int64_t certificate = 0;
    enum store_status status = sql_integer(sql, "SELECT certificate FROM anchor WHERE id = ?1",
                                           SQL_VALUES(SQL_INT(id)), &certificate, why);
    if (status == STORE_OK) {
        status = audit_certificate_row(store, "trust anchor deleted", "own", id, certificate, why);
    }
    if (status == STORE_NONE) {
        why_set(why, "there is no own trust anchor %lld", (long long)id);
        return STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = sql_run(sql, "DELETE FROM anchor WHERE id = ?1", SQL_VALUES(SQL_INT(id)), why);
    }
    return status == STORE_OK ? certificate_drop_unused(sql, certificate, why) : status;
}

enum store_status store_anchor_delete(struct store *store, int64_t id, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = remove_row(store, id, why);
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}

/* ---- Listing ---- */

void anchor_list_clear(struct anchor_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        X509_free(list->items[i].certificate);
        free(list->items[i].fingerprint);
    }
    free(list->items);
    *list = (struct anchor_list){NULL, 0};
}

/* Takes `certificate` over, also on failure. */
static enum store_status push(struct anchor_list *list, X509 *certificate, char **why)
{
    struct anchor *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) {
        X509_free(certificate);
        return store_no_memory(why);
    }
    list->items = items;
    struct anchor *item = &items[list->count++];
    *item = (struct anchor){.certificate = certificate, .origin = ANCHOR_SYSTEM};
    return certificate_fingerprint(certificate, &item->fingerprint, why);
}

static enum store_status list_system(struct store *store, struct anchor_list *out, char **why)
{
    pthread_mutex_lock(&store->system_lock);
    STACK_OF(X509) *system = X509_chain_up_ref(store->system_anchors);
    pthread_mutex_unlock(&store->system_lock);
    if (!system) {
        return store_no_memory(why);
    }
    enum store_status status = STORE_OK;
    X509 *certificate = NULL;
    while (status == STORE_OK && (certificate = sk_X509_shift(system))) {
        status = push(out, certificate, why);
    }
    sk_X509_pop_free(system, X509_free);
    return status;
}

static enum store_status push_row(void *context, sqlite3_stmt *row, char **why)
{
    struct anchor_list *list = context;
    X509 *certificate = NULL;
    enum store_status status = certificate_column(row, 2, &certificate, why);
    if (status == STORE_OK) {
        status = push(list, certificate, why);
    }
    if (status == STORE_OK) {
        struct anchor *item = &list->items[list->count - 1];
        item->id = sqlite3_column_int64(row, 0);
        item->added = sqlite3_column_int64(row, 1);
        item->origin = ANCHOR_OWN;
    }
    return status;
}

static enum store_status list_own(struct sql *sql, struct anchor_list *out, char **why)
{
    return sql_each(sql,
                    "SELECT a.id, a.added, c.der FROM anchor a"
                    " JOIN certificate c ON c.id = a.certificate"
                    " ORDER BY a.id",
                    SQL_NO_VALUES, push_row, out, why);
}

enum store_status store_anchor_list(struct store *store, struct anchor_list *out, char **why)
{
    *out = (struct anchor_list){NULL, 0};
    enum store_status status = list_system(store, out, why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
    }
    if (status == STORE_OK) {
        status = list_own(store->sql, out, why);
        sql_unlock(store->sql);
    }
    if (status != STORE_OK) {
        anchor_list_clear(out);
    }
    return status;
}
