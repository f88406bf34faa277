/* Signing: multipart/signed, or opaque application/pkcs7-mime (RFC 8551 section 3.5, RFC 5652
 * section 5). */
#ifndef SMIME_SIGN_H
#define SMIME_SIGN_H

#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entity.h"
#include "key_agreement.h"
#include "protection.h"

struct sign_request {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain;       /* travels along; may be NULL */
    X509 *encryption_certificate; /* named in smimeEncryptionKeyPreference and sent along; NULL:
                                     `certificate` */
    enum sign_scheme scheme;      /* one that the key can do */
    enum sign_digest digest;
    struct cipher_list ciphers; /* what answers may be encrypted with, the preferred one first; in
                                   smimeCapabilities, which are left out if there is none */
    bool oaep;                  /* likewise: answers may come by RSAES-OAEP with SHA-256 */
    struct agreement_list agreements;    /* likewise: by ECDH, in these ways */
    time_t now;                          /* signingTime */
    const struct protection *protection; /* of the header; NULL: none */
    struct smime_limits limits;
    struct smime_progress progress;
};

/* Sign `message`. `out` gets the header of the new message (all fields but content ones unchanged
 * in order, then MIME-Version and the new content fields) and its body: CRLF, 7-bit. Where the
 * protection is not clean the signature may be opaque. SMIME_REFUSED: a ceiling, a key that cannot
 * sign, or a Content-Type that cannot be marked as protected. */
enum smime_status smime_sign(const struct entity *message, const struct sign_request *request,
                             struct entity *out, char **why);

#endif
