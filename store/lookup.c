/* Look-ups in directories, remembered. */
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

#include "cert_use.h"
#include "certificate.h"
#include "handle.h"
#include "pubkey.h"
#include "why.h"

void lookup_clear(struct lookup *lookup)
{
    free(lookup->source);
    free(lookup->reason);
    *lookup = (struct lookup){0};
}

/* ---- Is one due? ---- */

enum which { WHICH_ANY, WHICH_SETTLED /* does not hang on look-ups */, WHICH_PINNED };

/* Is there a valid certificate of this kind? */
static enum store_status has_certificate(struct sql *sql, const char *address, time_t now,
                                         enum which which, bool *out, char **why)
{
    int64_t found = 0;
    enum store_status status =
        sql_integer(sql,
                    "SELECT 1 FROM pubkey_address a JOIN pubkey p ON p.id = a.pubkey"
                    " JOIN certificate c ON c.id = p.certificate WHERE a.address = ?1"
                    " AND c.not_before <= ?2 AND c.not_after >= ?2"
                    " AND (?3 = 0 OR (?3 = 1 AND p.source <> 2) OR p.pinned = 1) LIMIT 1",
                    SQL_VALUES(SQL_TEXT(address), SQL_INT(now), SQL_INT(which)), &found, why);
    *out = status == STORE_OK;
    return status == STORE_NONE ? STORE_OK : status;
}

/* What was found out last, if that still counts. A look-up from the future is one from before the
 * clock was put right. */
static enum store_status read_lookup(struct sql *sql, const char *address, time_t now,
                                     struct lookup *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT result, looked_up, until, source, reason FROM lookup"
                  " WHERE address = ?1 AND looked_up <= ?2 AND until >= ?2",
                  SQL_VALUES(SQL_TEXT(address), SQL_INT(now)), &row, why);
    if (status == STORE_OK) {
        out->result = (enum lookup_result)sqlite3_column_int(row, 0);
        out->looked_up = sqlite3_column_int64(row, 1);
        out->until = sqlite3_column_int64(row, 2);
        out->source = sql_text(row, 3, why);
        out->reason = sql_text(row, 4, why);
        status = out->source && out->reason ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status;
}

static enum store_status need(struct sql *sql, const char *address, bool another, time_t now,
                              enum lookup_need *need_out, struct lookup *out, char **why)
{
    bool settled = false;
    bool any = false;
    enum store_status status =
        has_certificate(sql, address, now, another ? WHICH_PINNED : WHICH_SETTLED, &settled, why);
    if (status != STORE_OK || settled) {
        *need_out = LOOKUP_NEEDLESS;
        return status;
    }
    *need_out = LOOKUP_DUE;
    status = read_lookup(sql, address, now, out, why);
    if (status != STORE_OK) {
        return status == STORE_NONE ? STORE_OK : status;
    }
    status = has_certificate(sql, address, now, WHICH_ANY, &any, why);
    /* What was found may have expired or been deleted since. */
    if (status == STORE_OK && (out->result != LOOKUP_FOUND || any)) {
        *need_out = LOOKUP_KNOWN;
    }
    return status;
}

enum store_status store_lookup_need(struct store *store, const char *address, bool another,
                                    time_t now, enum lookup_need *need_out, struct lookup *out,
                                    char **why)
{
    *out = (struct lookup){0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = need(store->sql, address, another, now, need_out, out, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status != STORE_OK || *need_out != LOOKUP_KNOWN) {
        lookup_clear(out);
    }
    return status;
}

/* ---- May it be used? ---- */

static enum store_status refuse_rejected(struct sql *sql, X509 *certificate, char **why)
{
    bool rejected = false;
    enum store_status status = candidate_is_rejected(sql, certificate, &rejected, why);
    if (status == STORE_ERROR) {
        return status;
    }
    if (rejected) {
        why_set(why, "an administrator has rejected this certificate");
        return STORE_REFUSED;
    }
    return STORE_OK;
}

enum store_status store_lookup_check(struct store *store, const char *address, X509 *certificate,
                                     time_t now, char **why)
{
    if (cert_check_use(certificate, CERT_USE_ENCRYPT, now, why) != 0) {
        return STORE_REFUSED;
    }
    if (!cert_names_address(certificate, address)) {
        why_set(why, "the certificate does not name %s", address);
        return STORE_REFUSED;
    }
    enum store_status status = sql_begin_read(store->sql, why);
    if (status == STORE_OK) {
        status = sql_end(store->sql, refuse_rejected(store->sql, certificate, why), why);
        sql_unlock(store->sql);
    }
    return status;
}

/* ---- Writing down ---- */

struct writing {
    struct store *store;
    const char *address;
    const struct lookup *lookup;
    int64_t *found; /* ids of what the directories have now */
    size_t found_count;
    bool changed; /* a public key of the address */
};

static enum store_status put_certificate(struct writing *writing, X509 *certificate, char **why)
{
    struct sql *sql = writing->store->sql;
    char *address = (char *)(uintptr_t)writing->address;
    const struct cert_addresses only = {.items = &address, .count = 1};
    enum pubkey_write write = PUBKEY_UNCHANGED;
    int64_t id = 0;
    /* Again, inside the transaction: it may have been rejected meanwhile. */
    enum store_status status = refuse_rejected(sql, certificate, why);
    if (status != STORE_OK) {
        return status == STORE_REFUSED ? STORE_OK : status;
    }
    status = pubkey_put(sql, certificate, &only, PUBKEY_DIRECTORY, writing->lookup->looked_up, &id,
                        &write, why);
    if (status == STORE_OK && write != PUBKEY_CHANGED) {
        /* Found before for another of its addresses. */
        status = sql_run(sql,
                         "INSERT OR IGNORE INTO pubkey_address (address, pubkey)"
                         " SELECT ?1, id FROM pubkey WHERE id = ?2 AND source = 2",
                         SQL_VALUES(SQL_TEXT(address), SQL_INT(id)), why);
        write = status == STORE_OK && sql_changes(sql) > 0 ? PUBKEY_CHANGED : write;
    }
    if (status == STORE_OK && write == PUBKEY_CHANGED) {
        writing->changed = true;
        status = pubkey_audit(writing->store, "public key found in a directory", id, why);
    }
    writing->found[writing->found_count++] = id;
    return status;
}

static enum store_status put_certificates(struct writing *writing, STACK_OF(X509) * certificates,
                                          char **why)
{
    enum store_status status = STORE_OK;
    for (int i = 0; status == STORE_OK && i < sk_X509_num(certificates); i++) {
        status = put_certificate(writing, sk_X509_value(certificates, i), why);
    }
    return status;
}

static bool was_found(const struct writing *writing, int64_t id)
{
    for (size_t i = 0; i < writing->found_count; i++) {
        if (writing->found[i] == id) {
            return true;
        }
    }
    return false;
}

/* The first public key that only directories had for the address, and have no more; STORE_NONE. */
static enum store_status next_gone(struct writing *writing, int64_t *id_out, char **why)
{
    struct sql *sql = writing->store->sql;
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT p.id FROM pubkey_address a JOIN pubkey p ON p.id = a.pubkey"
                  " WHERE a.address = ?1 AND p.source = 2 AND p.pinned = 0",
                  SQL_VALUES(SQL_TEXT(writing->address)), &row, why);
    while (status == STORE_OK) {
        *id_out = sqlite3_column_int64(row, 0);
        if (!was_found(writing, *id_out)) {
            break;
        }
        status = sql_next(sql, row, why);
    }
    sql_done(row);
    return status;
}

