/* The body of a leaf part in another Content-Transfer-Encoding. */
#include "canonical_encode.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gmime_start.h"

#define CHUNK_BYTES 16384
/* Above one byte in six that needs three, base64 is shorter. */
#define QUOTED_SHARE 6
#define ENCODED_LINE_OCTETS 76
#define ENCODED_LINE_ROOM 256

/* Who takes the decoded bytes; 0 to go on, -1 with errno. */
struct sink {
    int (*take)(void *context, const char *bytes, size_t length);
    void *context;
};

static GMimeContentEncoding gmime_encoding(enum transfer_encoding encoding)
{
    if (encoding == TRANSFER_QUOTED_PRINTABLE)
        return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
    if (encoding == TRANSFER_BASE64)
        return GMIME_CONTENT_ENCODING_BASE64;
    return GMIME_CONTENT_ENCODING_BINARY;
}

/* A leaf on its way through a decoder. */
struct decoding {
    GMimeEncoding gmime;
    char *buffer;
    size_t room;
    const struct sink *sink;
};

static int decode(struct decoding *decoding, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t piece = length < CHUNK_BYTES ? length : CHUNK_BYTES;
        size_t made = g_mime_encoding_step(&decoding->gmime, bytes, piece, decoding->buffer);
        if (decoding->sink->take(decoding->sink->context, decoding->buffer, made) != 0)
            return -1;
        bytes += piece;
        length -= piece;
    }
    return 0;
}

static int pump_bytes(const struct text *text, const struct edit *edit, struct decoding *decoding)
{
    char *chunk = malloc(CHUNK_BYTES);
    int rc = -1;
    if (chunk == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (off_t at = edit->from; at < edit->to;) {
        size_t want = edit->to - at < CHUNK_BYTES ? (size_t)(edit->to - at) : CHUNK_BYTES;
        ssize_t n = text_read(text, chunk, want, at);
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            goto out;
        }
        if (decode(decoding, chunk, (size_t)n) != 0)
            goto out;
        at += n;
    }
    rc = 0;
out:
    OPENSSL_cleanse(chunk, CHUNK_BYTES);
    free(chunk);
    return rc;
}

/* Quoted-printable: blanks at a line end are no content (RFC 2045 section 6.7 rule 3), but GMime
 * keeps them, and sees no soft line break in "= ". */
static int pump_lines(const struct text *text, const struct edit *edit, struct decoding *decoding)
{
    struct line_reader *reader = line_reader_new(text, edit->from);
    struct line line;
    int more = 0;
    int rc = -1;
    if (reader == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (off_t at = edit->from; at < edit->to && (more = line_next(reader, &line)) == 1;
         at = line.to) {
        size_t length = line.to > edit->to ? (size_t)(edit->to - at) : line.length;
        size_t kept = length;
        if (line.bytes == NULL) {
            errno = EOVERFLOW;
            goto out;
        }
        while (kept > 0 && (line.bytes[kept - 1] == '\n' || line.bytes[kept - 1] == '\r'))
            kept--;
        size_t line_end = kept;
        while (kept > 0 && (line.bytes[kept - 1] == ' ' || line.bytes[kept - 1] == '\t'))
            kept--;
        if (decode(decoding, line.bytes, kept) != 0 ||
            decode(decoding, line.bytes + line_end, length - line_end) != 0)
            goto out;
    }
    rc = more < 0 ? -1 : 0;
out:
    line_reader_free(&reader);
    return rc;
}

/* Read the leaf, decode it, hand it on. */
static int pump(const struct text *text, const struct edit *edit, const struct sink *sink)
{
    struct decoding decoding = {.sink = sink};
    int rc;
    gmime_start();
    g_mime_encoding_init_decode(&decoding.gmime, gmime_encoding(edit->encoding));
    decoding.room = g_mime_encoding_outlen(&decoding.gmime, CHUNK_BYTES);
    decoding.buffer = malloc(decoding.room);
    if (decoding.buffer == NULL) {
        errno = ENOMEM;
        return -1;
    }
    rc = edit->encoding == TRANSFER_QUOTED_PRINTABLE ? pump_lines(text, edit, &decoding)
                                                     : pump_bytes(text, edit, &decoding);
    if (rc == 0) {
        size_t last = g_mime_encoding_flush(&decoding.gmime, "", 0, decoding.buffer);
        rc = sink->take(sink->context, decoding.buffer, last);
    }
    OPENSSL_cleanse(decoding.buffer, decoding.room);
    free(decoding.buffer);
    return rc;
}

/* What decoded bytes are like. */
struct likeness {
    unsigned long long total;
    unsigned long long unsafe; /* 8-bit and control characters */
    bool text;                 /* no NUL, CRLF for all line ends */
    bool after_cr;
};

static int take_likeness(void *context, const char *bytes, size_t length)
{
    struct likeness *likeness = context;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\0' || (c == '\n') != likeness->after_cr)
            likeness->text = false;
        if (c >= 0x7f || (c < 0x20 && c != '\r' && c != '\n' && c != '\t'))
            likeness->unsafe++;
        likeness->after_cr = c == '\r';
    }
    likeness->total += length;
    return 0;
}

/* A quoted-printable text with a line that no program would write (and pump_lines() cannot read).
 * Returns 1, 0, or -1 with errno. */
