/* Telling a running smimed to read its configuration again. */
#ifndef ADMIN_DAEMON_RELOAD_H
#define ADMIN_DAEMON_RELOAD_H

#include <sys/types.h>

/* Send SIGHUP to the daemon whose pid file this is ("" or NULL: none). Returns its process id; 0
 * with *why where none runs that can be told so; -1 with *why where it cannot be told. */
pid_t daemon_reload(const char *pid_file, char **why);

#endif
