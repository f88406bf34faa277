/* Words of lists as main.cf has them. */
#include "restrictions.h"

#include <string.h>

#define SEPARATORS ", \t\r\n"

size_t restrictions_next(const char **at, const char **word_out)
{
    *word_out = *at + strspn(*at, SEPARATORS);
    size_t length = strcspn(*word_out, SEPARATORS);
    *at = *word_out + length;
    return length;
}

bool restrictions_have(const char *list, const char *word)
{
    const char *found;
    size_t length;
    while ((length = restrictions_next(&list, &found)) > 0) {
        if (length == strlen(word) && !strncmp(found, word, length)) {
            return true;
        }
    }
    return false;
}

bool restriction_permits(const char *word, size_t length)
{
    return length >= strlen("permit") && !strncmp(word, "permit", strlen("permit"));
}
