/* Telling a sender that some recipients got his message with less protection than was asked for.
 *
 * It is noted when the MTA has taken all edits, and not before: until then the message may still be
 * deferred, and nobody shall hear of what was not sent. That the MTA keeps the message even then is
 * not known (a later filter may refuse it, the connection break), but then it comes again, or the
 * sender hears of that. The note is one row of the store; the keeper sends it, so that no message
 * waits for a mail server. */
#include "weaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "header_edits.h"
#include "log.h"
#include "mail_server.h"
#include "message_id.h"
#include "notice.h"
#include "subject.h"
#include "unsigned_mail.h"
#include "why.h"

#define SUBJECT_MAX_BYTES 200
#define TOPIC_HASH_BYTES 32 /* SHA-256 */

/* As notice_text.c knows them. */
static const char *const reason_names[] = {
    [WEAKNESS_DENIED] = "denied",
    [WEAKNESS_UNSIGNED] = "unsigned",
    [WEAKNESS_NO_KEY] = "no-key",
};

/* ---- Finding ---- */

static enum weakness find(const struct judgement *judgement, const struct recipient *recipient)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    const struct choice *choice = &judgement->choice;
    bool is_encrypted = transform_is_encrypted(recipient->transform);
    bool is_signed = recipient->transform == TRANSFORM_SIGN ||
                     recipient->transform == TRANSFORM_SIGN_ENCRYPT ||
                     judgement->kind == SMIME_KIND_SIGNED;
    if (recipient->transform == TRANSFORM_REFUSE)
        return WEAKNESS_NONE;
    /* What he asked for and could not have is refused where it is encryption. */
    if (choice->encrypt && !is_encrypted)
        return WEAKNESS_DENIED;
    if (choice->sign && !is_signed)
        return recipient->choice == CHOICE_DENIED ? WEAKNESS_DENIED : WEAKNESS_UNSIGNED;
    if (settings->notify_sender == NOTIFY_SENDER_OPTIONAL && !is_encrypted &&
        recipient->decision.mode == OUTGOING_ENCRYPT_OPTIONAL &&
        recipient->choice != CHOICE_WEAKENED)
        return WEAKNESS_NO_KEY;
    return WEAKNESS_NONE;
}

void weaker_find(const struct judgement *judgement)
{
    const struct settings *settings = &judgement->gateway->config->settings;
    struct transaction *transaction = judgement->transaction;
    bool concerns = settings->notify_sender != NOTIFY_SENDER_NEVER &&
                    judgement->authority.authorised && judgement->kind != SMIME_KIND_ENCRYPTED;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        struct recipient *recipient = &transaction->recipients[i];
        recipient->weakness = WEAKNESS_NONE;
        if (concerns && !gateway_is_managed(judgement->gateway, recipient->canonical))
            recipient->weakness = find(judgement, recipient);
    }
}

/* ---- Noting ---- */

/* Lists and mass mail have nobody who would read it. */
static bool is_bulk(const struct header *header)
{
    static const char *const words[] = {"bulk", "list", "junk"};
    const struct header_field *field = header_get(header, "Precedence", 0);
    for (size_t i = 0; i < header->count; i++)
        if (strncasecmp(header->fields[i].name, "List-", 5) == 0)
            return true;
    for (size_t i = 0; field != NULL && i < sizeof words / sizeof *words; i++)
        if (strcasestr(field->value, words[i]) != NULL)
            return true;
    return false;
}

static bool may_be_told(const struct gateway *gateway, const struct transaction *transaction)
{
    const struct header *header = &transaction->message.header;
    return transaction->role != ROLE_INBOUND && transaction->sender[0] != '\0' &&
           gateway_is_managed(gateway, transaction->sender) && !is_auto_submitted(header) &&
           !is_bulk(header) && mail_server_for_own(&gateway->config->settings) != NULL;
}

/* A line for each: reason, blank, address. NULL out of memory; "" when there is none. */
static char *list_recipients(const struct transaction *transaction)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        const char *reason = reason_names[recipient->weakness];
        /* With a reply he was refused later, when the work was done. */
        if (reason == NULL || recipient->reply.code != 0 ||
            (size_t)ftell(out) + strlen(reason) + strlen(recipient->canonical) + 3 >
                NOTICE_MAX_DETAIL_BYTES)
            continue;
        fprintf(out, "%s%s %s", ftell(out) > 0 ? "\n" : "", reason, recipient->canonical);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static bool add_to_hash(EVP_MD_CTX *hash, const char *text)
{
    return EVP_DigestUpdate(hash, text, strlen(text) + 1) == 1;
}

/* Tells one message of a sender from another: by its Message-ID; where a program gives none, by
 * fields that stay the same when it is sent again. */
static char *topic_of(const struct transaction *transaction, const char *message_id)
{
    static const char *const names[] = {"Date", "From", "To", "Subject"};
    const struct header *header = &transaction->message.header;
    unsigned char digest[TOPIC_HASH_BYTES];
    char hex[2 * TOPIC_HASH_BYTES + 1];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    char *topic = NULL;
    bool good = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                add_to_hash(hash, transaction->sender);
    if (message_id != NULL)
        good = good && add_to_hash(hash, message_id);
    for (size_t i = 0; message_id == NULL && i < sizeof names / sizeof *names; i++) {
        const struct header_field *field = header_get(header, names[i], 0);
        good = good && add_to_hash(hash, field != NULL ? field->value : "");
    }
    good = good && EVP_DigestFinal_ex(hash, digest, NULL) == 1;
    EVP_MD_CTX_free(hash);
    for (size_t i = 0; good && i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (!good || asprintf(&topic, "%s %s", transaction->sender, hex) < 0)
        return NULL;
    return topic;
}

static enum store_status put(const struct gateway *gateway, const struct transaction *transaction,
                             const char *detail, char **why)
{
    const struct header_field *subject = header_get(&transaction->message.header, "Subject", 0);
    bool hidden = header_edits_hides(&gateway->config->settings, transaction);
    char *words = hidden
                      ? strdup(&PROTECTION_SUBJECT[1])
                      : subject_words(subject != NULL ? subject->value : NULL, SUBJECT_MAX_BYTES);
    char *message_id = message_id_named(&transaction->message.header);
    char *topic = topic_of(transaction, message_id);
    struct notice_note note = {.kind = NOTICE_WEAKER,
                               .topic = topic,
                               .recipient = transaction->sender_text,
                               .object = words,
                               .detail = detail,
                               .reference = message_id};
    enum store_status status = STORE_ERROR;
    if (words == NULL || topic == NULL)
        why_set(why, "out of memory");
    else
        status = store_notice_put(gateway->store, &note, NULL, why);
    free(words);
    free(message_id);
    free(topic);
    return status;
}

void weaker_note(const struct gateway *gateway, const struct transaction *transaction,
                 const char *id)
{
    char *why = NULL;
    char *detail = NULL;
    bool any = false;
    for (size_t i = 0; i < transaction->recipient_count; i++)
        any = any || transaction->recipients[i].weakness != WEAKNESS_NONE;
    if (!any || !may_be_told(gateway, transaction))
        return;
    detail = list_recipients(transaction);
    if (detail == NULL)
        why_set(&why, "out of memory");
    if (why != NULL || (detail[0] != '\0' && put(gateway, transaction, detail, &why) != STORE_OK))
        log_line(LOG_LEVEL_WARNING, id, "the sender is not told who got less protection: %s",
                 why_text(&why));
    free(detail);
    why_free(&why);
}
