/* One connection of the MTA: what it says becomes a transaction. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "copies.h"
#include "log.h"
#include "message_log.h"
#include "public_address.h"
#include "weaker.h"
#include "why.h"
#include "work_timer.h"

#define SESSION_ID_BYTES 48
/* 1 January 2025. A machine without a clock of its own may begin years before, until it is told the
 * time: no certificate is valid then, and what was to be encrypted would go out in the clear. */
#define EARLIEST_NOW ((time_t)1735689600)

struct session {
    struct service *service;
    struct gateway *gateway; /* of the message in hand; NULL between messages */
    struct transaction transaction;
    struct outcome outcome;
    bool outcome_set;
    struct work_timer timer;
    unsigned long number;   /* of the connection, from 1 */
    unsigned long messages; /* begun on it */
    char *queue_id;         /* NULL while there is none */
    char *host;             /* completes addresses without a domain; NULL: the MTA did not say */
    char id[SESSION_ID_BYTES];
    struct reply reply;   /* what session_reply() says */
    struct reply pending; /* for the end of the header: why the message will be refused */
    char *pending_cause;
};

static void set_id(struct session *session)
{
    snprintf(session->id, sizeof session->id, "s%05lu-%lu", session->number, session->messages);
}

/* Release the message in hand. Connection state stays. */
static void clear_message(struct session *session)
{
    if (session->outcome_set)
        outcome_clear(&session->outcome);
    session->outcome_set = false;
    transaction_clear(&session->transaction);
    reply_clear(&session->pending);
    why_free(&session->pending_cause);
    free(session->queue_id);
    session->queue_id = NULL;
    free(session->host);
    session->host = NULL;
    /* Last: spools point into the gateway's configuration. */
    if (session->gateway)
        service_end_message(session->service, &session->gateway);
}

struct session *session_new(struct service *service)
{
    struct session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->service = service;
    session->number = service_next_session(service);
    session->transaction.role = service_role(service);
    set_id(session);
    return session;
}

void session_connect(struct session *session, const struct sockaddr *address)
{
    struct transaction *transaction = &session->transaction;

    clear_message(session);
    transaction->client_known = false;
    memset(transaction->client, 0, sizeof transaction->client);
    /* Programs on this machine have no address: the MTA makes one up (127.0.0.1) for them. */
    if (!address || transaction->role == ROLE_LOCAL)
        return;
    transaction->client_known = address_bytes(address, transaction->client);
}

/* Refuse the message in hand with session->reply (set before), log it, forget it. */
static enum session_result refuse(struct session *session, const char *cause)
{
    message_log_refused(session_id(session), &session->transaction, NULL, &session->reply, cause);
    clear_message(session);
    return SESSION_REPLY;
}

static enum session_result defer(struct session *session, const char *cause)
{
    reply_defer(&session->reply);
    return refuse(session, cause);
}

/* Refuse the message, but not before the end of its header: a program on this machine that is
 * refused earlier leaves the message stranded in the MTA's queue. The first reason counts. */
static void refuse_later(struct session *session, const struct reply *reply, const char *cause)
{
    if (session->pending.code)
        return;
    reply_set(&session->pending, reply->code, reply->enhanced, reply->english, reply->german);
    if (cause)
        why_set(&session->pending_cause, "%s", cause);
}

/* `text` without its angle brackets. NULL when out of memory. */
static char *without_brackets(const char *text)
{
    size_t length = strlen(text);

    if (length >= 2 && text[0] == '<' && text[length - 1] == '>')
        return strndup(text + 1, length - 2);
    return strdup(text);
}

/* Canonical form of `text` (without brackets). An address without a domain gets the MTA's name:
 * what MTAs accept so ("postmaster", the user names of local programs) they complete likewise. */
static enum address_status canonical_of(const struct session *session, const char *text,
                                        char **canonical_out)
{
    const char *host = session->host;
    enum address_status status;
    char *complete = NULL;

    if (!*text || strchr(text, '@'))
        return address_canonical(text, strlen(text), canonical_out);
    if (!host)
        host = session->gateway->config->settings.authserv_id;
    if (asprintf(&complete, "%s@%s", text, host) < 0)
        return ADDRESS_ERROR;
    status = address_canonical(complete, strlen(complete), canonical_out);
    free(complete);
    return status;
}

