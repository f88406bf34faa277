/* UTF-8 as far as addresses and short texts need it (RFC 3629). */
#ifndef ADDRESS_UTF8_H
#define ADDRESS_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Are these bytes well-formed UTF-8 without control characters (C0, DEL, C1) and without the line
 * and paragraph separators U+2028 and U+2029? */
bool utf8_is_printable(const char *text, size_t length);

/* How many bytes of `text` are `most` at most, without cutting a character of UTF-8. */
size_t utf8_cut(const char *text, size_t length, size_t most);

/* Are all bytes ASCII? */
bool utf8_is_ascii(const char *text, size_t length);

#endif
