/* The pid file, locked while the daemon runs: a second daemon of the same configuration is told so
 * before it touches a socket. */
#ifndef DAEMON_PID_FILE_H
#define DAEMON_PID_FILE_H

/* Make and lock the file at `path` ("" = none). Returns its descriptor, -1 with a sentence; with
 * "" -1 without one. */
int pid_file_open(const char *path, char **why);

/* Write this process's id. Returns 0, -1 with a sentence. */
int pid_file_write(int fd, const char *path, char **why);

/* Remove it and let go of the lock. */
void pid_file_remove(int *fd, const char *path);

#endif
