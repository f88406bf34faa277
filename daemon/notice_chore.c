/* The keeper's part in notices: what waits in the store is sent.
 *
 * A mail is written down before it is sent, and that it was sent after. Between the two there is
 * nothing that SMTP could do about a process that is killed: then the same mail goes out again,
 * with the same Message-ID. */
#include "notice_chore.h"

#include <stdlib.h>

#include "chores.h"
#include "log.h"
#include "message_id.h"
#include "monotonic.h"
#include "notice.h"
#include "notice_delivery.h"
#include "notice_text.h"
#include "why.h"

/* Until when the mail server is left alone, since it did not answer or put us off. Of this process,
 * in which one thread does the chores: whoever waits for a server that is silent keeps the keeper
 * from all else. */
static time_t away_until;

struct work {
    struct gateway *gateway;
    time_t now;
    time_t started; /* CLOCK_MONOTONIC */
};

static time_t now_of(const struct work *work)
{
    return work->now + (monotonic_s() - work->started);
}

/* ---- What came of one ---- */

static const char *recipient_name(const struct notice_mail *mail)
{
    return mail->recipient[0] != '\0' ? mail->recipient : "the administrator";
}

static void finish(const struct work *work, const struct notice_mail *mail, enum notice_state state,
                   const char *error)
{
    char *why = NULL;
    if (store_notice_mail_done(work->gateway->store, mail, state, error, now_of(work), &why) !=
        STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID,
                 "what became of the notice <%s> cannot be noted, and it may come again: %s",
                 mail->message_id, why_text(&why));
    why_free(&why);
}

static void try_later(const struct work *work, const struct notice_mail *mail, const char *error)
{
    time_t wait = NOTICE_RETRY_MAX_S;
    char *why = NULL;
    if (mail->failures < 6 && NOTICE_RETRY_MIN_S << mail->failures < NOTICE_RETRY_MAX_S)
        wait = NOTICE_RETRY_MIN_S << mail->failures;
    log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID,
             "the notice to %s cannot be sent, and is tried again in %lld seconds: %s",
             recipient_name(mail), (long long)wait, error);
    if (store_notice_mail_retry(work->gateway->store, mail, error, now_of(work) + wait, &why) !=
        STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "notices: %s", why_text(&why));
    why_free(&why);
}

static void give_up(const struct work *work, const struct notice_mail *mail, const char *error)
{
    log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "the notice to %s is given up: %s",
             recipient_name(mail), error);
    finish(work, mail, NOTICE_GIVEN_UP, error);
}

/* ---- One mail ---- */

static void log_instead(const struct work *work, const struct notice_mail *mail)
{
    for (size_t i = 0; i < mail->notices.count; i++) {
        char *sentence = notice_sentence(&mail->notices.items[i], now_of(work));
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "notice for no administrator: %s",
                 sentence != NULL ? sentence : notice_kind_name(mail->notices.items[i].kind));
        free(sentence);
    }
    finish(work, mail, NOTICE_LOGGED, NULL);
}

/* Is the mail server there, as far as this has shown? An administrator's address that is refused
 * may be put right; a sender's will not. */
static bool deliver(const struct work *work, const struct notice_mail *mail)
{
    bool to_sender = mail->recipient[0] != '\0';
    time_t now = now_of(work);
    char *why = NULL;
    enum handover_status status =
        notice_deliver(&work->gateway->config->settings, &work->gateway->spool, mail, now, &why);
    switch (status) {
    case HANDOVER_DONE:
        log_line(LOG_LEVEL_INFO, KEEPER_LOG_ID, "notice sent to %s: %zu in one, <%s>%s%s",
                 recipient_name(mail), mail->notices.count, mail->message_id,
                 why != NULL ? "; not to all: " : "", why != NULL ? why : "");
        finish(work, mail, NOTICE_SENT, why);
        break;
    case HANDOVER_REFUSED:
        if (to_sender)
            give_up(work, mail, why_text(&why));
        else
            try_later(work, mail, why_text(&why));
        break;
    case HANDOVER_DEFERRED:
        away_until = now_of(work) + NOTICE_RETRY_MIN_S;
        if (to_sender && mail->formed + NOTICE_GIVE_UP_S < now)
            give_up(work, mail, why_text(&why));
        else
            try_later(work, mail, why_text(&why));
        break;
    }
    why_free(&why);
    return status != HANDOVER_DEFERRED;
}

/* ---- All of them ---- */

static enum store_status take(const struct work *work, struct notice_mail *out, char **why)
{
    const struct settings *settings = &work->gateway->config->settings;
    char *id = message_id_new(settings->authserv_id);
    struct notice_terms terms = {
        .message_id = id,
        .interval_s = settings->administrators.count > 0 ? settings->notice_interval_s : 0,
        .lease_s = 2 * settings->work_timeout_s + NOTICE_LEASE_MARGIN_S,
    };
    enum store_status status = STORE_ERROR;
    if (id == NULL)
        why_set(why, "out of memory");
    else
        status = store_notice_mail_take(work->gateway->store, &terms, now_of(work), out, why);
    free(id);
    return status;
}

void notice_chore(struct gateway *gateway, time_t now)
{
    const struct settings *settings = &gateway->config->settings;
    struct work work = {.gateway = gateway, .now = now, .started = monotonic_s()};
    enum store_status status = STORE_OK;
    bool answers = now >= away_until || away_until - now > NOTICE_RETRY_MIN_S;
    char *why = NULL;
    while (status == STORE_OK && answers && monotonic_s() - work.started < NOTICE_CHORE_S) {
        struct notice_mail mail;
        status = take(&work, &mail, &why);
        if (status != STORE_OK)
            break;
        if (mail.recipient[0] == '\0' && settings->administrators.count == 0)
            log_instead(&work, &mail);
        else
            answers = deliver(&work, &mail);
        notice_mail_clear(&mail);
    }
    if (status != STORE_OK && status != STORE_NONE)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "notices: %s", why_text(&why));
    why_free(&why);
}
