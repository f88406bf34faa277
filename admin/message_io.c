/* Reading a message as an MTA would hand it over, and writing one. */
#include "message_io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "why.h"

#define CHUNK_BYTES 65536

/* Makes CRLF of the line ends, chunk by chunk. */
struct converter {
    bool decided;  /* the first line end was seen */
    bool from_lf;  /* it was a bare LF */
    bool after_cr; /* the byte before was CR */
};

/* Append `bytes` to `spool`. Returns 0, -1 with errno. */
static int convert(struct converter *converter, const char *bytes, size_t length,
                   struct spool *spool)
{
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        bool bare = bytes[i] == '\n' && !converter->after_cr;
        if (bytes[i] == '\n' && !converter->decided) {
            converter->decided = true;
            converter->from_lf = bare;
        }
        if (bare && converter->from_lf) {
            if (spool_write(spool, bytes + written, i - written) || spool_write(spool, "\r", 1)) {
                return -1;
            }
            written = i;
        }
        converter->after_cr = bytes[i] == '\r';
    }
    return spool_write(spool, bytes + written, length - written);
}

/* All of `descriptor` into `spool`. */
static enum message_status read_all(int descriptor, long long max_bytes, struct spool *spool,
                                    struct converter *converter, char **why)
{
    char *chunk = malloc(CHUNK_BYTES);
    enum message_status status = MESSAGE_ERROR;
    ssize_t got;
    if (!chunk) {
        why_set(why, "out of memory");
        return MESSAGE_ERROR;
    }
    while ((got = read(descriptor, chunk, CHUNK_BYTES)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            why_set(why, "the message cannot be read: %s", strerror(errno));
            goto out;
        }
        if (convert(converter, chunk, (size_t)got, spool)) {
            why_set(why, "the message cannot be spooled in %s: %s",
                    spool_get_options(spool)->directory, strerror(errno));
            goto out;
        }
        if (spool_size(spool) > max_bytes) {
            why_set(why, "the message is larger than max_message_bytes (%lld)", max_bytes);
            status = MESSAGE_TOO_LARGE;
            goto out;
        }
    }
    status = MESSAGE_OK;
out:
    free(chunk);
    return status;
}

/* Where the message begins behind the "From " line of an mbox, if there is one. */
static off_t skip_mbox_line(const struct spool *spool)
{
    char start[1024];
    ssize_t length = spool_read(spool, start, sizeof start, 0);
    if (length < 5 || memcmp(start, "From ", 5) != 0) {
        return 0;
    }
    const char *end = memchr(start, '\n', (size_t)length);
    return end ? end - start + 1 : 0;
}

static enum message_status take_apart(const struct spool *text, const struct smime_limits *limits,
                                      struct entity *out, char **why)
{
    off_t size = spool_size(text), body_at = 0, from = skip_mbox_line(text);
    if (header_parse(text, from, size, limits->max_header_bytes, &out->header, &body_at, why)) {
        /* Only a text larger than the ceiling can hold a header that is. */
        return (size_t)(size - from) > limits->max_header_bytes ? MESSAGE_TOO_LARGE : MESSAGE_ERROR;
    }
    out->body = spool_new(spool_get_options(text));
    if (!out->body) {
        why_set(why, "out of memory");
        return MESSAGE_ERROR;
    }
    if (spool_copy(out->body, text, body_at, size)) {
        why_set(why, "the body cannot be spooled in %s: %s", spool_get_options(text)->directory,
                strerror(errno));
        return MESSAGE_ERROR;
    }
    return MESSAGE_OK;
}

enum message_status message_read(int descriptor, const struct spool_options *options,
                                 const struct smime_limits *limits, struct entity *out,
                                 enum line_ends *ends_out, char **why)
{
    struct converter converter = {0};
    struct spool *text = spool_new(options);
    *out = (struct entity){0};
    if (!text) {
        why_set(why, "out of memory");
        return MESSAGE_ERROR;
    }
    enum message_status status =
        read_all(descriptor, limits->max_message_bytes, text, &converter, why);
    if (status == MESSAGE_OK) {
        status = take_apart(text, limits, out, why);
    }
    if (status != MESSAGE_OK) {
        entity_clear(out);
    }
    *ends_out = converter.decided && !converter.from_lf ? LINE_ENDS_CRLF : LINE_ENDS_LF;
    spool_free(&text);
    return status;
}

/* Write `length` bytes; as LF, a CR is held back until the byte after it is known. */
static void write_chunk(const char *bytes, size_t length, enum line_ends ends, bool *held_cr,
                        FILE *out)
{
    if (ends == LINE_ENDS_CRLF) {
        fwrite(bytes, 1, length, out);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (*held_cr && bytes[i] != '\n') {
            putc('\r', out);
        }
        *held_cr = bytes[i] == '\r';
        if (!*held_cr) {
            putc(bytes[i], out);
        }
    }
}

static int write_spool(const struct spool *spool, enum line_ends ends, FILE *out, char **why)
{
    char *chunk = malloc(CHUNK_BYTES);
    off_t at = 0;
    ssize_t got = 0;
    bool held_cr = false;
    int rc = -1;
    if (!chunk) {
        why_set(why, "out of memory");
        return -1;
    }
    while ((got = spool_read(spool, chunk, CHUNK_BYTES, at)) > 0) {
        write_chunk(chunk, (size_t)got, ends, &held_cr, out);
        at += got;
    }
    if (held_cr) {
        putc('\r', out);
    }
    if (got < 0) {
        why_set(why, "the spool cannot be read: %s", strerror(errno));
    } else if (ferror(out)) {
        why_set(why, "standard output cannot be written");
    } else {
        rc = 0;
    }
    free(chunk);
    return rc;
}

int message_write(const struct header *header, const struct spool *body, enum line_ends ends,
                  FILE *out, char **why)
{
    struct spool *text = spool_new(spool_get_options(body));
    int rc = -1;
    if (!text) {
        why_set(why, "out of memory");
        return -1;
    }
    if (header_write(header, text) || spool_puts(text, "\r\n")) {
        why_set(why, "the header cannot be spooled: %s", strerror(errno));
        goto out;
    }
    if (write_spool(text, ends, out, why) || write_spool(body, ends, out, why)) {
        goto out;
    }
    if (fflush(out) == EOF) {
        why_set(why, "standard output cannot be written: %s", strerror(errno));
        goto out;
    }
    rc = 0;
out:
    spool_free(&text);
    return rc;
}
