/* Opening one EnvelopedData or AuthEnvelopedData.
 *
 * OpenSSL has the structure, the content comes from a spool and the plain text goes to another:
 * memory does not grow with the message. Plain text counts only after the cipher's final check. */
#include "decrypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "openssl_reason.h"
#include "rc2.h"
#include "recipient_ids.h"
#include "why.h"

struct content_cipher {
    int nid;
    bool authenticated;
    unsigned weak;
};

static const struct content_cipher ciphers[] = {
    {NID_aes_128_cbc, false, 0},        {NID_aes_192_cbc, false, 0},
    {NID_aes_256_cbc, false, 0},        {NID_des_ede3_cbc, false, WEAKNESS_3DES},
    {NID_rc2_cbc, false, WEAKNESS_RC2}, {NID_aes_128_gcm, true, 0},
    {NID_aes_192_gcm, true, 0},         {NID_aes_256_gcm, true, 0},
};

struct opening {
    const struct cms_layout *layout;
    const struct open_request *request;
    struct decrypted *out;
    X509_ALGOR *algorithm; /* of the content */
    const struct content_cipher *cipher;
    OSSL_LIB_CTX *context; /* that has the cipher; NULL: the default one */
    CMS_ContentInfo *cms;
    unsigned key_weak; /* of the key that was found, and of how the content key comes to it */
    char **why;
};

/* The message's fault, before any key was asked for: it may be told. */
static enum smime_status refuse(struct opening *opening, const char *reason)
{
    why_set(&opening->out->reason, "%s", reason);
    return SMIME_REFUSED;
}

/* The same after a key was used, and where the fault is not the message's. */
static enum smime_status fail(struct opening *opening, const char *detail)
{
    why_set(&opening->out->reason, "%s", DECRYPT_FAILED);
    why_set(&opening->out->detail, "%s", detail);
    return SMIME_REFUSED;
}

static enum smime_status no_memory(struct opening *opening)
{
    why_set(opening->why, "out of memory");
    return SMIME_ERROR;
}

static void opening_clear(struct opening *opening)
{
    X509_ALGOR_free(opening->algorithm);
    CMS_ContentInfo_free(opening->cms);
}

/* GCMParameters ::= SEQUENCE { aes-nonce OCTET STRING, aes-ICVlen INTEGER DEFAULT 12 } */
static bool tag_length_is_good(const X509_ALGOR *algorithm, size_t mac_length)
{
    const ASN1_OBJECT *oid;
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    ASN1_SEQUENCE_ANY *parameters = NULL;
    int64_t length = DECRYPT_MIN_TAG_BYTES;
    bool good = false;
    X509_ALGOR_get0(&oid, &type, &value, algorithm);
    if (type == V_ASN1_SEQUENCE) {
        const ASN1_STRING *encoded = value;
        const unsigned char *at = ASN1_STRING_get0_data(encoded);
        parameters = d2i_ASN1_SEQUENCE_ANY(NULL, &at, ASN1_STRING_length(encoded));
    }
    if (sk_ASN1_TYPE_num(parameters) == 1 || sk_ASN1_TYPE_num(parameters) == 2) {
        const ASN1_TYPE *icv = sk_ASN1_TYPE_value(parameters, 1);
        good = sk_ASN1_TYPE_value(parameters, 0)->type == V_ASN1_OCTET_STRING;
        if (icv != NULL)
            good = good && icv->type == V_ASN1_INTEGER &&
                   ASN1_INTEGER_get_int64(&length, icv->value.integer) == 1;
    }
    sk_ASN1_TYPE_pop_free(parameters, ASN1_TYPE_free);
    return good && length >= DECRYPT_MIN_TAG_BYTES && length <= DECRYPT_MAX_TAG_BYTES &&
           mac_length == (size_t)length;
}

/* AES-GCM in EnvelopedData is what some programs of the German energy market wrote; nothing there
 * says where its tag is. */
