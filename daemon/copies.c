/* The copies that a message is split into: each complete, with the envelope that the MTA told us.
 */
#include "copies.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "handover.h"
#include "why.h"

#define MESSAGE_ID_RANDOM_BYTES 16
#define DATE_BYTES 48

bool copies_allowed(const struct gateway *gateway)
{
    const struct settings *settings = &gateway->config->settings;
    return settings->split && settings->reinject[0] != '\0';
}

/* What is to be handed over, in the form that handover() takes. */
struct bundle {
    struct copy *copies;
    struct entity *messages; /* bodies are borrowed */
    struct copy_recipient *recipients;
    size_t count;
};

static void bundle_clear(struct bundle *bundle)
{
    for (size_t i = 0; bundle->messages != NULL && i < bundle->count; i++)
        header_clear(&bundle->messages[i].header);
    free(bundle->messages);
    free(bundle->copies);
    free(bundle->recipients);
}

static int bundle_make(const struct outcome *outcome, struct bundle *out)
{
    size_t recipients = 0;
    for (size_t i = 0; i < outcome->copy_count; i++)
        recipients += outcome->copies[i].count;
    out->count = outcome->copy_count;
    out->copies = calloc(out->count, sizeof *out->copies);
    out->messages = calloc(out->count, sizeof *out->messages);
    out->recipients = calloc(recipients, sizeof *out->recipients);
    return out->copies != NULL && out->messages != NULL && out->recipients != NULL ? 0 : -1;
}

/* RFC 5322 section 3.3, whatever the locale says. */
static void write_date(time_t now, char out[DATE_BYTES])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = {0};
    gmtime_r(&now, &tm);
    snprintf(out, DATE_BYTES, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The way of a copy is not the MTA's alone: one field says that it came through us, and counts for
 * those who look for loops. */
static int add_received(const struct gateway *gateway, const char *id, time_t now,
                        struct header *header)
{
    char date[DATE_BYTES];
    char *value = NULL;
    int rc = -1;
    write_date(now, date);
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
                          struct outcome *outcome)
{
    unsigned char random[MESSAGE_ID_RANDOM_BYTES];
    char hex[2 * MESSAGE_ID_RANDOM_BYTES + 1];
    char *value = NULL;
    int rc;
    if (header_get(&transaction->message.header, "Message-ID", 0) != NULL)
        return 0;
    if (RAND_bytes(random, sizeof random) != 1)
        return -1;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(hex + 2 * i, 3, "%02x", random[i]);
    if (asprintf(&value, " <%s@%s>", hex, gateway->config->settings.authserv_id) < 0)
        return -1;
    rc = outcome_edit(outcome, EDIT_APPEND, "Message-ID", 0, value);
    for (size_t i = 0; rc == 0 && i < outcome->copy_count; i++)
        rc = outcome_edit(outcome->copies[i].outcome, EDIT_APPEND, "Message-ID", 0, value);
    free(value);
    return rc;
}

static void refuse(struct outcome *outcome, const char *recipient, char **cause)
{
    struct outcome answer = {
        .action = FLOW_REPLY, .direction = outcome->direction, .transform = TRANSFORM_REFUSE};
    if (recipient != NULL)
        reply_setf(&answer.reply, 550, "5.1.1",
                   "Not sent: the mail server does not take mail to %s",
                   "Nicht gesendet: der Mailserver nimmt keine Mail an %s an", recipient);
    else
        reply_set(
            &answer.reply, 554, "5.6.0",
            "Not sent: the mail server does not take the copy for one of the recipients",
            "Nicht gesendet: der Mailserver nimmt die Kopie fuer einen der Empfaenger nicht an");
    answer.cause = *cause;
    *cause = NULL;
    outcome_become(outcome, &answer);
}

static int make_all(const struct gateway *gateway, const struct transaction *transaction,
                    const char *id, time_t now, struct outcome *outcome, struct bundle *bundle)
{
    struct copy_recipient *recipients;
    if (add_message_id(gateway, transaction, outcome) != 0 || bundle_make(outcome, bundle) != 0)
        return -1;
    recipients = bundle->recipients;
    for (size_t i = 0; i < bundle->count; i++) {
        const struct outcome_copy *from = &outcome->copies[i];
        make_envelope(transaction, from, recipients, &bundle->copies[i]);
        recipients += from->count;
        if (make_message(gateway, transaction, from->outcome, id, now, &bundle->messages[i]) != 0)
            return -1;
        bundle->copies[i].message = &bundle->messages[i];
    }
    return 0;
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
    if (make_all(gateway, transaction, id, now, outcome, &bundle) != 0)
        why_set(&why, "out of memory");
    else
        status = handover(&gateway->config->settings, bundle.copies, bundle.count, progress,
                          &committed, &refused, &why);
    if (status != HANDOVER_DONE)
        why_prefix(&why, "%zu of %zu copies handed over", committed, bundle.count);
    if (status == HANDOVER_REFUSED)
        refuse(outcome, refused, &why);
    else if (status == HANDOVER_DEFERRED)
        outcome_defer(outcome, &why);
    bundle_clear(&bundle);
    why_free(&why);
}
