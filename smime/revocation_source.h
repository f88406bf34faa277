/* What is known of the revocation of a certificate, and who is asked for it.
 *
 * Where the knowledge comes from (a store, the network) is the caller's business; what it proves is
 * judged in chain_revocation.h. */
#ifndef SMIME_REVOCATION_SOURCE_H
#define SMIME_REVOCATION_SOURCE_H

#include <stdbool.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "entity.h"

/* Of one certificate. Nothing of it is believed before it was verified. */
struct revocation_evidence {
    STACK_OF(X509_CRL) * crls; /* complete and delta CRLs of any issuers; NULL: none */
    OCSP_RESPONSE *ocsp;       /* NULL: none */
    char *trouble;             /* why there is no more of it; NULL: nothing to say */
};
void revocation_evidence_clear(struct revocation_evidence *evidence);

enum revocation_state { REVOCATION_GOOD, REVOCATION_UNKNOWN, REVOCATION_REVOKED };

#define REVOCATION_NO_REASON (-1)

/* Of one certificate, or of a chain: then of its worst certificate. */
struct revocation_finding {
    enum revocation_state state;
    X509 *certificate; /* borrowed from the chain */
    time_t revoked_at; /* of REVOCATION_REVOKED */
    int reason;        /* of REVOCATION_REVOKED: CRLReason (RFC 5280 section 5.3.1), or
                          REVOCATION_NO_REASON */
    char *sentence;    /* unless REVOCATION_GOOD */
};
void revocation_finding_clear(struct revocation_finding *finding);

struct revocation_source {
    /* Gather evidence on chain[at]; its issuer is chain[at + 1], and the anchor comes last.
     * `helpers` (may be NULL) are certificates that came along or are in the store, unverified. May
     * take time, within what the source grants a message. An *out without anything is no error.
     * NULL: nobody asks for revocation. */
    enum smime_status (*find)(void *context, STACK_OF(X509) * chain, int at,
                              STACK_OF(X509) * helpers, struct revocation_evidence *out,
                              char **why);
    /* Told of a chain that is revoked: leaf, and what was found. NULL: nobody listens. */
    void (*revoked)(void *context, X509 *leaf, const struct revocation_finding *finding);
    void *context;
    bool hard; /* what cannot be found out counts as bad; else as good */
};

#endif
