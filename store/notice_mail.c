/* The mails that notices go into: who gets which, when, and what came of it. */
#include "notice.h"

#include <stdlib.h>

#include "audit.h"
#include "notice_rows.h"

/* An attempt that is planned for later than this was planned by a clock that was wrong. */
#define LATEST_ATTEMPT_S (24 * 60 * 60)

static const struct change nothing = {.effect = CHANGE_NOTHING};

void notice_mail_clear(struct notice_mail *mail)
{
    free(mail->recipient);
    free(mail->message_id);
    notice_list_clear(&mail->notices);
    *mail = (struct notice_mail){0};
}

/* ---- Taking ---- */

static enum store_status find_due(struct sql *sql, time_t now, int64_t *out, char **why)
{
    return sql_integer(sql,
                       "SELECT id FROM notice_mail WHERE state = 0"
                       " AND (next_attempt <= ?1 OR next_attempt > ?2)"
                       " ORDER BY next_attempt, id LIMIT 1",
                       SQL_VALUES(SQL_INT(now), SQL_INT(now + LATEST_ATTEMPT_S)), out, why);
}

/* The first notice of somebody who may get a mail now. Those who are being told wait, so that what
 * happens meanwhile goes into one; what was only logged was no mail. */
static enum store_status find_waiting(struct sql *sql, const struct notice_terms *terms, time_t now,
                                      int64_t *out, char **why)
{
    return sql_integer(
        sql,
        "SELECT n.id FROM notice n WHERE n.mail IS NULL AND n.superseded = 0"
        " AND NOT EXISTS (SELECT 1 FROM notice_mail m WHERE m.recipient = n.recipient"
        " AND (m.state = 0 OR (m.state <> ?4 AND m.formed <= ?1 AND m.formed >"
        " ?1 - CASE n.recipient WHEN '' THEN ?2 ELSE ?3 END)))"
        " ORDER BY n.id LIMIT 1",
        SQL_VALUES(SQL_INT(now), SQL_INT(terms->interval_s), SQL_INT(NOTICE_SENDER_INTERVAL_S),
                   SQL_INT(NOTICE_LOGGED)),
        out, why);
}

/* A new mail of all that waits for the recipient of notice `first`. */
static enum store_status form(struct sql *sql, int64_t first, const struct notice_terms *terms,
                              time_t now, int64_t *out, char **why)
{
    enum store_status status =
        sql_run(sql,
                "INSERT INTO notice_mail (recipient, message_id, formed, next_attempt)"
                " SELECT recipient, ?2, ?3, ?3 FROM notice WHERE id = ?1",
                SQL_VALUES(SQL_INT(first), SQL_TEXT(terms->message_id), SQL_INT(now)), why);
    *out = sql_last_id(sql);
    if (status == STORE_OK) {
        status = sql_run(
            sql,
            "UPDATE notice SET mail = ?1 WHERE id IN (SELECT n.id FROM notice n"
            " JOIN notice_mail m ON m.id = ?1 WHERE n.recipient = m.recipient AND n.mail IS NULL"
            " AND n.superseded = 0 ORDER BY n.id LIMIT ?2)",
            SQL_VALUES(SQL_INT(*out), SQL_INT(NOTICE_MAX_ITEMS)), why);
    }
    return status;
}

static enum store_status load(struct sql *sql, int64_t id, struct notice_mail *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(
        sql, "SELECT id, recipient, message_id, formed, failures FROM notice_mail WHERE id = ?1",
        SQL_VALUES(SQL_INT(id)), &row, why);
    if (status == STORE_OK) {
        out->id = id;
        out->recipient = sql_text(row, 1, why);
        out->message_id = out->recipient ? sql_text(row, 2, why) : NULL;
        out->formed = sqlite3_column_int64(row, 3);
        out->failures = sqlite3_column_int(row, 4);
        status = out->message_id ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    if (status != STORE_OK) {
        return STORE_ERROR;
    }
    return sql_each(sql, NOTICE_COLUMNS "WHERE n.mail = ?1 ORDER BY n.kind, n.id",
                    SQL_VALUES(SQL_INT(id)), notice_push, &out->notices, why);
}

static enum store_status take(struct sql *sql, const struct notice_terms *terms, time_t now,
                              struct notice_mail *out, char **why)
{
    int64_t id = 0;
    int64_t first = 0;
    enum store_status status = find_due(sql, now, &id, why);
    if (status == STORE_NONE) {
        status = find_waiting(sql, terms, now, &first, why);
        if (status == STORE_OK) {
            status = form(sql, first, terms, now, &id, why);
        }
    }
    if (status == STORE_OK) {
        status = sql_run(sql, "UPDATE notice_mail SET next_attempt = ?2 WHERE id = ?1",
                         SQL_VALUES(SQL_INT(id), SQL_INT(now + terms->lease_s)), why);
    }
    return status == STORE_OK ? load(sql, id, out, why) : status;
}

/* Is there anything to do? Mostly not, and then nobody shall wait for the write lock. */
static enum store_status look(struct store *store, const struct notice_terms *terms, time_t now,
                              char **why)
{
    int64_t id = 0;
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = find_due(store->sql, now, &id, why);
    if (status == STORE_NONE) {
        status = find_waiting(store->sql, terms, now, &id, why);
    }
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    return status;
}

enum store_status store_notice_mail_take(struct store *store, const struct notice_terms *terms,
                                         time_t now, struct notice_mail *out, char **why)
{
    *out = (struct notice_mail){0};
    enum store_status status = look(store, terms, now, why);
    if (status != STORE_OK) {
        return status;
    }
    status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    status = take(store->sql, terms, now, out, why);
    status = change_end(store, status, &nothing, why);
    if (status != STORE_OK) {
        notice_mail_clear(out);
    }
    return status;
}

/* ---- What came of it ---- */

static const char *deed(enum notice_state state)
{
    switch (state) {
    case NOTICE_SENT:
        return "notice sent";
    case NOTICE_LOGGED:
        return "notice logged";
    default:
        return "notice given up";
    }
}

enum store_status store_notice_mail_done(struct store *store, const struct notice_mail *mail,
                                         enum notice_state state, const char *error, time_t now,
                                         char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_run(
        store->sql,
        "UPDATE notice_mail SET state = ?2, done = ?3, error = ?4"
        " WHERE id = ?1 AND state = 0",
        SQL_VALUES(SQL_INT(mail->id), SQL_INT(state), SQL_INT(now), SQL_TEXT(error ? error : "")),
        why);
    if (status == STORE_OK && sql_changes(store->sql) > 0) {
        status =
            audit_record(store, deed(state), *mail->recipient ? mail->recipient : "administrator",
                         why, "%zu in one, <%s>%s%s", mail->notices.count, mail->message_id,
                         error && *error ? ": " : "", error ? error : "");
    } else {
        audit_nothing(store);
    }
    return change_end(store, status, &nothing, why);
}

enum store_status store_notice_mail_retry(struct store *store, const struct notice_mail *mail,
                                          const char *error, time_t next, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    status = sql_run(store->sql,
                     "UPDATE notice_mail SET next_attempt = ?2, error = ?3,"
                     " failures = failures + 1 WHERE id = ?1 AND state = 0",
                     SQL_VALUES(SQL_INT(mail->id), SQL_INT(next), SQL_TEXT(error)), why);
    return change_end(store, status, &nothing, why);
}
