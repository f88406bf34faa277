/* What the certificates of a CA of one's own look like. */
#include "ca_profile.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "mailbox_names.h"
#include "why.h"

/* mailbox-validated, strict: the subject is the address alone and the only purpose mail, which is
 * what we issue. S/MIME BR section 7.1.6.1. */
#define POLICY_OID "2.23.140.1.5.1.3"

const EVP_MD *ca_profile_digest(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384()
                                                                         : EVP_sha256();
}

/* ---- Parts ---- */

/* Positive, and always of the same length. */
static int set_serial(X509 *certificate)
{
    unsigned char bytes[CA_SERIAL_BYTES];
    BIGNUM *number = NULL;
    int rc = -1;
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return -1;
    }
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    number = BN_bin2bn(bytes, sizeof bytes, NULL);
    if (number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate))) {
        rc = 0;
    }
    BN_free(number);
    return rc;
}

/* `value` as in openssl.cnf. */
static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int rc = extension && X509_add_ext(certificate, extension, -1) == 1 ? 0 : -1;
    X509_EXTENSION_free(extension);
    return rc;
}

static int add_names(X509 *certificate, const struct ca_leaf *leaf)
{
    bool nameless = X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0;
    X509_EXTENSION *names = mailbox_names_extension(leaf->addresses, leaf->count, nameless);
    int rc = names && X509_add_ext(certificate, names, -1) == 1 ? 0 : -1;
    X509_EXTENSION_free(names);
    return rc;
}

/* certificatePolicies: POLICY_OID, without qualifiers. */
static int add_policy(X509 *certificate)
{
    CERTIFICATEPOLICIES *policies = sk_POLICYINFO_new_null();
    POLICYINFO *policy = POLICYINFO_new();
    int rc = -1;
    if (!policies || !policy) {
        goto out;
    }
    ASN1_OBJECT_free(policy->policyid);
    policy->policyid = OBJ_txt2obj(POLICY_OID, 1);
    if (!policy->policyid || sk_POLICYINFO_push(policies, policy) <= 0) {
        goto out;
    }
    policy = NULL;
    if (X509_add1_ext_i2d(certificate, NID_certificate_policies, policies, 0, X509V3_ADD_DEFAULT) ==
        1) {
        rc = 0;
    }
out:
    POLICYINFO_free(policy);
    CERTIFICATEPOLICIES_free(policies);
    return rc;
}

/* Built piece by piece: the notation of openssl.cnf gives commas in the URL a meaning. */
static int add_distribution_point(X509 *certificate, const char *url)
{
    CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
    DIST_POINT *point = DIST_POINT_new();
    DIST_POINT_NAME *where = DIST_POINT_NAME_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    int rc = -1;
    if (!points || !point || !where || !names || !name || !text ||
        ASN1_STRING_set(text, url, -1) != 1) {
        goto out;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    text = NULL;
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        goto out;
    }
    name = NULL;
    where->type = 0; /* fullName */
    where->name.fullname = names;
    names = NULL;
    point->distpoint = where;
    where = NULL;
    if (sk_DIST_POINT_push(points, point) <= 0) {
        goto out;
    }
    point = NULL;
    rc = X509_add1_ext_i2d(certificate, NID_crl_distribution_points, points, 0,
                           X509V3_ADD_DEFAULT) == 1
             ? 0
             : -1;
out:
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    DIST_POINT_NAME_free(where);
    DIST_POINT_free(point);
    CRL_DIST_POINTS_free(points);
    return rc;
}

/* S/MIME BR section 7.1.2.3 e. */
static const char *key_usage(EVP_PKEY *key, enum ca_use use)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;
    switch (use) {
    case CA_SIGN:
        return "critical,digitalSignature";
    case CA_ENCRYPT:
        return rsa ? "critical,keyEncipherment" : "critical,keyAgreement";
    case CA_SIGN_AND_ENCRYPT:
        break;
    }
    return rsa ? "critical,digitalSignature,keyEncipherment"
               : "critical,digitalSignature,keyAgreement";
}

static int set_validity(X509 *certificate, time_t not_before, time_t not_after)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), not_before) &&
                   ASN1_TIME_set(X509_getm_notAfter(certificate), not_after)
               ? 0
               : -1;
}

/* Certificates that were just made keep hold of the private key and of half-decoded extensions:
 * what goes out is what a stranger would read. */
static enum store_status finish(X509 **made, bool good, const char *what, X509 **out, char **why)
{
    unsigned char *der = NULL;
    int length = good ? i2d_X509(*made, &der) : -1;
    const unsigned char *at = der;
    *out = length > 0 ? d2i_X509(NULL, &at, length) : NULL;
    if (!*out) {
        why_set(why, "OpenSSL cannot make %s", what);
    }
    ERR_clear_error();
    OPENSSL_free(der);
    X509_free(*made);
    *made = NULL;
    return *out ? STORE_OK : STORE_ERROR;
}

/* ---- Certificates ---- */

enum store_status ca_profile_root(EVP_PKEY *key, const X509_NAME *subject, time_t not_before,
                                  time_t not_after, X509 **out, char **why)
{
    X509 *made = X509_new();
    bool good =
        made && X509_set_version(made, X509_VERSION_3) == 1 && set_serial(made) == 0 &&
        X509_set_subject_name(made, subject) == 1 && X509_set_issuer_name(made, subject) == 1 &&
        set_validity(made, not_before, not_after) == 0 && X509_set_pubkey(made, key) == 1 &&
        add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") == 0 &&
        add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") == 0 &&
        add_extension(made, made, NID_subject_key_identifier, "hash") == 0 &&
        add_extension(made, made, NID_authority_key_identifier, "keyid:always") == 0 &&
        X509_sign(made, key, ca_profile_digest(key)) > 0;
    return finish(&made, good, "the CA certificate", out, why);
}

enum store_status ca_profile_leaf(const struct ca_leaf *leaf, X509 *issuer, EVP_PKEY *issuer_key,
                                  X509 **out, char **why)
{
    X509 *made = X509_new();
    bool good = made && X509_set_version(made, X509_VERSION_3) == 1 && set_serial(made) == 0 &&
                mailbox_names_subject(X509_get_subject_name(made), leaf->addresses[0]) == 0 &&
                X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1 &&
                set_validity(made, leaf->not_before, leaf->not_after) == 0 &&
                X509_set_pubkey(made, leaf->key) == 1 &&
                add_extension(made, issuer, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
                add_extension(made, issuer, NID_key_usage, key_usage(leaf->key, leaf->use)) == 0 &&
                add_extension(made, issuer, NID_ext_key_usage, "emailProtection") == 0 &&
                add_policy(made) == 0 && add_names(made, leaf) == 0 &&
                (!*leaf->crl_url || add_distribution_point(made, leaf->crl_url) == 0) &&
                add_extension(made, issuer, NID_subject_key_identifier, "hash") == 0 &&
                add_extension(made, issuer, NID_authority_key_identifier, "keyid:always") == 0 &&
                X509_sign(made, issuer_key, ca_profile_digest(issuer_key)) > 0;
    return finish(&made, good, "the certificate", out, why);
}
