/* Mailboxes: adding, finding, listing. */
#include "mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "handle.h"
#include "why.h"

const char *mailbox_state_name(enum mailbox_state state)
{
    switch (state) {
    case MAILBOX_INACTIVE:
        return "inactive";
    case MAILBOX_ACTIVATING:
        return "activating";
    case MAILBOX_ACTIVE:
        return "active";
    }
    return "unknown";
}

enum store_status mailbox_id(struct sql *sql, const char *address, int64_t *id_out, char **why)
{
    return sql_integer(sql, "SELECT mailbox FROM mailbox_address WHERE address = ?1",
                       SQL_VALUES(SQL_TEXT(address)), id_out, why);
}

enum store_status mailbox_id_needed(struct sql *sql, const char *address, int64_t *id_out,
                                    char **why)
{
    enum store_status status = mailbox_id(sql, address, id_out, why);
    if (status == STORE_NONE) {
        why_set(why, "there is no mailbox %s", address);
        return STORE_REFUSED;
    }
    return status;
}

/* ---- Adding ---- */

enum store_status mailbox_refuse_taken(struct sql *sql, const char *address, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(sql,
                                         "SELECT m.address FROM mailbox_address a"
                                         " JOIN mailbox m ON m.id = a.mailbox WHERE a.address = ?1",
                                         SQL_VALUES(SQL_TEXT(address)), &row, why);
    if (status == STORE_OK) {
        const char *owner = (const char *)sqlite3_column_text(row, 0);
        if (owner && strcmp(owner, address) == 0) {
            why_set(why, "the mailbox %s exists already", address);
        } else {
            why_set(why, "%s is an address of the mailbox %s already", address,
                    owner ? owner : "(unknown)");
        }
        status = STORE_REFUSED;
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status insert_address(struct sql *sql, int64_t mailbox, const char *address,
                                        int64_t position, char **why)
{
    enum store_status status = mailbox_refuse_taken(sql, address, why);
    if (status != STORE_OK) {
        return status;
    }
    return sql_run(sql,
                   "INSERT INTO mailbox_address (address, mailbox, position) VALUES (?1, ?2, ?3)",
                   SQL_VALUES(SQL_TEXT(address), SQL_INT(mailbox), SQL_INT(position)), why);
}

enum store_status mailbox_insert(struct sql *sql, const char *address, int64_t *id_out, char **why)
{
    enum store_status status = mailbox_refuse_taken(sql, address, why);
    if (status == STORE_OK) {
        status = sql_run(sql, "INSERT INTO mailbox (address, domain) VALUES (?1, ?2)",
                         SQL_VALUES(SQL_TEXT(address), SQL_TEXT(address_domain(address))), why);
    }
    *id_out = sql_last_id(sql);
    return status == STORE_OK ? insert_address(sql, *id_out, address, 0, why) : status;
}

enum store_status mailbox_insert_alias(struct sql *sql, int64_t mailbox, const char *alias,
                                       char **why)
{
    int64_t position = 0;
    enum store_status status = sql_integer(
        sql, "SELECT coalesce(max(position), 0) + 1 FROM mailbox_address WHERE mailbox = ?1",
        SQL_VALUES(SQL_INT(mailbox)), &position, why);
    if (status == STORE_OK && position > MAILBOX_MAX_ALIASES) {
        why_set(why, "a mailbox has at most %d further addresses", MAILBOX_MAX_ALIASES);
        status = STORE_REFUSED;
    }
    return status == STORE_OK ? insert_address(sql, mailbox, alias, position, why) : status;
}

static enum store_status add(struct sql *sql, const char *address, const char *const *aliases,
                             size_t alias_count, char **why)
{
    int64_t id = 0;
    enum store_status status = mailbox_insert(sql, address, &id, why);
    for (size_t i = 0; status == STORE_OK && i < alias_count; i++) {
        status = mailbox_insert_alias(sql, id, aliases[i], why);
    }
    return status;
}

enum store_status mailbox_check_canonical(const char *address, char **why)
{
    char *canonical = NULL;
    enum address_status read = address_canonical(address, strlen(address), &canonical);
    enum store_status status = STORE_OK;
    if (read == ADDRESS_ERROR) {
        status = store_no_memory(why);
    } else if (read != ADDRESS_OK || strcmp(canonical, address) != 0) {
        why_set(why, "%s is not a mail address in canonical form", address);
        status = STORE_REFUSED;
    }
    free(canonical);
    return status;
}

enum store_status store_mailbox_add(struct store *store, const char *address,
                                    const char *const *aliases, size_t alias_count, char **why)
{
    if (alias_count > MAILBOX_MAX_ALIASES) {
        why_set(why, "a mailbox has at most %d further addresses", MAILBOX_MAX_ALIASES);
        return STORE_REFUSED;
    }
    enum store_status status = mailbox_check_canonical(address, why);
    for (size_t i = 0; status == STORE_OK && i < alias_count; i++) {
        status = mailbox_check_canonical(aliases[i], why);
    }
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status != STORE_OK) {
        return status;
    }
    status = add(store->sql, address, aliases, alias_count, why);
    if (status == STORE_OK) {
        status = audit_record(store, "mailbox added", address, why, "%s", "");
    }
    for (size_t i = 0; status == STORE_OK && i < alias_count; i++) {
        status = audit_record(store, "further address added", aliases[i], why, "of %s", address);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}

/* ---- Finding and listing ---- */

#define MAILBOX_COLUMNS                                                                            \
    "SELECT m.id, m.address, m.state, m.never_decrypt, k.certificate, c.fingerprint, c.not_after," \
    " r.made FROM mailbox m LEFT JOIN private_key k ON k.id = m.signing_key"                       \
    " LEFT JOIN key_request r ON r.mailbox = m.id"                                                 \
    " LEFT JOIN certificate c ON c.id = k.certificate "

static void clear(struct mailbox *mailbox)
{
    for (size_t i = 0; i < mailbox->alias_count; i++) {
        free(mailbox->aliases[i]);
    }
    free(mailbox->aliases);
    free(mailbox->address);
    free(mailbox->fingerprint);
    *mailbox = (struct mailbox){0};
}

static enum store_status read_row(sqlite3_stmt *row, struct mailbox *out, char **why)
{
    *out = (struct mailbox){
        .id = sqlite3_column_int64(row, 0),
        .state = (enum mailbox_state)sqlite3_column_int(row, 2),
        .never_decrypt = sqlite3_column_int(row, 3) != 0,
        .certificate_id = sqlite3_column_int64(row, 4),
        .expires = sqlite3_column_int64(row, 6),
        .requested = sqlite3_column_int64(row, 7),
    };
    out->address = sql_text(row, 1, why);
    if (out->address && out->certificate_id != 0) {
        out->fingerprint = sql_text(row, 5, why);
    }
    if (!out->address || (out->certificate_id != 0 && !out->fingerprint)) {
        clear(out);
        return STORE_ERROR;
    }
    return STORE_OK;
}

static enum store_status push_alias(void *context, sqlite3_stmt *row, char **why)
{
    struct mailbox *mailbox = context;
    char *alias = sql_text(row, 0, why);
    if (!alias) {
        return STORE_ERROR;
    }
    char **aliases = realloc(mailbox->aliases, (mailbox->alias_count + 1) * sizeof *aliases);
    if (!aliases) {
        free(alias);
        return store_no_memory(why);
    }
    mailbox->aliases = aliases;
    aliases[mailbox->alias_count++] = alias;
    return STORE_OK;
}

static enum store_status read_aliases(struct sql *sql, struct mailbox *mailbox, char **why)
{
    return sql_each(sql,
                    "SELECT address FROM mailbox_address"
                    " WHERE mailbox = ?1 AND position > 0 ORDER BY position",
                    SQL_VALUES(SQL_INT(mailbox->id)), push_alias, mailbox, why);
}

static enum store_status find(struct sql *sql, const char *address, struct mailbox *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(
        sql, MAILBOX_COLUMNS "JOIN mailbox_address a ON a.mailbox = m.id WHERE a.address = ?1",
        SQL_VALUES(SQL_TEXT(address)), &row, why);
    if (status == STORE_OK) {
        status = read_row(row, out, why);
    }
    sql_done(row);
    return status == STORE_OK ? read_aliases(sql, out, why) : status;
}

enum store_status store_mailbox_find(struct store *store, const char *address, struct mailbox **out,
                                     char **why)
{
    *out = NULL;
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox) {
        return store_no_memory(why);
    }
    enum store_status status = sql_begin_read(store->sql, why);
    if (status == STORE_OK) {
        status = find(store->sql, address, mailbox, why);
        status = sql_end(store->sql, status, why);
        sql_unlock(store->sql);
    }
    if (status == STORE_OK) {
        *out = mailbox;
        mailbox = NULL;
    }
    mailbox_free(&mailbox);
    return status;
}

static enum store_status push_mailbox(void *context, sqlite3_stmt *row, char **why)
{
    struct mailbox_list *list = context;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct mailbox *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    enum store_status status = read_row(row, &list->items[list->count], why);
    if (status == STORE_OK) {
        list->count++;
    }
    return status;
}

static enum store_status list_all(struct sql *sql, const struct mailbox_filter *filter,
                                  struct mailbox_list *out, char **why)
{
    static const char everything[] = MAILBOX_COLUMNS "WHERE ?1 IS NULL AND (?2 < 0 OR m.state = ?2)"
                                                     " ORDER BY m.address";
    static const char of_domain[] =
        MAILBOX_COLUMNS "WHERE m.domain = ?1 AND (?2 < 0 OR m.state = ?2) ORDER BY m.address";
    static const char of_state[] =
        MAILBOX_COLUMNS "WHERE ?1 IS NULL AND m.state = ?2 ORDER BY m.address";
    const char *domain = filter ? filter->domain : NULL;
    int64_t state = filter ? filter->state : -1;
    const char *text = domain ? of_domain : state >= 0 ? of_state : everything;
    struct sql_value domain_value = SQL_NULL;
    if (domain) {
        domain_value = (struct sql_value)SQL_TEXT(domain);
    }
    enum store_status status =
        sql_each(sql, text, SQL_VALUES(domain_value, SQL_INT(state)), push_mailbox, out, why);
    for (size_t i = 0; status == STORE_OK && i < out->count; i++) {
        status = read_aliases(sql, &out->items[i], why);
    }
    return status;
}

enum store_status store_mailbox_list(struct store *store, const struct mailbox_filter *filter,
                                     struct mailbox_list *out, char **why)
{
    *out = (struct mailbox_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, list_all(store->sql, filter, out, why), why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        mailbox_list_clear(out);
    }
    return status;
}

/* ---- Altering ---- */

static enum store_status update(struct store *store, const char *address, const char *action,
                                const char *text, int64_t value, char **why)
{
    int64_t id = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = mailbox_id_needed(store->sql, address, &id, why);
    if (status == STORE_OK) {
        status = sql_run(store->sql, text, SQL_VALUES(SQL_INT(id), SQL_INT(value)), why);
    }
    /* What was so already is no change. */
    enum change_effect effect =
        status == STORE_OK && sql_changes(store->sql) == 0 ? CHANGE_NOTHING : CHANGE_ALL;
    if (status == STORE_OK && effect != CHANGE_NOTHING) {
        status = audit_record(store, action, address, why, "%s", "");
    }
    return change_end(store, status, &(struct change){.effect = effect}, why);
}

enum store_status store_mailbox_set_never_decrypt(struct store *store, const char *address,
                                                  bool never, char **why)
{
    return update(store, address, never ? "mailbox set to never decrypt" : "mailbox set to decrypt",
                  "UPDATE mailbox SET never_decrypt = ?2 WHERE id = ?1 AND never_decrypt IS NOT ?2",
                  never, why);
}

enum store_status store_mailbox_deactivate(struct store *store, const char *address, char **why)
{
    return update(store, address, "mailbox deactivated",
                  "UPDATE mailbox SET state = ?2 WHERE id = ?1 AND state IS NOT ?2",
                  MAILBOX_INACTIVE, why);
}

void mailbox_free(struct mailbox **mailbox)
{
    if (*mailbox) {
        clear(*mailbox);
        free(*mailbox);
        *mailbox = NULL;
    }
}

void mailbox_list_clear(struct mailbox_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct mailbox_list){NULL, 0};
}
