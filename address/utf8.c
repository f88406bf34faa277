/* UTF-8: well-formed and free of control characters. */
#include "utf8.h"

#define CODE_POINT_MAX 0x10FFFFU

/* Length of the sequence that `lead` begins and its smallest legal code point; 0 for a byte that
 * begins none. */
static size_t sequence_length(unsigned char lead, unsigned *value_out, unsigned *minimum_out)
{
    if (lead < 0x80) {
        *value_out = lead;
        *minimum_out = 0;
        return 1;
    }
    if ((lead & 0xE0) == 0xC0) {
        *value_out = lead & 0x1FU;
        *minimum_out = 0x80;
        return 2;
    }
    if ((lead & 0xF0) == 0xE0) {
        *value_out = lead & 0x0FU;
        *minimum_out = 0x800;
        return 3;
    }
    if ((lead & 0xF8) == 0xF0) {
        *value_out = lead & 0x07U;
        *minimum_out = 0x10000;
        return 4;
    }
    return 0;
}

static bool is_acceptable(unsigned value)
{
    if (value < 0x20 || (value >= 0x7F && value < 0xA0))
        return false; /* C0, DEL, C1 */
    if (value >= 0xD800 && value <= 0xDFFF)
        return false; /* surrogates are no characters */
    return value <= CODE_POINT_MAX && value != 0x2028 && value != 0x2029;
}

bool utf8_is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        unsigned value = 0, minimum = 0;
        size_t bytes = sequence_length((unsigned char)text[i], &value, &minimum);

        if (bytes == 0 || bytes > length - i)
            return false;
        for (size_t k = 1; k < bytes; k++) {
            unsigned char next = (unsigned char)text[i + k];
            if ((next & 0xC0) != 0x80)
                return false;
            value = (value << 6) | (next & 0x3FU);
        }
        if (value < minimum || !is_acceptable(value))
            return false;
        i += bytes;
    }
    return true;
}

size_t utf8_cut(const char *text, size_t length, size_t most)
{
    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

bool utf8_is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0x80)
            return false;
    }
    return true;
}
