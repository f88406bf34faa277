/* What the sessions of one worker share: the gateway that new messages begin under, and how many
 * messages are in hand. */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include <stdbool.h>

#include "counters.h"
#include "gateway.h"

struct service;

/* Takes over the reference to `gateway`. NULL when out of memory (nothing taken over). */
struct service *service_new(struct gateway *gateway, enum role role);
enum role service_role(const struct service *service);

/* Of the messages of all sessions; they live as long as the service. */
struct counters *service_counters(struct service *service);

/* A number for a new session, from 1. */
unsigned long service_next_session(struct service *service);

/* A message begins: the gateway it is judged by to its end, held. NULL when the service is stopping
 * and takes no new message. Every message begun is ended by service_end_message(). */
struct gateway *service_begin_message(struct service *service);
void service_end_message(struct service *service, struct gateway **gateway);

/* New messages begin under `gateway` (taken over); those in hand keep theirs. NULL, to close the
 * store, only when the service is stopping. */
void service_replace_gateway(struct service *service, struct gateway *gateway);

/* Take no new messages. */
void service_stop(struct service *service);
bool service_stopping(struct service *service);

/* Wait until no message is in hand, at most `timeout_s` seconds. Returns how many are left. */
size_t service_wait_idle(struct service *service, int timeout_s);

/* Milliseconds since the last message ended, or since the service began. */
long service_idle_ms(struct service *service);

/* The time the settings grant to the messages in hand when the service stops. */
int service_shutdown_timeout_s(struct service *service);

/* No message may be in hand. */
void service_free(struct service **service);

#endif
