/* The algorithms of signed and encrypted mail that we write (RFC 8551 section 2). */
#ifndef SMIME_ALGORITHMS_H
#define SMIME_ALGORITHMS_H

#include <stdbool.h>
#include <stddef.h>

enum sign_digest { SIGN_SHA256, SIGN_SHA384, SIGN_SHA512 };

const char *sign_digest_name(enum sign_digest digest); /* "sha256", ... */

enum sign_scheme { SIGN_PKCS1, SIGN_PSS, SIGN_ECDSA };
const char *sign_scheme_name(enum sign_scheme scheme); /* "pkcs1", ... */

/* The strongest first. GCM makes AuthEnvelopedData, CBC EnvelopedData. */
enum encrypt_cipher {
    ENCRYPT_AES_256_GCM,
    ENCRYPT_AES_192_GCM,
    ENCRYPT_AES_128_GCM,
    ENCRYPT_AES_256_CBC,
    ENCRYPT_AES_192_CBC,
    ENCRYPT_AES_128_CBC,
};
#define ENCRYPT_CIPHERS 6

/* "aes-256-gcm", ... */
const char *encrypt_cipher_name(enum encrypt_cipher cipher);
int encrypt_cipher_nid(enum encrypt_cipher cipher);
bool encrypt_cipher_is_authenticated(enum encrypt_cipher cipher);

enum encrypt_transport {
    ENCRYPT_PKCS1,
    ENCRYPT_OAEP, /* with SHA-256 for both its digests */
    ENCRYPT_ECDH, /* ephemeral-static, with the key wrap of the content key's length */
};
const char *encrypt_transport_name(enum encrypt_transport transport); /* "pkcs1", ... */

/* Ciphers, the preferred one first, each once. */
struct cipher_list {
    enum encrypt_cipher items[ENCRYPT_CIPHERS];
    size_t count;
};

bool cipher_list_has(const struct cipher_list *list, enum encrypt_cipher cipher);

/* Append `cipher` unless it is there. */
void cipher_list_add(struct cipher_list *list, enum encrypt_cipher cipher);

#endif
