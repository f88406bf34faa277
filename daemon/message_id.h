/* Message-ID fields (RFC 5322 section 3.6.4). */
#ifndef DAEMON_MESSAGE_ID_H
#define DAEMON_MESSAGE_ID_H

#include "entity.h"
#include "store.h"

/* A random one of `host`, without angle brackets: a new string (free()), NULL when out of memory or
 * randomness. */
char *message_id_new(const char *host);

/* The identifier of a message, with its angle brackets, for fields that name it: what the sender
 * has put there counts only where it is one. NULL where there is none, or when out of memory. */
char *message_id_named(const struct header *header);

/* One for a message that has none, which is the same when its client hands it in once more: it
 * follows from From, To, Cc, Date, Subject and the body, and from a key of the store's, so that
 * nobody can tell from it what the message says. Of a message without a Date it is a random one:
 * two of the same text may be two then. NULL with a sentence. */
char *message_id_of(const struct store *store, const struct entity *message, const char *host,
                    char **why);

#endif
