/* What is done about revocation while no message waits: CRLs are fetched anew before they run out,
 * and certificates in use are looked at again. */
#ifndef REVOCATION_REVOCATION_UPKEEP_H
#define REVOCATION_REVOCATION_UPKEEP_H

#include "revocation_inquiry.h"

/* Told of each place that was asked: `trouble` is NULL when it gave a CRL. */
typedef void place_listener(void *context, const char *url, const char *trouble);

struct refresh_result {
    size_t fetched;
    size_t failed;
};

/* Fetch the CRLs of places that messages have wanted: those that are due, or `all`. Ends at
 * `deadline`; what was not reached then comes first the next time. */
enum store_status revocation_refresh(struct revocation *revocation, bool all, time_t now,
                                     const struct deadline *deadline, place_listener *listener,
                                     void *context, struct refresh_result *out, char **why);

/* Fetch the CRL at `url`, which an administrator has named: any address will do. Its signer must be
 * an anchor, or chain to one with the help of the store and `helpers` (may be NULL). STORE_REFUSED
 * with a sentence when nothing good came. */
enum store_status revocation_fetch(struct revocation *revocation, const char *url,
                                   STACK_OF(X509) * helpers, time_t now,
                                   const struct deadline *deadline, char **why);

/* Told of each certificate whose state has changed: the sentence says how. `own`: one that a
 * mailbox signs with. */
typedef void recheck_listener(void *context, bool own, bool revoked, const char *sentence);

/* Look again at what mailboxes sign with and at what is on hold (asking the network unless
 * `offline`), and at others' public keys (by what the store has). What is found revoked is marked;
 * a mark is taken away when a hold is lifted. Ends at `deadline`. *after: where among the public
 * keys to go on; 0 first.
 */
enum store_status revocation_recheck(struct revocation *revocation, bool offline, time_t now,
                                     const struct deadline *deadline, int64_t *after,
                                     recheck_listener *listener, void *context, char **why);

#endif