static void refuse_cipher(struct opening *opening, const char *name)
{
    bool elsewhere = false;
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        elsewhere |= OBJ_obj2nid(opening->algorithm->algorithm) == ciphers[i].nid;
    if (elsewhere)
        why_set(&opening->out->reason,
                "%s is used in %s, where it does not belong: the sender's program has to make %s",
                name, opening->layout->authenticated ? "AuthEnvelopedData" : "EnvelopedData",
                opening->layout->authenticated ? "EnvelopedData" : "AuthEnvelopedData (RFC 5084)");
    else
        why_set(&opening->out->reason, "the content encryption algorithm %s is not supported%s",
                name, opening->layout->authenticated ? " in AuthEnvelopedData" : "");
}

/* Is it a cipher that we open, in the structure that it belongs in? */
static enum smime_status check_cipher(struct opening *opening)
{
    const struct cms_layout *layout = opening->layout;
    const unsigned char *at = layout->structure + layout->algorithm_at;
    const ASN1_OBJECT *oid;
    char name[80];
    opening->algorithm = d2i_X509_ALGOR(NULL, &at, (long)layout->algorithm_length);
    if (opening->algorithm == NULL)
        return refuse(opening, "the content encryption algorithm is malformed");
    X509_ALGOR_get0(&oid, NULL, NULL, opening->algorithm);
    (void)OBJ_obj2txt(name, sizeof name, oid, 0);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        if (ciphers[i].nid == OBJ_obj2nid(oid) && ciphers[i].authenticated == layout->authenticated)
            opening->cipher = &ciphers[i];
    opening->out->cipher = strdup(name);
    if (opening->out->cipher == NULL)
        return no_memory(opening);
    if (opening->cipher == NULL) {
        refuse_cipher(opening, name);
        return SMIME_REFUSED;
    }
    if (layout->authenticated && !tag_length_is_good(opening->algorithm, layout->mac_length))
        return refuse(opening, "the authentication tag does not have the length that its "
                               "parameters say, or less than 12 bytes");
    return SMIME_OK;
}

/* RC2 is in a library context of its own. */
static enum smime_status find_rc2(struct opening *opening)
{
    opening->context = rc2_context();
    if (opening->context == NULL)
        return fail(opening, "RC2 is in OpenSSL's legacy provider, and that cannot be loaded");
    if (!rc2_parameters_are_known(opening->context, opening->algorithm))
        return refuse(opening, "the parameters of RC2 are malformed, or its effective key bits are "
                               "not 40, 64 or 128");
    return SMIME_OK;
}

static enum smime_status check_structure(struct opening *opening)
{
    int wanted =
        opening->layout->authenticated ? NID_id_smime_ct_authEnvelopedData : NID_pkcs7_enveloped;
    enum smime_status status;
    char *reason = NULL;
    /* OpenSSL 3.0 does not feed them to the cipher: the tag would not match. */
    if (opening->layout->authenticated_attributes)
        return refuse(opening, "AuthEnvelopedData with authenticated attributes is not supported");
    opening->cms = cms_layout_parse(opening->layout, opening->context, &reason);
    if (opening->cms == NULL) {
        status = refuse(opening, why_text(&reason));
        why_free(&reason);
        return status;
    }
    if (OBJ_obj2nid(CMS_get0_type(opening->cms)) != wanted)
        return refuse(opening, "the CMS structure is malformed");
    if (OBJ_obj2nid(CMS_get0_eContentType(opening->cms)) != NID_pkcs7_data)
        return refuse(opening, "what is encrypted is not said to be a message: its content type "
                               "is not id-data");
    return SMIME_OK;
}

