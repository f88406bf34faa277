/* Places that were asked for CRLs and OCSP answers, and what came of it. */
#include <stdlib.h>

#include "handle.h"
#include "revocation.h"

void revocation_place_clear(struct revocation_place *place)
{
    free(place->url);
    free(place->reason);
    *place = (struct revocation_place){0};
}

void place_list_clear(struct place_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        revocation_place_clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct place_list){NULL, 0};
}

static enum store_status trim(struct sql *sql, char **why)
{
    return sql_run(
        sql,
        "DELETE FROM revocation_place WHERE url IN"
        " (SELECT url FROM revocation_place ORDER BY wanted DESC, url LIMIT -1 OFFSET ?1)",
        SQL_VALUES(SQL_INT(REVOCATION_MAX_PLACES)), why);
}

enum store_status store_place_note(struct store *store, const char *url, enum place_kind kind,
                                   int64_t crl, time_t failed_until, const char *reason,
                                   bool wanted, time_t now, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    /* A failure says nothing of the CRL that there is. */
    status =
        sql_run(store->sql,
                "INSERT INTO revocation_place (url, kind, crl, tried, failed_until, reason,"
                " wanted) VALUES (?1, ?2, nullif (?3, 0), ?4, ?5, ?6, ?4)"
                " ON CONFLICT (url) DO UPDATE SET crl = coalesce (excluded.crl, crl),"
                " tried = excluded.tried, failed_until = excluded.failed_until,"
                " reason = excluded.reason, wanted = iif (?7, excluded.wanted, wanted)",
                SQL_VALUES(SQL_TEXT(url), SQL_INT(kind), SQL_INT(crl), SQL_INT(now),
                           SQL_INT(failed_until), SQL_TEXT(reason ? reason : ""), SQL_INT(wanted)),
                why);
    if (status == STORE_OK) {
        status = trim(store->sql, why);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
}

enum store_status store_place_forget(struct store *store, const char *url, time_t since, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    status = sql_run(store->sql,
                     "DELETE FROM revocation_place WHERE url = ?1 AND wanted < ?2 AND NOT EXISTS"
                     " (SELECT 1 FROM crl c WHERE c.id = revocation_place.crl"
                     " AND (c.next_update = 0 OR c.next_update >= ?2))",
                     SQL_VALUES(SQL_TEXT(url), SQL_INT(since)), why);
    return change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
}

#define PLACE_COLUMNS                                                                              \
    "SELECT p.url, p.kind, p.crl, p.tried, p.failed_until, p.reason, c.next_update"                \
    " FROM revocation_place p LEFT JOIN crl c ON c.id = p.crl "

static enum store_status read_place(sqlite3_stmt *row, struct revocation_place *out, char **why)
{
    *out = (struct revocation_place){
        .url = sql_text(row, 0, why),
        .kind = (enum place_kind)sqlite3_column_int(row, 1),
        .crl = sqlite3_column_int64(row, 2),
        .tried = sqlite3_column_int64(row, 3),
        .failed_until = sqlite3_column_int64(row, 4),
        .reason = sql_text(row, 5, why),
        .next_update = sqlite3_column_int64(row, 6),
    };
    return out->url && out->reason ? STORE_OK : STORE_ERROR;
}

enum store_status store_place_get(struct store *store, const char *url,
                                  struct revocation_place *out, char **why)
{
    sqlite3_stmt *row = NULL;
    *out = (struct revocation_place){0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, PLACE_COLUMNS "WHERE p.url = ?1", SQL_VALUES(SQL_TEXT(url)),
                       &row, why);
    if (status == STORE_OK) {
        status = read_place(row, out, why);
    }
    sql_done(row);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        revocation_place_clear(out);
    }
    return status;
}

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct place_list *list = context;
    struct revocation_place *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        return store_no_memory(why);
    }
    list->items = items;
    return read_place(row, &items[list->count++], why);
}

enum store_status store_place_list(struct store *store, struct place_list *out, char **why)
{
    *out = (struct place_list){NULL, 0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_each(store->sql, PLACE_COLUMNS "WHERE p.kind = 0 ORDER BY p.tried, p.url",
                      SQL_NO_VALUES, push, out, why);
    sql_unlock(store->sql);
    if (status == STORE_ERROR) {
        place_list_clear(out);
    }
    return status;
}
