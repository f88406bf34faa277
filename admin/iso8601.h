/* Dates as ISO 8601 writes them, always UTC. */
#ifndef ADMIN_ISO8601_H
#define ADMIN_ISO8601_H

#include <time.h>

#define ISO8601_BYTES 32 /* of a formatted date with its NUL */

/* "2026-01-02T03:04:05Z" */
void iso8601_time(time_t time, char out[ISO8601_BYTES]);

/* "2026-01-02" */
void iso8601_date(time_t time, char out[ISO8601_BYTES]);

/* Read "2026-01-02T03:04:05Z", "2026-01-02T03:04Z", "2026-01-02" (its midnight) or seconds since
 * 1970. Returns 0, or -1 when it is none of them or no such day or time exists. */
int iso8601_read(const char *text, time_t *out);

#endif
