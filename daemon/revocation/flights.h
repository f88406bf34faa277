/* One at a time: what one thread is fetching, others wait for. */
#ifndef REVOCATION_FLIGHTS_H
#define REVOCATION_FLIGHTS_H

#include "deadline.h"

struct flights;

struct flights *flights_new(void); /* NULL when out of memory */
void flights_free(struct flights **flights);

enum flight {
    FLIGHT_OURS,  /* fetch it, then flights_end() */
    FLIGHT_DONE,  /* somebody else did: look again at what there is now */
    FLIGHT_LATE,  /* somebody else does, and our time is up */
    FLIGHT_ERROR, /* out of memory */
};

/* `what` names what is to be fetched. */
enum flight flights_begin(struct flights *flights, const char *what,
                          const struct deadline *deadline);
void flights_end(struct flights *flights, const char *what);

#endif
