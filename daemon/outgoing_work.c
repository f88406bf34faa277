/* Carrying out the transform of one group of an outgoing message. */
#include "outgoing_work.h"

#include <stdlib.h>

#include "encrypt.h"
#include "legacy_display.h"
#include "profile_policy.h"
#include "sign.h"
#include "why.h"

/* Base64 turns 3 bytes into 4 and adds a line end to each 64; structures, certificates and the
 * header are covered by a fixed amount. */
#define BASE64_PERCENT 138
#define SIGNED_EXTRA_BYTES 32768

static long long estimate(long long bytes, enum transform transform)
{
    long long size = bytes;
    if (transform == TRANSFORM_SIGN || transform == TRANSFORM_SIGN_ENCRYPT)
        size += SIGNED_EXTRA_BYTES;
    if (transform == TRANSFORM_ENCRYPT || transform == TRANSFORM_SIGN_ENCRYPT)
        size = size * BASE64_PERCENT / 100 + SIGNED_EXTRA_BYTES;
    return size;
}

static bool too_large(const struct settings *settings, long long bytes)
{
    return settings->message_size_limit > 0 && bytes > settings->message_size_limit;
}

static void refuse_size(struct outcome *out)
{
    out->action = FLOW_REPLY;
    reply_set(
        &out->reply, 552, "5.3.4",
        "Not sent: signed or encrypted, this message would be larger than the mail server takes",
        "Nicht gesendet: signiert oder verschluesselt waere diese Nachricht groesser, als der "
        "Mailserver annimmt");
}

static void refuse_malformed(struct outcome *out, char **why)
{
    out->action = FLOW_REPLY;
    reply_set(&out->reply, 554, "5.6.0",
              "Not sent: this message is malformed or too complex to be signed or encrypted",
              "Nicht gesendet: diese Nachricht ist fehlerhaft oder zu komplex, um signiert oder "
              "verschluesselt zu werden");
    out->cause = *why;
    *why = NULL;
}

/* Protect the header in *out, and *used_out = `out`; NULL where it is not to be protected. */
static int protect(struct outgoing_work *work, bool encrypted, enum confidentiality policy,
                   struct protection *out, const struct protection **used_out, char **why)
{
    *used_out = NULL;
    if (!work->protects)
        return 0;
    if (protection_make(&work->header, encrypted, policy, out) != 0) {
        why_set(why, "out of memory");
        return -1;
    }
    if (encrypted || out->clean)
        *used_out = out;
    else
        /* It would have to be signed opaquely, and nobody without S/MIME could read it. */
        work->note = "the header is not protected: it is not all 7-bit, has overlong lines, or a "
                     "Content-Type that cannot be marked";
    return 0;
}

/* The message whose content is signed and encrypted. */
static enum smime_status content_for(struct outgoing_work *work, bool encrypted,
                                     enum confidentiality policy, const struct entity **out,
                                     char **why)
{
    struct smime_limits limits;
    struct entity message = {.header = work->header, .body = work->transaction->message.body};
    bool done = false;
    enum smime_status status = SMIME_OK;
    *out = &work->transaction->message;
    if (!encrypted || !work->displays || policy == CONFIDENTIALITY_NONE)
        return SMIME_OK;
    gateway_limits(work->gateway, &limits);
    if (!work->displayed_made)
        status =
            legacy_display_add(&message, &limits, work->progress, &work->displayed, &done, why);
    work->displayed_made = status == SMIME_OK;
    if (work->displayed.body != NULL)
        *out = &work->displayed;
    return status;
}

/* The message as it is signed for the recipients of one profile. What is signed differs as well
 * when a protected header says that it is encrypted. */
struct signed_message {
    const struct profile *profile;
    bool encrypted;
    struct entity message;
    struct signed_message *next;
};

/* Answers come to whichever certificate we name: by OAEP if that is an RSA one, by ECDH if it is of
 * an elliptic curve. */
static void declare(const struct identity *identity, const struct encryption_policy *policy,
                    struct sign_request *out)
{
    X509 *certificate = identity->encryption_certificate != NULL ? identity->encryption_certificate
                                                                 : identity->certificate;
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    int type = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    out->ciphers = policy->ciphers;
    out->oaep = policy->oaep && type == EVP_PKEY_RSA;
    if (policy->ecdh && type == EVP_PKEY_EC)
        agreement_list_readable(EVP_PKEY_get_bits(key), &policy->ciphers, &out->agreements);
}

static enum smime_status sign_as(struct outgoing_work *work, const struct recipient *as,
                                 bool encrypted, struct entity *out, char **why)
{
    struct encryption_policy policy;
    struct sign_request request = {
        .certificate = work->identity->certificate,
        .key = work->identity->key,
        .chain = work->identity->chain,
        .encryption_certificate = work->identity->encryption_certificate,
        .scheme = as->signing.scheme,
        .digest = as->signing.digest,
        .now = work->now,
        .progress = *work->progress,
    };
    struct protection protection = {0};
    const struct entity *message = NULL;
    enum smime_status status = SMIME_ERROR;
    profile_encryption_policy(as->profile, &policy);
    declare(work->identity, &policy, &request);
    gateway_limits(work->gateway, &request.limits);
    if (protect(work, encrypted, as->confidentiality, &protection, &request.protection, why) == 0)
        status = content_for(work, encrypted, as->confidentiality, &message, why);
    if (status == SMIME_OK)
        status = smime_sign(message, &request, out, why);
    protection_clear(&protection);
    if (status != SMIME_OK)
        why_prefix(why, "signing failed");
    return status;
}

