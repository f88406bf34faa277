/* The header of the entity that a message holds. */
#include "canonical_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"

static int copy_content_fields(const struct header *from, struct header *to)
{
    for (size_t i = 0; i < from->count; i++)
        if (header_is_content(from->fields[i].name) &&
            header_add(to, from->fields[i].name, from->fields[i].value) != 0)
            return -1;
    return 0;
}

/* The header as text, with the empty line. */
static char *header_text(const struct header *header, size_t *length_out)
{
    char *text = malloc(header->bytes + 3);
    char *p = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < header->count; i++) {
        p = stpcpy(p, header->fields[i].name);
        *p++ = ':';
        p = stpcpy(p, header->fields[i].value);
        p = stpcpy(p, "\r\n");
    }
    p = stpcpy(p, "\r\n");
    *length_out = (size_t)(p - text);
    return text;
}

/* SMIME_REFUSED when the Content-Type cannot say that this is a payload: a reader would not find
 * what is hidden from the outside. */
static enum smime_status protect(const struct protection *protection, struct header *header,
                                 char **why)
{
    int rc = protection != NULL ? protection_apply(protection, header) : 0;
    if (rc < 0)
        why_set(why, "out of memory");
    else if (rc > 0)
        why_set(why, "the Content-Type field is malformed, so the header cannot be protected");
    if (rc == 0)
        return SMIME_OK;
    return rc > 0 ? SMIME_REFUSED : SMIME_ERROR;
}

static void head_clear(struct canonical_head *head)
{
    header_clear(&head->header);
    free(head->text);
    *head = (struct canonical_head){0};
}

enum smime_status canonical_head_make(const struct entity *message,
                                      const struct protection *protection,
                                      const struct smime_limits *limits, struct canonical_head *out,
                                      char **why)
{
    struct text body = {.body = message->body};
    unsigned flags = 0;
    enum smime_status status;
    *out = (struct canonical_head){0};
    if (spool_size(message->body) > limits->max_message_bytes) {
        why_set(why, "the message has more than %lld bytes", limits->max_message_bytes);
        return SMIME_REFUSED;
    }
    if (text_scan(&body, &flags) != 0 || copy_content_fields(&message->header, &out->header) != 0)
        goto failed;
    if (header_get(&out->header, "Content-Type", 0) == NULL &&
        header_insert(&out->header, 0, "Content-Type",
                      (flags & UNCLEAN_EIGHT_BIT) != 0 ? " text/plain; charset=unknown-8bit"
                                                       : " text/plain; charset=us-ascii") != 0)
        goto failed;
    status = protect(protection, &out->header, why);
    if (status == SMIME_OK && out->header.bytes > limits->max_header_bytes) {
        why_set(why, "the header fields of the content have more than %zu bytes",
                limits->max_header_bytes);
        status = SMIME_REFUSED;
    }
    if (status != SMIME_OK) {
        head_clear(out);
        return status;
    }
    out->text = header_text(&out->header, &out->length);
    if (out->text == NULL)
        goto failed;
    out->flags = flags | bytes_scan(out->text, out->length);
    return SMIME_OK;
failed:
    why_set(why, "cannot read the message: %s", strerror(errno));
    head_clear(out);
    return SMIME_ERROR;
}
