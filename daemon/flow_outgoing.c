/* Outgoing mail: what each recipient's rule asks for, and the refusals (DESIGN sections 2 and 4).
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "copies.h"
#include "flow_parts.h"
#include "mailboxes.h"
#include "outcome.h"
#include "outgoing_work.h"
#include "recipient_key.h"
#include "report.h"
#include "revocation.h"
#include "sender.h"
#include "why.h"

#define MAX_ROUTE_HOPS 4 /* in one address; with more it is refused */

static int has_identity(struct gateway *gateway, const char *address, time_t now, char **why)
{
    struct identity identity = {0};
    enum store_status status = store_signing_identity(gateway->store, address, now, &identity, why);
    identity_clear(&identity);
    if (status == STORE_OK)
        return 1;
    return status == STORE_NONE ? 0 : -1;
}

/* Whoever does not own the sender must not make us tell directories of recipients. */
static enum recipient_key expect_key(struct gateway *gateway, struct transaction *transaction,
                                     const struct recipient *recipient, time_t now, char **why)
{
    int owns = sender_owns_envelope(gateway, transaction, why);
    if (owns < 0)
        return RECIPIENT_KEY_ERROR;
    return recipient_key_find(gateway, transaction, recipient, owns == 1, now, NULL, NULL, why);
}

