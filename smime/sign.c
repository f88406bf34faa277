/* Signing: multipart/signed where the content can be made 7-bit, else opaque. */
#include "sign.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base64_writer.h"
#include "canonical_source.h"
#include "cms_stream.h"
#include "message_header.h"
#include "openssl_reason.h"
#include "signed_attributes.h"
#include "why.h"

#define BOUNDARY_RANDOM_BYTES 16
#define BOUNDARY_PREFIX "----=_smimed_"

/* How a key signs. */
struct method {
    const EVP_MD *digest;
    const char *micalg; /* RFC 8551 section 3.5.3.2 */
    bool pss;
};

static enum smime_status openssl_error(char **why, const char *what)
{
    why_set(why, "%s: %s", what, openssl_reason());
    return SMIME_ERROR;
}

static bool can_do(int key_type, enum sign_scheme scheme)
{
    switch (scheme) {
    case SIGN_PKCS1:
        return key_type == EVP_PKEY_RSA;
    case SIGN_PSS:
        return key_type == EVP_PKEY_RSA || key_type == EVP_PKEY_RSA_PSS;
    case SIGN_ECDSA:
        break;
    }
    return key_type == EVP_PKEY_EC;
}

static enum smime_status choose_method(const struct sign_request *request, struct method *out,
                                       char **why)
{
    switch (request->digest) {
    case SIGN_SHA256:
        *out = (struct method){.digest = EVP_sha256(), .micalg = "sha-256"};
        break;
    case SIGN_SHA384:
        *out = (struct method){.digest = EVP_sha384(), .micalg = "sha-384"};
        break;
    case SIGN_SHA512:
        *out = (struct method){.digest = EVP_sha512(), .micalg = "sha-512"};
        break;
    }
    out->pss = request->scheme == SIGN_PSS;
    if (!can_do(EVP_PKEY_get_base_id(request->key), request->scheme)) {
        why_set(why, "a key of this type cannot make such signatures");
        return SMIME_REFUSED;
    }
    if (X509_check_private_key(request->certificate, request->key) == 1)
        return SMIME_OK;
    why_set(why, "the private key does not belong to the certificate: %s", openssl_reason());
    return SMIME_REFUSED;
}

/* OpenSSL's default salt is as long as fits, which other programs refuse. */
static int set_pss(CMS_SignerInfo *signer, const EVP_MD *digest)
{
    EVP_PKEY_CTX *context = CMS_SignerInfo_get0_pkey_ctx(signer);
    if (context == NULL || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) <= 0)
        return -1;
    return 0;
}

/* The chain and the encryption certificate, each once, without roots. */
static int add_certificates(CMS_ContentInfo *cms, const struct sign_request *request)
{
    const int flags = X509_ADD_FLAG_NO_DUP;
    STACK_OF(X509) *all = sk_X509_new_null();
    int rc = -1;
    if (all == NULL || X509_add_cert(all, request->certificate, X509_ADD_FLAG_DEFAULT) != 1)
        goto out;
    if (request->encryption_certificate != NULL &&
        X509_add_cert(all, request->encryption_certificate, flags) != 1)
        goto out;
    for (int i = 0; i < sk_X509_num(request->chain); i++)
        if (X509_add_cert(all, sk_X509_value(request->chain, i), flags | X509_ADD_FLAG_NO_SS) != 1)
            goto out;
    for (int i = 0; i < sk_X509_num(all); i++)
        if (CMS_add1_cert(cms, sk_X509_value(all, i)) != 1)
            goto out;
    rc = 0;
out:
    sk_X509_free(all);
    return rc;
}

/* A SignedData that waits for its content. */
static enum smime_status begin_signature(const struct sign_request *request,
                                         const struct method *method, unsigned detached,
                                         CMS_ContentInfo **out, char **why)
{
    unsigned flags = CMS_PARTIAL | CMS_BINARY | CMS_STREAM | detached;
    unsigned signer_flags = CMS_NOCERTS | CMS_NOSMIMECAP | CMS_CADES;
    X509 *encryption = request->encryption_certificate != NULL ? request->encryption_certificate
                                                               : request->certificate;
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    CMS_SignerInfo *signer = NULL;
    enum smime_status status = SMIME_OK;
    if (method->pss)
        signer_flags |= CMS_KEY_PARAM;
    if (cms != NULL)
        signer = CMS_add1_signer(cms, request->certificate, request->key, method->digest,
                                 signer_flags | CMS_PARTIAL);
    if (signer == NULL || (method->pss && set_pss(signer, method->digest) != 0)) {
        why_set(why, "this key cannot sign: %s", openssl_reason());
        status = SMIME_REFUSED;
    } else if (signed_attributes_add(signer, request, encryption) != 0 ||
               add_certificates(cms, request) != 0) {
        status = openssl_error(why, "cannot prepare the signature");
    }
    if (status != SMIME_OK) {
        CMS_ContentInfo_free(cms);
        cms = NULL;
    }
    *out = cms;
    return status;
}

static int make_boundary(char *out)
{
    unsigned char random[BOUNDARY_RANDOM_BYTES];
    char *p = stpcpy(out, BOUNDARY_PREFIX);
    if (RAND_bytes(random, sizeof random) != 1)
        return -1;
    for (size_t i = 0; i < sizeof random; i++)
        p += sprintf(p, "%02x", random[i]);
    return 0;
}

