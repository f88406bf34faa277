/* A message as `rules explain` looks at it: who wrote it, and what would become of it. Nothing is
 * learned from it, and nothing goes on. */
#ifndef ADMIN_MESSAGE_TRIAL_H
#define ADMIN_MESSAGE_TRIAL_H

#include "context.h"
#include "process_run.h"

struct message_trial {
    struct gateway *gateway;
    int descriptor;
    char *author;        /* the From mailbox, canonical; NULL: there is not exactly one */
    char *author_reason; /* then: why */
};

/* Open the message in the file `path` and read who wrote it. Returns 0 with *out filled, -1 told;
 * message_trial_clear() either way. */
int message_trial_open(const struct context *context, const char *path, struct message_trial *out);

/* Treat it as if it came in by `role`. Returns 0 with *result filled, -1 told;
 * process_result_clear() either way. */
int message_trial_run(struct message_trial *trial, const struct context *context, enum role role,
                      const char *from, const char *to, struct process_result *result);
void message_trial_clear(struct message_trial *trial);

#endif