enum smime_status decrypt_check(const struct cms_layout *layout, char **why)
{
    struct decrypted out = {0};
    struct opening opening = {.layout = layout, .out = &out, .why = why};
    struct recipient_ids ids = {0};
    enum smime_status status = check_cipher(&opening);
    if (status == SMIME_OK && opening.cipher->weak == WEAKNESS_RC2)
        status = refuse(&opening, "RC2 keeps nothing secret any more");
    if (status == SMIME_OK && layout->content_to == layout->content_from)
        status = refuse(&opening, "there is no content");
    if (status == SMIME_OK) {
        opening.cms = cms_layout_parse(layout, NULL, &out.reason);
        status = opening.cms != NULL ? SMIME_OK : SMIME_REFUSED;
    }
    if (status == SMIME_OK && recipient_ids_read(opening.cms, &ids) != 0)
        status = no_memory(&opening);
    if (status == SMIME_OK && ids.count == 0)
        status = refuse(&opening, "there is no recipient with a certificate");
    if (status == SMIME_REFUSED)
        why_set(why, "%s", why_text(&out.reason));
    recipient_ids_clear(&ids);
    opening_clear(&opening);
    decrypted_clear(&out);
    ERR_clear_error();
    return status;
}

/* Note what is weak, before anything is done with a key: what is not accepted stays closed. */
static enum smime_status check_weakness(struct opening *opening, unsigned weak)
{
    unsigned refused = weak & ~opening->request->weak_allowed;
    char *text = weakness_text(refused);
    enum smime_status status = SMIME_OK;
    opening->out->weak |= weak;
    if (refused != 0) {
        status = refuse(opening, "");
        why_set(&opening->out->reason,
                "not decrypted: it depends on weak algorithms that are not accepted (%s)",
                text != NULL ? text : "?");
    }
    free(text);
    return status;
}

/* Which key? The finder's answer must be one of the ids, and that one's certificate. */
static enum smime_status find_key(struct opening *opening, EVP_PKEY **key_out,
                                  X509 **certificate_out)
{
    const struct key_finder *keys = &opening->request->keys;
    struct recipient_ids ids = {0};
    enum smime_status status = SMIME_OK;
    enum key_answer answer;
    size_t index = 0;
    char *reason = NULL;
    char *transport = NULL;
    if (keys->find == NULL)
        return refuse(opening, "the message is left encrypted as configured");
    if (recipient_ids_read(opening->cms, &ids) != 0)
        return no_memory(opening);
    answer = ids.count > 0 ? keys->find(keys->context, ids.items, ids.count, &index, key_out,
                                        certificate_out, &reason)
                           : KEY_NONE;
    if (answer == KEY_ERROR) {
        why_set(opening->why, "%s", why_text(&reason));
        status = SMIME_ERROR;
    } else if (answer == KEY_NONE) {
        status =
            refuse(opening, reason != NULL ? reason : "there is no private key for this message");
    } else if (index >= ids.count || *key_out == NULL || *certificate_out == NULL ||
               !recipient_id_matches(&ids.items[index], *certificate_out)) {
        why_set(opening->why, "the key that was found is not the recipient's");
        status = SMIME_ERROR;
    } else {
        opening->key_weak = weakness_of_key(*key_out) | recipient_weakness(ids.infos[index]);
        transport = recipient_algorithm(ids.infos[index]);
        if (asprintf(&opening->out->algorithms, "%s %s", transport != NULL ? transport : "unknown",
                     opening->out->cipher) < 0) {
            opening->out->algorithms = NULL;
            status = no_memory(opening);
        }
    }
    free(transport);
    why_free(&reason);
    recipient_ids_clear(&ids);
    return status;
}

/* What gives the plain text of `source`, which it then owns. NULL with OpenSSL's error queue;
 * `source` is still the caller's. */
static BIO *start_cipher(const struct opening *opening, CMS_ContentInfo *cms, BIO *source)
{
    BIO *cipher = CMS_dataInit(cms, source);
    if (cipher != NULL && opening->cipher->nid == NID_rc2_cbc && rc2_hold_key_length(cipher) != 0) {
        (void)BIO_pop(cipher);
        BIO_free(cipher);
        cipher = NULL;
    }
    return cipher;
}

