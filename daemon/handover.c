/* Handing copies of a message to the MTA: all of them up to the last step first, then the last step
 * of each, so that what can go wrong does so while nothing has been handed over. */
#include "handover.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "mail_server.h"
#include "utf8.h"
#include "why.h"

#define BLOCK_BYTES 16384
/* All has been said when we leave; servers that are slow to say goodbye are left without. */
#define GOODBYE_MS 2000
/* From the first end of data on. What is broken off then comes again, and with it all that was
 * handed over, each time that the client tries; he waits ten minutes for our answer (RFC 5321
 * section 4.5.3.2.6), four of which work_timeout_s may have taken. */
#define FINISH_MS 240000
/* Postfix takes the hundredth RSET on a connection, and those to come, for errors
 * (smtpd_junk_command_limit): it waits after each, and then hangs up. */
#define MAX_RESETS 50

struct handover {
    struct smtp_server server;
    struct smtp *connections[HANDOVER_MAX_CONNECTIONS];
    const struct smime_progress *progress;
    long long start_ms;
    long long limit_ms;
    bool finishing;      /* the first end of data is due, or over */
    const char *refused; /* the recipient */
};

/* What has to be known of a copy before it is offered. */
struct content_facts {
    long long size;
    bool eightbit;
    bool utf8_header;
};

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum smtp_status time_is_up(const struct handover *work, char **why)
{
    const struct smime_progress *progress = work->progress;

    if (now_ms() - work->start_ms < work->limit_ms &&
        !(progress && progress->tick && progress->tick(progress->context) != 0))
        return SMTP_OK;
    why_set(why, "the copies could not be handed over in time");
    return SMTP_DEFERRED;
}

static enum smtp_status read_block(const struct spool *body, char *block, off_t at, size_t *length,
                                   char **why)
{
    ssize_t got = spool_read(body, block, BLOCK_BYTES, at);

    if (got < 0) {
        why_set(why, "cannot read the message: %s", strerror(errno));
        return SMTP_ERROR;
    }
    *length = (size_t)got;
    return SMTP_OK;
}

static enum smtp_status learn_facts(const struct handover *work, const struct entity *message,
                                    struct content_facts *out, char **why)
{
    enum smtp_status status = SMTP_OK;
    char block[BLOCK_BYTES];
    char last = '\n';
    size_t length = 0;

    *out = (struct content_facts){.size = 2}; /* the empty line */
    for (size_t i = 0; i < message->header.count; i++) {
        const struct header_field *field = &message->header.fields[i];
        size_t name = strlen(field->name), value = strlen(field->value);

        out->size += (long long)(name + value + 3);
        if (!utf8_is_ascii(field->name, name) || !utf8_is_ascii(field->value, value))
            out->utf8_header = true;
    }
    out->eightbit = out->utf8_header;
    for (off_t at = 0; status == SMTP_OK; at += (off_t)length) {
        status = time_is_up(work, why);
        if (status == SMTP_OK)
            status = read_block(message->body, block, at, &length, why);
        if (status != SMTP_OK || length == 0)
            break;
        out->size += (long long)length;
        last = block[length - 1];
        out->eightbit = out->eightbit || !utf8_is_ascii(block, length);
    }
    if (last != '\n')
        out->size += 2;
    return status;
}

/* Does the envelope by itself need SMTPUTF8? */
static bool envelope_is_utf8(const struct copy *copy)
{
    if (!utf8_is_ascii(copy->sender, strlen(copy->sender)))
        return true;
    for (size_t i = 0; i < copy->recipient_count; i++) {
        const struct copy_recipient *recipient = &copy->recipients[i];

        if (!utf8_is_ascii(recipient->text, strlen(recipient->text)) ||
            (recipient->orcpt && !utf8_is_ascii(recipient->orcpt, strlen(recipient->orcpt))))
            return true;
    }
    return false;
}

