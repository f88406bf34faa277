/* How much time passes: a clock that nobody sets. */
#ifndef DAEMON_MONOTONIC_H
#define DAEMON_MONOTONIC_H

#include <time.h>

/* CLOCK_MONOTONIC in seconds. */
time_t monotonic_s(void);

#endif
