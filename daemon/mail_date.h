/* Dates in mail (RFC 5322 section 3.3). */
#ifndef DAEMON_MAIL_DATE_H
#define DAEMON_MAIL_DATE_H

#include <time.h>

#define MAIL_DATE_BYTES 48

/* "Sun, 22 Nov 2026 02:36:35 +0000", whatever the locale says. */
void mail_date(time_t when, char out[MAIL_DATE_BYTES]);

#endif
