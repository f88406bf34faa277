/* Notices: noting each once, listing and forgetting them. */
#include "notice.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "notice_rows.h"
#include "why.h"

static const struct change nothing = {.effect = CHANGE_NOTHING};

static const char *const kind_names[NOTICE_KIND_COUNT] = {
    [NOTICE_MAILBOX_EXPIRES] = "mailbox-expires",
    [NOTICE_ANCHOR_EXPIRES] = "anchor-expires",
    [NOTICE_CA_EXPIRES] = "ca-expires",
    [NOTICE_ACTIVATED] = "activated",
    [NOTICE_RENEWED] = "renewed",
    [NOTICE_NOT_ACTIVATED] = "not-activated",
    [NOTICE_NOT_RENEWED] = "not-renewed",
    [NOTICE_KEY_CHANGED] = "key-changed",
    [NOTICE_KEY_HELD] = "key-held",
    [NOTICE_WEAKER] = "weaker",
    [NOTICE_TEST] = "test",
    [NOTICE_CREDENTIAL_EXPIRES] = "credential-expires",
};

const char *notice_kind_name(enum notice_kind kind)
{
    return (size_t)kind < NOTICE_KIND_COUNT ? kind_names[kind] : "unknown";
}

const char *notice_state_name(enum notice_state state)
{
    switch (state) {
    case NOTICE_WAITING:
        return "waiting";
    case NOTICE_SENT:
        return "sent";
    case NOTICE_LOGGED:
        return "logged";
    case NOTICE_GIVEN_UP:
        return "given-up";
    case NOTICE_SUPERSEDED:
        return "superseded";
    }
    return "unknown";
}

bool notice_is_news(const struct store *store)
{
    return !store->actor.command || !*store->actor.command;
}

/* ---- Noting ---- */

static const char *text(const char *string)
{
    return string ? string : "";
}

/* Is `line` (`length` bytes) one of the lines of `text`? */
static bool has_line(const char *text, const char *line, size_t length)
{
    while (*text) {
        size_t own = strcspn(text, "\n");
        if (own == length && memcmp(text, line, length) == 0) {
            return true;
        }
        text += own + (text[own] == '\n');
    }
    return false;
}

/* Append the lines of `more` that *detail has not, as far as there is room. */
static int merge(char **detail, const char *more)
{
    while (*more) {
        size_t length = strcspn(more, "\n");
        size_t before = strlen(*detail);
        if (length > 0 && !has_line(*detail, more, length) &&
            before + length + 1 < NOTICE_MAX_DETAIL_BYTES) {
            char *grown = realloc(*detail, before + length + 2);
            if (!grown) {
                return -1;
            }
            *detail = grown;
            if (before > 0) {
                grown[before++] = '\n';
            }
            memcpy(grown + before, more, length);
            grown[before + length] = '\0';
        }
        more += length + (more[length] == '\n');
    }
    return 0;
}

/* The same message came again, perhaps for others: who is told has not been told yet. */
static enum store_status add_lines(struct sql *sql, const struct notice_note *note, char **why)
{
    sqlite3_stmt *row = NULL;
    int64_t id = 0;
    char *detail = NULL;
    enum store_status status = sql_query(
        sql, "SELECT id, detail FROM notice WHERE kind = ?1 AND topic = ?2 AND mail IS NULL",
        SQL_VALUES(SQL_INT(note->kind), SQL_TEXT(note->topic)), &row, why);
    if (status == STORE_OK) {
        id = sqlite3_column_int64(row, 0);
        detail = sql_text(row, 1, why);
        status = detail ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    if (status == STORE_OK && merge(&detail, text(note->detail)) != 0) {
        status = store_no_memory(why);
    }
    if (status == STORE_OK) {
        status = sql_run(sql, "UPDATE notice SET detail = ?2 WHERE id = ?1",
                         SQL_VALUES(SQL_INT(id), SQL_TEXT(detail)), why);
    }
    free(detail);
    return status == STORE_NONE ? STORE_OK : status;
}

static bool is_expiry(enum notice_kind kind)
{
    return kind == NOTICE_MAILBOX_EXPIRES || kind == NOTICE_ANCHOR_EXPIRES ||
           kind == NOTICE_CA_EXPIRES || kind == NOTICE_CREDENTIAL_EXPIRES;
}

static enum store_status supersede(struct sql *sql, const struct notice_note *note, char **why)
{
    return sql_run(
        sql,
        "UPDATE notice SET superseded = 1 WHERE kind = ?1 AND fingerprint = ?2"
        " AND mail IS NULL AND topic <> ?3",
        SQL_VALUES(SQL_INT(note->kind), SQL_TEXT(text(note->fingerprint)), SQL_TEXT(note->topic)),
        why);
}

enum store_status notice_put(struct sql *sql, const struct notice_note *note, bool *added_out,
                             char **why)
{
    /* The time is the database's, as in the audit trail: nothing is reckoned with it. */
    enum store_status status =
        sql_run(sql,
                "INSERT INTO notice (kind, topic, recipient, object, detail, fingerprint, expires,"
                " reference, noted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                " CAST(strftime('%s', 'now') AS INTEGER)) ON CONFLICT (kind, topic) DO NOTHING",
                SQL_VALUES(SQL_INT(note->kind), SQL_TEXT(note->topic),
                           SQL_TEXT(text(note->recipient)), SQL_TEXT(text(note->object)),
                           SQL_TEXT(text(note->detail)), SQL_TEXT(text(note->fingerprint)),
                           SQL_INT(note->expires), SQL_TEXT(text(note->reference))),
                why);
    bool added = status == STORE_OK && sql_changes(sql) > 0;
    if (status == STORE_OK && added && is_expiry(note->kind)) {
        status = supersede(sql, note, why);
    } else if (status == STORE_OK && !added && note->kind == NOTICE_WEAKER) {
        status = add_lines(sql, note, why);
    }
    if (added_out) {
        *added_out = added;
    }
    return status;
}

