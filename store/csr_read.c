/* Certification requests of others (PKCS#10, RFC 2986). */
#include "csr.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert_names.h"
#include "why.h"

#define PEM_BEGIN "-----BEGIN "

/* ---- Reading ---- */

/* The only one in the text; NULL when there is none or another one behind it. */
static X509_REQ *read_pem(const unsigned char *bytes, size_t length)
{
    BIO *in = BIO_new_mem_buf(bytes, (int)length);
    X509_REQ *request = in ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
    X509_REQ *second = request ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
    if (second) {
        X509_REQ_free(request);
        request = NULL;
    }
    X509_REQ_free(second);
    BIO_free(in);
    return request;
}

static X509_REQ *read_der(const unsigned char *bytes, size_t length)
{
    const unsigned char *at = bytes;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)length);
    if (request && at != bytes + length) {
        X509_REQ_free(request);
        request = NULL;
    }
    return request;
}

static bool is_sound(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool sound = context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return sound;
}

/* Sizes first: the checks below cost more the larger the key. */
static enum store_status check_key(X509_REQ *request, char **why)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    if (!key) {
        why_set(why, "the key of the request is damaged, or of a kind that is not known here");
        return STORE_REFUSED;
    }
    if (EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) > CSR_MAX_RSA_BITS) {
        why_set(why, "the RSA key of the request has %d bits, at most %d are taken",
                EVP_PKEY_get_bits(key), CSR_MAX_RSA_BITS);
        return STORE_REFUSED;
    }
    if (EVP_PKEY_is_a(key, "RSA") != 1 && EVP_PKEY_is_a(key, "EC") != 1) {
        why_set(why, "the key of the request is neither RSA nor on an elliptic curve");
        return STORE_REFUSED;
    }
    if (X509_REQ_verify(request, key) != 1) {
        why_set(why, "the request is not signed by its own key: it was altered, or whoever made it "
                     "does not have the private key");
        return STORE_REFUSED;
    }
    if (!is_sound(key)) {
        why_set(why, "the key of the request is damaged: its public part is none");
        return STORE_REFUSED;
    }
    return STORE_OK;
}

enum store_status csr_read(const unsigned char *bytes, size_t length, X509_REQ **out, char **why)
{
    *out = NULL;
    if (length > CSR_MAX_BYTES) {
        why_set(why, "the request has %zu bytes, at most %d are taken", length, CSR_MAX_BYTES);
        return STORE_REFUSED;
    }
    bool pem = memmem(bytes, length, PEM_BEGIN, strlen(PEM_BEGIN)) != NULL;
    X509_REQ *request = pem ? read_pem(bytes, length) : read_der(bytes, length);
    enum store_status status = STORE_OK;
    if (!request) {
        why_set(why, "this is not one certification request (PKCS#10, PEM or DER)");
        status = STORE_REFUSED;
    } else {
        status = check_key(request, why);
    }
    ERR_clear_error();
    if (status == STORE_OK) {
        *out = request;
        request = NULL;
    }
    X509_REQ_free(request);
    return status;
}

/* ---- Names ---- */

/* A certificate that asks for the same names: what reads those reads these. NULL when out of
 * memory. */
static X509 *same_names(X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    X509 *same = X509_new();
    bool good = same && X509_set_subject_name(same, X509_REQ_get_subject_name(request)) == 1;
    int at = -1;
    while (good && (at = X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, at)) >= 0) {
        good = X509_add_ext(same, X509v3_get_ext(extensions, at), -1) == 1;
    }
    if (!good) {
        X509_free(same);
        same = NULL;
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return same;
}

/* Names of other kinds are ignored like other extensions; but who writes subjectAltName and no
 * address that can be read asks for something else than all addresses of the mailbox. */
static bool has_alternative_names(X509 *certificate)
{
    return X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0;
}

enum store_status csr_addresses(X509_REQ *request, struct cert_addresses *out, char **why)
{
    struct cert_names names = {0};
    X509 *same = same_names(request);
    enum store_status status = STORE_OK;
    *out = (struct cert_addresses){NULL, 0};
    if (!same || cert_names_read(same, &names) != 0) {
        why_set(why, "out of memory");
        status = STORE_ERROR;
    } else if (names.gateway || names.whole_domain) {
        why_set(why, "the request is for a domain or a gateway, not for a mailbox");
        status = STORE_REFUSED;
    } else if (names.too_many) {
        why_set(why, "the request names more than %d mail addresses", CERT_MAX_ADDRESSES);
        status = STORE_REFUSED;
    } else if (names.addresses.count == 0 && has_alternative_names(same)) {
        why_set(why, "the subjectAltName of the request names no mail address that can be read");
        status = STORE_REFUSED;
    }
    ERR_clear_error();
    if (status == STORE_OK) {
        *out = names.addresses;
    } else {
        cert_addresses_clear(&names.addresses);
    }
    X509_free(same);
    return status;
}
