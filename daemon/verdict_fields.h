/* What a reader is told of an incoming message (DESIGN section 5; RFC 8601, RFC 7281). */
#ifndef DAEMON_VERDICT_FIELDS_H
#define DAEMON_VERDICT_FIELDS_H

#include "outcome.h"
#include "settings.h"

/* Edits that take away what a stranger wrote in our name: X-Smimed and X-Smimed-* fields, and the
 * smime results of Authentication-Results fields under our authserv-id. 0, -1 out of memory (*why).
 */
int verdict_fields_strip(const struct settings *settings, const struct header *header,
                         struct outcome *outcome, char **why);

/* Edits that add the verdict of outcome->opened and what is restored of a protected header, and the
 * subject tags where configured. `header` is the message's as the edits before have made it, as far
 * as its Subject goes. Tags that a stranger wrote are taken off first. 0, -1 out of memory (*why).
 */
int verdict_fields_add(const struct settings *settings, const struct header *header,
                       struct outcome *outcome, char **why);

#endif
