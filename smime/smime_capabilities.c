/* smimeCapabilities: read from what others declared, written into what we sign. */
#include "smime_capabilities.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* RSAES-OAEP-params name their digests by default as SHA-1, which is another algorithm. */
static bool is_oaep_sha256(const X509_ALGOR *algorithm)
{
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    RSA_OAEP_PARAMS *parameters = NULL;
    X509_ALGOR *mask_digest = NULL;
    const ASN1_OBJECT *oid = NULL;
    const unsigned char *at;
    bool is = false;
    X509_ALGOR_get0(&oid, &type, &value, algorithm);
    if (OBJ_obj2nid(oid) != NID_rsaesOaep || type != V_ASN1_SEQUENCE)
        return false;
    at = ASN1_STRING_get0_data(value);
    parameters = d2i_RSA_OAEP_PARAMS(NULL, &at, ASN1_STRING_length(value));
    if (parameters == NULL || parameters->hashFunc == NULL || parameters->maskGenFunc == NULL)
        goto out;
    X509_ALGOR_get0(&oid, &type, &value, parameters->maskGenFunc);
    if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        goto out;
    at = ASN1_STRING_get0_data(value);
    mask_digest = d2i_X509_ALGOR(NULL, &at, ASN1_STRING_length(value));
    is = mask_digest != NULL && OBJ_obj2nid(parameters->hashFunc->algorithm) == NID_sha256 &&
         OBJ_obj2nid(mask_digest->algorithm) == NID_sha256;
out:
    X509_ALGOR_free(mask_digest);
    RSA_OAEP_PARAMS_free(parameters);
    return is;
}

static bool is_key_wrap(const X509_ALGOR *algorithm, enum key_wrap wrap)
{
    const ASN1_OBJECT *oid = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(&oid, &type, NULL, algorithm);
    /* They have no parameters; that they are absent is often written as NULL. */
    return OBJ_obj2nid(oid) == key_wrap_nid(wrap) && (type == V_ASN1_UNDEF || type == V_ASN1_NULL);
}

/* The parameters of a key agreement are the algorithm of its key wrap. */
static void read_agreement(const X509_ALGOR *algorithm, enum sign_digest kdf,
                           struct agreement_list *out)
{
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR *wrap = NULL;
    const unsigned char *at;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE)
        return;
    at = ASN1_STRING_get0_data(value);
    wrap = d2i_X509_ALGOR(NULL, &at, ASN1_STRING_length(value));
    for (int i = WRAP_AES_128; wrap != NULL && i <= WRAP_AES_256; i++)
        if (is_key_wrap(wrap, (enum key_wrap)i))
            agreement_list_add(out, (struct key_agreement){kdf, (enum key_wrap)i});
    X509_ALGOR_free(wrap);
}

static void read_one(const X509_ALGOR *algorithm, struct smime_capabilities *out)
{
    const ASN1_OBJECT *oid = NULL;
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    for (int i = 0; i < ENCRYPT_CIPHERS; i++)
        if (OBJ_obj2nid(oid) == encrypt_cipher_nid((enum encrypt_cipher)i))
            cipher_list_add(&out->ciphers, (enum encrypt_cipher)i);
    for (int i = SIGN_SHA256; i <= SIGN_SHA512; i++)
        if (OBJ_obj2nid(oid) == key_agreement_nid((enum sign_digest)i))
            read_agreement(algorithm, (enum sign_digest)i, &out->agreements);
    if (is_oaep_sha256(algorithm))
        out->oaep = true;
}

void smime_capabilities_read(const unsigned char *der, size_t length,
                             struct smime_capabilities *out)
{
    const unsigned char *at = der;
    X509_ALGORS *algorithms = NULL;
    *out = (struct smime_capabilities){.known = false};
    if (length == 0 || length > LONG_MAX)
        return;
    algorithms = d2i_X509_ALGORS(NULL, &at, (long)length);
    out->known = algorithms != NULL && at == der + length;
    for (int i = 0; out->known && i < sk_X509_ALGOR_num(algorithms) && i < CAPABILITIES_MAX_ITEMS;
         i++)
        read_one(sk_X509_ALGOR_value(algorithms, i), out);
    sk_X509_ALGOR_pop_free(algorithms, X509_ALGOR_free);
    ERR_clear_error();
}

