/* Opening what came in: the layers, then the verdict, then the message that is delivered. */
#include "incoming.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "clear_sign.h"
#include "decrypt.h"
#include "delivery.h"
#include "display_name.h"
#include "harvest.h"
#include "legacy_display_remove.h"
#include "levels.h"
#include "mailboxes.h"
#include "payload.h"
#include "protection.h"
#include "subparts.h"
#include "why.h"

struct work {
    const struct entity *message;
    const struct open_request *request;
    struct opened *out;
    struct author author;
    struct levels levels;
    struct payload payload; /* form NONE where there is none */
    struct subparts subparts;
    char **why;
};

/* ---- The verdict ---- */

/* Exchange can pack a signed or encrypted message so; nothing in it is S/MIME for anybody else. */
#define TNEF_REASON                                                                                \
    "the message is packed in Outlook's winmail.dat (TNEF), which was passed on unread; its "      \
    "sender "                                                                                      \
    "should send MIME"

static void judge_encryption(struct work *work)
{
    struct opened *out = work->out;
    out->encryption = ENCRYPTION_NONE;
    for (size_t i = 0; i < out->layer_count; i++)
        if (out->layers[i].encryption > out->encryption)
            out->encryption = out->layers[i].encryption;
    if (out->encryption != ENCRYPTION_NONE)
        return;
    if (out->has_encrypted_part)
        why_set(&out->encryption_reason, "a part inside is encrypted; it was left alone");
    else if (work->levels.note != NULL)
        why_set(&out->encryption_reason, "%s", work->levels.note);
    else if (out->has_tnef_part)
        why_set(&out->encryption_reason, "%s", TNEF_REASON);
    else
        why_set(&out->encryption_reason, "the message is not encrypted");
}

/* Does the layer vouch for all that is in it? Whoever altered ciphertext around it could not have
 * made it, unless of a text that he knew. What stands behind the parts of a multipart is not
 * signed: blocks that somebody has appended there would be let in as soon as their padding is
 * right. */
static bool vouches(const struct layer *layer)
{
    return (layer->signature == SIGNATURE_VALID && layer->alone) ||
           (layer->authenticated && layer->encryption == ENCRYPTION_DECRYPTED);
}

static bool is_unauthenticated(const struct opened *out)
{
    bool vouched = false;
    for (size_t i = out->layer_count; i-- > 0;) {
        vouched = vouched || vouches(&out->layers[i]);
        if (out->layers[i].tried && !out->layers[i].authenticated && !vouched)
            return true;
    }
    return false;
}

/* Is ciphertext all that was signed? Anybody can sign what somebody else has encrypted. */
static bool signs_ciphertext(const struct opened *out)
{
    for (size_t i = out->layer_count; i-- > 0;) {
        if (out->layers[i].signature == SIGNATURE_VALID)
            return false;
        if (out->layers[i].encryption == ENCRYPTION_DECRYPTED)
            return true;
    }
    return false;
}

/* The worst of all signature layers. */
static void judge_signature(struct work *work)
{
    struct opened *out = work->out;
    const struct layer *worst = NULL;
    for (size_t i = 0; i < out->layer_count; i++)
        if (out->layers[i].signature > (worst != NULL ? worst->signature : SIGNATURE_NONE))
            worst = &out->layers[i];
    out->signature = worst != NULL ? worst->signature : SIGNATURE_NONE;
    if (worst != NULL) {
        bool doubtful = out->signature == SIGNATURE_VALID && signs_ciphertext(out);
        why_set(&out->signature_reason, "%s%s", why_text(&worst->reason),
                doubtful ? "; what was signed is ciphertext, which somebody else may have written"
                         : "");
    } else if (out->has_signed_part) {
        out->signature = SIGNATURE_PARTIAL;
        why_set(&out->signature_reason, "only a part of the message is signed%s%s",
                work->levels.note != NULL ? ": " : "",
                work->levels.note != NULL ? work->levels.note : "");
    } else if (work->levels.note != NULL || work->subparts.note != NULL) {
        why_set(&out->signature_reason, "%s",
                work->levels.note != NULL ? work->levels.note : work->subparts.note);
    } else if (out->has_tnef_part) {
        why_set(&out->signature_reason, "%s", TNEF_REASON);
    } else {
        why_set(&out->signature_reason, "the message is not signed");
    }
}

