/* How to encrypt to one recipient: what a policy allows, his certificate fits and he can read. */
#ifndef SMIME_ENCRYPTION_CHOICE_H
#define SMIME_ENCRYPTION_CHOICE_H

#include <openssl/x509.h>

#include "smime_capabilities.h"

struct encryption_policy {
    struct cipher_list ciphers; /* the preferred one first; at least one */
    bool pkcs1, oaep, ecdh;     /* key transport and key agreement that are allowed */
    int minimum_rsa_bits;
    int minimum_ec_bits;
};

struct encryption_choice {
    enum encrypt_transport transport;
    struct agreement_list agreements; /* ENCRYPT_ECDH: what he declared; empty if nothing */
    /* Those of the policy that he can read, the preferred one first; at least one. In his own order
     * if he declared any of them (RFC 8551 section 2.7.1). Of who declared none of them nothing is
     * known: he gets the CBC ones, which everybody reads, unless the policy has none. With ECDH
     * none whose key is longer than the wraps that he declared, if that leaves any. */
    struct cipher_list ciphers;
};

/* Returns 0 with *out; -1 with a sentence: his key is of the wrong kind or too short for the
 * policy. Of OAEP and v1.5 where both are allowed OAEP is for who declared it. */
int encryption_choose(X509 *certificate, const struct smime_capabilities *capabilities,
                      const struct encryption_policy *policy, struct encryption_choice *out,
                      char **why);

#endif
