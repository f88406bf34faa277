/* Words of command at the beginning of a Subject. */
#include "lead_words.h"

#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "field_text.h"
#include "gmime_start.h"

#define MAX_ACCENTS 16 /* of one letter */

/* Spellings that differ in case or in how accents are written fold to the same. */
static char *fold(const char *text, gssize bytes)
{
    char *normal = g_utf8_normalize(text, bytes, G_NORMALIZE_ALL);
    char *folded = normal != NULL ? g_utf8_casefold(normal, -1) : NULL;
    char *out = folded != NULL ? g_utf8_normalize(folded, -1, G_NORMALIZE_ALL) : NULL;
    g_free(normal);
    g_free(folded);
    return out;
}

static const char *skip_blanks(const char *text)
{
    while (*text != '\0' && g_unichar_isspace(g_utf8_get_char(text)))
        text = g_utf8_next_char(text);
    return text;
}

/* Would the word go on here? "[sign]x" has the word, "signature" has not. */
static bool goes_on(const char *last, const char *next)
{
    return g_unichar_isalnum(g_utf8_get_char(last)) && *next != '\0' &&
           g_unichar_isalnum(g_utf8_get_char(next));
}

/* Behind the word that folds to `folded`, if `text` begins with it; else NULL. Characters and
 * folded bytes do not go together one by one, so the beginnings of `text` are tried as they grow.
 */
static const char *behind_word(const char *text, const char *folded)
{
    const char *at = text;
    while (*at != '\0') {
        const char *last = at;
        char *begin;
        bool same;
        bool begins;
        at = g_utf8_next_char(at);
        /* A letter and the accents that follow it are one. Putting many of them in order takes GLib
         * the square of their number, and no word has them. */
        for (size_t i = 0; *at != '\0' && g_unichar_combining_class(g_utf8_get_char(at)) != 0;
             i++) {
            if (i == MAX_ACCENTS)
                return NULL;
            at = g_utf8_next_char(at);
        }
        begin = fold(text, at - text);
        if (begin == NULL)
            return NULL;
        same = strcmp(begin, folded) == 0;
        begins = strncmp(begin, folded, strlen(begin)) == 0;
        g_free(begin);
        if (same)
            return goes_on(last, at) ? NULL : at;
        if (!begins)
            return NULL;
    }
    return NULL;
}

/* Behind all words that `text` begins with. */
static const char *skip_words(const char *text, char *const *folded, size_t count, bool *found)
{
    const char *rest = skip_blanks(text);
    size_t taken = 0;
    for (size_t i = 0; i < count && taken < LEAD_WORDS_MAX;) {
        const char *next = folded[i] != NULL ? behind_word(rest, folded[i]) : NULL;
        if (next == NULL) {
            i++;
            continue;
        }
        found[i] = true;
        rest = skip_blanks(next);
        taken++;
        i = 0;
    }
    return rest;
}

static void free_all(char **items, size_t count)
{
    for (size_t i = 0; items != NULL && i < count; i++)
        g_free(items[i]);
    free(items);
}

int lead_words_take(const char *value, const char *const *words, size_t count, bool *found_out,
                    char **rest_out)
{
    char **folded;
    char *text;
    const char *rest;
    int rc = -1;
    *rest_out = NULL;
    if (value == NULL || count == 0)
        return 0;
    gmime_start();
    folded = calloc(count, sizeof *folded);
    text = field_text_read(value);
    if (folded == NULL || text == NULL)
        goto out;
    for (size_t i = 0; i < count; i++)
        if (words[i][0] != '\0')
            folded[i] = fold(words[i], -1);
    rest = skip_words(text, folded, count, found_out);
    if (rest != skip_blanks(text)) {
        *rest_out = field_text_write(rest);
        if (*rest_out == NULL)
            goto out;
    }
    rc = 0;
out:
    free_all(folded, count);
    free(text);
    return rc;
}
