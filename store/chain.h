/* Putting certificates in the order of a chain. Internal to store/. */
#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include <stdbool.h>

#include <openssl/x509.h>

#define CHAIN_MAX_LENGTH 16 /* certificates above a leaf */

/* The certificates of `pool` (may be NULL) that lead upwards from `leaf`, the issuer first, the
 * root left out; signatures are checked. *out gets references (sk_X509_pop_free()); where
 * `rest_out` is not NULL it gets those that were not used, the leaf and copies left out. Returns 0,
 * -1 when out of memory. */
int chain_above(X509 *leaf, STACK_OF(X509) * pool, STACK_OF(X509) * *out,
                STACK_OF(X509) * *rest_out);

bool chain_is_self_signed(X509 *certificate);

#endif
