/* Load on a running smimed: messages through its socket, on several connections at once. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stddef.h>

/* What is sent, and what has to come back: a field of the result and a text in it. */
struct load {
    const char *socket_name;
    const char *from;
    const char *to;
    const char *login; /* NULL: not authenticated */
    const char *text;
    size_t length;
    const char *field;
    const char *wanted;
};

struct load_limits {
    size_t connections;
    long messages;       /* at most, in all */
    double seconds;      /* no new message after that */
    long per_connection; /* reconnect after so many; 0: never */
};

/* Send. Returns the number of messages, *seconds_out is how long they took; -1 after saying on
 * standard error what went wrong: a lost connection, a refusal, a result that is not what it should
 * be. */
long load_run(const struct load *load, const struct load_limits *limits, double *seconds_out);

double load_now_s(void); /* monotonic */

#endif
