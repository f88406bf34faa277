/* Signed attributes that OpenSSL does not make by itself. */
#include "signed_attributes.h"

#include <openssl/asn1.h>
#include <openssl/pkcs7.h>

#include "smime_capabilities.h"

#define CONSTRUCTED_CONTEXT_0 0xa0

static int add_signing_time(CMS_SignerInfo *signer, time_t now)
{
    /* UTCTime until 2049, GeneralizedTime from then on: RFC 5652 section 11.3. */
    ASN1_TIME *time = ASN1_TIME_set(NULL, now);
    int rc = -1;
    if (time != NULL && CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime,
                                                    ASN1_STRING_type(time), time, -1) == 1)
        rc = 0;
    ASN1_TIME_free(time);
    return rc;
}

/* SMIMEEncryptionKeyPreference ::= CHOICE { issuerAndSerialNumber [0] IssuerAndSerialNumber, ... },
 * tagged implicitly: the SEQUENCE with another tag (RFC 8551 section 2.5.3). */
static int add_key_preference(CMS_SignerInfo *signer, X509 *encryption)
{
    PKCS7_ISSUER_AND_SERIAL *id = PKCS7_ISSUER_AND_SERIAL_new();
    ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_OTHER);
    X509_ATTRIBUTE *attribute = NULL;
    unsigned char *der = NULL;
    int length;
    int rc = -1;
    if (id == NULL || value == NULL ||
        X509_NAME_set(&id->issuer, X509_get_issuer_name(encryption)) != 1 ||
        ASN1_STRING_copy(id->serial, X509_get0_serialNumber(encryption)) != 1)
        goto out;
    length = i2d_PKCS7_ISSUER_AND_SERIAL(id, &der);
    if (length <= 0)
        goto out;
    der[0] = CONSTRUCTED_CONTEXT_0;
    if (ASN1_STRING_set(value, der, length) != 1)
        goto out;
    attribute = X509_ATTRIBUTE_create(NID_id_smime_aa_encrypKeyPref, V_ASN1_OTHER, value);
    if (attribute == NULL)
        goto out;
    value = NULL;
    if (CMS_signed_add1_attr(signer, attribute) == 1)
        rc = 0;
out:
    X509_ATTRIBUTE_free(attribute);
    ASN1_STRING_free(value);
    OPENSSL_free(der);
    PKCS7_ISSUER_AND_SERIAL_free(id);
    return rc;
}

int signed_attributes_add(CMS_SignerInfo *signer, const struct sign_request *request,
                          X509 *encryption)
{
    if (add_signing_time(signer, request->now) != 0)
        return -1;
    if (request->ciphers.count > 0 &&
        smime_capabilities_add(signer, &request->ciphers, request->oaep, &request->agreements) != 0)
        return -1;
    return add_key_preference(signer, encryption);
}
