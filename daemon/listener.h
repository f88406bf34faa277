/* The listening socket around its opening by libmilter: what stands in the way, who may connect,
 * and its end. */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include <stdbool.h>

#include <sys/types.h>

#include "settings.h"

/* The socket file that this process made, so that nobody else's is ever removed. */
struct listener {
    char *path; /* NULL: not a Unix socket */
    dev_t device;
    ino_t inode;
};

/* Path of the Unix socket in `address` ("unix:/path", "local:/path"); NULL for TCP. */
const char *listener_path(const char *address);

/* Before the socket is opened: its directory must exist and be writable; a socket file that nobody
 * listens on any more is removed, anything else there is a mistake. Returns 0, -1 with a sentence
 * that says how to make the directory for the user of `settings`. */
int listener_prepare(const struct settings *settings, const struct socket_setting *setting,
                     char **why);

/* After it was opened. A Unix socket gets its mode and its group, and belongs to whom the process
 * becomes by the user and group of `settings`. TCP gets TCP_NODELAY, because a milter's answers are
 * small writes and wait 40 ms for each other without it (accepted connections inherit it). */
int listener_finish(const struct settings *settings, const struct socket_setting *setting,
                    struct listener *out, char **why);

/* Remove the socket file if it is still ours. */
void listener_remove(struct listener *listener);

/* Can the socket be made, as far as can be told without making it? For `smimed -t`. */
int listener_check(const struct settings *settings, const struct socket_setting *setting,
                   char **why);

#endif
