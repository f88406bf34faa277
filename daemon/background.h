/* Going into the background, so that the command returns only when the daemon serves. */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

#include <stdbool.h>

/* Fork. In the daemon's process: 0, and *ready_out is where a byte must be written when it serves.
 * In the first process: 1 when the daemon serves, -1 when it has ended before (it has said why). */
int background_enter(int *ready_out);

/* Standard input and output go to /dev/null; standard error too unless it is the log. */
void background_detach(bool keep_stderr);

#endif