/* Find the payload. A protected From must be the message's wherever its layers put it: levels.c has
 * seen only what is directly within a signature. */
static enum smime_status find_payload(struct work *work)
{
    struct opened *out = work->out;
    enum smime_status status = SMIME_OK;
    if (!work->levels.complete || out->layer_count == 0)
        return SMIME_OK;
    status = payload_read(&work->levels.innermost, &work->message->header, work->author.address,
                          &work->request->limits, &work->payload, work->why);
    for (size_t i = 0; status == SMIME_OK && work->payload.from_differs && i < out->layer_count;
         i++) {
        struct layer *layer = &out->layers[i];
        if (layer->signature == SIGNATURE_NONE || layer->signature >= SIGNATURE_MISMATCH)
            continue;
        layer->signature = SIGNATURE_MISMATCH;
        why_set(&layer->reason, "the signature is good, but the protected header is from somebody "
                                "else");
    }
    return status;
}

static enum smime_status judge(struct work *work)
{
    enum smime_status status = SMIME_OK;
    if (work->levels.complete)
        status = subparts_find(&work->levels.innermost, &work->request->limits,
                               &work->request->progress, &work->subparts, work->why);
    if (status != SMIME_OK)
        return status;
    work->out->has_signed_part = work->subparts.signed_part;
    work->out->has_encrypted_part = work->subparts.encrypted_part;
    work->out->has_tnef_part = work->subparts.tnef_part;
    judge_encryption(work);
    judge_signature(work);
    work->out->unauthenticated = is_unauthenticated(work->out);
    return SMIME_OK;
}

static enum smime_status learn(struct work *work)
{
    const struct level *level = work->levels.first;
    if (work->out->signature != SIGNATURE_VALID)
        return SMIME_OK;
    while (level != NULL && level->verified.verdict != SIGNATURE_VALID)
        level = level->next;
    return level == NULL ? SMIME_OK
                         : harvest_learn(&level->verified, &work->author, work->request,
                                         &work->out->harvest, work->why);
}

/* ---- What is delivered ---- */

/* The innermost layer that was decrypted; NULL if none was. */
static struct level *innermost_decrypted(struct work *work)
{
    struct level *found = NULL;
    for (struct level *level = work->levels.first; level != NULL; level = level->next)
        if (level->found.kind == LAYER_ENCRYPTED && level->entered)
            found = level;
    return found;
}

static size_t layer_index(const struct work *work, const struct level *level)
{
    size_t i = 0;
    for (const struct level *other = work->levels.first; other != level; other = other->next)
        i++;
    return i;
}

static enum smime_status try_clear_sign(struct work *work, const struct level *level,
                                        bool *done_out)
{
    struct entity content = {0};
    enum smime_status status = clear_sign(&level->found.layout, &level->verified, &work->author,
                                          work->request, &content, done_out, work->why);
    if (status == SMIME_OK && *done_out) {
        if (delivery_header(&work->message->header, &content.header, &work->out->message.header) !=
            0) {
            why_set(work->why, "out of memory");
            status = SMIME_ERROR;
        }
        work->out->message.body = content.body;
        content.body = NULL;
        work->out->changed = true;
        work->out->clear_signed = true;
        work->out->kept_from = layer_index(work, level);
    }
    entity_clear(&content);
    return status;
}

/* The decrypted entity cannot be delivered, so it counts as not decrypted. */
static void keep_encrypted(struct work *work, const struct level *level, const char *reason)
{
    struct opened *out = work->out;
    size_t i = layer_index(work, level);
    out->encryption = ENCRYPTION_NOT_DECRYPTED;
    out->layers[i].encryption = ENCRYPTION_NOT_DECRYPTED;
    why_set(&out->layers[i].reason, "what is inside cannot be delivered: %s", reason);
    why_set(&out->encryption_reason, "%s", DECRYPT_FAILED);
    restored_clear(&out->restored);
}

