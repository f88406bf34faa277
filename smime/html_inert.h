/* HTML made inert: what is left of it shows text, loads nothing, runs nothing and leads nowhere.
 *
 * For decrypted text that could have been altered on its way: an element that loads something would
 * carry the text around it to whoever altered it (Efail, "direct exfiltration" and "CBC gadgets").
 * libxml2 reads the HTML; what is written is made of a fixed list of elements and attributes, none
 * of which takes an address, and of escaped text. */
#ifndef SMIME_HTML_INERT_H
#define SMIME_HTML_INERT_H

#include "entity.h"

/* libxml2 looks through all attributes of a tag for each further one, and through all open elements
 * for each tag: these two keep what a stranger can have it do below about a second. */
#define HTML_INERT_MAX_BYTES ((size_t)256 * 1024)
#define HTML_INERT_MAX_DEPTH 256 /* elements inside each other */

#define HTML_INERT_MAX_LINK 300 /* characters of a link's address that are shown */

/* Append the inert form of the `length` bytes of UTF-8 at `html` to `out`: a whole document, in
 * ASCII, with CRLF lines. Where a link led is written behind its text, as
 * "[https[:]//example[.]com]", which no program takes for a link; of a picture its alternative text
 * is left, likewise in brackets. SMIME_REFUSED, with a sentence and nothing appended, where it is
 * over a ceiling. SMIME_ERROR: memory or the spool. Thread-safe. */
enum smime_status html_inert(const char *html, size_t length, struct spool *out, char **why);

#endif
