/* The log line of a message. */
#ifndef DAEMON_MESSAGE_LOG_H
#define DAEMON_MESSAGE_LOG_H

#include "flow.h"

/* A message was accepted, refused or deferred by the work at its end. `action` is what became of it
 * ("pass", "replace", "refuse", "defer"). */
void message_log(const char *id, const char *action, const struct transaction *transaction,
                 const struct outcome *outcome, long elapsed_ms);

/* A copy was handed over before its message was answered, or a report on those who are refused. */
void message_log_copy(const char *id, const struct transaction *transaction,
                      const struct outcome_copy *copy);

/* A message or a recipient was not accepted before the end of the message. `recipient` NULL: it is
 * the message; `cause` NULL: nothing more than the client is told. */
void message_log_refused(const char *id, const struct transaction *transaction,
                         const char *recipient, const struct reply *reply, const char *cause);

#endif
