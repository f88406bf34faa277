/* The header of one MIME part, read line by line: what its body is and what in it is unclean. */
#ifndef SMIME_PART_HEADER_H
#define SMIME_PART_HEADER_H

#include <stdbool.h>

#include "canonical_parts.h"

#define PART_HEADER_FIELD_BYTES 8192 /* of a Content-Type that is read */
#define PART_HEADER_ENCODINGS 8      /* Content-Transfer-Encoding fields that may repeat */
#define PART_HEADER_BOUNDARY_BYTES 512

enum part_kind {
    PART_LEAF,
    PART_MULTIPART,
    PART_MESSAGE, /* message/rfc822 */
    PART_SEALED,  /* a composite whose bytes may not change: signed, or encoded against the rules */
};

struct part_header {
    /* what was found */
    bool ambiguous; /* programs will differ in what they read here */
    bool unclean;   /* bytes that may not be altered */
    enum transfer_encoding encoding;
    struct {
        off_t from, to;
    } encodings[PART_HEADER_ENCODINGS]; /* the Content-Transfer-Encoding fields */
    size_t encoding_count;
    enum part_kind kind;
    bool text;      /* text/... */
    bool digest;    /* multipart/digest */
    char *boundary; /* of PART_MULTIPART */
    /* the field that is being read */
    bool in_digest; /* set by the caller: what the default type depends on */
    enum { PART_FIELD_NONE, PART_FIELD_OTHER, PART_FIELD_TYPE, PART_FIELD_ENCODING } field;
    bool quoted; /* inside a quoted string */
    off_t field_from;
    char *value; /* of the field, unfolded */
    size_t value_length;
    char *type; /* the first Content-Type */
};

/* Read a line that is not empty. *blanks_out is the number of blanks at its end that may be left
 * out. Returns 0, -1 out of memory. */
int part_header_line(struct part_header *header, const struct line *line, size_t *blanks_out);

/* The header has ended at `end`. Returns 0, -1 out of memory. */
int part_header_end(struct part_header *header, off_t end);

void part_header_clear(struct part_header *header);

#endif
