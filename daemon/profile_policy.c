/* A profile of the configuration as the S/MIME functions take it.
 *
 * The folders rules/ and smime/ do not see each other, so each has its own names for the same
 * algorithms. */
#include "profile_policy.h"

#define SAME(a, b) _Static_assert((int)(a) == (int)(b), "the same algorithm")

SAME(PROFILE_SHA256, SIGN_SHA256);
SAME(PROFILE_SHA384, SIGN_SHA384);
SAME(PROFILE_SHA512, SIGN_SHA512);
SAME(PROFILE_RSA_PKCS1, SIGN_PKCS1);
SAME(PROFILE_RSA_PSS, SIGN_PSS);
SAME(PROFILE_ECDSA, SIGN_ECDSA);
SAME(PROFILE_AES_256_GCM, ENCRYPT_AES_256_GCM);
SAME(PROFILE_AES_192_GCM, ENCRYPT_AES_192_GCM);
SAME(PROFILE_AES_128_GCM, ENCRYPT_AES_128_GCM);
SAME(PROFILE_AES_256_CBC, ENCRYPT_AES_256_CBC);
SAME(PROFILE_AES_192_CBC, ENCRYPT_AES_192_CBC);
SAME(PROFILE_AES_128_CBC, ENCRYPT_AES_128_CBC);

const struct profile *profile_decided(const struct settings *settings,
                                      const struct decision *decision)
{
    const char *name = decision->profile != NULL ? decision->profile : settings->profile;
    const struct profile *profile = name != NULL ? profile_find(settings, name) : NULL;
    return profile != NULL ? profile : profile_shipped(0);
}

void profile_encryption_policy(const struct profile *profile, struct encryption_policy *out)
{
    *out = (struct encryption_policy){
        .pkcs1 = profile_allows(&profile->key_encryption, PROFILE_KEY_PKCS1),
        .oaep = profile_allows(&profile->key_encryption, PROFILE_KEY_OAEP),
        .ecdh = profile_allows(&profile->key_encryption, PROFILE_KEY_ECDH),
        .minimum_rsa_bits = profile->minimum_rsa_bits,
        .minimum_ec_bits = profile->minimum_ec_bits,
    };
    for (size_t i = 0; i < profile->ciphers.count; i++)
        cipher_list_add(&out->ciphers, (enum encrypt_cipher)profile->ciphers.items[i]);
}

void profile_signing_policy(const struct profile *profile, struct signing_policy *out)
{
    *out = (struct signing_policy){.digest_count = profile->digests.count,
                                   .scheme_count = profile->signatures.count,
                                   .minimum_rsa_bits = profile->minimum_rsa_bits,
                                   .minimum_ec_bits = profile->minimum_ec_bits};
    for (size_t i = 0; i < profile->digests.count; i++)
        out->digests[i] = (enum sign_digest)profile->digests.items[i];
    for (size_t i = 0; i < profile->signatures.count; i++)
        out->schemes[i] = (enum sign_scheme)profile->signatures.items[i];
}

enum confidentiality profile_confidentiality(const struct settings *settings,
                                             const struct profile *profile)
{
    switch (profile->header_confidentiality) {
    case PROFILE_HIDES_NONE:
        return CONFIDENTIALITY_NONE;
    case PROFILE_HIDES_BASELINE:
        return CONFIDENTIALITY_BASELINE;
    case PROFILE_HIDES_AS_SET:
        break;
    }
    return settings->header_confidentiality == HEADER_CONFIDENTIALITY_NONE
               ? CONFIDENTIALITY_NONE
               : CONFIDENTIALITY_BASELINE;
}
