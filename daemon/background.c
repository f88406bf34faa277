/* Going into the background. */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Wait for the daemon's byte. The end of the pipe without one is its end. */
static int wait_for_daemon(int fd)
{
    char byte;
    ssize_t length;

    do
        length = read(fd, &byte, 1);
    while (length < 0 && errno == EINTR);
    return length == 1 ? 1 : -1;
}

int background_enter(int *ready_out)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        fprintf(stderr, "smimed: cannot go into the background: %m\n");
        return -1;
    }
    if (pid > 0) {
        close(ends[1]);
        return wait_for_daemon(ends[0]);
    }
    close(ends[0]);
    /* A session of its own, and not its leader: no terminal can become the daemon's. */
    setsid();
    pid = fork();
    if (pid != 0)
        _exit(pid < 0 ? 1 : 0);
    *ready_out = ends[1];
    return 0;
}

void background_detach(bool keep_stderr)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (!keep_stderr)
        dup2(null, STDERR_FILENO);
    close(null);
}
