/* Certificates for tests: a CA, intermediates, leaves with given addresses, usage and validity.
 *
 * Header only, so that every test program stays one .c file. What cannot be made aborts: a test
 * without its certificates has nothing to test. Everything is valid from a year before PKI_NOW to
 * ten years after it unless said otherwise.
 *
 *     struct pki ca = pki_ca("Test CA");
 *     struct pki alice = pki_leaf(&ca, "alice@example.com");
 *     struct pki bob = pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"},
 *                                                  .key = PKI_RSA_2048}, &ca);
 *     pki_clear(&alice);
 */
#ifndef TESTS_TEST_PKI_H
#define TESTS_TEST_PKI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define PKI_NOW ((time_t)1767225600) /* 1 January 2026 */
#define PKI_DAY ((time_t)86400)
#define PKI_YEAR (365 * PKI_DAY)
#define PKI_MAX_NAMES 64

enum pki_key {
    PKI_EC_P256, /* the default: quick to make */
    PKI_EC_P384,
    PKI_EC_P521,
    PKI_RSA_2048,
    PKI_RSA_1024,
    PKI_ED25519,
    PKI_X25519,
};

#define PKI_NO_USAGE "" /* of key_usage and extended_key_usage: no such extension */

struct pki_spec {
    enum pki_key key;
    EVP_PKEY *use_key;       /* certify this key instead of a new one; not taken over */
    const char *common_name; /* NULL: the first address, or none */
    const char *email;       /* emailAddress in the subject; NULL: none */
    const char *addresses[PKI_MAX_NAMES]; /* rfc822Name, NULL at the end */
    const char *smtp_utf8[PKI_MAX_NAMES]; /* SmtpUTF8Mailbox, NULL at the end */
    const char *dns_names[PKI_MAX_NAMES]; /* dNSName, NULL at the end */
    const char *key_usage;                /* as in openssl.cnf; NULL: fit for the key and `ca` */
    const char *extended_key_usage;       /* as in openssl.cnf; NULL: emailProtection, CA: none */
    const char *name_constraints;         /* as in openssl.cnf; NULL: none */
    const char *crl_url;                  /* cRLDistributionPoints; NULL: none */
    const char *ocsp_url;                 /* authorityInfoAccess; NULL: none */
    bool ocsp_no_check;                   /* id-pkix-ocsp-nocheck */
    bool ca;                              /* basicConstraints CA:TRUE */
    time_t not_before;                    /* 0: PKI_NOW - a year */
    time_t not_after;                     /* 0: PKI_NOW + ten years */
    long serial;                          /* 0: random */
};

struct pki {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void pki_need(bool made, const char *what)
{
    if (!made) {
        fprintf(stderr, "test_pki.h: cannot make %s\n", what);
        abort();
    }
}

static inline EVP_PKEY *pki_new_key(enum pki_key kind)
{
    EVP_PKEY *key = NULL;
    switch (kind) {
    case PKI_EC_P256:
        key = EVP_EC_gen("P-256");
        break;
    case PKI_EC_P384:
        key = EVP_EC_gen("P-384");
        break;
    case PKI_EC_P521:
        key = EVP_EC_gen("P-521");
        break;
    case PKI_RSA_2048:
        key = EVP_RSA_gen(2048);
        break;
    case PKI_RSA_1024:
        key = EVP_RSA_gen(1024);
        break;
    case PKI_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case PKI_X25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
        break;
    }
    pki_need(key != NULL, "a key");
    return key;
}

static inline void pki_add_string_name(GENERAL_NAMES *names, int type, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    pki_need(name && string && ASN1_STRING_set(string, text, (int)strlen(text)), "a name");
    GENERAL_NAME_set0_value(name, type, string);
    pki_need(sk_GENERAL_NAME_push(names, name) > 0, "a list of names");
}

static inline void pki_add_smtp_utf8(GENERAL_NAMES *names, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_UTF8STRING *string = ASN1_UTF8STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.5.5.7.8.9", 1);
    pki_need(name && value && string && object, "a name");
    pki_need(ASN1_STRING_set(string, text, (int)strlen(text)), "a name");
    ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
    pki_need(GENERAL_NAME_set0_othername(name, object, value), "a name");
    pki_need(sk_GENERAL_NAME_push(names, name) > 0, "a list of names");
}

static inline void pki_add_alternative_names(X509 *certificate, const struct pki_spec *spec)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    pki_need(names != NULL, "a list of names");
    for (size_t i = 0; i < PKI_MAX_NAMES && spec->addresses[i]; i++) {
        pki_add_string_name(names, GEN_EMAIL, spec->addresses[i]);
    }
    for (size_t i = 0; i < PKI_MAX_NAMES && spec->smtp_utf8[i]; i++) {
        pki_add_smtp_utf8(names, spec->smtp_utf8[i]);
    }
    for (size_t i = 0; i < PKI_MAX_NAMES && spec->dns_names[i]; i++) {
        pki_add_string_name(names, GEN_DNS, spec->dns_names[i]);
    }
    if (sk_GENERAL_NAME_num(names) > 0) {
        pki_need(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1,
                 "subjectAltName");
    }
    GENERAL_NAMES_free(names);
}

