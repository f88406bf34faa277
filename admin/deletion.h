/* Deleting or changing several things by their ids. */
#ifndef ADMIN_DELETION_H
#define ADMIN_DELETION_H

#include "context.h"

typedef enum store_status delete_function(struct store *store, int64_t id, char **why);

/* Delete what the words of the command name; what cannot be deleted is told, and the rest goes on.
 * `advice` says where the ids are found. Returns an exit code. */
int delete_by_ids(struct context *context, delete_function *function, const char *advice);

/* The same for a change that has to know the time. */
typedef enum store_status dated_function(struct store *store, int64_t id, time_t now, char **why);
int change_by_ids(struct context *context, dated_function *function, const char *advice);

#endif
