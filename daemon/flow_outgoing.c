/* Outgoing mail: the refusals, and what each group of recipients gets (DESIGN sections 2 and 4).
 */
#include <stdlib.h>
#include <string.h>

#include "authors.h"
#include "copies.h"
#include "header_edits.h"
#include "media_type.h"
#include "outcome.h"
#include "outgoing_judgement.h"
#include "outgoing_work.h"
#include "report.h"
#include "weaker.h"
#include "why.h"

static void refuse(struct outcome *out, const struct recipient *recipient)
{
    out->action = FLOW_REPLY;
    out->transform = TRANSFORM_REFUSE;
    reply_set(&out->reply, recipient->reply.code, recipient->reply.enhanced,
              recipient->reply.english, recipient->reply.german);
}

/* Where messages are not split, there is one body for all. */
static void refuse_split(const struct transaction *transaction, struct outcome *out)
{
    bool blind = false;
    for (size_t i = 0; i < transaction->recipient_count; i++)
        blind = blind || (transaction->recipients[i].blind &&
                          transaction->recipients[i].transform != TRANSFORM_NONE);
    out->action = FLOW_REPLY;
    if (blind)
        reply_set(&out->reply, 550, "5.7.1",
                  "Not sent: encrypted mail would show its blind copy (Bcc) recipients to the "
                  "others, send to each of them separately",
                  "Nicht gesendet: verschluesselte Mail wuerde Blindkopie-Empfaenger (Bcc) den "
                  "anderen zeigen, bitte einzeln senden");
    else
        reply_set(&out->reply, 550, "5.7.1",
                  "Not sent: the recipients of this message need different protection, send to "
                  "each of them separately",
                  "Nicht gesendet: die Empfaenger dieser Nachricht brauchen unterschiedlichen "
                  "Schutz, bitte einzeln senden");
}

/* A sender without the right to its From: unsigned, or refused as configured. */
static bool refuse_unauthorised(const struct judgement *judgement, struct outcome *out)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    if (judgement->authority.authorised || !judgement_wants_signature(judgement) ||
        settings->unauthorised_sender != UNAUTHORISED_REFUSE)
        return false;
    out->action = FLOW_REPLY;
    reply_setf(&out->reply, 550, "5.7.1", "Not sent: you may not send signed mail as %s",
               "Nicht gesendet: Sie duerfen nicht signiert als %s senden",
               judgement->authority.from != NULL ? judgement->authority.from
                                                 : "the author of this message");
    out->cause = strdup(why_text(&judgement->authority.reason));
    return true;
}

/* Keys that could not be used, behind what is said already. */
static void add_obstacles(const struct judgement *judgement, char **text)
{
    char *before = *text;
    if (judgement->obstacles == NULL)
        return;
    *text = NULL;
    why_set(text, "%s%s%s", before != NULL ? before : "", before != NULL ? "; " : "",
            judgement->obstacles);
    why_free(&before);
}

/* What is said of each group in the log. */
static void describe(const struct judgement *judgement, const struct group *group,
                     struct outcome *out)
{
    const struct recipient *first = &judgement->transaction->recipients[group->members[0]];
    if (judgement->identity.certificate == NULL && judgement->kind == SMIME_KIND_PLAIN &&
        (judgement_wants_signature(judgement) || !judgement->authority.authorised))
        why_set(&out->note, "not signed: %s", why_text(&judgement->unsigned_reason));
    add_obstacles(judgement, &out->note);
    if (out->action == FLOW_REPLACE &&
        (out->transform == TRANSFORM_SIGN || out->transform == TRANSFORM_SIGN_ENCRYPT))
        out->signer = strdup(judgement->authority.from);
    else if (first->decision.mode >= OUTGOING_SIGN && judgement->kind == SMIME_KIND_PLAIN &&
             judgement_leaves_unsigned(judgement, first))
        out->exemption = judgement->exemption;
}

/* What is the group's fault is each member's. */
static void set_replies(struct transaction *transaction, const struct outcome_copy *copy)
{
    const struct reply *reply = &copy->outcome->reply;
    for (size_t i = 0; i < copy->count; i++) {
        struct recipient *recipient = &transaction->recipients[copy->members[i]];
        if (recipient->reply.code == 0)
            reply_set(&recipient->reply, reply->code, reply->enhanced, reply->english,
                      reply->german);
    }
}

