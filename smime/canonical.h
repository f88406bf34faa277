/* The canonical, 7-bit form of a MIME entity, as it must be before it is signed (RFC 8551
 * section 3.1).
 *
 * Transport-clean bytes are copied as they are. Bodies of leaf parts that are not clean (8-bit or
 * NUL bytes, bare CR or LF, lines over 998 octets, trailing blanks, lines beginning with "From ")
 * are re-encoded, quoted-printable or base64. Parts that say 8bit or binary but are 7-bit say so
 * then, or an MTA before a next hop without 8BITMIME would re-encode them. Blanks at line ends of
 * part headers are left out. All else (boundaries, preamble, epilogue, other header fields,
 * whatever is signed) is never altered. */
#ifndef SMIME_CANONICAL_H
#define SMIME_CANONICAL_H

#include "entity.h"

enum canonical_result {
    CANONICAL_CLEAN,  /* the output is transport-clean */
    CANONICAL_OPAQUE, /* some bytes cannot be made clean without changing what must not be: part
                         headers, a preamble, signed parts, unknown encodings. The output holds the
                         entity as it came (with CANONICAL_STRICT), or cleaned where possible
                         (CANONICAL_BEST_EFFORT) */
};

enum canonical_mode { CANONICAL_STRICT, CANONICAL_BEST_EFFORT };

/* Read the content fields of `message` (its Content-* fields, all of them, in order) and its body;
 * append the header of the entity to `header_out` (may be altered: Content-Transfer-Encoding, or a
 * Content-Type where there was none) and its body to `body_out`. An entity without Content-Type
 * gets "text/plain" with charset us-ascii, or unknown-8bit. */
enum smime_status canonical_entity(const struct entity *message, enum canonical_mode mode,
                                   const struct smime_limits *limits, struct header *header_out,
                                   struct spool *body_out, enum canonical_result *result_out,
                                   char **why);

#endif
