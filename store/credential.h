/* Credentials that an administrator hands over: PKCS#12, PEM and DER keys, PEM, DER and PKCS#7
 * certificates (RFC 7292, RFC 7468, RFC 5958, RFC 2315 section 9.1).
 *
 * Knows nothing of the store: what is read here goes into store_mailbox_activate(),
 * store_pubkey_import() or store_anchor_import(), which judge it. */
#ifndef STORE_CREDENTIAL_H
#define STORE_CREDENTIAL_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define CREDENTIAL_MAX_BYTES (1024 * 1024) /* of one input; larger is refused unread */
#define CREDENTIAL_MAX_CERTIFICATES 256    /* in one input */
#define CREDENTIAL_MAX_PASSWORD_BYTES 1024 /* of a password */
/* Key derivation of one file, all its parts together: more would hang us. What
 * programs write is well below a million. */
#define CREDENTIAL_MAX_KDF_ITERATIONS 2000000

enum credential_status {
    CREDENTIAL_OK = 0,
    CREDENTIAL_PASSWORD, /* the password is wrong, or one is needed and none was given */
    CREDENTIAL_REFUSED,  /* malformed, over a ceiling, an algorithm that cannot be read, or lacking
                            what was asked for */
    CREDENTIAL_ERROR,    /* ours: out of memory */
};

/* Read a PKCS#12 file. `password` may be NULL (none: tried as empty and as absent). On
 * CREDENTIAL_OK *key_out is the private key, *certificate_out the certificate that belongs to it
 * and *chain_out the other certificates, in the order from the issuer upwards as far as they
 * connect, then the rest (never NULL, may be empty; sk_X509_pop_free(chain, X509_free)). The caller
 * owns all three. Old files (RC2, 3DES) are read through OpenSSL's legacy provider, in a library
 * context of its own; where that is missing, *why says so.
 *
 * Anything but CREDENTIAL_OK leaves the outputs NULL and one sentence in *why; CREDENTIAL_PASSWORD
 * has one that differs when no password was given. */
enum credential_status credential_read_pkcs12(const unsigned char *bytes, size_t length,
                                              const char *password, EVP_PKEY **key_out,
                                              X509 **certificate_out, STACK_OF(X509) * *chain_out,
                                              char **why);

/* Write a PKCS#12 file: key, certificate and `chain` (may be NULL), encrypted with AES-256 under
 * `password` (UTF-8). `name` is what programs show. DER in *out (OPENSSL_free(); it is encrypted,
 * so it need not be wiped). */
enum credential_status credential_write_pkcs12(EVP_PKEY *key, X509 *certificate,
                                               STACK_OF(X509) * chain, const char *name,
                                               const char *password, unsigned char **out,
                                               size_t *length_out, char **why);

/* The same for the programs of Apple, which call the right password wrong unless all is
 * encrypted with 3DES and authenticated with HMAC-SHA-1. The password is what protects it. */
enum credential_status credential_write_pkcs12_for_apple(EVP_PKEY *key, X509 *certificate,
                                                         STACK_OF(X509) * chain, const char *name,
                                                         const char *password, unsigned char **out,
                                                         size_t *length_out, char **why);

/* Read one private key: PEM (PKCS#8 plain or encrypted, traditional RSA and EC, with or without
 * other blocks around it) or DER (PKCS#8 plain or encrypted, traditional). More than one private
 * key is refused. A key that is not encrypted is read whatever `password` is. */
enum credential_status private_key_read(const unsigned char *bytes, size_t length,
                                        const char *password, EVP_PKEY **key_out, char **why);

/* Read certificates, at least one, in the order of the input: PEM (any number of CERTIFICATE and
 * TRUSTED CERTIFICATE blocks, PKCS7 and CMS blocks; text and other blocks between are passed over),
 * one certificate in DER, or a PKCS#7 bundle in DER (.p7b, .p7c). Release with
 * sk_X509_pop_free(stack, X509_free). */
enum credential_status certificates_read(const unsigned char *bytes, size_t length,
                                         STACK_OF(X509) * *out, char **why);

/* From certificates as read from a file, make the one that belongs to `key` (of several, as after a
 * renewal, the one that is valid longest) and the others, sorted as in credential_read_pkcs12().
 * References are added, `certificates` stays the caller's. CREDENTIAL_REFUSED when none belongs to
 * it. */
enum credential_status certificates_split(STACK_OF(X509) * certificates, EVP_PKEY *key,
                                          X509 **certificate_out, STACK_OF(X509) * *chain_out,
                                          char **why);

#endif
