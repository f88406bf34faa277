/* The text of unstructured header fields (Subject, Comments, Keywords: RFC 5322 section 2.2.1), and
 * field values that can be copied from one header to another. */
#ifndef SMIME_FIELD_TEXT_H
#define SMIME_FIELD_TEXT_H

#include <stdbool.h>

/* The value for people: unfolded (RFC 5322 section 2.2.3), decoded (RFC 2047), valid UTF-8. A new
 * string; NULL when out of memory. */
char *field_text_read(const char *value);

/* The value of a field with this text (UTF-8): with a leading blank, folded, encoded where it is
 * not ASCII. A new string; NULL when out of memory. */
char *field_text_write(const char *text);

/* `value` (with its leading blank, folds as CRLF) as it can stand anywhere: no blanks at line ends,
 * no lines of blanks only, blanks for control characters. A new string; NULL when out of memory. */
char *field_text_tidy(const char *value);

/* Are two values the same but for their folding and blanks? */
bool field_text_same(const char *a, const char *b);

/* Are all its lines ASCII and of at most 998 octets, the first one together with `name` and its
 * colon (RFC 5322 section 2.1.1)? */
bool field_text_is_clean(const char *name, const char *value);

#endif
