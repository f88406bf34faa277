/* Delivery status notifications: reports to a sender about recipients who are refused while others
 * get their mail (RFC 3464, RFC 6522; RFC 6533 for addresses beyond ASCII). */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include <time.h>

#include "gateway.h"
#include "plan.h"
#include "transaction.h"

#define REPORT_MAX_HEADER_BYTES 65536 /* of the message's header that is returned */

/* May the sender be told of refused recipients by a report, so that the others get their mail? Not
 * the null sender; a stranger only where the MTA's own Authentication-Results say that the address
 * is his, for reports to forged senders are spam. 1, 0, or -1 when out of memory. */
int report_allowed(const struct gateway *gateway, const struct transaction *transaction);

/* Does the sender want to hear of this refused recipient (RFC 3461 section 4.1)? */
bool report_wanted(const struct recipient *recipient);

/* A report on the recipients `members` of `transaction`, each with his reply set, for its envelope
 * sender; `id` is the queue id. What is returned of the message is its header, never text. *out is
 * a message of 7-bit lines (entity_clear()). Returns 0, -1 for an error of ours (*why). */
int report_make(const struct gateway *gateway, const struct transaction *transaction,
                const size_t *members, size_t count, const char *id, time_t now, struct entity *out,
                char **why);

#endif
