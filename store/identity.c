/* Loading private keys with their certificates: what signs for a mailbox, and all that decrypts.
 *
 * Rows are copied under the connection's lock and parsed outside it. */
#include <stdlib.h>

#include <openssl/err.h>

#include "cert_use.h"
#include "certificate.h"
#include "handle.h"
#include "mailbox.h"
#include "why.h"

/* Certificates of former keys that are looked at for one to encrypt to. */
#define MAX_ENCRYPTION_CHOICE 16

/* ---- Rows ---- */

struct key_row {
    int64_t id;
    struct blob sealed;
    struct blob certificate;
    struct blobs chain;
};

struct key_rows {
    struct key_row *items;
    size_t count;
};

static void key_rows_clear(struct key_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct key_row *row = &rows->items[i];
        blobs_clear(&row->chain);
        free(row->sealed.start);
        free(row->certificate.start);
    }
    free(rows->items);
    *rows = (struct key_rows){NULL, 0};
}

static enum store_status copy_blob(sqlite3_stmt *row, int column, struct blob *out, char **why)
{
    out->start = sql_blob(row, column, &out->length, why);
    return out->start ? STORE_OK : STORE_ERROR;
}

/* Columns: id, pkcs8, der. */
static enum store_status push_key(void *context, sqlite3_stmt *row, char **why)
{
    struct key_rows *rows = context;
    struct key_row *items = realloc(rows->items, (rows->count + 1) * sizeof *items);
    if (!items) {
        return store_no_memory(why);
    }
    rows->items = items;
    struct key_row *item = &items[rows->count++];
    *item = (struct key_row){.id = sqlite3_column_int64(row, 0)};
    enum store_status status = copy_blob(row, 1, &item->sealed, why);
    return status == STORE_OK ? copy_blob(row, 2, &item->certificate, why) : status;
}

static enum store_status read_chain(struct sql *sql, struct key_row *key, char **why)
{
    return sql_blobs(sql,
                     "SELECT c.der FROM key_chain k JOIN certificate c ON c.id = k.certificate"
                     " WHERE k.private_key = ?1 ORDER BY k.position",
                     SQL_VALUES(SQL_INT(key->id)), &key->chain, why);
}

/* ---- Parsing ---- */

static enum store_status parse_identity(const struct store *store, const struct key_row *row,
                                        struct identity *out, char **why)
{
    *out = (struct identity){0};
    enum store_status status =
        certificate_parse(row->certificate.start, row->certificate.length, &out->certificate, why);
    if (status == STORE_OK) {
        status =
            secret_open_key(&store->secret, row->sealed.start, row->sealed.length, &out->key, why);
    }
    if (status == STORE_OK && X509_check_private_key(out->certificate, out->key) != 1) {
        ERR_clear_error();
        why_set(why, "a private key in the store does not belong to its certificate");
        status = STORE_ERROR;
    }
    if (status == STORE_OK) {
        status = certificate_parse_all(&row->chain, &out->chain, why);
    }
    if (status != STORE_OK) {
        identity_clear(out);
        why_prefix(why, "private key %lld", (long long)row->id);
    }
    return status;
}

void identity_clear(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    sk_X509_pop_free(identity->chain, X509_free);
    X509_free(identity->encryption_certificate);
    *identity = (struct identity){0};
}

void identity_list_clear(struct identity_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        identity_clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct identity_list){NULL, 0};
}

static enum store_status share_identity(const struct identity *identity, struct identity *out,
                                        char **why)
{
    out->chain = X509_chain_up_ref(identity->chain);
    if (!out->chain) {
        return store_no_memory(why);
    }
    X509_up_ref(identity->certificate);
    EVP_PKEY_up_ref(identity->key);
    out->certificate = identity->certificate;
    out->key = identity->key;
    return STORE_OK;
}

static size_t objects_of(const struct identity *identity)
{
    return 2 + (size_t)sk_X509_num(identity->chain);
}

/* ---- Signing ---- */

enum signing_state { SIGNING_UNKNOWN, SIGNING_INACTIVE, SIGNING_REVOKED, SIGNING_READY };

