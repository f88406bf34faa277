/* Showing what is hidden of a header to readers whose program decrypts, but does not know of header
 * protection: as the first lines of the text (RFC 9788 sections 2.1.2 and 5.2.2). */
#ifndef SMIME_LEGACY_DISPLAY_H
#define SMIME_LEGACY_DISPLAY_H

#include <stdbool.h>

#include "entity.h"

#define LEGACY_DISPLAY_FIELD_BYTES 1000   /* of one field; what is longer is cut */
#define LEGACY_DISPLAY_FIELDS 16          /* further ones are not shown */
#define LEGACY_DISPLAY_SEARCH_BYTES 65536 /* in which <body> must be found */

/* *out: a copy of `message` (with its content fields at the end, changed where that is needed)
 * whose main parts (main_parts.h) begin with its Subject, Keywords and Comments, in the order in
 * which they stand in its header. Parts in a character set that is no superset of ASCII stay as
 * they are.
 *
 * SMIME_OK with *done_out telling whether there is such a part and such a field; if not, `out` is
 * empty. SMIME_ERROR for an error of ours. */
enum smime_status legacy_display_add(const struct entity *message,
                                     const struct smime_limits *limits,
                                     const struct smime_progress *progress, struct entity *out,
                                     bool *done_out, char **why);

#endif
