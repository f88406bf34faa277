/* How the content key comes to an elliptic curve key. */
#include "key_agreement.h"

#include <openssl/objects.h>

#define DIGESTS 3

int key_agreement_nid(enum sign_digest kdf)
{
    static const int nids[DIGESTS] = {
        [SIGN_SHA256] = NID_dhSinglePass_stdDH_sha256kdf_scheme,
        [SIGN_SHA384] = NID_dhSinglePass_stdDH_sha384kdf_scheme,
        [SIGN_SHA512] = NID_dhSinglePass_stdDH_sha512kdf_scheme,
    };
    return nids[kdf];
}

int key_wrap_nid(enum key_wrap wrap)
{
    static const int nids[] = {
        [WRAP_AES_128] = NID_id_aes128_wrap,
        [WRAP_AES_192] = NID_id_aes192_wrap,
        [WRAP_AES_256] = NID_id_aes256_wrap,
    };
    return nids[wrap];
}

const char *key_wrap_name(enum key_wrap wrap)
{
    static const char *const names[] = {
        [WRAP_AES_128] = "aes-128-wrap",
        [WRAP_AES_192] = "aes-192-wrap",
        [WRAP_AES_256] = "aes-256-wrap",
    };
    return names[wrap];
}

static enum key_wrap wrap_of(enum encrypt_cipher cipher)
{
    switch (cipher) {
    case ENCRYPT_AES_128_GCM:
    case ENCRYPT_AES_128_CBC:
        return WRAP_AES_128;
    case ENCRYPT_AES_192_GCM:
    case ENCRYPT_AES_192_CBC:
        return WRAP_AES_192;
    default:
        return WRAP_AES_256;
    }
}

static enum sign_digest digest_of(int curve_bits)
{
    if (curve_bits > 384)
        return SIGN_SHA512;
    return curve_bits > 256 ? SIGN_SHA384 : SIGN_SHA256;
}

void agreement_list_add(struct agreement_list *list, struct key_agreement agreement)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kdf == agreement.kdf && list->items[i].wrap == agreement.wrap)
            return;
    if (list->count < KEY_AGREEMENTS)
        list->items[list->count++] = agreement;
}

void agreement_list_readable(int curve_bits, const struct cipher_list *ciphers,
                             struct agreement_list *out)
{
    out->count = 0;
    for (unsigned d = 0; d < DIGESTS; d++) {
        enum sign_digest kdf = (enum sign_digest)((digest_of(curve_bits) + d) % DIGESTS);
        for (size_t i = 0; i < ciphers->count; i++)
            agreement_list_add(out, (struct key_agreement){kdf, wrap_of(ciphers->items[i])});
    }
}

bool agreement_list_fits(const struct agreement_list *list, enum encrypt_cipher cipher)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].wrap >= wrap_of(cipher))
            return true;
    return false;
}

struct key_agreement key_agreement_for(const struct agreement_list *declared, int curve_bits,
                                       enum encrypt_cipher cipher)
{
    struct key_agreement out = {digest_of(curve_bits), wrap_of(cipher)};
    if (declared == NULL || declared->count == 0)
        return out;
    for (size_t i = 0; i < declared->count; i++)
        if (declared->items[i].wrap >= out.wrap)
            return declared->items[i];
    out.kdf = declared->items[0].kdf;
    return out;
}
