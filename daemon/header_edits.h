/* The edits that header protection makes: hiding fields of what goes out encrypted, restoring those
 * of what came in (RFC 9788). */
#ifndef DAEMON_HEADER_EDITS_H
#define DAEMON_HEADER_EDITS_H

#include "outcome.h"
#include "protection.h"
#include "settings.h"
#include "transaction.h"

/* Hide the fields of `header` that the policy does not let be seen. Comes after the edits that
 * change these fields otherwise. Returns 0, -1 out of memory. */
int header_edits_hide(enum confidentiality policy, const struct header *header,
                      struct outcome *outcome);

/* Was the message to be encrypted for anybody, and part of its header to be hidden with it? Then
 * nothing that we write in the clear may tell of it. */
bool header_edits_hides(const struct settings *settings, const struct transaction *transaction);

/* Replace the fields of `header` as `restored` says. Returns 0, -1 out of memory. */
int header_edits_restore(const struct restored *restored, const struct header *header,
                         struct outcome *outcome);

#endif
