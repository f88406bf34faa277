/* Message-ID fields (RFC 5322 section 3.6.4). */
#ifndef DAEMON_MESSAGE_ID_H
#define DAEMON_MESSAGE_ID_H

#include "header.h"

/* A random one of `host`, without angle brackets: a new string (free()), NULL when out of memory or
 * randomness. */
char *message_id_new(const char *host);

/* The identifier of a message, with its angle brackets, for fields that name it: what the sender
 * has put there counts only where it is one. NULL where there is none, or when out of memory. */
char *message_id_of(const struct header *header);

#endif
