/* Public keys that are known to be revoked. Internal to store/. */
#ifndef STORE_REVOKED_H
#define STORE_REVOKED_H

#include "sql.h"

/* What is known of the newest revoked key of `address` that would be valid at `now`: a new string.
 * STORE_NONE: there is none. */
enum store_status revoked_key(struct sql *sql, const char *address, time_t now, char **out,
                              char **why);

#endif
