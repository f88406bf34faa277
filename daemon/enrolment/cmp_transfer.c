/* Messages of CMP to a CA by HTTP and back, and answers that came earlier given again. */
#include "cmp_transfer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "http.h"
#include "why.h"

/* Types of message (RFC 4210 section 5.1.2); OpenSSL names those of requests alone. */
enum { CMP_BODY_CERTCONF = 24, CMP_BODY_POLLREQ = 25, CMP_BODY_POLLREP = 26 };

/* One step of an enrolment takes three: a request, a poll, a confirmation. */
#define MAX_EXCHANGES 6

#define CONTENT_TYPE "application/pkixcmp" /* RFC 6712 section 3.4 */

static void replace(struct cmp_bytes *bytes, unsigned char *der, size_t length)
{
    free(bytes->der);
    *bytes = (struct cmp_bytes){der, length};
}

/* A message of exactly these bytes, or NULL. */
static OSSL_CMP_MSG *parse(const unsigned char *der, size_t length)
{
    const unsigned char *at = der;
    OSSL_CMP_MSG *message = NULL;

    if (length > 0 && length <= CMP_MAX_MESSAGE_BYTES)
        message = d2i_OSSL_CMP_MSG(NULL, &at, (long)length);
    if (message && at != der + length) {
        OSSL_CMP_MSG_free(message);
        message = NULL;
    }
    ERR_clear_error();
    return message;
}

/* The nonce of the request that it answers. */
static const ASN1_OCTET_STRING *nonce_of(const OSSL_CMP_MSG *answer)
{
    return OSSL_CMP_HDR_get0_recipNonce(OSSL_CMP_MSG_get0_header(answer));
}

/* Keep the answer to `request`; takes the bytes. */
static void keep(struct cmp_transfer *transfer, const OSSL_CMP_MSG *request,
                 const OSSL_CMP_MSG *answer, unsigned char *der, size_t length)
{
    switch (OSSL_CMP_MSG_get_bodytype(request)) {
    case OSSL_CMP_IR:
    case OSSL_CMP_CR:
    case OSSL_CMP_KUR:
        replace(&transfer->first, der, length);
        break;
    case CMP_BODY_POLLREQ:
        if (OSSL_CMP_MSG_get_bodytype(answer) == CMP_BODY_POLLREP)
            replace(&transfer->poll, der, length);
        else
            replace(&transfer->last, der, length);
        break;
    default:
        free(der);
    }
}

/* ---- Out of the store ---- */

static OSSL_CMP_MSG *repeat(struct cmp_transfer *transfer, OSSL_CMP_CTX *context,
                            const OSSL_CMP_MSG *request)
{
    size_t length = transfer->former->items[transfer->repeated].length;
    const unsigned char *der = transfer->former->items[transfer->repeated].der;
    unsigned char *copy = malloc(length);
    OSSL_CMP_MSG *answer = parse(der, length);
    const ASN1_OCTET_STRING *nonce = answer ? nonce_of(answer) : NULL;

    transfer->repeated++;
    if (!copy || !nonce || OSSL_CMP_CTX_set1_senderNonce(context, nonce) != 1) {
        OSSL_CMP_MSG_free(answer);
        free(copy);
        return NULL;
    }
    memcpy(copy, der, length);
    keep(transfer, request, answer, copy, length);
    return answer;
}

/* ---- By HTTP ---- */

static void fail(struct cmp_transfer *transfer, bool ours, const char *sentence)
{
    transfer->failed = true;
    transfer->ours = ours;
    why_set(&transfer->why, "%s", sentence);
}

/* The bytes of the CA's answer: free(). NULL with transfer->why. */
static unsigned char *post(struct cmp_transfer *transfer, const unsigned char *der, size_t length,
                           size_t *length_out)
{
    const struct cmp_setting *setting = transfer->setting;
    const struct http_request request = {
        .url = setting->url,
        .body = der,
        .body_length = length,
        .content_type = CONTENT_TYPE,
        .ca_file = setting->ca_file[0] != '\0' ? setting->ca_file : NULL,
        .any_address = true, /* the administrator wrote the URL */
        .max_bytes = CMP_MAX_MESSAGE_BYTES,
        .timeout_ms = setting->timeout_s * 1000,
    };
    unsigned char *answer = NULL;
    char *why = NULL;
    enum http_status status = http_exchange(&request, &answer, length_out, &why);

    if (status != HTTP_OK)
        fail(transfer, status == HTTP_ERROR, why_text(&why));
    why_free(&why);
    return answer;
}

/* The decision after polls may answer to the nonce of the request itself (RFC 9483 section 4.4),
 * which OpenSSL 3.0 does not expect. The one other answer to that nonce is the first one, and not
 * to be taken for a decision. */
