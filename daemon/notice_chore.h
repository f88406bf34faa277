/* The keeper's part in notices: what waits in the store is sent. */
#ifndef DAEMON_NOTICE_CHORE_H
#define DAEMON_NOTICE_CHORE_H

#include "gateway.h"

/* What is not begun in this time is done by the next run: with the last one, which may take
 * work_timeout_s, that is CHORE_MAX_S. */
#define NOTICE_CHORE_S 15
#define NOTICE_CHORE_INTERVAL_S 10
#define NOTICE_RETRY_MIN_S 60 /* between attempts; doubled up to */
#define NOTICE_RETRY_MAX_S 3600
#define NOTICE_GIVE_UP_S (5 * 24 * 60 * 60) /* to senders; to administrators never */
#define NOTICE_LEASE_MARGIN_S 15            /* beyond the time that a delivery may take */

/* A chore: send the notices that wait, or log them where the settings name no administrator. While
 * the mail server is away they stay, and are tried again. */
void notice_chore(struct gateway *gateway, time_t now);

#endif
