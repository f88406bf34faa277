/* The copies that a message is split into (DESIGN section 3). */
#ifndef DAEMON_COPIES_H
#define DAEMON_COPIES_H

#include <stdbool.h>
#include <time.h>

#include "gateway.h"
#include "outcome.h"
#include "transaction.h"

/* May a message be split? Else every recipient of it must get the same. */
bool copies_allowed(const struct gateway *gateway);

/* Hand all copies of `outcome` to the MTA, and a report to the sender on the recipients that are
 * refused (report.h), `id` being the queue id of the message in hand. A missing Message-ID is added
 * to all of them, and to the edits of `outcome`. Nothing is done where there are no copies. When
 * not all could be handed over, `outcome` becomes FLOW_REPLY: 451, or 550 when one was refused for
 * good; its cause says more. */
void copies_hand_over(const struct gateway *gateway, const struct transaction *transaction,
                      const char *id, time_t now, const struct smime_progress *progress,
                      struct outcome *outcome);

#endif