int outgoing_expect(struct gateway *gateway, struct transaction *transaction,
                    struct recipient *recipient, time_t now, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    char *sender = sender_plain(gateway, transaction->sender);
    enum recipient_key key = RECIPIENT_KEY_NONE;
    int can_sign;
    int rc = -1;
    recipient->direction = DIRECTION_OUTGOING;
    if (sender == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    if (gateway_is_managed(gateway, recipient->canonical)) {
        recipient->decision = (struct decision){.mode = OUTGOING_NONE};
        rc = 0;
        goto out;
    }
    can_sign = has_identity(gateway, sender, now, why);
    if (can_sign < 0)
        goto out;
    recipient->decision = rules_outgoing(&gateway->config->rules, sender, recipient->canonical,
                                         settings->recipient_delimiter, can_sign == 1);
    if (recipient->decision.mode >= OUTGOING_ENCRYPT_OPTIONAL) {
        key = expect_key(gateway, transaction, recipient, now, why);
        if (key == RECIPIENT_KEY_ERROR)
            goto out;
    }
    recipient->transform = outgoing_transform((enum outgoing_mode)recipient->decision.mode,
                                              can_sign, key == RECIPIENT_KEY_KNOWN);
    if (key == RECIPIENT_KEY_LATER)
        recipient->transform = TRANSFORM_REFUSE;
    rc = 0;
out:
    free(sender);
    return rc;
}

/* What is known of an outgoing message when its recipients are judged. */
struct judgement {
    struct gateway *gateway;
    struct transaction *transaction;
    struct authority authority;
    struct identity identity;  /* certificate NULL: cannot sign */
    char *unsigned_reason;     /* why it cannot */
    bool from_has_certificate; /* whoever writes: chooses the default */
    bool sender_has_certificate;
    enum smime_kind kind;
    const struct smime_progress *progress;
    struct revocation_inquiry inquiry;
    char *revoked; /* of recipients whose keys were: each in a sentence; NULL: none */
    time_t now;
};

static struct decision decide(const struct judgement *judgement, const char *managed,
                              bool has_certificate, const char *external)
{
    const struct config *config = judgement->gateway->config;
    return rules_outgoing(&config->rules, managed, external, config->settings.recipient_delimiter,
                          has_certificate);
}

/* Without authority over From nobody knows who writes: the stricter of what the envelope sender's
 * and From's rules ask for, so that a forged From cannot talk its way out of encryption. */
static struct decision decide_for(const struct judgement *judgement, const char *external)
{
    const struct authority *authority = &judgement->authority;
    const char *sender = judgement->transaction->sender;
    struct decision by_from = {0};
    struct decision by_sender = {0};
    if (authority->managed)
        by_from = decide(judgement, authority->from, judgement->from_has_certificate, external);
    if (authority->authorised)
        return by_from;
    if (sender[0] != '\0')
        by_sender = decide(judgement, sender, judgement->sender_has_certificate, external);
    return by_sender.mode >= by_from.mode ? by_sender : by_from;
}

static int refuse_recipient(struct judgement *judgement, struct recipient *recipient, bool has_key)
{
    recipient->transform = TRANSFORM_REFUSE;
    if (!has_key)
        reply_setf(
            &recipient->reply, 550, "5.7.1",
            "Not sent: mail to %s must be encrypted, and no public key of that address is known",
            "Nicht gesendet: Mail an %s muss verschluesselt werden, ein oeffentlicher "
            "Schluessel der Adresse ist nicht bekannt",
            recipient->canonical);
    else
        reply_setf(&recipient->reply, 550, "5.7.1",
                   "Not sent: mail to %s must be signed and encrypted, and %s cannot sign",
                   "Nicht gesendet: Mail an %s muss signiert und verschluesselt werden, %s kann "
                   "nicht signieren",
                   recipient->canonical,
                   judgement->authority.from != NULL ? judgement->authority.from : "this sender");
    return 0;
}

static int defer_recipient(struct recipient *recipient)
{
    recipient->transform = TRANSFORM_REFUSE;
    reply_setf(
        &recipient->reply, 451, "4.4.3",
        "Not sent yet: a directory that may have the public key of %s cannot be asked, try "
        "again later",
        "Noch nicht gesendet: ein Verzeichnis, das den oeffentlichen Schluessel von %s haben "
        "kann, antwortet nicht, bitte spaeter erneut versuchen",
        recipient->canonical);
    return 0;
}

/* What the sender did already is not done again. */
static enum transform without_done(enum transform transform, enum smime_kind kind)
{
    if (kind == SMIME_KIND_SIGNED && transform == TRANSFORM_SIGN)
        return TRANSFORM_NONE;
    if (kind == SMIME_KIND_SIGNED && transform == TRANSFORM_SIGN_ENCRYPT)
        return TRANSFORM_ENCRYPT;
    return transform;
}

/* MTAs send "bob%partner.test@example.com" and its like on to bob@partner.test, where our rules for
 * him do not see him. Returns 1 with *to_out when `address` may so reach somebody whose rule asks
 * for encryption and for more than `mode`, 0, or -1 out of memory. */
static int find_route(const struct judgement *judgement, const char *address, int mode, int hops,
                      char **to_out)
{
    static const char marks[] = "%!@";
    for (const char *mark = marks; *mark != '\0'; mark++) {
        char *next = NULL;
        int found = 0;
        enum address_status status = address_routed(address, *mark, &next);
        if (status == ADDRESS_ERROR)
            return -1;
        if (status != ADDRESS_OK)
            continue;
        if (!gateway_is_managed(judgement->gateway, next)) {
            int wanted = decide_for(judgement, next).mode;
            found = wanted >= OUTGOING_ENCRYPT_OPTIONAL && wanted > mode;
        }
        if (found == 0 && hops < MAX_ROUTE_HOPS)
            found = find_route(judgement, next, mode, hops + 1, to_out);
        else {
            found = 1;
            *to_out = next;
            next = NULL;
        }
        free(next);
        if (found != 0)
            return found;
    }
    return 0;
}

static int refuse_route(const struct judgement *judgement, struct recipient *recipient, char **why)
{
    char *to = NULL;
    int found = find_route(judgement, recipient->canonical, recipient->decision.mode, 1, &to);
    if (found < 0)
        why_set(why, "out of memory");
    if (found == 1) {
        recipient->transform = TRANSFORM_REFUSE;
        reply_setf(&recipient->reply, 550, "5.1.3",
                   "Not sent: %s is a route to %s, send to that address itself",
                   "Nicht gesendet: %s ist ein Umweg zu %s, bitte direkt dorthin senden",
                   recipient->canonical, to);
    }
    free(to);
    return found;
}

/* Who wonders why a message was not encrypted shall find it in the log. */
static int note_revoked(struct judgement *judgement, const char *address, char **why)
{
    char *sentence = NULL;
    char *former = judgement->revoked;
    enum store_status status =
        store_revoked_key(judgement->gateway->store, address, judgement->now, &sentence, why);
    if (status == STORE_OK) {
        judgement->revoked = NULL;
        why_set(&judgement->revoked, "%s%snot encrypted to %s: %s", former != NULL ? former : "",
                former != NULL ? "; " : "", address, sentence);
        why_free(&former);
    }
    free(sentence);
    return status == STORE_ERROR ? -1 : 0;
}

static int judge_recipient(struct judgement *judgement, struct recipient *recipient, char **why)
{
    bool can_sign = judgement->identity.certificate != NULL || judgement->kind == SMIME_KIND_SIGNED;
    bool managed = gateway_is_managed(judgement->gateway, recipient->canonical);
    enum recipient_key key = RECIPIENT_KEY_NONE;
    int routed;
    recipient->direction = DIRECTION_OUTGOING;
    recipient->transform = TRANSFORM_NONE;
    reply_clear(&recipient->reply);
    recipient->decision = (struct decision){.mode = OUTGOING_NONE};
    if (!managed)
        recipient->decision = decide_for(judgement, recipient->canonical);
    if (judgement->kind == SMIME_KIND_ENCRYPTED)
        return 0;
    routed = refuse_route(judgement, recipient, why);
    if (routed != 0 || managed)
        return routed < 0 ? -1 : 0;
    if (recipient->decision.mode >= OUTGOING_ENCRYPT_OPTIONAL) {
        key = recipient_key_find(judgement->gateway, judgement->transaction, recipient,
                                 judgement->authority.authorised, judgement->now,
                                 &judgement->inquiry, judgement->progress, why);
        if (key == RECIPIENT_KEY_ERROR)
            return -1;
    }
    if (key == RECIPIENT_KEY_LATER)
        return defer_recipient(recipient);
    if (key == RECIPIENT_KEY_NONE && recipient->decision.mode >= OUTGOING_ENCRYPT_OPTIONAL &&
        note_revoked(judgement, recipient->canonical, why) != 0)
        return -1;
    recipient->transform = outgoing_transform((enum outgoing_mode)recipient->decision.mode,
                                              can_sign, key == RECIPIENT_KEY_KNOWN);
    if (recipient->transform == TRANSFORM_REFUSE)
        return refuse_recipient(judgement, recipient, key == RECIPIENT_KEY_KNOWN);
    recipient->transform = without_done(recipient->transform, judgement->kind);
    return 0;
}

static bool listed(const struct mailboxes *list, const char *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], address) == 0)
            return true;
    return false;
}

