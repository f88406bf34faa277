/* Whole messages of strangers, opened with a real key and a real anchor. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "incoming.h"
#include "incoming_keys.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spool_options options = {.directory = "/tmp", .memory_bytes = 1 << 20};

static struct {
    X509_STORE *anchors;
    X509 *certificate;
    EVP_PKEY *key;
} fixed;

static X509 *certificate_of(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return certificate;
}

static void load(void)
{
    X509 *anchor = certificate_of(fuzz_anchor);
    BIO *bio = BIO_new_mem_buf(fuzz_key, -1);
    fixed.certificate = certificate_of(fuzz_certificate);
    fixed.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    fixed.anchors = X509_STORE_new();
    if (anchor == NULL || fixed.certificate == NULL || fixed.key == NULL || fixed.anchors == NULL ||
        X509_STORE_add_cert(fixed.anchors, anchor) != 1)
        abort();
    X509_free(anchor);
    BIO_free(bio);
}

static enum key_answer find(void *context, const struct recipient_id *ids, size_t count,
                            size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                            char **why)
{
    (void)context;
    (void)why;
    for (size_t i = 0; i < count; i++)
        if (recipient_id_matches(&ids[i], fixed.certificate)) {
            *index_out = i;
            *key_out = fixed.key;
            *certificate_out = fixed.certificate;
            return KEY_FOUND;
        }
    return KEY_NONE;
}

/* What is restored are fields for people, 7-bit, and each remains one. */
static void check_restored(const struct opened *opened)
{
    const struct header *fields = &opened->restored.fields;
    if (fields->count > 0 && opened->restored.from_differs)
        abort();
    if (fields->count > 0 && opened->signature != SIGNATURE_VALID &&
        opened->encryption != ENCRYPTION_DECRYPTED)
        abort();
    for (size_t i = 0; i < fields->count; i++) {
        bool named = false;
        for (size_t n = 0; n < opened->restored.name_count; n++)
            named |= strcmp(opened->restored.names[n], fields->fields[i].name) == 0;
        if (!named)
            abort();
        for (const char *p = fields->fields[i].value; *p != '\0'; p++)
            if ((unsigned char)*p >= 0x80 ||
                (*p == '\r' && (p[1] != '\n' || (p[2] != ' ' && p[2] != '\t'))))
                abort();
    }
}

/* What must hold of every result. */
static void check(const struct opened *opened)
{
    bool decrypted = false;
    bool refused = false;
    if (opened->encryption_reason == NULL || opened->signature_reason == NULL ||
        ERR_peek_error() != 0)
        abort();
    for (size_t i = 0; i < opened->layer_count; i++) {
        const struct layer *layer = &opened->layers[i];
        if (layer->signature > opened->signature)
            abort();
        if (layer->signature == SIGNATURE_VALID && layer->signer == NULL)
            abort();
        decrypted |= layer->encryption == ENCRYPTION_DECRYPTED;
        refused |= layer->encryption == ENCRYPTION_NOT_DECRYPTED;
    }
    if (refused != (opened->encryption == ENCRYPTION_NOT_DECRYPTED) || (refused && opened->changed))
        abort();
    if (!refused && decrypted && !opened->changed)
        abort();
    if (opened->defanged && (!opened->unauthenticated || !opened->changed || !decrypted))
        abort();
    check_restored(opened);
    if (opened->harvest.certificate != NULL && opened->signature != SIGNATURE_VALID)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct open_request request = {.keys = {find, NULL},
                                   .clear_sign = true,
                                   .restore_headers = true,
                                   .now = 1900000000,
                                   .weak_allowed = WEAKNESS_SHA1 | WEAKNESS_3DES | WEAKNESS_RC2 |
                                                   WEAKNESS_RSA_1024,
                                   .limits = {.max_header_bytes = 65536,
                                              .max_parts = 100,
                                              .max_nesting = 5,
                                              .max_structure_bytes = 1 << 16,
                                              .max_signers = 8,
                                              .max_certificates = 16,
                                              .max_chain = 5,
                                              .max_message_bytes = 1 << 20}};
    struct spool *whole = spool_new(&options);
    struct entity message = {.body = spool_new(&options)};
    struct opened opened;
    enum smime_kind kind;
    char *why = NULL;
    off_t body = 0;
    if (fixed.anchors == NULL)
        load();
    request.anchors = fixed.anchors;
    /* What is delivered in which form, by something that a mutation changes easily. */
    request.defang = size % 2 == 1;
    request.remove_signature = size % 3 == 1;
    if (whole == NULL || message.body == NULL || spool_write(whole, data, size) != 0)
        abort();
    if (header_parse(whole, 0, (off_t)size, 65536, &message.header, &body, &why) == 0) {
        if (spool_copy(message.body, whole, body, (off_t)size) != 0 ||
            smime_open(&message, &request, &opened, &why) != SMIME_OK)
            abort();
        check(&opened);
        opened_clear(&opened);
        if (smime_kind(&message, &request.limits, &kind, &why) != SMIME_OK)
            abort();
    }
    why_free(&why);
    entity_clear(&message);
    spool_free(&whole);
    return 0;
}
