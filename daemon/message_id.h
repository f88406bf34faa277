/* New values for Message-ID fields (RFC 5322 section 3.6.4). */
#ifndef DAEMON_MESSAGE_ID_H
#define DAEMON_MESSAGE_ID_H

/* A random one of `host`, without angle brackets: a new string (free()), NULL when out of memory or
 * randomness. */
char *message_id_new(const char *host);

#endif
