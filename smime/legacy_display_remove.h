/* Taking legacy display elements out of a payload whose protected header comes to stand where
 * people look for it (RFC 9788 section 4.5.3): else they would read all of that twice. */
#ifndef SMIME_LEGACY_DISPLAY_REMOVE_H
#define SMIME_LEGACY_DISPLAY_REMOVE_H

#include <stdbool.h>

#include "layer.h"

#define LEGACY_DISPLAY_TEXT_BYTES 65536                /* in which the element of a text must end */
#define LEGACY_DISPLAY_HTML_BYTES ((size_t)256 * 1024) /* of all HTML of an entity; more stays */

/* *out: a copy of `entity`, which nothing signs any more, without the elements of its main parts
 * (main_parts.h) and their marks. Only in parts that are marked, and only where each line is one of
 * the fields in `shown`: a reader loses nothing. Of text/plain these are the lines before the first
 * empty one, of text/html what legacy_html.h finds. All else stays to the byte.
 *
 * SMIME_OK with *done_out telling whether there was one; if not, `out` is empty. SMIME_ERROR for an
 * error of ours. */
enum smime_status legacy_display_remove(const struct view *entity, const struct header *shown,
                                        const struct smime_limits *limits,
                                        const struct smime_progress *progress, struct entity *out,
                                        bool *done_out, char **why);

#endif
