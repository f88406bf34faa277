/* Which certificate to encrypt to an address with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cert_use.h"
#include "certificate.h"
#include "handle.h"
#include "revoked.h"
#include "why.h"

/* The certificates for an address, with the time during which they stay the right ones: it ends
 * when one of them expires, or when another one becomes valid that might be preferred. */
struct choice {
    struct cached cached;
    STACK_OF(X509) * certificates; /* the preferred one first; may be empty */
    unsigned learned;              /* bit i: signed mail brought the i-th, nobody else */
    char *revoked; /* then: what is known of one that is revoked; NULL: there is none */
    struct capabilities capabilities;
    time_t from;
    time_t until; /* last second */
};

static void choice_destroy(struct cached *cached)
{
    struct choice *choice = (struct choice *)cached;
    sk_X509_pop_free(choice->certificates, X509_free);
    free(choice->revoked);
    capabilities_clear(&choice->capabilities);
    free(choice);
}

void capabilities_clear(struct capabilities *capabilities)
{
    free(capabilities->der);
    *capabilities = (struct capabilities){.der = NULL};
}

/* What the rows have. */
struct offered {
    unsigned char *ders[STORE_MAX_ENCRYPTION_KEYS];
    size_t lengths[STORE_MAX_ENCRYPTION_KEYS];
    unsigned learned;
    size_t count;
};

static void offered_clear(struct offered *offered)
{
    for (size_t i = 0; i < offered->count; i++) {
        free(offered->ders[i]);
    }
    *offered = (struct offered){.count = 0};
}

static enum store_status take_row(void *context, sqlite3_stmt *row, char **why)
{
    struct offered *offered = context;
    size_t at = offered->count;
    offered->ders[at] = sql_blob(row, 0, &offered->lengths[at], why);
    if (!offered->ders[at]) {
        return STORE_ERROR;
    }
    offered->learned |= sqlite3_column_int(row, 1) != 0 ? 1U << at : 0;
    offered->count++;
    return STORE_OK;
}

static enum store_status read_certificates(struct sql *sql, const char *address, time_t now,
                                           struct offered *out, char **why)
{
    return sql_each(
        sql,
        "SELECT c.der, p.source = 1 AND p.pinned = 0 FROM pubkey_address a"
        " JOIN pubkey p ON p.id = a.pubkey JOIN certificate c ON c.id = p.certificate"
        " LEFT JOIN preference f ON f.address = a.address AND f.certificate = c.id"
        " WHERE a.address = ?1 AND c.not_before <= ?2 AND c.not_after >= ?2"
        " AND NOT EXISTS (SELECT 1 FROM revoked r WHERE r.certificate = c.id)"
        " AND (p.pinned = 1 OR NOT EXISTS (SELECT 1 FROM pubkey_address a2"
        "  JOIN pubkey p2 ON p2.id = a2.pubkey JOIN certificate c2 ON c2.id = p2.certificate"
        "  WHERE a2.address = ?1 AND p2.pinned = 1 AND c2.not_before <= ?2 AND c2.not_after >= ?2"
        "  AND NOT EXISTS (SELECT 1 FROM revoked r2 WHERE r2.certificate = c2.id)))"
        " ORDER BY p.pinned DESC, p.source, f.certificate IS NULL, c.not_before DESC,"
        " p.id DESC LIMIT ?3",
        SQL_VALUES(SQL_TEXT(address), SQL_INT(now), SQL_INT(STORE_MAX_ENCRYPTION_KEYS)), take_row,
        out, why);
}

