/* Incoming mail: what each recipient's rule asks for, which keys may be used, what the reader is
 * told (DESIGN sections 2, 4 and 5). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "flow_parts.h"
#include "mailboxes.h"
#include "outcome.h"
#include "verdict_fields.h"
#include "why.h"

/* Of all From fields together, where they are not one plain mailbox. */
#define MALFORMED_FROM_MAX_BYTES 4096

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
}

/* Every envelope recipient must own one of the RecipientInfos: a key is used only for mail to its
 * own mailbox, and one body serves all of them. */
struct finder {
    struct gateway *gateway;
    const struct transaction *transaction;
    struct identity_list *identities; /* of each recipient; kept while the keys are in use */
    size_t *chosen;                   /* which of them a RecipientInfo names */
    bool loaded;
};

/* The keys of the mailbox that `address` is delivered to: "alice+news@" is alice's where the MTA
 * says so. */
static enum store_status find_identities(const struct gateway *gateway, const char *address,
                                         struct identity_list *out, char **why)
{
    const char *delimiters = gateway->config->settings.recipient_delimiter;
    enum store_status status = store_identities(gateway->store, address, out, why);
    char *plain;
    if (status != STORE_NONE)
        return status;
    plain = address_without_tag(address, delimiters);
    if (plain == NULL) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    if (strcmp(plain, address) != 0)
        status = store_identities(gateway->store, plain, out, why);
    free(plain);
    return status;
}

static enum key_answer load_identities(struct finder *finder, char **why)
{
    const struct transaction *transaction = finder->transaction;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        enum store_status status;
        if (recipient->direction != DIRECTION_INCOMING) {
            why_set(why, "%s is no mailbox of ours, so the message stays encrypted for all",
                    recipient->canonical);
            return KEY_NONE;
        }
        status =
            find_identities(finder->gateway, recipient->canonical, &finder->identities[i], why);
        if (status == STORE_NONE) {
            why_set(why, "no private key for this message: %s has none", recipient->canonical);
            return KEY_NONE;
        }
        if (status != STORE_OK)
            return KEY_ERROR;
    }
    finder->loaded = true;
    return KEY_FOUND;
}

/* The identity of `list` that one of the ids names: its index, or -1. */
static int match(const struct identity_list *list, const struct recipient_id *ids, size_t count,
                 size_t *id_out)
{
    for (size_t k = 0; k < list->count; k++)
        for (size_t i = 0; i < count; i++)
            if (recipient_id_matches(&ids[i], list->items[k].certificate)) {
                *id_out = i;
                return (int)k;
            }
    return -1;
}

static enum key_answer find_key(void *context, const struct recipient_id *ids, size_t count,
                                size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                char **why)
{
    struct finder *finder = context;
    const struct transaction *transaction = finder->transaction;
    if (!finder->loaded) {
        enum key_answer answer = load_identities(finder, why);
        if (answer != KEY_FOUND)
            return answer;
    }
    for (size_t r = transaction->recipient_count; r-- > 0;) {
        int k = match(&finder->identities[r], ids, count, index_out);
        if (k < 0) {
            why_set(why, "no private key for this message: it was not encrypted to %s",
                    transaction->recipients[r].canonical);
            return KEY_NONE;
        }
        finder->chosen[r] = (size_t)k;
        *key_out = finder->identities[r].items[k].key;
        *certificate_out = finder->identities[r].items[k].certificate;
    }
    return KEY_FOUND;
}

/* The first recipient's key opens the message; those of the others must open it as well. */
static enum key_answer further_key(void *context, size_t n, EVP_PKEY **key_out,
                                   X509 **certificate_out)
{
    const struct finder *finder = context;
    const struct identity *identity;
    if (n + 1 >= finder->transaction->recipient_count)
        return KEY_NONE;
    identity = &finder->identities[n + 1].items[finder->chosen[n + 1]];
    *key_out = identity->key;
    *certificate_out = identity->certificate;
    return KEY_FOUND;
}

/* Whom a From that cannot be trusted may show to the reader: rules are looked up for each of them.
 * Returns 0, 1 with out->reply when it is too long to be looked at, -1 out of memory. */
static int find_authors(const struct header *header, struct mailboxes *authors, struct outcome *out)
{
    size_t bytes = 0;
    for (size_t i = 0; i < header->count; i++)
        if (strcasecmp(header->fields[i].name, "From") == 0)
            bytes += strlen(header->fields[i].value);
    if (bytes <= MALFORMED_FROM_MAX_BYTES)
        return mailboxes_mentioned(header, "From", authors);
    out->action = FLOW_REPLY;
    out->transform = TRANSFORM_REFUSE;
    reply_set(&out->reply, 550, "5.6.0", "Refused: the From field is malformed and very long",
              "Abgelehnt: das From-Feld ist fehlerhaft und sehr lang");
    return 1;
}

/* Decide again now that From is known: the stricter of the envelope sender's and From's mode wins.
 * Returns whether the message may be decrypted at all. */