/* MAIL and every RCPT. */
static enum smtp_status say_envelope(struct handover *work, struct smtp *smtp,
                                     const struct copy *copy, char **why)
{
    struct smtp_sender sender = {.address = copy->sender, .ret = copy->ret, .envid = copy->envid};
    struct content_facts facts;
    enum smtp_status status = learn_facts(work, copy->message, &facts, why);

    if (status != SMTP_OK)
        return status;
    sender.size = facts.size;
    sender.eightbit = facts.eightbit;
    /* A raw 8-bit header field in a message that came without SMTPUTF8 is common, and asking for
     * SMTPUTF8 would only keep it from servers that know no better. */
    sender.smtputf8 = envelope_is_utf8(copy) ||
                      (copy->smtputf8 && (facts.utf8_header || smtp_offers(smtp, SMTP_SMTPUTF8)));
    status = smtp_mail(smtp, &sender, why);
    for (size_t i = 0; i < copy->recipient_count && status == SMTP_OK; i++) {
        const struct copy_recipient *recipient = &copy->recipients[i];
        struct smtp_recipient to = {recipient->text, recipient->notify, recipient->orcpt};

        status = smtp_rcpt(smtp, &to, why);
        if (status == SMTP_REFUSED)
            work->refused = recipient->text;
    }
    return status;
}

static enum smtp_status say_header(struct smtp *smtp, const struct header *header, char **why)
{
    enum smtp_status status = SMTP_OK;

    for (size_t i = 0; i < header->count && status == SMTP_OK; i++) {
        const struct header_field *field = &header->fields[i];

        status = smtp_write(smtp, field->name, strlen(field->name), why);
        if (status == SMTP_OK)
            status = smtp_write(smtp, ":", 1, why);
        if (status == SMTP_OK)
            status = smtp_write(smtp, field->value, strlen(field->value), why);
        if (status == SMTP_OK)
            status = smtp_write(smtp, "\r\n", 2, why);
    }
    return status == SMTP_OK ? smtp_write(smtp, "\r\n", 2, why) : status;
}

/* DATA, and everything but the end of it. */
static enum smtp_status say_content(const struct handover *work, struct smtp *smtp,
                                    const struct entity *message, char **why)
{
    enum smtp_status status = smtp_data(smtp, why);
    char block[BLOCK_BYTES];
    size_t length = 0;

    if (status == SMTP_OK)
        status = say_header(smtp, &message->header, why);
    for (off_t at = 0; status == SMTP_OK; at += (off_t)length) {
        status = time_is_up(work, why);
        if (status == SMTP_OK)
            status = read_block(message->body, block, at, &length, why);
        if (status != SMTP_OK || length == 0)
            break;
        status = smtp_write(smtp, block, length, why);
    }
    return status;
}

/* The i-th connection; made when it is first needed. */
static enum smtp_status connection(struct handover *work, size_t i, char **why)
{
    long long left_ms = work->limit_ms - (now_ms() - work->start_ms);
    enum smtp_status status = time_is_up(work, why);

    if (status != SMTP_OK || work->connections[i])
        return status;
    work->server.total_timeout_ms = left_ms > 1 ? (int)left_ms : 1;
    return smtp_connect(&work->server, &work->connections[i], why);
}

/* Ask for the envelopes of copies whose turn comes late, while nothing is handed over yet. */
static enum smtp_status ask(struct handover *work, const struct copy *copies, size_t count,
                            char **why)
{
    enum smtp_status status = SMTP_OK;

    for (size_t i = 0; i < count && status == SMTP_OK; i++) {
        status = connection(work, 0, why);
        if (status == SMTP_OK)
            status = say_envelope(work, work->connections[0], &copies[i], why);
        if (status == SMTP_OK)
            status = smtp_reset(work->connections[0], why);
        if (status == SMTP_OK && (i + 1) % MAX_RESETS == 0)
            smtp_quit(&work->connections[0]);
    }
    return status;
}

/* There is no way back from the first end of data. */
static void begin_to_finish(struct handover *work)
{
    if (work->finishing)
        return;
    work->finishing = true;
    work->limit_ms = now_ms() - work->start_ms + FINISH_MS;
    for (size_t i = 0; i < HANDOVER_MAX_CONNECTIONS; i++)
        if (work->connections[i])
            smtp_extend(work->connections[i], FINISH_MS);
    if (work->progress && work->progress->extend)
        work->progress->extend(work->progress->context, FINISH_MS);
}

