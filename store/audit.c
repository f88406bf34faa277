/* The audit trail: who changed what. */
#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certificate.h"
#include "handle.h"
#include "utf8.h"

/* ---- Who ---- */

void audit_actor_clear(struct audit_actor *actor)
{
    free(actor->name);
    free(actor->sudo_user);
    free(actor->command);
    *actor = (struct audit_actor){0};
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

enum store_status store_set_actor(struct store *store, const struct store_actor *actor, char **why)
{
    struct audit_actor copied = {copy(actor->name), actor->uid, copy(actor->sudo_user),
                                 copy(actor->command)};
    enum store_status status = STORE_ERROR;
    if (!copied.name || !copied.sudo_user || !copied.command) {
        store_no_memory(why);
        goto out;
    }
    status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        goto out;
    }
    struct audit_actor former = store->actor;
    store->actor = copied;
    copied = former;
    sql_unlock(store->sql);
out:
    audit_actor_clear(&copied);
    return status;
}

/* ---- Writing ---- */

/* Cut `text` where it is too long, between characters of UTF-8. */
static void cut(char *text)
{
    static const char mark[] = "...";
    size_t length = strlen(text);
    if (length >= AUDIT_MAX_TEXT_BYTES) {
        memcpy(text + utf8_cut(text, length, AUDIT_MAX_TEXT_BYTES - sizeof mark), mark,
               sizeof mark);
    }
}

static enum store_status insert(struct store *store, const char *action, const char *object,
                                const char *details, char **why)
{
    const struct audit_actor *actor = &store->actor;
    const char *name = actor->name ? actor->name : "smimed";
    int64_t uid = actor->name ? actor->uid : (int64_t)geteuid();
    /* The time is the database's: it does not depend on what a caller takes for now, and a message
     * tried as of another time leaves its true mark. */
    return sql_run(store->sql,
                   "INSERT INTO audit (at, actor, uid, sudo_user, command, action, object, details)"
                   " VALUES (CAST(strftime('%s', 'now') AS INTEGER), ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                   SQL_VALUES(SQL_TEXT(name), SQL_INT(uid),
                              SQL_TEXT(actor->sudo_user ? actor->sudo_user : ""),
                              SQL_TEXT(actor->command ? actor->command : ""), SQL_TEXT(action),
                              SQL_TEXT(object), SQL_TEXT(details)),
                   why);
}

enum store_status audit_record(struct store *store, const char *action, const char *object,
                               char **why, const char *details, ...)
{
    char *short_object = strdup(object);
    char *short_details = NULL;
    va_list arguments;
    va_start(arguments, details);
    if (vasprintf(&short_details, details, arguments) < 0) {
        short_details = NULL;
    }
    va_end(arguments);
    enum store_status status = STORE_ERROR;
    if (short_object && short_details) {
        cut(short_object);
        cut(short_details);
        status = insert(store, action, short_object, short_details, why);
    } else {
        store_no_memory(why);
    }
    store->audited = true;
    free(short_object);
    free(short_details);
    return status;
}

enum store_status audit_certificate(struct store *store, const char *action, const char *object,
                                    int64_t id, X509 *certificate, char **why)
{
    char *description = NULL;
    enum store_status status = certificate_describe(certificate, &description, why);
    if (status == STORE_OK && id > 0) {
        status =
            audit_record(store, action, object, why, "id %lld, %s", (long long)id, description);
    } else if (status == STORE_OK) {
        status = audit_record(store, action, object, why, "%s", description);
    }
    free(description);
    return status;
}

enum store_status audit_certificate_row(struct store *store, const char *action, const char *object,
                                        int64_t id, int64_t row, char **why)
{
    sqlite3_stmt *found = NULL;
    X509 *certificate = NULL;
    enum store_status status = sql_query(store->sql, "SELECT der FROM certificate WHERE id = ?1",
                                         SQL_VALUES(SQL_INT(row)), &found, why);
    if (status == STORE_OK) {
        status = certificate_column(found, 0, &certificate, why);
    }
    sql_done(found);
    if (status == STORE_OK) {
        status = audit_certificate(store, action, object, id, certificate, why);
    }
    X509_free(certificate);
    return status;
}

void audit_nothing(struct store *store)
{
    store->audited = true;
}

enum store_status store_audit(struct store *store, const char *action, const char *object,
                              const char *details, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = audit_record(store, action, object, why, "%s", details);
    return change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
}

/* ---- Reading ---- */

static void clear(struct audit_entry *entry)
{
    free(entry->actor);
    free(entry->sudo_user);
    free(entry->command);
    free(entry->action);
    free(entry->object);
    free(entry->details);
}

void audit_list_clear(struct audit_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct audit_list){NULL, 0};
}

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct audit_list *list = context;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct audit_entry *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    struct audit_entry *entry = &list->items[list->count++];
    *entry = (struct audit_entry){
        .id = sqlite3_column_int64(row, 0),
        .at = sqlite3_column_int64(row, 1),
        .actor = sql_text(row, 2, why),
        .uid = sqlite3_column_int64(row, 3),
        .sudo_user = sql_text(row, 4, why),
        .command = sql_text(row, 5, why),
        .action = sql_text(row, 6, why),
        .object = sql_text(row, 7, why),
        .details = sql_text(row, 8, why),
    };
    bool complete = entry->actor && entry->sudo_user && entry->command && entry->action &&
                    entry->object && entry->details;
    return complete ? STORE_OK : STORE_ERROR;
}

enum store_status store_audit_list(struct store *store, time_t since, struct audit_list *out,
                                   char **why)
{
    *out = (struct audit_list){NULL, 0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_each(store->sql,
                      "SELECT id, at, actor, uid, sudo_user, command, action, object, details"
                      " FROM audit WHERE at >= ?1 ORDER BY id",
                      SQL_VALUES(SQL_INT(since)), push, out, why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        audit_list_clear(out);
    }
    return status;
}
