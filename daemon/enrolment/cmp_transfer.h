/* How messages of CMP travel: by HTTP (RFC 6712), or out of the store.
 *
 * OpenSSL 3.0 goes on polling only in the context that began. A new context is brought to where the
 * former stood by giving it the CA's answers again instead of asking: each is checked as when it
 * came first, protection included; only the nonce that OpenSSL has just made is replaced by the one
 * that the answer was for. */
#ifndef DAEMON_ENROLMENT_CMP_TRANSFER_H
#define DAEMON_ENROLMENT_CMP_TRANSFER_H

#include <stdbool.h>

#include <openssl/cmp.h>

#include "enrolment.h"
#include "settings.h"

#define CMP_MAX_MESSAGE_BYTES ENROLMENT_MAX_MESSAGE_BYTES

struct cmp_transfer {
    const struct cmp_setting *setting;
    const struct enrolment_messages *former; /* answers to be given again; may be NULL */
    size_t repeated;                         /* how many of them were */
    unsigned asked;                          /* messages that the CA was sent */
    bool stopped;                            /* nothing is to be sent any more */
    bool confirming;                         /* certConf was sent */
    bool failed;                             /* the way to the CA or back: `why` */
    bool ours;                               /* and the fault is ours: out of memory */
    char *why;
    /* The latest answer to each, in DER: the request itself, a poll that has to wait, and the poll
     * that the decision came by. */
    struct cmp_bytes {
        unsigned char *der;
        size_t length;
    } first, poll, last;
};

/* Let the messages of `context` go through `transfer`, which begins with `setting` and `former`
 * alone. Returns 0, -1 when out of memory. */
int cmp_transfer_set(OSSL_CMP_CTX *context, struct cmp_transfer *transfer);

/* The answers so far, as they bring another context to here. Returns 0, -1 when out of memory. */
int cmp_transfer_messages(const struct cmp_transfer *transfer, struct enrolment_messages *out);

void cmp_transfer_clear(struct cmp_transfer *transfer);

#endif