/* Fill what belongs to MAIL but the sender itself. Returns 0, -1 out of memory. */
static int note_mail(struct session *session, const struct session_mail *mail)
{
    struct transaction *transaction = &session->transaction;

    free(transaction->login);
    transaction->login = NULL;
    if (mail->login && *mail->login) {
        transaction->login = strdup(mail->login);
        if (!transaction->login)
            return -1;
    }
    if (mail->tls && *mail->tls) {
        transaction->tls = strdup(mail->tls);
        if (!transaction->tls)
            return -1;
    }
    if (mail->host && *mail->host) {
        session->host = strdup(mail->host);
        if (!session->host)
            return -1;
    }
    if (transaction_set_sender_args(transaction, mail->args) != 0)
        return -1;
    transaction->message.body = spool_new(&session->gateway->spool);
    return transaction->message.body ? 0 : -1;
}

/* Set sender and sender_text of the transaction. */
static enum session_result take_sender(struct session *session, const char *from)
{
    struct transaction *transaction = &session->transaction;
    enum session_result result = SESSION_CONTINUE;
    enum address_status status = ADDRESS_ERROR;
    char *canonical = NULL;
    char *why = NULL;

    transaction->sender_text = without_brackets(from);
    if (transaction->sender_text)
        status = canonical_of(session, transaction->sender_text, &canonical);
    /* What is no address is refused below, or judged as the null sender until it is. */
    transaction->sender = status == ADDRESS_OK ? canonical : strdup("");
    if (status == ADDRESS_ERROR || !transaction->sender)
        return defer(session, "out of memory");
    if (status != ADDRESS_INVALID)
        return SESSION_CONTINUE;
    why_set(&why, "the envelope sender %s is not a mail address", from);
    reply_set(&session->reply, 550, "5.1.7", "The sender's address is not a mail address.",
              "Die Absenderadresse ist keine Mailadresse.");
    if (transaction->role == ROLE_LOCAL)
        refuse_later(session, &session->reply, why_text(&why));
    else
        result = refuse(session, why_text(&why));
    why_free(&why);
    return result;
}

/* What the store found out when it was refreshed concerns no message, but a message found it. */
static void log_notice(const struct session *session)
{
    char *notice = store_take_notice(session->gateway->store);

    if (notice)
        log_line(LOG_LEVEL_WARNING, session_id(session), "%s", notice);
    free(notice);
}

enum session_result session_sender(struct session *session, const struct session_mail *mail)
{
    struct reply reply = {0};
    char *why = NULL;
    enum session_result result;

    clear_message(session);
    session->messages++;
    set_id(session);
    session->gateway = service_begin_message(session->service);
    if (!session->gateway) {
        reply_set(&session->reply, 451, "4.3.2", "The mail gateway is being restarted.",
                  "Das Mail-Gateway wird neu gestartet.");
        return refuse(session, "shutting down");
    }
    if (note_mail(session, mail) != 0)
        return defer(session, "out of memory");
    result = take_sender(session, mail->from);
    if (result == SESSION_CONTINUE &&
        flow_sender(session->gateway, &session->transaction, &reply, &why) != 0) {
        reply_set(&session->reply, reply.code, reply.enhanced, reply.english, reply.german);
        result = refuse(session, why_text(&why));
    } else if (result == SESSION_CONTINUE) {
        log_notice(session);
    }
    reply_clear(&reply);
    why_free(&why);
    return result;
}

/* Refuse one recipient with session->reply (set before); a local program's message as a whole,
 * later. */
static enum session_result refuse_recipient(struct session *session, const char *to,
                                            const char *cause, bool local_later)
{
    if (local_later && session->transaction.role == ROLE_LOCAL) {
        refuse_later(session, &session->reply, cause);
        return SESSION_CONTINUE;
    }
    message_log_refused(session_id(session), &session->transaction, to, &session->reply, cause);
    return SESSION_REPLY;
}

/* The MTA limits itself to one transaction; what is over our ceiling comes in another. A local
 * program makes no other one, so there it is final. */
static enum session_result too_many_recipients(struct session *session, const char *to)
{
    bool local = session->transaction.role == ROLE_LOCAL;

    reply_set(&session->reply, local ? 550 : 452, local ? "5.5.3" : "4.5.3",
              "Too many recipients in one message.", "Zu viele Empfaenger in einer Nachricht.");
    return refuse_recipient(session, to, "more than max_recipients", true);
}

