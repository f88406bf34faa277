/* The way of a message, without a milter: the decision at RCPT and the work at end of message
 * (DESIGN sections 2 to 5 and 7). The daemon and `smimectl process` use the same functions. */
#ifndef DAEMON_FLOW_H
#define DAEMON_FLOW_H

#include <time.h>

#include "gateway.h"
#include "outcome.h"
#include "transaction.h"

/* Once, when the envelope sender is known: refresh the store's caches. Returns 0, or -1 with
 * reply_out set (451). */
int flow_sender(struct gateway *gateway, struct transaction *transaction, struct reply *reply_out,
                char **why);

/* Judge the last recipient of `transaction` at RCPT, as far as it can be without From: fills its
 * direction, decision and transform. Returns 0 when it stays; -1 with *reply_out set when the MTA
 * must be told no (452 4.5.3 where its plan differs from the first one's, 451 for an error of
 * ours); the caller then removes it. Never -1 for role `local` but for errors of ours. */
int flow_recipient(struct gateway *gateway, struct transaction *transaction, time_t now,
                   struct reply *reply_out, char **why);

/* Do the work. Errors of ours become FLOW_REPLY 451; never fails otherwise. Also fills the
 * recipients' direction, decision, transform. */
void flow_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                  const struct smime_progress *progress, struct outcome *out);

#endif
