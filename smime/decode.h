/* Content-Transfer-Encoding undone (RFC 2045 section 6). */
#ifndef SMIME_DECODE_H
#define SMIME_DECODE_H

#include "entity.h"

enum body_encoding {
    ENCODING_IDENTITY, /* 7bit, 8bit, binary, or no such field */
    ENCODING_BASE64,
    ENCODING_QUOTED_PRINTABLE,
    ENCODING_UNKNOWN,
};

/* What the Content-Transfer-Encoding field of `header` says. */
enum body_encoding body_encoding_of(const struct header *header);

/* Decode [from, to) of `text` and append it to `out`. Blanks and line ends within base64 and
 * trailing blanks within quoted-printable do not matter; anything else that does not belong there
 * is SMIME_REFUSED, as is ENCODING_UNKNOWN and a result of more than `max_bytes`. What was decoded
 * before is in `out` then. */
enum smime_status decode_text(const struct spool *text, off_t from, off_t to,
                              enum body_encoding encoding, long long max_bytes,
                              const struct smime_progress *progress, struct spool *out, char **why);

#endif
