/* The keeper: the process that does the chores.
 *
 * It has no socket and takes no messages. One thread does the chores, the other obeys the
 * supervisor: a chore that waits for the network delays neither a reload nor the end. A chore may
 * be cut off at any point, as by a power failure; what it keeps, it keeps in transactions of the
 * store. */
#include "keeper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "chores.h"
#include "log.h"
#include "monotonic.h"
#include "privileges.h"
#include "why.h"

#define STOP_PATIENCE_S 10 /* for the chore in hand when the keeper stops */

struct keeper {
    const struct child_options *options;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t change;
    struct gateway *gateway;
    bool stopping;
    bool ended;  /* the thread that does the chores */
    time_t *due; /* of each chore, CLOCK_MONOTONIC */
};

/* The chore that is due first. Locked. */
static size_t next_chore(const struct keeper *keeper)
{
    size_t next = 0;

    for (size_t i = 1; i < chore_count; i++)
        if (keeper->due[i] < keeper->due[next])
            next = i;
    return next;
}

static void run_chore(const struct chore *chore, struct gateway *gateway)
{
    char *why = NULL;
    char *notice;

    log_line(LOG_LEVEL_DEBUG, KEEPER_LOG_ID, "%s", chore->name);
    if (store_refresh(gateway->store, &why) == STORE_OK)
        chore->run(gateway, time(NULL));
    else
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "%s: %s", chore->name, why_text(&why));
    notice = store_take_notice(gateway->store);
    if (notice)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "%s", notice);
    free(notice);
    why_free(&why);
}

static void *do_chores(void *context)
{
    struct keeper *keeper = context;

    pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping) {
        size_t next = next_chore(keeper);
        struct timespec until = {.tv_sec = keeper->due[next]};
        struct gateway *gateway;

        if (keeper->due[next] > monotonic_s()) {
            pthread_cond_timedwait(&keeper->change, &keeper->lock, &until);
            continue;
        }
        /* Before it is done: a reload meanwhile makes it due again. */
        keeper->due[next] = monotonic_s() + chores[next].interval_s;
        gateway = gateway_hold(keeper->gateway);
        pthread_mutex_unlock(&keeper->lock);
        run_chore(&chores[next], gateway);
        gateway_release(&gateway);
        pthread_mutex_lock(&keeper->lock);
    }
    keeper->ended = true;
    pthread_cond_broadcast(&keeper->change);
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static void reload(void *context)
{
    struct keeper *keeper = context;
    struct gateway *gateway = child_open_gateway(keeper->options, KEEPER_LOG_ID);
    struct gateway *former;

    if (!gateway) {
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "not reloaded: the former configuration stays");
        return;
    }
    log_configure(gateway->config->settings.log, gateway->config->settings.log_level,
                  keeper->options->debug);
    pthread_mutex_lock(&keeper->lock);
    former = keeper->gateway;
    keeper->gateway = gateway;
    for (size_t i = 0; i < chore_count; i++)
        keeper->due[i] = monotonic_s();
    pthread_cond_broadcast(&keeper->change);
    pthread_mutex_unlock(&keeper->lock);
    gateway_release(&former);
    log_line(LOG_LEVEL_INFO, KEEPER_LOG_ID, "reloaded configuration");
}

/* Returns whether the thread that does the chores has ended. */
static bool finish(struct keeper *keeper)
{
    struct timespec until = {.tv_sec = monotonic_s() + STOP_PATIENCE_S};
    bool ended;
    int waited = 0;

    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_broadcast(&keeper->change);
    while (!keeper->ended && waited == 0)
        waited = pthread_cond_timedwait(&keeper->change, &keeper->lock, &until);
    ended = keeper->ended;
    pthread_mutex_unlock(&keeper->lock);
    return ended;
}

static int start(struct keeper *keeper)
{
    const struct settings *settings = &keeper->options->config->settings;
    pthread_condattr_t attributes;
    char *why = NULL;
    int rc = -1;

    keeper->due = calloc(chore_count, sizeof *keeper->due);
    if (!keeper->due)
        why_set(&why, "out of memory");
    else if (privileges_drop(settings->user, settings->group, &why) >= 0)
        rc = 0;
    if (why)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "%s", why);
    why_free(&why);
    if (rc != 0)
        return -1;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->change, &attributes);
    pthread_condattr_destroy(&attributes);
    keeper->gateway = child_open_gateway(keeper->options, KEEPER_LOG_ID);
    return keeper->gateway ? 0 : -1;
}

int keeper_run(const struct child_options *options)
{
    struct keeper keeper = {.options = options};
    pthread_t thread;
    int status = 1;

    child_ignore_signals();
    if (start(&keeper) != 0)
        goto out;
    if (pthread_create(&thread, NULL, do_chores, &keeper) != 0) {
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "cannot start a thread");
        goto out;
    }
    child_announce(options, KEEPER_LOG_ID);
    child_obey(options, reload, &keeper);
    if (!finish(&keeper))
        _exit(0); /* a chore waits for somebody; it can be cut off */
    pthread_join(thread, NULL);
    status = 0;
out:
    gateway_release(&keeper.gateway);
    free(keeper.due);
    return status;
}
