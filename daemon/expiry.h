/* Warnings in the log before certificates of ours run out. */
#ifndef DAEMON_EXPIRY_H
#define DAEMON_EXPIRY_H

#include <time.h>

#include "gateway.h"

#define EXPIRY_WARN_DAYS 30

/* A chore: one line for each certificate that signs for a mailbox, and each own trust anchor, that
 * has run out or does so within EXPIRY_WARN_DAYS. */
void expiry_warn(struct gateway *gateway, time_t now);

#endif