/* A DER SEQUENCE as the parameters of an algorithm; takes nothing over. Returns 0, -1. */
static int set_sequence(X509_ALGOR *algorithm, int nid, unsigned char *der, int length)
{
    ASN1_STRING *encoded = ASN1_STRING_new();
    if (length <= 0 || encoded == NULL || ASN1_STRING_set(encoded, der, length) != 1 ||
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_SEQUENCE, encoded) != 1) {
        ASN1_STRING_free(encoded);
        return -1;
    }
    return 0;
}

/* RSAES-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 8017 appendix A.2.1, RFC 4055 section 4.1). */
static X509_ALGOR *new_oaep_sha256(void)
{
    X509_ALGOR *out = X509_ALGOR_new();
    RSA_OAEP_PARAMS *parameters = RSA_OAEP_PARAMS_new();
    unsigned char *digest_der = NULL;
    unsigned char *der = NULL;
    int length;
    int rc = -1;
    if (out == NULL || parameters == NULL)
        goto out;
    parameters->hashFunc = X509_ALGOR_new();
    parameters->maskGenFunc = X509_ALGOR_new();
    if (parameters->hashFunc == NULL || parameters->maskGenFunc == NULL ||
        X509_ALGOR_set0(parameters->hashFunc, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) != 1)
        goto out;
    length = i2d_X509_ALGOR(parameters->hashFunc, &digest_der);
    if (set_sequence(parameters->maskGenFunc, NID_mgf1, digest_der, length) != 0)
        goto out;
    length = i2d_RSA_OAEP_PARAMS(parameters, &der);
    rc = set_sequence(out, NID_rsaesOaep, der, length);
out:
    OPENSSL_free(digest_der);
    OPENSSL_free(der);
    RSA_OAEP_PARAMS_free(parameters);
    if (rc != 0) {
        X509_ALGOR_free(out);
        out = NULL;
    }
    return out;
}

/* RFC 5753 section 6: the key wrap, without parameters, is the parameter. */
static X509_ALGOR *new_agreement(struct key_agreement agreement)
{
    X509_ALGOR *out = X509_ALGOR_new();
    X509_ALGOR *wrap = X509_ALGOR_new();
    unsigned char *der = NULL;
    int length;
    int rc = -1;
    if (out != NULL && wrap != NULL &&
        X509_ALGOR_set0(wrap, OBJ_nid2obj(key_wrap_nid(agreement.wrap)), V_ASN1_UNDEF, NULL) == 1) {
        length = i2d_X509_ALGOR(wrap, &der);
        rc = set_sequence(out, key_agreement_nid(agreement.kdf), der, length);
    }
    OPENSSL_free(der);
    X509_ALGOR_free(wrap);
    if (rc != 0) {
        X509_ALGOR_free(out);
        out = NULL;
    }
    return out;
}

/* Takes `algorithm` over. Returns 0, -1: also when it is NULL. */
static int push(STACK_OF(X509_ALGOR) * algorithms, X509_ALGOR *algorithm)
{
    if (algorithm != NULL && sk_X509_ALGOR_push(algorithms, algorithm) > 0)
        return 0;
    X509_ALGOR_free(algorithm);
    return -1;
}

int smime_capabilities_add(CMS_SignerInfo *signer, const struct cipher_list *ciphers, bool oaep,
                           const struct agreement_list *agreements)
{
    STACK_OF(X509_ALGOR) *algorithms = sk_X509_ALGOR_new_null();
    int rc = -1;
    if (algorithms == NULL)
        return -1;
    for (size_t i = 0; i < ciphers->count; i++)
        if (CMS_add_simple_smimecap(&algorithms, encrypt_cipher_nid(ciphers->items[i]), -1) != 1)
            goto out;
    if (oaep && push(algorithms, new_oaep_sha256()) != 0)
        goto out;
    for (size_t i = 0; i < agreements->count; i++)
        if (push(algorithms, new_agreement(agreements->items[i])) != 0)
            goto out;
    if (CMS_add_smimecap(signer, algorithms) == 1)
        rc = 0;
out:
    sk_X509_ALGOR_pop_free(algorithms, X509_ALGOR_free);
    return rc;
}
