/* Notices as rows of the database. Internal to store/.
 *
 * All are called inside a transaction that writes. */
#ifndef STORE_NOTICE_ROWS_H
#define STORE_NOTICE_ROWS_H

#include "handle.h"
#include "notice.h"

/* Note it, as store_notice_put() does. */
enum store_status notice_put(struct sql *sql, const struct notice_note *note, bool *added_out,
                             char **why);

/* Does the administrator not know of this change because he makes it himself, with a command? */
bool notice_is_news(const struct store *store);

/* A mailbox's certificate has come from a CA, or will not come: from its enrolment, which still is
 * there. `error`: why not; NULL: it has come. */
enum store_status notice_of_enrolment(struct store *store, int64_t mailbox, const char *error,
                                      char **why);

/* A certificate was learned from signed mail, or `held` for approval as mail of `address` brought
 * it. What was learned is told where it is no successor of what there was: where the store has
 * other certificates for one of `addresses` that are valid at `now` and not known to be revoked,
 * and none of them has the same key, or is of the same issuer and runs out within NOTICE_RENEWAL_S.
 */
struct cert_addresses;
enum store_status notice_of_learned(struct sql *sql, X509 *certificate,
                                    const struct cert_addresses *addresses, time_t now, char **why);
enum store_status notice_of_held(struct sql *sql, X509 *certificate, const char *address,
                                 time_t now, char **why);
#define NOTICE_RENEWAL_S (60 * 24 * 60 * 60)

/* The row of a notice, in the order of NOTICE_COLUMNS, appended to the list. */
#define NOTICE_COLUMNS                                                                             \
    "SELECT n.id, n.kind, n.recipient, n.object, n.detail, n.fingerprint, n.reference,"            \
    " n.expires, n.noted, n.superseded, m.state, m.done, m.next_attempt, m.failures, m.error"      \
    " FROM notice n LEFT JOIN notice_mail m ON m.id = n.mail "
enum store_status notice_push(void *list, sqlite3_stmt *row, char **why);

#endif
