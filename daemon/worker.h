/* A worker: the process that serves one socket in one role. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stddef.h>

#include "config.h"

/* What the supervisor writes to a worker, one byte each. The end of the connection means stop. */
#define WORKER_RELOAD 'R'
#define WORKER_STOP 'T'
/* What a worker writes when its socket is open and it serves. */
#define WORKER_READY 'K'

struct worker_options {
    const char *config_path;
    const struct config *config; /* the socket, user and group come from here, for good */
    size_t socket_index;
    int control; /* connected to the supervisor */
    bool debug;
    bool background; /* let go of the terminal when serving */
};

/* Serve until told to stop. Returns the process's exit status: 0 after a stop with no message left
 * behind. Never returns while messages are in hand, but for the shutdown time-out. */
int worker_run(const struct worker_options *options);

#endif
