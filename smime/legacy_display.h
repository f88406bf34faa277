/* Showing a hidden Subject to readers whose program decrypts, but does not know of header
 * protection: as the first line of the text (RFC 9788 sections 2.1.2 and 5.2.2). */
#ifndef SMIME_LEGACY_DISPLAY_H
#define SMIME_LEGACY_DISPLAY_H

#include <stdbool.h>

#include "entity.h"

#define LEGACY_DISPLAY_PARAMETER "hp-legacy-display"
#define LEGACY_DISPLAY_CLASS "header-protection-legacy-display"
#define LEGACY_DISPLAY_SUBJECT_BYTES 1000
#define LEGACY_DISPLAY_SEARCH_BYTES 65536 /* in which <body> must be found */
#define LEGACY_DISPLAY_LEAVES 16          /* that get one; further ones do not */

/* *out: a copy of `message` (with its content fields at the end, changed where that is needed)
 * whose main parts begin with its Subject: the message itself where it is text/plain or text/html,
 * all parts of multipart/alternative, the first of multipart/mixed and multipart/related. Parts
 * that are attachments, signed, in a character set that is no superset of ASCII, or not to be
 * understood stay as they are.
 *
 * SMIME_OK with *done_out telling whether there is such a part; if not, `out` is empty. SMIME_ERROR
 * for an error of ours. */
enum smime_status legacy_display_add(const struct entity *message,
                                     const struct smime_limits *limits,
                                     const struct smime_progress *progress, struct entity *out,
                                     bool *done_out, char **why);

#endif
