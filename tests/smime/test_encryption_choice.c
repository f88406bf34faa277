/* What a policy, a key and what was declared make of each other: to encrypt, and to sign. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "encryption_choice.h"
#include "signing_choice.h"
#include "test_pki.h"
#include "test_run.h"
#include "why.h"

enum { RSA_2048, P256, P384, PSS, PSS_SHA512, X25519_KEY, RSA_ODD, KEY_COUNT };

static struct pki ca, keys[KEY_COUNT];

/* A key that its own SPKI restricts to PSS, and to `digest` (NULL: any). */
static EVP_PKEY *pss_key(const EVP_MD *digest)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, NULL);
    EVP_PKEY *key = NULL;
    pki_need(context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
                 EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1,
             "a PSS key");
    if (digest != NULL)
        pki_need(EVP_PKEY_CTX_set_rsa_pss_keygen_md(context, digest) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context, digest) == 1,
                 "a PSS key with its digest");
    pki_need(EVP_PKEY_generate(context, &key) == 1, "a PSS key");
    EVP_PKEY_CTX_free(context);
    return key;
}

/* An RSA key with a public exponent of 67 bits, which OpenSSL does not encrypt with. */
static EVP_PKEY *key_with_long_exponent(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *exponent = NULL;
    EVP_PKEY *key = NULL;
    pki_need(context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
                 EVP_PKEY_CTX_set_rsa_keygen_bits(context, 3200) == 1 &&
                 BN_hex2bn(&exponent, "40000000000000001") > 0 &&
                 EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent) == 1 &&
                 EVP_PKEY_generate(context, &key) == 1,
             "an RSA key with a long exponent");
    BN_free(exponent);
    EVP_PKEY_CTX_free(context);
    return key;
}

static void make_keys(void)
{
    static const enum pki_key kinds[] = {PKI_RSA_2048, PKI_EC_P256, PKI_EC_P384, PKI_EC_P256,
                                         PKI_EC_P256,  PKI_X25519,  PKI_RSA_2048};
    ca = pki_ca("CA");
    for (int i = 0; i < KEY_COUNT; i++) {
        bool pss = i == PSS || i == PSS_SHA512;
        EVP_PKEY *key = i == PSS          ? pss_key(NULL)
                        : i == PSS_SHA512 ? pss_key(EVP_sha512())
                        : i == RSA_ODD    ? key_with_long_exponent()
                                          : NULL;
        keys[i] = pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"},
                                              .key = kinds[i],
                                              .use_key = key,
                                              .key_usage = pss ? "digitalSignature" : NULL},
                           &ca);
        EVP_PKEY_free(key);
    }
}

#define CIPHERS(n, ...)                                                                            \
    {                                                                                              \
        {__VA_ARGS__}, n                                                                           \
    }
#define DECLARED(ciphers_, oaep_)                                                                  \
    {                                                                                              \
        .known = true, .ciphers = ciphers_, .oaep = oaep_                                          \
    }
#define GCM256 ENCRYPT_AES_256_GCM
#define GCM128 ENCRYPT_AES_128_GCM
#define CBC256 ENCRYPT_AES_256_CBC
#define CBC128 ENCRYPT_AES_128_CBC
#define ALL CIPHERS(4, GCM256, GCM128, CBC256, CBC128)
#define BOTH                                                                                       \
    .pkcs1 = true, .oaep = true, .ecdh = true, .minimum_rsa_bits = 2048, .minimum_ec_bits = 256

