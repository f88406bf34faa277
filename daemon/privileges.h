/* What the process may do: user and group, core dumps, umask, open files; and the spool directory
 * that it will write to. */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <sys/types.h>

/* No core dumps, no tracing by others, files for nobody else. Called first thing. */
void privileges_harden(void);

/* Whom privileges_drop() will make of this process: itself, unless root started it and `user` is
 * somebody. Returns 0, -1 with a sentence. */
int privileges_identity(const char *user, const char *group, uid_t *uid_out, gid_t *gid_out,
                        char **why);

/* Become `user` and `group` ("" = stay; "" for the group = the user's). Started as somebody else
 * than root, the process stays who it is, and 1 is returned when that is not `user`. Returns 0 when
 * done, -1 with a sentence. */
int privileges_drop(const char *user, const char *group, char **why);

/* Is `directory` fit for message texts: there, a directory, writable for this process and for
 * nobody who could swap its files? Returns 0, -1 with a sentence. */
int privileges_check_spool(const char *directory, char **why);

#endif
