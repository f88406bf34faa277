/* What each recipient of an outgoing message is to get: his rule, the sender's choice, and what
 * there is to do it with. */
#include "outgoing_judgement.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "authors.h"
#include "mailboxes.h"
#include "recipient_key.h"
#include "recipient_signature.h"
#include "signing_identity.h"
#include "transport.h"
#include "unsigned_mail.h"
#include "why.h"

#define NOT_SAID                                                                                   \
    "%.0s" /* takes an argument that the German text has no use for: an English reason */
#define MAX_ROUTE_HOPS 4 /* in one address; with more it is refused */

static int has_identity(struct gateway *gateway, const char *address, time_t now, char **why)
{
    struct identity identity = {0};
    enum store_status status = signing_identity_find(gateway->store, address, now, &identity, why);
    identity_clear(&identity);
    if (status == STORE_OK)
        return 1;
    return status == STORE_NONE ? 0 : -1;
}

static struct decision decide(const struct judgement *judgement, const char *managed,
                              bool has_certificate, const char *external)
{
    const struct config *config = judgement->gateway->config;
    return rules_outgoing(&config->rules, managed, external, config->settings.recipient_delimiter,
                          has_certificate);
}

/* Without authority over From nobody knows who writes: the strictest of what the envelope sender's
 * and From's rules ask for, so that a forged From cannot talk its way out of encryption, nor one
 * that can be read in two ways. */
static struct decision decide_for(const struct judgement *judgement, const char *external)
{
    const struct authority *authority = &judgement->authority;
    const char *sender = judgement->transaction->sender;
    struct decision strictest = {0};
    if (authority->authorised)
        return decide(judgement, authority->from, judgement->from_has_certificate, external);
    if (sender[0] != '\0')
        strictest = decide(judgement, sender, judgement->sender_has_certificate, external);
    for (size_t i = 0; i < judgement->authors.count; i++) {
        const char *author = judgement->authors.items[i];
        struct decision by_from = {0};
        if (gateway_is_managed(judgement->gateway, author))
            by_from = decide(judgement, author, judgement->from_has_certificate, external);
        if (by_from.mode > strictest.mode)
            strictest = by_from;
    }
    return strictest;
}

/* What there is to sign and encrypt for one recipient with. */
struct means {
    bool can_sign;
    char *sign_fault; /* then: why the identity that there is does not fit his profile; else NULL */
    enum recipient_key key;
    char *key_fault; /* of RECIPIENT_KEY_UNFIT and _UNTRUSTED */
};

static void means_clear(struct means *means)
{
    why_free(&means->sign_fault);
    why_free(&means->key_fault);
}

static void refuse_unfit(struct recipient *recipient, const struct means *means)
{
    reply_setf(&recipient->reply, 550, "5.7.1",
               "Not sent: mail to %s must be encrypted, and the public key does not fit the "
               "profile %s: %s",
               "Nicht gesendet: Mail an %s muss verschluesselt werden, der oeffentliche Schluessel "
               "passt nicht zum Profil %s (Grund im englischen Text)" NOT_SAID,
               recipient->canonical, recipient->profile->name, why_text(&means->key_fault));
}

static void refuse_unsigned(const struct judgement *judgement, struct recipient *recipient,
                            const struct means *means)
{
    const char *from =
        judgement->authority.from != NULL ? judgement->authority.from : "this sender";
    if (means->sign_fault != NULL)
        reply_setf(
            &recipient->reply, 550, "5.7.1",
            "Not sent: mail to %s must be signed and encrypted, and the key of %s does not "
            "fit the profile %s: %s",
            "Nicht gesendet: Mail an %s muss signiert und verschluesselt werden, der "
            "Schluessel von %s passt nicht zum Profil %s (Grund im englischen Text)" NOT_SAID,
            recipient->canonical, from, recipient->profile->name, why_text(&means->sign_fault));
    else
        reply_setf(&recipient->reply, 550, "5.7.1",
                   "Not sent: mail to %s must be signed and encrypted, and %s cannot sign",
                   "Nicht gesendet: Mail an %s muss signiert und verschluesselt werden, %s kann "
                   "nicht signieren",
                   recipient->canonical, from);
}

