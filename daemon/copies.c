/* The copies that a message is split into: each complete, with the envelope that the MTA told us.
 */
#include "copies.h"

#include <stdlib.h>
#include <string.h>

#include "handover.h"
#include "mail_date.h"
#include "message_id.h"
#include "report.h"
#include "why.h"

bool copies_allowed(const struct gateway *gateway)
{
    const struct settings *settings = &gateway->config->settings;
    return settings->split && settings->reinject.address != NULL;
}

/* What is to be handed over, in the form that handover() takes. */
struct bundle {
    struct copy *copies;
    struct entity *messages; /* bodies are borrowed, but that of the report */
    struct copy_recipient *recipients;
    size_t count;
    bool has_report; /* the last one */
};

static void bundle_clear(struct bundle *bundle)
{
    for (size_t i = 0; bundle->messages != NULL && i < bundle->count; i++)
        header_clear(&bundle->messages[i].header);
    if (bundle->has_report)
        spool_free(&bundle->messages[bundle->count - 1].body);
    free(bundle->messages);
    free(bundle->copies);
    free(bundle->recipients);
}

static bool is_refused(const struct outcome_copy *copy)
{
    return copy->outcome->action == FLOW_REPLY;
}

/* Room for all copies, and a report. */
static int bundle_make(const struct outcome *outcome, struct bundle *out)
{
    size_t recipients = 1;
    for (size_t i = 0; i < outcome->copy_count; i++)
        recipients += outcome->copies[i].count;
    out->copies = calloc(outcome->copy_count + 1, sizeof *out->copies);
    out->messages = calloc(outcome->copy_count + 1, sizeof *out->messages);
    out->recipients = calloc(recipients, sizeof *out->recipients);
    return out->copies != NULL && out->messages != NULL && out->recipients != NULL ? 0 : -1;
}

/* The way of a copy is not the MTA's alone: one field says that it came through us, and counts for
 * those who look for loops. */
static int add_received(const struct gateway *gateway, const char *id, time_t now,
                        struct header *header)
{
    char date[MAIL_DATE_BYTES];
    char *value = NULL;
    int rc = -1;
    mail_date(now, date);
    if (asprintf(&value, " by %s (smimed) id %.*s;\r\n\t%s", gateway->config->settings.authserv_id,
                 (int)strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"),
                 id, date) < 0)
        return -1;
    rc = header_insert(header, 0, "Received", value);
    free(value);
    return rc;
}

static int make_message(const struct gateway *gateway, const struct transaction *transaction,
                        const struct outcome *part, const char *id, time_t now,
                        struct entity *message)
{
    message->body = part->action == FLOW_REPLACE ? part->body : transaction->message.body;
    if (header_copy(&message->header, &transaction->message.header) != 0 ||
        outcome_edit_header(part, &message->header) != 0)
        return -1;
    return add_received(gateway, id, now, &message->header);
}

static void make_envelope(const struct transaction *transaction, const struct outcome_copy *from,
                          struct copy_recipient *recipients, struct copy *copy)
{
    char *const *args = transaction->sender_args;
    copy->sender = transaction->sender_text;
    copy->ret = from->outcome->return_headers_only ? "HDRS" : transaction_arg(args, "RET");
    copy->envid = transaction_arg(args, "ENVID");
    copy->smtputf8 = transaction_flag(args, "SMTPUTF8");
    copy->recipients = recipients;
    copy->recipient_count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        const struct recipient *recipient = &transaction->recipients[from->members[i]];
        recipients[i] = (struct copy_recipient){
            .text = recipient->text,
            .notify = transaction_arg(recipient->args, "NOTIFY"),
            .orcpt = transaction_arg(recipient->args, "ORCPT"),
        };
    }
}

/* One for all, so that a reader who gets two copies sees that they are one message. */
static int add_message_id(const struct gateway *gateway, const struct transaction *transaction,
                          struct outcome *outcome, char **why)
{
    char *value = NULL;
    char *id;
    int rc;
    if (header_get(&transaction->message.header, "Message-ID", 0) != NULL)
        return 0;
    id = message_id_of(gateway->store, &transaction->message, gateway->config->settings.authserv_id,
                       why);
    if (id == NULL || asprintf(&value, " <%s>", id) < 0) {
        free(id);
        return -1;
    }
    rc = outcome_edit(outcome, EDIT_APPEND, "Message-ID", 0, value);
    for (size_t i = 0; rc == 0 && i < outcome->copy_count; i++)
        rc = outcome_edit(outcome->copies[i].outcome, EDIT_APPEND, "Message-ID", 0, value);
    free(value);
    free(id);
    return rc;
}

/* The refused recipients of whom the sender wants to hear: their number, in *members_out (free()).
 * -1 out of memory. */
static int collect_refused(const struct transaction *transaction, const struct outcome *outcome,
                           size_t **members_out)
{
    size_t *members = calloc(transaction->recipient_count, sizeof *members);
    int count = 0;
    if (members == NULL)
        return -1;
    for (size_t c = 0; c < outcome->copy_count; c++) {
        const struct outcome_copy *copy = &outcome->copies[c];
        for (size_t i = 0; is_refused(copy) && i < copy->count; i++)
            if (report_wanted(&transaction->recipients[copy->members[i]]))
                members[count++] = copy->members[i];
    }
    *members_out = members;
    return count;
}

