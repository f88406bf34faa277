/* What a client is told: an SMTP reply in English and German. */
#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two lines of this stay far below the 512 octets of RFC 5321 section 4.5.3.1.5 with code and
 * enhanced code before them. */
#define REPLY_TEXT_MAX_BYTES 400

#define DEFER_ENGLISH "The mail gateway has a temporary problem. Please try again later."
#define DEFER_GERMAN                                                                               \
    "Das Mail-Gateway hat eine voruebergehende Stoerung. Bitte spaeter erneut versuchen."

/* Printable ASCII of `text`; each run of anything else becomes one '?', line ends a blank. NULL
 * when out of memory: the caller then sends the code without a text. */
static char *clean_text(const char *text)
{
    size_t length = 0;
    char *clean = malloc(REPLY_TEXT_MAX_BYTES + 1);

    if (!clean)
        return NULL;
    for (const char *c = text ? text : ""; *c && length < REPLY_TEXT_MAX_BYTES; c++) {
        char put = *c >= ' ' && *c <= '~' ? *c : '?';

        if (*c == '\r' || *c == '\n' || *c == '\t')
            put = ' ';
        if (put == '?' && *c != '?' && length > 0 && clean[length - 1] == '?')
            continue;
        clean[length++] = put;
    }
    clean[length] = '\0';
    return clean;
}

void reply_set(struct reply *reply, int code, const char *enhanced, const char *english,
               const char *german)
{
    /* The texts may be those that `reply` holds: copy before releasing. */
    char *new_english = clean_text(english);
    char *new_german = clean_text(german);

    free(reply->english);
    free(reply->german);
    reply->english = new_english;
    reply->german = new_german;
    reply->code = code;
    snprintf(reply->enhanced, sizeof reply->enhanced, "%s", enhanced);
}

void reply_setf(struct reply *reply, int code, const char *enhanced, const char *english,
                const char *german, ...)
{
    /* One byte more than is kept is enough: the rest would be cut off anyway. */
    char english_text[REPLY_TEXT_MAX_BYTES + 2];
    char german_text[REPLY_TEXT_MAX_BYTES + 2];
    va_list arguments, again;

    va_start(arguments, german);
    va_copy(again, arguments);
    vsnprintf(english_text, sizeof english_text, english, arguments);
    vsnprintf(german_text, sizeof german_text, german, again);
    va_end(again);
    va_end(arguments);
    reply_set(reply, code, enhanced, english_text, german_text);
}

void reply_defer(struct reply *reply)
{
    reply_set(reply, 451, "4.3.0", DEFER_ENGLISH, DEFER_GERMAN);
}

void reply_clear(struct reply *reply)
{
    free(reply->english);
    free(reply->german);
    *reply = (struct reply){0};
}