/* Mark the recipients that no To or Cc names. */
static int find_blind(struct transaction *transaction, char **why)
{
    static const char *const fields[] = {"To", "Cc", "Resent-To", "Resent-Cc"};
    for (size_t i = 0; i < transaction->recipient_count; i++)
        transaction->recipients[i].blind = true;
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        struct mailboxes named = {0};
        if (mailboxes_of(&transaction->message.header, fields[f], &named) != 0) {
            why_set(why, "out of memory");
            return -1;
        }
        for (size_t i = 0; i < transaction->recipient_count; i++)
            if (listed(&named, transaction->recipients[i].canonical))
                transaction->recipients[i].blind = false;
        mailboxes_clear(&named);
    }
    return 0;
}

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

/* Nothing is signed for a client without authority, but the default of the mailboxes that it names
 * still says whether something should have been. */
static int find_defaults(struct judgement *judgement, char **why)
{
    const char *sender = judgement->transaction->sender;
    int from = 0;
    int envelope = 0;
    if (judgement->authority.managed)
        from = has_identity(judgement->gateway, judgement->authority.from, judgement->now, why);
    if (from >= 0 && sender[0] != '\0')
        envelope = has_identity(judgement->gateway, sender, judgement->now, why);
    judgement->from_has_certificate = from > 0;
    judgement->sender_has_certificate = envelope > 0;
    return from < 0 || envelope < 0 ? -1 : 0;
}

static int find_identity(struct judgement *judgement, char **why)
{
    enum store_status status;
    if (!judgement->authority.authorised) {
        why_set(&judgement->unsigned_reason, "%s", why_text(&judgement->authority.reason));
        return find_defaults(judgement, why);
    }
    status =
        store_signing_identity(judgement->gateway->store, judgement->authority.from, judgement->now,
                               &judgement->identity, &judgement->unsigned_reason);
    judgement->from_has_certificate = status == STORE_OK;
    if (status == STORE_OK || status == STORE_NONE)
        return 0;
    why_set(why, "%s", why_text(&judgement->unsigned_reason));
    return -1;
}

