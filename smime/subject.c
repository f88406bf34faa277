/* Tags in a Subject. */
#include "subject.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "gmime_start.h"

/* Take every occurrence of `tag` out of `text`; taking one out can put another together. */
static bool strip_tag(char *text, const char *tag)
{
    size_t length = strlen(tag);
    bool found = false;
    char *p;
    while (length > 0 && (p = strcasestr(text, tag)) != NULL) {
        memmove(p, p + length, strlen(p + length) + 1);
        found = true;
    }
    return found;
}

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

char *subject_tag(const char *value, const char *const *strip, size_t count, const char *prefix)
{
    char *decoded;
    char *encoded = NULL;
    char *out;
    bool found = false;
    bool again = true;
    if (value == NULL)
        return join(prefix, "");
    gmime_start();
    decoded = g_mime_utils_header_decode_text(NULL, value);
    if (decoded == NULL)
        return NULL;
    while (again) {
        again = false;
        for (size_t i = 0; i < count; i++)
            again = strip_tag(decoded, strip[i]) || again;
        found = found || again;
    }
    if (found)
        encoded = encode(g_strstrip(decoded));
    out = found && encoded == NULL ? NULL : join(prefix, found ? encoded : value);
    free(encoded);
    g_free(decoded);
    return out;
}