/* An MTA forgets the hosts of a source route ("<@a.test,@b.test:bob@partner.test>"), but not in
 * what it calls the recipient: Postfix does not find him again when he is to be taken off a message
 * that others get decrypted, or in the clear. Servers may decline routes (RFC 5321
 * section 4.1.1.3). */
static enum session_result refuse_route(struct session *session, const char *to)
{
    reply_set(&session->reply, 550, "5.1.3",
              "Routes are not taken in the recipient's address, give the address alone.",
              "In der Empfaengeradresse werden keine Wege angenommen, bitte nur die Adresse.");
    return refuse_recipient(session, to, "a source route", true);
}

static int add_recipient(struct transaction *transaction, const char *text, const char *canonical,
                         const char *const *args)
{
    if (transaction_add_recipient(transaction, text, canonical) != 0)
        return -1;
    if (transaction_set_recipient_args(transaction, args) == 0)
        return 0;
    transaction_remove_last_recipient(transaction);
    return -1;
}

enum session_result session_recipient(struct session *session, const char *to,
                                      const char *const *args, time_t now)
{
    struct transaction *transaction = &session->transaction;
    enum session_result result = SESSION_CONTINUE;
    enum address_status status = ADDRESS_ERROR;
    char *canonical = NULL;
    char *text = NULL;
    char *why = NULL;

    if (!session->gateway) {
        reply_defer(&session->reply);
        return refuse_recipient(session, to, "RCPT without MAIL", false);
    }
    if (transaction->recipient_count >= (size_t)session->gateway->config->settings.max_recipients)
        return too_many_recipients(session, to);
    text = without_brackets(to);
    if (text)
        status = canonical_of(session, text, &canonical);
    if (status == ADDRESS_OK && text[0] == '@') {
        result = refuse_route(session, to);
    } else if (status == ADDRESS_INVALID || status == ADDRESS_NULL) {
        reply_set(&session->reply, 550, "5.1.3", "The recipient's address is not a mail address.",
                  "Die Empfaengeradresse ist keine Mailadresse.");
        result = refuse_recipient(session, to, "not a mail address", true);
    } else if (status != ADDRESS_OK || add_recipient(transaction, text, canonical, args) != 0) {
        reply_defer(&session->reply);
        result = refuse_recipient(session, to, "out of memory", false);
    } else if (flow_recipient(session->gateway, transaction, now, &session->reply, &why) != 0) {
        transaction_remove_last_recipient(transaction);
        result = refuse_recipient(session, to, why, false);
    }
    why_free(&why);
    free(text);
    free(canonical);
    return result;
}

void session_set_queue_id(struct session *session, const char *queue_id)
{
    char *copy;

    if (!queue_id || !*queue_id || (session->queue_id && !strcmp(session->queue_id, queue_id)))
        return;
    copy = strdup(queue_id);
    if (!copy)
        return; /* the session's id serves as well */
    log_line(LOG_LEVEL_DEBUG, session->id, "queue id is %s", copy);
    free(session->queue_id);
    session->queue_id = copy;
}

void session_header(struct session *session, const char *name, const char *value)
{
    struct header *header = &session->transaction.message.header;
    const struct settings *settings;
    struct reply reply = {0};
    size_t more = strlen(name) + strlen(value) + 3;

    if (!session->gateway || session->pending.code)
        return;
    settings = &session->gateway->config->settings;
    if (header->bytes + more > (size_t)settings->max_header_bytes ||
        header->count >= (size_t)settings->max_header_fields) {
        reply_set(&reply, 552, "5.3.4", "The header of the message is too large.",
                  "Der Kopf der Nachricht ist zu gross.");
        refuse_later(session, &reply,
                     "the header is larger than max_header_bytes or max_header_fields");
    } else if (header_add(header, name, value) != 0) {
        reply_defer(&reply);
        refuse_later(session, &reply, "out of memory");
    }
    reply_clear(&reply);
}

/* Is the message to be refused for what came before? */
static bool take_pending(struct session *session)
{
    if (!session->pending.code)
        return false;
    reply_set(&session->reply, session->pending.code, session->pending.enhanced,
              session->pending.english, session->pending.german);
    return true;
}

