/* What the chain builder is given: anchors, and intermediates that valid chains have had. */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "cert_use.h"
#include "certificate.h"
#include "chain.h"
#include "handle.h"
#include "why.h"

/* Intermediates remembered; the whole world has some hundreds that issue for mail. */
#define INTERMEDIATES_MAX 512
#define INTERMEDIATE_SEEN_INTERVAL_S (24 * 60 * 60)

/* ---- Handing out ---- */

struct shared_trust {
    struct cached cached;
    X509_STORE *anchors;
    STACK_OF(X509) * intermediates;
};

static void shared_trust_destroy(struct cached *cached)
{
    struct shared_trust *trust = (struct shared_trust *)cached;
    X509_STORE_free(trust->anchors);
    sk_X509_pop_free(trust->intermediates, X509_free);
    free(trust);
}

/* Adding takes a reference; a certificate that is there already is no error, another one of the
 * same name is kept beside it. */
static enum store_status add_all(X509_STORE *anchors, STACK_OF(X509) * certificates, char **why)
{
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        if (X509_STORE_add_cert(anchors, sk_X509_value(certificates, i)) != 1) {
            ERR_clear_error();
            return store_no_memory(why);
        }
    }
    return STORE_OK;
}

struct trust_rows {
    struct blobs anchors;
    struct blobs intermediates;
};

static enum store_status read_rows(struct store *store, struct trust_rows *out, char **why)
{
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_blobs(store->sql,
                       "SELECT c.der FROM anchor a"
                       " JOIN certificate c ON c.id = a.certificate ORDER BY a.id",
                       SQL_NO_VALUES, &out->anchors, why);
    if (status == STORE_OK) {
        status = sql_blobs(store->sql,
                           "SELECT c.der FROM intermediate i"
                           " JOIN certificate c ON c.id = i.certificate"
                           " ORDER BY i.last_seen DESC, i.certificate DESC",
                           SQL_NO_VALUES, &out->intermediates, why);
    }
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    return status;
}

static enum store_status fill_anchors(struct store *store, X509_STORE *anchors,
                                      const struct blobs *own, char **why)
{
    STACK_OF(X509) *parsed = NULL;
    enum store_status status = certificate_parse_all(own, &parsed, why);
    if (status == STORE_OK) {
        status = add_all(anchors, parsed, why);
    }
    if (status == STORE_OK) {
        pthread_mutex_lock(&store->system_lock);
        status = add_all(anchors, store->system_anchors, why);
        pthread_mutex_unlock(&store->system_lock);
    }
    sk_X509_pop_free(parsed, X509_free);
    return status;
}

static enum store_status load(struct store *store, struct shared_trust *out, char **why)
{
    struct trust_rows rows = {{NULL, 0}, {NULL, 0}};
    out->anchors = X509_STORE_new();
    /* Whatever stands in it is an anchor, also a CA that is not self-signed. */
    if (!out->anchors || X509_STORE_set_flags(out->anchors, X509_V_FLAG_PARTIAL_CHAIN) != 1) {
        return store_no_memory(why);
    }
    enum store_status status = read_rows(store, &rows, why);
    if (status == STORE_OK) {
        status = certificate_parse_all(&rows.intermediates, &out->intermediates, why);
    }
    if (status == STORE_OK) {
        status = fill_anchors(store, out->anchors, &rows.anchors, why);
    }
    blobs_clear(&rows.anchors);
    blobs_clear(&rows.intermediates);
    return status;
}

static enum store_status get(struct store *store, struct shared_trust **out, char **why)
{
    uint64_t epoch = 0;
    *out = (struct shared_trust *)cache_get(store->cache, CACHE_TRUST, "", &epoch);
    if (*out) {
        return STORE_OK;
    }
    struct shared_trust *trust = calloc(1, sizeof *trust);
    if (!trust) {
        return store_no_memory(why);
    }
    cached_init(&trust->cached, 0, shared_trust_destroy);
    enum store_status status = load(store, trust, why);
    if (status != STORE_OK) {
        why_prefix(why, "the trust anchors");
        cached_release(&trust->cached);
        return status;
    }
    cache_put(store->cache, CACHE_TRUST, "", epoch, &trust->cached);
    *out = trust;
    return STORE_OK;
}

enum store_status store_trust(struct store *store, struct trust *out, char **why)
{
    struct shared_trust *shared = NULL;
    *out = (struct trust){NULL, NULL};
    enum store_status status = get(store, &shared, why);
    if (status != STORE_OK) {
        return status;
    }
    out->intermediates = X509_chain_up_ref(shared->intermediates);
    if (out->intermediates) {
        X509_STORE_up_ref(shared->anchors);
        out->anchors = shared->anchors;
    } else {
        status = store_no_memory(why);
    }
    cached_release(&shared->cached);
    return status;
}

