/* What has to be done from time to time, whether mail comes or not.
 *
 * The keeper (keeper.h) does these things one after the other, in a process of its own: they may
 * take their time, and ask the network, without a message waiting for them. */
#ifndef DAEMON_CHORES_H
#define DAEMON_CHORES_H

#include <stddef.h>
#include <time.h>

#include "gateway.h"

struct chore {
    const char *name; /* for the log */
    int interval_s; /* between the end of one run and the next; the first is soon after the start */
    /* Says what it did and what went wrong by log_line(), under the id KEEPER_LOG_ID. The store
     * has been refreshed. To end within CHORE_MAX_S, so that a reload or the end is not held up. */
    void (*run)(struct gateway *gateway, time_t now);
};

#define KEEPER_LOG_ID "keeper"
#define CHORE_MAX_S 60

extern const struct chore chores[];
extern const size_t chore_count;

#endif
