/* New keys, and the requests for their certificates (PKCS#10, RFC 2986).
 *
 * Knows nothing of the store; store_request_put() keeps what is made here. */
#ifndef STORE_CSR_H
#define STORE_CSR_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "store.h"

#define NEW_KEY_DEFAULT "rsa:3072" /* what every mail program can read */

/* Make a key: `kind` is "rsa:2048", "rsa:3072", "rsa:4096", "ec:P-256" or "ec:P-384".
 * STORE_REFUSED: another kind; the sentence lists these. */
enum store_status new_key_make(const char *kind, EVP_PKEY **key_out, char **why);

/* A request for a certificate that signs and receives mail: `subject` (NULL: CN = the first
 * address, as far as it fits), `addresses` (canonical, at least one) as rfc822Name, or
 * SmtpUTF8Mailbox where the local part is not ASCII (RFC 9598), key usage for the kind of key, and
 * extended key usage emailProtection. DER in *der_out (OPENSSL_free()). */
enum store_status csr_make(EVP_PKEY *key, const X509_NAME *subject, const char *const *addresses,
                           size_t count, unsigned char **der_out, size_t *length_out, char **why);

#endif
