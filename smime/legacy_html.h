/* The legacy display element in HTML: a <div> of its own class (RFC 9788 sections 4.5.3.3 and
 * 5.2.3), found so strictly that the HTML without it is what any program shows but for that. */
#ifndef SMIME_LEGACY_HTML_H
#define SMIME_LEGACY_HTML_H

#include <stddef.h>

/* libxml2 looks through all attributes of a tag for each further one, and through all open elements
 * for each tag: what is above either is not looked at, so that a stranger's HTML takes a second at
 * most. */
#define LEGACY_HTML_MAX_BYTES ((size_t)128 * 1024)
#define LEGACY_HTML_MAX_DEPTH 256

/* Look for the element in the `length` bytes at `html` (with a NUL behind), in this character set
 * (NULL: us-ascii). It counts where its class is there once, nothing is in it but text, line breaks
 * and emphasis, and libxml2 finds the same elements and text in what is left, and no other.
 *
 * Returns 1 with its bytes at [*from_out, *to_out) and its lines in *lines_out (UTF-8, LF; free());
 * 0 when there is none; -1 out of memory. Thread-safe. */
int legacy_html_find(const char *html, size_t length, const char *charset, size_t *from_out,
                     size_t *to_out, char **lines_out);

#endif
