/* The payload of an S/MIME message. */
#include "payload.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decode.h"
#include "field_text.h"
#include "mailboxes.h"
#include "media_parameter.h"
#include "media_type.h"
#include "protection.h"
#include "why.h"

static bool is_from(const struct header *header, const char *from)
{
    char *inner = NULL;
    bool same =
        from != NULL && mailboxes_from(header, &inner, NULL) == 0 && strcmp(inner, from) == 0;
    free(inner);
    return same;
}

static bool has_same(const struct header *a, const struct header *b, const char *name)
{
    const struct header_field *one = header_get(a, name, 0);
    const struct header_field *other = header_get(b, name, 0);
    return one != NULL && other != NULL && field_text_same(one->value, other->value);
}

/* A layer of its own, which nobody has judged, must not come to stand where ours was. */
static bool is_layer(const struct header *header)
{
    struct media_type media = {0};
    bool found = media_type_read(header, &media, NULL) != SMIME_OK || media.ambiguous != NULL ||
                 media_type_is(&media, "multipart", "signed") ||
                 media_type_is(&media, "multipart", "encrypted") || media_type_is_cms(&media) ||
                 media_type_has_suffix(&media, ".p7m");
    media_type_clear(&media);
    return found;
}

/* Does a Content-Type say anything of RFC 9788, in whatever form? */
static bool is_marked(const struct header *header)
{
    size_t count = header_count(header, "Content-Type");
    for (size_t i = 0; i < count; i++) {
        const char *value = header_get(header, "Content-Type", i)->value;
        size_t plain;
        size_t pieces;
        if (!media_parameter_count(value, PROTECTION_PARAMETER, &plain, &pieces) || plain > 0 ||
            pieces > 0)
            return true;
    }
    return false;
}

/* Is the message inside the one around it, and not one that is sent on? */
static bool is_wrapped(const struct media_type *media, const struct header *message,
                       const struct header *inner, const char *from)
{
    /* RFC 9788 section 4.10.1. */
    if (header_count(inner, "From") == 0 || is_layer(inner) || is_marked(inner))
        return false;
    if (media->forwarded != NULL)
        return strcasecmp(media->forwarded, "no") == 0;
    if (!is_from(inner, from))
        return false;
    return header_count(inner, "Message-ID") > 0 ? has_same(inner, message, "Message-ID")
                                                 : has_same(inner, message, "Date");
}

static enum smime_status read_wrapped(const struct view *view, const struct media_type *media,
                                      const struct header *message, const char *from,
                                      const struct smime_limits *limits, struct payload *out,
                                      char **why)
{
    off_t body = 0;
    char *reason = NULL;
    enum smime_status status;
    /* RFC 2046 section 5.2.1: never encoded. */
    if (body_encoding_of(view->header) != ENCODING_IDENTITY || is_marked(view->header))
        return SMIME_OK;
    status = layer_read_header(view->text, view->from, view->to, limits->max_header_bytes,
                               &out->inner_header, &body, &reason);
    if (status == SMIME_ERROR)
        why_set(why, "%s", why_text(&reason));
    why_free(&reason);
    if (status != SMIME_OK)
        return status == SMIME_REFUSED ? SMIME_OK : status;
    if (is_wrapped(media, message, &out->inner_header, from)) {
        out->form = PROTECTION_FORM_WRAPPED;
        out->header = &out->inner_header;
        out->wrapped = (struct view){&out->inner_header, view->text, body, view->to};
    }
    return SMIME_OK;
}

static enum protection_form form_of(const struct media_type *media)
{
    if (media->ambiguous != NULL)
        return PROTECTION_FORM_NONE;
    if (media->hp != NULL && strcasecmp(media->hp, "cipher") == 0)
        return PROTECTION_FORM_CIPHER;
    if (media->hp != NULL && strcasecmp(media->hp, "clear") == 0)
        return PROTECTION_FORM_CLEAR;
    if (media->protected_headers != NULL && strcasecmp(media->protected_headers, "v1") == 0)
        return PROTECTION_FORM_OLD;
    return PROTECTION_FORM_NONE;
}

enum smime_status payload_read(const struct view *view, const struct header *message,
                               const char *from, const struct smime_limits *limits,
                               struct payload *out, char **why)
{
    struct media_type media = {0};
    enum smime_status status = media_type_read(view->header, &media, why);
    *out = (struct payload){0};
    if (status != SMIME_OK)
        return status;
    out->form = form_of(&media);
    out->header = view->header;
    if (out->form == PROTECTION_FORM_NONE && media.ambiguous == NULL &&
        (media_type_is(&media, "message", "rfc822") || media_type_is(&media, "message", "global")))
        status = read_wrapped(view, &media, message, from, limits, out, why);
    if (status == SMIME_OK && out->form != PROTECTION_FORM_NONE &&
        header_count(out->header, "From") > 0)
        out->from_differs = !is_from(out->header, from);
    media_type_clear(&media);
    if (status != SMIME_OK)
        payload_clear(out);
    return status;
}

void payload_clear(struct payload *payload)
{
    if (payload == NULL)
        return;
    header_clear(&payload->inner_header);
    *payload = (struct payload){0};
}
