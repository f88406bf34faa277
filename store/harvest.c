/* Learning from valid signatures. */
#include <stdlib.h>
#include <string.h>

#include "cert_use.h"
#include "certificate.h"
#include "handle.h"
#include "notice_rows.h"
#include "pubkey.h"
#include "why.h"

/* SMIMECapabilities have some hundred bytes; more is not worth keeping. */
#define CAPABILITIES_MAX_BYTES 4096
/* Harvested certificates kept of one address. Who signs with a new one each day must not fill the
 * store; the one not seen for the longest time goes. Imported and pinned ones do not count. */
#define HARVEST_MAX_PER_ADDRESS 32

/* What a valid signature brought. */
struct harvested {
    const char *address;
    X509 *certificate;
    struct cert_addresses addresses; /* of the certificate */
    const struct capabilities *capabilities;
    time_t now;
    bool hold; /* a new certificate waits for approval */
};

/* When it was declared: never later than now, or a clock that is fast would have the last word. */
static int64_t declared_at(const struct harvested *harvested)
{
    const struct capabilities *capabilities = harvested->capabilities;
    if (!capabilities || capabilities->signed_at <= 0) {
        return 0;
    }
    return capabilities->signed_at < harvested->now ? capabilities->signed_at : harvested->now;
}

static bool has_capabilities(const struct harvested *harvested)
{
    const struct capabilities *capabilities = harvested->capabilities;
    return capabilities && capabilities->der && capabilities->length > 0 &&
           capabilities->length <= CAPABILITIES_MAX_BYTES;
}

/* Are these known, or others that were declared later? */
static enum store_status declared_already(struct sql *sql, const struct harvested *harvested,
                                          bool *out, char **why)
{
    const struct capabilities *capabilities = harvested->capabilities;
    int64_t found = 0;
    if (!has_capabilities(harvested)) {
        *out = true;
        return STORE_OK;
    }
    enum store_status status = sql_integer(
        sql, "SELECT 1 FROM capabilities WHERE address = ?1 AND (der = ?2 OR declared > ?3)",
        SQL_VALUES(SQL_TEXT(harvested->address), SQL_BLOB(capabilities->der, capabilities->length),
                   SQL_INT(declared_at(harvested))),
        &found, why);
    *out = status == STORE_OK;
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status put_capabilities(struct sql *sql, const struct harvested *harvested,
                                          bool *changed, char **why)
{
    const struct capabilities *capabilities = harvested->capabilities;
    bool known = false;
    enum store_status status = declared_already(sql, harvested, &known, why);
    if (status != STORE_OK || known) {
        return status;
    }
    *changed = true;
    return sql_run(sql,
                   "INSERT INTO capabilities (address, der, declared) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (address)"
                   " DO UPDATE SET der = excluded.der, declared = excluded.declared",
                   SQL_VALUES(SQL_TEXT(harvested->address),
                              SQL_BLOB(capabilities->der, capabilities->length),
                              SQL_INT(declared_at(harvested))),
                   why);
}

/* Is this certificate, of row `id`, the preferred one, or another one that was declared later? */
static enum store_status preferred_already(struct sql *sql, const struct harvested *harvested,
                                           int64_t certificate, bool *out, char **why)
{
    int64_t found = 0;
    if (harvested->capabilities && harvested->capabilities->no_wish) {
        *out = true;
        return STORE_OK;
    }
    enum store_status status = sql_integer(
        sql, "SELECT 1 FROM preference WHERE address = ?1 AND (certificate = ?2 OR declared > ?3)",
        SQL_VALUES(SQL_TEXT(harvested->address), SQL_INT(certificate),
                   SQL_INT(declared_at(harvested))),
        &found, why);
    *out = status == STORE_OK;
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status put_preference(struct sql *sql, const struct harvested *harvested,
                                        bool *changed, char **why)
{
    int64_t certificate = 0;
    bool known = false;
    enum store_status status = certificate_find(sql, harvested->certificate, &certificate, why);
    if (status == STORE_OK) {
        status = preferred_already(sql, harvested, certificate, &known, why);
    }
    if (status != STORE_OK || known) {
        return status;
    }
    *changed = true;
    return preference_put(sql, harvested->address, certificate, declared_at(harvested), why);
}

static enum store_status trim(struct store *store, const char *address, bool *removed, char **why)
{
    struct sql *sql = store->sql;
    int64_t oldest = 0;
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT p.id FROM pubkey_address a JOIN pubkey p ON p.id = a.pubkey"
                             " WHERE a.address = ?1 AND p.source = 1 AND p.pinned = 0"
                             " ORDER BY p.last_seen DESC, p.id DESC LIMIT 1 OFFSET ?2",
                             SQL_VALUES(SQL_TEXT(address), SQL_INT(HARVEST_MAX_PER_ADDRESS)),
                             &oldest, why);
        if (status == STORE_OK) {
            *removed = true;
            status = pubkey_audit(store, "public key dropped for newer ones", oldest, why);
        }
        if (status == STORE_OK) {
            status = pubkey_remove(sql, oldest, why);
        }
    }
    return status == STORE_NONE ? STORE_OK : status;
}

