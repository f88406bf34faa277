/* Reading BER from a spool, element by element. Everything here comes from strangers: each length
 * is checked against what encloses it before it is believed. */
#include "ber.h"

#include <errno.h>
#include <string.h>

#include "why.h"

#define BER_MAX_TAG_OCTETS 4 /* of a high tag number */

void ber_open(struct ber_reader *reader, const struct spool *text, off_t from, off_t to,
              const struct smime_progress *progress, struct ber_element *outer_out)
{
    off_t size = spool_size(text);
    if (to > size)
        to = size;
    reader->text = text;
    reader->progress = progress;
    reader->position = from;
    reader->window_at = from;
    reader->window_length = 0;
    *outer_out = (struct ber_element){.start = from, .content = from, .end = to};
}

/* Have the window begin at `at`. */
static enum smime_status fill(struct ber_reader *reader, off_t at, char **why)
{
    const struct smime_progress *progress = reader->progress;
    ssize_t n = spool_read(reader->text, reader->window, sizeof reader->window, at);
    if (n <= 0) {
        why_set(why, "cannot read the spool: %s", n < 0 ? strerror(errno) : "it is too short");
        return SMIME_ERROR;
    }
    if (progress->tick != NULL && progress->tick(progress->context) != 0) {
        why_set(why, "the time for this message is up");
        return SMIME_ERROR;
    }
    reader->window_at = at;
    reader->window_length = (size_t)n;
    return SMIME_OK;
}

static bool in_window(const struct ber_reader *reader, off_t from, off_t to)
{
    return from >= reader->window_at && to <= reader->window_at + (off_t)reader->window_length;
}

static enum smime_status read_octet(struct ber_reader *reader, off_t limit, unsigned char *out,
                                    char **why)
{
    off_t at = reader->position;
    if (at >= limit) {
        why_set(why, "the CMS structure is truncated at octet %lld", (long long)at);
        return SMIME_REFUSED;
    }
    if (!in_window(reader, at, at + 1)) {
        enum smime_status status = fill(reader, at, why);
        if (status != SMIME_OK)
            return status;
    }
    *out = reader->window[at - reader->window_at];
    reader->position++;
    return SMIME_OK;
}

static enum smime_status malformed(const struct ber_reader *reader, const char *what, char **why)
{
    why_set(why, "the CMS structure is malformed at octet %lld: %s", (long long)reader->position,
            what);
    return SMIME_REFUSED;
}

static enum smime_status read_identifier(struct ber_reader *reader, off_t limit,
                                         unsigned char *identifier_out, char **why)
{
    unsigned char octet;
    enum smime_status status = read_octet(reader, limit, identifier_out, why);
    if (status != SMIME_OK || (*identifier_out & 0x1f) != 0x1f)
        return status;
    for (int i = 0; i < BER_MAX_TAG_OCTETS; i++) {
        status = read_octet(reader, limit, &octet, why);
        if (status != SMIME_OK || (octet & 0x80) == 0)
            return status;
    }
    return malformed(reader, "tag number too large", why);
}

static enum smime_status read_length(struct ber_reader *reader, off_t limit,
                                     struct ber_element *element, char **why)
{
    unsigned char octet;
    long long length = 0;
    enum smime_status status = read_octet(reader, limit, &octet, why);
    if (status != SMIME_OK)
        return status;
    if (octet == 0x80) {
        if ((element->identifier & 0x20) == 0)
            return malformed(reader, "indefinite length of a primitive element", why);
        element->indefinite = true;
        element->content = reader->position;
        element->end = limit;
        return SMIME_OK;
    }
    if (octet < 0x80) {
        length = octet;
    } else {
        int count = octet & 0x7f;
        if (count > 8)
            return malformed(reader, "length too long", why);
        while (count-- > 0) {
            status = read_octet(reader, limit, &octet, why);
            if (status != SMIME_OK)
                return status;
            if (length > (INT64_MAX >> 8))
                return malformed(reader, "length too large", why);
            length = length << 8 | octet;
        }
    }
    element->content = reader->position;
    if (length > limit - reader->position)
        return malformed(reader, "an element is longer than what encloses it, or cut off", why);
    element->end = reader->position + length;
    return SMIME_OK;
}

/* Universal tag 0 is end-of-contents and nothing else. */
static enum smime_status read_header(struct ber_reader *reader, off_t limit, bool may_end,
                                     struct ber_element *out, bool *found_out, char **why)
{
    enum smime_status status;
    *out = (struct ber_element){.start = reader->position};
    *found_out = false;
    status = read_identifier(reader, limit, &out->identifier, why);
    if (status != SMIME_OK)
        return status;
    status = read_length(reader, limit, out, why);
    if (status != SMIME_OK)
        return status;
    if (out->identifier != 0) {
        *found_out = true;
        return SMIME_OK;
    }
    if (!may_end || out->end != out->content)
        return malformed(reader, "end-of-contents out of place", why);
    return SMIME_OK;
}

enum smime_status ber_next(struct ber_reader *reader, const struct ber_element *parent,
                           struct ber_element *out, bool *found_out, char **why)
{
    if (!parent->indefinite && reader->position >= parent->end) {
        *found_out = false;
        return SMIME_OK;
    }
    return read_header(reader, parent->end, parent->indefinite, out, found_out, why);
}

enum smime_status ber_skip(struct ber_reader *reader, const struct ber_element *element, char **why)
{
    size_t depth = 1;
    if (!element->indefinite) {
        reader->position = element->end;
        return SMIME_OK;
    }
    while (depth > 0) {
        struct ber_element inner;
        bool found;
        enum smime_status status = read_header(reader, element->end, true, &inner, &found, why);
        if (status != SMIME_OK)
            return status;
        if (!found)
            depth--;
        else if (!inner.indefinite)
            reader->position = inner.end;
        else if (++depth > BER_MAX_NESTING)
            return malformed(reader, "nested too deeply", why);
    }
    return SMIME_OK;
}

/* A content may come in pieces of a single octet: these are taken from the window. */
enum smime_status ber_copy_content(struct ber_reader *reader, const struct ber_element *element,
                                   struct spool *out, char **why)
{
    size_t length = (size_t)(element->end - element->content);
    enum smime_status status = SMIME_OK;
    int rc;
    if (length <= sizeof reader->window && length > 0 &&
        !in_window(reader, element->content, element->end))
        status = fill(reader, element->content, why);
    if (status != SMIME_OK)
        return status;
    if (in_window(reader, element->content, element->end))
        rc = spool_write(out, reader->window + (element->content - reader->window_at), length);
    else
        rc = spool_copy(out, reader->text, element->content, element->end);
    if (rc != 0) {
        why_set(why, "cannot write the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    reader->position = element->end;
    return SMIME_OK;
}
