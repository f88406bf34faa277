/* Is a text fit for any transport? Read line by line, in memory that does not grow with it. */
#ifndef SMIME_CANONICAL_SCAN_H
#define SMIME_CANONICAL_SCAN_H

#include <stddef.h>
#include <sys/types.h>

#include "spool.h"

#define CANONICAL_LINE_OCTETS 998 /* without CRLF; RFC 5322 section 2.1.1 */

/* What is wrong with a line. */
enum unclean {
    UNCLEAN_EIGHT_BIT = 1 << 0,
    UNCLEAN_NUL = 1 << 1,
    UNCLEAN_BARE_CR = 1 << 2,
    UNCLEAN_BARE_LF = 1 << 3,
    UNCLEAN_LONG_LINE = 1 << 4,
    UNCLEAN_TRAILING_BLANK = 1 << 5,
    UNCLEAN_FROM_LINE = 1 << 6,
    /* The line may be a field that announces 8-bit or binary contents. An MTA that hands a message
     * to a next hop without 8BITMIME re-encodes such a part even where all its bytes are 7-bit. */
    UNCLEAN_LABEL = 1 << 7,
};

/* An entity as one text: its header with the empty line, then its body. */
struct text {
    const char *head;
    size_t head_length;
    const struct spool *body;
};

off_t text_size(const struct text *text);

/* As spool_read(). */
ssize_t text_read(const struct text *text, void *buffer, size_t length, off_t offset);

struct line {
    off_t from, to;    /* with its line end, which is LF, CRLF, or at the end of the text nothing */
    const char *bytes; /* until the next call; NULL for a line too long for the buffer */
    size_t length;     /* of `bytes`, with the line end */
    unsigned flags;    /* enum unclean */
};

struct line_reader;

/* Lines of [from, end of text). NULL when out of memory. The text must outlive it. */
struct line_reader *line_reader_new(const struct text *text, off_t from);

/* Returns 1 with *out filled, 0 at the end, -1 with errno. */
int line_next(struct line_reader *reader, struct line *out);

void line_reader_free(struct line_reader **reader);

/* All that is wrong in lines in memory, put together. */
unsigned bytes_scan(const char *bytes, size_t length);

/* All that is wrong in `text`, put together. Returns 0, -1 with errno. */
int text_scan(const struct text *text, unsigned *flags_out);

#endif
