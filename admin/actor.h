/* Who runs smimectl, for the audit trail. */
#ifndef ADMIN_ACTOR_H
#define ADMIN_ACTOR_H

#include "arguments.h"
#include "store.h"

/* Make the user of this process and the words of the command line the actor of all changes through
 * `store`. Returns 0, or -1 told. */
int actor_set(const struct arguments *arguments, struct store *store);

#endif