/* Take it from this address, and away altogether where it has no other. */
static enum store_status take_away(struct writing *writing, int64_t id, char **why)
{
    struct sql *sql = writing->store->sql;
    int64_t others = 0;
    writing->changed = true;
    enum store_status status =
        pubkey_audit(writing->store, "public key gone from the directories", id, why);
    if (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT count(*) FROM pubkey_address"
                             " WHERE pubkey = ?1 AND address <> ?2",
                             SQL_VALUES(SQL_INT(id), SQL_TEXT(writing->address)), &others, why);
    }
    if (status != STORE_OK || others == 0) {
        return status == STORE_OK ? pubkey_remove(sql, id, why) : status;
    }
    return sql_run(sql, "DELETE FROM pubkey_address WHERE pubkey = ?1 AND address = ?2",
                   SQL_VALUES(SQL_INT(id), SQL_TEXT(writing->address)), why);
}

static enum store_status take_away_gone(struct writing *writing, char **why)
{
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        int64_t id = 0;
        status = next_gone(writing, &id, why);
        if (status == STORE_OK) {
            status = take_away(writing, id, why);
        }
    }
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status put_lookup(const struct writing *writing, char **why)
{
    const struct lookup *lookup = writing->lookup;
    struct sql *sql = writing->store->sql;
    /* What does not count any more is of no use to anybody. */
    enum store_status status = sql_run(sql, "DELETE FROM lookup WHERE until < ?1",
                                       SQL_VALUES(SQL_INT(lookup->looked_up)), why);
    if (status == STORE_OK) {
        status = sql_run(sql,
                         "INSERT OR REPLACE INTO lookup"
                         " (address, result, looked_up, until, source, reason)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                         SQL_VALUES(SQL_TEXT(writing->address), SQL_INT(lookup->result),
                                    SQL_INT(lookup->looked_up), SQL_INT(lookup->until),
                                    SQL_TEXT(lookup->source ? lookup->source : ""),
                                    SQL_TEXT(lookup->reason ? lookup->reason : "")),
                         why);
    }
    return status;
}

enum store_status store_lookup_put(struct store *store, const char *address,
                                   const struct lookup *lookup, STACK_OF(X509) * certificates,
                                   char **why)
{
    struct writing writing = {.store = store, .address = address, .lookup = lookup};
    char *addresses[] = {(char *)(uintptr_t)address};
    int count = lookup->result == LOOKUP_FOUND ? sk_X509_num(certificates) : 0;
    writing.found = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *writing.found);
    if (!writing.found) {
        return store_no_memory(why);
    }
    enum store_status status = change_begin(store, why);
    if (status == STORE_OK) {
        status = count > 0 ? put_certificates(&writing, certificates, why) : STORE_OK;
        if (status == STORE_OK && lookup->result != LOOKUP_UNAVAILABLE) {
            status = take_away_gone(&writing, why);
        }
        if (status == STORE_OK) {
            status = put_lookup(&writing, why);
        }
        audit_nothing(store); /* beyond the public keys: who was written to is not for the trail */
        struct change change = {
            .effect = writing.changed ? CHANGE_ADDRESSES : CHANGE_NOTHING,
            .kind = CACHE_ENCRYPTION,
            .addresses = addresses,
            .count = 1,
        };
        status = change_end(store, status, &change, why);
    }
    free(writing.found);
    return status;
}