static inline void pki_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    pki_need(extension && X509_add_ext(certificate, extension, -1) == 1, OBJ_nid2ln(nid));
    X509_EXTENSION_free(extension);
}

/* Where the revocation can be asked for. */
static inline void pki_add_places(X509 *certificate, X509 *issuer, const struct pki_spec *spec)
{
    char value[512];
    if (spec->crl_url) {
        snprintf(value, sizeof value, "URI:%s", spec->crl_url);
        pki_add_extension(certificate, issuer, NID_crl_distribution_points, value);
    }
    if (spec->ocsp_url) {
        snprintf(value, sizeof value, "OCSP;URI:%s", spec->ocsp_url);
        pki_add_extension(certificate, issuer, NID_info_access, value);
    }
    if (spec->ocsp_no_check) {
        pki_add_extension(certificate, issuer, NID_id_pkix_OCSP_noCheck, "ignored");
    }
}

static inline void pki_add_extensions(X509 *certificate, X509 *issuer, const struct pki_spec *spec)
{
    const char *usage = spec->key_usage;
    if (!usage && spec->ca) {
        usage = "critical,keyCertSign,cRLSign";
    } else if (!usage && EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_RSA) {
        usage = "critical,digitalSignature,keyEncipherment";
    } else if (!usage) {
        usage = "critical,digitalSignature,keyAgreement";
    }
    const char *extended = spec->extended_key_usage;
    if (!extended) {
        extended = spec->ca ? PKI_NO_USAGE : "emailProtection";
    }
    pki_add_extension(certificate, issuer, NID_basic_constraints,
                      spec->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    pki_add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    if (issuer != certificate) {
        pki_add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
    }
    if (*usage) {
        pki_add_extension(certificate, issuer, NID_key_usage, usage);
    }
    if (*extended) {
        pki_add_extension(certificate, issuer, NID_ext_key_usage, extended);
    }
    if (spec->name_constraints != NULL) {
        pki_add_extension(certificate, issuer, NID_name_constraints, spec->name_constraints);
    }
    pki_add_places(certificate, issuer, spec);
    pki_add_alternative_names(certificate, spec);
}

static inline void pki_add_subject_entry(X509_NAME *name, const char *field, const char *text)
{
    pki_need(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1,
                                        -1, 0) == 1,
             "a subject");
}

static inline void pki_set_serial(X509 *certificate, long serial)
{
    unsigned char random[8];
    pki_need(RAND_bytes(random, sizeof random) == 1, "a serial number");
    uint64_t number = 0;
    memcpy(&number, random, sizeof number);
    number = serial > 0 ? (uint64_t)serial : (number >> 2) + 1;
    pki_need(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number) == 1,
             "a serial number");
}

/* The certificate as a stranger gets it: one that was just made still holds on to the private key.
 */