/* Reports are sent by nobody, so that nobody reports on them. */
static int add_report(const struct gateway *gateway, const struct transaction *transaction,
                      const char *id, time_t now, const struct outcome *outcome,
                      struct copy_recipient *recipient, struct bundle *bundle, char **why)
{
    size_t *members = NULL;
    int count = collect_refused(transaction, outcome, &members);
    int rc = count < 0 ? -1 : 0;
    if (count > 0)
        rc = report_make(gateway, transaction, members, (size_t)count, id, now,
                         &bundle->messages[bundle->count], why);
    if (rc == 0 && count > 0) {
        *recipient = (struct copy_recipient){.text = transaction->sender_text, .notify = "NEVER"};
        bundle->copies[bundle->count] = (struct copy){
            .sender = "",
            .recipients = recipient,
            .recipient_count = 1,
            .message = &bundle->messages[bundle->count],
        };
        bundle->count++;
        bundle->has_report = true;
    }
    free(members);
    return rc;
}

/* A sender who is told that nothing was sent must hear of those who got it all the same. */
static void set_refusal(const char *recipient, bool some_sent, struct reply *reply)
{
    if (recipient != NULL && !some_sent)
        reply_setf(reply, 550, "5.1.1", "Not sent: the mail server does not take mail to %s",
                   "Nicht gesendet: der Mailserver nimmt keine Mail an %s an", recipient);
    else if (recipient != NULL)
        reply_setf(reply, 550, "5.1.1",
                   "Not sent to all: the mail server does not take mail to %s; some have got it",
                   "Nicht an alle gesendet: der Mailserver nimmt keine Mail an %s an; einige haben "
                   "sie erhalten",
                   recipient);
    else if (!some_sent)
        reply_set(
            reply, 554, "5.6.0",
            "Not sent: the mail server does not take the copy for one of the recipients",
            "Nicht gesendet: der Mailserver nimmt die Kopie fuer einen der Empfaenger nicht an");
    else
        reply_set(
            reply, 554, "5.6.0",
            "Not sent to all: the mail server does not take the copy for one of the "
            "recipients; some have got it",
            "Nicht an alle gesendet: der Mailserver nimmt die Kopie fuer einen der Empfaenger "
            "nicht an; einige haben sie erhalten");
}

static void refuse(struct outcome *outcome, const char *recipient, size_t committed, char **cause)
{
    struct outcome answer = {
        .action = FLOW_REPLY, .direction = outcome->direction, .transform = TRANSFORM_REFUSE};
    set_refusal(recipient, committed > 0, &answer.reply);
    answer.cause = *cause;
    *cause = NULL;
    outcome_become(outcome, &answer);
}

static int make_all(const struct gateway *gateway, const struct transaction *transaction,
                    const char *id, time_t now, struct outcome *outcome, struct bundle *bundle,
                    char **why)
{
    struct copy_recipient *recipients;
    if (add_message_id(gateway, transaction, outcome, why) != 0 ||
        bundle_make(outcome, bundle) != 0)
        return -1;
    recipients = bundle->recipients;
    for (size_t i = 0; i < outcome->copy_count; i++) {
        const struct outcome_copy *from = &outcome->copies[i];
        struct entity *message = &bundle->messages[bundle->count];
        struct copy *copy = &bundle->copies[bundle->count];
        if (is_refused(from))
            continue;
        bundle->count++;
        make_envelope(transaction, from, recipients, copy);
        recipients += from->count;
        if (make_message(gateway, transaction, from->outcome, id, now, message) != 0)
            return -1;
        copy->message = message;
    }
    return add_report(gateway, transaction, id, now, outcome, recipients, bundle, why);
}

/* The report comes last where it goes another way: before, it could tell of refused recipients, and
 * then all would be deferred. */
static enum handover_status hand_over_all(const struct settings *settings, enum direction direction,
                                          const struct bundle *bundle,
                                          const struct smime_progress *progress,
                                          size_t *committed_out, const char **refused_out,
                                          char **why)
{
    bool incoming = direction == DIRECTION_INCOMING;
    bool apart = bundle->has_report && (settings->mail_server.address != NULL ||
                                        (incoming && settings->reinject_incoming.address != NULL));
    size_t together = bundle->count - (apart ? 1 : 0);
    enum handover_status status = HANDOVER_DONE;
    size_t reported = 0;
    *committed_out = 0;
    if (together > 0)
        status = (incoming ? handover_incoming : handover)(
            settings, bundle->copies, together, progress, committed_out, refused_out, why);
    if (status == HANDOVER_DONE && apart)
        status = handover_own(settings, &bundle->copies[together], 1, progress, &reported,
                              refused_out, why);
    *committed_out += reported;
    return status;
}

void copies_hand_over(const struct gateway *gateway, const struct transaction *transaction,
                      const char *id, time_t now, const struct smime_progress *progress,
                      struct outcome *outcome)
{
    struct bundle bundle = {0};
    enum handover_status status = HANDOVER_DEFERRED;
    const char *refused = NULL;
    size_t committed = 0;
    char *why = NULL;
    if (outcome->action == FLOW_REPLY || outcome->copy_count == 0)
        return;
    if (make_all(gateway, transaction, id, now, outcome, &bundle, &why) != 0) {
        if (why == NULL)
            why_set(&why, "out of memory");
    } else if (bundle.count == 0) {
        status = HANDOVER_DONE; /* refused, and nobody wants to hear of it */
    } else {
        status = hand_over_all(&gateway->config->settings, outcome->direction, &bundle, progress,
                               &committed, &refused, &why);
    }
    if (status != HANDOVER_DONE)
        why_prefix(&why, "%zu of %zu copies handed over", committed, bundle.count);
    if (status == HANDOVER_REFUSED)
        refuse(outcome, refused, committed, &why);
    else if (status == HANDOVER_DEFERRED)
        outcome_defer(outcome, &why);
    bundle_clear(&bundle);
    why_free(&why);
}
