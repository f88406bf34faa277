/* New keys, the requests for their certificates (PKCS#10, RFC 2986), and the requests of others.
 *
 * Knows nothing of the store; store_request_put() keeps what is made here, store_ca_certify()
 * answers what is read here. */
#ifndef STORE_CSR_H
#define STORE_CSR_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cert_use.h"
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

#define CSR_MAX_BYTES (64 * 1024) /* of a request that is read, PEM or DER */
#define CSR_MAX_RSA_BITS 8192     /* larger keys cost every recipient too much */

/* Read one request, PEM or DER, and check that whoever made it has the private key: its signature,
 * RFC 2986 section 4.2. STORE_REFUSED: no request or more than one, too large, signed by another
 * key, or the key is damaged. *out: X509_REQ_free(). */
enum store_status csr_read(const unsigned char *bytes, size_t length, X509_REQ **out, char **why);

/* The mail addresses that a request is for, as in a certificate: of subjectAltName, else the
 * subject's emailAddress; none is an empty list. STORE_REFUSED when it names what is no mailbox, a
 * domain say. cert_addresses_clear(). */
enum store_status csr_addresses(X509_REQ *request, struct cert_addresses *out, char **why);

#endif
