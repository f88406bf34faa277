/* A CA of one's own issues: for keys that were made here, and for somebody's request. */
#include "ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "audit.h"
#include "ca_profile.h"
#include "ca_rows.h"
#include "cert_use.h"
#include "certificate.h"
#include "csr.h"
#include "handle.h"
#include "key.h"
#include "mailbox.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)

/* What is to be issued. */
struct order {
    struct ca_signer signer;
    struct mailbox *mailbox;
    const char **addresses; /* borrowed from it; the first one stands first */
    size_t count;
    time_t not_before;
    time_t not_after;
};

static void order_clear(struct order *order)
{
    ca_signer_clear(&order->signer);
    mailbox_free(&order->mailbox);
    free(order->addresses);
    *order = (struct order){0};
}

/* Nothing is valid outside the validity of the CA, which one program or the other would refuse. */
static enum store_status set_validity(struct order *order, int days, time_t now, char **why)
{
    time_t ca_begins = 0;
    time_t ca_ends = 0;
    if (days < 1 || days > CA_CERTIFICATE_MAX_DAYS) {
        why_set(why, "a certificate is valid for 1 to %d days", CA_CERTIFICATE_MAX_DAYS);
        return STORE_REFUSED;
    }
    if (cert_check_anchor(order->signer.certificate, now, why) != 0) {
        why_prefix(why, "the CA cannot issue");
        return STORE_REFUSED;
    }
    if (cert_validity(order->signer.certificate, &ca_begins, &ca_ends) != 0) {
        why_set(why, "the validity of the CA cannot be read");
        return STORE_ERROR;
    }
    order->not_before = now - CA_BACKDATE_S > ca_begins ? now - CA_BACKDATE_S : ca_begins;
    order->not_after = order->not_before + (time_t)days * DAY_S - 1;
    if (order->not_after > ca_ends) {
        order->not_after = ca_ends;
    }
    return STORE_OK;
}

static enum store_status all_addresses(struct order *order, char **why)
{
    const struct mailbox *mailbox = order->mailbox;
    if (mailbox->alias_count + 1 > CERT_MAX_ADDRESSES) {
        why_set(why, "the mailbox has more than %d addresses, which no certificate may name",
                CERT_MAX_ADDRESSES);
        return STORE_REFUSED;
    }
    order->addresses = calloc(mailbox->alias_count + 1, sizeof *order->addresses);
    if (!order->addresses) {
        return store_no_memory(why);
    }
    order->addresses[order->count++] = mailbox->address;
    for (size_t i = 0; i < mailbox->alias_count; i++) {
        order->addresses[order->count++] = mailbox->aliases[i];
    }
    return STORE_OK;
}

/* order_clear() in any case. */
static enum store_status begin_order(struct store *store, const char *address, int days, time_t now,
                                     struct order *order, char **why)
{
    enum store_status status = ca_signer_load(store, 0, &order->signer, why);
    if (status == STORE_OK) {
        status = set_validity(order, days, now, why);
    }
    if (status == STORE_OK) {
        status = store_mailbox_find(store, address, &order->mailbox, why);
    }
    if (status == STORE_NONE) {
        why_set(why, "there is no mailbox %s", address);
        status = STORE_REFUSED;
    }
    return status == STORE_OK ? all_addresses(order, why) : status;
}

static enum store_status make(const struct order *order, EVP_PKEY *key, enum ca_use use, X509 **out,
                              char **why)
{
    const struct ca_leaf leaf = {
        .key = key,
        .use = use,
        .addresses = order->addresses,
        .count = order->count,
        .not_before = order->not_before,
        .not_after = order->not_after,
        .crl_url = order->signer.crl_url,
    };
    return ca_profile_leaf(&leaf, order->signer.certificate, order->signer.key, out, why);
}

/* ---- Rows ---- */

