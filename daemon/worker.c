/* A worker: the process that serves one socket in one role.
 *
 * libmilter has one socket a process, so each socket has a worker of its own, and its role is fixed
 * for life: nothing that a client says can change it. The store is shared through its database.
 *
 * libmilter's signal thread takes SIGHUP, SIGINT and SIGTERM for "stop at once, whatever is in
 * hand". So a worker ignores them, while its main thread never blocks them: then the kernel
 * discards them before any thread can wait for them. What the administrator wants comes from the
 * supervisor, also when a terminal or a service manager signals all processes at once. */
#include "worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include "listener.h"
#include "log.h"
#include "milter.h"
#include "privileges.h"
#include "service.h"
#include "why.h"

#define WORKER_NAME_BYTES 40
#define SETTLE_MS 500 /* for libmilter's last answers when the worker stops */

struct worker {
    const struct child_options *options;
    const struct socket_setting *setting;
    struct listener listener;
    struct service *service;
    char name[WORKER_NAME_BYTES]; /* on log lines */
};

static int open_socket(struct worker *worker, char **why)
{
    const struct settings *settings = &worker->options->config->settings;
    mode_t former;
    int rc = -1;

    if (listener_prepare(settings, worker->setting, why) != 0)
        return -1;
    /* For the moment between bind() and chmod() nobody else may connect. */
    former = umask(0177);
    rc = milter_open(worker->setting->address, why);
    umask(former);
    if (rc == 0)
        rc = listener_finish(settings, worker->setting, &worker->listener, why);
    return rc;
}

static int start(struct worker *worker)
{
    const struct settings *settings = &worker->options->config->settings;
    struct gateway *gateway = NULL;
    char *why = NULL;
    int rc = -1;
    int dropped;

    /* The socket first: its port, directory or group may need the privileges. */
    if (open_socket(worker, &why) != 0)
        goto out;
    dropped = privileges_drop(settings->user, settings->group, &why);
    if (dropped < 0)
        goto out;
    if (dropped > 0)
        log_line(LOG_LEVEL_DEBUG, worker->name, "not started as root: not becoming the user %s",
                 settings->user);
    gateway = child_open_gateway(worker->options, worker->name);
    if (!gateway)
        goto out;
    worker->service = service_new(gateway, worker->setting->role);
    if (!worker->service) {
        why_set(&why, "out of memory");
        gateway_release(&gateway);
        goto out;
    }
    rc = 0;
out:
    if (why)
        log_line(LOG_LEVEL_ERROR, worker->name, "%s", why);
    why_free(&why);
    return rc;
}

static void log_counters(struct worker *worker)
{
    char *text = counters_text(service_counters(worker->service));

    log_line(LOG_LEVEL_INFO, worker->name, "counted since the start: %s",
             text ? text : "out of memory");
    free(text);
}

/* New messages begin under the new configuration; those in hand end under theirs. */
static void reload(void *context)
{
    struct worker *worker = context;
    struct gateway *gateway = child_open_gateway(worker->options, worker->name);

    if (!gateway) {
        log_line(LOG_LEVEL_ERROR, worker->name, "not reloaded: the former configuration stays");
        return;
    }
    log_configure(gateway->config->settings.log, gateway->config->settings.log_level,
                  worker->options->debug);
    service_replace_gateway(worker->service, gateway);
    log_line(LOG_LEVEL_INFO, worker->name, "reloaded configuration, rules and trust");
    log_counters(worker);
}

static void *serve(void *context)
{
    struct worker *worker = context;

    milter_run(worker->service);
    log_line(LOG_LEVEL_ERROR, worker->name, "libmilter has given up; this worker ends");
    _exit(1);
}

/* A message has ended for us before libmilter has sent its last answer, and libmilter does not tell
 * when it has. So the process stays a moment longer: without that answer the MTA would defer a
 * message that was finished. */
static void let_answers_out(struct worker *worker)
{
    const struct timespec step = {.tv_nsec = 50 * 1000000};

    while (service_idle_ms(worker->service) < SETTLE_MS)
        nanosleep(&step, NULL);
}

/* Finish the messages in hand; take no others. Returns how many are left. */
static size_t finish(struct worker *worker)
{
    size_t left;

    service_stop(worker->service);
    listener_remove(&worker->listener);
    left = service_wait_idle(worker->service, service_shutdown_timeout_s(worker->service));
    let_answers_out(worker);
    log_counters(worker);
    if (left > 0)
        log_line(LOG_LEVEL_WARNING, worker->name,
                 "stopped with %zu messages in hand; the MTA will defer them", left);
    else
        log_line(LOG_LEVEL_INFO, worker->name, "stopped, no message in hand");
    return left;
}

int worker_run(const struct child_options *options)
{
    /* Static: the thread that serves ends with the process, not with this function. */
    static struct worker worker;
    pthread_t thread;

    worker.options = options;
    worker.setting = &options->config->settings.sockets[options->socket_index];
    snprintf(worker.name, sizeof worker.name, "worker-%zu", options->socket_index + 1);
    child_ignore_signals();
    if (start(&worker) != 0) {
        listener_remove(&worker.listener);
        return 1;
    }
    if (pthread_create(&thread, NULL, serve, &worker) != 0 || pthread_detach(thread) != 0) {
        log_line(LOG_LEVEL_ERROR, worker.name, "cannot start a thread");
        listener_remove(&worker.listener);
        return 1;
    }
    log_line(LOG_LEVEL_INFO, worker.name, "serving %s as %s", worker.setting->address,
             role_name(worker.setting->role));
    child_announce(options, worker.name);
    child_obey(options, reload, &worker);
    /* libmilter's threads still run: with messages left they must not meet the exit handlers. The
     * service stays, for connections that are only now refused; its store is closed. */
    if (finish(&worker) > 0)
        _exit(1);
    service_replace_gateway(worker.service, NULL);
    return 0;
}