/* Hand over at most HANDOVER_MAX_CONNECTIONS copies. */
static enum smtp_status hand_over_some(struct handover *work, const struct copy *copies,
                                       size_t count, size_t *committed, char **why)
{
    enum smtp_status status = SMTP_OK;

    for (size_t i = 0; i < count && status == SMTP_OK; i++) {
        status = connection(work, i, why);
        if (status == SMTP_OK)
            status = say_envelope(work, work->connections[i], &copies[i], why);
        if (status == SMTP_OK)
            status = say_content(work, work->connections[i], copies[i].message, why);
    }
    /* Time has passed for the first ones: are all still there? */
    for (size_t i = 0; i < count && status == SMTP_OK; i++)
        status = smtp_flush(work->connections[i], why);
    if (status == SMTP_OK)
        begin_to_finish(work);
    for (size_t i = 0; i < count && status == SMTP_OK; i++) {
        status = smtp_end(work->connections[i], why);
        if (status == SMTP_OK)
            (*committed)++;
    }
    return status;
}

static void leave(struct handover *work)
{
    long long until_ms = now_ms() + GOODBYE_MS;

    for (size_t i = 0; i < HANDOVER_MAX_CONNECTIONS; i++) {
        if (now_ms() < until_ms)
            smtp_quit(&work->connections[i]);
        else
            smtp_free(&work->connections[i]);
    }
}

static enum handover_status hand_over(const struct settings *settings,
                                      const struct mail_server_setting *setting,
                                      const struct copy *copies, size_t count,
                                      const struct smime_progress *progress, size_t *committed_out,
                                      const char **refused_out, char **why)
{
    struct handover work = {.progress = progress,
                            .start_ms = now_ms(),
                            .limit_ms = (long long)settings->work_timeout_s * 1000};
    enum smtp_status status = SMTP_OK;
    size_t committed = 0;

    mail_server_fill(settings, setting, &work.server);
    if (progress) {
        work.server.tick = progress->tick;
        work.server.context = progress->context;
    }
    if (count > HANDOVER_MAX_CONNECTIONS)
        status =
            ask(&work, copies + HANDOVER_MAX_CONNECTIONS, count - HANDOVER_MAX_CONNECTIONS, why);
    for (size_t first = 0; first < count && status == SMTP_OK; first += HANDOVER_MAX_CONNECTIONS) {
        size_t some = count - first;

        if (some > HANDOVER_MAX_CONNECTIONS)
            some = HANDOVER_MAX_CONNECTIONS;
        status = hand_over_some(&work, copies + first, some, &committed, why);
    }
    leave(&work);
    *committed_out = committed;
    if (status == SMTP_OK)
        return HANDOVER_DONE;
    if (status != SMTP_REFUSED)
        return HANDOVER_DEFERRED;
    if (refused_out)
        *refused_out = work.refused;
    return HANDOVER_REFUSED;
}

/* Without a listener nothing is handed over: *why says who is missing. */
static enum handover_status hand_over_to(const struct settings *settings,
                                         const struct mail_server_setting *setting,
                                         const char *missing, const struct copy *copies,
                                         size_t count, const struct smime_progress *progress,
                                         size_t *committed_out, const char **refused_out,
                                         char **why)
{
    *committed_out = 0;
    if (refused_out)
        *refused_out = NULL;
    if (!setting || !setting->address) {
        why_set(why, "%s", missing);
        return HANDOVER_DEFERRED;
    }
    return hand_over(settings, setting, copies, count, progress, committed_out, refused_out, why);
}

enum handover_status handover(const struct settings *settings, const struct copy *copies,
                              size_t count, const struct smime_progress *progress,
                              size_t *committed_out, const char **refused_out, char **why)
{
    return hand_over_to(settings, &settings->reinject,
                        "reinject is not set: there is nobody to take copies", copies, count,
                        progress, committed_out, refused_out, why);
}

enum handover_status handover_incoming(const struct settings *settings, const struct copy *copies,
                                       size_t count, const struct smime_progress *progress,
                                       size_t *committed_out, const char **refused_out, char **why)
{
    const struct mail_server_setting *own = &settings->reinject_incoming;

    return hand_over_to(settings, own->address ? own : &settings->reinject,
                        "reinject is not set: there is nobody to take copies", copies, count,
                        progress, committed_out, refused_out, why);
}

enum handover_status handover_own(const struct settings *settings, const struct copy *copies,
                                  size_t count, const struct smime_progress *progress,
                                  size_t *committed_out, const char **refused_out, char **why)
{
    return hand_over_to(settings, mail_server_for_own(settings),
                        "mail_server and reinject are not set: there is nobody to take mail",
                        copies, count, progress, committed_out, refused_out, why);
}
