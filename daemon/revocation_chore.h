/* The keeper's part in revocation. */
#ifndef DAEMON_REVOCATION_CHORE_H
#define DAEMON_REVOCATION_CHORE_H

#include "gateway.h"

#define REVOCATION_CHORE_INTERVAL_S (15 * 60)

/* Fetch CRLs before they run out, and look again at the certificates in use; a certificate of ours
 * that was revoked is an error in the log. For struct chore. */
void revocation_chore(struct gateway *gateway, time_t now);

#endif
