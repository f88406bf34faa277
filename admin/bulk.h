/* A run over many things: progress while it lasts, each failure told, counts at the end. */
#ifndef ADMIN_BULK_H
#define ADMIN_BULK_H

#include <stddef.h>

#include "context.h"

struct bulk;

/* `outcomes` names what may become of a thing ("activated", "unchanged"), NULL at the end, and
 * `failure` what is counted as that ("failed"); `file` (may be NULL) is where the things stand. All
 * must outlive the run. `total` is how many there are. NULL told. */
struct bulk *bulk_new(const struct context *context, const char *const *outcomes,
                      const char *failure, const char *file, size_t total);

/* One more is done. */
void bulk_count(struct bulk *bulk, size_t outcome);

/* One more failed: "FILE:LINE: OBJECT: REASON" on standard error. `line` 0: none; `object` may be
 * NULL. */
void bulk_fail(struct bulk *bulk, size_t line, const char *object, const char *reason);

/* Something noteworthy about `object` that is no failure. */
void bulk_note(struct bulk *bulk, const char *object, const char *sentence);

/* A list for the end of the report: `key` in JSON, `title` for people. */
void bulk_list(struct bulk *bulk, const char *key, const char *title, const char *const *items,
               size_t count);

/* Write the counts to standard output, and the lists: as lines, or as JSON with every failure.
 * Returns an exit code. */
int bulk_finish(struct bulk **bulk);

/* Without a report. Accepts NULL. */
void bulk_free(struct bulk **bulk);

#endif
