/* Reading private keys and certificates from files. */
#include "credential.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>

#include "chain.h"
#include "password_based.h"
#include "why.h"

#define MAX_PEM_BLOCKS 1024

static enum credential_status no_memory(char **why)
{
    why_set(why, "out of memory");
    return CREDENTIAL_ERROR;
}

static enum credential_status check_size(size_t length, const char *password, char **why)
{
    if (length > CREDENTIAL_MAX_BYTES) {
        why_set(why, "the file has more than %d bytes", CREDENTIAL_MAX_BYTES);
        return CREDENTIAL_REFUSED;
    }
    if (password && strlen(password) > CREDENTIAL_MAX_PASSWORD_BYTES) {
        why_set(why, "the password has more than %d bytes", CREDENTIAL_MAX_PASSWORD_BYTES);
        return CREDENTIAL_PASSWORD;
    }
    return CREDENTIAL_OK;
}

static bool is_pem(const unsigned char *bytes, size_t length)
{
    static const char begin[] = "-----BEGIN ";
    return memmem(bytes, length, begin, sizeof begin - 1) != NULL;
}

/* ---- PEM ---- */

struct pem_block {
    char *name;
    char *header;
    unsigned char *data;
    long length;
};

typedef enum credential_status pem_taker(struct pem_block *block, void *context, char **why);

static void block_clear(struct pem_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, block->length > 0 ? (size_t)block->length : 0);
    *block = (struct pem_block){NULL, NULL, NULL, 0};
}

/* Hand every block to `take`. */
static enum credential_status each_block(const unsigned char *bytes, size_t length, pem_taker *take,
                                         void *context, char **why)
{
    enum credential_status status = CREDENTIAL_OK;
    struct pem_block block = {NULL, NULL, NULL, 0};
    int count = 0;
    BIO *text = BIO_new_mem_buf(bytes, (int)length);
    if (!text) {
        return no_memory(why);
    }
    ERR_clear_error();
    while (status == CREDENTIAL_OK &&
           PEM_read_bio(text, &block.name, &block.header, &block.data, &block.length) == 1) {
        if (++count > MAX_PEM_BLOCKS) {
            why_set(why, "the file has more than %d PEM blocks", MAX_PEM_BLOCKS);
            status = CREDENTIAL_REFUSED;
        } else {
            status = take(&block, context, why);
        }
        block_clear(&block);
        ERR_clear_error();
    }
    unsigned long code = ERR_peek_last_error();
    if (status == CREDENTIAL_OK && ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
        why_set(why, "the file has a damaged PEM block");
        status = CREDENTIAL_REFUSED;
    }
    ERR_clear_error();
    BIO_free(text);
    return status;
}

/* ---- Private keys ---- */

struct key_reading {
    const char *password;
    EVP_PKEY *key;
};

static int give_password(char *buffer, int size, int writing, void *context)
{
    const char *password = context;
    (void)writing;
    size_t length = password ? strlen(password) : 0;
    if (!password || size < 0 || length > (size_t)size) {
        return -1;
    }
    memcpy(buffer, password, length);
    return (int)length;
}

/* "Proc-Type: 4,ENCRYPTED" of traditional keys (RFC 1421 section 4.6.1.1); in place. */
static enum credential_status decrypt_traditional(struct pem_block *block, const char *password,
                                                  char **why)
{
    EVP_CIPHER_INFO cipher;
    ERR_clear_error();
    if (PEM_get_EVP_CIPHER_INFO(block->header, &cipher) != 1) {
        why_set(why, "the private key is encrypted in a way that cannot be read");
        return CREDENTIAL_REFUSED;
    }
    if (!cipher.cipher) {
        return CREDENTIAL_OK;
    }
    if (!password) {
        why_set(why, "the private key is encrypted: a password is needed");
        return CREDENTIAL_PASSWORD;
    }
    if (PEM_do_header(&cipher, block->data, &block->length, give_password,
                      (void *)(uintptr_t)password) != 1) {
        if (errors_say_unsupported()) {
            why_set(why, "the private key is encrypted with %s, which this OpenSSL cannot read",
                    EVP_CIPHER_get0_name(cipher.cipher));
            return CREDENTIAL_REFUSED;
        }
        why_set(why, "the password of the private key is wrong");
        return CREDENTIAL_PASSWORD;
    }
    return CREDENTIAL_OK;
}

/* An EncryptedPrivateKeyInfo that fills `length` bytes, or NULL. */
static X509_SIG *decode_encrypted(const unsigned char *bytes, long length)
{
    const unsigned char *at = bytes;
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &at, length);
    if (encrypted && at != bytes + length) {
        X509_SIG_free(encrypted);
        encrypted = NULL;
    }
    return encrypted;
}