static bool wants_signature(const struct judgement *judgement)
{
    if (judgement->kind != SMIME_KIND_PLAIN)
        return false;
    for (size_t i = 0; i < judgement->transaction->recipient_count; i++)
        if (judgement->transaction->recipients[i].decision.mode >= OUTGOING_SIGN)
            return true;
    return false;
}

/* A sender without the right to its From: unsigned, or refused as configured. */
static bool refuse_unauthorised(const struct judgement *judgement, struct outcome *out)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    if (judgement->authority.authorised || !wants_signature(judgement) ||
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

static int judge(struct judgement *judgement, char **why)
{
    struct smime_limits limits;
    struct transaction *transaction = judgement->transaction;
    gateway_limits(judgement->gateway, &limits);
    if (smime_kind(&transaction->message, &limits, &judgement->kind, why) != SMIME_OK ||
        sender_authorise(judgement->gateway, transaction, &judgement->authority, why) != 0 ||
        find_identity(judgement, why) != 0 || find_blind(transaction, why) != 0)
        return -1;
    for (size_t i = 0; i < transaction->recipient_count; i++)
        if (judge_recipient(judgement, &transaction->recipients[i], why) != 0)
            return -1;
    return 0;
}

static bool is_encrypted(enum transform transform)
{
    return transform == TRANSFORM_ENCRYPT || transform == TRANSFORM_SIGN_ENCRYPT;
}

/* Keys that were revoked, behind what is said already. */
static void add_revoked(const struct judgement *judgement, char **text)
{
    char *before = *text;
    if (judgement->revoked == NULL)
        return;
    *text = NULL;
    why_set(text, "%s%s%s", before != NULL ? before : "", before != NULL ? "; " : "",
            judgement->revoked);
    why_free(&before);
}

/* What is said of each group in the log. */
static void describe(const struct judgement *judgement, struct outcome *out)
{
    if (judgement->identity.certificate == NULL && judgement->kind == SMIME_KIND_PLAIN &&
        (wants_signature(judgement) || !judgement->authority.authorised))
        why_set(&out->note, "not signed: %s", why_text(&judgement->unsigned_reason));
    add_revoked(judgement, &out->note);
    if (out->action == FLOW_REPLACE &&
        (out->transform == TRANSFORM_SIGN || out->transform == TRANSFORM_SIGN_ENCRYPT))
        out->signer = strdup(judgement->authority.from);
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
        describe(judgement, copy->outcome);
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
            if (is_encrypted(plan->groups[i].transform) != (last == 1) &&
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
        outcome_assemble(out, &parts, may_report);
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
    struct plan plan = {0};
    const struct recipient *refused;
    int may_report = 0;
    int rc = -1;
    if (revocation_begin(gateway->revocation, now, 0, &judgement.inquiry, why) == STORE_OK)
        rc = judge(&judgement, why);
    if (rc != 0 || refuse_unauthorised(&judgement, out))
        goto out;
    refused = first_refused(transaction);
    may_report = report_allowed(gateway, transaction);
    rc = may_report < 0 ? -1
                        : plan_make(transaction->recipients, transaction->recipient_count, &plan);
    if (rc != 0)
        why_set(why, "out of memory");
    else if (refused != NULL && (may_report == 0 || refused->reply.code < 500))
        refuse(out, refused);
    else if (plan.count > 1 && !copies_allowed(gateway))
        refuse_split(transaction, out);
    else
        rc = carry_out(&work, &judgement, &plan, may_report == 1, out, why);
    if (rc == 0 && out->action == FLOW_REPLY && out->cause == NULL)
        add_revoked(&judgement, &out->cause);
out:
    plan_clear(&plan);
    outgoing_work_clear(&work);
    identity_clear(&judgement.identity);
    authority_clear(&judgement.authority);
    why_free(&judgement.unsigned_reason);
    why_free(&judgement.revoked);
    revocation_end(&judgement.inquiry);
    return rc;
}
