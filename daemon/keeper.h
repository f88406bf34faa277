/* The keeper: the process that does the chores (chores.h). */
#ifndef DAEMON_KEEPER_H
#define DAEMON_KEEPER_H

#include "child.h"

/* Do what is due until told to stop; a reload makes everything due. Returns the process's exit
 * status. */
int keeper_run(const struct child_options *options);

#endif
