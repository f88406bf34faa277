/* Encryption: EnvelopedData or AuthEnvelopedData in application/pkcs7-mime (RFC 8551 section 3.3,
 * RFC 5652 section 6, RFC 5083). */
#ifndef SMIME_ENCRYPT_H
#define SMIME_ENCRYPT_H

#include <openssl/x509.h>

#include "entity.h"
#include "key_agreement.h"
#include "protection.h"

struct encrypt_recipient {
    X509 *certificate;
    enum encrypt_transport transport;        /* one that its key can do */
    const struct agreement_list *agreements; /* ENCRYPT_ECDH: what he declared; may be NULL */
};

struct encrypt_request {
    const struct encrypt_recipient *recipients;
    size_t recipient_count; /* at least one */
    enum encrypt_cipher cipher;
    const struct protection *protection; /* of the header of a message that is not signed; NULL:
                                            none */
    struct smime_limits limits;
    struct smime_progress progress;
};

/* Encrypt `message` (signed before, or not: then its entity is made canonical first). `out` as with
 * smime_sign(): what a policy hides is still in its header, and the caller's to take away. */
enum smime_status smime_encrypt(const struct entity *message, const struct encrypt_request *request,
                                struct entity *out, char **why);

#endif
