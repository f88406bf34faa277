/* RC2 in CBC mode, for reading alone. */
#include "rc2.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static OSSL_LIB_CTX *loaded;

/* With the default provider, too: RSA, ECDH and all else that opens an envelope is there. */
static OSSL_LIB_CTX *load(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *standard = context != NULL ? OSSL_PROVIDER_load(context, "default") : NULL;
    OSSL_PROVIDER *legacy = standard != NULL ? OSSL_PROVIDER_load(context, "legacy") : NULL;
    if (legacy == NULL) {
        if (standard != NULL)
            OSSL_PROVIDER_unload(standard);
        OSSL_LIB_CTX_free(context);
        context = NULL;
    }
    ERR_clear_error();
    return context;
}

OSSL_LIB_CTX *rc2_context(void)
{
    OSSL_LIB_CTX *context;
    (void)pthread_mutex_lock(&lock);
    if (loaded == NULL)
        loaded = load();
    context = loaded;
    (void)pthread_mutex_unlock(&lock);
    return context;
}

bool rc2_parameters_are_known(OSSL_LIB_CTX *context, const X509_ALGOR *algorithm)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, SN_rc2_cbc, NULL);
    EVP_CIPHER_CTX *trial = EVP_CIPHER_CTX_new();
    bool known = cipher != NULL && trial != NULL && algorithm->parameter != NULL &&
                 EVP_DecryptInit_ex2(trial, cipher, NULL, NULL, NULL) == 1 &&
                 EVP_CIPHER_asn1_to_param(trial, algorithm->parameter) > 0;
    EVP_CIPHER_CTX_free(trial);
    EVP_CIPHER_free(cipher);
    ERR_clear_error();
    return known;
}

/* RC2 takes keys of any length, so OpenSSL uses whatever comes out of the RecipientInfo. Two things
 * hang on that. Whether a key came out at all would show, as it does not where every other length
 * gives way to a random key (RFC 3218 section 2.3.2). And who labels somebody's AES ciphertext as
 * RC2 with 40 effective bits, and sees what comes of it, would learn 40 bits of the AES key. */
int rc2_hold_key_length(BIO *cipher)
{
    EVP_CIPHER_CTX *context = NULL;
    unsigned char key[EVP_MAX_KEY_LENGTH];
    size_t length = 0;
    size_t effective = 0;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_KEYLEN, &length),
        OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_RC2_KEYBITS, &effective),
        OSSL_PARAM_construct_end(),
    };
    int rc = -1;
    if (BIO_get_cipher_ctx(cipher, &context) != 1 ||
        EVP_CIPHER_CTX_get_params(context, parameters) != 1 || effective == 0 ||
        effective > 8 * sizeof key)
        return -1;
    if (length * 8 == effective)
        return 0;
    if (EVP_CIPHER_CTX_set_key_length(context, (int)(effective / 8)) == 1 &&
        EVP_CIPHER_CTX_rand_key(context, key) == 1 &&
        EVP_DecryptInit_ex2(context, NULL, key, NULL, NULL) == 1)
        rc = 0;
    OPENSSL_cleanse(key, sizeof key);
    return rc;
}
