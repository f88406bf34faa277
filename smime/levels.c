/* The layers of a message, opened one within the other, until what is inside is no layer, or cannot
 * be opened. */
#include "levels.h"

#include <stdlib.h>
#include <string.h>

#include "line_ends.h"
#include "mailboxes.h"
#include "why.h"

struct descent {
    const struct author *author;
    const struct open_request *request;
    struct opened *out;
    char **why;
};

static struct layer *add_layer(struct descent *descent, enum layer_kind kind)
{
    struct opened *out = descent->out;
    struct layer *grown = realloc(out->layers, (out->layer_count + 1) * sizeof *grown);
    if (grown == NULL) {
        why_set(descent->why, "out of memory");
        return NULL;
    }
    out->layers = grown;
    grown = &out->layers[out->layer_count++];
    *grown = (struct layer){.kind = kind};
    return grown;
}

/* A layer that is not even looked into. */
static enum smime_status add_fault(struct descent *descent, enum layer_kind kind,
                                   const char *reason)
{
    struct layer *layer = add_layer(descent, kind);
    if (layer == NULL)
        return SMIME_ERROR;
    why_set(&layer->reason, "%s", reason);
    if (kind == LAYER_ENCRYPTED) {
        layer->encryption = ENCRYPTION_NOT_DECRYPTED;
        why_set(&descent->out->encryption_reason, "%s", reason);
    } else {
        layer->signature = SIGNATURE_INVALID;
    }
    return SMIME_OK;
}

/* Read the header of what is inside, in its canonical form. level->entered stays false when that is
 * over its ceiling. */
static enum smime_status enter(struct descent *descent, struct level *level,
                               const struct spool *text, off_t from, off_t to)
{
    char *reason = NULL;
    enum smime_status status = SMIME_OK;
    /* The parts of a multipart are text of the layer around it and canonical with that. */
    if (level->found.kind != LAYER_SIGNED_DETACHED)
        status = line_ends_canonical(text, from, to, &descent->request->progress, &level->canonical,
                                     descent->why);
    if (status != SMIME_OK)
        return status;
    if (level->canonical != NULL) {
        text = level->canonical;
        from = 0;
        to = spool_size(text);
    }
    status = layer_read_header(text, from, to, descent->request->limits.max_header_bytes,
                               &level->header, &level->inside.from, &reason);
    if (status == SMIME_ERROR)
        why_set(descent->why, "%s", why_text(&reason));
    why_free(&reason);
    if (status != SMIME_OK)
        return status == SMIME_REFUSED ? SMIME_OK : status;
    level->inside.header = &level->header;
    level->inside.text = text;
    level->inside.to = to;
    level->entered = true;
    return SMIME_OK;
}

static enum smime_status open_encrypted(struct descent *descent, struct level *level)
{
    struct opened *out = descent->out;
    struct decrypted *decrypted = &level->decrypted;
    struct layer *layer;
    enum smime_status status =
        decrypt_enveloped(&level->found.layout, descent->request, decrypted, descent->why);
    if (status == SMIME_OK && decrypted->opened)
        status = enter(descent, level, decrypted->plain, 0, spool_size(decrypted->plain));
    layer = status == SMIME_OK ? add_layer(descent, LAYER_ENCRYPTED) : NULL;
    if (layer == NULL)
        return SMIME_ERROR;
    if (decrypted->opened && !level->entered) {
        why_set(&decrypted->reason, "%s", DECRYPT_FAILED);
        why_set(&decrypted->detail, "the header inside is too large");
    }
    layer->encryption = level->entered ? ENCRYPTION_DECRYPTED : ENCRYPTION_NOT_DECRYPTED;
    layer->authenticated = level->found.layout.authenticated;
    layer->weak = decrypted->weak;
    out->weak |= layer->weak;
    layer->tried = decrypted->tried;
    why_set(&layer->reason, "%s",
            why_text(decrypted->detail != NULL ? &decrypted->detail : &decrypted->reason));
    why_set(&out->encryption_reason, "%s", why_text(&decrypted->reason));
    layer->algorithms = decrypted->algorithms;
    decrypted->algorithms = NULL;
    if (level->entered && out->cipher == NULL) {
        out->cipher = decrypted->cipher;
        decrypted->cipher = NULL;
    }
    return SMIME_OK;
}

