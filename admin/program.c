/* Programs are spawned with their arguments as they are; no shell sees them. */
#include "program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "why.h"

#define COMPLAINT_BYTES 512
#define WAIT_STEP_MS 10
#define SYSTEM_FOLDER "/usr/sbin" /* often in nobody's PATH but root's */

extern char **environ;

/* The last line that the program wrote on standard error, which is the one that says why. */
static void say_complaint(int complaints, const char *name, const char *otherwise, char **why)
{
    char text[COMPLAINT_BYTES];
    off_t size = lseek(complaints, 0, SEEK_END);
    off_t from = size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0;
    ssize_t length = pread(complaints, text, sizeof text - 1, from);
    text[length > 0 ? length : 0] = '\0';
    for (size_t end = strlen(text); end > 0 && isspace((unsigned char)text[end - 1]); end--) {
        text[end - 1] = '\0';
    }
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : *text ? text : otherwise;
    if (strncmp(line, name, strlen(name)) == 0) {
        why_set(why, "%s", line); /* it says its name itself */
    } else {
        why_set(why, "%s: %s", name, line);
    }
}

/* Returns an errno value. */
static int spawn(const char *const *argv, int out, int complaints, pid_t *child_out)
{
    char *const *arguments = (char *const *)(uintptr_t)argv;
    posix_spawn_file_actions_t actions;
    char *path = NULL;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) {
        return error;
    }
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!error) {
        error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    }
    if (!error) {
        error = posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
    }
    if (!error) {
        error = posix_spawnp(child_out, argv[0], &actions, NULL, arguments, environ);
    }
    if (error == ENOENT && !strchr(argv[0], '/')) {
        error = asprintf(&path, SYSTEM_FOLDER "/%s", argv[0]) < 0
                    ? ENOMEM
                    : posix_spawn(child_out, path, &actions, NULL, arguments, environ);
        free(path);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Wait until the child ends or the time is up. Returns false when it had to be killed. */
static bool await(pid_t child, int timeout_s, int *status_out)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000L * 1000L};
    for (long waited_ms = 0; waited_ms <= 1000L * timeout_s; waited_ms += WAIT_STEP_MS) {
        pid_t ended = waitpid(child, status_out, WNOHANG);
        if (ended == child) {
            return true;
        }
        if (ended < 0 && errno != EINTR) {
            break;
        }
        nanosleep(&step, NULL);
    }
    kill(child, SIGKILL);
    while (waitpid(child, status_out, 0) < 0 && errno == EINTR) {
    }
    return false;
}

int program_run(const char *const *argv, int timeout_s, struct text_file *out, char **why)
{
    int ends[2] = {-1, -1};
    int rc = -1, status = 0;
    pid_t child = -1;
    int complaints = memfd_create("complaints", MFD_CLOEXEC);
    if (complaints < 0 || pipe2(ends, O_CLOEXEC)) {
        why_set(why, "%s cannot be run: %s", argv[0], strerror(errno));
        goto out;
    }
    int error = spawn(argv, ends[1], complaints, &child);
    if (error) {
        why_set(why, "%s cannot be run: %s", argv[0], strerror(error));
        goto out;
    }
    close(ends[1]);
    ends[1] = -1;
    rc = text_file_drain(ends[0], argv[0], timeout_s, out, why);
    if (rc) {
        kill(child, SIGKILL);
    }
    if (!await(child, timeout_s, &status) && rc == 0) {
        why_set(why, "%s does not end", argv[0]);
        rc = -1;
    } else if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        say_complaint(complaints, argv[0], "it failed", why);
        rc = -1;
    }
    if (rc) {
        text_file_clear(out);
    }
out:
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            close(ends[i]);
        }
    }
    if (complaints >= 0) {
        close(complaints);
    }
    return rc;
}