/* Is the wrapped message what the reader shall see? */
static bool unwraps(const struct work *work)
{
    return work->payload.form == PROTECTION_FORM_WRAPPED && !work->payload.from_differs &&
           work->request->restore_headers;
}

/* What is delivered instead of what came: the content of the innermost encryption, or that of all
 * layers where no signature is to stay. NULL: nothing. */
static const struct view *delivered_view(struct work *work, const struct level *base, bool inert)
{
    bool strip = work->request->remove_signature && work->out->signature == SIGNATURE_VALID;
    bool bare = base != NULL && base->next == NULL;
    bool last = work->levels.complete && (inert || strip);
    if (!last && base == NULL)
        return NULL;
    if ((last || bare) && unwraps(work))
        return &work->payload.wrapped;
    return last ? &work->levels.innermost : &base->inside;
}

static enum smime_status deliver_view(struct work *work, const struct view *view, bool inert,
                                      const struct level *base)
{
    const struct open_request *request = work->request;
    struct opened *out = work->out;
    char *reason = NULL;
    enum smime_status status =
        inert ? delivery_inert(work->message, view, &request->limits, &request->progress,
                               &out->message, &reason)
              : delivery_decrypted(work->message, view, &request->limits, &out->message, &reason);
    if (status == SMIME_OK && protection_unmark(&out->message.header) != 0) {
        why_set(&reason, "out of memory");
        status = SMIME_ERROR;
    }
    out->changed = status == SMIME_OK;
    out->defanged = out->changed && inert;
    if (out->changed)
        out->kept_from =
            base != NULL && view == &base->inside ? layer_index(work, base) + 1 : out->layer_count;
    if (status == SMIME_REFUSED && base != NULL)
        keep_encrypted(work, base, why_text(&reason));
    else if (status == SMIME_ERROR)
        why_set(work->why, "%s", why_text(&reason));
    why_free(&reason);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

/* The payload without its legacy display elements: *entity with *kept_view of it, and *view set to
 * that, where nothing signed is delivered and the protected header comes to stand outside. */
static enum smime_status drop_display(struct work *work, const struct level *base,
                                      struct entity *entity, struct view *kept_view,
                                      const struct view **view)
{
    const struct open_request *request = work->request;
    bool payload = *view == &work->levels.innermost ||
                   (base != NULL && base->next == NULL && *view == &base->inside);
    struct header shown = {0};
    bool done = false;
    enum smime_status status = SMIME_OK;
    /* RFC 9788 section 4.5.3: there are none in what was not encrypted. */
    if (work->payload.form != PROTECTION_FORM_CIPHER || base == NULL || !payload ||
        !work->levels.complete || !request->restore_headers)
        return SMIME_OK;
    if (restored_shown(&work->message->header, work->payload.header, &work->out->restored,
                       &shown) != 0) {
        why_set(work->why, "out of memory");
        status = SMIME_ERROR;
    }
    if (status == SMIME_OK)
        status = legacy_display_remove(*view, &shown, &request->limits, &request->progress, entity,
                                       &done, work->why);
    if (status == SMIME_OK && done) {
        *kept_view = (struct view){&entity->header, entity->body, 0, spool_size(entity->body)};
        *view = kept_view;
    }
    header_clear(&shown);
    return status;
}

static enum smime_status deliver(struct work *work)
{
    struct opened *out = work->out;
    const struct level *base = innermost_decrypted(work);
    const struct level *inner = base != NULL ? base->next : work->levels.first;
    bool inert = work->request->defang && out->unauthenticated;
    const struct view *view = delivered_view(work, base, inert);
    bool stays = base != NULL ? view == &base->inside : view == NULL;
    struct entity bare = {0};
    struct view bare_view = {0};
    bool done = false;
    enum smime_status status = SMIME_OK;
    /* Half of it opened would be neither what came nor what was meant. */
    if (out->encryption == ENCRYPTION_NOT_DECRYPTED ||
        (work->request->withhold && out->unauthenticated))
        return SMIME_OK;
    if (work->request->clear_sign && inner != NULL && inner->found.kind == LAYER_SIGNED_OPAQUE &&
        stays && !inert)
        status = try_clear_sign(work, inner, &done);
    if (status != SMIME_OK || done || view == NULL)
        return status;
    status = drop_display(work, base, &bare, &bare_view, &view);
    if (status == SMIME_OK)
        status = deliver_view(work, view, inert, base);
    entity_clear(&bare);
    return status;
}

/* What the protected header says, if the payload can be read by whoever gets the message. */
static enum smime_status restore(struct work *work)
{
    struct opened *out = work->out;
    bool decrypted = out->encryption == ENCRYPTION_DECRYPTED;
    enum payload_trust trust = PAYLOAD_UNKNOWN;
    if (work->payload.form == PROTECTION_FORM_NONE || out->encryption == ENCRYPTION_NOT_DECRYPTED)
        return SMIME_OK;
    out->restored.form = work->payload.form;
    out->restored.from_differs = work->payload.from_differs;
    if (work->request->restore_headers && out->signature == SIGNATURE_VALID)
        trust = PAYLOAD_SIGNED;
    else if (work->request->restore_headers && decrypted)
        trust = PAYLOAD_DECRYPTED;
    if (restored_compare(&work->message->header, work->payload.header, trust, decrypted,
                         &out->restored) == 0)
        return SMIME_OK;
    why_set(work->why, "out of memory");
    return SMIME_ERROR;
}

enum smime_status smime_open(const struct entity *message, const struct open_request *request,
                             struct opened *out, char **why)
{
    struct work work = {.message = message, .request = request, .out = out, .why = why};
    enum smime_status status;
    *out = (struct opened){0};
    if (mailboxes_from(&message->header, &work.author.address, &work.author.fault) == 0 &&
        display_name_addresses(&message->header, work.author.address, &work.author.shown) != 0) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
        goto out;
    }
    status = levels_open(message, &work.author, request, out, &work.levels, why);
    if (status == SMIME_OK)
        status = find_payload(&work);
    if (status == SMIME_OK)
        status = judge(&work);
    if (status == SMIME_OK)
        status = learn(&work);
    if (status == SMIME_OK)
        status = restore(&work);
    if (status == SMIME_OK)
        status = deliver(&work);
out:
    payload_clear(&work.payload);
    levels_clear(&work.levels);
    subparts_clear(&work.subparts);
    free(work.author.address);
    why_free(&work.author.fault);
    mailboxes_clear(&work.author.shown);
    ERR_clear_error();
    if (status != SMIME_OK) {
        opened_clear(out);
        status = SMIME_ERROR;
    }
    return status;
}

