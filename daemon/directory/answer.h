/* What one directory said when it was asked for the certificates of an address. */
#ifndef DIRECTORY_ANSWER_H
#define DIRECTORY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

/* One certificate, or one value or record that holds none. */
struct finding {
    X509 *certificate; /* NULL: there is none in it */
    bool needs_anchor; /* it is to be used only with a chain to a trust anchor */
    bool taken;        /* it passed all checks */
    char *reason;      /* why it was not taken; NULL if nothing is wrong */
};

enum answer_status {
    ANSWER_NOTHING,     /* no such entry or record, or none that is of use */
    ANSWER_FOUND,       /* there are certificates */
    ANSWER_UNAVAILABLE, /* it could not be asked, or its answer not be trusted: try again later */
};
const char *answer_status_name(enum answer_status status);

struct answer {
    char *source; /* "ldaps://ldap.partner.test", "SMIMEA" */
    enum answer_status status;
    char *reason; /* one sentence; NULL if the findings say it all */
    struct finding *findings;
    size_t count;
    STACK_OF(X509) * accompanying; /* CA certificates that came along, for chains; may be NULL */
    long elapsed_ms;
};

/* Append a finding: takes a reference to `certificate` (may be NULL), copies `reason` (may be
 * NULL). The finding, or NULL out of memory. */
struct finding *answer_add(struct answer *answer, X509 *certificate, const char *reason);

/* What stands in one value of a directory: DER of a certificate, or a bundle of them (PKCS#7). At
 * most `max_certificates` are in an answer; what is over it, too long or damaged is a finding
 * without a certificate. CA certificates that come along in a bundle accompany the others. Returns
 * 0, -1 out of memory. */
int answer_add_value(struct answer *answer, const unsigned char *bytes, size_t length,
                     size_t max_bytes, size_t max_certificates);

void answer_clear(struct answer *answer);

#endif