static int refuse_recipient(struct judgement *judgement, struct recipient *recipient,
                            const struct means *means)
{
    bool forced = recipient->decision.mode == OUTGOING_ENCRYPT_FORCED;
    bool has_key = means->key == RECIPIENT_KEY_KNOWN;
    recipient->transform = TRANSFORM_REFUSE;
    if (means->key == RECIPIENT_KEY_UNFIT)
        refuse_unfit(recipient, means);
    else if (!has_key && !forced)
        reply_setf(&recipient->reply, 550, "5.7.1",
                   "Not sent: you asked for encryption to %s, and no public key of that address is "
                   "known",
                   "Nicht gesendet: Sie wollten an %s verschluesseln, ein oeffentlicher Schluessel "
                   "der Adresse ist nicht bekannt",
                   recipient->canonical);
    else if (!has_key)
        reply_setf(
            &recipient->reply, 550, "5.7.1",
            "Not sent: mail to %s must be encrypted, and no public key of that address is known",
            "Nicht gesendet: Mail an %s muss verschluesselt werden, ein oeffentlicher "
            "Schluessel der Adresse ist nicht bekannt",
            recipient->canonical);
    else
        refuse_unsigned(judgement, recipient, means);
    return 0;
}

/* Who may not choose has asked for encryption: in the clear it must not go either. */
static void refuse_choice(const struct judgement *judgement, struct recipient *recipient)
{
    recipient->transform = TRANSFORM_REFUSE;
    recipient->choice = CHOICE_UNMET;
    reply_setf(
        &recipient->reply, 550, "5.7.1",
        "Not sent: you asked for encryption, and may not choose for mail of %s",
        "Nicht gesendet: Sie wollten verschluesseln, duerfen das aber fuer Mail von %s nicht "
        "bestimmen",
        judgement->authority.from != NULL ? judgement->authority.from : "this author");
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

bool judgement_leaves_unsigned(const struct judgement *judgement, const struct recipient *recipient)
{
    return judgement->exemption != NULL && recipient->decision.mode != OUTGOING_ENCRYPT_FORCED;
}

bool judgement_wants_signature(const struct judgement *judgement)
{
    const struct transaction *transaction = judgement->transaction;
    if (judgement->kind != SMIME_KIND_PLAIN)
        return false;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        if (recipient->choice != CHOICE_WEAKENED && recipient->decision.mode >= OUTGOING_SIGN &&
            !judgement_leaves_unsigned(judgement, recipient))
            return true;
        if (recipient->choice == CHOICE_UNMET && judgement->choice.sign)
            return true;
    }
    return false;
}

/* Who wonders why a message was not signed or encrypted shall find it in the log. */
static void note_obstacle(struct judgement *judgement, const char *undone, const char *address,
                          const char *sentence)
{
    char *former = judgement->obstacles;
    judgement->obstacles = NULL;
    why_set(&judgement->obstacles, "%s%s%s %s: %s", former != NULL ? former : "",
            former != NULL ? "; " : "", undone, address, sentence);
    why_free(&former);
}

static int note_revoked(struct judgement *judgement, const char *address, char **why)
{
    char *sentence = NULL;
    enum store_status status =
        store_revoked_key(judgement->gateway->store, address, judgement->now, &sentence, why);
    if (status == STORE_OK)
        note_obstacle(judgement, "not encrypted to", address, sentence);
    free(sentence);
    return status == STORE_ERROR ? -1 : 0;
}

/* Where the sender asked for encryption a directory that cannot be asked is waited for as where a
 * rule forces it. */
