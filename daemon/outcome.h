/* Building a struct outcome (flow.h); for the files of the flow only. */
#ifndef DAEMON_OUTCOME_H
#define DAEMON_OUTCOME_H

#include "flow.h"

/* Append an edit; `value` may be NULL for EDIT_DELETE. Returns 0, -1 out of memory. */
int outcome_edit(struct outcome *outcome, enum edit_kind kind, const char *name, size_t index,
                 const char *value);

/* The edits that replace MIME-Version and the content fields of `before` by those of `after`.
 * Returns 0, -1 out of memory. */
int outcome_replace_content(struct outcome *outcome, const struct header *before,
                            const struct header *after);

/* An error of ours: 451; takes *cause over for the log. */
void outcome_defer(struct outcome *outcome, char **cause);

#endif
