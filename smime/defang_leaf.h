/* One part that does not consist of others, written so that nothing in it is active. */
#ifndef SMIME_DEFANG_LEAF_H
#define SMIME_DEFANG_LEAF_H

#include "layer.h"
#include "media_type.h"

/* Each appends the part in `view`, header and body, to `out`: SMIME_OK or SMIME_ERROR. */

/* By its type: text, HTML, a picture, or a file. `html_left`: bytes of HTML that may still be read
 * for this message; becomes less. */
enum smime_status defang_leaf(const struct view *view, const struct media_type *media,
                              size_t *html_left, struct spool *out, char **why);

/* As plain text, whatever it is. */
enum smime_status defang_as_text(const struct view *view, const struct media_type *media,
                                 struct spool *out, char **why);

/* As a file of no type. */
enum smime_status defang_as_file(const struct view *view, const struct media_type *media,
                                 struct spool *out, char **why);

/* The name under which a file is delivered, for `name` as it came (NULL: none): without directories
 * and control characters, with ".txt" behind it where a program would show it or open it as a web
 * page or a message. A new string of UTF-8, NULL out of memory. */
char *defang_name(const char *name);

#endif
