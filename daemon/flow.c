/* The way of a message: which direction it has, and who does the work. */
#include "flow.h"

#include <stdlib.h>

#include "authors.h"
#include "copies.h"
#include "flow_parts.h"
#include "outcome.h"
#include "transport.h"
#include "verdict_fields.h"
#include "why.h"

int flow_sender(struct gateway *gateway, struct transaction *transaction, struct reply *reply_out,
                char **why)
{
    (void)transaction;
    if (store_refresh(gateway->store, why) == STORE_OK)
        return 0;
    reply_defer(reply_out);
    return -1;
}

static int refuse_insecure(struct recipient *recipient, struct reply *reply_out)
{
    transport_refuse(recipient);
    reply_set(reply_out, recipient->reply.code, recipient->reply.enhanced, recipient->reply.english,
              recipient->reply.german);
    return 1;
}

/* What the rules say of a recipient as far as it is known at RCPT. 0; 1 with *reply_out set when he
 * must be refused; -1 for an error of ours. */
static int expect(struct gateway *gateway, struct transaction *transaction,
                  struct recipient *recipient, time_t now, struct reply *reply_out, char **why)
{
    int rc = 0;
    recipient->direction = DIRECTION_NONE;
    recipient->transform = TRANSFORM_NONE;
    recipient->insecure = false;
    if (transaction->role != ROLE_INBOUND) {
        if (transaction->sender[0] != '\0' && gateway_is_managed(gateway, transaction->sender))
            rc = outgoing_expect(gateway, transaction, recipient, now, why);
        return rc == 0 && recipient->insecure ? refuse_insecure(recipient, reply_out) : rc;
    }
    if (!gateway_is_managed(gateway, recipient->canonical))
        return 0;
    incoming_expect(gateway, transaction, recipient);
    if (recipient->insecure)
        return refuse_insecure(recipient, reply_out);
    rc = incoming_refuse_early(gateway, transaction, recipient, why);
    if (rc == 1)
        reply_set(reply_out, recipient->reply.code, recipient->reply.enhanced,
                  recipient->reply.english, recipient->reply.german);
    return rc;
}

/* Can all recipients so far share one body? 1, 0, -1 out of memory. Two by two is not enough: three
 * may read a cipher in pairs, and none together. */
static int share_one_body(const struct transaction *transaction)
{
    struct plan plan;
    int shared;
    if (plan_make(transaction->recipients, transaction->recipient_count, &plan) != 0)
        return -1;
    shared = plan.count <= 1;
    plan_clear(&plan);
    return shared;
}

int flow_recipient(struct gateway *gateway, struct transaction *transaction, time_t now,
                   struct reply *reply_out, char **why)
{
    struct recipient *last = &transaction->recipients[transaction->recipient_count - 1];
    int rc = expect(gateway, transaction, last, now, reply_out, why);
    if (rc != 0) {
        if (rc < 0)
            reply_defer(reply_out);
        return -1;
    }
    /* Postfix strands a local submission whole when one recipient is refused here. */
    if (transaction->role == ROLE_LOCAL || copies_allowed(gateway))
        return 0;
    rc = share_one_body(transaction);
    if (rc > 0)
        return 0;
    if (rc < 0) {
        why_set(why, "out of memory");
        reply_defer(reply_out);
        return -1;
    }
    reply_set(reply_out, 452, "4.5.3", "This recipient needs a message of its own, send it again",
              "Dieser Empfaenger braucht eine eigene Nachricht, bitte erneut senden");
    why_set(why, "%s gets %s by rule %zu, the first recipient %s", last->canonical,
            transform_name(last->transform), last->decision.position,
            transform_name(transaction->recipients[0].transform));
    return -1;
}

/* A null sender says nothing of the direction: then From does. */
static bool sender_is_managed(struct gateway *gateway, const struct transaction *transaction)
{
    struct mailboxes authors = {0};
    bool managed = false;
    if (transaction->sender[0] != '\0')
        return gateway_is_managed(gateway, transaction->sender);
    /* Where they cannot be found, outgoing_message() finds that out too. */
    if (authors_find(&transaction->message.header, &authors) != 0)
        return true;
    for (size_t i = 0; !managed && i < authors.count; i++)
        managed = gateway_is_managed(gateway, authors.items[i]);
    mailboxes_clear(&authors);
    return managed;
}

static bool any_managed_recipient(struct gateway *gateway, const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->recipient_count; i++)
        if (gateway_is_managed(gateway, transaction->recipients[i].canonical))
            return true;
    return false;
}

/* May fields that speak in our name have come with this message, and lie? Programs on this machine
 * are left alone where the message is none of ours: it may be one that we have judged before. */
static bool may_be_forged(const struct transaction *transaction, const struct outcome *out)
{
    if (out->action == FLOW_REPLY || out->direction == DIRECTION_INCOMING)
        return false; /* incoming_message() has seen to it */
    return transaction->role != ROLE_LOCAL || out->direction == DIRECTION_OUTGOING;
}

static int strip_all(struct gateway *gateway, const struct transaction *transaction,
                     struct outcome *out, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    const struct header *header = &transaction->message.header;
    int rc = verdict_fields_strip(settings, header, out, why);
    for (size_t i = 0; rc == 0 && i < out->copy_count; i++)
        rc = verdict_fields_strip(settings, header, out->copies[i].outcome, why);
    return rc;
}

void flow_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                  const struct smime_progress *progress, struct outcome *out)
{
    char *why = NULL;
    int rc = 0;
    *out = (struct outcome){.action = FLOW_PASS};
    if (transaction->role == ROLE_INBOUND && any_managed_recipient(gateway, transaction)) {
        out->direction = DIRECTION_INCOMING;
        rc = incoming_message(gateway, transaction, now, progress, out, &why);
    } else if (transaction->role != ROLE_INBOUND && sender_is_managed(gateway, transaction)) {
        out->direction = DIRECTION_OUTGOING;
        rc = outgoing_message(gateway, transaction, now, progress, out, &why);
    }
    if (rc == 0 && may_be_forged(transaction, out))
        rc = strip_all(gateway, transaction, out, &why);
    if (rc != 0)
        outcome_defer(out, &why);
    why_free(&why);
}
