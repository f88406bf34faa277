/* How a key signs. */
#include "signing_choice.h"

#include <openssl/objects.h>

#include "why.h"

#define DIGEST_IS_MANDATORY 2 /* EVP_PKEY_get_default_digest_nid(3) */

static bool allows_digest(const struct signing_policy *policy, enum sign_digest digest)
{
    for (size_t i = 0; i < policy->digest_count; i++)
        if (policy->digests[i] == digest)
            return true;
    return false;
}

static bool allows_scheme(const struct signing_policy *policy, enum sign_scheme scheme)
{
    for (size_t i = 0; i < policy->scheme_count; i++)
        if (policy->schemes[i] == scheme)
            return true;
    return false;
}

static int check_length(const EVP_PKEY *key, int minimum, const char *kind, char **why)
{
    int bits = EVP_PKEY_get_bits(key);
    if (bits >= minimum)
        return 0;
    why_set(why, "the %s has %d bits, and %d are wanted", kind, bits, minimum);
    return -1;
}

static int choose_rsa(const EVP_PKEY *key, const struct signing_policy *policy,
                      struct signing_choice *out, char **why)
{
    for (size_t i = 0; i < policy->scheme_count; i++)
        if (policy->schemes[i] != SIGN_ECDSA) {
            out->scheme = policy->schemes[i];
            return check_length(key, policy->minimum_rsa_bits, "RSA key", why);
        }
    why_set(why, "it is an RSA key, and only elliptic curve keys are allowed");
    return -1;
}

/* Such a key makes no other signatures, and may be bound to one digest (RFC 4055 section 3.1). */
static int choose_pss(const EVP_PKEY *key, const struct signing_policy *policy,
                      struct signing_choice *out, char **why)
{
    static const int nids[] = {
        [SIGN_SHA256] = NID_sha256, [SIGN_SHA384] = NID_sha384, [SIGN_SHA512] = NID_sha512};
    int nid = NID_undef;
    if (!allows_scheme(policy, SIGN_PSS)) {
        why_set(why, "it is a key for RSASSA-PSS alone, which is not allowed");
        return -1;
    }
    out->scheme = SIGN_PSS;
    if (EVP_PKEY_get_default_digest_nid((EVP_PKEY *)(uintptr_t)key, &nid) == DIGEST_IS_MANDATORY) {
        int i = SIGN_SHA256;
        while (i <= SIGN_SHA512 && nids[i] != nid)
            i++;
        if (i > SIGN_SHA512 || !allows_digest(policy, (enum sign_digest)i)) {
            why_set(why, "the key is bound to the digest %s, which is not allowed",
                    OBJ_nid2sn(nid));
            return -1;
        }
        out->digest = (enum sign_digest)i;
    }
    return check_length(key, policy->minimum_rsa_bits, "RSA key", why);
}

static int choose_ec(const EVP_PKEY *key, const struct signing_policy *policy,
                     struct signing_choice *out, char **why)
{
    int bits = EVP_PKEY_get_bits(key);
    enum sign_digest fitting = bits > 384 ? SIGN_SHA512 : bits > 256 ? SIGN_SHA384 : SIGN_SHA256;
    if (!allows_scheme(policy, SIGN_ECDSA)) {
        why_set(why, "it is an elliptic curve key, and only RSA keys are allowed");
        return -1;
    }
    out->scheme = SIGN_ECDSA;
    if (allows_digest(policy, fitting))
        out->digest = fitting;
    return check_length(key, policy->minimum_ec_bits, "elliptic curve key", why);
}

int signing_choose(const EVP_PKEY *key, const struct signing_policy *policy,
                   struct signing_choice *out, char **why)
{
    *out = (struct signing_choice){.digest = policy->digests[0]};
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return choose_rsa(key, policy, out, why);
    case EVP_PKEY_RSA_PSS:
        return choose_pss(key, policy, out, why);
    case EVP_PKEY_EC:
        return choose_ec(key, policy, out, why);
    default:
        break;
    }
    why_set(why, "a key of this type cannot sign mail: only RSA and elliptic curve keys can");
    return -1;
}
