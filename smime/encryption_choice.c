/* How to encrypt to one recipient. */
#include "encryption_choice.h"

#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "why.h"

/* OpenSSL encrypts to no larger keys, and from 3072 bits on only with short exponents: one such key
 * must not stop the message for all others. */
static bool rsa_is_odd(EVP_PKEY *key, int bits)
{
    BIGNUM *exponent = NULL;
    bool odd = bits > OPENSSL_RSA_MAX_MODULUS_BITS ||
               EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 ||
               (bits > OPENSSL_RSA_SMALL_MODULUS_BITS &&
                BN_num_bits(exponent) > OPENSSL_RSA_MAX_PUBEXP_BITS) ||
               BN_num_bits(exponent) < 2 || BN_num_bits(exponent) >= bits;
    BN_free(exponent);
    return odd;
}

static int choose_rsa(EVP_PKEY *key, const struct smime_capabilities *capabilities,
                      const struct encryption_policy *policy, struct encryption_choice *out,
                      char **why)
{
    int bits = EVP_PKEY_get_bits(key);
    if (rsa_is_odd(key, bits)) {
        why_set(why, "the RSA key is too large, or its exponent is out of the ordinary");
        return -1;
    }
    if (bits < policy->minimum_rsa_bits) {
        why_set(why, "the RSA key has %d bits, and %d are wanted", bits, policy->minimum_rsa_bits);
        return -1;
    }
    if (!policy->oaep && !policy->pkcs1) {
        why_set(why, "it is an RSA key, and only elliptic curve keys are allowed");
        return -1;
    }
    out->transport =
        policy->oaep && (capabilities->oaep || !policy->pkcs1) ? ENCRYPT_OAEP : ENCRYPT_PKCS1;
    return 0;
}

static int choose_ec(int bits, const struct encryption_policy *policy,
                     struct encryption_choice *out, char **why)
{
    if (!policy->ecdh) {
        why_set(why, "it is an elliptic curve key, and only RSA keys are allowed");
        return -1;
    }
    if (bits < policy->minimum_ec_bits) {
        why_set(why, "the elliptic curve key has %d bits, and %d are wanted", bits,
                policy->minimum_ec_bits);
        return -1;
    }
    out->transport = ENCRYPT_ECDH;
    return 0;
}

static void choose_ciphers(const struct smime_capabilities *capabilities,
                           const struct encryption_policy *policy, struct cipher_list *out)
{
    const struct cipher_list *declared = &capabilities->ciphers;
    const struct cipher_list *allowed = &policy->ciphers;
    out->count = 0;
    for (size_t i = 0; i < declared->count; i++)
        if (cipher_list_has(allowed, declared->items[i]))
            cipher_list_add(out, declared->items[i]);
    if (out->count > 0)
        return;
    for (size_t i = 0; i < allowed->count; i++)
        if (!encrypt_cipher_is_authenticated(allowed->items[i]))
            cipher_list_add(out, allowed->items[i]);
    if (out->count == 0)
        *out = *allowed;
}

/* What wraps a key is as strong as the key. */
static void keep_what_fits(const struct agreement_list *agreements, struct cipher_list *ciphers)
{
    struct cipher_list kept = {.count = 0};
    for (size_t i = 0; i < ciphers->count; i++)
        if (agreement_list_fits(agreements, ciphers->items[i]))
            cipher_list_add(&kept, ciphers->items[i]);
    if (kept.count > 0)
        *ciphers = kept;
}

int encryption_choose(X509 *certificate, const struct smime_capabilities *capabilities,
                      const struct encryption_policy *policy, struct encryption_choice *out,
                      char **why)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    int type = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    int rc = -1;
    *out = (struct encryption_choice){.transport = ENCRYPT_PKCS1};
    switch (type) {
    case EVP_PKEY_RSA:
        rc = choose_rsa(key, capabilities, policy, out, why);
        break;
    case EVP_PKEY_EC:
        rc = choose_ec(EVP_PKEY_get_bits(key), policy, out, why);
        out->agreements = capabilities->agreements;
        break;
    case EVP_PKEY_RSA_PSS:
        why_set(why, "it is a key for RSASSA-PSS signatures alone");
        break;
    default:
        why_set(why, "it is a key of a kind that cannot be encrypted to: only RSA and elliptic "
                     "curve keys can");
        break;
    }
    if (rc != 0)
        return rc;
    choose_ciphers(capabilities, policy, &out->ciphers);
    if (out->transport == ENCRYPT_ECDH)
        keep_what_fits(&out->agreements, &out->ciphers);
    return 0;
}