static int work_group(struct outgoing_work *work, const struct judgement *judgement,
                      const struct group *group, struct outcome_copy *copy, char **why)
{
    if (group->transform == TRANSFORM_REFUSE)
        refuse(copy->outcome, &judgement->transaction->recipients[group->members[0]]);
    else if (outgoing_work(work, group, copy->outcome, why) != 0)
        return -1;
    if (copy->outcome->action == FLOW_REPLY)
        set_replies(judgement->transaction, copy);
    else
        describe(judgement, group, copy->outcome);
    return 0;
}

/* Do the work of all groups. Those that are signed only come last (outgoing_work.h). */
static int work_groups(struct outgoing_work *work, const struct judgement *judgement,
                       const struct plan *plan, struct outcome *parts, char **why)
{
    for (size_t i = 0; i < plan->count; i++)
        if (outcome_add_copy(parts, plan->groups[i].members, plan->groups[i].count) == NULL) {
            why_set(why, "out of memory");
            return -1;
        }
    for (int last = 0; last <= 1; last++)
        for (size_t i = 0; i < plan->count; i++)
            if (transform_is_encrypted(plan->groups[i].transform) != (last == 1) &&
                work_group(work, judgement, &plan->groups[i], &parts->copies[i], why) != 0)
                return -1;
    return 0;
}

/* The plan's groups, each with its result; the largest rides on the message in hand. */
static int carry_out(struct outgoing_work *work, const struct judgement *judgement,
                     const struct plan *plan, bool may_report, struct outcome *out, char **why)
{
    struct outcome parts = {.direction = DIRECTION_OUTGOING};
    int rc = work_groups(work, judgement, plan, &parts, why);
    if (rc == 0 && parts.copy_count > 0)
        /* Postfix tells of the recipients of programs on this machine as it has rewritten them, and
         * wants them named as they were written when they are to be taken off. */
        outcome_assemble(out, &parts, may_report, judgement->transaction->role == ROLE_LOCAL);
    outcome_clear(&parts);
    return rc;
}

/* The first recipient who has to be refused, NULL if there is none; one for whom the message has to
 * come again before all others: no report may call that final. */
static const struct recipient *first_refused(const struct transaction *transaction)
{
    const struct recipient *first = NULL;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        if (recipient->transform != TRANSFORM_REFUSE)
            continue;
        if (recipient->reply.code < 500)
            return recipient;
        if (first == NULL)
            first = recipient;
    }
    return first;
}

/* A choice that nobody understands may have asked for encryption. */
static bool refuse_unread(const struct judgement *judgement, struct outcome *out)
{
    if (judgement->choice.unread == NULL)
        return false;
    out->action = FLOW_REPLY;
    out->transform = TRANSFORM_REFUSE;
    reply_setf(&out->reply, 550, "5.6.0",
               "Not sent: the field " CHOICE_FIELD " says %s; it can say sign, encrypt or plain",
               "Nicht gesendet: im Feld " CHOICE_FIELD
               " steht %s; moeglich sind sign, encrypt oder plain",
               judgement->choice.unread);
    return true;
}

/* Are the words that asked for something taken off what is sent? */
static bool strips_choice(const struct judgement *judgement)
{
    return choice_text(&judgement->choice) != NULL && judgement->choice.by != NULL &&
           judgement->authority.authorised;
}

/* Tell what was asked for, and take the words that asked off whatever is sent. */
static int finish_choice(const struct judgement *judgement, struct outcome *out)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    const struct header *header = &judgement->transaction->message.header;
    const char *text = choice_text(&judgement->choice);
    int rc = 0;
    if (text == NULL || judgement->choice.by == NULL)
        return 0;
    out->choice = strdup(text);
    out->choice_by = strdup(judgement->choice.by);
    if (out->choice == NULL || out->choice_by == NULL)
        return -1;
    if (!strips_choice(judgement) || out->action == FLOW_REPLY)
        return 0;
    rc = choice_strip(settings, header, out);
    for (size_t i = 0; rc == 0 && i < out->copy_count; i++)
        if (out->copies[i].outcome->action != FLOW_REPLY)
            rc = choice_strip(settings, header, out->copies[i].outcome);
    return rc;
}

