/* Encryption: EnvelopedData or AuthEnvelopedData. */
#include "encrypt.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "canonical_source.h"
#include "cms_stream.h"
#include "message_header.h"
#include "openssl_reason.h"
#include "why.h"

/* OAEP with all its digests named: OpenSSL's default is SHA-1. */
static int set_oaep(EVP_PKEY_CTX *context)
{
    if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) <= 0)
        return -1;
    return 0;
}

/* dhSinglePass-stdDH-shaNNNkdf-scheme (RFC 5753 section 7.1.4); the default is again SHA-1. */
static int set_agreement(CMS_RecipientInfo *info, EVP_PKEY_CTX *context,
                         struct key_agreement agreement)
{
    const EVP_MD *digest = EVP_get_digestbyname(sign_digest_name(agreement.kdf));
    const EVP_CIPHER *wrap = EVP_get_cipherbynid(key_wrap_nid(agreement.wrap));
    EVP_CIPHER_CTX *wrapping = CMS_RecipientInfo_kari_get0_ctx(info);
    if (digest == NULL || wrap == NULL || wrapping == NULL ||
        EVP_PKEY_CTX_set_ecdh_kdf_md(context, digest) <= 0 ||
        EVP_EncryptInit_ex2(wrapping, wrap, NULL, NULL, NULL) != 1)
        return -1;
    return 0;
}

static int add_recipient(CMS_ContentInfo *cms, const struct encrypt_recipient *recipient,
                         enum encrypt_cipher cipher)
{
    EVP_PKEY *key = X509_get0_pubkey(recipient->certificate);
    int type = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    bool ecdh = recipient->transport == ENCRYPT_ECDH;
    CMS_RecipientInfo *info;
    EVP_PKEY_CTX *context;
    if (type != (ecdh ? EVP_PKEY_EC : EVP_PKEY_RSA))
        return -1;
    if (recipient->transport == ENCRYPT_PKCS1)
        return CMS_add1_recipient_cert(cms, recipient->certificate, 0) != NULL ? 0 : -1;
    info = CMS_add1_recipient_cert(cms, recipient->certificate, CMS_KEY_PARAM);
    context = info != NULL ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
    if (context == NULL)
        return -1;
    if (!ecdh)
        return set_oaep(context);
    return set_agreement(info, context,
                         key_agreement_for(recipient->agreements, EVP_PKEY_get_bits(key), cipher));
}

static void refuse_recipient(X509 *certificate, char **why)
{
    char *subject = X509_NAME_oneline(X509_get_subject_name(certificate), NULL, 0);
    why_set(why, "cannot encrypt to the certificate of %s: %s", subject != NULL ? subject : "?",
            openssl_reason());
    OPENSSL_free(subject);
}

/* A structure for all recipients that waits for its content. */
static enum smime_status begin_envelope(const struct encrypt_request *request,
                                        CMS_ContentInfo **out, char **why)
{
    const EVP_CIPHER *cipher = EVP_get_cipherbynid(encrypt_cipher_nid(request->cipher));
    CMS_ContentInfo *cms = encrypt_cipher_is_authenticated(request->cipher)
                               ? CMS_AuthEnvelopedData_create(cipher)
                               : CMS_EnvelopedData_create(cipher);
    *out = NULL;
    if (cms == NULL || CMS_set_detached(cms, 0) != 1) {
        why_set(why, "cannot prepare the encryption: %s", openssl_reason());
        CMS_ContentInfo_free(cms);
        return SMIME_ERROR;
    }
    for (size_t i = 0; i < request->recipient_count; i++)
        if (add_recipient(cms, &request->recipients[i], request->cipher) != 0) {
            refuse_recipient(request->recipients[i].certificate, why);
            CMS_ContentInfo_free(cms);
            return SMIME_REFUSED;
        }
    *out = cms;
    return SMIME_OK;
}

static enum smime_status write_envelope(const struct entity *message,
                                        const struct canonical_source *source,
                                        const struct encrypt_request *request, CMS_ContentInfo *cms,
                                        struct entity *out, char **why)
{
    const char *type =
        encrypt_cipher_is_authenticated(request->cipher) ? "authEnveloped-data" : "enveloped-data";
    out->body = spool_new(spool_get_options(message->body));
    if (out->body == NULL || message_header_pkcs7_mime(&message->header, type, &out->header) != 0) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    return cms_stream_write(cms, source, &request->progress, out->body, why);
}

enum smime_status smime_encrypt(const struct entity *message, const struct encrypt_request *request,
                                struct entity *out, char **why)
{
    struct canonical_source source = {0};
    CMS_ContentInfo *cms = NULL;
    enum smime_status status;
    *out = (struct entity){0};
    if (request->recipient_count == 0) {
        why_set(why, "there is no recipient to encrypt to");
        return SMIME_REFUSED;
    }
    status = canonical_source_open(message, request->protection, CANONICAL_STRICT, &request->limits,
                                   &source, why);
    if (status != SMIME_OK)
        return status;
    status = begin_envelope(request, &cms, why);
    if (status == SMIME_OK)
        status = write_envelope(message, &source, request, cms, out, why);
    CMS_ContentInfo_free(cms);
    canonical_source_clear(&source);
    if (status != SMIME_OK)
        entity_clear(out);
    return status;
}
