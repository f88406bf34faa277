/* What the sessions of one worker share. */
#include "service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct service {
    enum role role;
    struct counters counters;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t idle;
    struct gateway *gateway;
    size_t in_hand;
    struct timespec last_end; /* of a message, or the beginning of the service; CLOCK_MONOTONIC */
    unsigned long sessions;
    bool stopping;
};

struct service *service_new(struct gateway *gateway, enum role role)
{
    pthread_condattr_t attributes;
    struct service *service = calloc(1, sizeof *service);

    if (!service)
        return NULL;
    service->role = role;
    service->gateway = gateway;
    clock_gettime(CLOCK_MONOTONIC, &service->last_end);
    pthread_mutex_init(&service->lock, NULL);
    /* Not the wall clock: setting the time must not shorten or lengthen a shutdown. */
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&service->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    return service;
}

enum role service_role(const struct service *service)
{
    return service->role;
}

struct counters *service_counters(struct service *service)
{
    return &service->counters;
}

unsigned long service_next_session(struct service *service)
{
    unsigned long number;

    pthread_mutex_lock(&service->lock);
    number = ++service->sessions;
    pthread_mutex_unlock(&service->lock);
    return number;
}

struct gateway *service_begin_message(struct service *service)
{
    struct gateway *gateway = NULL;

    pthread_mutex_lock(&service->lock);
    if (!service->stopping) {
        gateway = gateway_hold(service->gateway);
        service->in_hand++;
    }
    pthread_mutex_unlock(&service->lock);
    return gateway;
}

void service_end_message(struct service *service, struct gateway **gateway)
{
    /* Outside the lock: the last reference to an old gateway closes its store. */
    gateway_release(gateway);
    pthread_mutex_lock(&service->lock);
    clock_gettime(CLOCK_MONOTONIC, &service->last_end);
    if (--service->in_hand == 0)
        pthread_cond_broadcast(&service->idle);
    pthread_mutex_unlock(&service->lock);
}

void service_replace_gateway(struct service *service, struct gateway *gateway)
{
    struct gateway *old;

    pthread_mutex_lock(&service->lock);
    old = service->gateway;
    service->gateway = gateway;
    pthread_mutex_unlock(&service->lock);
    gateway_release(&old);
}

void service_stop(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    service->stopping = true;
    pthread_mutex_unlock(&service->lock);
}

bool service_stopping(struct service *service)
{
    bool stopping;

    pthread_mutex_lock(&service->lock);
    stopping = service->stopping;
    pthread_mutex_unlock(&service->lock);
    return stopping;
}

size_t service_wait_idle(struct service *service, int timeout_s)
{
    struct timespec until;
    size_t left;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_s;
    pthread_mutex_lock(&service->lock);
    while (service->in_hand > 0 &&
           pthread_cond_timedwait(&service->idle, &service->lock, &until) != ETIMEDOUT)
        ;
    left = service->in_hand;
    pthread_mutex_unlock(&service->lock);
    return left;
}

long service_idle_ms(struct service *service)
{
    struct timespec now, last;

    pthread_mutex_lock(&service->lock);
    last = service->last_end;
    pthread_mutex_unlock(&service->lock);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000;
}

int service_shutdown_timeout_s(struct service *service)
{
    int timeout_s;

    pthread_mutex_lock(&service->lock);
    timeout_s = service->gateway->config->settings.shutdown_timeout_s;
    pthread_mutex_unlock(&service->lock);
    return timeout_s;
}

void service_free(struct service **service)
{
    if (!*service)
        return;
    gateway_release(&(*service)->gateway);
    pthread_cond_destroy(&(*service)->idle);
    pthread_mutex_destroy(&(*service)->lock);
    free(*service);
    *service = NULL;
}