struct signing {
    struct cached cached;
    enum signing_state state;
    struct identity identity; /* of SIGNING_READY */
    time_t not_before;
    time_t not_after;
    char *revoked;               /* of SIGNING_REVOKED: what is known of it */
    STACK_OF(X509) * encryption; /* where it only signs: what may be encrypted to, newest first */
};

/* What was read of it. */
struct signing_rows {
    struct key_rows key; /* one or none */
    struct blobs others; /* certificates of the mailbox's other keys, the newest first */
};

static void signing_destroy(struct cached *cached)
{
    struct signing *signing = (struct signing *)cached;
    identity_clear(&signing->identity);
    sk_X509_pop_free(signing->encryption, X509_free);
    free(signing->revoked);
    free(signing);
}

/* Of the mailbox that signs with `key`; a revoked certificate would not serve anybody. */
static enum store_status read_others(struct sql *sql, int64_t key, struct blobs *out, char **why)
{
    return sql_blobs(sql,
                     "SELECT c.der FROM private_key k JOIN certificate c ON c.id = k.certificate"
                     " WHERE k.mailbox = (SELECT mailbox FROM private_key WHERE id = ?1)"
                     " AND k.id <> ?1 AND NOT EXISTS (SELECT 1 FROM ca_certificate i"
                     " WHERE i.certificate = k.certificate AND i.revoked IS NOT NULL)"
                     " AND NOT EXISTS (SELECT 1 FROM revoked r"
                     " WHERE r.certificate = k.certificate)"
                     " ORDER BY k.added DESC, k.id DESC LIMIT ?2",
                     SQL_VALUES(SQL_INT(key), SQL_INT(MAX_ENCRYPTION_CHOICE)), out, why);
}

static enum store_status take_signing_row(struct signing *out, struct signing_rows *rows,
                                          sqlite3_stmt *row, char **why)
{
    if (sqlite3_column_type(row, 4) == SQLITE_NULL) {
        out->state = SIGNING_READY;
        return push_key(&rows->key, row, why);
    }
    out->state = SIGNING_REVOKED;
    out->revoked = sql_text(row, 4, why);
    return out->revoked ? STORE_OK : STORE_ERROR;
}

static enum store_status read_signing_rows(struct sql *sql, const char *address,
                                           struct signing *out, struct signing_rows *rows,
                                           char **why)
{
    sqlite3_stmt *row = NULL;
    out->state = SIGNING_UNKNOWN;
    enum store_status status =
        sql_query(sql,
                  "SELECT k.id, k.pkcs8, c.der, m.state, r.sentence"
                  " FROM mailbox_address a JOIN mailbox m ON m.id = a.mailbox"
                  " LEFT JOIN private_key k ON k.id = m.signing_key"
                  " LEFT JOIN certificate c ON c.id = k.certificate"
                  " LEFT JOIN revoked r ON r.certificate = c.id WHERE a.address = ?1",
                  SQL_VALUES(SQL_TEXT(address)), &row, why);
    if (status == STORE_OK) {
        out->state = SIGNING_INACTIVE;
        if (sqlite3_column_int(row, 3) == MAILBOX_ACTIVE &&
            sqlite3_column_type(row, 0) != SQLITE_NULL) {
            status = take_signing_row(out, rows, row, why);
        }
    }
    sql_done(row);
    if (status == STORE_OK && rows->key.count > 0) {
        status = read_chain(sql, &rows->key.items[0], why);
    }
    if (status == STORE_OK && rows->key.count > 0) {
        status = read_others(sql, rows->key.items[0].id, &rows->others, why);
    }
    return status == STORE_NONE ? STORE_OK : status;
}

static bool fits_encryption(X509 *certificate)
{
    time_t not_before = 0;
    return cert_validity(certificate, &not_before, &(time_t){0}) == 0 &&
           cert_check_use(certificate, CERT_USE_ENCRYPT, not_before, NULL) == 0;
}

