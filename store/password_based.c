/* Password-based encryption of credentials. */
#include "password_based.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "why.h"

/* ---- Cost ---- */

void kdf_budget_init(struct kdf_budget *budget)
{
    budget->left = CREDENTIAL_MAX_KDF_ITERATIONS;
}

int kdf_budget_take_iterations(struct kdf_budget *budget, long iterations)
{
    if (iterations < 0 || iterations > budget->left) {
        return -1;
    }
    budget->left -= iterations;
    return 0;
}

/* An INTEGER that may be too large for a long. */
static long iterations_of(const ASN1_INTEGER *number)
{
    int64_t value = 0;
    if (!number || ASN1_INTEGER_get_int64(&value, number) != 1 || value < 0) {
        ERR_clear_error();
        return -1;
    }
    return (long)value;
}

static long pbes2_iterations(const X509_ALGOR *algorithm)
{
    long iterations = 0; /* scrypt: bounded by OpenSSL's own memory limit */
    PBE2PARAM *scheme = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
    if (!scheme) {
        return 0; /* what cannot be read cannot be run either */
    }
    const X509_ALGOR *derivation = scheme->keyfunc;
    if (OBJ_obj2nid(derivation->algorithm) == NID_id_pbkdf2) {
        PBKDF2PARAM *parameters =
            ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), derivation->parameter);
        iterations = parameters ? iterations_of(parameters->iter) : 0;
        PBKDF2PARAM_free(parameters);
    }
    PBE2PARAM_free(scheme);
    return iterations;
}

int kdf_budget_take(struct kdf_budget *budget, const X509_ALGOR *algorithm)
{
    long iterations = 0;
    if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
        iterations = pbes2_iterations(algorithm);
    } else {
        PBEPARAM *parameters =
            ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
        iterations = parameters && parameters->iter ? iterations_of(parameters->iter) : 1;
        PBEPARAM_free(parameters);
    }
    ERR_clear_error();
    return kdf_budget_take_iterations(budget, iterations);
}

const char *algorithm_name(const X509_ALGOR *algorithm, char *buffer, size_t size)
{
    if (OBJ_obj2txt(buffer, (int)size, algorithm->algorithm, 0) <= 0) {
        snprintf(buffer, size, "an unknown algorithm");
    }
    return buffer;
}

bool errors_say_unsupported(void)
{
    bool unsupported = false;
    unsigned long code = 0;
    while ((code = ERR_get_error()) != 0) {
        int reason = ERR_GET_REASON(code);
        int library = ERR_GET_LIB(code);
        if (reason == ERR_R_UNSUPPORTED ||
            (library == ERR_LIB_EVP &&
             (reason == EVP_R_UNSUPPORTED_ALGORITHM || reason == EVP_R_UNKNOWN_PBE_ALGORITHM ||
              reason == EVP_R_UNSUPPORTED_CIPHER || reason == EVP_R_UNKNOWN_CIPHER ||
              reason == EVP_R_UNSUPPORTED_PRF || reason == EVP_R_UNSUPPORTED_KEYLENGTH ||
              reason == EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION ||
              reason == EVP_R_UNKNOWN_DIGEST))) {
            unsupported = true;
        }
    }
    return unsupported;
}

/* ---- Legacy algorithms ---- */

struct legacy_context {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *standard;
    OSSL_PROVIDER *legacy;
};

struct legacy_context *legacy_context_new(void)
{
    struct legacy_context *made = calloc(1, sizeof *made);
    if (!made) {
        return NULL;
    }
    made->context = OSSL_LIB_CTX_new();
    if (made->context) {
        made->standard = OSSL_PROVIDER_load(made->context, "default");
        made->legacy = OSSL_PROVIDER_load(made->context, "legacy");
    }
    if (!made->standard || !made->legacy) {
        legacy_context_free(&made);
    }
    ERR_clear_error();
    return made;
}

OSSL_LIB_CTX *legacy_context_get(const struct legacy_context *legacy)
{
    return legacy ? legacy->context : NULL;
}

void legacy_context_free(struct legacy_context **legacy)
{
    if (!*legacy) {
        return;
    }
    if ((*legacy)->legacy) {
        OSSL_PROVIDER_unload((*legacy)->legacy);
    }
    if ((*legacy)->standard) {
        OSSL_PROVIDER_unload((*legacy)->standard);
    }
    OSSL_LIB_CTX_free((*legacy)->context);
    free(*legacy);
    *legacy = NULL;
}

/* ---- PKCS#8 ---- */

static EVP_PKEY *decrypt(const X509_SIG *encrypted, const char *password, OSSL_LIB_CTX *context)
{
    EVP_PKEY *key = NULL;
    PKCS8_PRIV_KEY_INFO *plain =
        PKCS8_decrypt_ex(encrypted, password, (int)strlen(password), context, NULL);
    if (plain) {
        /* In the default context: the key is used long after this one is gone. */
        key = EVP_PKCS82PKEY(plain);
    }
    PKCS8_PRIV_KEY_INFO_free(plain);
    return key;
}

enum credential_status encrypted_key_open(const X509_SIG *encrypted, const char *password,
                                          EVP_PKEY **key_out, char **why)
{
    const X509_ALGOR *algorithm = NULL;
    struct kdf_budget budget;
    char name[80];
    X509_SIG_get0(encrypted, &algorithm, NULL);
    kdf_budget_init(&budget);
    if (kdf_budget_take(&budget, algorithm) != 0) {
        why_set(why, "the private key asks for more than %d iterations of key derivation",
                CREDENTIAL_MAX_KDF_ITERATIONS);
        return CREDENTIAL_REFUSED;
    }
    if (!password) {
        why_set(why, "the private key is encrypted: a password is needed");
        return CREDENTIAL_PASSWORD;
    }
    ERR_clear_error();
    *key_out = decrypt(encrypted, password, NULL);
    bool unsupported = !*key_out && errors_say_unsupported();
    bool have_legacy = true;
    if (unsupported) {
        struct legacy_context *legacy = legacy_context_new();
        have_legacy = legacy != NULL;
        if (legacy) {
            *key_out = decrypt(encrypted, password, legacy_context_get(legacy));
            unsupported = !*key_out && errors_say_unsupported();
        }
        legacy_context_free(&legacy);
    }
    ERR_clear_error();
    if (*key_out) {
        return CREDENTIAL_OK;
    }
    if (unsupported) {
        why_set(why, "the private key is encrypted with %s, which this OpenSSL cannot read%s",
                algorithm_name(algorithm, name, sizeof name),
                have_legacy ? "" : " (its legacy provider is not installed)");
        return CREDENTIAL_REFUSED;
    }
    why_set(why, "the password of the private key is wrong");
    return CREDENTIAL_PASSWORD;
}
