/* One SignerInfo: is it well-formed, and is the signature good? */
#include "signer_info.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "ber.h"
#include "why.h"

static int digest_nid(CMS_SignerInfo *info)
{
    X509_ALGOR *digest = NULL;
    const ASN1_OBJECT *oid;
    CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, NULL);
    X509_ALGOR_get0(&oid, NULL, NULL, digest);
    return OBJ_obj2nid(oid);
}

/* A list of what is good: an unknown digest is not good. */
static bool digest_is_good(int nid)
{
    static const int good[] = {NID_sha1,     NID_sha224,     NID_sha256,     NID_sha384,
                               NID_sha512,   NID_sha512_224, NID_sha512_256, NID_sha3_256,
                               NID_sha3_384, NID_sha3_512};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (good[i] == nid)
            return true;
    return false;
}

unsigned signer_info_weakness(CMS_SignerInfo *info)
{
    return digest_nid(info) == NID_sha1 ? WEAKNESS_SHA1 : 0;
}

/* The attribute, if it is there once, with one value. */
static X509_ATTRIBUTE *single_attribute(const CMS_SignerInfo *info, int nid)
{
    int at = CMS_signed_get_attr_by_NID(info, nid, -1);
    X509_ATTRIBUTE *attribute;
    if (at < 0 || CMS_signed_get_attr_by_NID(info, nid, at) >= 0)
        return NULL;
    attribute = CMS_signed_get_attr(info, at);
    return attribute != NULL && X509_ATTRIBUTE_count(attribute) == 1 ? attribute : NULL;
}

static enum smime_status check_attributes(CMS_SignerInfo *info, char **reason)
{
    X509_ATTRIBUTE *type = single_attribute(info, NID_pkcs9_contentType);
    X509_ATTRIBUTE *digest = single_attribute(info, NID_pkcs9_messageDigest);
    const ASN1_OBJECT *oid;
    if (type == NULL || digest == NULL) {
        why_set(reason, "the signed attributes do not hold contentType and messageDigest once each "
                        "(RFC 5652 section 5.3)");
        return SMIME_REFUSED;
    }
    oid = X509_ATTRIBUTE_get0_data(type, 0, V_ASN1_OBJECT, NULL);
    if (oid == NULL || OBJ_obj2nid(oid) != NID_pkcs7_data) {
        why_set(reason, "the signed contentType is not id-data");
        return SMIME_REFUSED;
    }
    if (X509_ATTRIBUTE_get0_data(digest, 0, V_ASN1_OCTET_STRING, NULL) == NULL) {
        why_set(reason, "the signed messageDigest is not an octet string");
        return SMIME_REFUSED;
    }
    if (CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1) >= 0 &&
        single_attribute(info, NID_pkcs9_signingTime) == NULL) {
        why_set(reason, "signingTime stands more than once in the signed attributes");
        return SMIME_REFUSED;
    }
    return SMIME_OK;
}

/* Without signed attributes the signature is over the content alone, and the signed attributes of
 * another message, which are a DER SET, could be passed off as content. */
static enum smime_status check_bare_content(const struct signed_content *content, char **reason,
                                            char **why)
{
    static const struct smime_progress nobody = {0};
    struct ber_reader reader;
    struct ber_element outer;
    struct ber_element element;
    bool found;
    char *malformed = NULL;
    enum smime_status status;
    ber_open(&reader, content->text, content->from, content->to, &nobody, &outer);
    status = ber_next(&reader, &outer, &element, &found, &malformed);
    if (status == SMIME_ERROR)
        why_set(why, "%s", why_text(&malformed));
    why_free(&malformed);
    if (status == SMIME_ERROR)
        return status;
    if (status == SMIME_OK && found && element.identifier == BER_SET &&
        element.end == content->to) {
        why_set(reason, "what is signed are the attributes of another signature");
        return SMIME_REFUSED;
    }
    return SMIME_OK;
}

enum smime_status signer_info_check(CMS_SignerInfo *info, const struct signed_content *content,
                                    char **reason, char **why)
{
    int nid = digest_nid(info);
    if (!digest_is_good(nid)) {
        why_set(reason, "the digest algorithm (%s) is broken or unknown", OBJ_nid2ln(nid));
        return SMIME_REFUSED;
    }
    if (CMS_signed_get_attr_count(info) >= 0)
        return check_attributes(info, reason);
    return check_bare_content(content, reason, why);
}

static bool verify_with(CMS_SignerInfo *info, BIO *digested, X509 *certificate)
{
    bool good;
    CMS_SignerInfo_set1_signer_cert(info, certificate);
    good = (CMS_signed_get_attr_count(info) < 0 || CMS_SignerInfo_verify(info) == 1) &&
           CMS_SignerInfo_verify_content(info, digested) == 1;
    ERR_clear_error();
    return good;
}

/* Anybody can put a certificate with a stranger's issuer and serial number beside the right one:
 * the right one is the one whose key verifies, and the chain decides whether to believe it. */
bool signer_info_verify(CMS_SignerInfo *info, BIO *digested, STACK_OF(X509) * bundle,
                        STACK_OF(X509) * intermediates, X509 **signer_out)
{
    STACK_OF(X509) * sources[] = {bundle, intermediates};
    int tried = 0;
    *signer_out = NULL;
    for (size_t s = 0; s < 2; s++)
        for (int i = 0; i < sk_X509_num(sources[s]) && tried < SIGNER_MAX_CANDIDATES; i++) {
            X509 *certificate = sk_X509_value(sources[s], i);
            if (CMS_SignerInfo_cert_cmp(info, certificate) != 0)
                continue;
            tried++;
            if (verify_with(info, digested, certificate)) {
                *signer_out = certificate;
                return true;
            }
            if (*signer_out == NULL)
                *signer_out = certificate;
        }
    ERR_clear_error();
    return false;
}

time_t signer_info_time(const CMS_SignerInfo *info)
{
    X509_ATTRIBUTE *attribute = single_attribute(info, NID_pkcs9_signingTime);
    const ASN1_TYPE *value = attribute != NULL ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    struct tm tm;
    time_t time = 0;
    if (value != NULL && (value->type == V_ASN1_UTCTIME || value->type == V_ASN1_GENERALIZEDTIME) &&
        ASN1_TIME_to_tm(value->value.asn1_string, &tm) == 1)
        time = timegm(&tm);
    ERR_clear_error();
    return time;
}

char *signer_info_algorithms(CMS_SignerInfo *info)
{
    X509_ALGOR *digest = NULL;
    X509_ALGOR *signature = NULL;
    const ASN1_OBJECT *oid;
    char digest_name[80];
    char signature_name[80];
    char *out = NULL;
    CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, &signature);
    X509_ALGOR_get0(&oid, NULL, NULL, digest);
    (void)OBJ_obj2txt(digest_name, sizeof digest_name, oid, 0);
    X509_ALGOR_get0(&oid, NULL, NULL, signature);
    (void)OBJ_obj2txt(signature_name, sizeof signature_name, oid, 0);
    return asprintf(&out, "%s %s", digest_name, signature_name) < 0 ? NULL : out;
}
