/* Texts and times of a certificate. */
#include "certificate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "cert_use.h"
#include "table.h"

static char *name_text(const X509_NAME *name)
{
    /* UTF-8 as it is: the listings escape it for the terminal. */
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL, *bytes = NULL;
    if (out && X509_NAME_print_ex(out, name, 0, flags) >= 0) {
        long length = BIO_get_mem_data(out, &bytes);
        text = length < 0 ? NULL : OPENSSL_strndup(length ? bytes : "", (size_t)length);
    }
    BIO_free(out);
    return text;
}

char *certificate_subject(X509 *certificate)
{
    return name_text(X509_get_subject_name(certificate));
}

char *certificate_issuer(X509 *certificate)
{
    return name_text(X509_get_issuer_name(certificate));
}

char *certificate_serial(X509 *certificate)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    for (char *c = text; c && *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    BN_free(number);
    return text;
}

static time_t time_of(const ASN1_TIME *time)
{
    struct tm fields;
    return time && ASN1_TIME_to_tm(time, &fields) == 1 ? timegm(&fields) : 0;
}

time_t certificate_not_before(X509 *certificate)
{
    return time_of(X509_get0_notBefore(certificate));
}

time_t certificate_not_after(X509 *certificate)
{
    return time_of(X509_get0_notAfter(certificate));
}

json_t *certificate_json(X509 *certificate)
{
    char *subject = certificate_subject(certificate);
    char *issuer = certificate_issuer(certificate);
    char *serial = certificate_serial(certificate);
    char *fingerprint = cert_fingerprint(certificate);
    json_t *json = NULL;
    if (subject && issuer && serial && fingerprint) {
        json = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "subject", json_text(subject), "issuer",
                         json_text(issuer), "serial", json_text(serial), "fingerprint",
                         json_text(fingerprint), "not_before",
                         json_time(certificate_not_before(certificate)), "not_after",
                         json_time(certificate_not_after(certificate)));
    }
    OPENSSL_free(subject);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    free(fingerprint);
    return json;
}