static enum recipient_key find_key(struct judgement *judgement, struct recipient *recipient,
                                   bool asks, char **why)
{
    struct recipient wanted = *recipient;
    enum recipient_key key;
    if (asks)
        wanted.decision.mode = OUTGOING_ENCRYPT_FORCED;
    if (wanted.decision.mode < OUTGOING_ENCRYPT_OPTIONAL)
        return RECIPIENT_KEY_NONE;
    key = recipient_key_find(judgement->gateway, judgement->transaction, &wanted,
                             judgement->authority.authorised, judgement->now, &judgement->inquiry,
                             judgement->progress, &recipient->certificate, &recipient->encryption,
                             why);
    if (key == RECIPIENT_KEY_NONE && note_revoked(judgement, recipient->canonical, why) != 0)
        return RECIPIENT_KEY_ERROR;
    return key;
}

/* Can his mail be signed, and encrypted if `encrypts`? */
static int find_means(struct judgement *judgement, struct recipient *recipient, bool encrypts,
                      bool asks, struct means *out, char **why)
{
    char **sentence = &out->key_fault;
    bool is_signed = judgement->kind == SMIME_KIND_SIGNED;
    out->can_sign = recipient_signature(&judgement->gateway->config->settings, &judgement->identity,
                                        recipient, &out->sign_fault) ||
                    is_signed;
    if (encrypts)
        out->key = find_key(judgement, recipient, asks, sentence);
    if (out->key == RECIPIENT_KEY_ERROR) {
        why_set(why, "%s", why_text(sentence));
        return -1;
    }
    if (out->key == RECIPIENT_KEY_UNTRUSTED)
        note_obstacle(judgement, "not encrypted to", recipient->canonical, why_text(sentence));
    if (out->key == RECIPIENT_KEY_UNFIT)
        note_obstacle(judgement, "the public key does not fit the profile for",
                      recipient->canonical, why_text(sentence));
    if (!out->can_sign && out->sign_fault != NULL && recipient->decision.mode >= OUTGOING_SIGN)
        note_obstacle(judgement, "our key does not fit the profile for", recipient->canonical,
                      why_text(&out->sign_fault));
    return 0;
}

/* What the rule asks for and the sender chose. */
static int choose_with(struct judgement *judgement, struct recipient *recipient,
                       const struct means *means, bool asks)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    enum sender_choice allowed = choice_allowed(settings, &recipient->decision);
    bool has_key = means->key == RECIPIENT_KEY_KNOWN;
    if (means->key == RECIPIENT_KEY_LATER)
        return defer_recipient(recipient);
    recipient->transform = outgoing_transform(
        (enum outgoing_mode)recipient->decision.mode,
        means->can_sign && !judgement_leaves_unsigned(judgement, recipient), has_key);
    if (judgement->authority.authorised)
        recipient->transform = choice_apply(&judgement->choice, allowed, recipient->transform,
                                            means->can_sign, has_key, &recipient->choice);
    if (recipient->transform == TRANSFORM_REFUSE)
        return refuse_recipient(judgement, recipient, means);
    if (asks && !transform_is_encrypted(recipient->transform)) {
        refuse_choice(judgement, recipient);
        return 0;
    }
    recipient->transform = without_done(recipient->transform, judgement->kind);
    return 0;
}

static int choose_transform(struct judgement *judgement, struct recipient *recipient, char **why)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    const struct choice *choice = &judgement->choice;
    enum sender_choice allowed = choice_allowed(settings, &recipient->decision);
    bool asks = choice->encrypt && allowed != CHOICE_NONE;
    bool plain = choice->plain && allowed == CHOICE_FREE && judgement->authority.authorised;
    struct means means = {.key = RECIPIENT_KEY_NONE};
    int rc = find_means(judgement, recipient, !plain, asks, &means, why);
    if (rc == 0)
        rc = choose_with(judgement, recipient, &means, asks);
    means_clear(&means);
    return rc;
}

/* The envelope sender's rules were asked at RCPT. */
static bool lacks_tls(const struct judgement *judgement, const struct recipient *recipient)
{
    for (size_t i = 0; i < judgement->authors.count; i++)
        if (gateway_is_managed(judgement->gateway, judgement->authors.items[i]) &&
            transport_is_missing(judgement->gateway, judgement->transaction,
                                 judgement->authors.items[i], recipient->canonical))
            return true;
    return false;
}

