/* Tags in a Subject ("[signed]"), whatever its encoding (RFC 2047). */
#ifndef SMIME_SUBJECT_H
#define SMIME_SUBJECT_H

#include <stddef.h>

/* `value` (of a Subject field; NULL: none) without any of the `count` texts in `strip`, and with
 * `prefix` ("[signed] "; may be "") in front. A tag is found in any encoding, folded or not; case,
 * blanks and accents in it do not matter, full-width and other square brackets are brackets.
 * (Letters of other scripts that only look alike are not found.) A new string with a leading blank,
 * encoded where it is not ASCII; the original spelling is kept when there was nothing to strip and
 * the prefix is ASCII. NULL when out of memory. */
char *subject_tag(const char *value, const char *const *strip, size_t count, const char *prefix);

/* The words of a Subject field for people: decoded, one line of UTF-8 without control characters,
 * cut to about `max_bytes`. A new string; "" where there is none. NULL when out of memory. */
char *subject_words(const char *value, size_t max_bytes);

/* The same of a text that is no field: nothing in it is decoded. */
char *subject_line(const char *text, size_t max_bytes);

#endif
