/* Tags in a Subject. */
#include "subject.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>

#include "gmime_start.h"

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

static char *encode(const char *text)
{
    char *encoded = g_mime_utils_header_encode_text(NULL, text, NULL);
    char *out = encoded != NULL ? strdup(encoded) : NULL;
    g_free(encoded);
    return out;
}

static char *join(const char *prefix, const char *rest)
{
    char *front = is_ascii(prefix) ? strdup(prefix) : encode(prefix);
    char *out = NULL;
    if (front == NULL)
        return NULL;
    while (*rest == ' ' || *rest == '\t')
        rest++;
    /* Two encoded words need a blank between them to be two (RFC 2047 section 5). */
    if (asprintf(&out, " %s%s%s", front, is_ascii(prefix) ? "" : " ", rest) < 0)
        out = NULL;
    free(front);
    return out;
}

/* Does the text of `length` bytes end in this tag? */
static bool ends_in(const char *text, size_t length, const char *tag)
{
    size_t n = strlen(tag);
    return n > 0 && length >= n && strncasecmp(text + length - n, tag, n) == 0;
}

/* Take all tags out of `text`, in one pass: a subject may have a megabyte of them. A tag that only
 * comes together when another one is taken out ends where its last character is put, and goes as
 * well. */
static bool strip_tags(char *text, const char *const *strip, size_t count)
{
    size_t length = 0;
    bool found = false;
    for (const char *p = text; *p != '\0'; p++) {
        text[length++] = *p;
        for (size_t i = 0; i < count; i++)
            if (ends_in(text, length, strip[i])) {
                length -= strlen(strip[i]);
                found = true;
                break;
            }
    }
    text[length] = '\0';
    return found;
}

/* `value` as a reader sees it, without tags, encoded again. NULL in *out when there was none to
 * strip. Returns 0, -1 out of memory. */
static int strip_once(const char *value, const char *const *strip, size_t count, char **out)
{
    char *decoded = g_mime_utils_header_decode_text(NULL, value);
    int rc = 0;
    *out = NULL;
    if (decoded == NULL)
        return -1;
    if (strip_tags(decoded, strip, count)) {
        *out = encode(g_strstrip(decoded));
        rc = *out != NULL ? 0 : -1;
    }
    g_free(decoded);
    return rc;
}

char *subject_tag(const char *value, const char *const *strip, size_t count, const char *prefix)
{
    char *stripped = NULL;
    char *next = NULL;
    char *out = NULL;
    if (value == NULL)
        return join(prefix, "");
    gmime_start();
    if (strip_once(value, strip, count, &stripped) != 0)
        return NULL;
    /* What is left can be an encoded word that was none before: read as often as there is a tag. */
    for (next = stripped; next != NULL;) {
        stripped = next;
        if (strip_once(stripped, strip, count, &next) != 0)
            goto out;
        if (next != NULL)
            free(stripped);
    }
    out = join(prefix, stripped != NULL ? stripped : value);
out:
    free(stripped);
    return out;
}

char *subject_words(const char *value, size_t max_bytes)
{
    char *decoded;
    char *valid;
    char *out;
    size_t length = 0;
    gmime_start();
    decoded = g_mime_utils_header_decode_text(NULL, value != NULL ? value : "");
    valid = g_utf8_make_valid(decoded != NULL ? decoded : "", -1);
    out = malloc(max_bytes + 1);
    for (const char *p = valid; out != NULL && *p != '\0'; p = g_utf8_next_char(p)) {
        size_t bytes = (size_t)(g_utf8_next_char(p) - p);
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            continue;
        if (length + bytes > max_bytes)
            break;
        if (length == 0 && *p == ' ')
            continue;
        memcpy(out + length, p, bytes);
        length += bytes;
    }
    if (out != NULL)
        out[length] = '\0';
    g_free(valid);
    g_free(decoded);
    return out;
}
