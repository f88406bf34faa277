/* Content-Transfer-Encoding undone, in constant memory. Garbage is refused: what one decoder skips
 * another one may show. */
#include "decode.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "why.h"

#define CHUNK 16384

struct decoder {
    unsigned char out[CHUNK];
    size_t length;
    long long total;
    long long max_bytes;
    struct spool *spool;
    /* base64 */
    unsigned quantum;
    int digits;
    int padding;
    /* quoted-printable */
    unsigned char escape[2]; /* what followed '=' */
    int escaped;             /* 0: no '=' before; 1: just seen; 2: and one digit */
    bool soft;               /* blanks after '=', so the line must end */
    char **why;
};

enum body_encoding body_encoding_of(const struct header *header)
{
    static const struct {
        const char *name;
        enum body_encoding encoding;
    } names[] = {
        {"7bit", ENCODING_IDENTITY},
        {"8bit", ENCODING_IDENTITY},
        {"binary", ENCODING_IDENTITY},
        {"base64", ENCODING_BASE64},
        {"quoted-printable", ENCODING_QUOTED_PRINTABLE},
    };
    const struct header_field *field = header_get(header, "Content-Transfer-Encoding", 0);
    const char *value;
    size_t length;
    if (field == NULL)
        return ENCODING_IDENTITY;
    value = field->value + strspn(field->value, " \t\r\n");
    length = strcspn(value, " \t\r\n;(");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, value, length) == 0)
            return names[i].encoding;
    return ENCODING_UNKNOWN;
}

static enum smime_status flush(struct decoder *decoder)
{
    decoder->total += (long long)decoder->length;
    if (decoder->total > decoder->max_bytes) {
        why_set(decoder->why, "the decoded content has more than %lld bytes", decoder->max_bytes);
        return SMIME_REFUSED;
    }
    if (spool_write(decoder->spool, decoder->out, decoder->length) != 0) {
        why_set(decoder->why, "cannot write the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    decoder->length = 0;
    return SMIME_OK;
}

static enum smime_status emit(struct decoder *decoder, unsigned char byte)
{
    decoder->out[decoder->length++] = byte;
    return decoder->length == sizeof decoder->out ? flush(decoder) : SMIME_OK;
}

static enum smime_status garbage(struct decoder *decoder, const char *encoding)
{
    why_set(decoder->why, "the body is not well-formed %s", encoding);
    return SMIME_REFUSED;
}

static int base64_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static enum smime_status base64_byte(struct decoder *decoder, unsigned char c)
{
    int digit = base64_digit(c);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return SMIME_OK;
    if (c == '=' && decoder->digits >= 2 && decoder->digits + decoder->padding < 4) {
        decoder->padding++;
        return SMIME_OK;
    }
    if (digit < 0 || decoder->padding > 0)
        return garbage(decoder, "base64");
    decoder->quantum = decoder->quantum << 6 | (unsigned)digit;
    if (++decoder->digits < 4)
        return SMIME_OK;
    for (int shift = 16; shift >= 0; shift -= 8) {
        enum smime_status status = emit(decoder, (unsigned char)(decoder->quantum >> shift));
        if (status != SMIME_OK)
            return status;
    }
    decoder->digits = 0;
    decoder->quantum = 0;
    return SMIME_OK;
}

static enum smime_status base64_end(struct decoder *decoder)
{
    enum smime_status status = SMIME_OK;
    if (decoder->digits == 0)
        return SMIME_OK;
    if (decoder->digits + decoder->padding != 4)
        return garbage(decoder, "base64 (it is cut off)");
    decoder->quantum <<= 6 * decoder->padding;
    status = emit(decoder, (unsigned char)(decoder->quantum >> 16));
    if (status == SMIME_OK && decoder->digits == 3)
        status = emit(decoder, (unsigned char)(decoder->quantum >> 8));
    return status;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What follows '=': two hexadecimal digits, or the end of the line, maybe behind blanks. */
static enum smime_status quoted_escape(struct decoder *decoder, unsigned char c)
{
    int digit = hex_digit(c);
    if (decoder->escaped == 1 && c == '\n') {
        decoder->escaped = 0;
        decoder->soft = false;
        return SMIME_OK;
    }
    if (decoder->escaped == 1 && (c == ' ' || c == '\t' || c == '\r')) {
        decoder->soft = true;
        return SMIME_OK;
    }
    if (digit < 0 || decoder->soft)
        return garbage(decoder, "quoted-printable");
    decoder->escape[decoder->escaped - 1] = (unsigned char)digit;
    if (++decoder->escaped < 3)
        return SMIME_OK;
    decoder->escaped = 0;
    return emit(decoder, (unsigned char)(decoder->escape[0] << 4 | decoder->escape[1]));
}

static enum smime_status quoted_byte(struct decoder *decoder, unsigned char c)
{
    if (decoder->escaped > 0)
        return quoted_escape(decoder, c);
    if (c == '=') {
        decoder->escaped = 1;
        return SMIME_OK;
    }
    if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c > '~')
        return garbage(decoder, "quoted-printable");
    return emit(decoder, c);
}

static enum smime_status decode_byte(struct decoder *decoder, enum body_encoding encoding,
                                     unsigned char c)
{
    switch (encoding) {
    case ENCODING_BASE64:
        return base64_byte(decoder, c);
    case ENCODING_QUOTED_PRINTABLE:
        return quoted_byte(decoder, c);
    default:
        return emit(decoder, c);
    }
}

static enum smime_status decode_end(struct decoder *decoder, enum body_encoding encoding)
{
    enum smime_status status = SMIME_OK;
    if (encoding == ENCODING_BASE64)
        status = base64_end(decoder);
    if (encoding == ENCODING_QUOTED_PRINTABLE && decoder->escaped > 1)
        status = garbage(decoder, "quoted-printable (it is cut off)");
    return status == SMIME_OK ? flush(decoder) : status;
}

/* What came before the garbage tells what the thing was meant to be. */
static enum smime_status keep(struct decoder *decoder, enum smime_status status)
{
    if (status == SMIME_REFUSED && decoder->length > 0 && decoder->total <= decoder->max_bytes &&
        spool_write(decoder->spool, decoder->out, decoder->length) != 0) {
        why_set(decoder->why, "cannot write the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    return status;
}

enum smime_status decode_text(const struct spool *text, off_t from, off_t to,
                              enum body_encoding encoding, long long max_bytes,
                              const struct smime_progress *progress, struct spool *out, char **why)
{
    struct decoder decoder = {.max_bytes = max_bytes, .spool = out, .why = why};
    unsigned char chunk[CHUNK];
    if (encoding == ENCODING_UNKNOWN) {
        why_set(why, "the Content-Transfer-Encoding is unknown");
        return SMIME_REFUSED;
    }
    while (from < to) {
        size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        ssize_t n = spool_read(text, chunk, want, from);
        if (n <= 0) {
            why_set(why, "cannot read the spool: %s", n < 0 ? strerror(errno) : "too short");
            return SMIME_ERROR;
        }
        if (progress->tick != NULL && progress->tick(progress->context) != 0) {
            why_set(why, "the time for this message is up");
            return SMIME_ERROR;
        }
        for (ssize_t i = 0; i < n; i++) {
            enum smime_status status = decode_byte(&decoder, encoding, chunk[i]);
            if (status != SMIME_OK)
                return keep(&decoder, status);
        }
        from += n;
    }
    return keep(&decoder, decode_end(&decoder, encoding));
}
