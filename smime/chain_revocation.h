/* Has a certificate of a chain been revoked? By CRLs (RFC 5280 section 6.3) and OCSP (RFC 6960).
 *
 * Judged are all certificates below the anchor. One source that says "revoked" is enough for that,
 * one that says "good" is enough otherwise. */
#ifndef SMIME_CHAIN_REVOCATION_H
#define SMIME_CHAIN_REVOCATION_H

#include "incoming.h"

/* A valid chain, and what may help to verify CRLs that are not signed by an issuer in it. */
struct revocation_chain {
    STACK_OF(X509) * certificates; /* leaf first, anchor last */
    STACK_OF(X509) * helpers;      /* unverified; may be NULL */
    X509_STORE *anchors;
    time_t now;
    int max_depth;
    bool hard; /* who signs CRLs in the place of an issuer must be proved good as well */
};

/* Judge each certificate below the anchor: evidence[i] is on certificates[i], findings_out[i] is
 * filled (revocation_finding_clear()). SMIME_OK or SMIME_ERROR. */
enum smime_status chain_revocation_judge(const struct revocation_chain *chain,
                                         const struct revocation_evidence *evidence,
                                         struct revocation_finding *findings_out, char **why);

/* Ask request->revocation about a valid chain and judge: *out is about its worst certificate.
 * `bundle` (may be NULL): certificates that came along. */
enum smime_status chain_revocation_check(STACK_OF(X509) * certificates, STACK_OF(X509) * bundle,
                                         const struct open_request *request,
                                         struct revocation_finding *out, char **why);

/* "keyCompromise", ...; NULL for REVOCATION_NO_REASON and unspecified. */
const char *revocation_reason_name(int reason);

/* Seconds since 1970. Returns 0, -1 when it is no time. */
int revocation_time(const ASN1_TIME *time, time_t *out);

#endif