/* A From that was signed must be the message's (DESIGN section 5). */
static void check_signed_from(struct descent *descent, struct level *level)
{
    struct verified *verified = &level->verified;
    char *signed_from = NULL;
    char *reason = NULL;
    if (!level->entered || header_count(&level->header, "From") == 0 ||
        verified->verdict >= SIGNATURE_MISMATCH)
        return;
    if (mailboxes_from(&level->header, &signed_from, &reason) != 0 ||
        descent->author->address == NULL || strcmp(signed_from, descent->author->address) != 0) {
        verified->verdict = SIGNATURE_MISMATCH;
        why_set(&verified->reason, "the signature is good, but what was signed is from %s",
                signed_from != NULL ? signed_from : "nobody in particular");
    }
    free(signed_from);
    why_free(&reason);
}

static enum smime_status open_signed(struct descent *descent, struct level *level)
{
    const struct found_layer *found = &level->found;
    bool opaque = found->kind == LAYER_SIGNED_OPAQUE;
    struct verified *verified = &level->verified;
    struct signed_content content = {
        .layout = &found->layout,
        .text = opaque ? found->layout.content : level->outside.text,
        .from = opaque ? found->layout.content_from : found->signed_from,
        .to = opaque ? found->layout.content_to : found->signed_to,
    };
    struct layer *layer;
    enum smime_status status =
        verify_signed(&content, descent->author, descent->request, verified, descent->why);
    if (status == SMIME_OK)
        status = enter(descent, level, content.text, content.from, content.to);
    layer = status == SMIME_OK ? add_layer(descent, found->kind) : NULL;
    if (layer == NULL)
        return SMIME_ERROR;
    if (!level->entered) {
        verified->verdict = SIGNATURE_INVALID;
        why_set(&verified->reason, "the header of what was signed is too large to be looked at");
    }
    check_signed_from(descent, level);
    layer->signature = verified->verdict;
    layer->alone = opaque || found->alone;
    layer->weak = verified->weak;
    descent->out->weak |= layer->weak;
    why_set(&layer->reason, "%s", why_text(&verified->reason));
    layer->algorithms = verified->algorithms;
    verified->algorithms = NULL;
    if (verified->signer != NULL && X509_up_ref(verified->signer) == 1)
        layer->signer = verified->signer;
    layer->signing_time = verified->signing_time;
    return SMIME_OK;
}

/* Open the layer that was found at `depth`. */
static enum smime_status open_level(struct descent *descent, struct level *level, size_t depth)
{
    const struct found_layer *found = &level->found;
    size_t ceiling = descent->request->limits.max_nesting;
    char *reason = NULL;
    enum smime_status status;
    if (found->fault != NULL)
        return add_fault(descent, found->kind, found->fault);
    if (depth >= ceiling) {
        why_set(&reason, "the message has more than %zu layers", ceiling);
        status = add_fault(descent, found->kind, why_text(&reason));
        why_free(&reason);
        return status;
    }
    return found->kind == LAYER_ENCRYPTED ? open_encrypted(descent, level)
                                          : open_signed(descent, level);
}

enum smime_status levels_open(const struct entity *message, const struct author *author,
                              const struct open_request *request, struct opened *out,
                              struct levels *levels, char **why)
{
    struct descent descent = {.author = author, .request = request, .out = out, .why = why};
    struct level **hook = &levels->first;
    enum smime_status status = SMIME_OK;
    *levels = (struct levels){
        .innermost = {&message->header, message->body, 0, spool_size(message->body)}};
    for (size_t depth = 0;; depth++) {
        struct found_layer found;
        struct level *level;
        status = layer_find(&levels->innermost, &request->limits, &request->progress, &found, why);
        if (status != SMIME_OK || !found.found) {
            levels->complete = status == SMIME_OK;
            levels->note = found.note;
            found.note = NULL;
            found_layer_clear(&found);
            return status;
        }
        level = calloc(1, sizeof *level);
        if (level == NULL) {
            found_layer_clear(&found);
            why_set(why, "out of memory");
            return SMIME_ERROR;
        }
        level->outside = levels->innermost;
        level->found = found;
        *hook = level;
        hook = &level->next;
        status = open_level(&descent, level, depth);
        if (status != SMIME_OK || !level->entered)
            return status;
        levels->innermost = level->inside;
    }
}

void levels_clear(struct levels *levels)
{
    struct level *level = levels->first;
    while (level != NULL) {
        struct level *next = level->next;
        decrypted_clear(&level->decrypted);
        verified_clear(&level->verified);
        found_layer_clear(&level->found);
        header_clear(&level->header);
        spool_free(&level->canonical);
        free(level);
        level = next;
    }
    why_free(&levels->note);
    *levels = (struct levels){0};
}
