/* A moment until which a work over the network has to be done, by the clock that nobody sets. */
#ifndef NETWORK_DEADLINE_H
#define NETWORK_DEADLINE_H

#include <sys/time.h>
#include <time.h>

struct deadline {
    struct timespec at; /* CLOCK_MONOTONIC */
};

struct deadline deadline_in_ms(long ms);

/* Milliseconds that are left, 0 when it is past. */
long deadline_left_ms(const struct deadline *deadline);

/* What is left of it, and at most `most_ms`. */
struct timeval deadline_left(const struct deadline *deadline, long most_ms);

#endif
