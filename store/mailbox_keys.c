/* The keys of a mailbox as its administrator sees them, and one of them for its owner. */
#include <stdlib.h>

#include <openssl/err.h>

#include "certificate.h"
#include "handle.h"
#include "mailbox.h"
#include "why.h"

/* ---- Listing ---- */

static enum store_status push_key(void *context, sqlite3_stmt *row, char **why)
{
    struct mailbox_key_list *list = context;
    struct mailbox_key *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        return store_no_memory(why);
    }
    list->items = items;
    struct mailbox_key *key = &items[list->count];
    *key = (struct mailbox_key){
        .certificate_id = sqlite3_column_int64(row, 0),
        .added = sqlite3_column_int64(row, 1),
        .chosen = sqlite3_column_int(row, 2) != 0,
    };
    enum store_status status = certificate_column(row, 3, &key->certificate, why);
    if (status == STORE_OK) {
        list->count++;
    }
    return status;
}

static enum store_status list_keys(struct sql *sql, const char *address,
                                   struct mailbox_key_list *out, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status != STORE_OK) {
        return status;
    }
    return sql_each(sql,
                    "SELECT k.certificate, k.added, k.id IS m.signing_key, c.der"
                    " FROM private_key k JOIN certificate c ON c.id = k.certificate"
                    " JOIN mailbox m ON m.id = k.mailbox WHERE k.mailbox = ?1"
                    " ORDER BY k.added DESC, k.id DESC",
                    SQL_VALUES(SQL_INT(mailbox)), push_key, out, why);
}

enum store_status store_mailbox_keys(struct store *store, const char *address,
                                     struct mailbox_key_list *out, char **why)
{
    *out = (struct mailbox_key_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, list_keys(store->sql, address, out, why), why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        mailbox_key_list_clear(out);
    }
    return status;
}

void mailbox_key_list_clear(struct mailbox_key_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        X509_free(list->items[i].certificate);
    }
    free(list->items);
    *list = (struct mailbox_key_list){NULL, 0};
}

/* ---- One key ---- */

struct stored_key {
    struct blob sealed;
    X509 *certificate;
    struct blobs chain;
};

static enum store_status read_chosen(struct sql *sql, int64_t mailbox, int64_t certificate_id,
                                     struct stored_key *out, char **why)
{
    int64_t key = 0;
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT k.id, k.pkcs8, c.der FROM private_key k"
                  " JOIN certificate c ON c.id = k.certificate"
                  " JOIN mailbox m ON m.id = k.mailbox WHERE k.mailbox = ?1"
                  " AND CASE ?2 WHEN 0 THEN k.id = m.signing_key ELSE k.certificate = ?2 END",
                  SQL_VALUES(SQL_INT(mailbox), SQL_INT(certificate_id)), &row, why);
    if (status == STORE_OK) {
        key = sqlite3_column_int64(row, 0);
        out->sealed.start = sql_blob(row, 1, &out->sealed.length, why);
        status =
            out->sealed.start ? certificate_column(row, 2, &out->certificate, why) : STORE_ERROR;
    }
    sql_done(row);
    if (status == STORE_OK) {
        status = sql_blobs(sql,
                           "SELECT c.der FROM key_chain k JOIN certificate c"
                           " ON c.id = k.certificate WHERE k.private_key = ?1 ORDER BY k.position",
                           SQL_VALUES(SQL_INT(key)), &out->chain, why);
    }
    return status;
}

static enum store_status read_key(struct sql *sql, const char *address, int64_t certificate_id,
                                  struct stored_key *out, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = read_chosen(sql, mailbox, certificate_id, out, why);
    }
    if (status == STORE_NONE && certificate_id != 0) {
        why_set(why, "the mailbox has no key with the certificate %lld", (long long)certificate_id);
        return STORE_REFUSED;
    }
    if (status == STORE_NONE) {
        why_set(why, "the mailbox has no key that signs");
        return STORE_REFUSED;
    }
    return status;
}

static enum store_status parse_key(const struct store *store, struct stored_key *stored,
                                   struct identity *out, char **why)
{
    enum store_status status = secret_open_key(&store->secret, stored->sealed.start,
                                               stored->sealed.length, &out->key, why);
    if (status == STORE_OK) {
        status = certificate_parse_all(&stored->chain, &out->chain, why);
    }
    if (status == STORE_OK && X509_check_private_key(stored->certificate, out->key) != 1) {
        ERR_clear_error();
        why_set(why, "a private key in the store does not belong to its certificate");
        status = STORE_ERROR;
    }
    if (status == STORE_OK) {
        out->certificate = stored->certificate;
        stored->certificate = NULL;
    } else {
        identity_clear(out);
    }
    return status;
}

enum store_status store_mailbox_identity(struct store *store, const char *address,
                                         int64_t certificate_id, struct identity *out, char **why)
{
    struct stored_key stored = {0};
    *out = (struct identity){0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_key(store->sql, address, certificate_id, &stored, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        status = parse_key(store, &stored, out, why);
    }
    blobs_clear(&stored.chain);
    free(stored.sealed.start);
    X509_free(stored.certificate);
    return status;
}
