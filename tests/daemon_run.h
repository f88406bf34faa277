/* A running smimed for tests: started on a site, in the foreground, its log in a file.
 *
 * Header only. The program is build/<variant>/smimed of the build that the test belongs to, or
 * $SMIMED_BUILD/smimed. */
#ifndef TESTS_DAEMON_RUN_H
#define TESTS_DAEMON_RUN_H

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "test_site.h"

#define DAEMON_PATIENCE_MS 20000
#define DAEMON_STEP_MS 10
#define DAEMON_MAX_CHILDREN 16

struct daemon_run {
    pid_t pid;
    char log[128];
};

SITE_UNUSED static void daemon_program(char *out, size_t size)
{
    const char *build = getenv("SMIMED_BUILD");
    char self[512];
    ssize_t length;
    char *tests;

    if (build) {
        snprintf(out, size, "%s/smimed", build);
        return;
    }
    length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    tests = strstr(self, "/tests/");
    ck_assert_msg(tests != NULL, "not in a build directory: set SMIMED_BUILD");
    *tests = '\0';
    snprintf(out, size, "%s/smimed", self);
}

SITE_UNUSED static void daemon_step(void)
{
    const struct timespec step = {.tv_nsec = DAEMON_STEP_MS * 1000000L};

    nanosleep(&step, NULL);
}

/* The log so far: a new string. */
SITE_UNUSED static char *daemon_log(const struct daemon_run *run)
{
    FILE *in = fopen(run->log, "r");
    char *text = calloc(1, 1 << 20);

    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(text);
    text[fread(text, 1, (1 << 20) - 1, in)] = '\0';
    fclose(in);
    return text;
}

SITE_UNUSED static size_t daemon_log_count(const struct daemon_run *run, const char *what)
{
    char *text = daemon_log(run);
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    free(text);
    return count;
}

/* Wait until the log has `what` at least `count` times. */
SITE_UNUSED static void daemon_wait_log(const struct daemon_run *run, const char *what,
                                        size_t count)
{
    for (int waited = 0; daemon_log_count(run, what) < count; waited += DAEMON_STEP_MS) {
        if (waited >= DAEMON_PATIENCE_MS) {
            char *text = daemon_log(run);

            ck_abort_msg("\"%s\" does not appear in the log:\n%s", what, text);
        }
        daemon_step();
    }
}

/* Start smimed with arguments (NULL-terminated, without the program). */
SITE_UNUSED static void daemon_spawn(struct daemon_run *run, const struct site *site,
                                     const char *const *arguments)
{
    char program[600];
    const char *argv[16] = {program};
    int log;

    daemon_program(program, sizeof program);
    for (size_t i = 0; i < 14 && arguments[i]; i++)
        argv[i + 1] = arguments[i];
    snprintf(run->log, sizeof run->log, "%s/log", site->dir);
    log = open(run->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(log, 0);
    run->pid = fork();
    ck_assert_int_ge(run->pid, 0);
    if (run->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails leaves nothing running */
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(log);
}

/* Wait for the end; returns the exit status, 128 + signal when killed. */
SITE_UNUSED static int daemon_wait(struct daemon_run *run)
{
    int status = 0;

    for (int waited = 0; waitpid(run->pid, &status, WNOHANG) == 0; waited += DAEMON_STEP_MS) {
        if (waited >= DAEMON_PATIENCE_MS) {
            kill(run->pid, SIGKILL);
            ck_abort_msg("smimed does not end");
        }
        daemon_step();
    }
    run->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Start in the foreground and wait until it serves. */
SITE_UNUSED static void daemon_start(struct daemon_run *run, const struct site *site)
{
    const char *arguments[] = {"-f", "-c", site->config, NULL};
    size_t before;

    snprintf(run->log, sizeof run->log, "%s/log", site->dir);
    before = access(run->log, R_OK) == 0 ? daemon_log_count(run, " serves ") : 0;
    daemon_spawn(run, site, arguments);
    daemon_wait_log(run, " serves ", before + 1);
}

/* Run to the end, for what does not start: the exit status. */
SITE_UNUSED static int daemon_run_once(struct daemon_run *run, const struct site *site,
                                       const char *const *arguments)
{
    daemon_spawn(run, site, arguments);
    return daemon_wait(run);
}

/* Every line of the log names its program, level and id. */
SITE_UNUSED static void daemon_check_log(const struct daemon_run *run)
{
    char *text = daemon_log(run);
    char *rest = text;
    char *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        char level[16], id[64];

        if (!*line)
            continue;
        ck_assert_msg(sscanf(line, "%*s smimed[%*d]: %15[a-z]: %63[^: ]: ", level, id) == 2,
                      "log line without an id: %s", line);
        ck_assert_msg(!strcmp(id, "supervisor") || !strncmp(id, "worker-", 7) ||
                          !strcmp(id, "keeper") || !strcmp(id, "negotiate") || id[0] == 'Q' ||
                          id[0] == 's',
                      "log line with a strange id: %s", line);
    }
    free(text);
}

/* SIGTERM, and a good end. */
SITE_UNUSED static void daemon_stop(struct daemon_run *run)
{
    int status;

    ck_assert_int_eq(kill(run->pid, SIGTERM), 0);
    status = daemon_wait(run);
    if (status != 0) {
        char *text = daemon_log(run);

        ck_abort_msg("smimed ended with status %d:\n%s", status, text);
    }
    daemon_check_log(run);
}

/* The processes of the workers and the keeper: children of the supervisor. Returns their number. */
SITE_UNUSED static size_t daemon_children(const struct daemon_run *run,
                                          pid_t out[DAEMON_MAX_CHILDREN])
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    ck_assert_ptr_nonnull(proc);
    while ((entry = readdir(proc)) != NULL && count < DAEMON_MAX_CHILDREN) {
        char path[300];
        char state;
        int parent = 0;
        FILE *in;

        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        if (atoi(entry->d_name) <= 0 || !(in = fopen(path, "r")))
            continue;
        if (fscanf(in, "%*d (%*[^)]) %c %d", &state, &parent) == 2 && parent == run->pid)
            out[count++] = atoi(entry->d_name);
        fclose(in);
    }
    closedir(proc);
    return count;
}

#endif
