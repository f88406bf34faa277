/* Private keys of mailboxes: activating, adding former ones. */
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "cert_use.h"
#include "certificate.h"
#include "chain.h"
#include "handle.h"
#include "mailbox.h"
#include "why.h"

/* What goes into the database, made ready before the transaction: sealing is slow beside a write.
 */
struct material {
    X509 *certificate; /* borrowed */
    unsigned char *sealed;
    size_t sealed_length;
    STACK_OF(X509) * chain; /* references; may be NULL */
};

static void material_clear(struct material *material)
{
    OPENSSL_free(material->sealed);
    sk_X509_pop_free(material->chain, X509_free);
}

/* X509_check_private_key() compares public parts alone: a key without a private part, or with one
 * that does not fit, passes it and would only be noticed with the first message. */
static bool has_fitting_private_part(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool fits = context && EVP_PKEY_pairwise_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return fits;
}

static enum store_status prepare(struct store *store, EVP_PKEY *key, X509 *certificate,
                                 STACK_OF(X509) * chain, struct material *out, char **why)
{
    *out = (struct material){.certificate = certificate};
    if (X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        why_set(why, "the private key does not belong to the certificate");
        return STORE_REFUSED;
    }
    if (!has_fitting_private_part(key)) {
        why_set(why, "the private key is damaged: it has no private part that fits its public one");
        return STORE_REFUSED;
    }
    if (chain && chain_above(certificate, chain, &out->chain, NULL) != 0) {
        return store_no_memory(why);
    }
    return secret_seal_key(&store->secret, key, &out->sealed, &out->sealed_length, why);
}

/* Does the certificate name one of the mailbox's addresses? */
static enum store_status check_addresses(struct sql *sql, int64_t mailbox, const char *address,
                                         X509 *certificate, char **why)
{
    struct cert_addresses named;
    if (cert_addresses(certificate, &named) != 0) {
        return store_no_memory(why);
    }
    enum store_status status = STORE_REFUSED;
    for (size_t i = 0; status == STORE_REFUSED && i < named.count; i++) {
        int64_t owner = 0;
        enum store_status found = mailbox_id(sql, named.items[i], &owner, why);
        if (found == STORE_ERROR || (found == STORE_OK && owner == mailbox)) {
            status = found;
        }
    }
    if (status == STORE_REFUSED) {
        why_set(why, "the certificate is for %s%s, not for %s or a further address of that mailbox",
                named.count > 0 ? named.items[0] : "no mail address",
                named.count > 1 ? " and others" : "", address);
    }
    cert_addresses_clear(&named);
    return status;
}

static enum store_status put_chain(struct sql *sql, int64_t key, const struct material *material,
                                   char **why)
{
    enum store_status status =
        sql_run(sql, "DELETE FROM key_chain WHERE private_key = ?1", SQL_VALUES(SQL_INT(key)), why);
    for (int i = 0; status == STORE_OK && i < sk_X509_num(material->chain); i++) {
        int64_t certificate = 0;
        status = certificate_put(sql, sk_X509_value(material->chain, i), &certificate, why);
        if (status == STORE_OK) {
            status = sql_run(
                sql,
                "INSERT INTO key_chain (private_key, position, certificate) VALUES (?1, ?2, ?3)",
                SQL_VALUES(SQL_INT(key), SQL_INT(i), SQL_INT(certificate)), why);
        }
    }
    return status;
}

/* A key that is there already is the same one, since the certificate is; its seal and its chain may
 * be newer. */
static enum store_status put_key(struct sql *sql, int64_t mailbox, const struct material *material,
                                 time_t now, int64_t *id_out, char **why)
{
    int64_t certificate = 0;
    enum store_status status = certificate_put(sql, material->certificate, &certificate, why);
    if (status == STORE_OK) {
        status =
            sql_run(sql,
                    "INSERT INTO private_key (mailbox, certificate, pkcs8, added)"
                    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (mailbox, certificate)"
                    " DO UPDATE SET pkcs8 = excluded.pkcs8, added = excluded.added",
                    SQL_VALUES(SQL_INT(mailbox), SQL_INT(certificate),
                               SQL_BLOB(material->sealed, material->sealed_length), SQL_INT(now)),
                    why);
    }
    if (status == STORE_OK) {
        status =
            sql_integer(sql, "SELECT id FROM private_key WHERE mailbox = ?1 AND certificate = ?2",
                        SQL_VALUES(SQL_INT(mailbox), SQL_INT(certificate)), id_out, why);
    }
    if (status == STORE_OK && material->chain) {
        status = put_chain(sql, *id_out, material, why);
    }
    return status;
}

static enum store_status write_key(struct store *store, const char *address,
                                   const struct material *material, time_t now, bool signs,
                                   char **why)
{
    struct sql *sql = store->sql;
    int64_t mailbox = 0;
    int64_t key = 0;
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = check_addresses(sql, mailbox, address, material->certificate, why);
    }
    if (status == STORE_OK) {
        status = put_key(sql, mailbox, material, now, &key, why);
    }
    if (status == STORE_OK && signs) {
        status = sql_run(sql, "UPDATE mailbox SET signing_key = ?2, state = ?3 WHERE id = ?1",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(key), SQL_INT(MAILBOX_ACTIVE)), why);
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}

enum store_status store_mailbox_activate(struct store *store, const char *address, EVP_PKEY *key,
                                         X509 *certificate, STACK_OF(X509) * chain, time_t now,
                                         char **why)
{
    struct material material;
    if (cert_check_use(certificate, CERT_USE_SIGN, now, why) != 0) {
        return STORE_REFUSED;
    }
    enum store_status status = prepare(store, key, certificate, chain, &material, why);
    if (status == STORE_OK) {
        status = write_key(store, address, &material, now, true, why);
    }
    material_clear(&material);
    return status;
}

enum store_status store_mailbox_add_former_key(struct store *store, const char *address,
                                               EVP_PKEY *key, X509 *certificate, time_t now,
                                               char **why)
{
    struct material material;
    if (i2d_X509(certificate, NULL) > CERT_MAX_BYTES) {
        why_set(why, "the certificate has more than %d bytes", CERT_MAX_BYTES);
        return STORE_REFUSED;
    }
    enum store_status status = prepare(store, key, certificate, NULL, &material, why);
    if (status == STORE_OK) {
        status = write_key(store, address, &material, now, false, why);
    }
    material_clear(&material);
    return status;
}
