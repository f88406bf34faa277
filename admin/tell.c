/* Sentences for the administrator, and escaping of what comes from outside. */
#include "tell.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define ESCAPE_BYTES 4 /* "\xNN" */

/* Zero-width and direction characters can make one name look like another. */
static bool deceives(wchar_t character)
{
    return (character >= 0x200b && character <= 0x200f) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2060 && character <= 0x206f) || character == 0xfeff ||
           character == 0x00ad || character == 0x061c;
}

char *tell_escape(const char *text, size_t *columns_out)
{
    size_t left = strlen(text), columns = 0, used = 0;
    char *escaped = malloc(left * ESCAPE_BYTES + 1);
    if (!escaped) {
        return NULL;
    }
    mbstate_t state = {0};
    while (left > 0) {
        wchar_t character = 0;
        size_t taken = mbrtowc(&character, text, left, &state);
        bool readable = taken != (size_t)-1 && taken != (size_t)-2 && taken > 0;
        if (readable && iswprint((wint_t)character) && !deceives(character)) {
            memcpy(escaped + used, text, taken);
            used += taken;
            int width = wcwidth(character);
            columns += width > 0 ? (size_t)width : 0;
        } else {
            if (!readable) {
                taken = 1;
                state = (mbstate_t){0};
            }
            for (size_t i = 0; i < taken; i++) {
                snprintf(escaped + used, ESCAPE_BYTES + 1, "\\x%02x", (unsigned char)text[i]);
                used += ESCAPE_BYTES;
                columns += ESCAPE_BYTES;
            }
        }
        text += taken;
        left -= taken;
    }
    escaped[used] = '\0';
    if (columns_out) {
        *columns_out = columns;
    }
    return escaped;
}

void tell_text(FILE *out, const char *text)
{
    char *escaped = tell_escape(text ? text : "-", NULL);
    fputs(escaped ? escaped : "(out of memory)", out);
    free(escaped);
}

static void tell(const char *prefix, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void tell(const char *prefix, const char *format, va_list arguments)
{
    char *sentence = NULL;
    if (vasprintf(&sentence, format, arguments) < 0) {
        sentence = NULL;
    }
    fflush(stdout); /* so that both streams on one terminal come in order */
    fputs(prefix, stderr);
    tell_text(stderr, sentence ? sentence : "out of memory");
    fputc('\n', stderr);
    free(sentence);
}

void tell_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell("smimectl: ", format, arguments);
    va_end(arguments);
}

void tell_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell("smimectl: note: ", format, arguments);
    va_end(arguments);
}

void tell_next(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell("    ", format, arguments);
    va_end(arguments);
}
