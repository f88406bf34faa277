/* Lists of words in Postfix parameters: restrictions, options, maps. */
#ifndef ADMIN_RESTRICTIONS_H
#define ADMIN_RESTRICTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Has the list, between commas and blanks, this word? */
bool restrictions_have(const char *list, const char *word);

/* The next word of a list from *at on, which is moved behind it; its length, 0 at the end. */
size_t restrictions_next(const char **at, const char **word_out);

/* Is `word` one of the names of restrictions that let a client or a sender through? */
bool restriction_permits(const char *word, size_t length);

#endif
