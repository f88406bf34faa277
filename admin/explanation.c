/* Finding out what decides for a pair of addresses, with the functions that the daemon uses. */
#include "explanation.h"

#include <stdio.h>
#include <stdlib.h>

#include "address.h"
#include "choice.h"
#include "directory.h"
#include "profile_policy.h"
#include "signing_identity.h"
#include "tell.h"
#include "usable_key.h"
#include "why.h"

static const char *delimiters(const struct context *context)
{
    return context->config->settings.recipient_delimiter;
}

/* Keep the reason of an answer without certificate. Returns 0, -1 for an error of ours, told. */
static int take_answer(struct certificate_answer *answer, enum store_status status,
                       const char *address, char **why)
{
    answer->asked = true;
    if (status == STORE_OK) {
        why_free(why);
        return 0;
    }
    if (status == STORE_NONE) {
        answer->reason = *why;
        *why = NULL;
        return 0;
    }
    tell_error("%s: %s", address, why_text(why));
    why_free(why);
    return -1;
}

/* The decision depends on whether there is a certificate, and whether that is fit on the decision.
 */
static int find_signing(struct context *context, struct explanation *out)
{
    const struct settings *settings = &context->config->settings;
    struct identity identity = {0};
    struct signing_policy policy;
    char *why = NULL;
    enum store_status status =
        signing_identity_find(context->store, out->managed, context->now, &identity, &why);
    out->decision = rules_outgoing(&context->config->rules, out->managed, out->external,
                                   delimiters(context), identity.certificate != NULL);
    out->profile = profile_decided(settings, &out->decision);
    profile_signing_policy(out->profile, &policy);
    if (status == STORE_OK && signing_choose(identity.key, &policy, &out->signs, &why) != 0) {
        why_prefix(&why, "the key of %s does not fit the profile %s", out->managed,
                   out->profile->name);
        status = STORE_NONE;
    }
    if (status == STORE_OK) {
        out->signing.certificate = identity.certificate;
        identity.certificate = NULL;
    }
    identity_clear(&identity);
    return take_answer(&out->signing, status, out->managed, &why);
}

static enum store_status status_of(enum usable_key found, char **why)
{
    switch (found) {
    case USABLE_KEY_FOUND:
        return STORE_OK;
    case USABLE_KEY_LATER:
        why_prefix(why, "as long as nothing else is known the message is deferred");
        return STORE_NONE;
    case USABLE_KEY_UNFIT:
        why_prefix(why, "the public key does not fit the profile");
        return STORE_NONE;
    case USABLE_KEY_UNTRUSTED:
        why_prefix(why, "the public key is not used");
        return STORE_NONE;
    case USABLE_KEY_NONE:
        return STORE_NONE;
    case USABLE_KEY_ERROR:
        break;
    }
    return STORE_ERROR;
}

/* Who brought the certificate. Returns 0, -1 told. */
static int find_source(struct context *context, const char *address,
                       struct certificate_answer *answer)
{
    struct pubkey_list list = {0};
    char *why = NULL;
    int rc = 0;
    if (store_pubkey_list(context->store, address, &list, &why) != STORE_OK) {
        tell_error("%s: %s", address, why_text(&why));
        rc = -1;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (X509_cmp(list.items[i].certificate, answer->certificate) == 0) {
            answer->source = list.items[i].source;
        }
    }
    pubkey_list_clear(&list);
    why_free(&why);
    return rc;
}

/* Nobody is asked for the sake of an explanation. Returns 0, -1 told. */
static int find_directories(struct context *context, const char *address,
                            struct certificate_answer *answer)
{
    const struct directory_request request = {
        .settings = &context->config->settings,
        .store = context->store,
        .address = address,
        .now = context->now,
    };
    char *why = NULL;
    int rc = directory_outlook(&request, &answer->directories, &why);
    if (rc) {
        tell_error("%s: %s", address, why_text(&why));
    }
    why_free(&why);
    return rc;
}

/* By what is known: nobody is asked here either. */
static enum store_status find_usable(struct context *context, struct explanation *out, char **why)
{
    struct encryption_policy policy;
    struct revocation *revocation = revocation_new(context->store, &context->config->settings);
    struct revocation_inquiry inquiry = {0};
    enum store_status status = STORE_ERROR;
    profile_encryption_policy(out->profile, &policy);
    if (!revocation) {
        why_set(why, "out of memory");
    } else if (revocation_begin(revocation, context->now, 0, &inquiry, why) == STORE_OK) {
        inquiry.offline = true;
        status = status_of(usable_key_find(context->store, &inquiry, out->external, &policy,
                                           context->now, &out->encryption.certificate,
                                           &out->encrypts, why),
                           why);
    }
    revocation_end(&inquiry);
    revocation_free(&revocation);
    return status;
}

static int find_encryption(struct context *context, struct explanation *out)
{
    struct certificate_answer *answer = &out->encryption;
    char *why = NULL;
    enum store_status status = find_usable(context, out, &why);
    if (take_answer(answer, status, out->external, &why)) {
        return -1;
    }
    if (answer->certificate && find_source(context, out->external, answer)) {
        return -1;
    }
    return find_directories(context, out->external, answer);
}

