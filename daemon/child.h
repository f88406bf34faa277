/* What the processes that the supervisor starts have in common: workers and the keeper. */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway.h"

/* What the supervisor writes to a child, one byte each. The end of the connection means stop. */
#define CHILD_RELOAD 'R'
#define CHILD_STOP 'T'
/* What a child writes when it does its work. */
#define CHILD_READY 'K'

struct child_options {
    const char *config_path;
    const struct config *config; /* the sockets, user and group come from here, for good */
    size_t socket_index;         /* of a worker */
    int control;                 /* connected to the supervisor */
    bool debug;
    bool background; /* let go of the terminal when ready */
};

/* What the administrator wants comes from the supervisor, also when a terminal or a service manager
 * signals all processes at once. */
void child_ignore_signals(void);

/* Configuration and store; NULL after all that is wrong was logged under `name`. */
struct gateway *child_open_gateway(const struct child_options *options, const char *name);

/* Tell the supervisor, and let go of the terminal. */
void child_announce(const struct child_options *options, const char *name);

/* Obey the supervisor until told to stop; its end means stop. */
void child_obey(const struct child_options *options, void (*reload)(void *context), void *context);

#endif
