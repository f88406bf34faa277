/* Incoming mail: what each recipient's rule asks for, which keys may be used, what the reader is
 * told (DESIGN sections 2, 4 and 5). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "authors.h"
#include "copies.h"
#include "flow_parts.h"
#include "header_edits.h"
#include "mailboxes.h"
#include "opening.h"
#include "outcome.h"
#include "report.h"
#include "summary.h"
#include "transport.h"
#include "verdict_fields.h"
#include "why.h"

/* A stranger who claims a managed address is still a stranger: only "*" names him, so that the
 * claim does not lead past a rule that demands encryption of everybody. */
static const char *as_external(const struct gateway *gateway, const char *address)
{
    return gateway_is_managed(gateway, address) ? "" : address;
}

static struct decision decide(const struct gateway *gateway, const struct recipient *recipient,
                              const char *external)
{
    const struct config *config = gateway->config;
    return rules_incoming(&config->rules, recipient->canonical, as_external(gateway, external),
                          config->settings.recipient_delimiter);
}

static enum transform incoming_transform(const struct decision *decision)
{
    return decision->mode <= INCOMING_NONE ? TRANSFORM_VERIFY : TRANSFORM_OPEN;
}

void incoming_expect(struct gateway *gateway, const struct transaction *transaction,
                     struct recipient *recipient)
{
    recipient->direction = DIRECTION_INCOMING;
    recipient->decision = decide(gateway, recipient, transaction->sender);
    recipient->transform = incoming_transform(&recipient->decision);
    recipient->insecure = transport_is_missing(gateway, transaction, recipient->canonical,
                                               as_external(gateway, transaction->sender));
}

static bool is_exempt(const struct gateway *gateway, const struct transaction *transaction)
{
    return transaction->sender[0] == '\0' && gateway->config->settings.null_sender_exempt;
}

/* The mode can only become stricter once From is known. */
int incoming_refuse_early(struct gateway *gateway, const struct transaction *transaction,
                          struct recipient *recipient, char **why)
{
    int has_keys;
    if (recipient->decision.mode != INCOMING_DECRYPT_FORCED || is_exempt(gateway, transaction))
        return 0;
    has_keys = opening_has_keys(gateway, recipient->canonical, why);
    if (has_keys != 0)
        return has_keys < 0 ? -1 : 0;
    reply_setf(&recipient->reply, 550, "5.7.1",
               "Refused: %s accepts only encrypted mail from you, and has no certificate yet",
               "Abgelehnt: %s nimmt von Ihnen nur verschluesselte Mail an und hat noch kein "
               "Zertifikat",
               recipient->canonical);
    return 1;
}

/* Decide again now that From is known: the stricter of the envelope sender's and From's mode wins.
 * Returns whether the message may be decrypted at all. */
static bool judge_recipients(struct gateway *gateway, struct transaction *transaction,
                             const struct mailboxes *authors)
{
    bool may_open = true;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        struct recipient *recipient = &transaction->recipients[i];
        if (!gateway_is_managed(gateway, recipient->canonical))
            continue;
        incoming_expect(gateway, transaction, recipient);
        for (size_t a = 0; a < authors->count; a++) {
            struct decision by_from = decide(gateway, recipient, authors->items[a]);
            if (by_from.mode > recipient->decision.mode)
                recipient->decision = by_from;
            if (transport_is_missing(gateway, transaction, recipient->canonical,
                                     as_external(gateway, authors->items[a])))
                recipient->insecure = true;
        }
        if (recipient->decision.mode == INCOMING_DECRYPT_FORCED && is_exempt(gateway, transaction))
            recipient->decision.mode = INCOMING_DECRYPT_ALWAYS;
        recipient->transform = incoming_transform(&recipient->decision);
        if (recipient->transform != TRANSFORM_OPEN)
            may_open = false;
    }
    return may_open;
}

/* The same is said of what could not be decrypted and of what cannot be trusted although it was:
 * whoever alters a message and sends it again must not learn what came of it (padding oracle). */