/* A public key that was seen today, which the mail says nothing new of. */
static enum store_status is_known_key(struct sql *sql, const struct harvested *harvested,
                                      const char *fingerprint, int64_t since, bool *out, char **why)
{
    int64_t certificate = 0;
    enum store_status status =
        sql_integer(sql,
                    "SELECT c.id FROM certificate c JOIN pubkey p ON p.certificate = c.id"
                    " WHERE c.fingerprint = ?1 AND p.last_seen > ?2 AND p.source <> 2",
                    SQL_VALUES(SQL_TEXT(fingerprint), SQL_INT(since)), &certificate, why);
    if (status == STORE_OK) {
        status = declared_already(sql, harvested, out, why);
    }
    if (status == STORE_OK && *out) {
        status = preferred_already(sql, harvested, certificate, out, why);
    }
    return status;
}

static enum store_status is_known_now(struct sql *sql, const struct harvested *harvested,
                                      const char *fingerprint, bool *out, char **why)
{
    const int64_t since = harvested->now - PUBKEY_SEEN_INTERVAL_S;
    int64_t found = 0;
    enum store_status status = is_known_key(sql, harvested, fingerprint, since, out, why);
    if (status != STORE_NONE) {
        return status;
    }
    status = sql_integer(
        sql,
        "SELECT 1 FROM certificate c JOIN candidate k ON k.certificate = c.id"
        " WHERE c.fingerprint = ?1 AND k.last_seen > ?2 AND (k.rejected = 1 OR ?3 = 1)",
        SQL_VALUES(SQL_TEXT(fingerprint), SQL_INT(since), SQL_INT(harvested->hold)), &found, why);
    *out = status == STORE_OK;
    return status == STORE_NONE ? STORE_OK : status;
}

/* Is there anything to write? Most messages come from signers that are known, and must not wait for
 * the write lock. */
static enum store_status is_known(struct store *store, const struct harvested *harvested, bool *out,
                                  char **why)
{
    char *fingerprint = cert_fingerprint(harvested->certificate);
    *out = false;
    if (!fingerprint) {
        return store_no_memory(why);
    }
    enum store_status status = sql_begin_read(store->sql, why);
    if (status == STORE_OK) {
        status = is_known_now(store->sql, harvested, fingerprint, out, why);
        status = sql_end(store->sql, status, why);
        sql_unlock(store->sql);
    }
    free(fingerprint);
    return status;
}

/* What becomes of it, which only the state of this moment says. */
enum fate { FATE_LEARN, FATE_HOLD };

static enum store_status decide(struct sql *sql, const struct harvested *harvested, enum fate *out,
                                char **why)
{
    int64_t id = 0;
    bool from_directory = false;
    bool rejected = false;
    *out = FATE_LEARN;
    enum store_status status = pubkey_id_of(sql, harvested->certificate, &id, why);
    if (status == STORE_OK) {
        status = pubkey_is_from_directory(sql, id, &from_directory, why);
    }
    /* What a directory had is used for whom it was asked about; all else waits like any other. */
    if (status != STORE_NONE && !from_directory) {
        return status;
    }
    status = candidate_is_rejected(sql, harvested->certificate, &rejected, why);
    if (status == STORE_ERROR) {
        return status;
    }
    if (harvested->hold || rejected) {
        *out = FATE_HOLD;
    }
    return STORE_OK;
}

static enum store_status hold(struct store *store, const struct harvested *harvested, bool *changed,
                              char **why)
{
    enum store_status status = candidate_put(store->sql, harvested->address, harvested->certificate,
                                             harvested->now, changed, why);
    if (status == STORE_OK && *changed) {
        status = audit_certificate(store, "public key held for approval", harvested->address, 0,
                                   harvested->certificate, why);
        return status == STORE_OK ? notice_of_held(store->sql, harvested->certificate,
                                                   harvested->address, harvested->now, why)
                                  : status;
    }
    audit_nothing(store);
    return status;
}

