/* The milter protocol, spoken by libmilter: one socket a process. */
#ifndef DAEMON_MILTER_H
#define DAEMON_MILTER_H

#include "service.h"

/* Register with libmilter and open the listening socket `address` ("unix:/path", "inet:port@host",
 * "inet6:port@host"). Once in a process. Returns 0, -1 with a sentence. */
int milter_open(const char *address, char **why);

/* Serve connections with `service`, until libmilter gives up; does not return in regular
 * operation. To be called in a thread of its own; it blocks SIGHUP, SIGINT and SIGTERM there.
 * Returns -1. */
int milter_run(struct service *service);

#endif
