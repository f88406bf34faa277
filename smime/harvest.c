/* What a valid signature teaches: which certificate its author wants to be encrypted to, and what
 * his programs can do. */
#include "harvest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "signer_address.h"
#include "trust_chain.h"
#include "why.h"

/* The value of a signed attribute that stands there once: its DER in *der_out (OPENSSL_free()), the
 * length returned, -1 when it is not there. */
static int attribute_der(const CMS_SignerInfo *info, int nid, unsigned char **der_out)
{
    int at = CMS_signed_get_attr_by_NID(info, nid, -1);
    X509_ATTRIBUTE *attribute = at >= 0 ? CMS_signed_get_attr(info, at) : NULL;
    *der_out = NULL;
    if (attribute == NULL || CMS_signed_get_attr_by_NID(info, nid, at) >= 0 ||
        X509_ATTRIBUTE_count(attribute) != 1)
        return -1;
    return i2d_ASN1_TYPE(X509_ATTRIBUTE_get0_type(attribute, 0), der_out);
}

static bool has_key_id(X509 *certificate, const ASN1_OCTET_STRING *key_id)
{
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(certificate);
    return own != NULL && ASN1_OCTET_STRING_cmp(own, key_id) == 0;
}

static X509 *find_by_key_id(STACK_OF(X509) * bundle, const ASN1_OCTET_STRING *key_id)
{
    for (int i = 0; key_id != NULL && i < sk_X509_num(bundle); i++)
        if (has_key_id(sk_X509_value(bundle, i), key_id))
            return sk_X509_value(bundle, i);
    return NULL;
}

/* SMIMEEncryptionKeyPreference ::= CHOICE { issuerAndSerialNumber [0], receipentKeyId [1],
 * subjectAltKeyIdentifier [2] }, tagged implicitly: with its universal tag put back, OpenSSL reads
 * each of them. Borrowed from the bundle. */
static X509 *preferred(const struct verified *verified)
{
    unsigned char *der = NULL;
    int length = attribute_der(verified->signer_info, NID_id_smime_aa_encrypKeyPref, &der);
    const unsigned char *at = der;
    X509 *found = NULL;
    PKCS7_ISSUER_AND_SERIAL *name = NULL;
    ASN1_SEQUENCE_ANY *sequence = NULL;
    ASN1_OCTET_STRING *key_id = NULL;
    if (length <= 2)
        goto out;
    switch (der[0]) {
    case 0xa0:
        der[0] = 0x30;
        name = d2i_PKCS7_ISSUER_AND_SERIAL(NULL, &at, length);
        if (name != NULL)
            found = X509_find_by_issuer_and_serial(verified->bundle, name->issuer, name->serial);
        break;
    case 0xa1:
        der[0] = 0x30;
        sequence = d2i_ASN1_SEQUENCE_ANY(NULL, &at, length);
        if (sk_ASN1_TYPE_num(sequence) > 0 &&
            sk_ASN1_TYPE_value(sequence, 0)->type == V_ASN1_OCTET_STRING)
            found = find_by_key_id(verified->bundle,
                                   sk_ASN1_TYPE_value(sequence, 0)->value.octet_string);
        break;
    case 0x82:
        der[0] = 0x04;
        key_id = d2i_ASN1_OCTET_STRING(NULL, &at, length);
        found = find_by_key_id(verified->bundle, key_id);
        break;
    default:
        break;
    }
out:
    PKCS7_ISSUER_AND_SERIAL_free(name);
    sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
    ASN1_OCTET_STRING_free(key_id);
    OPENSSL_free(der);
    ERR_clear_error();
    return found;
}

/* Is there such an attribute, be it one that can be read or not? */
static bool names_preference(const struct verified *verified)
{
    return CMS_signed_get_attr_by_NID(verified->signer_info, NID_id_smime_aa_encrypKeyPref, -1) >=
           0;
}

/* May mail to the author be encrypted with this certificate? 1 with its chain in *chain_out, 0, or
 * -1: an error of ours. */