static enum credential_status read_encrypted(const unsigned char *bytes, long length,
                                             const char *password, EVP_PKEY **key_out, char **why)
{
    X509_SIG *encrypted = decode_encrypted(bytes, length);
    if (!encrypted) {
        why_set(why, "the encrypted private key is malformed");
        return CREDENTIAL_REFUSED;
    }
    enum credential_status status = encrypted_key_open(encrypted, password, key_out, why);
    X509_SIG_free(encrypted);
    return status;
}

/* PKCS#8 or traditional. */
static EVP_PKEY *read_plain(const unsigned char *bytes, long length)
{
    const unsigned char *at = bytes;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, length);
    if (key && at != bytes + length) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static bool names_private_key(const char *name)
{
    static const char suffix[] = "PRIVATE KEY";
    size_t length = strlen(name);
    return length >= sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

static enum credential_status take_key(struct pem_block *block, void *context, char **why)
{
    struct key_reading *reading = context;
    EVP_PKEY *key = NULL;
    enum credential_status status = CREDENTIAL_OK;
    if (!names_private_key(block->name)) {
        return CREDENTIAL_OK;
    }
    if (reading->key) {
        why_set(why, "the file holds more than one private key");
        return CREDENTIAL_REFUSED;
    }
    if (strcmp(block->name, "ENCRYPTED PRIVATE KEY") == 0) {
        status = read_encrypted(block->data, block->length, reading->password, &key, why);
    } else {
        bool encrypted = block->header && strstr(block->header, "ENCRYPTED");
        status = decrypt_traditional(block, reading->password, why);
        if (status == CREDENTIAL_OK) {
            key = read_plain(block->data, block->length);
        }
        if (status == CREDENTIAL_OK && !key && encrypted) {
            /* The padding of the cipher fits a wrong password once in 256. */
            why_set(why, "the password of the private key is wrong");
            status = CREDENTIAL_PASSWORD;
        } else if (status == CREDENTIAL_OK && !key) {
            why_set(why, "the private key (%s) is malformed or of a kind that cannot be read",
                    block->name);
            status = CREDENTIAL_REFUSED;
        }
    }
    reading->key = key;
    return status;
}

static enum credential_status read_der_key(const unsigned char *bytes, size_t length,
                                           const char *password, EVP_PKEY **key_out, char **why)
{
    *key_out = read_plain(bytes, (long)length);
    if (*key_out) {
        return CREDENTIAL_OK;
    }
    X509_SIG *encrypted = decode_encrypted(bytes, (long)length);
    enum credential_status status = CREDENTIAL_REFUSED;
    if (encrypted) {
        status = encrypted_key_open(encrypted, password, key_out, why);
    } else {
        why_set(why, "the file holds no private key: neither PEM, nor PKCS#8, RSA or EC in DER");
    }
    X509_SIG_free(encrypted);
    return status;
}

enum credential_status private_key_read(const unsigned char *bytes, size_t length,
                                        const char *password, EVP_PKEY **key_out, char **why)
{
    struct key_reading reading = {password, NULL};
    *key_out = NULL;
    enum credential_status status = check_size(length, password, why);
    if (status != CREDENTIAL_OK) {
        return status;
    }
    if (is_pem(bytes, length)) {
        status = each_block(bytes, length, take_key, &reading, why);
        if (status == CREDENTIAL_OK && !reading.key) {
            why_set(why, "the file holds no private key");
            status = CREDENTIAL_REFUSED;
        }
    } else {
        status = read_der_key(bytes, length, password, &reading.key, why);
    }
    if (status == CREDENTIAL_OK) {
        *key_out = reading.key;
    } else {
        EVP_PKEY_free(reading.key);
    }
    ERR_clear_error();
    return status;
}

/* ---- Certificates ---- */

/* Takes `certificate` over. */
static enum credential_status keep(STACK_OF(X509) * list, X509 *certificate, char **why)
{
    enum credential_status status = CREDENTIAL_OK;
    if (sk_X509_num(list) >= CREDENTIAL_MAX_CERTIFICATES) {
        why_set(why, "the file holds more than %d certificates", CREDENTIAL_MAX_CERTIFICATES);
        status = CREDENTIAL_REFUSED;
    } else if (sk_X509_push(list, certificate) <= 0) {
        status = no_memory(why);
    } else {
        certificate = NULL;
    }
    X509_free(certificate);
    return status;
}

static enum credential_status keep_bundle(STACK_OF(X509) * list, const PKCS7 *bundle, char **why)
{
    enum credential_status status = CREDENTIAL_OK;
    const STACK_OF(X509) *certificates = NULL;
    if (PKCS7_type_is_signed(bundle) && bundle->d.sign) {
        certificates = bundle->d.sign->cert;
    }
    for (int i = 0; status == CREDENTIAL_OK && i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        X509_up_ref(certificate);
        status = keep(list, certificate, why);
    }
    return status;
}

/* A PKCS#7 bundle that fills `length` bytes. */
static enum credential_status read_bundle(STACK_OF(X509) * list, const unsigned char *bytes,
                                          long length, char **why)
{
    const unsigned char *at = bytes;
    PKCS7 *bundle = d2i_PKCS7(NULL, &at, length);
    enum credential_status status = CREDENTIAL_REFUSED;
    if (bundle && at == bytes + length) {
        status = keep_bundle(list, bundle, why);
    } else {
        why_set(why, "the file holds no certificate: neither PEM, nor X.509 or PKCS#7 in DER");
    }
    PKCS7_free(bundle);
    return status;
}

static enum credential_status take_certificate(struct pem_block *block, void *context, char **why)
{
    STACK_OF(X509) *list = context;
    const unsigned char *at = block->data;
    X509 *certificate = NULL;
    if (strcmp(block->name, PEM_STRING_PKCS7) == 0 ||
        strcmp(block->name, PEM_STRING_PKCS7_SIGNED) == 0 ||
        strcmp(block->name, PEM_STRING_CMS) == 0) {
        return read_bundle(list, block->data, block->length, why);
    }
    if (strcmp(block->name, PEM_STRING_X509_TRUSTED) == 0) {
        certificate = d2i_X509_AUX(NULL, &at, block->length);
    } else if (strcmp(block->name, PEM_STRING_X509) == 0 ||
               strcmp(block->name, PEM_STRING_X509_OLD) == 0) {
        certificate = d2i_X509(NULL, &at, block->length);
    } else {
        return CREDENTIAL_OK;
    }
    if (!certificate || at != block->data + block->length) {
        X509_free(certificate);
        why_set(why, "a certificate in the file is malformed");
        return CREDENTIAL_REFUSED;
    }
    return keep(list, certificate, why);
}

static enum credential_status
read_der_certificates(STACK_OF(X509) * list, const unsigned char *bytes, size_t length, char **why)
{
    const unsigned char *at = bytes;
    X509 *certificate = d2i_X509(NULL, &at, (long)length);
    if (certificate && at == bytes + length) {
        return keep(list, certificate, why);
    }
    X509_free(certificate);
    return read_bundle(list, bytes, (long)length, why);
}

enum credential_status certificates_read(const unsigned char *bytes, size_t length,
                                         STACK_OF(X509) * *out, char **why)
{
    *out = NULL;
    enum credential_status status = check_size(length, NULL, why);
    if (status != CREDENTIAL_OK) {
        return status;
    }
    STACK_OF(X509) *list = sk_X509_new_null();
    if (!list) {
        return no_memory(why);
    }
    if (is_pem(bytes, length)) {
        status = each_block(bytes, length, take_certificate, list, why);
    } else {
        status = read_der_certificates(list, bytes, length, why);
    }
    if (status == CREDENTIAL_OK && sk_X509_num(list) == 0) {
        why_set(why, "the file holds no certificate");
        status = CREDENTIAL_REFUSED;
    }
    if (status == CREDENTIAL_OK) {
        *out = list;
        list = NULL;
    }
    sk_X509_pop_free(list, X509_free);
    ERR_clear_error();
    return status;
}

/* First those that lead from `leaf` upwards, then the rest. */
static STACK_OF(X509) * sort(X509 *leaf, STACK_OF(X509) * certificates)
{
    STACK_OF(X509) *chain = NULL;
    STACK_OF(X509) *rest = NULL;
    if (chain_above(leaf, certificates, &chain, &rest) != 0) {
        return NULL;
    }
    if (X509_add_certs(chain, rest, X509_ADD_FLAG_UP_REF) != 1) {
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    sk_X509_pop_free(rest, X509_free);
    return chain;
}

enum credential_status certificates_split(STACK_OF(X509) * certificates, EVP_PKEY *key,
                                          X509 **certificate_out, STACK_OF(X509) * *chain_out,
                                          char **why)
{
    X509 *leaf = NULL;
    *certificate_out = NULL;
    *chain_out = NULL;
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *candidate = sk_X509_value(certificates, i);
        if (X509_check_private_key(candidate, key) == 1 &&
            (!leaf ||
             ASN1_TIME_compare(X509_get0_notAfter(candidate), X509_get0_notAfter(leaf)) > 0)) {
            leaf = candidate;
        }
    }
    ERR_clear_error(); /* of those that did not match */
    if (!leaf) {
        why_set(why, "none of the certificates belongs to the private key");
        return CREDENTIAL_REFUSED;
    }
    *chain_out = sort(leaf, certificates);
    if (!*chain_out) {
        return no_memory(why);
    }
    X509_up_ref(leaf);
    *certificate_out = leaf;
    return CREDENTIAL_OK;
}