static enum store_status learn(struct store *store, const struct harvested *harvested,
                               bool *changed, bool *removed, char **why)
{
    const struct cert_addresses *addresses = &harvested->addresses;
    enum pubkey_write write = PUBKEY_UNCHANGED;
    int64_t id = 0;
    bool declared = false;
    bool preferred = false;
    enum store_status status = pubkey_put(store->sql, harvested->certificate, addresses,
                                          PUBKEY_HARVESTED, harvested->now, &id, &write, why);
    if (status == STORE_OK && write == PUBKEY_CHANGED) {
        *changed = true;
        status = pubkey_audit(store, "public key learned", id, why);
        if (status == STORE_OK) {
            status = candidate_forget(store->sql, harvested->certificate, why);
        }
        if (status == STORE_OK) {
            status = notice_of_learned(store->sql, harvested->certificate, addresses,
                                       harvested->now, why);
        }
        for (size_t i = 0; status == STORE_OK && i < addresses->count; i++) {
            status = trim(store, addresses->items[i], removed, why);
        }
    }
    if (status == STORE_OK) {
        status = put_preference(store->sql, harvested, &preferred, why);
    }
    if (status == STORE_OK && preferred && write != PUBKEY_CHANGED) {
        *changed = true;
        status = audit_certificate(store, "public key preferred", harvested->address, id,
                                   harvested->certificate, why);
    }
    if (status == STORE_OK) {
        status = put_capabilities(store->sql, harvested, &declared, why);
    }
    if (status == STORE_OK && declared) {
        *changed = true;
        status = audit_record(store, "capabilities learned", harvested->address, why, "%s", "");
    }
    audit_nothing(store); /* beyond that: the day it was seen */
    return status;
}

static enum store_status write_down(struct store *store, const struct harvested *harvested,
                                    bool *changed_out, char **why)
{
    bool changed = false;
    bool removed = false; /* a certificate that may have named other addresses too */
    bool held = false;
    enum fate fate = FATE_LEARN;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = decide(store->sql, harvested, &fate, why);
    if (status == STORE_OK && fate == FATE_LEARN) {
        status = learn(store, harvested, &changed, &removed, why);
    } else if (status == STORE_OK) {
        status = hold(store, harvested, &held, why);
    }
    struct change change = {
        .effect = removed   ? CHANGE_ALL
                  : changed ? CHANGE_ADDRESSES
                            : CHANGE_NOTHING,
        .kind = CACHE_ENCRYPTION,
        .addresses = harvested->addresses.items,
        .count = harvested->addresses.count,
    };
    status = change_end(store, status, &change, why);
    *changed_out = status == STORE_OK && (changed || held);
    return status;
}

static bool names(const struct cert_addresses *addresses, const char *address)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (strcmp(addresses->items[i], address) == 0) {
            return true;
        }
    }
    return false;
}

static enum store_status harvest(struct store *store, struct harvested *harvested,
                                 bool *changed_out, char **why)
{
    bool known = false;
    bool changed = false;
    if (changed_out) {
        *changed_out = false;
    }
    if (cert_check_use(harvested->certificate, CERT_USE_ENCRYPT, harvested->now, why) != 0) {
        return STORE_REFUSED;
    }
    if (cert_addresses(harvested->certificate, &harvested->addresses) != 0) {
        return store_no_memory(why);
    }
    enum store_status status = STORE_OK;
    if (!names(&harvested->addresses, harvested->address)) {
        why_set(why, "the certificate does not name %s", harvested->address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = is_known(store, harvested, &known, why);
    }
    if (status == STORE_OK && !known) {
        status = write_down(store, harvested, &changed, why);
    }
    if (changed_out) {
        *changed_out = changed;
    }
    cert_addresses_clear(&harvested->addresses);
    return status;
}

enum store_status store_harvest(struct store *store, const char *address, X509 *certificate,
                                const struct capabilities *capabilities, time_t now,
                                bool *changed_out, char **why)
{
    struct harvested harvested = {
        .address = address, .certificate = certificate, .capabilities = capabilities, .now = now};
    return harvest(store, &harvested, changed_out, why);
}

enum store_status store_harvest_held(struct store *store, const char *address, X509 *certificate,
                                     const struct capabilities *capabilities, time_t now,
                                     bool *changed_out, char **why)
{
    struct harvested harvested = {.address = address,
                                  .certificate = certificate,
                                  .capabilities = capabilities,
                                  .now = now,
                                  .hold = true};
    return harvest(store, &harvested, changed_out, why);
}
