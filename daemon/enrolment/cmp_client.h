/* Exchanges with a CA by CMP (RFC 4210, RFC 9483): asking for a certificate, and having one
 * revoked.
 *
 * Nothing here knows the store. */
#ifndef DAEMON_ENROLMENT_CMP_CLIENT_H
#define DAEMON_ENROLMENT_CMP_CLIENT_H

#include <time.h>

#include "cmp_ca.h"
#include "enrolment.h"

enum cmp_result {
    CMP_GRANTED,     /* here is the certificate, and the CA knows that we have it */
    CMP_WAITING,     /* the CA has not decided: ask again later */
    CMP_REJECTED,    /* the CA says no */
    CMP_REFUSED,     /* we do not take the certificate, and have told the CA why */
    CMP_UNAVAILABLE, /* the way there, or the CA has no time: may be better later */
    CMP_POSTPONED,   /* our own verdict was CMP_LATER */
    CMP_UNCLEAR,     /* what came cannot be believed or understood */
    CMP_ENDED,       /* the CA does not go on with the transaction: it takes a new one */
    CMP_UNCONFIRMED, /* as CMP_ENDED, at our confirmation of the certificate */
    CMP_ERROR,       /* ours */
};

enum cmp_verdict { CMP_TAKE, CMP_REFUSE, CMP_LATER, CMP_FAIL };

struct cmp_order {
    enum enrolment_kind kind;
    EVP_PKEY *key;                           /* to be certified */
    const X509_REQ *csr;                     /* subject and extensions that are asked for */
    const struct identity *own;              /* what signs now; needed for an update */
    const struct enrolment_messages *former; /* takes a transaction up again; NULL: a new one */
    time_t now;
    /* Is this certificate what was asked for? Called before the CA is told; `messages` take up the
     * transaction from here. CMP_REFUSE comes with a reason, which the CA is told. It is told
     * nothing after CMP_LATER, which means that the same answer is to be judged again later, and
     * after CMP_FAIL, a fault of ours. */
    enum cmp_verdict (*judge)(void *context, X509 *certificate,
                              const struct enrolment_messages *messages, char **why);
    void *context; /* for judge() */
};

struct cmp_answer {
    X509 *certificate;                  /* of CMP_GRANTED and CMP_UNCONFIRMED */
    STACK_OF(X509) * chain;             /* certificates that came along, of any kind and order */
    struct enrolment_messages messages; /* of CMP_WAITING */
    int check_after_s;                  /* of CMP_WAITING: what the CA proposes; 0 or more */
};

/* Go as far as the CA goes: ask, or poll once; check and confirm what comes. *why tells of anything
 * but CMP_GRANTED and CMP_WAITING. cmp_answer_clear(out) in any case. */
enum cmp_result cmp_enrol(const struct cmp_ca *ca, const struct cmp_order *order,
                          struct cmp_answer *out, char **why);
void cmp_answer_clear(struct cmp_answer *answer);

/* Have the certificate of `own` revoked; `reason` as in RFC 5280 section 5.3.1. CMP_GRANTED: it is
 * revoked, or was already. Otherwise CMP_REJECTED, CMP_UNAVAILABLE, CMP_UNCLEAR or CMP_ERROR. */
enum cmp_result cmp_revoke(const struct cmp_ca *ca, const struct identity *own, int reason,
                           time_t now, char **why);

#endif
