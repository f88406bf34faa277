/* Names of what is being fetched in this process, and waiting for one to go away. */
#include "flights.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct flight_entry {
    char *what;
    SLIST_ENTRY(flight_entry) link;
};

struct flights {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    SLIST_HEAD(flight_list, flight_entry) all;
};

struct flights *flights_new(void)
{
    struct flights *flights = calloc(1, sizeof *flights);
    pthread_condattr_t attributes;
    if (flights == NULL)
        return NULL;
    SLIST_INIT(&flights->all);
    pthread_mutex_init(&flights->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&flights->landed, &attributes);
    pthread_condattr_destroy(&attributes);
    return flights;
}

void flights_free(struct flights **flights)
{
    if (*flights == NULL)
        return;
    pthread_cond_destroy(&(*flights)->landed);
    pthread_mutex_destroy(&(*flights)->lock);
    free(*flights);
    *flights = NULL;
}

static struct flight_entry *find(struct flights *flights, const char *what)
{
    struct flight_entry *entry;
    SLIST_FOREACH(entry, &flights->all, link)
    if (strcmp(entry->what, what) == 0)
        return entry;
    return NULL;
}

static enum flight start(struct flights *flights, const char *what)
{
    struct flight_entry *entry = calloc(1, sizeof *entry);
    if (entry != NULL)
        entry->what = strdup(what);
    if (entry == NULL || entry->what == NULL) {
        free(entry);
        return FLIGHT_ERROR;
    }
    SLIST_INSERT_HEAD(&flights->all, entry, link);
    return FLIGHT_OURS;
}

enum flight flights_begin(struct flights *flights, const char *what,
                          const struct deadline *deadline)
{
    enum flight flight = FLIGHT_DONE;
    int waited = 0;
    pthread_mutex_lock(&flights->lock);
    if (find(flights, what) == NULL)
        flight = start(flights, what);
    else
        while (waited == 0 && find(flights, what) != NULL)
            waited = pthread_cond_timedwait(&flights->landed, &flights->lock, &deadline->at);
    pthread_mutex_unlock(&flights->lock);
    return waited != 0 ? FLIGHT_LATE : flight;
}

void flights_end(struct flights *flights, const char *what)
{
    struct flight_entry *entry;
    pthread_mutex_lock(&flights->lock);
    entry = find(flights, what);
    if (entry != NULL) {
        SLIST_REMOVE(&flights->all, entry, flight_entry, link);
        free(entry->what);
        free(entry);
    }
    pthread_cond_broadcast(&flights->landed);
    pthread_mutex_unlock(&flights->lock);
}
