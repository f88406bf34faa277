/* TLS on the hop by which a message comes in, where a rule demands it. */
#ifndef DAEMON_TRANSPORT_H
#define DAEMON_TRANSPORT_H

#include "gateway.h"
#include "transaction.h"

/* Does a rule for this pair (both canonical; `external` "" for a sender without a name of his own)
 * demand TLS, and the message came without? Programs on this machine (role local) come by no hop.
 */
bool transport_is_missing(const struct gateway *gateway, const struct transaction *transaction,
                          const char *managed, const char *external);

/* The reply for such a recipient: 530 5.7.0, as RFC 3207 section 4 has it. */
void transport_refuse(struct recipient *recipient);

#endif