/* What was found, if it is what it claims to be: a rule may be satisfied by it. */
static enum smime_status kind_of(const struct found_layer *found, enum smime_kind *out, char **why)
{
    enum smime_status status = SMIME_OK;
    char *reason = NULL;
    if (!found->found || found->fault != NULL)
        return SMIME_OK;
    if (found->kind != LAYER_ENCRYPTED) {
        if (found->layout.signers > 0)
            *out = SMIME_KIND_SIGNED;
        return SMIME_OK;
    }
    status = decrypt_check(&found->layout, &reason);
    if (status == SMIME_OK)
        *out = SMIME_KIND_ENCRYPTED;
    else if (status == SMIME_ERROR)
        why_set(why, "%s", why_text(&reason));
    why_free(&reason);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

enum smime_status smime_kind(const struct entity *message, const struct smime_limits *limits,
                             enum smime_kind *out, char **why)
{
    static const struct smime_progress nobody = {0};
    struct view view = {&message->header, message->body, 0, spool_size(message->body)};
    struct found_layer found;
    enum smime_status status = layer_find(&view, limits, &nobody, &found, why);
    *out = SMIME_KIND_PLAIN;
    if (status == SMIME_OK)
        status = kind_of(&found, out, why);
    found_layer_clear(&found);
    return status;
}
