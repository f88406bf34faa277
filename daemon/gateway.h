/* What messages are judged by: one configuration and the store, shared by the messages that began
 * under it. */
#ifndef DAEMON_GATEWAY_H
#define DAEMON_GATEWAY_H

#include <stdbool.h>

#include "config.h"
#include "entity.h"
#include "revocation_inquiry.h"
#include "spool.h"
#include "store.h"

struct gateway {
    struct config *config;
    struct store *store;
    struct revocation *revocation;
    struct spool_options spool;
};

/* Load the configuration and open the store. NULL with every mistake in *problems. */
struct gateway *gateway_open(const char *config_path, struct problems *problems);

/* The same from a configuration already loaded (taken over, also on failure). */
struct gateway *gateway_new(struct config *config, struct problems *problems);

/* Is this canonical address in a managed domain? */
bool gateway_is_managed(const struct gateway *gateway, const char *canonical);

/* The ceilings of the configuration, as the S/MIME functions take them. */
void gateway_limits(const struct gateway *gateway, struct smime_limits *out);

/* References are counted (thread-safe); the last gateway_release() closes the store. */
struct gateway *gateway_hold(struct gateway *gateway);
void gateway_release(struct gateway **gateway);

/* Does the store know a mailbox of this very address? Then nothing in it is a tag. 1 yes, 0 no, -1
 * an error of ours (*why). */
int gateway_has_mailbox(const struct gateway *gateway, const char *address, char **why);

#endif
