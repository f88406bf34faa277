/* Certificates in PEM (RFC 7468), any number of them: what is damaged does not hide the rest. */
#include "certificate_entries.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "why.h"

static const char begin_mark[] = "-----BEGIN ";

bool pem_stands_in(const char *text, size_t length)
{
    return memmem(text, length, begin_mark, sizeof begin_mark - 1) != NULL;
}

struct reading {
    const struct entry_taker *taker;
    STACK_OF(X509) * certificates; /* not yet handed on */
    unsigned long number;          /* of the block */
};

static enum credential_status no_memory(char **why)
{
    why_set(why, "out of memory");
    return CREDENTIAL_ERROR;
}

static enum credential_status hand_on(struct reading *reading, char **why)
{
    const struct entry_taker *taker = reading->taker;
    if (sk_X509_num(reading->certificates) > 0) {
        taker->certificates(taker->context, "", reading->certificates);
    }
    sk_X509_pop_free(reading->certificates, X509_free);
    reading->certificates = sk_X509_new_null();
    return reading->certificates ? CREDENTIAL_OK : no_memory(why);
}

static void tell_trouble(const struct reading *reading, const char *sentence)
{
    char name[sizeof "PEM block 18446744073709551615"];
    snprintf(name, sizeof name, "PEM block %lu", reading->number);
    reading->taker->trouble(reading->taker->context, name, sentence);
}

static bool is_certificate(const char *name)
{
    return !strcmp(name, PEM_STRING_X509) || !strcmp(name, PEM_STRING_X509_OLD) ||
           !strcmp(name, PEM_STRING_X509_TRUSTED);
}

static bool is_bundle(const char *name)
{
    return !strcmp(name, PEM_STRING_PKCS7) || !strcmp(name, PEM_STRING_PKCS7_SIGNED) ||
           !strcmp(name, PEM_STRING_CMS);
}

/* "TRUSTED CERTIFICATE" has OpenSSL's settings behind the certificate. */
static size_t without_settings(const unsigned char *der, size_t length)
{
    const unsigned char *at = der;
    X509 *certificate = d2i_X509(NULL, &at, (long)length);
    X509_free(certificate);
    return certificate ? (size_t)(at - der) : length;
}

static enum credential_status take_block(struct reading *reading, const char *name,
                                         const unsigned char *der, size_t length, char **why)
{
    STACK_OF(X509) *read = NULL;
    char *reason = NULL;
    if (!strcmp(name, PEM_STRING_X509_TRUSTED)) {
        length = without_settings(der, length);
    }
    enum credential_status status = certificates_read(der, length, &read, &reason);
    if (status == CREDENTIAL_REFUSED) {
        tell_trouble(reading,
                     is_certificate(name) ? "the certificate is malformed" : why_text(&reason));
        status = CREDENTIAL_OK;
    } else if (status != CREDENTIAL_OK) {
        why_set(why, "%s", why_text(&reason));
    } else if (X509_add_certs(reading->certificates, read, X509_ADD_FLAG_UP_REF) != 1) {
        status = no_memory(why);
    }
    if (status == CREDENTIAL_OK &&
        sk_X509_num(reading->certificates) >= CREDENTIAL_MAX_CERTIFICATES) {
        status = hand_on(reading, why);
    }
    sk_X509_pop_free(read, X509_free);
    why_free(&reason);
    return status;
}

/* The next block of `text`. CREDENTIAL_REFUSED: there is none any more. */
static enum credential_status next_block(BIO *text, struct reading *reading, char **why)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long length = 0;
    enum credential_status status = CREDENTIAL_OK;
    size_t left = BIO_ctrl_pending(text);
    ERR_clear_error();
    int found = PEM_read_bio(text, &name, &header, &data, &length);
    if (found != 1 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        status = CREDENTIAL_REFUSED;
    } else if (found != 1) {
        reading->number++;
        tell_trouble(reading, "the block is damaged");
        /* It is read past; where nothing was, out of memory say, there is no going on. */
        status = BIO_ctrl_pending(text) < left ? CREDENTIAL_OK : no_memory(why);
    } else {
        reading->number++;
        if (is_certificate(name) || is_bundle(name)) {
            status = take_block(reading, name, data, (size_t)length, why);
        }
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    /* Private keys may stand beside certificates. */
    OPENSSL_clear_free(data, length > 0 ? (size_t)length : 0);
    ERR_clear_error();
    return status;
}

enum credential_status pem_read(const char *text, size_t length, const struct entry_taker *taker,
                                char **why)
{
    struct reading reading = {.taker = taker, .certificates = sk_X509_new_null()};
    enum credential_status status = CREDENTIAL_OK;
    BIO *input = NULL;
    if (length > ENTRIES_MAX_BYTES || length > INT_MAX) {
        why_set(why, "the file has more than %ld bytes", ENTRIES_MAX_BYTES);
        status = CREDENTIAL_REFUSED;
        goto out;
    }
    input = BIO_new_mem_buf(text, (int)length);
    if (!input || !reading.certificates) {
        status = no_memory(why);
        goto out;
    }
    while (status == CREDENTIAL_OK) {
        status = next_block(input, &reading, why);
    }
    if (status == CREDENTIAL_REFUSED) {
        status = hand_on(&reading, why);
    }
out:
    BIO_free(input);
    sk_X509_pop_free(reading.certificates, X509_free);
    return status;
}