static const struct {
    const char *name;
    int key;
    struct smime_capabilities declared;
    struct encryption_policy policy;
    const char *wanted; /* "pkcs1 aes-256-cbc ..."; NULL: refused */
    const char *reason;
} encryptions[] = {
    {"nothing known: no GCM",
     RSA_2048,
     {.known = false},
     {ALL, BOTH},
     "pkcs1 aes-256-cbc aes-128-cbc",
     NULL},
    {"only GCM allowed",
     RSA_2048,
     {.known = false},
     {CIPHERS(2, GCM256, GCM128), BOTH},
     "pkcs1 aes-256-gcm aes-128-gcm",
     NULL},
    {"in his order",
     RSA_2048,
     DECLARED(CIPHERS(3, CBC128, GCM256, CBC256), false),
     {ALL, BOTH},
     "pkcs1 aes-128-cbc aes-256-gcm aes-256-cbc",
     NULL},
    {"what is allowed of it",
     RSA_2048,
     DECLARED(CIPHERS(3, CBC128, GCM256, CBC256), false),
     {CIPHERS(2, GCM256, CBC256), BOTH},
     "pkcs1 aes-256-gcm aes-256-cbc",
     NULL},
    {"none of what is allowed",
     RSA_2048,
     DECLARED(CIPHERS(1, CBC128), false),
     {CIPHERS(2, GCM256, CBC256), BOTH},
     "pkcs1 aes-256-cbc",
     NULL},
    {"declared nothing of AES",
     RSA_2048,
     {.known = true},
     {ALL, BOTH},
     "pkcs1 aes-256-cbc aes-128-cbc",
     NULL},
    {"OAEP declared",
     RSA_2048,
     DECLARED(CIPHERS(1, CBC256), true),
     {ALL, BOTH},
     "oaep aes-256-cbc",
     NULL},
    {"OAEP declared, not allowed",
     RSA_2048,
     DECLARED(CIPHERS(1, CBC256), true),
     {ALL, .pkcs1 = true, .minimum_rsa_bits = 2048},
     "pkcs1 aes-256-cbc",
     NULL},
    {"OAEP alone",
     RSA_2048,
     {.known = false},
     {ALL, .oaep = true, .minimum_rsa_bits = 2048},
     "oaep aes-256-cbc aes-128-cbc",
     NULL},
    {"EC", P256, DECLARED(CIPHERS(1, GCM256), true), {ALL, BOTH}, "ecdh aes-256-gcm", NULL},
    {"EC not allowed",
     P256,
     {.known = false},
     {ALL, .oaep = true, .minimum_ec_bits = 256},
     NULL,
     "only RSA keys are allowed"},
    {"RSA not allowed",
     RSA_2048,
     {.known = false},
     {ALL, .ecdh = true},
     NULL,
     "only elliptic curve keys are allowed"},
    {"RSA too short",
     RSA_2048,
     {.known = false},
     {ALL, .oaep = true, .minimum_rsa_bits = 3072},
     NULL,
     "has 2048 bits, and 3072 are wanted"},
    {"EC too short",
     P256,
     {.known = false},
     {ALL, .ecdh = true, .minimum_ec_bits = 384},
     NULL,
     "has 256 bits, and 384 are wanted"},
    {"EC long enough",
     P384,
     {.known = false},
     {ALL, .ecdh = true, .minimum_ec_bits = 384},
     "ecdh aes-256-cbc aes-128-cbc",
     NULL},
    {"a key for PSS", PSS, {.known = false}, {ALL, BOTH}, NULL, "RSASSA-PSS signatures alone"},
    {"X25519", X25519_KEY, {.known = false}, {ALL, BOTH}, NULL, "cannot be encrypted to"},
    {"an exponent of 67 bits", RSA_ODD, {.known = false}, {ALL, BOTH}, NULL, "out of the ordinary"},
};

static char *text_of(const struct encryption_choice *choice)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    fputs(encrypt_transport_name(choice->transport), out);
    for (size_t i = 0; i < choice->ciphers.count; i++)
        fprintf(out, " %s", encrypt_cipher_name(choice->ciphers.items[i]));
    fclose(out);
    return text;
}

