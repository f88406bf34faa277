/* Mailboxes: further addresses that come and go, deleting, merging lists of them. */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "handle.h"
#include "key.h"
#include "mailbox.h"
#include "why.h"

static const struct change all = {.effect = CHANGE_ALL};

/* ---- Further addresses ---- */

enum store_status store_mailbox_add_alias(struct store *store, const char *address,
                                          const char *alias, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = mailbox_check_canonical(alias, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status != STORE_OK) {
        return status;
    }
    status = mailbox_id_needed(store->sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = mailbox_insert_alias(store->sql, mailbox, alias, why);
    }
    if (status == STORE_OK) {
        status = audit_record(store, "further address added", alias, why, "of %s", address);
    }
    return change_end(store, status, &all, why);
}

static enum store_status remove_alias(struct sql *sql, const char *address, const char *alias,
                                      char **why)
{
    int64_t mailbox = 0;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "DELETE FROM mailbox_address"
                         " WHERE address = ?1 AND mailbox = ?2 AND position > 0",
                         SQL_VALUES(SQL_TEXT(alias), SQL_INT(mailbox)), why);
    }
    if (status == STORE_OK && sql_changes(sql) == 0) {
        why_set(why, "%s is no further address of the mailbox %s", alias, address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = key_check_remaining(sql, mailbox, address, why);
    }
    return status;
}

enum store_status store_mailbox_remove_alias(struct store *store, const char *address,
                                             const char *alias, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = remove_alias(store->sql, address, alias, why);
    if (status == STORE_OK) {
        status = audit_record(store, "further address removed", alias, why, "of %s", address);
    }
    return change_end(store, status, &all, why);
}

/* ---- Deleting ---- */

static enum store_status refuse_keys(struct sql *sql, int64_t mailbox, char **why)
{
    int64_t keys = 0;
    int64_t requests = 0;
    if (sql_integer(sql, "SELECT count(*) FROM private_key WHERE mailbox = ?1",
                    SQL_VALUES(SQL_INT(mailbox)), &keys, why) != STORE_OK ||
        sql_integer(sql, "SELECT count(*) FROM key_request WHERE mailbox = ?1",
                    SQL_VALUES(SQL_INT(mailbox)), &requests, why) != STORE_OK) {
        return STORE_ERROR;
    }
    if (keys > 0) {
        why_set(why,
                "the mailbox has %lld private key%s, without which mail encrypted to it cannot be "
                "read any more; it can be deactivated instead",
                (long long)keys, keys == 1 ? "" : "s");
        return STORE_REFUSED;
    }
    if (requests > 0) {
        why_set(why, "a request for a certificate is pending; it must be withdrawn first");
        return STORE_REFUSED;
    }
    return STORE_OK;
}

enum store_status store_mailbox_delete(struct store *store, const char *address, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = mailbox_id_needed(store->sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = refuse_keys(store->sql, mailbox, why);
    }
    if (status == STORE_OK) {
        status = sql_run(store->sql, "DELETE FROM mailbox WHERE id = ?1",
                         SQL_VALUES(SQL_INT(mailbox)), why);
    }
    if (status == STORE_OK) {
        status = audit_record(store, "mailbox deleted", address, why, "%s", "");
    }
    return change_end(store, status, &all, why);
}

/* ---- Merging ---- */

/* The mailbox that `entry` names as its first address. STORE_NONE: there is none yet.
 * STORE_REFUSED: it is a further address of another. */
static enum store_status find_owner(struct sql *sql, const struct mailbox_merge *entry,
                                    int64_t *id_out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(sql,
                                         "SELECT m.id, m.address"
                                         " FROM mailbox_address a JOIN mailbox m"
                                         " ON m.id = a.mailbox WHERE a.address = ?1",
                                         SQL_VALUES(SQL_TEXT(entry->address)), &row, why);
    if (status == STORE_OK) {
        const char *owner = (const char *)sqlite3_column_text(row, 1);
        *id_out = sqlite3_column_int64(row, 0);
        if (!owner || strcmp(owner, entry->address) != 0) {
            why_set(why, "%s is an address of the mailbox %s already", entry->address,
                    owner ? owner : "(unknown)");
            status = STORE_REFUSED;
        }
    }
    sql_done(row);
    return status;
}

/* Refuse before anything is written: what an entry wrote cannot be undone by itself. `mailbox` is 0
 * for a new one. */
