/* Words of command at the beginning of a Subject ("[encrypt] Offer"), whatever its encoding
 * (RFC 2047). */
#ifndef SMIME_LEAD_WORDS_H
#define SMIME_LEAD_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define LEAD_WORDS_MAX 32 /* that are taken off one subject; further ones stay */

/* Look which of the `count` words (UTF-8) stand at the very beginning of `value` (of a Subject
 * field; NULL: none), one after the other, with or without blanks between them; case and Unicode
 * composition do not matter. A word that ends in a letter or digit is none where another one
 * follows. found_out[i] is set for each that is there and left alone otherwise. *rest_out: the
 * value without them, with a leading blank, folded, encoded where it is not ASCII; NULL when there
 * is none of them. Returns 0, -1 out of memory. */
int lead_words_take(const char *value, const char *const *words, size_t count, bool *found_out,
                    char **rest_out);

#endif