/* Write the signature as base64. */
static enum smime_status write_signature(CMS_ContentInfo *cms, struct spool *out, char **why)
{
    BIO *writer = base64_writer(out);
    enum smime_status status = SMIME_OK;
    if (writer == NULL || i2d_CMS_bio(writer, cms) != 1)
        status = openssl_error(why, "cannot write the signature");
    else if (base64_writer_end(writer) != 0) {
        why_set(why, "cannot write the signature: %s", strerror(errno));
        status = SMIME_ERROR;
    }
    BIO_free(writer);
    return status;
}

/* The content goes into `out` and through the digest at the same time. */
static enum smime_status write_signed_content(const struct canonical_source *source,
                                              const struct sign_request *request,
                                              CMS_ContentInfo *cms, struct spool *out, char **why)
{
    BIO *chain = CMS_dataInit(cms, NULL);
    enum smime_status status;
    if (chain == NULL)
        return openssl_error(why, "cannot begin the signature");
    status = canonical_source_write(source, chain, out, &request->progress, why);
    if (status == SMIME_OK && CMS_dataFinal(cms, chain) != 1)
        status = openssl_error(why, "cannot sign");
    BIO_free_all(chain);
    return status;
}

static enum smime_status write_text(struct spool *out, const char *before, const char *boundary,
                                    const char *after, char **why)
{
    if (spool_puts(out, before) == 0 && spool_puts(out, boundary) == 0 &&
        spool_puts(out, after) == 0)
        return SMIME_OK;
    why_set(why, "cannot write the spool: %s", strerror(errno));
    return SMIME_ERROR;
}

static enum smime_status write_multipart(const struct canonical_source *source,
                                         const struct sign_request *request, CMS_ContentInfo *cms,
                                         const char *boundary, struct spool *out, char **why)
{
    enum smime_status status;
    status = write_text(out, "This is an S/MIME signed message\r\n\r\n--", boundary, "\r\n", why);
    if (status == SMIME_OK)
        status = write_signed_content(source, request, cms, out, why);
    if (status == SMIME_OK)
        status = write_text(out, "\r\n--", boundary,
                            "\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
                            "Content-Transfer-Encoding: base64\r\n"
                            "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
                            why);
    if (status == SMIME_OK)
        status = write_signature(cms, out, why);
    if (status == SMIME_OK)
        status = write_text(out, "\r\n--", boundary, "--\r\n", why);
    return status;
}

static enum smime_status begin_multipart(const struct entity *message, const struct method *method,
                                         const char *boundary, struct entity *out, char **why)
{
    char *type = NULL;
    enum smime_status status = SMIME_OK;
    if (asprintf(&type,
                 " multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
                 "\tmicalg=%s; boundary=\"%s\"",
                 method->micalg, boundary) < 0)
        type = NULL;
    if (type == NULL || message_header_begin(&message->header, type, &out->header) != 0) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
    }
    free(type);
    return status;
}

static enum smime_status sign_clear(const struct entity *message, struct canonical_source *source,
                                    const struct sign_request *request, const struct method *method,
                                    struct entity *out, char **why)
{
    char boundary[sizeof BOUNDARY_PREFIX + 2 * BOUNDARY_RANDOM_BYTES];
    CMS_ContentInfo *cms = NULL;
    enum smime_status status = begin_signature(request, method, CMS_DETACHED, &cms, why);
    if (status == SMIME_OK && make_boundary(boundary) != 0)
        status = openssl_error(why, "no random numbers");
    if (status == SMIME_OK)
        status = begin_multipart(message, method, boundary, out, why);
    if (status == SMIME_OK)
        status = write_multipart(source, request, cms, boundary, out->body, why);
    CMS_ContentInfo_free(cms);
    return status;
}

static enum smime_status sign_opaque(const struct entity *message, struct canonical_source *source,
                                     const struct sign_request *request,
                                     const struct method *method, struct entity *out, char **why)
{
    CMS_ContentInfo *cms = NULL;
    enum smime_status status = begin_signature(request, method, 0, &cms, why);
    if (status != SMIME_OK)
        return status;
    if (message_header_pkcs7_mime(&message->header, "signed-data", &out->header) != 0) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
    } else {
        status = cms_stream_write(cms, source, &request->progress, out->body, why);
    }
    CMS_ContentInfo_free(cms);
    return status;
}

enum smime_status smime_sign(const struct entity *message, const struct sign_request *request,
                             struct entity *out, char **why)
{
    struct canonical_source source = {0};
    struct method method;
    enum smime_status status = choose_method(request, &method, why);
    *out = (struct entity){0};
    if (status != SMIME_OK)
        return status;
    status = canonical_source_open(message, request->protection, CANONICAL_STRICT, &request->limits,
                                   &source, why);
    if (status != SMIME_OK)
        return status;
    out->body = spool_new(spool_get_options(message->body));
    if (out->body == NULL) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
    } else if (source.result == CANONICAL_CLEAN) {
        status = sign_clear(message, &source, request, &method, out, why);
    } else {
        status = sign_opaque(message, &source, request, &method, out, why);
    }
    canonical_source_clear(&source);
    if (status != SMIME_OK)
        entity_clear(out);
    return status;
}