static enum store_status parse_signing(const struct store *store, const struct signing_rows *rows,
                                       struct signing *out, char **why)
{
    enum store_status status = parse_identity(store, &rows->key.items[0], &out->identity, why);
    if (status != STORE_OK) {
        return status;
    }
    out->cached.objects = objects_of(&out->identity);
    if (cert_validity(out->identity.certificate, &out->not_before, &out->not_after) != 0) {
        why_set(why, "the validity of the certificate cannot be read");
        return STORE_ERROR;
    }
    if (fits_encryption(out->identity.certificate)) {
        return STORE_OK;
    }
    status = certificate_parse_all(&rows->others, &out->encryption, why);
    for (int i = sk_X509_num(out->encryption); i-- > 0;) {
        if (!fits_encryption(sk_X509_value(out->encryption, i))) {
            X509_free(sk_X509_delete(out->encryption, i));
        }
    }
    out->cached.objects += out->encryption ? (size_t)sk_X509_num(out->encryption) : 0;
    return status;
}

static enum store_status load_signing(struct store *store, const char *address, struct signing *out,
                                      char **why)
{
    struct signing_rows rows = {0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_signing_rows(store->sql, address, out, &rows, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status == STORE_OK && rows.key.count > 0) {
        status = parse_signing(store, &rows, out, why);
    }
    key_rows_clear(&rows.key);
    blobs_clear(&rows.others);
    if (status != STORE_OK) {
        why_prefix(why, "the signing key of %s", address);
    }
    return status;
}

static enum store_status get_signing(struct store *store, const char *address, struct signing **out,
                                     char **why)
{
    uint64_t epoch = 0;
    *out = (struct signing *)cache_get(store->cache, CACHE_SIGNING, address, &epoch);
    if (*out) {
        return STORE_OK;
    }
    struct signing *signing = calloc(1, sizeof *signing);
    if (!signing) {
        return store_no_memory(why);
    }
    cached_init(&signing->cached, 0, signing_destroy);
    enum store_status status = load_signing(store, address, signing, why);
    if (status != STORE_OK) {
        cached_release(&signing->cached);
        return status;
    }
    cache_put(store->cache, CACHE_SIGNING, address, epoch, &signing->cached);
    *out = signing;
    return STORE_OK;
}

/* A reference, or NULL. */
static X509 *choose_encryption(const STACK_OF(X509) * choice, time_t now)
{
    for (int i = 0; i < sk_X509_num(choice); i++) {
        X509 *certificate = sk_X509_value(choice, i);
        time_t not_before = 0;
        time_t not_after = 0;
        if (cert_validity(certificate, &not_before, &not_after) == 0 && now >= not_before &&
            now <= not_after) {
            X509_up_ref(certificate);
            return certificate;
        }
    }
    return NULL;
}

enum store_status store_signing_identity(struct store *store, const char *address, time_t now,
                                         struct identity *out, char **why)
{
    struct signing *signing = NULL;
    *out = (struct identity){0};
    enum store_status status = get_signing(store, address, &signing, why);
    if (status != STORE_OK) {
        return status;
    }
    status = STORE_NONE;
    if (signing->state == SIGNING_UNKNOWN) {
        why_set(why, "there is no mailbox %s", address);
    } else if (signing->state == SIGNING_INACTIVE) {
        why_set(why, "the mailbox %s is not active", address);
    } else if (signing->state == SIGNING_REVOKED) {
        why_set(why, "the mailbox %s does not sign: %s", address, signing->revoked);
    } else if (now < signing->not_before) {
        why_set(why, "the certificate of the mailbox %s is not yet valid", address);
    } else if (now > signing->not_after) {
        why_set(why, "the certificate of the mailbox %s has expired", address);
    } else {
        status = share_identity(&signing->identity, out, why);
    }
    if (status == STORE_OK) {
        out->encryption_certificate = choose_encryption(signing->encryption, now);
    }
    cached_release(&signing->cached);
    return status;
}

/* ---- Decrypting ---- */

struct identities {
    struct cached cached;
    bool known;         /* is there such a mailbox */
    bool never_decrypt; /* of it */
    struct identity_list list;
};

static void identities_destroy(struct cached *cached)
{
    struct identities *identities = (struct identities *)cached;
    identity_list_clear(&identities->list);
    free(identities);
}

static enum store_status read_all_rows(struct sql *sql, const char *address,
                                       struct identities *about, struct key_rows *rows, char **why)
{
    int64_t mailbox = 0;
    int64_t never = 0;
    enum store_status status = mailbox_id(sql, address, &mailbox, why);
    about->known = status == STORE_OK;
    if (status == STORE_OK) {
        status = sql_integer(sql, "SELECT never_decrypt FROM mailbox WHERE id = ?1",
                             SQL_VALUES(SQL_INT(mailbox)), &never, why);
    }
    about->never_decrypt = never != 0;
    if (status != STORE_OK || about->never_decrypt) {
        return status == STORE_NONE ? STORE_OK : status;
    }
    status = sql_each(sql,
                      "SELECT k.id, k.pkcs8, c.der FROM private_key k"
                      " JOIN certificate c ON c.id = k.certificate WHERE k.mailbox = ?1"
                      " ORDER BY k.added DESC, k.id DESC",
                      SQL_VALUES(SQL_INT(mailbox)), push_key, rows, why);
    for (size_t i = 0; status == STORE_OK && i < rows->count; i++) {
        status = read_chain(sql, &rows->items[i], why);
    }
    return status;
}

static enum store_status parse_all(const struct store *store, const struct key_rows *rows,
                                   struct identities *out, char **why)
{
    if (rows->count == 0) {
        return STORE_OK;
    }
    out->list.items = calloc(rows->count, sizeof *out->list.items);
    if (!out->list.items) {
        return store_no_memory(why);
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct identity *identity = &out->list.items[i];
        enum store_status status = parse_identity(store, &rows->items[i], identity, why);
        if (status != STORE_OK) {
            return status;
        }
        out->list.count++;
        out->cached.objects += objects_of(identity);
    }
    return STORE_OK;
}

static enum store_status load_identities(struct store *store, const char *address,
                                         struct identities *out, char **why)
{
    struct key_rows rows = {NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_all_rows(store->sql, address, out, &rows, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        status = parse_all(store, &rows, out, why);
    }
    key_rows_clear(&rows);
    if (status != STORE_OK) {
        why_prefix(why, "the keys of %s", address);
    }
    return status;
}

static enum store_status get_identities(struct store *store, const char *address,
                                        struct identities **out, char **why)
{
    uint64_t epoch = 0;
    *out = (struct identities *)cache_get(store->cache, CACHE_IDENTITIES, address, &epoch);
    if (*out) {
        return STORE_OK;
    }
    struct identities *identities = calloc(1, sizeof *identities);
    if (!identities) {
        return store_no_memory(why);
    }
    cached_init(&identities->cached, 0, identities_destroy);
    enum store_status status = load_identities(store, address, identities, why);
    if (status != STORE_OK) {
        cached_release(&identities->cached);
        return status;
    }
    cache_put(store->cache, CACHE_IDENTITIES, address, epoch, &identities->cached);
    *out = identities;
    return STORE_OK;
}

static enum store_status share_list(const struct identity_list *list, struct identity_list *out,
                                    char **why)
{
    out->items = calloc(list->count, sizeof *out->items);
    if (!out->items) {
        return store_no_memory(why);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (share_identity(&list->items[i], &out->items[i], why) != STORE_OK) {
            identity_list_clear(out);
            return STORE_ERROR;
        }
        out->count++;
    }
    return STORE_OK;
}

enum store_status store_identities(struct store *store, const char *address,
                                   struct identity_list *out, char **why)
{
    struct identities *identities = NULL;
    *out = (struct identity_list){NULL, 0};
    enum store_status status = get_identities(store, address, &identities, why);
    if (status != STORE_OK) {
        return status;
    }
    status = STORE_NONE;
    if (!identities->known) {
        why_set(why, "there is no mailbox %s", address);
    } else if (identities->never_decrypt) {
        why_set(why, "the mailbox %s is set to never decrypt", address);
    } else if (identities->list.count == 0) {
        why_set(why, "the mailbox %s has no private key", address);
    } else {
        status = share_list(&identities->list, out, why);
    }
    cached_release(&identities->cached);
    return status;
}