static int sound_quoted(const struct text *text, const struct edit *edit)
{
    struct line_reader *reader = line_reader_new(text, edit->from);
    struct line line;
    int more = 0;
    int sound = 1;
    if (reader == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (off_t at = edit->from; at < edit->to && (more = line_next(reader, &line)) == 1;
         at = line.to)
        if (line.bytes == NULL)
            sound = 0;
    line_reader_free(&reader);
    return more < 0 ? -1 : sound;
}

/* Is it base64 that all programs decode alike: alphabet and line ends, whole groups, padding at the
 * end only? Returns 1, 0, or -1 with errno. */
static int sound_base64(const struct text *text, const struct edit *edit)
{
    char chunk[1024];
    unsigned long long digits = 0;
    size_t padding = 0;
    for (off_t at = edit->from; at < edit->to;) {
        size_t want = edit->to - at < (off_t)sizeof chunk ? (size_t)(edit->to - at) : sizeof chunk;
        ssize_t n = text_read(text, chunk, want, at);
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }
        at += n;
        for (ssize_t i = 0; i < n; i++) {
            char c = chunk[i];
            if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
                continue;
            if (c == '=')
                padding++;
            else if (padding > 0 || !(g_ascii_isalnum(c) || c == '+' || c == '/'))
                return 0;
            digits++;
        }
    }
    return padding <= 2 && digits % 4 == 0;
}

int leaf_choose(const struct text *text, const struct edit *edit, enum transfer_encoding *out)
{
    struct likeness likeness = {.text = true};
    struct sink sink = {take_likeness, &likeness};
    int sound = 1;
    *out = TRANSFER_UNKNOWN;
    if (edit->encoding == TRANSFER_BASE64)
        sound = sound_base64(text, edit);
    else if (edit->encoding == TRANSFER_QUOTED_PRINTABLE)
        sound = sound_quoted(text, edit);
    if (sound <= 0)
        return sound;
    *out = TRANSFER_BASE64;
    if (!edit->text)
        return 0;
    if (pump(text, edit, &sink) != 0)
        return -1;
    if (likeness.text && !likeness.after_cr && likeness.unsafe * QUOTED_SHARE <= likeness.total)
        *out = TRANSFER_QUOTED_PRINTABLE;
    return 0;
}

/* Encoded bytes on their way to the spool. */
struct encoder {
    GMimeEncoding gmime;
    char *buffer;
    size_t room;
    bool quoted;
    char line[ENCODED_LINE_ROOM]; /* the line that is being put together */
    size_t length;
    struct spool *out;
};

static int write_line(struct encoder *encoder, const char *bytes, size_t length, bool end)
{
    static const char safe_from[] = "=46rom ";
    /* GMime leaves "From " alone, which mailboxes escape. */
    while (encoder->quoted && length >= 5 && memcmp(bytes, "From ", 5) == 0) {
        if (spool_puts(encoder->out, safe_from) != 0)
            return -1;
        bytes += 5;
        length -= 5;
        if (length + strlen(safe_from) <= ENCODED_LINE_OCTETS)
            break;
        /* Two bytes more than GMime reckoned with: a soft line break. */
        if (spool_puts(encoder->out, "=\r\n") != 0)
            return -1;
    }
    if (spool_write(encoder->out, bytes, length) != 0)
        return -1;
    return end ? spool_puts(encoder->out, "\r\n") : 0;
}

/* Put GMime's output, which has LF for line ends, together to lines. */
static int take_encoded(struct encoder *encoder, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            if (write_line(encoder, encoder->line, encoder->length, true) != 0)
                return -1;
            encoder->length = 0;
            continue;
        }
        if (encoder->length == ENCODED_LINE_ROOM) {
            errno = EOVERFLOW;
            return -1;
        }
        encoder->line[encoder->length++] = bytes[i];
    }
    return 0;
}

static int take_decoded(void *context, const char *bytes, size_t length)
{
    struct encoder *encoder = context;
    while (length > 0) {
        size_t piece = length < CHUNK_BYTES ? length : CHUNK_BYTES;
        size_t made = g_mime_encoding_step(&encoder->gmime, bytes, piece, encoder->buffer);
        if (take_encoded(encoder, encoder->buffer, made) != 0)
            return -1;
        bytes += piece;
        length -= piece;
    }
    return 0;
}

int leaf_encode(const struct text *text, const struct edit *edit, enum transfer_encoding encoding,
                struct spool *out)
{
    struct encoder encoder = {.quoted = encoding == TRANSFER_QUOTED_PRINTABLE, .out = out};
    struct sink sink = {take_decoded, &encoder};
    size_t last;
    int rc = -1;
    gmime_start();
    g_mime_encoding_init_encode(&encoder.gmime, gmime_encoding(encoding));
    encoder.room = g_mime_encoding_outlen(&encoder.gmime, CHUNK_BYTES);
    encoder.buffer = malloc(encoder.room);
    if (encoder.buffer == NULL) {
        errno = ENOMEM;
        goto out;
    }
    if (pump(text, edit, &sink) != 0)
        goto out;
    last = g_mime_encoding_flush(&encoder.gmime, "", 0, encoder.buffer);
    if (take_encoded(&encoder, encoder.buffer, last) != 0)
        goto out;
    rc = write_line(&encoder, encoder.line, encoder.length, false);
out:
    if (encoder.buffer != NULL)
        OPENSSL_cleanse(encoder.buffer, encoder.room);
    OPENSSL_cleanse(encoder.line, sizeof encoder.line);
    free(encoder.buffer);
    return rc;
}
