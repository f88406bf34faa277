/* A MIME entity whose text could have been altered on its way, written anew so that nothing in it
 * is active (Efail; RFC 8551 section 6 on unauthenticated encryption).
 *
 * What a mail program would show by itself is text, inert HTML (html_inert.h) and the common kinds
 * of pictures. All else becomes a file of a type that says nothing (application/octet-stream,
 * attachment), under a name that leads no program to show it or to open it as a web page. The
 * structure is written anew as well, with our boundaries and header fields, so that it does not
 * matter whether another program would have seen other parts. */
#ifndef SMIME_DEFANG_H
#define SMIME_DEFANG_H

#include "layer.h"

#define DEFANG_MAX_DEPTH 16 /* of parts inside each other; what is deeper becomes a file */

/* Of all HTML of one message together: what is beyond is shown as its source. */
#define DEFANG_MAX_HTML_BYTES ((size_t)1024 * 1024)

/* Append the inert form of the entity in `content` to `out`: its header (Content-* fields only), an
 * empty line, its body. Memory does not grow with the content, but for HTML. SMIME_OK or
 * SMIME_ERROR. */
enum smime_status defang(const struct view *content, const struct smime_limits *limits,
                         const struct smime_progress *progress, struct spool *out, char **why);

#endif
