/* The value of an unstructured header field, as a Subject: between how it stands in a message and
 * the words that people see (RFC 5322 section 2.2.3, RFC 2047). */
#ifndef SMIME_UNSTRUCTURED_H
#define SMIME_UNSTRUCTURED_H

/* Unfolded, encoded words decoded, valid UTF-8. A new string for g_free(); NULL out of memory. */
char *unstructured_decode(const char *value);

/* The UTF-8 `text` as a value: with a leading blank, encoded where it is not ASCII, folded as far
 * as blanks allow. A new string for free(); NULL out of memory. */
char *unstructured_encode(const char *text);

#endif
