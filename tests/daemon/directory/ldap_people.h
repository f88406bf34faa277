/* A directory with people and their certificates, for slapd_run.h: LDIF, built entry by entry.
 * Header only. What cannot be made aborts. */
#ifndef TESTS_DIRECTORY_LDAP_PEOPLE_H
#define TESTS_DIRECTORY_LDAP_PEOPLE_H

#include <openssl/cms.h>
#include <openssl/pkcs7.h>

#include "admin/slapd_run.h"

#define PEOPLE_BASE "dc=example,dc=com"

struct people {
    char *ldif;
    size_t length;
    FILE *out;
};

static inline void people_begin(struct people *people)
{
    people->out = open_memstream(&people->ldif, &people->length);
    ck_assert_ptr_nonnull(people->out);
    fputs("dn: " PEOPLE_BASE "\nobjectClass: dcObject\nobjectClass: organization\no: Example\n"
          "dc: example\n\n"
          "dn: cn=smimed," PEOPLE_BASE "\nobjectClass: organizationalRole\n"
          "objectClass: simpleSecurityObject\ncn: smimed\nuserPassword: s3cret\n",
          people->out);
}

static inline void people_add(struct people *people, const char *name, const char *mail)
{
    fprintf(people->out,
            "\ndn: cn=%s," PEOPLE_BASE "\nobjectClass: inetOrgPerson\ncn: %s\nsn: %s\nmail: %s\n",
            name, name, name, mail);
}

static inline void people_value(struct people *people, const char *attribute,
                                const unsigned char *bytes, int length)
{
    unsigned char *text = malloc((size_t)length * 2 + 4);
    ck_assert_ptr_nonnull(text);
    EVP_EncodeBlock(text, bytes, length);
    fprintf(people->out, "%s:: %s\n", attribute, text);
    free(text);
}

/* userCertificate of the one added last. */
static inline void people_certificate(struct people *people, X509 *certificate)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    ck_assert_int_gt(length, 0);
    people_value(people, "userCertificate;binary", der, length);
    OPENSSL_free(der);
}

/* userSMIMECertificate: a bundle (degenerate SignedData). */
static inline void people_bundle(struct people *people, X509 *first, X509 *second)
{
    PKCS7 *bundle = PKCS7_new();
    unsigned char *der = NULL;
    ck_assert(PKCS7_set_type(bundle, NID_pkcs7_signed) == 1 &&
              PKCS7_content_new(bundle, NID_pkcs7_data) == 1 &&
              PKCS7_add_certificate(bundle, first) == 1 &&
              PKCS7_add_certificate(bundle, second) == 1);
    int length = i2d_PKCS7(bundle, &der);
    ck_assert_int_gt(length, 0);
    people_value(people, "userSMIMECertificate", der, length);
    OPENSSL_free(der);
    PKCS7_free(bundle);
}

/* Start slapd with them. */
static inline void people_start(struct people *people, struct slapd *slapd)
{
    ck_assert_int_eq(fclose(people->out), 0);
    slapd_start(slapd, people->ldif);
    free(people->ldif);
}

#endif
