/* The time that the work at end of message may take. */
#include "work_timer.h"

/* Well below the shortest time-out of an MTA's milter client (Sendmail: 10 s for a read). */
#define REPORT_EVERY_MS 3000

void work_timer_start(struct work_timer *timer, int limit_s, int (*report)(void *context),
                      void *context)
{
    clock_gettime(CLOCK_MONOTONIC, &timer->start);
    timer->limit_ms = (long)limit_s * 1000;
    timer->next_report_ms = REPORT_EVERY_MS;
    timer->report = report;
    timer->context = context;
}

long work_timer_elapsed_ms(const struct work_timer *timer)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - timer->start.tv_sec) * 1000 +
           (now.tv_nsec - timer->start.tv_nsec) / 1000000;
}

void work_timer_extend(void *context, long ms)
{
    struct work_timer *timer = context;
    long limit_ms = work_timer_elapsed_ms(timer) + ms;

    if (limit_ms > timer->limit_ms)
        timer->limit_ms = limit_ms;
}

int work_timer_tick(void *context)
{
    struct work_timer *timer = context;
    long elapsed_ms = work_timer_elapsed_ms(timer);

    if (elapsed_ms >= timer->limit_ms)
        return -1;
    if (elapsed_ms < timer->next_report_ms || !timer->report)
        return 0;
    timer->next_report_ms = elapsed_ms + REPORT_EVERY_MS;
    return timer->report(timer->context);
}
