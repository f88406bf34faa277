/* The key and certificate that sign as an author. */
#ifndef DAEMON_SIGNING_IDENTITY_H
#define DAEMON_SIGNING_IDENTITY_H

#include <time.h>

#include "store.h"

/* As store_signing_identity(), and STORE_NONE too where the certificate of the mailbox does not
 * name `address`, one of its further addresses perhaps (RFC 8550 section 3): *why says so. */
enum store_status signing_identity_find(struct store *store, const char *address, time_t now,
                                        struct identity *out, char **why);

#endif
