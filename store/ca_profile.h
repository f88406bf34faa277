/* What the certificates of a CA of one's own look like: RFC 5280, and the profile
 * "mailbox-validated strict" of the CA/Browser Forum's S/MIME Baseline Requirements, sections 7.1.2
 * and 7.1.4.
 *
 * Knows nothing of the store. Internal to store/. */
#ifndef STORE_CA_PROFILE_H
#define STORE_CA_PROFILE_H

#include <stddef.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "store.h"

#define CA_SERIAL_BYTES 16 /* random but for two bits; RFC 5280 allows 20, the BR ask for 8 */

/* What a certificate is for. */
enum ca_use { CA_SIGN_AND_ENCRYPT, CA_SIGN, CA_ENCRYPT };

/* A self-signed CA certificate: basicConstraints critical CA:TRUE with pathLenConstraint 0,
 * keyUsage critical keyCertSign and cRLSign, key identifiers. `subject` must not be empty. The last
 * second is `not_after`. *out is new (X509_free()). */
enum store_status ca_profile_root(EVP_PKEY *key, const X509_NAME *subject, time_t not_before,
                                  time_t not_after, X509 **out, char **why);

struct ca_leaf {
    EVP_PKEY *key; /* what is certified; the private part does not matter */
    enum ca_use use;
    const char *const *addresses; /* canonical, at least one */
    size_t count;
    time_t not_before;
    time_t not_after;
    const char *crl_url; /* of cRLDistributionPoints; "": none */
};

/* A certificate of a mailbox by `issuer`. */
enum store_status ca_profile_leaf(const struct ca_leaf *leaf, X509 *issuer, EVP_PKEY *issuer_key,
                                  X509 **out, char **why);

/* The digest that a CA with this key signs with. */
const EVP_MD *ca_profile_digest(EVP_PKEY *key);

#endif