static void refuse_content(struct recipient *recipient, bool rejects)
{
    if (rejects)
        reply_setf(&recipient->reply, 550, "5.7.5",
                   "Refused: this encrypted message for %s could not be decrypted, or has no valid "
                   "signature inside",
                   "Abgelehnt: diese verschluesselte Nachricht fuer %s liess sich nicht "
                   "entschluesseln oder hat innen keine gueltige Signatur",
                   recipient->canonical);
    else
        reply_setf(&recipient->reply, 550, "5.7.5",
                   "Refused: this encrypted message could not be decrypted for %s",
                   "Abgelehnt: diese verschluesselte Nachricht liess sich fuer %s nicht "
                   "entschluesseln",
                   recipient->canonical);
}

/* Does this recipient's rule take the message as it was found? Sets his reply if not. */
static bool refuse_for(const struct settings *settings, struct recipient *recipient,
                       const struct opened *found)
{
    int mode = recipient->direction == DIRECTION_INCOMING ? recipient->decision.mode : 0;
    bool rejects = settings->unauthenticated_ciphertext == UNAUTHENTICATED_REJECT;
    if (recipient->insecure)
        transport_refuse(recipient);
    else if (mode == INCOMING_DECRYPT_FORCED && found->encryption == ENCRYPTION_NONE)
        reply_setf(
            &recipient->reply, 550, "5.7.1", "Refused: %s accepts only encrypted mail from you",
            "Abgelehnt: %s nimmt von Ihnen nur verschluesselte Mail an", recipient->canonical);
    else if ((mode >= INCOMING_DECRYPT_ALWAYS && found->encryption == ENCRYPTION_NOT_DECRYPTED) ||
             (rejects && found->unauthenticated))
        refuse_content(recipient, rejects);
    else
        return false;
    return true;
}

/* For the log only. */
static const char *cause_of(const struct opened *found)
{
    if (found->encryption == ENCRYPTION_DECRYPTED && found->unauthenticated)
        return "decrypted, but it could have been altered on its way";
    return found->encryption_reason;
}

/* One who must refuse refuses for his group: where messages are split, its rules are the same. */
static bool refuse_group(const struct settings *settings, const struct transaction *transaction,
                         const struct outcome_copy *copy)
{
    struct outcome *part = copy->outcome;
    const struct recipient *first = NULL;
    const char *cause = cause_of(&part->opened);
    for (size_t i = 0; i < copy->count; i++) {
        struct recipient *recipient = &transaction->recipients[copy->members[i]];
        if (refuse_for(settings, recipient, &part->opened) && first == NULL)
            first = recipient;
    }
    if (first == NULL)
        return false;
    part->action = FLOW_REPLY;
    part->transform = TRANSFORM_REFUSE;
    reply_set(&part->reply, first->reply.code, first->reply.enhanced, first->reply.english,
              first->reply.german);
    if (cause != NULL)
        part->cause = strdup(cause);
    return true;
}

static void learn(struct gateway *gateway, const char *from, time_t now, struct outcome *out)
{
    const struct harvest *harvest = &out->opened.harvest;
    struct capabilities capabilities = {.der = harvest->capabilities,
                                        .length = harvest->capabilities_length,
                                        .no_wish = !harvest->preferred,
                                        .signed_at = harvest->signing_time};
    enum harvest_policy policy = gateway->config->settings.harvest;
    enum store_status status;
    char *why = NULL;
    if (policy == HARVEST_OFF || harvest->certificate == NULL || from == NULL ||
        gateway_is_managed(gateway, from))
        return;
    if (policy == HARVEST_APPROVE)
        status = store_harvest_held(gateway->store, from, harvest->certificate, &capabilities, now,
                                    NULL, &why);
    else
        status = store_harvest(gateway->store, from, harvest->certificate, &capabilities, now, NULL,
                               &why);
    if (status != STORE_OK)
        why_set(&out->note, "public key not learned: %s", why_text(&why));
    else if (harvest->intermediates != NULL &&
             store_remember_intermediates(gateway->store, harvest->intermediates, now, &why) !=
                 STORE_OK)
        why_set(&out->note, "intermediate certificates not learned: %s", why_text(&why));
    why_free(&why);
}

