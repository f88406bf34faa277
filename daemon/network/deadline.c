/* Moments by the monotonic clock. */
#include "deadline.h"

#define MS_PER_S 1000L
#define NS_PER_MS 1000000L
#define NS_PER_S 1000000000L
#define US_PER_MS 1000L

struct deadline deadline_in_ms(long ms)
{
    struct deadline deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline.at);
    deadline.at.tv_sec += ms / MS_PER_S;
    deadline.at.tv_nsec += ms % MS_PER_S * NS_PER_MS;
    if (deadline.at.tv_nsec >= NS_PER_S) {
        deadline.at.tv_nsec -= NS_PER_S;
        deadline.at.tv_sec++;
    }
    return deadline;
}

long deadline_left_ms(const struct deadline *deadline)
{
    struct timespec now;
    long left;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left = (deadline->at.tv_sec - now.tv_sec) * MS_PER_S +
           (deadline->at.tv_nsec - now.tv_nsec) / NS_PER_MS;
    return left > 0 ? left : 0;
}

struct timeval deadline_left(const struct deadline *deadline, long most_ms)
{
    long left = deadline_left_ms(deadline);
    if (left > most_ms)
        left = most_ms;
    return (struct timeval){left / MS_PER_S, left % MS_PER_S * US_PER_MS};
}
