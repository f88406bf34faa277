/* The header of the entity that a message holds (RFC 8551 section 3.1): its content fields, and is
 * all of it clean? */
#ifndef SMIME_CANONICAL_HEAD_H
#define SMIME_CANONICAL_HEAD_H

#include "canonical_scan.h"
#include "entity.h"
#include "protection.h"

struct canonical_head {
    struct header header; /* Content-* in order; Content-Type in front if there was none */
    char *text;           /* the same with the empty line */
    size_t length;
    unsigned flags; /* what is unclean in header and body (enum unclean); 0 when all is clean */
};

/* Read `message`: SMIME_OK with *out filled (header_clear(), free(text)). With `protection` (may be
 * NULL) the entity is a payload, and its protected fields stand in front. */
enum smime_status canonical_head_make(const struct entity *message,
                                      const struct protection *protection,
                                      const struct smime_limits *limits, struct canonical_head *out,
                                      char **why);

#endif
