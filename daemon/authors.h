/* The authors of a message: whose rules it has to obey. */
#ifndef DAEMON_AUTHORS_H
#define DAEMON_AUTHORS_H

#include "mailboxes.h"
#include "outcome.h"

/* The one author that From names; where From cannot be trusted all whom some program may show as
 * the author, so that nobody escapes a rule by writing his From badly. Returns 0 with *out filled
 * (mailboxes_clear(); none where there is no From), 1 when such a From is too long to be looked at,
 * -1 out of memory. */
int authors_find(const struct header *header, struct mailboxes *out);

/* The reply to a message of which authors_find() said 1. */
void authors_refuse(struct outcome *out);

#endif