static enum store_status check_entry(struct sql *sql, const struct mailbox_merge *entry,
                                     int64_t mailbox, char **why)
{
    int64_t present = 0;
    size_t missing = 0;
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < entry->alias_count; i++) {
        int64_t owner = 0;
        status = mailbox_check_canonical(entry->aliases[i], why);
        enum store_status found =
            status == STORE_OK ? mailbox_id(sql, entry->aliases[i], &owner, why) : STORE_NONE;
        if (found == STORE_ERROR) {
            status = found;
        } else if (found == STORE_OK && owner != mailbox) {
            status = mailbox_refuse_taken(sql, entry->aliases[i], why);
        } else if (found == STORE_NONE) {
            missing++;
        }
    }
    if (status == STORE_OK) {
        status = sql_integer(
            sql, "SELECT coalesce(max(position), 0) FROM mailbox_address WHERE mailbox = ?1",
            SQL_VALUES(SQL_INT(mailbox)), &present, why);
    }
    if (status == STORE_OK && (size_t)present + missing > MAILBOX_MAX_ALIASES) {
        why_set(why, "a mailbox has at most %d further addresses", MAILBOX_MAX_ALIASES);
        status = STORE_REFUSED;
    }
    return status;
}

/* Add what is missing; an address that stands twice in the list is there the second time. */
static enum store_status write_entry(struct sql *sql, const struct mailbox_merge *entry,
                                     int64_t mailbox, bool *changed_out, char **why)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < entry->alias_count; i++) {
        int64_t owner = 0;
        status = mailbox_id(sql, entry->aliases[i], &owner, why);
        if (status == STORE_NONE) {
            *changed_out = true;
            status = mailbox_insert_alias(sql, mailbox, entry->aliases[i], why);
        }
    }
    if (status == STORE_OK && entry->never_decrypt >= 0) {
        status = sql_run(sql,
                         "UPDATE mailbox SET never_decrypt = ?2"
                         " WHERE id = ?1 AND never_decrypt IS NOT ?2",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(entry->never_decrypt != 0)), why);
        *changed_out = *changed_out || (status == STORE_OK && sql_changes(sql) > 0);
    }
    return status;
}

static enum store_status merge_one(struct sql *sql, struct mailbox_merge *entry, char **why)
{
    int64_t mailbox = 0;
    bool changed = false;
    enum store_status status = mailbox_check_canonical(entry->address, why);
    if (status == STORE_OK) {
        status = find_owner(sql, entry, &mailbox, why);
    }
    bool fresh = status == STORE_NONE;
    if (status == STORE_OK || fresh) {
        status = check_entry(sql, entry, mailbox, why);
    }
    if (status == STORE_OK && fresh) {
        status = mailbox_insert(sql, entry->address, &mailbox, why);
    }
    if (status == STORE_OK) {
        status = write_entry(sql, entry, mailbox, &changed, why);
    }
    if (status == STORE_OK) {
        entry->result = fresh ? MERGE_ADDED : changed ? MERGE_CHANGED : MERGE_UNCHANGED;
    }
    return status;
}

static enum store_status audit_merge(struct store *store, const struct mailbox_merge *entry,
                                     char **why)
{
    bool added = entry->result == MERGE_ADDED;
    return audit_record(store, added ? "mailbox added" : "mailbox changed", entry->address, why,
                        "%zu further addresses given%s", entry->alias_count,
                        entry->never_decrypt > 0    ? ", never decrypts"
                        : entry->never_decrypt == 0 ? ", decrypts"
                                                    : "");
}

enum store_status store_mailbox_merge(struct store *store, struct mailbox_merge *entries,
                                      size_t count, char **why)
{
    struct change change = {.effect = CHANGE_NOTHING};
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        struct mailbox_merge *entry = &entries[i];
        entry->reason = NULL;
        status = merge_one(store->sql, entry, &entry->reason);
        if (status == STORE_REFUSED) {
            entry->result = MERGE_REFUSED;
            status = STORE_OK;
        } else if (status != STORE_OK) {
            why_set(why, "%s", why_text(&entry->reason));
            why_free(&entry->reason);
        } else if (entry->result != MERGE_UNCHANGED) {
            change.effect = CHANGE_ALL;
            status = audit_merge(store, entry, why);
        }
    }
    return change_end(store, status, &change, why);
}
