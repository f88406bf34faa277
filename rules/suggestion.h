/* The known name that somebody probably meant. Internal to rules/. */
#ifndef RULES_SUGGESTION_H
#define RULES_SUGGESTION_H

#include <stddef.h>

/* The closest of `names` to the unknown `word`, or NULL when none is close. */
const char *suggestion_for(const char *word, const char *const *names, size_t count);

#endif
