/* Texts with words to be put in. */
#include "text_template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "why.h"

/* UTF-8, but for the line ends, which are no printable characters. */
static bool is_text(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n\t");
        if (!utf8_is_printable(text, length))
            return false;
        text += length + (text[length] != '\0');
    }
    return true;
}

static char *read_file(const char *path, char **why)
{
    FILE *in = fopen(path, "re");
    char *text = malloc(TEXT_TEMPLATE_MAX_BYTES + 2);
    size_t length;
    if (in == NULL || text == NULL) {
        why_set(why, "cannot read %s: %m", path);
        goto fail;
    }
    length = fread(text, 1, TEXT_TEMPLATE_MAX_BYTES + 1, in);
    if (ferror(in)) {
        why_set(why, "cannot read %s: %m", path);
        goto fail;
    }
    if (length > TEXT_TEMPLATE_MAX_BYTES) {
        why_set(why, "%s is larger than %d bytes", path, TEXT_TEMPLATE_MAX_BYTES);
        goto fail;
    }
    text[length] = '\0';
    if (strlen(text) == length) {
        fclose(in);
        return text;
    }
    why_set(why, "%s has NUL bytes", path);
fail:
    if (in != NULL)
        fclose(in);
    free(text);
    return NULL;
}

/* Windows' line ends become ours. */
static void drop_carriage_returns(char *text)
{
    char *put = text;
    for (const char *p = text; *p != '\0'; p++)
        if (p[0] != '\r' || p[1] != '\n')
            *put++ = *p;
    *put = '\0';
}

char *text_template_read(const char *path, char **why)
{
    char *text = read_file(path, why);
    if (text == NULL)
        return NULL;
    drop_carriage_returns(text);
    if (is_text(text))
        return text;
    why_set(why, "%s is not UTF-8 text", path);
    free(text);
    return NULL;
}

static const char *word(const struct template_word *words, size_t count, const char *name,
                        size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i].name) == length && strncmp(words[i].name, name, length) == 0)
            return words[i].value;
    return NULL;
}

/* The value of the word that stands at `text`, and where that ends; NULL: there is none. */
static const char *word_at(const char *text, const char *end, const struct template_word *words,
                           size_t count, const char **end_out)
{
    const char *close = *text == '{' ? memchr(text, '}', (size_t)(end - text)) : NULL;
    *end_out = close != NULL ? close + 1 : NULL;
    return close != NULL ? word(words, count, text + 1, (size_t)(close - text - 1)) : NULL;
}

static void put_filled(FILE *out, const char *text, size_t length,
                       const struct template_word *words, size_t count)
{
    const char *end = text + length;
    const char *behind;
    while (text < end) {
        const char *value = word_at(text, end, words, count, &behind);
        if (value != NULL) {
            fputs(value, out);
            text = behind;
        } else {
            putc(*text++, out);
        }
    }
}

static bool lacks_a_word(const char *text, size_t length, const struct template_word *words,
                         size_t count)
{
    const char *end = text + length;
    const char *behind;
    for (; text < end; text++) {
        const char *value = word_at(text, end, words, count, &behind);
        if (value != NULL && value[0] == '\0')
            return true;
    }
    return false;
}

char *text_template_fill(const char *text, size_t length, const struct template_word *words,
                         size_t count)
{
    char *filled = NULL;
    size_t filled_length = 0;
    FILE *out = open_memstream(&filled, &filled_length);
    if (out == NULL)
        return NULL;
    put_filled(out, text, length, words, count);
    if (fclose(out) == 0)
        return filled;
    free(filled);
    return NULL;
}

char *text_template_fill_lines(const char *text, const struct template_word *words, size_t count)
{
    char *filled = NULL;
    size_t filled_length = 0;
    FILE *out = open_memstream(&filled, &filled_length);
    if (out == NULL)
        return NULL;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        length += text[length] == '\n';
        if (!lacks_a_word(text, length, words, count))
            put_filled(out, text, length, words, count);
        text += length;
    }
    if (fclose(out) == 0)
        return filled;
    free(filled);
    return NULL;
}