/* Read the plain text to its end. */
static enum smime_status drain(struct opening *opening, BIO *cipher)
{
    const struct smime_progress *progress = &opening->request->progress;
    unsigned char buffer[16384];
    enum smime_status status = SMIME_OK;
    int n;
    while (status == SMIME_OK && (n = BIO_read(cipher, buffer, sizeof buffer)) > 0) {
        if (spool_write(opening->out->plain, buffer, (size_t)n) != 0) {
            why_set(opening->why, "cannot write the spool: %s", strerror(errno));
            status = SMIME_ERROR;
        } else if (progress->tick != NULL && progress->tick(progress->context) != 0) {
            why_set(opening->why, "the time for this message is up");
            status = SMIME_ERROR;
        }
    }
    OPENSSL_cleanse(buffer, sizeof buffer);
    return status;
}

/* A spool that cannot be read looks like the end of the content to the cipher: is that why `rest`
 * octets were left unread? */
static bool spool_failed(const struct cms_layout *layout, size_t rest)
{
    char octet;
    return rest > 0 &&
           spool_read(layout->content, &octet, 1, layout->content_to - (off_t)rest) != 1;
}

static enum smime_status decrypt_content(struct opening *opening)
{
    const struct cms_layout *layout = opening->layout;
    BIO *source = spool_reader(layout->content, layout->content_from, layout->content_to);
    BIO *cipher = NULL;
    enum smime_status status;
    opening->out->plain = spool_new(spool_get_options(layout->content));
    if (source == NULL || opening->out->plain == NULL) {
        BIO_free(source);
        return no_memory(opening);
    }
    cipher = start_cipher(opening, opening->cms, source);
    if (cipher == NULL) {
        BIO_free(source);
        return fail(opening, openssl_reason());
    }
    status = drain(opening, cipher);
    if (status == SMIME_OK && spool_failed(layout, BIO_ctrl_pending(source))) {
        why_set(opening->why, "cannot read the spool: %s", strerror(errno));
        status = SMIME_ERROR;
    }
    if (status == SMIME_OK && BIO_get_cipher_status(cipher) != 1)
        status = fail(opening, "the content fails the final check of its cipher");
    BIO_free_all(cipher);
    return status;
}

