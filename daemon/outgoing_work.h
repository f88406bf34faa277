/* Carrying out the transform of one group of an outgoing message. */
#ifndef DAEMON_OUTGOING_WORK_H
#define DAEMON_OUTGOING_WORK_H

#include <time.h>

#include "gateway.h"
#include "outcome.h"
#include "transaction.h"

/* Sign and encrypt the message of `transaction` for the members of `group`; fills action, edits and
 * body of *out, or its reply when the message is too large for what comes after. 0, or -1 for an
 * error of ours (*why). */
int outgoing_work(struct gateway *gateway, const struct transaction *transaction,
                  const struct group *group, const struct identity *identity, time_t now,
                  const struct smime_progress *progress, struct outcome *out, char **why);

#endif