START_TEST(chooses_for_a_recipient)
{
    struct encryption_choice choice;
    char *why = NULL;
    int rc = encryption_choose(keys[encryptions[_i].key].certificate, &encryptions[_i].declared,
                               &encryptions[_i].policy, &choice, &why);
    ck_assert_msg((rc == 0) == (encryptions[_i].wanted != NULL), "%s: %s", encryptions[_i].name,
                  why_text(&why));
    if (rc == 0) {
        char *text = text_of(&choice);
        ck_assert_str_eq(text, encryptions[_i].wanted);
        free(text);
    } else {
        ck_assert_msg(strstr(why, encryptions[_i].reason) != NULL, "%s: %s", encryptions[_i].name,
                      why);
    }
    why_free(&why);
}
END_TEST

/* Public keys of any shape: what is not encrypted to must be what OpenSSL does not encrypt to, and
 * where it would change nothing. */
static const struct {
    int bits;
    const char *exponent; /* NULL: as large as the modulus */
    bool useless;         /* refused though OpenSSL would */
} shapes[] = {
    {2048, "10001", false},
    {2048, "40000000000000001", false},
    {3072, "40000000000000001", false},
    {3073, "40000000000000001", false},
    {3073, "8000000000000001", false},
    {16384, "10001", false},
    {16385, "10001", false},
    {2048, "1", true},
    {2048, NULL, true},
};

static EVP_PKEY *shaped_key(size_t shape)
{
    BIGNUM *n = BN_new();
    BIGNUM *e = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *key = NULL;
    pki_need(BN_rand(n, shapes[shape].bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) == 1, "a modulus");
    if (shapes[shape].exponent != NULL)
        pki_need(BN_hex2bn(&e, shapes[shape].exponent) > 0, "an exponent");
    else
        pki_need((e = BN_dup(n)) != NULL && BN_sub_word(e, 2) == 1, "an exponent");
    pki_need(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                 OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1,
             "a key");
    params = OSSL_PARAM_BLD_to_param(build);
    pki_need(params != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                 EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) == 1,
             "a key");
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(n);
    BN_free(e);
    return key;
}

