/* The supervisor: starts one worker a socket, passes on what the administrator wants, and starts a
 * worker again that has died. */
#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include <stdbool.h>

#include "config.h"

struct supervisor_options {
    const char *config_path; /* absolute */
    const struct config *config;
    bool debug;
    bool background; /* let go of the terminal when all is served */
    int ready; /* written to and closed when all workers serve: whoever waits for it; -1: nobody */
};

/* Run until SIGTERM or SIGINT. Returns the process's exit status: non-zero when a worker could not
 * be started at first, or messages were left behind at the end. In a worker's process it returns
 * that worker's exit status. */
int supervisor_run(const struct supervisor_options *options);

#endif
