/* Why an exchange with a CA came to nothing, in one sentence. */
#ifndef DAEMON_ENROLMENT_CMP_REASON_H
#define DAEMON_ENROLMENT_CMP_REASON_H

#include <stdbool.h>

#include <openssl/cmp.h>

struct cmp_errors {
    bool any;
    bool received_error; /* an error message of the CA, whose protection was good */
    bool rejected;       /* the CA refused the request, in an answer whose protection was good */
};

/* Take OpenSSL's errors from this thread's queue, which is empty afterwards: what they mean to us,
 * and *why is "doing: " and what they say. */
void cmp_reason_take(const char *doing, struct cmp_errors *out, char **why);

/* What the CA said: status, failure information (RFC 4210 section 5.2.3) and its own words. */
void cmp_reason_status(const OSSL_CMP_CTX *context, char **why);

#endif