static bool accept_nonce(const struct cmp_transfer *transfer, OSSL_CMP_CTX *context,
                         const OSSL_CMP_MSG *request, const OSSL_CMP_MSG *answer,
                         const struct cmp_bytes *came)
{
    const struct cmp_bytes *first = &transfer->first;
    OSSL_CMP_MSG *former;
    bool good = true;

    if (OSSL_CMP_MSG_get_bodytype(request) != CMP_BODY_POLLREQ ||
        OSSL_CMP_MSG_get_bodytype(answer) == CMP_BODY_POLLREP || !nonce_of(answer) ||
        (came->length == first->length && memcmp(came->der, first->der, first->length) == 0))
        return true;
    former = parse(first->der, first->length);
    if (former && nonce_of(former) &&
        ASN1_OCTET_STRING_cmp(nonce_of(former), nonce_of(answer)) == 0)
        good = OSSL_CMP_CTX_set1_senderNonce(context, nonce_of(answer)) == 1;
    OSSL_CMP_MSG_free(former);
    return good;
}

static OSSL_CMP_MSG *ask(struct cmp_transfer *transfer, OSSL_CMP_CTX *context,
                         const OSSL_CMP_MSG *request)
{
    unsigned char *sent = NULL;
    struct cmp_bytes came = {NULL, 0};
    OSSL_CMP_MSG *answer = NULL;
    int length = i2d_OSSL_CMP_MSG(request, &sent);

    /* OpenSSL polls on, without a pause, while the answer to a poll is that to a request. */
    if (++transfer->asked > MAX_EXCHANGES) {
        fail(transfer, false, "the CA comes to no end");
        goto out;
    }
    if (length <= 0) {
        fail(transfer, true, "OpenSSL cannot write a message of CMP");
        goto out;
    }
    came.der = post(transfer, sent, (size_t)length, &came.length);
    if (!came.der)
        goto out;
    answer = parse(came.der, came.length);
    if (!answer) {
        fail(transfer, false, "what came from the CA is no message of CMP");
    } else if (!accept_nonce(transfer, context, request, answer, &came)) {
        fail(transfer, true, "out of memory");
        OSSL_CMP_MSG_free(answer);
        answer = NULL;
    } else {
        keep(transfer, request, answer, came.der, came.length);
        came.der = NULL;
    }
out:
    OPENSSL_free(sent);
    free(came.der);
    return answer;
}

static OSSL_CMP_MSG *exchange(OSSL_CMP_CTX *context, const OSSL_CMP_MSG *request)
{
    struct cmp_transfer *transfer = OSSL_CMP_CTX_get_transfer_cb_arg(context);
    int type = OSSL_CMP_MSG_get_bodytype(request);

    /* Newer OpenSSL would poll, sleeping as long as the CA likes, for the answer to certConf. */
    if (transfer->stopped || (transfer->confirming && type == CMP_BODY_POLLREQ))
        return NULL;
    if (type == CMP_BODY_CERTCONF)
        transfer->confirming = true;
    else if (transfer->former && transfer->repeated < transfer->former->count)
        return repeat(transfer, context, request);
    return ask(transfer, context, request);
}

int cmp_transfer_set(OSSL_CMP_CTX *context, struct cmp_transfer *transfer)
{
    const struct enrolment_messages *former = transfer->former;
    OSSL_CMP_MSG *first = NULL;
    const ASN1_OCTET_STRING *transaction = NULL;
    int rc = -1;

    if (former && former->count > 0)
        first = parse(former->items[0].der, former->items[0].length);
    if (first)
        transaction = OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(first));
    if ((!transaction || OSSL_CMP_CTX_set1_transactionID(context, transaction) == 1) &&
        OSSL_CMP_CTX_set_transfer_cb(context, exchange) == 1 &&
        OSSL_CMP_CTX_set_transfer_cb_arg(context, transfer) == 1)
        rc = 0;
    OSSL_CMP_MSG_free(first);
    return rc;
}

int cmp_transfer_messages(const struct cmp_transfer *transfer, struct enrolment_messages *out)
{
    const struct cmp_bytes *const parts[] = {&transfer->first, &transfer->poll, &transfer->last};

    *out = (struct enrolment_messages){0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        unsigned char *copy;

        if (!parts[i]->der)
            continue;
        copy = malloc(parts[i]->length);
        if (!copy) {
            enrolment_messages_clear(out);
            return -1;
        }
        memcpy(copy, parts[i]->der, parts[i]->length);
        out->items[out->count].der = copy;
        out->items[out->count].length = parts[i]->length;
        out->count++;
    }
    return 0;
}

void cmp_transfer_clear(struct cmp_transfer *transfer)
{
    replace(&transfer->first, NULL, 0);
    replace(&transfer->poll, NULL, 0);
    replace(&transfer->last, NULL, 0);
    why_free(&transfer->why);
}