enum session_result session_end_of_header(struct session *session)
{
    if (!session->gateway)
        return defer(session, "header without MAIL");
    if (take_pending(session))
        return refuse(session, session->pending_cause);
    return SESSION_CONTINUE;
}

enum session_result session_body(struct session *session, const void *bytes, size_t length)
{
    struct entity *message = &session->transaction.message;
    long long size;

    if (!session->gateway)
        return defer(session, "body without MAIL");
    size =
        (long long)spool_size(message->body) + (long long)message->header.bytes + (long long)length;
    if (size > session->gateway->config->settings.max_message_bytes) {
        reply_set(&session->reply, 552, "5.3.4", "The message is too large.",
                  "Die Nachricht ist zu gross.");
        return refuse(session, "larger than max_message_bytes");
    }
    if (spool_write(message->body, bytes, length) != 0) {
        char *cause = NULL;
        enum session_result result;

        why_set(&cause, "cannot write to the spool %s: %m", session->gateway->spool.directory);
        result = defer(session, why_text(&cause));
        why_free(&cause);
        return result;
    }
    return SESSION_CONTINUE;
}

enum session_result session_end(struct session *session, time_t now, int (*report)(void *context),
                                void *context, const struct outcome **outcome_out)
{
    struct smime_progress progress = {
        .tick = work_timer_tick, .context = &session->timer, .extend = work_timer_extend};
    struct outcome *outcome = &session->outcome;

    if (!session->gateway)
        return defer(session, "end of message without MAIL");
    /* A header without its end is possible where the MTA was told not to send it. */
    if (take_pending(session))
        return refuse(session, session->pending_cause);
    if (now < EARLIEST_NOW)
        return defer(session, "the clock of this machine is years behind");
    work_timer_start(&session->timer, session->gateway->config->settings.work_timeout_s, report,
                     context);
    *outcome = (struct outcome){0};
    session->outcome_set = true;
    flow_message(session->gateway, &session->transaction, now, &progress, outcome);
    copies_hand_over(session->gateway, &session->transaction, session_id(session), now, &progress,
                     outcome);
    if (outcome->action != FLOW_REPLY) {
        *outcome_out = outcome;
        return SESSION_CONTINUE;
    }
    if (outcome->reply.code == 0)
        reply_defer(&outcome->reply);
    reply_set(&session->reply, outcome->reply.code, outcome->reply.enhanced, outcome->reply.english,
              outcome->reply.german);
    counters_add(service_counters(session->service), outcome, true);
    message_log(session_id(session), outcome->reply.code < 500 ? "defer" : "refuse",
                &session->transaction, outcome, work_timer_elapsed_ms(&session->timer));
    clear_message(session);
    return SESSION_REPLY;
}

void session_finish(struct session *session, bool applied)
{
    const struct outcome *outcome = &session->outcome;
    const char *action = outcome->action == FLOW_REPLACE ? "replace" : "pass";

    if (!session->outcome_set)
        return;
    if (!applied)
        log_line(LOG_LEVEL_WARNING, session_id(session),
                 "the MTA did not take the result; the message is deferred%s",
                 outcome->copy_count > 0 ? ", its copies will come twice" : "");
    counters_add(service_counters(session->service), outcome, applied);
    for (size_t i = 0; i < outcome->copy_count; i++) {
        counters_add_copy(service_counters(session->service), outcome->copies[i].outcome);
        message_log_copy(session_id(session), &session->transaction, &outcome->copies[i]);
    }
    message_log(session_id(session), applied ? action : "defer", &session->transaction, outcome,
                work_timer_elapsed_ms(&session->timer));
    if (applied)
        weaker_note(session->gateway, &session->transaction, session_id(session));
    clear_message(session);
}

void session_abort(struct session *session)
{
    if (session->gateway)
        log_line(LOG_LEVEL_DEBUG, session_id(session), "aborted by the MTA");
    clear_message(session);
}

void session_free(struct session **session)
{
    if (!*session)
        return;
    session_abort(*session);
    free((*session)->transaction.login);
    reply_clear(&(*session)->reply);
    free(*session);
    *session = NULL;
}

const struct reply *session_reply(const struct session *session)
{
    return &session->reply;
}

const char *session_id(const struct session *session)
{
    return session->queue_id ? session->queue_id : session->id;
}

const struct transaction *session_transaction(const struct session *session)
{
    return session->gateway ? &session->transaction : NULL;
}
