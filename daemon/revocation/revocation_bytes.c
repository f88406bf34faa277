/* CRLs and OCSP responses in the bytes that somebody handed over. */
#include "revocation_bytes.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "why.h"

#define PEM_BEGIN "-----BEGIN "

static bool is_pem(const unsigned char *bytes, size_t length)
{
    return memmem(bytes, length, PEM_BEGIN, strlen(PEM_BEGIN)) != NULL;
}

X509_CRL *crl_from_bytes(const unsigned char *bytes, size_t length, char **why)
{
    const unsigned char *at = bytes;
    X509_CRL *crl = NULL;
    if (length > INT_MAX) {
        why_set(why, "it is too large for a CRL");
        return NULL;
    }
    /* DER may hold anything in its strings; PEM never begins like a SEQUENCE. */
    if (length > 0 && bytes[0] != 0x30 && is_pem(bytes, length)) {
        BIO *in = BIO_new_mem_buf(bytes, (int)length);
        crl = in != NULL ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;
        BIO_free(in);
    } else {
        crl = d2i_X509_CRL(NULL, &at, (long)length);
        if (crl != NULL && at != bytes + length) {
            X509_CRL_free(crl);
            crl = NULL;
        }
    }
    ERR_clear_error();
    if (crl == NULL)
        why_set(why, "it is no CRL");
    return crl;
}

OCSP_RESPONSE *ocsp_from_bytes(const unsigned char *bytes, size_t length, char **why)
{
    const unsigned char *at = bytes;
    OCSP_RESPONSE *response =
        length <= LONG_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)length) : NULL;
    if (response != NULL && at != bytes + length) {
        OCSP_RESPONSE_free(response);
        response = NULL;
    }
    ERR_clear_error();
    if (response == NULL)
        why_set(why, "it is no OCSP response");
    return response;
}
