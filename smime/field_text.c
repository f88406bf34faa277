/* The text of unstructured header fields, and field values that can be copied. */
#include "field_text.h"

#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "canonical_scan.h"
#include "encoded_word.h"
#include "gmime_start.h"

#define LINE_BYTES 76 /* of a folded field: RFC 5322 section 2.1.1, RFC 2047 section 2 */
#define NAME_BYTES (sizeof "Subject:" - 1)

/* How many folds fit into `text`, and with `out` that text with them: a fold goes before a blank.
 */
static size_t put_folds(const char *text, char *out)
{
    size_t line = NAME_BYTES;
    size_t folds = 0;
    while (*text != '\0') {
        size_t length = strspn(text, " \t");
        length += strcspn(text + length, " \t");
        if (line > NAME_BYTES && line + length > LINE_BYTES && strspn(text, " \t") == 1 &&
            length > 1) {
            folds++;
            line = 0;
            if (out != NULL) {
                memcpy(out, "\r\n", 2);
                out += 2;
            }
        }
        if (out != NULL) {
            memcpy(out, text, length);
            out += length;
        }
        line += length;
        text += length;
    }
    if (out != NULL)
        *out = '\0';
    return folds;
}

static char plain(char c)
{
    return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f ? ' ' : c;
}

char *field_text_write(const char *text)
{
    char *line = strdup(text);
    char *encoded = NULL;
    char *value;
    char *out = NULL;
    gmime_start();
    /* A line end may have been in an encoded word: it must not become one of the header. */
    for (char *p = line; p != NULL && *p != '\0'; p++)
        *p = plain(*p);
    if (line != NULL)
        encoded = g_mime_utils_header_encode_text(NULL, line, NULL);
    value = encoded != NULL ? g_strconcat(" ", encoded, NULL) : NULL;
    if (value != NULL)
        out = malloc(strlen(value) + 2 * put_folds(value, NULL) + 1);
    if (out != NULL)
        put_folds(value, out);
    g_free(value);
    g_free(encoded);
    free(line);
    return out;
}

char *field_text_read(const char *value)
{
    char *line = malloc(strlen(value) + 1);
    char *put = line;
    char *repaired = NULL;
    char *decoded = NULL;
    char *valid = NULL;
    char *out = NULL;
    gmime_start();
    for (; line != NULL && *value != '\0'; value++)
        if (*value != '\r' && *value != '\n')
            *put++ = *value;
    if (line != NULL) {
        *put = '\0';
        repaired = encoded_words_for_gmime(line, ENCODED_WORD_ANEW);
    }
    if (repaired != NULL)
        decoded = g_mime_utils_header_decode_text(NULL, repaired);
    if (decoded != NULL)
        valid = g_utf8_make_valid(decoded, -1);
    /* Not GLib's, so that callers need not know of it. */
    if (valid != NULL)
        out = strdup(valid);
    g_free(valid);
    g_free(decoded);
    free(repaired);
    free(line);
    return out;
}

/* The end of the line at `at`: its CRLF, or the end of the value. */
static const char *line_end(const char *at)
{
    const char *end = strstr(at, "\r\n");
    return end != NULL ? end : at + strlen(at);
}

static size_t trimmed_length(const char *line, size_t length)
{
    while (length > 0 && (plain(line[length - 1]) == ' ' || line[length - 1] == '\t'))
        length--;
    return length;
}

char *field_text_tidy(const char *value)
{
    char *out = strdup(value);
    char *put = out;
    if (out == NULL)
        return NULL;
    /* What is dropped would be a line that some programs take for the end of the header. */
    for (const char *at = value;;) {
        const char *end = line_end(at);
        size_t length = trimmed_length(at, (size_t)(end - at));
        if (at == value || length > 0) {
            if (at != value) {
                memcpy(put, "\r\n", 2);
                put += 2;
            }
            for (size_t i = 0; i < length; i++)
                *put++ = plain(at[i]);
        }
        if (*end == '\0')
            break;
        at = end + 2;
    }
    *put = '\0';
    return out;
}

bool field_text_same(const char *a, const char *b)
{
    static const char blanks[] = " \t\r\n";
    a += strspn(a, blanks);
    b += strspn(b, blanks);
    while (*a != '\0' && *b != '\0') {
        size_t skip_a = strspn(a, blanks);
        size_t skip_b = strspn(b, blanks);
        if (skip_a == 0 && skip_b == 0) {
            if (*a++ != *b++)
                return false;
            continue;
        }
        a += skip_a;
        b += skip_b;
        if ((skip_a == 0 || skip_b == 0) && *a != '\0' && *b != '\0')
            return false;
    }
    return a[strspn(a, blanks)] == '\0' && b[strspn(b, blanks)] == '\0';
}

bool field_text_is_clean(const char *name, const char *value)
{
    size_t before = strlen(name) + 1;
    for (const char *at = value;;) {
        const char *end = line_end(at);
        if ((size_t)(end - at) + before > CANONICAL_LINE_OCTETS)
            return false;
        for (const char *p = at; p < end; p++)
            if ((unsigned char)*p >= 0x80)
                return false;
        if (*end == '\0')
            return true;
        at = end + 2;
        before = 0;
    }
}
