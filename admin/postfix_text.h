/* The text that Postfix maps are made from (postmap(1)). */
#ifndef ADMIN_POSTFIX_TEXT_H
#define ADMIN_POSTFIX_TEXT_H

#include <stddef.h>

/* Returns 0, -1 out of memory. Key and value are borrowed; the value may be empty. */
typedef int postfix_pair_function(void *context, const char *key, const char *value, size_t line);

/* Hand every pair of `text` to `take`. Lines that are empty or begin with "#" are passed over, ones
 * that begin with a blank continue the line before, and a key in quotes may have blanks. `text` is
 * written to, up to and with the NUL at text[length]. Returns 0, or -1 with a sentence: a NUL in
 * the text, or what `take` returned. */
int postfix_text_read(char *text, size_t length, postfix_pair_function *take, void *context,
                      char **why);

/* The bytes of the word at `text`: up to a blank, one of `more`, or the end, unless in quotes. */
size_t postfix_word_bytes(const char *text, const char *more);

#endif
