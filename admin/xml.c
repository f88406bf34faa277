/* Escaping for XML. */
#include "xml.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define INDENT 2
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* The length of the UTF-8 character at `text`, which ends with a NUL, and the character itself; 0
 * when there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t read_character(const unsigned char *text, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xC2 ? 0
                    : text[0] < 0xE0 ? 2
                    : text[0] < 0xF0 ? 3
                    : text[0] < 0xF5 ? 4
                                     : 0;
    if (length < 2) {
        *out = text[0];
        return length;
    }
    uint32_t character = text[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        character = character << 6 | (text[i] & 0x3FU);
    }
    *out = character;
    if (character < least[length] || character > 0x10FFFF ||
        (character >= 0xD800 && character < 0xE000)) {
        return 0;
    }
    return length;
}

/* XML 1.0 section 2.2. */
static int is_allowed(uint32_t character)
{
    return character == '\t' || character == '\n' ||
           (character >= 0x20 && character != 0x7F && (character < 0x80 || character >= 0xA0) &&
            character != 0xFFFE && character != 0xFFFF);
}

void xml_text(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        uint32_t character = 0;
        size_t length = read_character(at, &character);
        const char *escape = length == 0 || !is_allowed(character) ? REPLACEMENT
                             : character == '&'                    ? "&amp;"
                             : character == '<'                    ? "&lt;"
                             : character == '>'                    ? "&gt;"
                             : character == '"'                    ? "&quot;"
                             : character == '\''                   ? "&apos;"
                                                                   : NULL;
        if (escape) {
            fputs(escape, out);
        } else {
            fwrite(at, 1, length, out);
        }
        at += length ? length : 1;
    }
}

void xml_element(FILE *out, int depth, const char *name, const char *text)
{
    fprintf(out, "%*s<%s>", depth * INDENT, "", name);
    xml_text(out, text);
    fprintf(out, "</%s>\n", name);
}

void xml_line(FILE *out, int depth, const char *format, ...)
{
    va_list values;
    fprintf(out, "%*s", depth * INDENT, "");
    va_start(values, format);
    vfprintf(out, format, values);
    va_end(values);
    fputc('\n', out);
}