/* The addresses were read before the transaction. */
static enum store_status check_owner(struct sql *sql, const struct order *order, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = mailbox_id_needed(sql, order->mailbox->address, &mailbox, why);
    for (size_t i = 0; status == STORE_OK && i < order->count; i++) {
        int64_t owner = 0;
        status = mailbox_id(sql, order->addresses[i], &owner, why);
        if (status == STORE_NONE || (status == STORE_OK && owner != mailbox)) {
            why_set(why, "%s is no address of the mailbox %s any more", order->addresses[i],
                    order->mailbox->address);
            status = STORE_REFUSED;
        }
    }
    return status;
}

static enum store_status hash_key(X509 *certificate, char out[65], char **why)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (X509_pubkey_digest(certificate, EVP_sha256(), digest, &length) != 1 || length != 32) {
        ERR_clear_error();
        why_set(why, "cannot compute the digest of a public key");
        return STORE_ERROR;
    }
    for (unsigned i = 0; i < length; i++) {
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
    return STORE_OK;
}

static enum store_status refuse_compromised(struct sql *sql, const char *key_hash, char **why)
{
    int64_t known = 0;
    enum store_status status =
        sql_integer(sql, "SELECT count(*) FROM ca_certificate WHERE key_hash = ?1 AND reason = ?2",
                    SQL_VALUES(SQL_TEXT(key_hash), SQL_INT(CA_KEY_COMPROMISE)), &known, why);
    if (status == STORE_OK && known > 0) {
        why_set(why, "a certificate for this key was revoked because the key was compromised; a "
                     "new key is needed");
        status = STORE_REFUSED;
    }
    return status;
}

static enum store_status insert_issued(struct store *store, const struct order *order,
                                       X509 *certificate, time_t now, char **why)
{
    int64_t row = 0;
    char key_hash[65];
    const char *mailbox = order->mailbox->address;
    char *serial = ca_serial_text(X509_get0_serialNumber(certificate));
    enum store_status status = serial ? hash_key(certificate, key_hash, why) : store_no_memory(why);
    if (status == STORE_OK) {
        status = refuse_compromised(store->sql, key_hash, why);
    }
    if (status == STORE_OK) {
        status = certificate_put(store->sql, certificate, &row, why);
    }
    if (status == STORE_OK) {
        status = sql_run(store->sql,
                         "INSERT INTO ca_certificate (ca, serial, certificate, mailbox, key_hash,"
                         " issued) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                         SQL_VALUES(SQL_INT(order->signer.id), SQL_TEXT(serial), SQL_INT(row),
                                    SQL_TEXT(mailbox), SQL_TEXT(key_hash), SQL_INT(now)),
                         why);
    }
    if (status == STORE_OK) {
        status = audit_record(store, "certificate issued", mailbox, why, "serial %s", serial);
    }
    free(serial);
    return status;
}

/* ---- For keys that were made here ---- */

/* The key that signs, and where there are two, before it the one that decrypts: the newest key of a
 * mailbox is listed first. */
struct issue {
    struct key_material keys[2];
    size_t count;
};

static enum store_status add_key(struct store *store, const struct order *order, EVP_PKEY *key,
                                 enum ca_use use, struct issue *issue, time_t now, char **why)
{
    struct key_material *material = &issue->keys[issue->count++];
    *material = (struct key_material){.role = use == CA_ENCRYPT ? KEY_DECRYPTS : KEY_SIGNS};
    enum store_status status = make(order, key, use, &material->certificate, why);
    if (status == STORE_OK &&
        cert_check_use(material->certificate, use == CA_ENCRYPT ? CERT_USE_ENCRYPT : CERT_USE_SIGN,
                       now, why) != 0) {
        status = STORE_REFUSED;
    }
    return status == STORE_OK ? key_prepare(store, key, NULL, material, why) : status;
}

static void issue_clear(struct issue *issue)
{
    for (size_t i = 0; i < issue->count; i++) {
        X509_free(issue->keys[i].certificate);
        key_material_clear(&issue->keys[i]);
    }
}

