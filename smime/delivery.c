/* Putting together the message that is delivered: the envelope's fields are the message's own, the
 * content is what was inside. */
#include "delivery.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "canonical.h"
#include "defang.h"
#include "why.h"

int delivery_header(const struct header *message, const struct header *content, struct header *out)
{
    for (size_t i = 0; i < message->count; i++) {
        const struct header_field *field = &message->fields[i];
        if (!header_is_content(field->name) && strcasecmp(field->name, "MIME-Version") != 0 &&
            header_add(out, field->name, field->value) != 0)
            return -1;
    }
    if (header_add(out, "MIME-Version", " 1.0") != 0)
        return -1;
    for (size_t i = 0; i < content->count; i++) {
        const struct header_field *field = &content->fields[i];
        if (header_is_content(field->name) && header_add(out, field->name, field->value) != 0)
            return -1;
    }
    return 0;
}

enum smime_status delivery_decrypted(const struct entity *message, const struct view *content,
                                     const struct smime_limits *limits, struct entity *out,
                                     char **why)
{
    struct entity inner = {.body = spool_new(spool_get_options(content->text))};
    struct header canonical = {0};
    enum canonical_result result;
    enum smime_status status = SMIME_ERROR;
    *out = (struct entity){.body = spool_new(spool_get_options(content->text))};
    if (inner.body == NULL || out->body == NULL ||
        header_copy(&inner.header, content->header) != 0) {
        why_set(why, "out of memory");
        goto out;
    }
    if (spool_copy(inner.body, content->text, content->from, content->to) != 0) {
        why_set(why, "cannot write the spool: %s", strerror(errno));
        goto out;
    }
    /* What cannot be made 7-bit without breaking a signature inside travels as it is. */
    status = canonical_entity(&inner, CANONICAL_BEST_EFFORT, limits, &canonical, out->body, &result,
                              why);
    if (status == SMIME_OK && delivery_header(&message->header, &canonical, &out->header) != 0) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
    }
out:
    entity_clear(&inner);
    header_clear(&canonical);
    if (status != SMIME_OK)
        entity_clear(out);
    return status;
}

enum smime_status delivery_inert(const struct entity *message, const struct view *content,
                                 const struct smime_limits *limits,
                                 const struct smime_progress *progress, struct entity *out,
                                 char **why)
{
    struct spool *text = spool_new(spool_get_options(content->text));
    struct header header = {0};
    struct view view = {.header = &header, .text = text};
    enum smime_status status;
    *out = (struct entity){0};
    if (text == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    status = defang(content, limits, progress, text, why);
    view.to = spool_size(text);
    if (status == SMIME_OK)
        status =
            layer_read_header(text, 0, view.to, limits->max_header_bytes, &header, &view.from, why);
    if (status == SMIME_OK)
        status = delivery_decrypted(message, &view, limits, out, why);
    header_clear(&header);
    spool_free(&text);
    return status;
}
