/* Keys of a mailbox as they are written, and which certificates fit it. Internal to store/. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <openssl/x509.h>

#include "sql.h"

enum key_role {
    KEY_SIGNS,
    KEY_FORMER,   /* decrypts what was encrypted to it */
    KEY_DECRYPTS, /* of a pair: another one signs */
};

/* What goes into the database, made ready before the transaction: sealing is slow beside a write.
 */
struct key_material {
    X509 *certificate; /* borrowed */
    enum key_role role;
    const struct blob *request; /* CSR of the request that it answers; NULL: none */
    unsigned char *sealed;      /* this and the rest: key_prepare() */
    size_t sealed_length;
    STACK_OF(X509) * chain; /* references; may be NULL */
};

/* Seal `key` and find out which of `chain` (may be NULL) leads upwards. STORE_REFUSED when the key
 * does not belong to the certificate. key_material_clear() in any case. */
enum store_status key_prepare(const struct store *store, EVP_PKEY *key, STACK_OF(X509) * chain,
                              struct key_material *material, char **why);
/* Between change_begin() and change_end(): write it, and audit that. STORE_REFUSED when there is no
 * such mailbox, the certificate names none of its addresses, or is to sign and was revoked. */
enum store_status key_write(struct store *store, const char *address,
                            const struct key_material *material, time_t now, char **why);
void key_material_clear(struct key_material *material);

/* Does the certificate name one of the mailbox's addresses? STORE_REFUSED if not, with a sentence
 * that calls the mailbox `address`. Inside a transaction, as is the next. */
enum store_status key_check_addresses(struct sql *sql, int64_t mailbox, const char *address,
                                      X509 *certificate, char **why);

/* The same for the certificate that signs now; STORE_OK when none does. */
enum store_status key_check_remaining(struct sql *sql, int64_t mailbox, const char *address,
                                      char **why);

#endif