static int judge_recipient(struct judgement *judgement, struct recipient *recipient, char **why)
{
    bool managed = gateway_is_managed(judgement->gateway, recipient->canonical);
    int routed;
    recipient->direction = DIRECTION_OUTGOING;
    recipient->transform = TRANSFORM_NONE;
    recipient->choice = CHOICE_UNASKED;
    reply_clear(&recipient->reply);
    X509_free(recipient->certificate);
    recipient->certificate = NULL;
    recipient->decision = (struct decision){.mode = OUTGOING_NONE};
    if (!managed)
        recipient->decision = decide_for(judgement, recipient->canonical);
    recipient->insecure = !managed && lacks_tls(judgement, recipient);
    if (recipient->insecure)
        transport_refuse(recipient);
    if (recipient->insecure || judgement->kind == SMIME_KIND_ENCRYPTED)
        return 0;
    routed = refuse_route(judgement, recipient, why);
    if (routed != 0 || managed)
        return routed < 0 ? -1 : 0;
    return choose_transform(judgement, recipient, why);
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

/* Nothing is signed for a client without authority, but the default of the mailboxes that it names
 * still says whether something should have been. */
static int find_defaults(struct judgement *judgement, char **why)
{
    const char *sender = judgement->transaction->sender;
    int from = 0;
    int envelope = 0;
    for (size_t i = 0; from == 0 && i < judgement->authors.count; i++)
        if (gateway_is_managed(judgement->gateway, judgement->authors.items[i]))
            from =
                has_identity(judgement->gateway, judgement->authors.items[i], judgement->now, why);
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
        signing_identity_find(judgement->gateway->store, judgement->authority.from, judgement->now,
                              &judgement->identity, &judgement->unsigned_reason);
    judgement->from_has_certificate = status == STORE_OK;
    if (status == STORE_OK || status == STORE_NONE)
        return 0;
    why_set(why, "%s", why_text(&judgement->unsigned_reason));
    return -1;
}

static int read_choice(struct judgement *judgement, char **why)
{
    const struct config *config = judgement->gateway->config;
    if (!choice_is_offered(config) ||
        choice_read(&config->settings, &judgement->transaction->message.header,
                    &judgement->choice) == 0)
        return 0;
    why_set(why, "out of memory");
    return -1;
}

int judgement_make(struct judgement *judgement, char **why)
{
    struct smime_limits limits;
    struct transaction *transaction = judgement->transaction;
    int rc = authors_find(&transaction->message.header, &judgement->authors);
    if (rc < 0)
        why_set(why, "out of memory");
    if (rc != 0)
        return rc;
    gateway_limits(judgement->gateway, &limits);
    if (revocation_begin(judgement->gateway->revocation, judgement->now, 0, &judgement->inquiry,
                         why) != STORE_OK ||
        smime_kind(&transaction->message, &limits, &judgement->kind, why) != SMIME_OK ||
        sender_authorise(judgement->gateway, transaction, &judgement->authority, why) != 0 ||
        find_identity(judgement, why) != 0 || find_blind(transaction, why) != 0 ||
        read_choice(judgement, why) != 0 ||
        unsigned_mail(judgement->gateway, transaction, judgement->authority.from,
                      judgement->progress, &judgement->exemption, why) < 0)
        return -1;
    for (size_t i = 0; i < transaction->recipient_count; i++)
        if (judge_recipient(judgement, &transaction->recipients[i], why) != 0)
            return -1;
    return 0;
}

void judgement_clear(struct judgement *judgement)
{
    choice_clear(&judgement->choice);
    mailboxes_clear(&judgement->authors);
    identity_clear(&judgement->identity);
    authority_clear(&judgement->authority);
    why_free(&judgement->unsigned_reason);
    why_free(&judgement->obstacles);
    revocation_end(&judgement->inquiry);
}
