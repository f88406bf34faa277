/* One connection of the MTA, without libmilter: what it says becomes a transaction, and the message
 * flow judges it.
 *
 * A session is used by one thread at a time. All state of a message hangs on it. */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include <time.h>

#include <sys/socket.h>

#include "flow.h"
#include "service.h"

struct session;

enum session_result {
    SESSION_CONTINUE,
    SESSION_REPLY, /* tell the client session_reply(). The message is over and all of it released,
                      except after session_recipient(): there only that recipient is refused */
};

/* NULL when out of memory. */
struct session *session_new(struct service *service);

/* A client has connected to the MTA; `address` NULL when the MTA does not know it. */
void session_connect(struct session *session, const struct sockaddr *address);

/* MAIL. What is NULL was not told. */
struct session_mail {
    const char *from;        /* with or without angle brackets */
    const char *const *args; /* ESMTP parameters, NULL-terminated */
    const char *login;       /* {auth_authen} */
    const char *tls;         /* {tls_version}: how the client speaks to the MTA */
    const char *host;        /* the MTA's name: completes addresses without a domain */
};
enum session_result session_sender(struct session *session, const struct session_mail *mail);

/* RCPT, with its ESMTP parameters (NULL-terminated; NULL for none). */
enum session_result session_recipient(struct session *session, const char *to,
                                      const char *const *args, time_t now);

/* The MTA's queue id, as soon as there is one; NULL is ignored. */
void session_set_queue_id(struct session *session, const char *queue_id);

/* A header field; `value` with its leading blank. A field too many is remembered and reported by
 * session_end_of_header(), because the MTA waits for no answer here. */
void session_header(struct session *session, const char *name, const char *value);
enum session_result session_end_of_header(struct session *session);
enum session_result session_body(struct session *session, const void *bytes, size_t length);

/* The end of the message: do the work. `report` (may be NULL) is called with `context` now and then
 * while it lasts, and returns non-zero when the MTA has gone. With SESSION_CONTINUE, *outcome_out
 * says what has to be done to the message, valid until session_finish(). Deferred while `now` is a
 * time long before this program was made. */
enum session_result session_end(struct session *session, time_t now, int (*report)(void *context),
                                void *context, const struct outcome **outcome_out);

/* After session_end() with SESSION_CONTINUE: everything was handed to the MTA (`applied`), or could
 * not be, and the message is deferred. Logs the message and releases it. */
void session_finish(struct session *session, bool applied);

/* Forget the message in hand, if any. */
void session_abort(struct session *session);

void session_free(struct session **session);

/* What to tell the client, valid until the next call. */
const struct reply *session_reply(const struct session *session);

/* For log lines: the queue id, or the session's. */
const char *session_id(const struct session *session);

/* The message in hand: its envelope. NULL when there is none. */
const struct transaction *session_transaction(const struct session *session);

#endif
