/* What became of the messages, counted: what an administrator watches over weeks, where the log has
 * a line a message. */
#ifndef DAEMON_COUNTERS_H
#define DAEMON_COUNTERS_H

#include <stdatomic.h>

#include "outcome.h"

struct counters {
    atomic_ulong messages; /* that came to their end; all others are parts of it */
    atomic_ulong copies;   /* handed over beside them */
    atomic_ulong reported; /* groups of recipients refused by a report */
    atomic_ulong refused;
    atomic_ulong deferred;
    atomic_ulong is_signed;
    atomic_ulong encrypted;
    atomic_ulong not_signed; /* a signature was due, and could not be made */
    atomic_ulong decrypted;
    atomic_ulong not_decrypted;
    atomic_ulong verified; /* signatures: valid, and any other verdict but none */
    atomic_ulong not_verified;
};

/* Count one message; `applied` is false when the MTA did not take its result. From any thread. */
void counters_add(struct counters *counters, const struct outcome *outcome, bool applied);

/* Count one copy that was handed over, or group of recipients that was refused by a report. */
void counters_add_copy(struct counters *counters, const struct outcome *outcome);

/* "messages=12 refused=0 ...": a new string (free()), NULL when out of memory. */
char *counters_text(struct counters *counters);

#endif
