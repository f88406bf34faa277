/* Private keys of mailboxes: activating, adding former ones, installing what was requested. */
#include "key.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "audit.h"
#include "ca_rows.h"
#include "cert_use.h"
#include "certificate.h"
#include "chain.h"
#include "handle.h"
#include "mailbox.h"
#include "request.h"
#include "why.h"

void key_material_clear(struct key_material *material)
{
    OPENSSL_free(material->sealed);
    sk_X509_pop_free(material->chain, X509_free);
    material->sealed = NULL;
    material->chain = NULL;
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

enum store_status key_prepare(const struct store *store, EVP_PKEY *key, STACK_OF(X509) * chain,
                              struct key_material *out, char **why)
{
    if (X509_check_private_key(out->certificate, key) != 1) {
        ERR_clear_error();
        why_set(why, "the private key does not belong to the certificate");
        return STORE_REFUSED;
    }
    if (!has_fitting_private_part(key)) {
        why_set(why, "the private key is damaged: it has no private part that fits its public one");
        return STORE_REFUSED;
    }
    if (chain && chain_above(out->certificate, chain, &out->chain, NULL) != 0) {
        return store_no_memory(why);
    }
    return secret_seal_key(&store->secret, key, &out->sealed, &out->sealed_length, why);
}

enum store_status key_check_addresses(struct sql *sql, int64_t mailbox, const char *address,
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

static enum store_status put_chain(struct sql *sql, int64_t key,
                                   const struct key_material *material, char **why)
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
static enum store_status put_key(struct store *store, int64_t mailbox,
                                 const struct key_material *material, time_t now, int64_t *id_out,
                                 char **why)
{
    struct sql *sql = store->sql;
    int64_t certificate = 0;
    enum store_status status = certificate_put(sql, material->certificate, &certificate, why);
    if (status == STORE_OK && material->role == KEY_SIGNS) {
        status = enrolled_refuse_revoked(sql, certificate, why);
    }
    if (status == STORE_OK && material->request) {
        status = enrolment_finish(store, mailbox, certificate, why);
    }
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

/* The request may have been withdrawn or replaced since its key was read. */
static enum store_status drop_request(struct sql *sql, int64_t mailbox, const struct blob *request,
                                      char **why)
{
    enum store_status status =
        sql_run(sql, "DELETE FROM key_request WHERE mailbox = ?1 AND csr = ?2",
                SQL_VALUES(SQL_INT(mailbox), SQL_BLOB(request->start, request->length)), why);
    if (status == STORE_OK && sql_changes(sql) == 0) {
        why_set(why, "the request was withdrawn or replaced meanwhile");
        status = STORE_REFUSED;
    }
    return status;
}

/* For the audit trail. */
static const char *deed(const struct key_material *material)
{
    switch (material->role) {
    case KEY_FORMER:
        return "former key added";
    case KEY_DECRYPTS:
        return "encryption key added";
    case KEY_SIGNS:
        break;
    }
    return material->request ? "certificate installed" : "mailbox activated";
}

static enum store_status let_sign(struct sql *sql, int64_t mailbox, int64_t key,
                                  const struct key_material *material, char **why)
{
    enum store_status status = ca_refuse_revoked(sql, material->certificate, why);
    if (status == STORE_OK) {
        status = sql_run(sql, "UPDATE mailbox SET signing_key = ?2, state = ?3 WHERE id = ?1",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(key), SQL_INT(MAILBOX_ACTIVE)), why);
    }
    return status;
}

enum store_status key_write(struct store *store, const char *address,
                            const struct key_material *material, time_t now, char **why)
{
    struct sql *sql = store->sql;
    int64_t mailbox = 0;
    int64_t key = 0;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK && material->request) {
        status = drop_request(sql, mailbox, material->request, why);
    }
    if (status == STORE_OK) {
        status = key_check_addresses(sql, mailbox, address, material->certificate, why);
    }
    if (status == STORE_OK) {
        status = put_key(store, mailbox, material, now, &key, why);
    }
    if (status == STORE_OK && material->role == KEY_SIGNS) {
        status = let_sign(sql, mailbox, key, material, why);
    }
    if (status == STORE_OK) {
        status = audit_certificate(store, deed(material), address, 0, material->certificate, why);
    }
    return status;
}

/* Make a pair ready and write it. */
static enum store_status add_key(struct store *store, const char *address, EVP_PKEY *key,
                                 STACK_OF(X509) * chain, struct key_material *material, time_t now,
                                 char **why)
{
    enum store_status status = key_prepare(store, key, chain, material, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status == STORE_OK) {
        status = key_write(store, address, material, now, why);
        status = change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
    }
    key_material_clear(material);
    return status;
}

enum store_status store_mailbox_activate(struct store *store, const char *address, EVP_PKEY *key,
                                         X509 *certificate, STACK_OF(X509) * chain, time_t now,
                                         char **why)
{
    struct key_material material = {.certificate = certificate, .role = KEY_SIGNS};
    if (cert_check_use(certificate, CERT_USE_SIGN, now, why) != 0) {
        return STORE_REFUSED;
    }
    return add_key(store, address, key, chain, &material, now, why);
}

enum store_status store_mailbox_add_former_key(struct store *store, const char *address,
                                               EVP_PKEY *key, X509 *certificate, time_t now,
                                               char **why)
{
    struct key_material material = {.certificate = certificate, .role = KEY_FORMER};
    if (i2d_X509(certificate, NULL) > CERT_MAX_BYTES) {
        why_set(why, "the certificate has more than %d bytes", CERT_MAX_BYTES);
        return STORE_REFUSED;
    }
    return add_key(store, address, key, NULL, &material, now, why);
}

enum store_status store_mailbox_install(struct store *store, const char *address, X509 *certificate,
                                        STACK_OF(X509) * chain, time_t now, char **why)
{
    struct blob csr = {NULL, 0};
    EVP_PKEY *key = NULL;
    enum store_status status =
        store_request_find(store, address, &csr.start, &csr.length, &key, why);
    if (status == STORE_NONE) {
        why_set(why, "no request is pending for %s", address);
        status = STORE_REFUSED;
    } else if (status == STORE_OK && X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        why_set(why, "the certificate is not for the key of the request that is pending");
        status = STORE_REFUSED;
    } else if (status == STORE_OK && cert_check_use(certificate, CERT_USE_SIGN, now, why) != 0) {
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        struct key_material material = {
            .certificate = certificate, .role = KEY_SIGNS, .request = &csr};
        status = add_key(store, address, key, chain, &material, now, why);
    }
    EVP_PKEY_free(key);
    free(csr.start);
    return status;
}

/* ---- Reactivating ---- */

/* The certificate of the key that signed last, and its number. */
static enum store_status chosen_certificate(struct sql *sql, int64_t mailbox, int64_t *id_out,
                                            X509 **out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT c.der, c.id FROM mailbox m JOIN private_key k ON k.id = m.signing_key"
                  " JOIN certificate c ON c.id = k.certificate WHERE m.id = ?1",
                  SQL_VALUES(SQL_INT(mailbox)), &row, why);
    if (status == STORE_OK) {
        status = certificate_column(row, 0, out, why);
        *id_out = sqlite3_column_int64(row, 1);
    }
    sql_done(row);
    return status;
}