static bool openssl_encrypts(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    unsigned char out[4096];
    size_t length = sizeof out;
    bool good = context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
                EVP_PKEY_encrypt(context, out, &length, (const unsigned char *)"x", 1) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

START_TEST(odd_keys_are_left_out)
{
    static const struct encryption_policy policy = {ALL, BOTH};
    static const struct smime_capabilities unknown = {.known = false};
    EVP_PKEY *key = shaped_key((size_t)_i);
    struct pki pair =
        pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"}, .use_key = key}, &ca);
    struct encryption_choice choice;
    char *why = NULL;
    bool chosen = encryption_choose(pair.certificate, &unknown, &policy, &choice, &why) == 0;
    ck_assert_msg(chosen == (openssl_encrypts(key) && !shapes[_i].useless), "%d bits, %s: %s",
                  shapes[_i].bits, shapes[_i].exponent, why_text(&why));
    why_free(&why);
    pki_clear(&pair);
    EVP_PKEY_free(key);
}
END_TEST

#define ANY_DIGEST .digests = {SIGN_SHA256, SIGN_SHA384, SIGN_SHA512}, .digest_count = 3
#define SCHEMES(n, ...) .schemes = {__VA_ARGS__}, .scheme_count = n
#define BITS .minimum_rsa_bits = 2048, .minimum_ec_bits = 256

static const struct {
    const char *name;
    int key;
    struct signing_policy policy;
    const char *wanted; /* NULL: refused */
    const char *reason;
} signatures[] = {
    {"the first that it can",
     RSA_2048,
     {ANY_DIGEST, SCHEMES(3, SIGN_ECDSA, SIGN_PSS, SIGN_PKCS1), BITS},
     "pss sha256",
     NULL},
    {"the other one",
     RSA_2048,
     {ANY_DIGEST, SCHEMES(2, SIGN_PKCS1, SIGN_PSS), BITS},
     "pkcs1 sha256",
     NULL},
    {"the first digest",
     RSA_2048,
     {.digests = {SIGN_SHA512, SIGN_SHA256}, .digest_count = 2, SCHEMES(1, SIGN_PSS), BITS},
     "pss sha512",
     NULL},
    {"EC, by its curve", P384, {ANY_DIGEST, SCHEMES(1, SIGN_ECDSA), BITS}, "ecdsa sha384", NULL},
    {"EC, its digest not allowed",
     P384,
     {.digests = {SIGN_SHA256}, .digest_count = 1, SCHEMES(1, SIGN_ECDSA), BITS},
     "ecdsa sha256",
     NULL},
    {"EC not allowed", P256, {ANY_DIGEST, SCHEMES(1, SIGN_PSS), BITS}, NULL, "only RSA keys"},
    {"RSA not allowed",
     RSA_2048,
     {ANY_DIGEST, SCHEMES(1, SIGN_ECDSA), BITS},
     NULL,
     "only elliptic curve keys"},
    {"a key for PSS",
     PSS,
     {ANY_DIGEST, SCHEMES(2, SIGN_PKCS1, SIGN_PSS), BITS},
     "pss sha256",
     NULL},
    {"PSS not allowed", PSS, {ANY_DIGEST, SCHEMES(1, SIGN_PKCS1), BITS}, NULL, "RSASSA-PSS alone"},
    {"bound to its digest",
     PSS_SHA512,
     {ANY_DIGEST, SCHEMES(1, SIGN_PSS), BITS},
     "pss sha512",
     NULL},
    {"bound to another digest",
     PSS_SHA512,
     {.digests = {SIGN_SHA256}, .digest_count = 1, SCHEMES(1, SIGN_PSS), BITS},
     NULL,
     "bound to the digest"},
    {"a key for PSS that is too short",
     PSS,
     {ANY_DIGEST, SCHEMES(1, SIGN_PSS), .minimum_rsa_bits = 3072},
     NULL,
     "3072 are wanted"},
    {"too short",
     RSA_2048,
     {ANY_DIGEST, SCHEMES(1, SIGN_PSS), .minimum_rsa_bits = 3072},
     NULL,
     "3072 are wanted"},
    {"EC too short",
     P256,
     {ANY_DIGEST, SCHEMES(1, SIGN_ECDSA), .minimum_ec_bits = 384},
     NULL,
     "384 are wanted"},
    {"X25519", X25519_KEY, {ANY_DIGEST, SCHEMES(1, SIGN_ECDSA), BITS}, NULL, "cannot sign mail"},
};

START_TEST(chooses_for_a_signer)
{
    struct signing_choice choice;
    char text[32];
    char *why = NULL;
    int rc = signing_choose(keys[signatures[_i].key].key, &signatures[_i].policy, &choice, &why);
    ck_assert_msg((rc == 0) == (signatures[_i].wanted != NULL), "%s: %s", signatures[_i].name,
                  why_text(&why));
    snprintf(text, sizeof text, "%s %s", sign_scheme_name(choice.scheme),
             sign_digest_name(choice.digest));
    if (rc == 0)
        ck_assert_str_eq(text, signatures[_i].wanted);
    else
        ck_assert_msg(strstr(why, signatures[_i].reason) != NULL, "%s: %s", signatures[_i].name,
                      why);
    why_free(&why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encryption_choice");
    TCase *tests = tcase_create("encryption_choice");
    int status;
    make_keys();
    tcase_add_loop_test(tests, chooses_for_a_recipient, 0,
                        sizeof encryptions / sizeof *encryptions);
    tcase_add_loop_test(tests, odd_keys_are_left_out, 0, sizeof shapes / sizeof *shapes);
    tcase_add_loop_test(tests, chooses_for_a_signer, 0, sizeof signatures / sizeof *signatures);
    suite_add_tcase(suite, tests);
    status = test_run(suite);
    for (int i = 0; i < KEY_COUNT; i++)
        pki_clear(&keys[i]);
    pki_clear(&ca);
    return status;
}
