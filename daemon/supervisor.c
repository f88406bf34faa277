/* The supervisor: one worker a socket, and the keeper.
 *
 * It touches no message, no key and no database. Started as root it stays so, because a worker
 * that has to be started again needs the privileges once more for its socket; the workers give
 * them up. SIGHUP is checked here first, so that a broken file is reported once and no worker
 * hears of it. */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include "background.h"
#include "chores.h"
#include "keeper.h"
#include "log.h"
#include "monotonic.h"
#include "pid_file.h"
#include "why.h"
#include "worker.h"

#define SUPERVISOR_ID "supervisor"
#define START_TIMEOUT_MS 60000 /* a worker that is not ready by then is not coming */
#define RESTART_FIRST_S 1      /* the pause before a worker is started again doubles ... */
#define RESTART_MAX_S 60       /* ... up to this */
#define STEADY_S 60            /* and begins anew once a worker has lived so long */
#define STOP_GRACE_S 5         /* beyond the shutdown time-out, before workers are killed */

#define CHILD_NAME_BYTES 40

struct child {
    char name[CHILD_NAME_BYTES]; /* on log lines */
    pid_t pid;                   /* 0: not running */
    int control;                 /* -1: none */
    time_t started;
    time_t restart_at; /* when to start it again; 0: not planned */
    int pause_s;
};

struct supervisor {
    const struct supervisor_options *options;
    struct child *children; /* the workers in the order of their sockets; the keeper is last */
    size_t count;
    int pid_file;
    int failures; /* children that ended other than well during the stop */
};

/* In the new process: leave the supervisor's descriptors, so that its death is noticed, and become
 * the worker or the keeper. */
static int become_child(const struct supervisor *supervisor, size_t index, int control)
{
    struct child_options options = {
        .config_path = supervisor->options->config_path,
        .config = supervisor->options->config,
        .socket_index = index,
        .control = STDERR_FILENO + 1,
        .debug = supervisor->options->debug,
        .background = supervisor->options->background,
    };
    sigset_t none;

    if (control != options.control && dup2(control, options.control) < 0)
        return 1;
    close_range((unsigned)options.control + 1, ~0U, 0);
    /* syslog's connection was closed with the others. */
    log_configure(options.config->settings.log, options.config->settings.log_level, options.debug);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return index < options.config->settings.socket_count ? worker_run(&options)
                                                         : keeper_run(&options);
}

/* Start a child. Returns 0, -1 when there can be no process; in the child's process it returns 1
 * when that is to end, with its exit status in *status_out. */
static int start_child(struct supervisor *supervisor, size_t index, int *status_out)
{
    struct child *child = &supervisor->children[index];
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "cannot start %s: %m", child->name);
        return -1;
    }
    pid = fork();
    if (pid == 0) {
        *status_out = become_child(supervisor, index, pair[1]);
        return 1;
    }
    close(pair[1]);
    if (pid < 0) {
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "cannot start %s: %m", child->name);
        close(pair[0]);
        return -1;
    }
    child->pid = pid;
    child->control = pair[0];
    child->started = monotonic_s();
    child->restart_at = 0;
    return 0;
}

/* Wait until a new worker serves. Returns 0, -1 when it does not. */
static int wait_ready(const struct child *child)
{
    struct pollfd fd = {.fd = child->control, .events = POLLIN};
    char byte = 0;
    int ready;

    do
        ready = poll(&fd, 1, START_TIMEOUT_MS);
    while (ready < 0 && errno == EINTR);
    return ready == 1 && read(fd.fd, &byte, 1) == 1 && byte == CHILD_READY ? 0 : -1;
}

static void tell(const struct supervisor *supervisor, char command)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        const struct child *child = &supervisor->children[i];

        /* Without SIGPIPE: a worker that is gone is noticed by its end. */
        if (child->pid && send(child->control, &command, 1, MSG_NOSIGNAL) != 1 && errno != EPIPE)
            log_line(LOG_LEVEL_WARNING, SUPERVISOR_ID, "%s does not listen: %m", child->name);
    }
}

