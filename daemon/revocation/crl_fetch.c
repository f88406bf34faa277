/* Fetching a CRL from a distribution point. */
#include <stdlib.h>

#include "revocation_bytes.h"
#include "revocation_shared.h"
#include "why.h"

#define MIN_TIMEOUT_MS 1 /* http_exchange() wants some */

enum http_status revocation_http(struct revocation *shared, struct http_request *request,
                                 const struct deadline *deadline, unsigned char **out,
                                 size_t *length_out, char **why)
{
    long left_ms = deadline_left_ms(deadline);
    request->proxy = shared->settings->http_proxy;
    request->networks = shared->networks;
    request->network_count = shared->network_count;
    request->timeout_ms = left_ms > MIN_TIMEOUT_MS ? (int)left_ms : MIN_TIMEOUT_MS;
    return http_exchange(request, out, length_out, why);
}

/* Keep the CRL in `bytes`. FETCHED with *id_out, or FETCHED_NONE, FETCHED_ERROR with *why. */
static enum fetched keep(struct revocation *shared, const struct crl_request *request,
                         const unsigned char *bytes, size_t length, int64_t *id_out, char **why)
{
    X509_CRL *crl = crl_from_bytes(bytes, length, why);
    X509 *signer = crl != NULL ? crl_signer_find(crl, &request->signers, why) : NULL;
    enum fetched fetched = FETCHED_NONE;
    if (signer != NULL) {
        enum store_status status = store_crl_put(shared->store, crl, signer, request->url,
                                                 request->signers.now, id_out, why);
        if (status == STORE_OK)
            fetched = FETCHED;
        else if (status == STORE_ERROR)
            fetched = FETCHED_ERROR;
    }
    X509_free(signer);
    X509_CRL_free(crl);
    return fetched;
}

static enum fetched fetch(struct revocation *shared, const struct crl_request *request, char **why)
{
    struct http_request http = {.url = request->url,
                                .any_address = request->any_address,
                                .max_bytes = (size_t)shared->settings->max_crl_bytes};
    unsigned char *bytes = NULL;
    size_t length = 0;
    int64_t id = 0;
    time_t now = request->signers.now;
    enum fetched fetched = FETCHED_NONE;
    enum store_status noted;
    enum http_status status =
        revocation_http(shared, &http, request->deadline, &bytes, &length, why);
    if (status == HTTP_OK)
        fetched = keep(shared, request, bytes, length, &id, why);
    else if (status == HTTP_ERROR)
        fetched = FETCHED_ERROR;
    free(bytes);
    if (fetched == FETCHED_ERROR)
        return fetched;
    if (fetched == FETCHED)
        noted = store_place_note(shared->store, request->url, PLACE_CRL, id, 0, NULL,
                                 request->wanted, now, why);
    else
        noted = store_place_note(shared->store, request->url, PLACE_CRL, 0,
                                 now + shared->settings->revocation_retry_s, why_text(why),
                                 request->wanted, now, why);
    return noted == STORE_OK ? fetched : FETCHED_ERROR;
}

/* Has somebody fetched it since this message began? Whoever looked into the store just before, and
 * comes here just after, need not do it again. */
static enum fetched since_we_began(struct revocation *shared, const struct crl_request *request,
                                   char **why)
{
    struct revocation_place place;
    enum fetched fetched = FETCHED_NONE;
    enum store_status status = store_place_get(shared->store, request->url, &place, why);
    if (status == STORE_NONE)
        return FETCHED_NONE;
    if (status != STORE_OK)
        return FETCHED_ERROR;
    if (place.crl != 0 && place.failed_until == 0 && place.tried >= request->signers.now)
        fetched = FETCHED;
    revocation_place_clear(&place);
    return fetched;
}

enum fetched fetch_crl(struct revocation *shared, const struct crl_request *request, char **why)
{
    enum fetched fetched = FETCHED_NONE;
    switch (flights_begin(shared->flights, request->url, request->deadline)) {
    case FLIGHT_OURS:
        if (request->wanted && !request->any_address)
            fetched = since_we_began(shared, request, why);
        if (fetched == FETCHED_NONE)
            fetched = fetch(shared, request, why);
        flights_end(shared->flights, request->url);
        break;
    case FLIGHT_DONE:
        fetched = FETCHED;
        break;
    case FLIGHT_LATE:
        why_set(why, "the time for asking is up");
        break;
    case FLIGHT_ERROR:
        why_set(why, "out of memory");
        fetched = FETCHED_ERROR;
        break;
    }
    return fetched;
}
