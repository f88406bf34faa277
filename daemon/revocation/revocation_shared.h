/* What the files of this room share. */
#ifndef REVOCATION_REVOCATION_SHARED_H
#define REVOCATION_REVOCATION_SHARED_H

#include "crl_signer.h"
#include "flights.h"
#include "http.h"
#include "revocation.h"
#include "revocation_inquiry.h"

struct revocation {
    struct store *store;
    const struct settings *settings;
    struct http_network *networks;
    size_t network_count;
    struct flights *flights;
};

/* What became of asking one place. */
enum fetched {
    FETCHED,       /* it, or somebody else for us: look again at what the store has */
    FETCHED_NONE,  /* nothing: *why says what came instead; noted, so that it is not repeated */
    FETCHED_ERROR, /* ours */
};

struct crl_request {
    const char *url;
    struct crl_signers signers; /* who may have signed it */
    const struct deadline *deadline;
    bool wanted;      /* by a message, not just to have it */
    bool any_address; /* the URL is an administrator's word, not a stranger's */
};

/* Fetch a CRL, and keep it if one of the signers has signed it. */
enum fetched fetch_crl(struct revocation *shared, const struct crl_request *request, char **why);

/* Ask the responder at `url` about `certificate`, which `issuer` issued; keep what it says if it is
 * good for something. */
enum fetched fetch_ocsp(struct revocation *shared, const char *url, X509 *certificate, X509 *issuer,
                        STACK_OF(X509_CRL) * crls, time_t now, const struct deadline *deadline,
                        char **why);

/* One HTTP exchange within the limits of the settings; see http_exchange(). */
enum http_status revocation_http(struct revocation *shared, struct http_request *request,
                                 const struct deadline *deadline, unsigned char **out,
                                 size_t *length_out, char **why);

#endif
