/* The body of a leaf part in another Content-Transfer-Encoding (RFC 2045 section 6). */
#ifndef SMIME_CANONICAL_ENCODE_H
#define SMIME_CANONICAL_ENCODE_H

#include "canonical_parts.h"

/* Choose the encoding that makes the leaf of `edit` (an EDIT_LEAF of `text`) transport-clean:
 * quoted-printable for text that is mostly ASCII and has nothing but CRLF as line end, base64 for
 * all else. TRANSFER_UNKNOWN when its present encoding is broken, so that what it means depends on
 * the program that reads it. Returns 0, -1 with errno. */
int leaf_choose(const struct text *text, const struct edit *edit, enum transfer_encoding *out);

/* Append the leaf of `edit` to `out`, decoded from its present encoding and encoded as `encoding`.
 * Returns 0, -1 with errno. */
int leaf_encode(const struct text *text, const struct edit *edit, enum transfer_encoding encoding,
                struct spool *out);

#endif