static inline X509 *pki_decoded(X509 *made)
{
    unsigned char *der = NULL;
    int length = i2d_X509(made, &der);
    const unsigned char *at = der;
    X509 *decoded = length > 0 ? d2i_X509(NULL, &at, length) : NULL;
    pki_need(decoded != NULL, "a certificate");
    OPENSSL_free(der);
    X509_free(made);
    return decoded;
}

/* A key and a certificate for it by `issuer`; NULL: by itself. */
static inline struct pki pki_make(const struct pki_spec *spec, const struct pki *issuer)
{
    struct pki made = {spec->use_key, X509_new()};
    if (made.key) {
        EVP_PKEY_up_ref(made.key);
    } else {
        made.key = pki_new_key(spec->key);
    }
    pki_need(made.certificate && X509_set_version(made.certificate, X509_VERSION_3), "a version");
    pki_set_serial(made.certificate, spec->serial);

    X509_NAME *subject = X509_get_subject_name(made.certificate);
    const char *common_name = spec->common_name ? spec->common_name : spec->addresses[0];
    if (common_name) {
        pki_add_subject_entry(subject, "CN", common_name);
    }
    if (spec->email) {
        pki_add_subject_entry(subject, "emailAddress", spec->email);
    }
    X509 *signer = issuer ? issuer->certificate : made.certificate;
    pki_need(X509_set_issuer_name(made.certificate, X509_get_subject_name(signer)), "an issuer");
    time_t not_before = spec->not_before ? spec->not_before : PKI_NOW - PKI_YEAR;
    time_t not_after = spec->not_after ? spec->not_after : PKI_NOW + 10 * PKI_YEAR;
    pki_need(ASN1_TIME_adj(X509_getm_notBefore(made.certificate), not_before, 0, 0) &&
                 ASN1_TIME_adj(X509_getm_notAfter(made.certificate), not_after, 0, 0),
             "a validity");
    pki_need(X509_set_pubkey(made.certificate, made.key), "a public key");
    pki_add_extensions(made.certificate, signer, spec);
    EVP_PKEY *signing_key = issuer ? issuer->key : made.key;
    const EVP_MD *digest =
        EVP_PKEY_get_base_id(signing_key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    pki_need(X509_sign(made.certificate, signing_key, digest) > 0, "a signature");
    made.certificate = pki_decoded(made.certificate);
    return made;
}

/* A root. */
static inline struct pki pki_ca(const char *name)
{
    return pki_make(&(struct pki_spec){.common_name = name, .ca = true}, NULL);
}

/* An intermediate CA. */
static inline struct pki pki_intermediate(const struct pki *issuer, const char *name)
{
    return pki_make(&(struct pki_spec){.common_name = name, .ca = true}, issuer);
}

/* A P-256 certificate for signing and encryption with one rfc822Name. */
static inline struct pki pki_leaf(const struct pki *issuer, const char *address)
{
    return pki_make(&(struct pki_spec){.addresses = {address}}, issuer);
}

/* The same with RSA-2048. */
static inline struct pki pki_leaf_rsa(const struct pki *issuer, const char *address)
{
    return pki_make(&(struct pki_spec){.addresses = {address}, .key = PKI_RSA_2048}, issuer);
}

static inline void pki_clear(struct pki *pki)
{
    EVP_PKEY_free(pki->key);
    X509_free(pki->certificate);
    *pki = (struct pki){NULL, NULL};
}

/* A stack with references to `count` certificates; sk_X509_pop_free(stack, X509_free). */
static inline STACK_OF(X509) * pki_chain(X509 *const *certificates, size_t count)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    pki_need(chain != NULL, "a chain");
    for (size_t i = 0; i < count; i++) {
        pki_need(X509_add_cert(chain, certificates[i], X509_ADD_FLAG_UP_REF) == 1, "a chain");
    }
    return chain;
}

/* For command-line oracles: PEM files (the key unencrypted). */
static inline void pki_write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "we");
    pki_need(file && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0, path);
}

static inline void pki_write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "we");
    pki_need(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                 fclose(file) == 0,
             path);
}

#endif
