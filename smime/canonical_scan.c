/* Is a text fit for any transport? */
#include "canonical_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#define READER_BYTES 65536

struct line_reader {
    const struct text *text;
    off_t next; /* what to read next of the text */
    off_t at;   /* place in the text of buffer[used] */
    size_t used, have;
    bool end;
    char buffer[READER_BYTES];
};

off_t text_size(const struct text *text)
{
    return (off_t)text->head_length + spool_size(text->body);
}

ssize_t text_read(const struct text *text, void *buffer, size_t length, off_t offset)
{
    size_t left;
    if (offset >= (off_t)text->head_length)
        return spool_read(text->body, buffer, length, offset - (off_t)text->head_length);
    left = text->head_length - (size_t)offset;
    if (length > left)
        length = left;
    memcpy(buffer, text->head + offset, length);
    return (ssize_t)length;
}

struct line_reader *line_reader_new(const struct text *text, off_t from)
{
    struct line_reader *reader = malloc(sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->text = text;
    reader->next = from;
    reader->at = from;
    reader->used = 0;
    reader->have = 0;
    reader->end = false;
    return reader;
}

void line_reader_free(struct line_reader **reader)
{
    if (reader == NULL || *reader == NULL)
        return;
    /* Only what was filled: a small message need not pay for the whole buffer. */
    OPENSSL_cleanse((*reader)->buffer, (*reader)->have);
    free(*reader);
    *reader = NULL;
}

/* Make room and read on. Returns 0 also at the end (reader->end), -1 with errno. */
static int refill(struct line_reader *reader)
{
    memmove(reader->buffer, reader->buffer + reader->used, reader->have - reader->used);
    reader->have -= reader->used;
    reader->used = 0;
    while (!reader->end && reader->have < READER_BYTES) {
        ssize_t n = text_read(reader->text, reader->buffer + reader->have,
                              READER_BYTES - reader->have, reader->next);
        if (n < 0)
            return -1;
        reader->end = n == 0;
        reader->have += (size_t)n;
        reader->next += n;
    }
    return 0;
}

static bool has_eight_bit(const char *bytes, size_t length)
{
    uint64_t all = 0;
    uint64_t word;
    for (; length >= sizeof word; bytes += sizeof word, length -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        all |= word;
    }
    for (; length > 0; length--)
        all |= (unsigned char)*bytes++;
    return (all & UINT64_C(0x8080808080808080)) != 0;
}

/* Bytes without line end. */
static unsigned byte_flags(const char *bytes, size_t length)
{
    unsigned flags = 0;
    if (has_eight_bit(bytes, length))
        flags |= UNCLEAN_EIGHT_BIT;
    if (memchr(bytes, '\0', length) != NULL)
        flags |= UNCLEAN_NUL;
    if (memchr(bytes, '\r', length) != NULL)
        flags |= UNCLEAN_BARE_CR;
    return flags;
}

/* A Content-Transfer-Encoding that does not plainly say that only 7-bit bytes follow. */
static bool is_label(const char *bytes, size_t length)
{
    static const char name[] = "Content-Transfer-Encoding";
    static const char *const harmless[] = {"7bit", "quoted-printable", "base64"};
    if (length < sizeof name - 1 || strncasecmp(bytes, name, sizeof name - 1) != 0)
        return false;
    bytes += sizeof name - 1;
    length -= sizeof name - 1;
    if (length == 0 || *bytes != ':')
        return length > 0 && (*bytes == ' ' || *bytes == '\t');
    for (bytes++, length--; length > 0 && (*bytes == ' ' || *bytes == '\t'); bytes++)
        length--;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (length == strlen(harmless[i]) && strncasecmp(bytes, harmless[i], length) == 0)
            return false;
    return true;
}

/* A whole line, with its line end if it has one. */
static unsigned line_flags(const char *bytes, size_t length)
{
    unsigned flags = 0;
    if (length > 0 && bytes[length - 1] == '\n') {
        length--;
        if (length > 0 && bytes[length - 1] == '\r')
            length--;
        else
            flags |= UNCLEAN_BARE_LF;
    }
    if (length == 0)
        return flags;
    flags |= byte_flags(bytes, length);
    if (length > CANONICAL_LINE_OCTETS)
        flags |= UNCLEAN_LONG_LINE;
    if (bytes[length - 1] == ' ' || bytes[length - 1] == '\t')
        flags |= UNCLEAN_TRAILING_BLANK;
    if (length >= 5 && memcmp(bytes, "From ", 5) == 0)
        flags |= UNCLEAN_FROM_LINE;
    if ((bytes[0] | 0x20) == 'c' && is_label(bytes, length))
        flags |= UNCLEAN_LABEL;
    return flags;
}

static void take(struct line_reader *reader, size_t length)
{
    reader->used += length;
    reader->at += (off_t)length;
}

/* A line that fills the whole buffer: only its flags are of interest. */
static int long_line(struct line_reader *reader, struct line *out)
{
    const char *lf = NULL;
    out->flags = UNCLEAN_LONG_LINE;
    if (memcmp(reader->buffer, "From ", 5) == 0)
        out->flags |= UNCLEAN_FROM_LINE;
    while (lf == NULL && reader->have > reader->used) {
        const char *from = reader->buffer + reader->used;
        size_t left = reader->have - reader->used;
        size_t length;
        lf = memchr(from, '\n', left);
        length = lf != NULL ? (size_t)(lf - from) + 1 : left;
        /* Keep the last two bytes back: they may be the start of a line end. */
        if (lf == NULL && !reader->end && length > 2)
            length -= 2;
        if (lf != NULL || reader->end)
            out->flags |= line_flags(from, length) & ~(unsigned)(UNCLEAN_FROM_LINE | UNCLEAN_LABEL);
        else
            out->flags |= byte_flags(from, length);
        take(reader, length);
        if (lf == NULL && refill(reader) != 0)
            return -1;
    }
    out->to = reader->at;
    return 1;
}

int line_next(struct line_reader *reader, struct line *out)
{
    const char *from = reader->buffer + reader->used;
    const char *lf = memchr(from, '\n', reader->have - reader->used);
    if (lf == NULL && !reader->end) {
        if (refill(reader) != 0)
            return -1;
        from = reader->buffer;
        lf = memchr(from, '\n', reader->have);
    }
    if (reader->have == reader->used)
        return 0;
    *out = (struct line){.from = reader->at};
    if (lf == NULL && !reader->end)
        return long_line(reader, out);
    out->bytes = from;
    out->length = lf != NULL ? (size_t)(lf - from) + 1 : reader->have - reader->used;
    out->flags = line_flags(from, out->length);
    take(reader, out->length);
    out->to = reader->at;
    return 1;
}

unsigned bytes_scan(const char *bytes, size_t length)
{
    unsigned flags = 0;
    while (length > 0) {
        const char *lf = memchr(bytes, '\n', length);
        size_t line = lf != NULL ? (size_t)(lf - bytes) + 1 : length;
        flags |= line_flags(bytes, line);
        bytes += line;
        length -= line;
    }
    return flags;
}

int text_scan(const struct text *text, unsigned *flags_out)
{
    struct line_reader *reader = line_reader_new(text, 0);
    struct line line;
    int more;
    *flags_out = 0;
    if (reader == NULL) {
        errno = ENOMEM;
        return -1;
    }
    while ((more = line_next(reader, &line)) == 1)
        *flags_out |= line.flags;
    line_reader_free(&reader);
    return more;
}