/* One signature for all groups that are told the same. */
static enum smime_status sign(struct outgoing_work *work, const struct group *group, bool encrypts,
                              struct entity **out, char **why)
{
    const struct recipient *first = &work->transaction->recipients[group->members[0]];
    struct signed_message *made = work->is_signed;
    bool encrypted = encrypts && (work->protects || work->displays);
    enum smime_status status;
    while (made != NULL && (made->profile != first->profile || made->encrypted != encrypted))
        made = made->next;
    if (made != NULL) {
        *out = &made->message;
        return SMIME_OK;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    status = sign_as(work, first, encrypts, &made->message, why);
    if (status != SMIME_OK) {
        free(made);
        return status;
    }
    made->profile = first->profile;
    made->encrypted = encrypted;
    made->next = work->is_signed;
    work->is_signed = made;
    *out = &made->message;
    return SMIME_OK;
}

/* Those that were checked: what the store has learned meanwhile was not. */
static int collect_recipients(const struct outgoing_work *work, const struct group *group,
                              struct encrypt_recipient *out, char **why)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct recipient *recipient = &work->transaction->recipients[group->members[i]];
        if (recipient->certificate == NULL) {
            why_set(why, "no public key of %s was found", recipient->canonical);
            return -1;
        }
        out[i] = (struct encrypt_recipient){recipient->certificate, recipient->encryption.transport,
                                            &recipient->encryption.agreements};
    }
    return 0;
}

/* The signed message, or the plain one (`message` NULL). */
static enum smime_status encrypt(struct outgoing_work *work, const struct group *group,
                                 const struct entity *message, struct entity *encrypted_out,
                                 char **why)
{
    struct encrypt_recipient *recipients = calloc(group->count, sizeof *recipients);
    struct encrypt_request request = {
        .recipients = recipients,
        .recipient_count = group->count,
        .cipher = plan_cipher(group),
        .progress = *work->progress,
    };
    enum confidentiality policy = work->transaction->recipients[group->members[0]].confidentiality;
    struct protection protection = {0};
    enum smime_status status = SMIME_ERROR;
    gateway_limits(work->gateway, &request.limits);
    if (recipients == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    if (collect_recipients(work, group, recipients, why) != 0)
        goto out;
    if (message == NULL &&
        (protect(work, true, policy, &protection, &request.protection, why) != 0 ||
         content_for(work, true, policy, &message, why) != SMIME_OK))
        goto out;
    status = smime_encrypt(message, &request, encrypted_out, why);
    if (status != SMIME_OK)
        why_prefix(why, "encryption failed");
out:
    protection_clear(&protection);
    free(recipients);
    return status;
}

/* Hand the finished message over to `out`. */
static int finish(const struct outgoing_work *work, struct entity *after, struct outcome *out,
                  char **why)
{
    const struct entity *before = &work->transaction->message;
    if (too_large(&work->gateway->config->settings,
                  (long long)after->header.bytes + (long long)spool_size(after->body))) {
        refuse_size(out);
        return 0;
    }
    if (outcome_replace_content(out, &before->header, &after->header) != 0) {
        why_set(why, "out of memory");
        return -1;
    }
    out->action = FLOW_REPLACE;
    out->body = after->body;
    after->body = NULL;
    return 0;
}

int outgoing_work(struct outgoing_work *work, const struct group *group, struct outcome *out,
                  char **why)
{
    const struct entity *message = &work->transaction->message;
    bool signs = group->transform == TRANSFORM_SIGN || group->transform == TRANSFORM_SIGN_ENCRYPT;
    bool encrypts =
        group->transform == TRANSFORM_ENCRYPT || group->transform == TRANSFORM_SIGN_ENCRYPT;
    struct entity is_encrypted = {0};
    struct entity *is_signed = NULL;
    enum smime_status status = SMIME_OK;
    int rc = -1;
    out->transform = group->transform;
    if (!signs && !encrypts)
        return 0;
    if (encrypts && work->protects)
        out->hides = work->transaction->recipients[group->members[0]].confidentiality;
    if (too_large(&work->gateway->config->settings,
                  estimate((long long)message->header.bytes + (long long)spool_size(message->body),
                           group->transform))) {
        refuse_size(out);
        return 0;
    }
    if (signs)
        status = sign(work, group, encrypts, &is_signed, why);
    if (status == SMIME_OK && encrypts)
        status = encrypt(work, group, is_signed, &is_encrypted, why);
    if (status == SMIME_REFUSED) {
        refuse_malformed(out, why);
        rc = 0;
    }
    if (status != SMIME_OK)
        goto out;
    if (signs && !encrypts && work->note != NULL)
        why_set(&out->note, "%s", work->note);
    rc = finish(work, encrypts ? &is_encrypted : is_signed, out, why);
out:
    entity_clear(&is_encrypted);
    return rc;
}

void outgoing_work_clear(struct outgoing_work *work)
{
    header_clear(&work->header);
    entity_clear(&work->displayed);
    while (work->is_signed != NULL) {
        struct signed_message *made = work->is_signed;
        work->is_signed = made->next;
        entity_clear(&made->message);
        free(made);
    }
}
