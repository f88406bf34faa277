/* What the files of the flow share; see flow.h for the whole. */
#ifndef DAEMON_FLOW_PARTS_H
#define DAEMON_FLOW_PARTS_H

#include <time.h>

#include "gateway.h"
#include "outcome.h"
#include "transaction.h"

/* Direction, decision and transform of one recipient, as far as known at RCPT. 0, or -1 for an
 * error of ours. */
int outgoing_expect(struct gateway *gateway, struct transaction *transaction,
                    struct recipient *recipient, time_t now, char **why);
void incoming_expect(struct gateway *gateway, const struct transaction *transaction,
                     struct recipient *recipient);

/* Refuse at RCPT what no content could satisfy: encryption is demanded, and there is no key for it.
 * 0; 1 with recipient->reply set; -1 for an error of ours. */
int incoming_refuse_early(struct gateway *gateway, const struct transaction *transaction,
                          struct recipient *recipient, char **why);

/* The work at end of message. 0 with *out filled, -1 for an error of ours (*why; *out may be half
 * filled). */
int outgoing_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                     const struct smime_progress *progress, struct outcome *out, char **why);
int incoming_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                     const struct smime_progress *progress, struct outcome *out, char **why);

#endif
