/* Other people's public keys: importing one, or many in one transaction. A commit waits for the
 * disk; one commit a certificate makes a hundred thousand of them a matter of many minutes. */
#include <stdio.h>
#include <stdlib.h>

#include "handle.h"
#include "pubkey.h"
#include "why.h"

/* What is known of an entry besides. */
struct prepared {
    struct cert_addresses addresses;
    enum pubkey_write write;
};

/* The checks of an import. They need no database, so they come before the transaction, for whose
 * end others wait. STORE_NONE: no entry passes them. */
static enum store_status prepare(struct pubkey_import *entries, struct prepared *prepared,
                                 size_t count, time_t now, char **why)
{
    enum store_status status = STORE_NONE;
    for (size_t i = 0; i < count; i++) {
        struct pubkey_import *entry = &entries[i];
        if (cert_check_use(entry->certificate, CERT_USE_ENCRYPT, now, &entry->reason)) {
            entry->refused = true;
        } else if (cert_addresses(entry->certificate, &prepared[i].addresses)) {
            return store_no_memory(why);
        } else {
            status = STORE_OK;
        }
    }
    return status;
}

/* As pubkey_audit() does, without reading again what has just been written: decoding a certificate
 * is what costs most. */
static enum store_status audit_import(struct store *store, const struct pubkey_import *entry,
                                      const struct cert_addresses *addresses, char **why)
{
    char *joined = NULL;
    size_t length = 0;
    FILE *text = open_memstream(&joined, &length);
    for (size_t i = 0; text && i < addresses->count; i++) {
        fprintf(text, "%s%s", i ? ", " : "", addresses->items[i]);
    }
    enum store_status status = STORE_ERROR;
    if (!text || fclose(text) == EOF) {
        store_no_memory(why);
    } else {
        status = audit_certificate(store, "public key imported", joined, entry->id,
                                   entry->certificate, why);
    }
    free(joined);
    return status;
}

static enum store_status write_one(struct store *store, struct pubkey_import *entry,
                                   struct prepared *prepared, time_t now, char **why)
{
    enum store_status status = pubkey_put(store->sql, entry->certificate, &prepared->addresses,
                                          PUBKEY_IMPORTED, now, &entry->id, &prepared->write, why);
    if (status == STORE_OK) {
        status = candidate_forget(store->sql, entry->certificate, why);
    }
    if (status == STORE_OK && prepared->write == PUBKEY_CHANGED) {
        status = audit_import(store, entry, &prepared->addresses, why);
    } else {
        audit_nothing(store);
    }
    return status;
}

/* The addresses whose keys were changed: new memory (free()) with borrowed strings. */
static enum store_status changed_addresses(const struct prepared *prepared, size_t count,
                                           struct change *out, char **why)
{
    size_t room = 0;
    *out = (struct change){.effect = CHANGE_NOTHING, .kind = CACHE_ENCRYPTION};
    for (size_t i = 0; i < count; i++) {
        room += prepared[i].write == PUBKEY_CHANGED ? prepared[i].addresses.count : 0;
    }
    if (room == 0) {
        return STORE_OK;
    }
    char **addresses = calloc(room, sizeof *addresses);
    if (!addresses) {
        return store_no_memory(why);
    }
    out->effect = CHANGE_ADDRESSES;
    out->addresses = addresses;
    for (size_t i = 0; i < count; i++) {
        if (prepared[i].write == PUBKEY_CHANGED) {
            for (size_t k = 0; k < prepared[i].addresses.count; k++) {
                addresses[out->count++] = prepared[i].addresses.items[k];
            }
        }
    }
    return STORE_OK;
}

static enum store_status write_all(struct store *store, struct pubkey_import *entries,
                                   struct prepared *prepared, size_t count, time_t now, char **why)
{
    struct change change = {.effect = CHANGE_NOTHING};
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        if (!entries[i].refused) {
            status = write_one(store, &entries[i], &prepared[i], now, why);
        }
    }
    if (status == STORE_OK) {
        status = changed_addresses(prepared, count, &change, why);
    }
    status = change_end(store, status, &change, why);
    free((void *)(uintptr_t)change.addresses);
    return status;
}

enum store_status store_pubkey_import_all(struct store *store, struct pubkey_import *entries,
                                          size_t count, time_t now, char **why)
{
    struct prepared *prepared = calloc(count ? count : 1, sizeof *prepared);
    if (!prepared) {
        return store_no_memory(why);
    }
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct pubkey_import){.certificate = entries[i].certificate};
    }
    enum store_status status = prepare(entries, prepared, count, now, why);
    if (status == STORE_OK) {
        status = write_all(store, entries, prepared, count, now, why);
    } else if (status == STORE_NONE) {
        status = STORE_OK;
    }
    for (size_t i = 0; i < count; i++) {
        cert_addresses_clear(&prepared[i].addresses);
        if (status != STORE_OK) {
            entries[i].id = 0;
            why_free(&entries[i].reason);
        }
    }
    free(prepared);
    return status;
}

enum store_status store_pubkey_import(struct store *store, X509 *certificate, time_t now,
                                      int64_t *id_out, char **why)
{
    struct pubkey_import entry = {.certificate = certificate};
    enum store_status status = store_pubkey_import_all(store, &entry, 1, now, why);
    if (status == STORE_OK && entry.refused) {
        why_set(why, "%s", why_text(&entry.reason));
        status = STORE_REFUSED;
    }
    if (status == STORE_OK && id_out) {
        *id_out = entry.id;
    }
    why_free(&entry.reason);
    return status;
}