enum store_status store_notice_put(struct store *store, const struct notice_note *note,
                                   bool *added_out, char **why)
{
    if (added_out) {
        *added_out = false;
    }
    if (strlen(text(note->detail)) >= NOTICE_MAX_DETAIL_BYTES) {
        why_set(why, "a notice has more than %d bytes", NOTICE_MAX_DETAIL_BYTES);
        return STORE_REFUSED;
    }
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store); /* what it tells of is on record itself */
    status = notice_put(store->sql, note, added_out, why);
    return change_end(store, status, &nothing, why);
}

/* ---- Listing ---- */

static void clear(struct notice *notice)
{
    free(notice->recipient);
    free(notice->object);
    free(notice->detail);
    free(notice->fingerprint);
    free(notice->reference);
    free(notice->error);
}

void notice_list_clear(struct notice_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct notice_list){NULL, 0};
}

static enum notice_state state_of(sqlite3_stmt *row)
{
    if (sqlite3_column_int(row, 9)) {
        return NOTICE_SUPERSEDED;
    }
    return (enum notice_state)sqlite3_column_int(row, 10); /* no mail: NULL, which is 0 */
}

enum store_status notice_push(void *context, sqlite3_stmt *row, char **why)
{
    struct notice_list *list = context;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct notice *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    struct notice *notice = &list->items[list->count++];
    *notice = (struct notice){
        .id = sqlite3_column_int64(row, 0),
        .kind = (enum notice_kind)sqlite3_column_int(row, 1),
        .state = state_of(row),
        .recipient = sql_text(row, 2, why),
        .object = sql_text(row, 3, why),
        .detail = sql_text(row, 4, why),
        .fingerprint = sql_text(row, 5, why),
        .reference = sql_text(row, 6, why),
        .expires = sqlite3_column_int64(row, 7),
        .noted = sqlite3_column_int64(row, 8),
        .done = sqlite3_column_int64(row, 11),
        .next_attempt = sqlite3_column_int64(row, 12),
        .failures = sqlite3_column_int(row, 13),
        .error = sql_text(row, 14, why),
    };
    bool complete = notice->recipient && notice->object && notice->detail && notice->fingerprint &&
                    notice->reference && notice->error;
    return complete ? STORE_OK : STORE_ERROR;
}

enum store_status store_notice_list(struct store *store, struct notice_list *out, char **why)
{
    *out = (struct notice_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status =
        sql_each(store->sql, NOTICE_COLUMNS "ORDER BY n.id", SQL_NO_VALUES, notice_push, out, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        notice_list_clear(out);
    }
    return status;
}

/* ---- Forgetting ---- */

enum store_status store_notice_prune(struct store *store, time_t now, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    status =
        sql_run(store->sql,
                "DELETE FROM notice WHERE (superseded = 1 OR mail IN"
                " (SELECT id FROM notice_mail WHERE state <> 0"
                " AND done < CASE recipient WHEN '' THEN ?1 ELSE ?2 END))"
                " AND kind <> 11 AND (kind > 2 OR NOT EXISTS (SELECT 1 FROM certificate c"
                " WHERE c.fingerprint = notice.fingerprint))",
                SQL_VALUES(SQL_INT(now - NOTICE_KEEP_S), SQL_INT(now - NOTICE_SENDER_KEEP_S)), why);
    if (status == STORE_OK) {
        status = sql_run(
            store->sql,
            "DELETE FROM notice_mail WHERE state <> 0"
            " AND done < CASE recipient WHEN '' THEN ?1 ELSE ?2 END AND NOT EXISTS"
            " (SELECT 1 FROM notice n WHERE n.mail = notice_mail.id)",
            SQL_VALUES(SQL_INT(now - NOTICE_KEEP_S), SQL_INT(now - NOTICE_SENDER_KEEP_S)), why);
    }
    return change_end(store, status, &nothing, why);
}
