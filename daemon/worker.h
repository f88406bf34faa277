/* A worker: the process that serves one socket in one role. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "child.h"

/* Serve until told to stop. Returns the process's exit status: 0 after a stop with no message left
 * behind. Never returns while messages are in hand, but for the shutdown time-out. */
int worker_run(const struct child_options *options);

#endif
