/* Certificates that came from a CA by a protocol: which CA, when they expire, whether we had them
 * revoked. */
#include <stdlib.h>

#include "audit.h"
#include "enrolment.h"
#include "handle.h"
#include "mailbox.h"
#include "request.h"
#include "why.h"

void enrolled_list_clear(struct enrolled_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].address);
        free(list->items[i].ca);
    }
    free(list->items);
    *list = (struct enrolled_list){NULL, 0};
}

enum store_status enrolled_refuse_revoked(struct sql *sql, int64_t certificate, char **why)
{
    int64_t revoked = 0;
    enum store_status status =
        sql_integer(sql, "SELECT count(*) FROM enrolled WHERE certificate = ?1 AND revoked != 0",
                    SQL_VALUES(SQL_INT(certificate)), &revoked, why);
    if (status == STORE_OK && revoked > 0) {
        why_set(why, "its certificate was revoked");
        return STORE_REFUSED;
    }
    return status;
}

/* ---- Listing ---- */

#define ENROLLED_COLUMNS                                                                           \
    "SELECT m.address, e.certificate, e.ca, c.not_after, e.revoked FROM enrolled e"                \
    " JOIN certificate c ON c.id = e.certificate JOIN mailbox m ON m.id = e.mailbox "

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct enrolled_list *list = context;
    if ((list->count & (list->count + 1)) == 0) {
        struct enrolled *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    struct enrolled *item = &list->items[list->count];
    *item = (struct enrolled){
        .certificate_id = sqlite3_column_int64(row, 1),
        .expires = sqlite3_column_int64(row, 3),
        .revoked = sqlite3_column_int64(row, 4),
    };
    item->address = sql_text(row, 0, why);
    item->ca = item->address ? sql_text(row, 2, why) : NULL;
    if (!item->ca) {
        free(item->address);
        return STORE_ERROR;
    }
    list->count++;
    return STORE_OK;
}

static enum store_status list(struct store *store, const char *text, const struct sql_value *values,
                              size_t count, struct enrolled_list *out, char **why)
{
    *out = (struct enrolled_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_each(store->sql, text, values, count, push, out, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        enrolled_list_clear(out);
    }
    return status;
}

enum store_status store_enrolled_list(struct store *store, const char *address,
                                      struct enrolled_list *out, char **why)
{
    return list(store,
                ENROLLED_COLUMNS "WHERE e.mailbox ="
                                 " (SELECT mailbox FROM mailbox_address WHERE address = ?1)"
                                 " ORDER BY e.certificate DESC",
                SQL_VALUES(SQL_TEXT(address)), out, why);
}

enum store_status store_enrolled_expiring(struct store *store, const char *ca, time_t before,
                                          time_t now, struct enrolled_list *out, char **why)
{
    return list(store,
                ENROLLED_COLUMNS
                "JOIN private_key k ON k.id = m.signing_key"
                " LEFT JOIN key_request r ON r.mailbox = m.id"
                " LEFT JOIN enrolment x ON x.mailbox = m.id"
                " WHERE e.ca = ?1 AND k.certificate = e.certificate AND m.state = 2"
                " AND e.revoked = 0 AND c.not_after < ?2 AND r.mailbox IS NULL"
                " AND (x.mailbox IS NULL OR (x.phase = 1 AND x.next_attempt <= ?3))"
                " ORDER BY c.not_after, m.address",
                SQL_VALUES(SQL_TEXT(ca), SQL_INT(before), SQL_INT(now)), out, why);
}

/* ---- Revoking ---- */

static enum store_status mark(struct sql *sql, const char *address, int64_t certificate, time_t now,
                              char **why)
{
    int64_t mailbox = 0;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "UPDATE enrolled SET revoked = CASE revoked WHEN 0 THEN ?3 ELSE revoked"
                         " END WHERE mailbox = ?1 AND certificate = ?2",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(certificate), SQL_INT(now)), why);
    }
    if (status == STORE_OK && sql_changes(sql) == 0) {
        why_set(why, "the certificate %lld of %s did not come from a CA that is asked by CMP",
                (long long)certificate, address);
        return STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "UPDATE mailbox SET state = 0 WHERE id = ?1 AND state = 2 AND signing_key"
                         " IN (SELECT id FROM private_key WHERE certificate = ?2)",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(certificate)), why);
    }
    return status;
}

enum store_status store_enrolled_revoked(struct store *store, const char *address,
                                         int64_t certificate_id, const char *reason, time_t now,
                                         char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = mark(store->sql, address, certificate_id, now, why);
    if (status == STORE_OK) {
        status = audit_record(store, "certificate revoked", address, why, "id %lld, %s",
                              (long long)certificate_id, reason);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}