static enum store_status reactivate(struct sql *sql, const char *address, time_t now, char **why)
{
    int64_t mailbox = 0;
    int64_t id = 0;
    X509 *certificate = NULL;
    enum store_status status = mailbox_id_needed(sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = chosen_certificate(sql, mailbox, &id, &certificate, why);
    }
    if (status == STORE_NONE) {
        why_set(why, "the mailbox has no key that could sign");
        status = STORE_REFUSED;
    }
    if (status == STORE_OK && cert_check_use(certificate, CERT_USE_SIGN, now, why) != 0) {
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = enrolled_refuse_revoked(sql, id, why);
    }
    if (status == STORE_OK) {
        status = ca_refuse_revoked(sql, certificate, why);
    }
    if (status == STORE_OK) {
        status = key_check_addresses(sql, mailbox, address, certificate, why);
    }
    if (status == STORE_OK) {
        status = sql_run(sql, "UPDATE mailbox SET state = ?2 WHERE id = ?1 AND state IS NOT ?2",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(MAILBOX_ACTIVE)), why);
    }
    X509_free(certificate);
    return status;
}

enum store_status key_check_remaining(struct sql *sql, int64_t mailbox, const char *address,
                                      char **why)
{
    X509 *certificate = NULL;
    int64_t id = 0;
    int64_t state = MAILBOX_INACTIVE;
    enum store_status status = sql_integer(sql, "SELECT state FROM mailbox WHERE id = ?1",
                                           SQL_VALUES(SQL_INT(mailbox)), &state, why);
    if (status == STORE_OK && state == MAILBOX_ACTIVE) {
        status = chosen_certificate(sql, mailbox, &id, &certificate, why);
    }
    if (status == STORE_OK && certificate) {
        status = key_check_addresses(sql, mailbox, address, certificate, why);
    }
    X509_free(certificate);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status store_mailbox_reactivate(struct store *store, const char *address, time_t now,
                                           char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = reactivate(store->sql, address, now, why);
    if (status == STORE_OK) {
        status = audit_record(store, "mailbox activated", address, why, "with its former key");
    }
    return change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
}
