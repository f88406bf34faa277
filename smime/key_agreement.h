/* How the content key comes to an elliptic curve key: ephemeral-static ECDH, a key derivation
 * function with a digest, and an AES key wrap (RFC 5753 section 3.1, RFC 3565). */
#ifndef SMIME_KEY_AGREEMENT_H
#define SMIME_KEY_AGREEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "algorithms.h"

enum key_wrap { WRAP_AES_128, WRAP_AES_192, WRAP_AES_256 };

struct key_agreement {
    enum sign_digest kdf; /* the digest of the key derivation */
    enum key_wrap wrap;
};

#define KEY_AGREEMENTS 9 /* there are no others */

/* The preferred one first, each once. */
struct agreement_list {
    struct key_agreement items[KEY_AGREEMENTS];
    size_t count;
};

int key_agreement_nid(enum sign_digest kdf);   /* dhSinglePass-stdDH-sha256kdf-scheme, ... */
int key_wrap_nid(enum key_wrap wrap);          /* id-aes128-wrap, ... */
const char *key_wrap_name(enum key_wrap wrap); /* "aes-128-wrap", ... */

/* Append it unless it is there. */
void agreement_list_add(struct agreement_list *list, struct key_agreement agreement);

/* What can be read with a key of `curve_bits`, where answers come in `ciphers`: every digest, that
 * of the curve's length first, with the wraps that fit those ciphers. */
void agreement_list_readable(int curve_bits, const struct cipher_list *ciphers,
                             struct agreement_list *out);

/* Is there one whose wrap is as strong as the content key of `cipher`? (RFC 3370 section 9) */
bool agreement_list_fits(const struct agreement_list *list, enum encrypt_cipher cipher);

/* What a recipient with a key of `curve_bits` who declared `declared` (NULL or empty: nothing)
 * gets for content of `cipher`: the first that fits. Where none does, his first digest, or without
 * any that of the curve's length, and the wrap of the content key's length. */
struct key_agreement key_agreement_for(const struct agreement_list *declared, int curve_bits,
                                       enum encrypt_cipher cipher);

#endif
