/* What an OCSP response says of a certificate (RFC 6960). */
#ifndef SMIME_OCSP_ANSWER_H
#define SMIME_OCSP_ANSWER_H

#include "revocation_source.h"

/* Clocks differ: so much may thisUpdate lie in the future, and nextUpdate in the past. */
#define OCSP_CLOCK_SKEW_S 300
/* An answer without nextUpdate is one of the moment (RFC 6960 section 4.2.2.1). */
#define OCSP_MOMENT_S (24 * 60 * 60)

struct ocsp_answer {
    struct revocation_finding finding;
    time_t this_update;
    time_t until; /* last second that it may be used */
};

/* Judge `response` on `certificate`, which `issuer` has issued, as of `now`. Believed is the issuer
 * itself, or a responder that it has delegated this to (section 4.2.2.2) and that none of `crls`
 * (may be NULL) lists as revoked. A stale answer still counts where it says "revoked": nobody takes
 * that back, unless it was a hold. Returns 0, or -1 when out of memory. */
int ocsp_answer_judge(OCSP_RESPONSE *response, X509 *certificate, X509 *issuer,
                      STACK_OF(X509_CRL) * crls, time_t now, struct ocsp_answer *out);

#endif