/* Has the sender's program signed or encrypted the message, by S/MIME or OpenPGP? Then its payload
 * is further inside, where nobody can add to it. Returns 1, 0, -1 out of memory. */
static int is_sealed(const struct judgement *judgement)
{
    struct media_type media = {0};
    int sealed;
    if (judgement->kind != SMIME_KIND_PLAIN)
        return 1;
    if (media_type_read(&judgement->transaction->message.header, &media, NULL) != SMIME_OK)
        return -1;
    sealed = media_type_is(&media, "multipart", "signed") ||
             media_type_is(&media, "multipart", "encrypted");
    media_type_clear(&media);
    return sealed;
}

/* What the header will be, for its protected copy. */
static int prepare_header(const struct judgement *judgement, struct outgoing_work *work)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    const struct header *header = &judgement->transaction->message.header;
    struct outcome words = {0};
    int sealed = is_sealed(judgement);
    int rc = sealed < 0 ? -1 : header_copy(&work->header, header);
    work->protects = settings->header_protection && sealed == 0;
    work->displays = settings->legacy_display && work->protects;
    if (rc == 0 && strips_choice(judgement))
        rc = choice_strip(settings, header, &words);
    if (rc == 0)
        rc = outcome_edit_header(&words, &work->header);
    outcome_clear(&words);
    return rc;
}

/* Take away what only those shall see to whom it is encrypted. */
static int hide_part(const struct outgoing_work *work, struct outcome *part)
{
    if (part->action != FLOW_REPLACE)
        return 0;
    return header_edits_hide(part->hides, &work->transaction->message.header, part);
}

static int hide_fields(const struct outgoing_work *work, struct outcome *out)
{
    int rc = hide_part(work, out);
    for (size_t i = 0; rc == 0 && i < out->copy_count; i++)
        rc = hide_part(work, out->copies[i].outcome);
    return rc;
}

/* Refuse the message as a whole, or do for each group of recipients what it gets. */
static int carry_out_or_refuse(struct outgoing_work *work, const struct judgement *judgement,
                               struct outcome *out, char **why)
{
    struct transaction *transaction = judgement->transaction;
    const struct recipient *refused = first_refused(transaction);
    struct plan plan = {0};
    int may_report;
    int rc;
    if (refuse_unauthorised(judgement, out) || refuse_unread(judgement, out))
        return 0;
    may_report = report_allowed(judgement->gateway, transaction);
    rc = may_report < 0 ? -1
                        : plan_make(transaction->recipients, transaction->recipient_count, &plan);
    if (rc != 0)
        why_set(why, "out of memory");
    else if (refused != NULL && (may_report == 0 || refused->reply.code < 500))
        refuse(out, refused);
    else if (plan.count > 1 && !copies_allowed(judgement->gateway))
        refuse_split(transaction, out);
    else
        rc = carry_out(work, judgement, &plan, may_report == 1, out, why);
    plan_clear(&plan);
    return rc;
}

int outgoing_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                     const struct smime_progress *progress, struct outcome *out, char **why)
{
    struct judgement judgement = {
        .gateway = gateway, .transaction = transaction, .progress = progress, .now = now};
    struct outgoing_work work = {.gateway = gateway,
                                 .transaction = transaction,
                                 .identity = &judgement.identity,
                                 .now = now,
                                 .progress = progress};
    int rc = judgement_make(&judgement, why);
    if (rc > 0) {
        authors_refuse(out);
        goto out;
    }
    if (rc == 0 && prepare_header(&judgement, &work) != 0) {
        why_set(why, "out of memory");
        rc = -1;
    }
    if (rc == 0)
        weaker_find(&judgement);
    if (rc == 0)
        rc = carry_out_or_refuse(&work, &judgement, out, why);
    if (rc == 0 && out->action == FLOW_REPLY && out->cause == NULL)
        add_obstacles(&judgement, &out->cause);
    if (rc == 0 && (finish_choice(&judgement, out) != 0 || hide_fields(&work, out) != 0)) {
        why_set(why, "out of memory");
        rc = -1;
    }
out:
    outgoing_work_clear(&work);
    judgement_clear(&judgement);
    return rc < 0 ? -1 : 0;
}
