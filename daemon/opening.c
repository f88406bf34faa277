/* Opening an incoming message with the keys of those whom it is for. */
#include "opening.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "revocation.h"
#include "why.h"

#define SAME_BIT(weak, weakness) _Static_assert(1U << (weak) == (weakness), "the same algorithm")
SAME_BIT(WEAK_SHA1, WEAKNESS_SHA1);
SAME_BIT(WEAK_3DES, WEAKNESS_3DES);
SAME_BIT(WEAK_RC2, WEAKNESS_RC2);
SAME_BIT(WEAK_RSA_1024, WEAKNESS_RSA_1024);

/* Every envelope recipient must own one of the RecipientInfos: a key is used only for mail to its
 * own mailbox, and one body serves all of them. */
struct finder {
    struct gateway *gateway;
    const struct transaction *transaction;
    struct identity_list *identities; /* of each recipient; kept while the keys are in use */
    size_t *chosen;                   /* which of them a RecipientInfo names */
    bool *matched; /* of each recipient: does one name him in the outermost encrypted layer? */
    bool asked;    /* that has been looked at */
    bool loaded;
};

/* The keys of the mailbox that `address` is delivered to: "alice+news@" is alice's where the MTA
 * says so, and there is no such mailbox. */
static enum store_status find_identities(const struct gateway *gateway, const char *address,
                                         struct identity_list *out, char **why)
{
    const char *delimiters = gateway->config->settings.recipient_delimiter;
    enum store_status status = store_identities(gateway->store, address, out, why);
    char *plain;
    int other;
    if (status != STORE_NONE)
        return status;
    other = gateway_has_mailbox(gateway, address, why);
    if (other != 0)
        return other < 0 ? STORE_ERROR : STORE_NONE;
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

int opening_has_keys(const struct gateway *gateway, const char *address, char **why)
{
    struct identity_list list = {0};
    enum store_status status = find_identities(gateway, address, &list, why);
    identity_list_clear(&list);
    if (status == STORE_OK)
        return 1;
    return status == STORE_NONE ? 0 : -1;
}

/* Whoever has no keys has an empty list. */
static enum store_status load_identities(struct finder *finder, char **why)
{
    const struct transaction *transaction = finder->transaction;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        if (recipient->direction == DIRECTION_INCOMING &&
            find_identities(finder->gateway, recipient->canonical, &finder->identities[i], why) ==
                STORE_ERROR)
            return STORE_ERROR;
    }
    finder->loaded = true;
    return STORE_OK;
}

/* Why the message stays encrypted for this one. */
static void explain_none(const struct recipient *recipient, const struct identity_list *identities,
                         char **why)
{
    if (recipient->direction != DIRECTION_INCOMING)
        why_set(why, "%s is no mailbox of ours, so the message stays encrypted for all",
                recipient->canonical);
    else if (identities->count == 0)
        why_set(why, "no private key for this message: %s has none", recipient->canonical);
    else
        why_set(why, "no private key for this message: it was not encrypted to %s",
                recipient->canonical);
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
    enum key_answer answer = KEY_FOUND;
    if (!finder->loaded && load_identities(finder, why) != STORE_OK)
        return KEY_ERROR;
    for (size_t r = transaction->recipient_count; r-- > 0;) {
        const struct identity_list *identities = &finder->identities[r];
        int k = match(identities, ids, count, index_out);
        if (!finder->asked)
            finder->matched[r] = k >= 0;
        if (k < 0) {
            explain_none(&transaction->recipients[r], identities, why);
            answer = KEY_NONE;
            continue;
        }
        finder->chosen[r] = (size_t)k;
        *key_out = identities->items[k].key;
        *certificate_out = identities->items[k].certificate;
    }
    finder->asked = true;
    return answer;
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

int opening(struct gateway *gateway, const struct transaction *transaction, bool may_open,
            time_t now, const struct smime_progress *progress, struct outcome *out, bool *matched,
            char **why)
{
    const struct settings *settings = &gateway->config->settings;
    struct finder finder = {.gateway = gateway, .transaction = transaction, .matched = matched};
    struct revocation_inquiry inquiry = {0};
    enum unauthenticated_action doubtful = settings->unauthenticated_ciphertext;
    struct open_request request = {.restore_headers = settings->restore_headers,
                                   .clear_sign = settings->clear_sign,
                                   .remove_signature = settings->remove_signature,
                                   .defang = doubtful == UNAUTHENTICATED_DEFANG,
                                   .withhold = doubtful == UNAUTHENTICATED_REJECT,
                                   .now = now,
                                   .progress = *progress};
    int rc = -1;
    memset(matched, 0, transaction->recipient_count * sizeof *matched);
    finder.identities = calloc(transaction->recipient_count, sizeof *finder.identities);
    finder.chosen = calloc(transaction->recipient_count, sizeof *finder.chosen);
    if (finder.identities == NULL || finder.chosen == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    if (revocation_begin(gateway->revocation, now, 0, &inquiry, why) != STORE_OK)
        goto out;
    request.weak_allowed = settings->weak_algorithms;
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