static int replace_message(const struct transaction *transaction, struct outcome *out, char **why)
{
    struct entity *after = &out->opened.message;
    if (!out->opened.changed)
        return 0;
    if (outcome_replace_content(out, &transaction->message.header, &after->header) != 0) {
        why_set(why, "out of memory");
        return -1;
    }
    out->action = FLOW_REPLACE;
    out->return_headers_only = out->opened.encryption == ENCRYPTION_DECRYPTED;
    out->body = after->body;
    after->body = NULL;
    return 0;
}

/* The work on one message, group by group. */
struct incoming {
    struct gateway *gateway;
    const struct transaction *transaction;
    const char *from; /* NULL when From is not one plain mailbox */
    time_t now;
    const struct smime_progress *progress;
    bool splits;
    struct outcome parts; /* each group's outcome is one of its copies */
};

static int open_group(struct incoming *incoming, const size_t *members, size_t count, bool may_open,
                      char **why);

static bool is_same_person(const struct transaction *transaction, size_t a, size_t b)
{
    return strcmp(transaction->recipients[a].canonical, transaction->recipients[b].canonical) == 0;
}

static bool is_one_person(const struct transaction *transaction, const size_t *members,
                          size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!is_same_person(transaction, members[0], members[i]))
            return false;
    return true;
}

/* Try each person by himself. Whoever is named more than once stays in one group: the MTA takes
 * recipients off by their addresses. Changes `members`. */
static int open_each(struct incoming *incoming, size_t *members, size_t count, char **why)
{
    int rc = 0;
    while (rc == 0 && count > 0) {
        size_t same = 1;
        for (size_t i = 1; i < count; i++)
            if (is_same_person(incoming->transaction, members[0], members[i])) {
                size_t other = members[same];
                members[same++] = members[i];
                members[i] = other;
            }
        rc = open_group(incoming, members, same, true, why);
        members += same;
        count -= same;
    }
    return rc;
}

/* The group could not be opened together. Those to whom the message was encrypted are tried without
 * the others; where that is all of them, something is wrong with what one of them was given, and
 * each is tried alone. What was found stays true for the rest. */
static int open_separately(struct incoming *incoming, struct outcome_copy *tried,
                           const bool *matched, char **why)
{
    size_t *able = calloc(tried->count, sizeof *able);
    size_t able_count = 0;
    size_t rest_count = 0;
    int rc = 0;
    if (able == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < tried->count; i++)
        if (matched[i])
            able[able_count++] = tried->members[i];
        else
            tried->members[rest_count++] = tried->members[i];
    tried->count = rest_count;
    if (rest_count > 0 && able_count > 0)
        rc = open_group(incoming, able, able_count, true, why);
    else if (able_count > 0)
        rc = open_each(incoming, able, able_count, why);
    free(able);
    return rc;
}

/* Is everything refused on which a key was tried in vain? Trying others then would only take time,
 * by which a sender could tell such a failure from the refusal of what was decrypted. */
static bool rejects(const struct gateway *gateway)
{
    return gateway->config->settings.unauthenticated_ciphertext == UNAUTHENTICATED_REJECT;
}

