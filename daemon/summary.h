/* What was found on a message, in a person's words and in front of it. */
#ifndef DAEMON_SUMMARY_H
#define DAEMON_SUMMARY_H

#include "gateway.h"
#include "outcome.h"

/* Put the summary in front of what is delivered of outcome->opened, where that holds no S/MIME any
 * more; all else stays as it is. Anybody can write such a text into a message of his own: it is a
 * convenience, the header fields are the proof. Returns 0, -1 with *why for an error of ours. */
int summary_add(const struct gateway *gateway, struct outcome *outcome, char **why);

/* Read the text of the file `path` ("": the one that is built in). A new string (free()); NULL with
 * *why. */
char *summary_load(const char *path, char **why);

#endif