static int find_decryption(struct context *context, struct explanation *out)
{
    struct identity_list list = {0};
    char *why = NULL;
    enum store_status status = store_identities(context->store, out->managed, &list, &why);
    if (status == STORE_OK && list.count > 0) {
        out->decryption.certificate = list.items[0].certificate;
        list.items[0].certificate = NULL;
        out->decryption_keys = list.count;
    }
    identity_list_clear(&list);
    return take_answer(&out->decryption, status, out->managed, &why);
}

int explanation_outgoing(struct context *context, const char *from, const char *to,
                         struct explanation *out)
{
    *out = (struct explanation){
        .direction = DIRECTION_OUTGOING, .from = from, .to = to, .external = to};
    out->owned_managed = address_without_verp(from, delimiters(context));
    out->managed = out->owned_managed;
    if (!out->managed) {
        tell_error("out of memory");
        return -1;
    }
    if (context_manages(context, to)) {
        out->internal = true;
        out->decision.mode = OUTGOING_NONE;
        out->tls.mode = TLS_NOT_REQUIRED;
        return 0;
    }
    out->tls = rules_tls(&context->config->rules, out->managed, to, delimiters(context));
    if (find_signing(context, out)) {
        return -1;
    }
    bool can_sign = out->signing.certificate != NULL;
    out->allowed = choice_allowed(&context->config->settings, &out->decision);
    if (out->decision.mode >= OUTGOING_ENCRYPT_OPTIONAL && find_encryption(context, out)) {
        return -1;
    }
    out->transform = outgoing_transform((enum outgoing_mode)out->decision.mode, can_sign,
                                        out->encryption.certificate != NULL);
    return 0;
}

int explanation_incoming(struct context *context, const char *from, const char *to,
                         struct explanation *out)
{
    *out = (struct explanation){
        .direction = DIRECTION_INCOMING,
        .from = from,
        .to = to,
        .managed = to,
        /* A stranger who claims one of our addresses is a stranger without a name. */
        .external = *from && context_manages(context, from) ? "" : from,
    };
    out->tls = rules_tls(&context->config->rules, to, out->external, delimiters(context));
    out->decision = rules_incoming(&context->config->rules, to, out->external, delimiters(context));
    out->transform = out->decision.mode <= INCOMING_NONE ? TRANSFORM_VERIFY : TRANSFORM_OPEN;
    return out->transform == TRANSFORM_OPEN ? find_decryption(context, out) : 0;
}

static void certificate_answer_clear(struct certificate_answer *answer)
{
    X509_free(answer->certificate);
    why_free(&answer->reason);
    free(answer->directories);
}

void explanation_clear(struct explanation *explanation)
{
    free(explanation->owned_managed);
    certificate_answer_clear(&explanation->signing);
    certificate_answer_clear(&explanation->encryption);
    certificate_answer_clear(&explanation->decryption);
    *explanation = (struct explanation){0};
}

enum rule_match explanation_rule(const struct context *context,
                                 const struct explanation *explanation, size_t index)
{
    const struct rule_list *rules = &context->config->rules;
    if (explanation->direction == DIRECTION_INCOMING) {
        return rules_why_incoming(rules, index, explanation->managed, explanation->external,
                                  delimiters(context));
    }
    return rules_why_outgoing(rules, index, explanation->managed, explanation->external,
                              delimiters(context));
}

const char *explanation_rule_mode(const struct explanation *explanation, const struct rule *rule)
{
    return explanation->direction == DIRECTION_INCOMING ? incoming_mode_name(rule->incoming)
                                                        : outgoing_mode_name(rule->outgoing);
}

const char *explanation_mode(const struct explanation *explanation)
{
    int mode = explanation->decision.mode;
    return explanation->direction == DIRECTION_INCOMING
               ? incoming_mode_name((enum incoming_mode)mode)
               : outgoing_mode_name((enum outgoing_mode)mode);
}

char *explanation_sentence(const struct explanation *explanation, const struct rule *rule,
                           enum rule_match match)
{
    const char *mode = explanation_rule_mode(explanation, rule);
    const char *external =
        *explanation->external ? explanation->external : "a sender without a name of its own";
    char *sentence = NULL;
    int length = -1;
    switch (match) {
    case RULE_DECIDES:
        length = asprintf(&sentence, "decides: %s", mode);
        break;
    case RULE_MANAGED_DIFFERS:
        length = asprintf(&sentence, "no managed pattern matches %s", explanation->managed);
        break;
    case RULE_EXTERNAL_DIFFERS:
        length = asprintf(&sentence, "no external pattern matches %s", external);
        break;
    case RULE_UNDEFINED:
        length = asprintf(&sentence, "matches, but leaves %s mail undefined",
                          direction_name(explanation->direction));
        break;
    case RULE_SHADOWED:
        length = asprintf(&sentence, "would say %s, but rule %zu stands above it", mode,
                          explanation->decision.position);
        break;
    }
    return length < 0 ? NULL : sentence;
}
