/* S/MIME in the sub-parts of an entity. No tree is built: each multipart is split where it lies,
 * and the number of parts is counted over all of them. */
#include "subparts.h"

#include "decode.h"
#include "media_type.h"
#include "multipart_split.h"
#include "why.h"

struct search {
    const struct smime_limits *limits;
    const struct smime_progress *progress;
    size_t parts; /* seen so far */
    struct subparts *out;
    char **why;
};

static enum smime_status search_children(struct search *search, const struct view *view,
                                         const struct media_type *media, size_t depth);

/* Judge one part by its type and, where that is CMS, by what is in it. */
static enum smime_status judge_part(struct search *search, const struct view *view,
                                    const struct media_type *media)
{
    enum cms_kind kind = CMS_KIND_NONE;
    enum smime_status status = SMIME_OK;
    search->out->tnef_part |= media_type_is_tnef(media);
    search->out->calendar_part |= media_type_is(media, "text", "calendar");
    if (media_type_is_signature(media)) {
        search->out->signed_part = true;
        return SMIME_OK;
    }
    if (media_type_is_cms(media) || media_type_has_suffix(media, ".p7m"))
        status = layer_peek(view, &kind, search->why);
    search->out->signed_part |= kind == CMS_KIND_SIGNED;
    search->out->encrypted_part |= kind == CMS_KIND_ENVELOPED;
    return status;
}

/* A part with its header at [from, to). */
static enum smime_status search_part(struct search *search, const struct spool *text, off_t from,
                                     off_t to, size_t depth)
{
    struct header header = {0};
    struct view view = {&header, text, from, to};
    struct media_type media = {0};
    char *reason = NULL;
    enum smime_status status = layer_read_header(text, from, to, search->limits->max_header_bytes,
                                                 &header, &view.from, &reason);
    if (status == SMIME_REFUSED) {
        why_set(&search->out->note, "not all parts were looked at: %s", why_text(&reason));
        why_free(&reason);
        return SMIME_OK;
    }
    if (status != SMIME_OK) {
        why_set(search->why, "%s", why_text(&reason));
        goto out;
    }
    status = media_type_read(&header, &media, search->why);
    if (status == SMIME_OK)
        status = judge_part(search, &view, &media);
    if (status == SMIME_OK)
        status = search_children(search, &view, &media, depth);
out:
    media_type_clear(&media);
    header_clear(&header);
    why_free(&reason);
    return status;
}

static enum smime_status search_multipart(struct search *search, const struct view *view,
                                          const char *boundary, size_t depth)
{
    struct multipart parts = {0};
    char *reason = NULL;
    enum smime_status status = multipart_split(view->text, view->from, view->to, boundary,
                                               search->limits->max_parts - search->parts,
                                               search->progress, &parts, &reason);
    if (status == SMIME_REFUSED) {
        why_set(&search->out->note, "not all parts were looked at: there are more than %zu",
                search->limits->max_parts);
        status = SMIME_OK;
    } else if (status == SMIME_ERROR) {
        why_set(search->why, "%s", why_text(&reason));
    }
    search->parts += parts.count;
    for (size_t i = 0; status == SMIME_OK && i < parts.count; i++)
        status = search_part(search, view->text, parts.parts[i].from, parts.parts[i].to, depth + 1);
    why_free(&reason);
    multipart_clear(&parts);
    return status;
}

static enum smime_status search_children(struct search *search, const struct view *view,
                                         const struct media_type *media, size_t depth)
{
    bool multipart = media_type_is(media, "multipart", NULL) && media->boundary != NULL;
    bool message =
        (media_type_is(media, "message", "rfc822") || media_type_is(media, "message", "global")) &&
        body_encoding_of(view->header) == ENCODING_IDENTITY;
    if (!multipart && !message)
        return SMIME_OK;
    if (depth >= search->limits->max_nesting) {
        why_set(&search->out->note,
                "not all parts were looked at: they are nested more than %zu "
                "deep",
                search->limits->max_nesting);
        return SMIME_OK;
    }
    if (multipart)
        return search_multipart(search, view, media->boundary, depth);
    if (search->parts >= search->limits->max_parts)
        return SMIME_OK;
    search->parts++;
    return search_part(search, view->text, view->from, view->to, depth + 1);
}

enum smime_status subparts_find(const struct view *view, const struct smime_limits *limits,
                                const struct smime_progress *progress, struct subparts *out,
                                char **why)
{
    struct search search = {.limits = limits, .progress = progress, .out = out, .why = why};
    struct media_type media = {0};
    enum smime_status status = media_type_read(view->header, &media, why);
    *out = (struct subparts){0};
    out->tnef_part = status == SMIME_OK && media_type_is_tnef(&media);
    if (status == SMIME_OK)
        status = search_children(&search, view, &media, 0);
    media_type_clear(&media);
    if (status != SMIME_OK)
        subparts_clear(out);
    return status;
}

void subparts_clear(struct subparts *subparts)
{
    why_free(&subparts->note);
    *subparts = (struct subparts){0};
}
