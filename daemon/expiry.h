/* Certificates of ours that run out: warnings in the log, and notices to the administrator. */
#ifndef DAEMON_EXPIRY_H
#define DAEMON_EXPIRY_H

#include <time.h>

#include "gateway.h"

#define EXPIRY_WARN_DAYS 30
/* Of a certificate that smimed renews by itself nobody need hear before: when that fails for good,
 * there is a notice of its own. */
#define EXPIRY_RENEWAL_DAYS 7
#define EXPIRY_NOTICE_INTERVAL_S 3600

/* A chore: one line for each certificate that signs for a mailbox, each own trust anchor, the CA of
 * one's own that issues, and what the settings name to prove ourselves to CAs, that has run out or
 * does so within EXPIRY_WARN_DAYS. */
void expiry_warn(struct gateway *gateway, time_t now);

/* A chore: note for the administrator which of these run out within the days of expiry_notice_days,
 * each once for the least of them that it has come to, and once when it has run out. */
void expiry_note(struct gateway *gateway, time_t now);

#endif
