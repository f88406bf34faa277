/* Log lines to standard error or syslog, one line an event.
 *
 * Every line carries an id: the queue id of a message, before there is one its session's id, and
 * the name of the process's part ("supervisor", "worker-1") for what concerns no message. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "settings.h"

/* To be called before there are threads, and by one thread at a time afterwards. `debug` raises the
 * level to debug whatever the settings say. */
void log_configure(enum log_target target, enum log_level level, bool debug);

/* While on, errors go to standard error too when the target is syslog: whoever starts the daemon is
 * still watching. On at first. */
void log_mirror_errors(bool on);

/* Write one line. Control characters, backslashes and bytes that are not ASCII are escaped. Safe to
 * call from any thread. */
void log_line(enum log_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Would a line of this level be written? */
bool log_enabled(enum log_level level);

/* `text` with its control characters, backslashes, double quotes and non-ASCII bytes escaped, as
 * log_line() writes it, in a new string (free()); NULL when out of memory. */
char *log_escape(const char *text);

#endif