static enum store_status take_certificate(struct choice *choice, const unsigned char *der,
                                          size_t length, char **why)
{
    X509 *certificate = NULL;
    time_t not_before = 0;
    time_t not_after = 0;
    enum store_status status = certificate_parse(der, length, &certificate, why);
    if (status != STORE_OK) {
        return status;
    }
    if (cert_validity(certificate, &not_before, &not_after) != 0) {
        why_set(why, "the validity of a certificate cannot be read");
        status = STORE_ERROR;
    } else if (sk_X509_push(choice->certificates, certificate) <= 0) {
        status = store_no_memory(why);
    }
    if (status != STORE_OK) {
        X509_free(certificate);
        return status;
    }
    if (not_after < choice->until) {
        choice->until = not_after;
    }
    choice->cached.objects++;
    return STORE_OK;
}

static enum store_status take_certificates(struct choice *choice, const struct offered *offered,
                                           char **why)
{
    enum store_status status = STORE_OK;
    choice->certificates = sk_X509_new_null();
    if (!choice->certificates) {
        return store_no_memory(why);
    }
    choice->learned = offered->learned;
    for (size_t i = 0; status == STORE_OK && i < offered->count; i++) {
        status = take_certificate(choice, offered->ders[i], offered->lengths[i], why);
    }
    return status;
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
    struct offered offered = {.count = 0};
    choice->from = now;
    choice->until = INT64_MAX;
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_certificates(store->sql, address, now, &offered, why);
    if (status == STORE_OK) {
        status = read_next_start(store->sql, address, now, choice, why);
    }
    if (status == STORE_OK && offered.count > 0) {
        status = read_capabilities(store->sql, address, &choice->capabilities, why);
    } else if (status == STORE_OK) {
        status = revoked_key(store->sql, address, now, &choice->revoked, why);
        status = status == STORE_NONE ? STORE_OK : status;
    }
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        status = take_certificates(choice, &offered, why);
    }
    offered_clear(&offered);
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

static enum store_status share(const struct choice *choice, STACK_OF(X509) * *out,
                               struct capabilities *capabilities_out, char **why)
{
    *out = X509_chain_up_ref(choice->certificates);
    if (!*out) {
        return store_no_memory(why);
    }
    if (!capabilities_out || !choice->capabilities.der) {
        return STORE_OK;
    }
    capabilities_out->der = malloc(choice->capabilities.length + 1);
    if (!capabilities_out->der) {
        sk_X509_pop_free(*out, X509_free);
        *out = NULL;
        return store_no_memory(why);
    }
    memcpy(capabilities_out->der, choice->capabilities.der, choice->capabilities.length);
    capabilities_out->length = choice->capabilities.length;
    return STORE_OK;
}

enum store_status store_encryption_certificates(struct store *store, const char *address,
                                                time_t now, STACK_OF(X509) * *out,
                                                unsigned *learned_out,
                                                struct capabilities *capabilities_out, char **why)
{
    struct choice *choice = NULL;
    *out = NULL;
    if (learned_out) {
        *learned_out = 0;
    }
    if (capabilities_out) {
        *capabilities_out = (struct capabilities){.der = NULL};
    }
    enum store_status status = get(store, address, now, &choice, why);
    if (status != STORE_OK) {
        return status;
    }
    if (sk_X509_num(choice->certificates) > 0) {
        status = share(choice, out, capabilities_out, why);
        if (learned_out) {
            *learned_out = choice->learned;
        }
    } else {
        why_set(why, "no valid public key of %s is known%s%s", address, choice->revoked ? ": " : "",
                choice->revoked ? choice->revoked : "");
        status = STORE_NONE;
    }
    cached_release(&choice->cached);
    return status;
}

enum store_status store_encryption_certificate(struct store *store, const char *address, time_t now,
                                               X509 **out, struct capabilities *capabilities_out,
                                               char **why)
{
    STACK_OF(X509) *certificates = NULL;
    *out = NULL;
    enum store_status status = store_encryption_certificates(store, address, now, &certificates,
                                                             NULL, capabilities_out, why);
    if (status == STORE_OK) {
        *out = sk_X509_shift(certificates);
        sk_X509_pop_free(certificates, X509_free);
    }
    return status;
}