static void forget_child(struct child *child)
{
    if (child->control >= 0)
        close(child->control);
    child->control = -1;
    child->pid = 0;
}

static void log_end(const struct child *child, int status)
{
    if (WIFSIGNALED(status))
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "%s was killed by signal %d (%s)", child->name,
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "%s ended with status %d", child->name,
                 WEXITSTATUS(status));
}

/* Take note of every worker that has ended. */
static void reap(struct supervisor *supervisor, bool stopping)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < supervisor->count; i++) {
            struct child *child = &supervisor->children[i];
            time_t now = monotonic_s();

            if (child->pid != pid)
                continue;
            forget_child(child);
            if (!stopping || status != 0) {
                log_end(child, status);
                supervisor->failures++;
            }
            if (stopping)
                continue;
            if (now - child->started >= STEADY_S || child->pause_s == 0)
                child->pause_s = RESTART_FIRST_S;
            else if (child->pause_s < RESTART_MAX_S)
                child->pause_s *= 2;
            child->restart_at = now + child->pause_s;
            log_line(LOG_LEVEL_WARNING, SUPERVISOR_ID, "%s is started again in %d s", child->name,
                     child->pause_s);
        }
    }
}

static bool same_string(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

static bool same_sockets(const struct settings *a, const struct settings *b)
{
    if (a->socket_count != b->socket_count)
        return false;
    for (size_t i = 0; i < a->socket_count; i++) {
        const struct socket_setting *x = &a->sockets[i];
        const struct socket_setting *y = &b->sockets[i];

        if (x->role != y->role || x->mode != y->mode || !same_string(x->address, y->address) ||
            !same_string(x->group, y->group))
            return false;
    }
    return true;
}

static void log_needs_restart(const char *what)
{
    log_line(LOG_LEVEL_WARNING, SUPERVISOR_ID,
             "%s changed in the configuration: this needs a restart and is not in effect", what);
}

static void log_problems(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        char *text = problem_text(&problems->items[i]);

        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "%s", text ? text : "out of memory");
        free(text);
    }
    problems_clear(problems);
}

static void reload(const struct supervisor *supervisor)
{
    const struct settings *old = &supervisor->options->config->settings;
    struct problems problems = {0};
    struct config *config = config_load(supervisor->options->config_path, &problems);

    if (!config) {
        log_problems(&problems);
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "not reloaded: the former configuration stays");
        return;
    }
    if (!same_sockets(old, &config->settings))
        log_needs_restart("sockets");
    if (!same_string(old->user, config->settings.user) ||
        !same_string(old->group, config->settings.group))
        log_needs_restart("user or group");
    if (!same_string(old->pid_file, config->settings.pid_file))
        log_needs_restart("pid_file");
    log_configure(config->settings.log, config->settings.log_level, supervisor->options->debug);
    log_line(LOG_LEVEL_INFO, SUPERVISOR_ID, "the configuration is good: reloading");
    tell(supervisor, CHILD_RELOAD);
    problems_clear(&problems);
    config_free(&config);
}

static bool any_running(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->count; i++)
        if (supervisor->children[i].pid)
            return true;
    return false;
}

/* Let the workers finish; kill those that take longer than they may. */
static void stop(struct supervisor *supervisor)
{
    const struct timespec moment = {.tv_nsec = 20 * 1000000};
    time_t deadline =
        monotonic_s() + supervisor->options->config->settings.shutdown_timeout_s + STOP_GRACE_S;
    bool killed = false;

    tell(supervisor, CHILD_STOP);
    for (reap(supervisor, true); any_running(supervisor); reap(supervisor, true)) {
        if (!killed && monotonic_s() >= deadline) {
            killed = true;
            for (size_t i = 0; i < supervisor->count; i++)
                if (supervisor->children[i].pid)
                    kill(supervisor->children[i].pid, SIGKILL);
        }
        nanosleep(&moment, NULL);
    }
}

