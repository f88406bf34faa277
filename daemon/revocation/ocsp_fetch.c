/* Asking an OCSP responder (RFC 6960 appendix A.1: HTTP POST).
 *
 * Without a nonce: what responders have signed beforehand is as good, as long as it is fresh. */
#include <stdlib.h>

#include <openssl/err.h>

#include "cert_use.h"
#include "ocsp_answer.h"
#include "revocation_bytes.h"
#include "revocation_shared.h"
#include "why.h"

/* The request in DER: its length, or -1 out of memory. */
static int make_request(X509 *certificate, X509 *issuer, unsigned char **out)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, certificate, issuer); /* SHA-1, which everyone takes */
    int length = -1;
    *out = NULL;
    if (request != NULL && id != NULL && OCSP_request_add0_id(request, id) != NULL) {
        id = NULL;
        length = i2d_OCSP_REQUEST(request, out);
    }
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    ERR_clear_error();
    return length > 0 ? length : -1;
}

/* What is wrong with one certificate's answer must not keep us from asking about others. */
static enum fetched note(struct revocation *shared, const char *url, const char *what, time_t now,
                         char **why)
{
    char *key = NULL;
    enum store_status status = STORE_ERROR;
    if (asprintf(&key, "%s%s%s", url, what != NULL ? "#" : "", what != NULL ? what : "") < 0) {
        why_set(why, "out of memory");
        return FETCHED_ERROR;
    }
    status =
        store_place_note(shared->store, key, PLACE_OCSP, 0,
                         now + shared->settings->revocation_retry_s, why_text(why), true, now, why);
    free(key);
    return status == STORE_OK ? FETCHED_NONE : FETCHED_ERROR;
}

/* Is that what it says of itself, and not of the question? Many answer "unauthorized" for
 * certificates that they know nothing of (RFC 5019 section 2.2.3). */
static bool is_out_of_order(OCSP_RESPONSE *response)
{
    int status = OCSP_response_status(response);
    return status != OCSP_RESPONSE_STATUS_SUCCESSFUL &&
           status != OCSP_RESPONSE_STATUS_MALFORMEDREQUEST &&
           status != OCSP_RESPONSE_STATUS_UNAUTHORIZED;
}

struct question {
    X509 *certificate;
    X509 *issuer;
    STACK_OF(X509_CRL) * crls;
    const char *fingerprint;
    time_t now;
};

static enum fetched keep(struct revocation *shared, const char *url,
                         const struct question *question, const unsigned char *bytes, size_t length,
                         char **why)
{
    OCSP_RESPONSE *response = ocsp_from_bytes(bytes, length, why);
    struct ocsp_answer answer = {.finding = {.state = REVOCATION_UNKNOWN}};
    enum fetched fetched = FETCHED;
    time_t until;
    if (response == NULL)
        return note(shared, url, NULL, question->now, why);
    if (ocsp_answer_judge(response, question->certificate, question->issuer, question->crls,
                          question->now, &answer) != 0) {
        why_set(why, "out of memory");
        fetched = FETCHED_ERROR;
    } else if (answer.finding.state == REVOCATION_UNKNOWN) {
        why_set(why, "%s", why_text(&answer.finding.sentence));
        fetched = note(shared, url, is_out_of_order(response) ? NULL : question->fingerprint,
                       question->now, why);
    } else {
        until = answer.until > question->now
                    ? answer.until
                    : question->now + shared->settings->revocation_max_age_s;
        if (store_ocsp_put(shared->store, question->certificate, bytes, length, until,
                           question->now, why) != STORE_OK)
            fetched = FETCHED_ERROR;
    }
    revocation_finding_clear(&answer.finding);
    OCSP_RESPONSE_free(response);
    return fetched;
}

/* Has somebody asked since this message began? */
static enum fetched since_we_began(struct revocation *shared, const struct question *question,
                                   char **why)
{
    unsigned char *der = NULL;
    size_t length = 0;
    time_t fetched = 0;
    enum store_status status = store_ocsp_get(shared->store, question->certificate, question->now,
                                              &der, &length, &fetched, why);
    free(der);
    if (status == STORE_OK && fetched >= question->now)
        return FETCHED;
    return status == STORE_ERROR ? FETCHED_ERROR : FETCHED_NONE;
}

static enum fetched fetch(struct revocation *shared, const char *url,
                          const struct question *question, const struct deadline *deadline,
                          char **why)
{
    struct http_request request = {
        .url = url, .content_type = "application/ocsp-request", .max_bytes = OCSP_MAX_ANSWER_BYTES};
    unsigned char *body = NULL;
    unsigned char *bytes = NULL;
    size_t length = 0;
    enum fetched fetched = FETCHED_ERROR;
    enum http_status status = HTTP_ERROR;
    int body_length = make_request(question->certificate, question->issuer, &body);
    if (body_length < 0) {
        why_set(why, "out of memory");
        goto out;
    }
    request.body = body;
    request.body_length = (size_t)body_length;
    status = revocation_http(shared, &request, deadline, &bytes, &length, why);
    if (status == HTTP_OK)
        fetched = keep(shared, url, question, bytes, length, why);
    else if (status != HTTP_ERROR)
        fetched = note(shared, url, NULL, question->now, why);
out:
    free(bytes);
    OPENSSL_free(body);
    return fetched;
}

enum fetched fetch_ocsp(struct revocation *shared, const char *url, X509 *certificate, X509 *issuer,
                        STACK_OF(X509_CRL) * crls, time_t now, const struct deadline *deadline,
                        char **why)
{
    struct question question = {certificate, issuer, crls, NULL, now};
    enum fetched fetched = FETCHED_ERROR;
    char *fingerprint = cert_fingerprint(certificate);
    char *what = NULL;
    question.fingerprint = fingerprint;
    if (fingerprint == NULL || asprintf(&what, "%s#%s", url, fingerprint) < 0) {
        free(fingerprint);
        why_set(why, "out of memory");
        return FETCHED_ERROR;
    }
    switch (flights_begin(shared->flights, what, deadline)) {
    case FLIGHT_OURS:
        fetched = since_we_began(shared, &question, why);
        if (fetched == FETCHED_NONE)
            fetched = fetch(shared, url, &question, deadline, why);
        flights_end(shared->flights, what);
        break;
    case FLIGHT_DONE:
        fetched = FETCHED;
        break;
    case FLIGHT_LATE:
        why_set(why, "the time for asking is up");
        fetched = FETCHED_NONE;
        break;
    case FLIGHT_ERROR:
        why_set(why, "out of memory");
        break;
    }
    free(what);
    free(fingerprint);
    return fetched;
}
