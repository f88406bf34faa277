/* "did you mean": the edit distance between what was written and what exists. */
#include "suggestion.h"

#include <string.h>

#define WORD_MAX_BYTES 64 /* no name is longer; longer words resemble none */
#define DISTANCE_MAX 3U

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein distance of two words of at most WORD_MAX_BYTES. */
static unsigned distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    unsigned row[WORD_MAX_BYTES + 1];

    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < length; j++) {
            unsigned above = row[j + 1];

            row[j + 1] = least(least(above, row[j]) + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[length];
}

const char *suggestion_for(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = DISTANCE_MAX + 1;
    size_t length = strlen(word);

    if (length > WORD_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned d;

        if (strlen(names[i]) > WORD_MAX_BYTES)
            continue;
        d = distance(word, names[i]);
        /* Of a short word three changes leave nothing. */
        if (d < best_distance && d <= (length + 1) / 3) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