/* Start what is due. Returns 1 in a child's process. */
static int start_due(struct supervisor *supervisor, int *status_out)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        int started;

        if (child->pid || monotonic_s() < child->restart_at)
            continue;
        started = start_child(supervisor, i, status_out);
        if (started > 0)
            return 1;
        if (started < 0)
            child->restart_at = monotonic_s() + RESTART_MAX_S;
    }
    return 0;
}

/* Start all children and wait until they work. Returns 0; -1 when one does not; 1 in a child's
 * process. */
static int start_all(struct supervisor *supervisor, int *status_out)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        int started = start_child(supervisor, i, status_out);

        if (started != 0)
            return started;
        if (wait_ready(&supervisor->children[i]) != 0) {
            log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "%s does not start; nothing is served",
                     supervisor->children[i].name);
            return -1;
        }
    }
    return 0;
}

/* Until told to stop: restart, reload. Returns 1 in a child's process, else 0. */
static int supervise(struct supervisor *supervisor, const sigset_t *signals, int *status_out)
{
    const struct timespec second = {.tv_sec = 1};

    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);

        if (number == SIGTERM || number == SIGINT)
            return 0;
        if (number == SIGHUP)
            reload(supervisor);
        reap(supervisor, false);
        if (start_due(supervisor, status_out) != 0)
            return 1;
    }
}

/* Tell whoever waits that all is served, and nobody is watching standard error any more. */
static int announce(struct supervisor *supervisor)
{
    const char ready = CHILD_READY;
    char *why = NULL;

    if (supervisor->pid_file >= 0 &&
        pid_file_write(supervisor->pid_file, supervisor->options->config->settings.pid_file,
                       &why) != 0) {
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "%s", why_text(&why));
        why_free(&why);
        return -1;
    }
    log_line(LOG_LEVEL_INFO, SUPERVISOR_ID, "smimed %s serves %zu sockets", SMIMED_VERSION,
             supervisor->options->config->settings.socket_count);
    log_mirror_errors(false);
    if (supervisor->options->background)
        background_detach(supervisor->options->config->settings.log == LOG_TARGET_STDERR);
    if (supervisor->options->ready < 0)
        return 0;
    if (write(supervisor->options->ready, &ready, 1) != 1)
        return -1;
    close(supervisor->options->ready);
    return 0;
}

static int run(struct supervisor *supervisor, const sigset_t *signals)
{
    int status = 1;
    int started = start_all(supervisor, &status);

    if (started > 0)
        return status;
    if (started == 0 && announce(supervisor) == 0) {
        if (supervise(supervisor, signals, &status) != 0)
            return status;
        log_line(LOG_LEVEL_INFO, SUPERVISOR_ID, "stopping");
        supervisor->failures = 0;
        status = 0;
    }
    stop(supervisor);
    if (supervisor->failures > 0)
        status = 1;
    pid_file_remove(&supervisor->pid_file, supervisor->options->config->settings.pid_file);
    return status;
}

int supervisor_run(const struct supervisor_options *options)
{
    struct supervisor supervisor = {
        .options = options,
        .count = options->config->settings.socket_count + 1,
        .pid_file = -1,
    };
    sigset_t signals;
    char *why = NULL;
    int status = 1;

    supervisor.children = calloc(supervisor.count, sizeof *supervisor.children);
    if (!supervisor.children)
        why_set(&why, "out of memory");
    else
        supervisor.pid_file = pid_file_open(options->config->settings.pid_file, &why);
    if (why) {
        log_line(LOG_LEVEL_ERROR, SUPERVISOR_ID, "%s", why);
        goto out;
    }
    for (size_t i = 0; i < supervisor.count; i++) {
        struct child *child = &supervisor.children[i];

        child->control = -1;
        if (i + 1 < supervisor.count)
            snprintf(child->name, sizeof child->name, "worker-%zu", i + 1);
        else
            snprintf(child->name, sizeof child->name, "%s", KEEPER_LOG_ID);
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    status = run(&supervisor, &signals);
out:
    why_free(&why);
    free(supervisor.children);
    return status;
}
