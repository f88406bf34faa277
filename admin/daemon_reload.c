/* SIGHUP, to the process of the pid file only while that holds its lock: a stale file may name
 * somebody else's process. */
#include "daemon_reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "why.h"

#define PID_BYTES 32 /* of the number with its line end */

/* The number in the file, 0 where it has none. */
static pid_t read_pid(int descriptor)
{
    char text[PID_BYTES] = "", *end = NULL;
    ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    errno = 0;
    long pid = strtol(text, &end, 10);
    return errno == 0 && end > text && *end == '\n' && pid > 1 && (pid_t)pid == pid ? (pid_t)pid
                                                                                    : 0;
}

pid_t daemon_reload(const char *pid_file, char **why)
{
    pid_t pid = 0, result = -1;
    if (!pid_file || !*pid_file) {
        why_set(why, "the setting pid_file names no file by which a running smimed is found");
        return 0;
    }
    int descriptor = open(pid_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        why_set(why, errno == ENOENT ? "smimed is not running: there is no %s" : "%s: %m",
                pid_file);
        return errno == ENOENT ? 0 : -1;
    }
    if (flock(descriptor, LOCK_SH | LOCK_NB) == 0) {
        why_set(why, "smimed is not running: nobody holds its pid file %s", pid_file);
        result = 0;
    } else if (errno != EWOULDBLOCK) {
        why_set(why, "%s: %m", pid_file);
    } else if ((pid = read_pid(descriptor)) == 0) {
        why_set(why, "%s has no process id", pid_file);
    } else if (kill(pid, SIGHUP)) {
        why_set(why, "process %ld of %s: %m", (long)pid, pid_file);
    } else {
        result = pid;
    }
    close(descriptor);
    return result;
}
