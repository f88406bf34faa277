/* Mail that postmasters leave unsigned: invitations, mail of programs, and of senders named in the
 * configuration. */
#ifndef DAEMON_UNSIGNED_MAIL_H
#define DAEMON_UNSIGNED_MAIL_H

#include <stdbool.h>

#include "gateway.h"
#include "transaction.h"

/* Is this message, written by `from` (canonical, may be NULL), left unsigned where no rule forces a
 * signature? Returns 1 with *reason_out set to one sentence (not to be freed), 0, or -1 for an
 * error of ours (*why). */
int unsigned_mail(const struct gateway *gateway, const struct transaction *transaction,
                  const char *from, const struct smime_progress *progress, const char **reason_out,
                  char **why);

/* Says Auto-Submitted that a program sent it (RFC 3834 section 5)? */
bool is_auto_submitted(const struct header *header);

#endif
