/* Local parts, quoted and plain (RFC 5321 section 4.1.2, RFC 6531 section 3.3). Internal to
 * address/.
 *
 * The content of a local part is what it says once quotes and backslashes are taken off; it is what
 * is compared, cut and rewritten. */
#ifndef ADDRESS_LOCAL_PART_H
#define ADDRESS_LOCAL_PART_H

#include <stddef.h>

/* Reads the content of a canonical address's local part, byte by byte. */
struct local_reader {
    const char *next;
    const char *end;
    int quoted;
};

struct local_reader local_reader_start(const char *canonical);

/* The next byte (0..255), or -1 at the end. */
int local_reader_next(struct local_reader *reader);

/* The content of the local part of `canonical`: a new NUL-terminated string, its length in
 * *length_out; NULL when out of memory. */
char *local_content(const char *canonical, size_t *length_out);

/* Parse the local part at the start of `text`. Its content goes to `content` (room for `length`
 * bytes), its size to *content_length_out. Returns the number of bytes read, which are followed by
 * '@'; 0 when there is no local part followed by '@'. */
size_t local_parse(const char *text, size_t length, char *content, size_t *content_length_out);

/* "local@domain" from a content, in lower case (ASCII), quoted only if it has to be. A new string;
 * NULL when out of memory. */
char *local_join(const char *content, size_t length, const char *domain);

#endif