void store_trust_clear(struct trust *trust)
{
    X509_STORE_free(trust->anchors);
    sk_X509_pop_free(trust->intermediates, X509_free);
    *trust = (struct trust){NULL, NULL};
}

/* ---- Remembering ---- */

/* Roots come from anchors alone, leaves are no help, and what is not sound now was in no valid
 * chain. */
static bool is_worth_keeping(X509 *certificate, time_t now)
{
    return cert_check_anchor(certificate, now, NULL) == 0 && !chain_is_self_signed(certificate);
}

/* Those of `chain` that the store does not know, or has not noted for a day. */
static enum store_status select_unknown(struct store *store, STACK_OF(X509) * chain, time_t now,
                                        STACK_OF(X509) * unknown, char **why)
{
    for (int i = 0; i < sk_X509_num(chain) && i < CHAIN_MAX_LENGTH; i++) {
        X509 *certificate = sk_X509_value(chain, i);
        int64_t id = 0;
        int64_t found = 0;
        if (!is_worth_keeping(certificate, now)) {
            continue;
        }
        enum store_status status = certificate_find(store->sql, certificate, &id, why);
        if (status == STORE_OK) {
            status = sql_integer(
                store->sql, "SELECT 1 FROM intermediate WHERE certificate = ?1 AND last_seen > ?2",
                SQL_VALUES(SQL_INT(id), SQL_INT(now - INTERMEDIATE_SEEN_INTERVAL_S)), &found, why);
        }
        if (status == STORE_NONE && sk_X509_push(unknown, certificate) <= 0) {
            status = store_no_memory(why);
        }
        if (status == STORE_ERROR) {
            return status;
        }
    }
    return STORE_OK;
}

static enum store_status trim(struct sql *sql, char **why)
{
    int64_t oldest = 0;
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT certificate FROM intermediate"
                             " ORDER BY last_seen DESC, certificate DESC LIMIT 1 OFFSET ?1",
                             SQL_VALUES(SQL_INT(INTERMEDIATES_MAX)), &oldest, why);
        if (status == STORE_OK) {
            status = sql_run(sql, "DELETE FROM intermediate WHERE certificate = ?1",
                             SQL_VALUES(SQL_INT(oldest)), why);
        }
        if (status == STORE_OK) {
            status = certificate_drop_unused(sql, oldest, why);
        }
    }
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status remember(struct store *store, X509 *certificate, time_t now, bool *added,
                                  char **why)
{
    struct sql *sql = store->sql;
    int64_t id = 0;
    enum store_status status = certificate_put(sql, certificate, &id, why);
    if (status == STORE_OK) {
        status = sql_run(sql, "UPDATE intermediate SET last_seen = ?2 WHERE certificate = ?1",
                         SQL_VALUES(SQL_INT(id), SQL_INT(now)), why);
    }
    if (status == STORE_OK && sql_changes(sql) == 0) {
        *added = true;
        status = sql_run(sql, "INSERT INTO intermediate (certificate, last_seen) VALUES (?1, ?2)",
                         SQL_VALUES(SQL_INT(id), SQL_INT(now)), why);
        if (status == STORE_OK) {
            status = audit_certificate(store, "intermediate certificate learned", "", 0,
                                       certificate, why);
        }
    }
    return status;
}

static enum store_status remember_all(struct store *store, STACK_OF(X509) * certificates,
                                      time_t now, char **why)
{
    static char everybody[] = ""; /* under which trust is cached */
    char *const addresses[] = {everybody};
    bool added = false;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    for (int i = 0; status == STORE_OK && i < sk_X509_num(certificates); i++) {
        status = remember(store, sk_X509_value(certificates, i), now, &added, why);
    }
    if (status == STORE_OK && added) {
        status = trim(store->sql, why);
    }
    if (!added) {
        audit_nothing(store); /* only seen again */
    }
    struct change change = {
        .effect = added ? CHANGE_ADDRESSES : CHANGE_NOTHING,
        .kind = CACHE_TRUST,
        .addresses = addresses,
        .count = 1,
    };
    return change_end(store, status, &change, why);
}

enum store_status store_remember_intermediates(struct store *store, STACK_OF(X509) * chain,
                                               time_t now, char **why)
{
    STACK_OF(X509) *unknown = sk_X509_new_null();
    if (!unknown) {
        return store_no_memory(why);
    }
    enum store_status status = sql_begin_read(store->sql, why);
    if (status == STORE_OK) {
        status = select_unknown(store, chain, now, unknown, why);
        status = sql_end(store->sql, status, why);
        sql_unlock(store->sql);
    }
    if (status == STORE_OK && sk_X509_num(unknown) > 0) {
        status = remember_all(store, unknown, now, why);
    }
    sk_X509_free(unknown);
    return status;
}