/* Read the beginning of what `cipher` gives, and compare. */
static enum smime_status compare_plain(struct opening *opening, BIO *cipher, bool *same_out)
{
    const struct spool *plain = opening->out->plain;
    unsigned char theirs[DECRYPT_COMPARED_BYTES];
    unsigned char ours[DECRYPT_COMPARED_BYTES];
    enum smime_status status = SMIME_OK;
    size_t length = 0;
    ssize_t wanted = spool_read(plain, ours, sizeof ours, 0);
    int n;
    if (wanted < 0) {
        why_set(opening->why, "cannot read the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    while (length < sizeof theirs &&
           (n = BIO_read(cipher, theirs + length, (int)(sizeof theirs - length))) > 0)
        length += (size_t)n;
    *same_out = length == (size_t)wanted && CRYPTO_memcmp(ours, theirs, length) == 0;
    OPENSSL_cleanse(theirs, sizeof theirs);
    OPENSSL_cleanse(ours, sizeof ours);
    return status;
}

/* Does this key give the same text? With another content key every block of it would differ. */
static enum smime_status opens_it_too(struct opening *opening, EVP_PKEY *key, X509 *certificate)
{
    const struct cms_layout *layout = opening->layout;
    CMS_ContentInfo *cms = cms_layout_parse(layout, opening->context, NULL);
    BIO *source = spool_reader(layout->content, layout->content_from, layout->content_to);
    BIO *cipher = NULL;
    enum smime_status status = SMIME_OK;
    bool has_key;
    bool same = false;
    if (cms == NULL || source == NULL) {
        status = no_memory(opening);
        goto out;
    }
    has_key = CMS_decrypt_set1_pkey(cms, key, certificate) == 1;
    cipher = start_cipher(opening, cms, source);
    if (cipher != NULL)
        status = compare_plain(opening, cipher, &same);
    same = same && has_key;
    if (status == SMIME_OK && !same && spool_failed(layout, BIO_ctrl_pending(source))) {
        why_set(opening->why, "cannot read the spool: %s", strerror(errno));
        status = SMIME_ERROR;
    }
    if (status == SMIME_OK && !same)
        status = fail(opening, "the key of another recipient does not open it");
out:
    if (cipher != NULL)
        BIO_free_all(cipher);
    else
        BIO_free(source);
    CMS_ContentInfo_free(cms);
    return status;
}

/* An answer that does not come is no permission. */
static enum smime_status check_further_keys(struct opening *opening)
{
    const struct open_request *request = opening->request;
    const struct smime_progress *progress = &request->progress;
    enum smime_status status = SMIME_OK;
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    for (size_t n = 0; status == SMIME_OK && request->further_key != NULL; n++) {
        enum key_answer answer = request->further_key(request->keys.context, n, &key, &certificate);
        if (answer == KEY_NONE)
            break;
        if (answer != KEY_FOUND || key == NULL || certificate == NULL) {
            why_set(opening->why, "the key of another recipient cannot be had");
            return SMIME_ERROR;
        }
        if (progress->tick != NULL && progress->tick(progress->context) != 0) {
            why_set(opening->why, "the time for this message is up");
            return SMIME_ERROR;
        }
        status = check_weakness(opening, weakness_of_key(key));
        if (status == SMIME_OK)
            status = opens_it_too(opening, key, certificate);
    }
    return status;
}

/* Find the content key and decrypt with it. With RSA that succeeds whatever comes of it, and a
 * random key takes the place of a bad one; CMS_dataInit() does the same where key agreement has
 * given none. So all failures do the same work, and the time tells nothing of the key. */
static enum smime_status use_key(struct opening *opening, EVP_PKEY *key, X509 *certificate)
{
    bool has_key = CMS_decrypt_set1_pkey(opening->cms, key, certificate) == 1;
    char *detail = NULL;
    enum smime_status status;
    if (!has_key)
        why_set(&detail, "%s", openssl_reason());
    status = decrypt_content(opening);
    if (!has_key && status != SMIME_ERROR)
        status = fail(opening, why_text(&detail));
    why_free(&detail);
    return status;
}

static enum smime_status open_it(struct opening *opening)
{
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    enum smime_status further;
    enum smime_status status = check_cipher(opening);
    if (status == SMIME_OK)
        status = check_weakness(opening, opening->cipher->weak);
    if (status == SMIME_OK && opening->cipher->nid == NID_rc2_cbc)
        status = find_rc2(opening);
    if (status == SMIME_OK)
        status = check_structure(opening);
    if (status == SMIME_OK)
        status = find_key(opening, &key, &certificate);
    if (status == SMIME_OK)
        status = check_weakness(opening, opening->key_weak);
    if (status != SMIME_OK)
        return status;
    opening->out->tried = true;
    status = use_key(opening, key, certificate);
    if (status == SMIME_ERROR)
        return status;
    /* Also after a failure: the time that they take would tell whether the padding was right. */
    further = check_further_keys(opening);
    return further == SMIME_ERROR || status == SMIME_OK ? further : status;
}

enum smime_status decrypt_enveloped(const struct cms_layout *layout,
                                    const struct open_request *request, struct decrypted *out,
                                    char **why)
{
    struct opening opening = {.layout = layout, .request = request, .out = out, .why = why};
    enum smime_status status;
    *out = (struct decrypted){0};
    status = open_it(&opening);
    opening_clear(&opening);
    ERR_clear_error();
    out->opened = status == SMIME_OK;
    if (status == SMIME_OK)
        why_set(&out->reason, "decrypted");
    else
        spool_free(&out->plain);
    if (status == SMIME_ERROR)
        decrypted_clear(out);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

void decrypted_clear(struct decrypted *decrypted)
{
    if (decrypted == NULL)
        return;
    spool_free(&decrypted->plain);
    why_free(&decrypted->reason);
    why_free(&decrypted->detail);
    free(decrypted->algorithms);
    free(decrypted->cipher);
    *decrypted = (struct decrypted){0};
}
