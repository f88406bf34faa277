/* Subject tags of incoming mail (DESIGN section 5). */
#ifndef DAEMON_SUBJECT_TAGS_H
#define DAEMON_SUBJECT_TAGS_H

#include "outcome.h"
#include "settings.h"

/* Edits that write the verdict of outcome->opened into the subject, after all tags have been taken
 * out of every Subject field that a stranger wrote: the configured ones and those that are shipped.
 * `doubtful`: it is to be said that decrypted text could have been altered on its way. 0, -1 out of
 * memory. */
int subject_tags_add(const struct settings *settings, const struct header *header, bool doubtful,
                     struct outcome *outcome);

#endif
