/* What has to change in an entity to make it transport-clean: found in one pass over its lines, in
 * memory that does not grow with it (RFC 2046 section 5.1).
 *
 * Not by GMime's parser: it keeps preambles, epilogues and part headers in memory, twice. */
#ifndef SMIME_CANONICAL_PARTS_H
#define SMIME_CANONICAL_PARTS_H

#include <stdbool.h>

#include "canonical_scan.h"

enum transfer_encoding {
    TRANSFER_7BIT, /* also when there is no such field */
    TRANSFER_8BIT,
    TRANSFER_BINARY,
    TRANSFER_QUOTED_PRINTABLE,
    TRANSFER_BASE64,
    TRANSFER_UNKNOWN,
};

/* Where bytes of the text are to be left out or replaced. */
enum edit_kind {
    EDIT_DELETE,    /* blanks at the end of a header line */
    EDIT_LABEL,     /* a Content-Transfer-Encoding field becomes "7bit" */
    EDIT_COMPOSITE, /* the same for a part that consists of others: only if all of them are 7-bit */
    EDIT_ENCODING,  /* a Content-Transfer-Encoding field, or where one is to be inserted */
    EDIT_LEAF,      /* the body of a leaf: to be re-encoded */
};

struct edit {
    off_t from, to;
    enum edit_kind kind;
    enum transfer_encoding encoding; /* of EDIT_LEAF: the present one */
    bool text;                       /* of EDIT_LEAF: text/... */
    /* Both edits of one leaf have the same number (from 0), all others -1. */
    long leaf;
};

struct parts {
    struct edit *edits; /* in the order of `from`; an edit inside an earlier one is void */
    size_t count;
    size_t leaves; /* to be re-encoded */
    bool stuck;    /* there are unclean bytes that may not be altered */
};

/* Read `text`. Returns 0 with *out filled (parts_clear()), -1 with errno. With more than
 * `max_parts` parts `out` is stuck and has no edits. */
int parts_find(const struct text *text, size_t max_parts, struct parts *out);

void parts_clear(struct parts *parts);

#endif
