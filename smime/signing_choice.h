/* How a key signs: what a policy allows and the key can do (RFC 8551 sections 2.1 and 2.2). */
#ifndef SMIME_SIGNING_CHOICE_H
#define SMIME_SIGNING_CHOICE_H

#include <openssl/evp.h>

#include "algorithms.h"

#define SIGNING_MAX_ITEMS 3 /* of each list */

struct signing_policy {
    enum sign_digest digests[SIGNING_MAX_ITEMS]; /* the preferred one first */
    size_t digest_count;
    enum sign_scheme schemes[SIGNING_MAX_ITEMS];
    size_t scheme_count;
    int minimum_rsa_bits;
    int minimum_ec_bits;
};

struct signing_choice {
    enum sign_scheme scheme;
    enum sign_digest digest;
};

/* The first scheme that the key can do. With ECDSA the digest is the one of the curve's size where
 * that is allowed, else the first. Returns 0 with *out; -1 with a sentence: the key is of the wrong
 * kind or too short for the policy. */
int signing_choose(const EVP_PKEY *key, const struct signing_policy *policy,
                   struct signing_choice *out, char **why);

#endif
