/* Learning from valid signatures. */
#include <stdlib.h>
#include <string.h>

#include "cert_use.h"
#include "handle.h"
#include "pubkey.h"
#include "why.h"

/* SMIMECapabilities have some hundred bytes; more is not worth keeping. */
#define CAPABILITIES_MAX_BYTES 4096
/* Harvested certificates kept of one address. Who signs with a new one each day must not fill the
 * store; the one not seen for the longest time goes. Imported ones do not count. */
#define HARVEST_MAX_PER_ADDRESS 32

static enum store_status declared_already(struct sql *sql, const char *address,
                                          const struct capabilities *capabilities, bool *out,
                                          char **why)
{
    int64_t found = 0;
    enum store_status status = sql_integer(
        sql, "SELECT 1 FROM capabilities WHERE address = ?1 AND der = ?2",
        SQL_VALUES(SQL_TEXT(address), SQL_BLOB(capabilities->der, capabilities->length)), &found,
        why);
    *out = status == STORE_OK;
    return status == STORE_NONE ? STORE_OK : status;
}

static enum store_status put_capabilities(struct sql *sql, const char *address,
                                          const struct capabilities *capabilities, time_t now,
                                          bool *changed, char **why)
{
    bool known = false;
    if (!capabilities || !capabilities->der || capabilities->length == 0 ||
        capabilities->length > CAPABILITIES_MAX_BYTES) {
        return STORE_OK;
    }
    enum store_status status = declared_already(sql, address, capabilities, &known, why);
    if (status != STORE_OK || known) {
        return status;
    }
    *changed = true;
    return sql_run(sql,
                   "INSERT INTO capabilities (address, der, declared) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (address)"
                   " DO UPDATE SET der = excluded.der, declared = excluded.declared",
                   SQL_VALUES(SQL_TEXT(address), SQL_BLOB(capabilities->der, capabilities->length),
                              SQL_INT(now)),
                   why);
}

static enum store_status trim(struct sql *sql, const char *address, bool *removed, char **why)
{
    int64_t oldest = 0;
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT p.id FROM pubkey_address a JOIN pubkey p ON p.id = a.pubkey"
                             " WHERE a.address = ?1 AND p.source = 1"
                             " ORDER BY p.last_seen DESC, p.id DESC LIMIT 1 OFFSET ?2",
                             SQL_VALUES(SQL_TEXT(address), SQL_INT(HARVEST_MAX_PER_ADDRESS)),
                             &oldest, why);
        if (status == STORE_OK) {
            *removed = true;
            status = pubkey_remove(sql, oldest, why);
        }
    }
    return status == STORE_NONE ? STORE_OK : status;
}

/* Is there anything to write? Most messages come from signers that are known, and must not wait for
 * the write lock. */
static enum store_status is_known(struct store *store, const char *address, X509 *certificate,
                                  const struct capabilities *capabilities, time_t now, bool *out,
                                  char **why)
{
    int64_t found = 0;
    char *fingerprint = cert_fingerprint(certificate);
    *out = false;
    if (!fingerprint) {
        return store_no_memory(why);
    }
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        goto out;
    }
    status = sql_integer(store->sql,
                         "SELECT 1 FROM certificate c JOIN pubkey p ON p.certificate = c.id"
                         " WHERE c.fingerprint = ?1 AND p.last_seen > ?2",
                         SQL_VALUES(SQL_TEXT(fingerprint), SQL_INT(now - PUBKEY_SEEN_INTERVAL_S)),
                         &found, why);
    if (status == STORE_OK && capabilities && capabilities->der && capabilities->length > 0 &&
        capabilities->length <= CAPABILITIES_MAX_BYTES) {
        status = declared_already(store->sql, address, capabilities, out, why);
    } else if (status == STORE_OK) {
        *out = true;
    }
    status = sql_end(store->sql, status == STORE_NONE ? STORE_OK : status, why);
    sql_unlock(store->sql);

out:
    free(fingerprint);
    return status;
}

static enum store_status learn(struct store *store, const char *address, X509 *certificate,
                               const struct cert_addresses *addresses,
                               const struct capabilities *capabilities, time_t now,
                               bool *changed_out, char **why)
{
    enum pubkey_write write = PUBKEY_UNCHANGED;
    int64_t id = 0;
    bool changed = false;
    bool removed = false; /* a certificate that may have named other addresses too */
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status =
        pubkey_put(store->sql, certificate, addresses, PUBKEY_HARVESTED, now, &id, &write, why);
    if (status == STORE_OK && write == PUBKEY_CHANGED) {
        changed = true;
        for (size_t i = 0; status == STORE_OK && i < addresses->count; i++) {
            status = trim(store->sql, addresses->items[i], &removed, why);
        }
    }
    if (status == STORE_OK) {
        status = put_capabilities(store->sql, address, capabilities, now, &changed, why);
    }
    struct change change = {
        .effect = removed   ? CHANGE_ALL
                  : changed ? CHANGE_ADDRESSES
                            : CHANGE_NOTHING,
        .kind = CACHE_ENCRYPTION,
        .addresses = addresses->items,
        .count = addresses->count,
    };
    status = change_end(store, status, &change, why);
    *changed_out = status == STORE_OK && changed;
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

enum store_status store_harvest(struct store *store, const char *address, X509 *certificate,
                                const struct capabilities *capabilities, time_t now,
                                bool *changed_out, char **why)
{
    struct cert_addresses addresses;
    bool known = false;
    bool changed = false;
    if (changed_out) {
        *changed_out = false;
    }
    if (cert_check_use(certificate, CERT_USE_ENCRYPT, now, why) != 0) {
        return STORE_REFUSED;
    }
    if (cert_addresses(certificate, &addresses) != 0) {
        return store_no_memory(why);
    }
    enum store_status status = STORE_OK;
    if (!names(&addresses, address)) {
        why_set(why, "the certificate does not name %s", address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = is_known(store, address, certificate, capabilities, now, &known, why);
    }
    if (status == STORE_OK && !known) {
        status = learn(store, address, certificate, &addresses, capabilities, now, &changed, why);
    }
    if (changed_out) {
        *changed_out = changed;
    }
    cert_addresses_clear(&addresses);
    return status;
}
