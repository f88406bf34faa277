/* Which certificate to encrypt to an address with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "handle.h"
#include "revoked.h"
#include "why.h"

/* The choice for an address, with the time during which it stays the right one: it ends when the
 * certificate expires, or when another one becomes valid that might be preferred. */
struct choice {
    struct cached cached;
    X509 *certificate; /* NULL: none */
    char *revoked;     /* then: what is known of one that is revoked; NULL: there is none */
    struct capabilities capabilities;
    time_t from;
    time_t until; /* last second */
};

static void choice_destroy(struct cached *cached)
{
    struct choice *choice = (struct choice *)cached;
    X509_free(choice->certificate);
    free(choice->revoked);
    capabilities_clear(&choice->capabilities);
    free(choice);
}

void capabilities_clear(struct capabilities *capabilities)
{
    free(capabilities->der);
    *capabilities = (struct capabilities){NULL, 0};
}

struct choice_row {
    unsigned char *der; /* NULL: no certificate */
    size_t length;
};

static enum store_status read_certificate(struct sql *sql, const char *address, time_t now,
                                          struct choice *choice, struct choice_row *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT c.der, c.not_after FROM pubkey_address a"
                  " JOIN pubkey p ON p.id = a.pubkey JOIN certificate c ON c.id = p.certificate"
                  " WHERE a.address = ?1 AND c.not_before <= ?2 AND c.not_after >= ?2"
                  " AND NOT EXISTS (SELECT 1 FROM revoked r WHERE r.certificate = c.id)"
                  " ORDER BY p.pinned DESC, p.source, c.not_before DESC, p.id DESC LIMIT 1",
                  SQL_VALUES(SQL_TEXT(address), SQL_INT(now)), &row, why);
    if (status == STORE_OK) {
        choice->until = sqlite3_column_int64(row, 1);
        out->der = sql_blob(row, 0, &out->length, why);
        status = out->der ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status read_next_start(struct sql *sql, const char *address, time_t now,
                                         struct choice *choice, char **why)
{
    int64_t next = 0;
    enum store_status status =
        sql_integer(sql,
                    "SELECT c.not_before FROM pubkey_address a"
                    " JOIN pubkey p ON p.id = a.pubkey JOIN certificate c ON c.id = p.certificate"
                    " WHERE a.address = ?1 AND c.not_before > ?2 ORDER BY c.not_before LIMIT 1",
                    SQL_VALUES(SQL_TEXT(address), SQL_INT(now)), &next, why);
    if (status == STORE_OK && next - 1 < choice->until) {
        choice->until = next - 1;
    }
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status read_capabilities(struct sql *sql, const char *address,
                                           struct capabilities *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(sql, "SELECT der FROM capabilities WHERE address = ?1",
                                         SQL_VALUES(SQL_TEXT(address)), &row, why);
    if (status == STORE_OK) {
        out->der = sql_blob(row, 0, &out->length, why);
        status = out->der ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status load(struct store *store, const char *address, time_t now,
                              struct choice *choice, char **why)
{
    struct choice_row row = {NULL, 0};
    choice->from = now;
    choice->until = INT64_MAX;
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_certificate(store->sql, address, now, choice, &row, why);
    if (status == STORE_OK) {
        status = read_next_start(store->sql, address, now, choice, why);
    }
    if (status == STORE_OK && row.der) {
        status = read_capabilities(store->sql, address, &choice->capabilities, why);
    } else if (status == STORE_OK) {
        status = revoked_key(store->sql, address, now, &choice->revoked, why);
        status = status == STORE_NONE ? STORE_OK : status;
    }
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status == STORE_OK && row.der) {
        status = certificate_parse(row.der, row.length, &choice->certificate, why);
        choice->cached.objects = 1;
    }
    free(row.der);
    if (status != STORE_OK) {
        why_prefix(why, "the public key of %s", address);
    }
    return status;
}

static enum store_status get(struct store *store, const char *address, time_t now,
                             struct choice **out, char **why)
{
    uint64_t epoch = 0;
    *out = (struct choice *)cache_get(store->cache, CACHE_ENCRYPTION, address, &epoch);
    if (*out && (*out)->from <= now && now <= (*out)->until) {
        return STORE_OK;
    }
    if (*out) {
        cached_release(&(*out)->cached);
        *out = NULL;
    }
    struct choice *choice = calloc(1, sizeof *choice);
    if (!choice) {
        return store_no_memory(why);
    }
    cached_init(&choice->cached, 0, choice_destroy);
    enum store_status status = load(store, address, now, choice, why);
    if (status != STORE_OK) {
        cached_release(&choice->cached);
        return status;
    }
    cache_put(store->cache, CACHE_ENCRYPTION, address, epoch, &choice->cached);
    *out = choice;
    return STORE_OK;
}

static enum store_status share(const struct choice *choice, X509 **out,
                               struct capabilities *capabilities_out, char **why)
{
    if (capabilities_out && choice->capabilities.der) {
        capabilities_out->der = malloc(choice->capabilities.length + 1);
        if (!capabilities_out->der) {
            return store_no_memory(why);
        }
        memcpy(capabilities_out->der, choice->capabilities.der, choice->capabilities.length);
        capabilities_out->length = choice->capabilities.length;
    }
    X509_up_ref(choice->certificate);
    *out = choice->certificate;
    return STORE_OK;
}

enum store_status store_encryption_certificate(struct store *store, const char *address, time_t now,
                                               X509 **out, struct capabilities *capabilities_out,
                                               char **why)
{
    struct choice *choice = NULL;
    *out = NULL;
    if (capabilities_out) {
        *capabilities_out = (struct capabilities){NULL, 0};
    }
    enum store_status status = get(store, address, now, &choice, why);
    if (status != STORE_OK) {
        return status;
    }
    if (choice->certificate) {
        status = share(choice, out, capabilities_out, why);
    } else {
        why_set(why, "no valid public key of %s is known%s%s", address, choice->revoked ? ": " : "",
                choice->revoked ? choice->revoked : "");
        status = STORE_NONE;
    }
    cached_release(&choice->cached);
    return status;
}