static int is_fit(X509 *certificate, const struct verified *verified, const struct author *author,
                  const struct open_request *request, STACK_OF(X509) * *chain_out, char **why)
{
    enum signature_verdict verdict;
    STACK_OF(X509) *chain = NULL;
    unsigned refused;
    char *reason = NULL;
    int named = signer_names(certificate, author->address);
    *chain_out = NULL;
    if (named < 0)
        why_set(why, "out of memory");
    if (named <= 0)
        return named;
    if (!chain_usage_allows(certificate, CHAIN_ENCRYPT) || X509_check_ca(certificate) == 1)
        return 0;
    if (chain_verify(certificate, verified->bundle, request, CHAIN_ENCRYPT, &verdict, &chain,
                     &reason, why) != SMIME_OK)
        return -1;
    refused = weakness_of_chain(chain) & ~request->weak_allowed;
    why_free(&reason);
    if (verdict == SIGNATURE_VALID && refused == 0) {
        *chain_out = chain;
        return 1;
    }
    sk_X509_pop_free(chain, X509_free);
    return 0;
}

/* The preferred one, the signer's own, or another one that came along. Borrowed. The certificates
 * of a CMS are not signed: what a mail that comes again brings may have been changed, and one that
 * it does not name is no wish of its signer's. */
static enum smime_status choose(const struct verified *verified, const struct author *author,
                                const struct open_request *request, X509 **out,
                                STACK_OF(X509) * *chain_out, bool *preferred_out, char **why)
{
    X509 *first[] = {preferred(verified), verified->signer};
    int fit = 0;
    *out = NULL;
    *chain_out = NULL;
    for (size_t i = 0; fit == 0 && i < 2; i++)
        if (first[i] != NULL) {
            *out = first[i];
            fit = is_fit(first[i], verified, author, request, chain_out, why);
        }
    for (int i = 0; fit == 0 && i < sk_X509_num(verified->bundle); i++) {
        *out = sk_X509_value(verified->bundle, i);
        fit = is_fit(*out, verified, author, request, chain_out, why);
    }
    *preferred_out = *out == first[0] || (!names_preference(verified) && *out == first[1]);
    if (fit != 1)
        *out = NULL;
    return fit < 0 ? SMIME_ERROR : SMIME_OK;
}

/* Add what stands between a leaf and its anchor. Returns 0, -1 out of memory. */
static int add_middle(STACK_OF(X509) * chain, STACK_OF(X509) * out)
{
    for (int i = 1; i < sk_X509_num(chain) - 1; i++)
        if (X509_add_cert(out, sk_X509_value(chain, i),
                          X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1)
            return -1;
    return 0;
}

enum smime_status harvest_learn(const struct verified *verified, const struct author *author,
                                const struct open_request *request, struct harvest *out, char **why)
{
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    unsigned char *der = NULL;
    int length;
    enum smime_status status;
    *out = (struct harvest){0};
    if (verified->verdict != SIGNATURE_VALID || author->address == NULL)
        return SMIME_OK;
    status = choose(verified, author, request, &certificate, &chain, &out->preferred, why);
    if (status != SMIME_OK)
        return status;
    /* The key for encryption may be of another CA than the one for signatures. */
    out->intermediates = sk_X509_new_null();
    if (out->intermediates == NULL || add_middle(verified->chain, out->intermediates) != 0 ||
        add_middle(chain, out->intermediates) != 0)
        goto no_memory;
    if (certificate == NULL)
        goto out;
    out->signing_time = verified->signing_time;
    length = attribute_der(verified->signer_info, NID_SMIMECapabilities, &der);
    if (length > 0) {
        out->capabilities = malloc((size_t)length);
        if (out->capabilities == NULL)
            goto no_memory;
        memcpy(out->capabilities, der, (size_t)length);
        out->capabilities_length = (size_t)length;
    }
    OPENSSL_free(der);
    der = NULL;
    if (X509_up_ref(certificate) == 1)
        out->certificate = certificate;
    goto out;
no_memory:
    sk_X509_pop_free(out->intermediates, X509_free);
    *out = (struct harvest){0};
    why_set(why, "out of memory");
    status = SMIME_ERROR;
out:
    OPENSSL_free(der);
    sk_X509_pop_free(chain, X509_free);
    return status;
}