static enum store_status write_issue(struct store *store, const struct order *order,
                                     const struct issue *issue, time_t now, char **why)
{
    enum store_status status = check_owner(store->sql, order, why);
    for (size_t i = 0; status == STORE_OK && i < issue->count; i++) {
        status = insert_issued(store, order, issue->keys[i].certificate, now, why);
        if (status == STORE_OK) {
            status = key_write(store, order->mailbox->address, &issue->keys[i], now, why);
        }
    }
    return status;
}

enum store_status store_ca_issue(struct store *store, const char *address, EVP_PKEY *key,
                                 EVP_PKEY *encryption_key, int days, time_t now, char **why)
{
    struct order order = {0};
    struct issue issue = {0};
    enum store_status status = begin_order(store, address, days, now, &order, why);
    if (status == STORE_OK && encryption_key) {
        status = add_key(store, &order, encryption_key, CA_ENCRYPT, &issue, now, why);
    }
    if (status == STORE_OK) {
        status = add_key(store, &order, key, encryption_key ? CA_SIGN : CA_SIGN_AND_ENCRYPT, &issue,
                         now, why);
    }
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status == STORE_OK) {
        status = write_issue(store, &order, &issue, now, why);
        status = change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
    }
    issue_clear(&issue);
    order_clear(&order);
    return status;
}

/* ---- For a request ---- */

static const char *own_address(const struct order *order, const char *address)
{
    for (size_t i = 0; i < order->count; i++) {
        if (strcmp(order->addresses[i], address) == 0) {
            return order->addresses[i];
        }
    }
    return NULL;
}

/* Narrow the order down to the addresses that were asked for. */
static enum store_status choose_addresses(struct order *order, X509_REQ *request, char **why)
{
    struct cert_addresses wanted;
    enum store_status status = csr_addresses(request, &wanted, why);
    if (status != STORE_OK || wanted.count == 0) {
        return status;
    }
    const char **chosen = calloc(wanted.count, sizeof *chosen);
    status = chosen ? STORE_OK : store_no_memory(why);
    for (size_t i = 0; status == STORE_OK && i < wanted.count; i++) {
        chosen[i] = own_address(order, wanted.items[i]);
        if (!chosen[i]) {
            why_set(why, "the request is for %s, which is no address of the mailbox %s",
                    wanted.items[i], order->mailbox->address);
            status = STORE_REFUSED;
        }
    }
    if (status == STORE_OK) {
        free(order->addresses);
        order->addresses = chosen;
        order->count = wanted.count;
        chosen = NULL;
    }
    free(chosen);
    cert_addresses_clear(&wanted);
    return status;
}

static enum store_status write_certificate(struct store *store, const struct order *order,
                                           X509 *certificate, time_t now, char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = check_owner(store->sql, order, why);
    if (status == STORE_OK) {
        status = insert_issued(store, order, certificate, now, why);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_NOTHING}, why);
}

enum store_status store_ca_certify(struct store *store, const char *address, X509_REQ *request,
                                   int days, time_t now, X509 **out, char **why)
{
    struct order order = {0};
    X509 *certificate = NULL;
    *out = NULL;
    enum store_status status = begin_order(store, address, days, now, &order, why);
    if (status == STORE_OK) {
        status = choose_addresses(&order, request, why);
    }
    if (status == STORE_OK) {
        status =
            make(&order, X509_REQ_get0_pubkey(request), CA_SIGN_AND_ENCRYPT, &certificate, why);
    }
    if (status == STORE_OK && (cert_check_use(certificate, CERT_USE_SIGN, now, why) != 0 ||
                               cert_check_use(certificate, CERT_USE_ENCRYPT, now, why) != 0)) {
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = write_certificate(store, &order, certificate, now, why);
    }
    if (status == STORE_OK) {
        *out = certificate;
        certificate = NULL;
    }
    X509_free(certificate);
    order_clear(&order);
    return status;
}