static int open_group(struct incoming *incoming, const size_t *members, size_t count, bool may_open,
                      char **why)
{
    struct outcome *part = outcome_add_copy(&incoming->parts, members, count);
    size_t index = incoming->parts.copy_count - 1;
    struct recipient *storage = calloc(count, sizeof *storage);
    bool *matched = calloc(count, sizeof *matched);
    struct transaction view;
    int rc = -1;
    if (part == NULL || storage == NULL || matched == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    view = transaction_view(incoming->transaction, members, count, storage);
    part->transform = may_open ? TRANSFORM_OPEN : TRANSFORM_VERIFY;
    rc = opening(incoming->gateway, &view, may_open, incoming->now, incoming->progress, part,
                 matched, why);
    if (rc == 0 && may_open && incoming->splits &&
        !is_one_person(incoming->transaction, members, count) &&
        part->opened.encryption == ENCRYPTION_NOT_DECRYPTED &&
        !(rejects(incoming->gateway) && part->opened.unauthenticated))
        rc = open_separately(incoming, &incoming->parts.copies[index], matched, why);
out:
    free(storage);
    free(matched);
    return rc;
}

/* Restore what its payload protects; *header_out is the message's header with that. */
static int restore_header(const struct header *header, struct outcome *part,
                          struct header *header_out, char **why)
{
    struct outcome restored = {0};
    int rc = header_edits_restore(&part->opened.restored, header, &restored);
    if (rc == 0)
        rc = header_edits_restore(&part->opened.restored, header, part);
    if (rc == 0)
        rc = header_copy(header_out, header);
    if (rc == 0)
        rc = outcome_edit_header(&restored, header_out);
    outcome_clear(&restored);
    if (rc != 0)
        why_set(why, "out of memory");
    return rc;
}

/* What one group is told and learned from, or why it is refused. */
static int finish_part(const struct incoming *incoming, const struct outcome_copy *copy, char **why)
{
    const struct settings *settings = &incoming->gateway->config->settings;
    const struct header *header = &incoming->transaction->message.header;
    struct header shown = {0};
    struct outcome *part = copy->outcome;
    int rc = -1;
    if (!part->opened_set)
        return verdict_fields_strip(settings, header, part, why);
    if (refuse_group(settings, incoming->transaction, copy))
        return 0;
    if (verdict_fields_strip(settings, header, part, why) != 0 ||
        summary_add(incoming->gateway, part, why) != 0 ||
        replace_message(incoming->transaction, part, why) != 0 ||
        restore_header(header, part, &shown, why) != 0 ||
        verdict_fields_add(settings, &shown, part, why) != 0)
        goto out;
    learn(incoming->gateway, incoming->from, incoming->now, part);
    rc = 0;
out:
    header_clear(&shown);
    return rc;
}

/* Open the message for each group of recipients. */
static int open_groups(struct incoming *incoming, bool may_open, char **why)
{
    const struct transaction *transaction = incoming->transaction;
    struct plan plan = {0};
    int rc = incoming->splits
                 ? plan_make(transaction->recipients, transaction->recipient_count, &plan)
                 : plan_make_one(transaction->recipient_count, &plan);
    if (rc != 0)
        why_set(why, "out of memory");
    for (size_t i = 0; rc == 0 && i < plan.count; i++) {
        const struct group *group = &plan.groups[i];
        const struct recipient *first = &transaction->recipients[group->members[0]];
        bool open = incoming->splits ? first->transform == TRANSFORM_OPEN : may_open;
        if (!incoming->splits || first->direction == DIRECTION_INCOMING)
            rc = open_group(incoming, group->members, group->count, open, why);
        else if (outcome_add_copy(&incoming->parts, group->members, group->count) == NULL)
            rc = -1;
    }
    plan_clear(&plan);
    return rc;
}

/* Finish all parts; the largest rides on the message in hand. */
static int finish_parts(struct incoming *incoming, struct outcome *out, char **why)
{
    int may_report = report_allowed(incoming->gateway, incoming->transaction);
    if (may_report < 0) {
        why_set(why, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < incoming->parts.copy_count; i++)
        if (incoming->parts.copies[i].count > 0 &&
            finish_part(incoming, &incoming->parts.copies[i], why) != 0)
            return -1;
    outcome_assemble(out, &incoming->parts, may_report == 1, false);
    return 0;
}

int incoming_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                     const struct smime_progress *progress, struct outcome *out, char **why)
{
    const struct header *header = &transaction->message.header;
    struct incoming incoming = {.gateway = gateway,
                                .transaction = transaction,
                                .now = now,
                                .progress = progress,
                                .splits = copies_allowed(gateway),
                                .parts = {.direction = DIRECTION_INCOMING}};
    struct mailboxes authors = {0};
    char *from = NULL;
    int rc = authors_find(header, &authors);
    if (rc < 0)
        why_set(why, "out of memory");
    if (rc > 0)
        authors_refuse(out);
    if (rc != 0)
        goto out;
    if (mailboxes_from(header, &from, NULL) == 0)
        incoming.from = from;
    rc = open_groups(&incoming, judge_recipients(gateway, transaction, &authors), why);
    if (rc == 0)
        rc = finish_parts(&incoming, out, why);
out:
    outcome_clear(&incoming.parts);
    mailboxes_clear(&authors);
    free(from);
    return rc < 0 ? -1 : 0;
}
