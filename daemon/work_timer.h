/* The time that the work at end of message may take (DESIGN section 3), and the signs of life
 * meanwhile. */
#ifndef DAEMON_WORK_TIMER_H
#define DAEMON_WORK_TIMER_H

#include <time.h>

#include "entity.h"

struct work_timer {
    struct timespec start;
    long limit_ms;
    long next_report_ms;
    int (*report)(void *context); /* tell the MTA that we are alive: 0, or -1 when it is gone */
    void *context;
};

void work_timer_start(struct work_timer *timer, int limit_s, int (*report)(void *context),
                      void *context);

/* For smime_progress: non-zero when the time is up or the MTA has gone. `context` is the timer. */
int work_timer_tick(void *context);

/* Likewise: the time is up `ms` milliseconds from now, if it was not to be later. */
void work_timer_extend(void *context, long ms);

long work_timer_elapsed_ms(const struct work_timer *timer);

#endif
