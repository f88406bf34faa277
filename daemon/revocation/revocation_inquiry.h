/* Asking whether certificates were revoked: the store first, then the network.
 *
 * What is found is kept in the store, what does not answer is left alone for a while, and one
 * message never waits longer than the settings grant it. Thread-safe but for inquiries, which
 * belong to one message. */
#ifndef REVOCATION_REVOCATION_INQUIRY_H
#define REVOCATION_REVOCATION_INQUIRY_H

#include "deadline.h"
#include "incoming.h"
#include "settings.h"
#include "store.h"
#include "trust_chain.h"

/* What all messages under one configuration share. */
struct revocation;

/* Both are borrowed and have to stay. NULL when out of memory. */
struct revocation *revocation_new(struct store *store, const struct settings *settings);
void revocation_free(struct revocation **revocation);

/* What one message asks. */
struct revocation_inquiry {
    struct revocation *shared;
    struct trust trust; /* of the store */
    time_t now;
    struct deadline deadline;
    time_t since;  /* complete and delta CRLs that are older say nothing of the leaf; 0: all do */
    bool offline;  /* nobody is asked: what the store has must do */
    bool marked;   /* a certificate of the store was found revoked that was not known to be */
    char *trouble; /* of marking it; NULL: none */
};

/* Begin; the time that the message has runs from now. `timeout_ms` 0: what the settings grant.
 * STORE_OK or STORE_ERROR; then nothing needs revocation_end(). */
enum store_status revocation_begin(struct revocation *shared, time_t now, int timeout_ms,
                                   struct revocation_inquiry *out, char **why);
void revocation_end(struct revocation_inquiry *inquiry);

/* For open_request; of an inquiry that stays. Its `find` is NULL where the policy is "off". */
struct revocation_source revocation_source(struct revocation_inquiry *inquiry);

/* What is known of one certificate. */
struct revocation_check {
    enum signature_verdict chain; /* SIGNATURE_VALID, or why it is not judged: see chain_verify() */
    bool names_place;             /* it says where CRLs or OCSP answers are */
    enum revocation_state state;  /* of a valid chain */
    time_t revoked_at;            /* of REVOCATION_REVOKED */
    int reason;                   /* of REVOCATION_REVOKED: CRLReason */
    char *sentence;               /* unless valid and good */
    STACK_OF(X509) * certificates; /* the valid chain, leaf first; else NULL */
};

/* Check `certificate` for `use` with the help of `bundle` (may be NULL). With the policy "off" a
 * valid chain is REVOCATION_UNKNOWN. A certificate of the store that is found revoked is marked
 * there. SMIME_OK or SMIME_ERROR. */
enum smime_status revocation_check(struct revocation_inquiry *inquiry, X509 *certificate,
                                   STACK_OF(X509) * bundle, enum chain_use use,
                                   struct revocation_check *out, char **why);
void revocation_check_clear(struct revocation_check *check);

/* Which is so bad that mail is not encrypted to it: 1 revoked, 2 "hard" and not to be found out, 0
 * neither. Who names no place to ask, or chains to no anchor, is believed as he was imported. */
enum revocation_obstacle { OBSTACLE_NONE, OBSTACLE_REVOKED, OBSTACLE_UNKNOWN };
enum revocation_obstacle revocation_obstacle(const struct revocation_inquiry *inquiry,
                                             const struct revocation_check *check);

#endif
