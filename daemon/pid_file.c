/* The pid file, locked while the daemon runs. */
#include "pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "why.h"

int pid_file_open(const char *path, char **why)
{
    int fd;

    if (!path || !*path)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        why_set(why, "cannot write the pid file %s: %m", path);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            why_set(why, "smimed is already running: its pid file %s is locked", path);
        else
            why_set(why, "cannot lock the pid file %s: %m", path);
        close(fd);
        return -1;
    }
    return fd;
}

int pid_file_write(int fd, const char *path, char **why)
{
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0 ||
        fchmod(fd, 0644) != 0) {
        why_set(why, "cannot write the pid file %s: %m", path);
        return -1;
    }
    return 0;
}

void pid_file_remove(int *fd, const char *path)
{
    if (*fd < 0)
        return;
    unlink(path);
    close(*fd);
    *fd = -1;
}
