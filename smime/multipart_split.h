/* Where the parts of a multipart lie in its text, to the byte (RFC 2046 section 5.1.1). */
#ifndef SMIME_MULTIPART_SPLIT_H
#define SMIME_MULTIPART_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "entity.h"

struct multipart_part {
    off_t from;
    off_t to; /* without the line end before the next delimiter, which belongs to that */
};

struct multipart {
    struct multipart_part *parts;
    size_t count;
    bool closed;      /* the close-delimiter was there */
    off_t closed_end; /* then: behind its line */
    bool stray; /* outside of the first part, a line begins with "--" and more that is no delimiter:
                   a program that took another boundary would find one there; or it has a bare CR,
                   and a delimiter might follow for a program that ends lines there */
};

/* Split the multipart body at [from, to) of `text`. A delimiter is a line of "--" and `boundary`,
 * with blanks behind at most; lines end with LF, CRLF mostly. What follows the close-delimiter is
 * epilogue. A multipart without a delimiter has no parts. SMIME_REFUSED: more than `max_parts`. */
enum smime_status multipart_split(const struct spool *text, off_t from, off_t to,
                                  const char *boundary, size_t max_parts,
                                  const struct smime_progress *progress, struct multipart *out,
                                  char **why);
void multipart_clear(struct multipart *multipart);

#endif