static bool judge_recipients(struct gateway *gateway, struct transaction *transaction,
                             const struct mailboxes *authors)
{
    const struct settings *settings = &gateway->config->settings;
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
        }
        if (transaction->sender[0] == '\0' && settings->null_sender_exempt &&
            recipient->decision.mode == INCOMING_DECRYPT_FORCED)
            recipient->decision.mode = INCOMING_DECRYPT_ALWAYS;
        recipient->transform = incoming_transform(&recipient->decision);
        if (recipient->transform != TRANSFORM_OPEN)
            may_open = false;
    }
    return may_open;
}

/* Refuse where a recipient's rule does not take the message as it is. */
static bool refuse_incoming(const struct transaction *transaction, struct outcome *out)
{
    enum encryption_verdict found = out->opened.encryption;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        int mode = recipient->direction == DIRECTION_INCOMING ? recipient->decision.mode : 0;
        if (mode == INCOMING_DECRYPT_FORCED && found == ENCRYPTION_NONE)
            reply_setf(
                &out->reply, 550, "5.7.1", "Refused: %s accepts only encrypted mail from you",
                "Abgelehnt: %s nimmt von Ihnen nur verschluesselte Mail an", recipient->canonical);
        else if (mode >= INCOMING_DECRYPT_ALWAYS && found == ENCRYPTION_NOT_DECRYPTED)
            reply_setf(&out->reply, 550, "5.7.5",
                       "Refused: this encrypted message could not be decrypted for %s",
                       "Abgelehnt: diese verschluesselte Nachricht liess sich fuer %s nicht "
                       "entschluesseln",
                       recipient->canonical);
        else
            continue;
        out->action = FLOW_REPLY;
        out->transform = TRANSFORM_REFUSE;
        if (out->opened.encryption_reason != NULL)
            out->cause = strdup(out->opened.encryption_reason);
        return true;
    }
    return false;
}

/* Learning is no part of delivering: what cannot be stored is noted and the message goes on. */
static void learn(struct gateway *gateway, const char *from, time_t now, struct outcome *out)
{
    const struct harvest *harvest = &out->opened.harvest;
    struct capabilities capabilities = {.der = harvest->capabilities,
                                        .length = harvest->capabilities_length};
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

/* Returns 0 with out->opened set, -1 for an error of ours. */
static int open_message(struct gateway *gateway, const struct transaction *transaction,
                        bool may_open, time_t now, const struct smime_progress *progress,
                        struct outcome *out, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    struct finder finder = {.gateway = gateway, .transaction = transaction};
    struct revocation_inquiry inquiry = {0};
    struct open_request request = {
        .clear_sign = settings->clear_sign, .now = now, .progress = *progress};
    int rc = -1;
    finder.identities = calloc(transaction->recipient_count, sizeof *finder.identities);
    finder.chosen = calloc(transaction->recipient_count, sizeof *finder.chosen);
    if (finder.identities == NULL || finder.chosen == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    if (revocation_begin(gateway->revocation, now, 0, &inquiry, why) != STORE_OK)
        goto out;
    request.anchors = inquiry.trust.anchors;
    request.intermediates = inquiry.trust.intermediates;
    request.revocation = revocation_source(&inquiry);
    if (may_open) {
        request.keys = (struct key_finder){.find = find_key, .context = &finder};
        request.further_key = further_key;
    }
    gateway_limits(gateway, &request.limits);
    if (smime_open(&transaction->message, &request, &out->opened, why) != SMIME_OK)
        goto out;
    out->opened_set = true;
    rc = 0;
out:
    revocation_end(&inquiry);
    for (size_t i = 0; finder.identities != NULL && i < transaction->recipient_count; i++)
        identity_list_clear(&finder.identities[i]);
    free(finder.identities);
    free(finder.chosen);
    return rc;
}

int incoming_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                     const struct smime_progress *progress, struct outcome *out, char **why)
{
    const struct header *header = &transaction->message.header;
    struct mailboxes named = {0};
    char *from = NULL;
    struct mailboxes author = {.items = &from, .count = 1};
    bool may_open;
    int rc = 0;
    if (mailboxes_from(header, &from, NULL) != 0)
        rc = find_authors(header, &named, out);
    if (rc < 0)
        why_set(why, "out of memory");
    if (rc != 0)
        goto out;
    may_open = judge_recipients(gateway, transaction, from != NULL ? &author : &named);
    out->transform = may_open ? TRANSFORM_OPEN : TRANSFORM_VERIFY;
    rc = open_message(gateway, transaction, may_open, now, progress, out, why);
    if (rc != 0 || refuse_incoming(transaction, out))
        goto out;
    rc = verdict_fields_strip(&gateway->config->settings, header, out, why);
    if (rc == 0)
        rc = replace_message(transaction, out, why);
    if (rc == 0)
        rc = verdict_fields_add(&gateway->config->settings, header, out, why);
    if (rc == 0)
        learn(gateway, from, now, out);
out:
    mailboxes_clear(&named);
    free(from);
    return rc < 0 ? -1 : 0;
}
