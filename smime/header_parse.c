/* Reading a header from text (RFC 5322 section 2.2). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "why.h"

/* The text of a header, at most max_bytes of it, with a NUL behind. */
struct text {
    char *bytes;
    size_t length;
    bool complete; /* no more follows in the spool */
};

static int read_text(const struct spool *spool, off_t from, off_t to, size_t max_bytes,
                     struct text *out, char **why)
{
    size_t room = 4096;
    size_t limit = max_bytes + 3; /* the empty line may follow a header of exactly max_bytes */
    out->bytes = NULL;
    out->length = 0;
    for (;;) {
        char *grown;
        size_t want;
        ssize_t n;
        if (room > limit)
            room = limit;
        grown = realloc(out->bytes, room + 1);
        if (grown == NULL) {
            why_set(why, "out of memory");
            return -1;
        }
        out->bytes = grown;
        want = room - out->length;
        if ((off_t)want > to - from - (off_t)out->length)
            want = (size_t)(to - from - (off_t)out->length);
        n = spool_read(spool, out->bytes + out->length, want, from + (off_t)out->length);
        if (n < 0) {
            why_set(why, "cannot read the spool: %s", strerror(errno));
            return -1;
        }
        out->length += (size_t)n;
        out->bytes[out->length] = '\0';
        out->complete = n == 0 || from + (off_t)out->length >= to;
        if (out->complete || room == limit ||
            memmem(out->bytes, out->length, "\n\r\n", 3) != NULL ||
            memmem(out->bytes, out->length, "\n\n", 2) != NULL)
            return 0;
        room *= 2;
    }
}

/* Where the line at `at` ends, behind its LF; `length` when it has none. */
static size_t line_end(const struct text *text, size_t at)
{
    const char *lf = memchr(text->bytes + at, '\n', text->length - at);
    return lf != NULL ? (size_t)(lf - text->bytes) + 1 : text->length;
}

/* Length of the field name at the start of a line; 0 when there is none. */
static size_t name_length(const char *line, size_t length)
{
    size_t n = 0;
    while (n < length && line[n] > ' ' && line[n] < 0x7f && line[n] != ':')
        n++;
    return n > 0 && n < length && line[n] == ':' ? n : 0;
}

/* NUL bytes would cut the value: they become blanks, as in no valid header. */
static void no_nul(char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == '\0')
            bytes[i] = ' ';
}

static int add_field(struct header *header, char *line, size_t length, size_t name)
{
    char after;
    int rc;
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    no_nul(line, length);
    after = line[length];
    line[name] = '\0';
    line[length] = '\0';
    rc = length > name ? header_add(header, line, line + name + 1) : header_add(header, line, "");
    line[name] = ':';
    line[length] = after;
    return rc;
}

int header_parse(const struct spool *spool, off_t from, off_t to, size_t max_bytes,
                 struct header *header_out, off_t *body_out, char **why)
{
    struct text text = {0};
    size_t at = 0;
    int rc = -1;
    *header_out = (struct header){0};
    if (to > spool_size(spool))
        to = spool_size(spool);
    if (read_text(spool, from, to, max_bytes, &text, why) != 0)
        goto out;
    while (at < text.length) {
        size_t end = line_end(&text, at);
        size_t name;
        if (text.bytes[at] == '\n' || (text.bytes[at] == '\r' && text.bytes[at + 1] == '\n')) {
            at = end;
            goto found;
        }
        name = name_length(text.bytes + at, end - at);
        if (name == 0)
            goto found;
        while (end < text.length && (text.bytes[end] == ' ' || text.bytes[end] == '\t'))
            end = line_end(&text, end);
        if (end > max_bytes || (end == text.length && !text.complete)) {
            why_set(why, "the header has more than %zu bytes", max_bytes);
            goto out;
        }
        if (add_field(header_out, text.bytes + at, end - at, name) != 0) {
            why_set(why, "out of memory");
            goto out;
        }
        at = end;
    }
found:
    *body_out = from + (off_t)at;
    rc = 0;
out:
    free(text.bytes);
    if (rc != 0)
        header_clear(header_out);
    return rc;
}
