/* Texts of the mail that smimed writes, and what is put into them. */
#include "mail_template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "why.h"

static const char subject_name[] = "Subject: ";

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
    char *text = malloc(MAIL_TEMPLATE_MAX_BYTES + 2);
    size_t length;
    if (in == NULL || text == NULL) {
        why_set(why, "cannot read %s: %m", path);
        goto fail;
    }
    length = fread(text, 1, MAIL_TEMPLATE_MAX_BYTES + 1, in);
    if (ferror(in)) {
        why_set(why, "cannot read %s: %m", path);
        goto fail;
    }
    if (length > MAIL_TEMPLATE_MAX_BYTES) {
        why_set(why, "%s is larger than %d bytes", path, MAIL_TEMPLATE_MAX_BYTES);
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

char *mail_template_load(const char *path, const char *built_in, char **why)
{
    char *text = path[0] != '\0' ? read_file(path, why) : strdup(built_in);
    const char *end;
    if (text == NULL) {
        if (path[0] == '\0')
            why_set(why, "out of memory");
        return NULL;
    }
    drop_carriage_returns(text);
    end = strchr(text, '\n');
    if (strncmp(text, subject_name, strlen(subject_name)) != 0 || end == NULL || end[1] != '\n')
        why_set(why, "%s must begin with a line \"Subject: ...\" and an empty line", path);
    else if (!is_text(text))
        why_set(why, "%s is not UTF-8 text", path);
    else
        return text;
    free(text);
    return NULL;
}

static const char *value_of(const struct template_word *words, size_t count, const char *name,
                            size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i].name) == length && strncmp(words[i].name, name, length) == 0)
            return words[i].value;
    return NULL;
}

/* What is put in is not looked at again. */
static char *fill(const char *text, size_t length, const struct template_word *words, size_t count)
{
    char *filled = NULL;
    size_t filled_length = 0;
    FILE *out = open_memstream(&filled, &filled_length);
    const char *end = text + length;
    if (out == NULL)
        return NULL;
    while (text < end) {
        const char *close = *text == '{' ? memchr(text, '}', (size_t)(end - text)) : NULL;
        const char *value =
            close != NULL ? value_of(words, count, text + 1, (size_t)(close - text - 1)) : NULL;
        if (value != NULL) {
            fputs(value, out);
            text = close + 1;
        } else {
            putc(*text++, out);
        }
    }
    if (fclose(out) != 0) {
        free(filled);
        return NULL;
    }
    return filled;
}

int mail_template_fill(const char *template_text, const struct template_word *words, size_t count,
                       struct mail_text *out)
{
    const char *subject = template_text + strlen(subject_name);
    const char *end = strchr(subject, '\n');
    out->subject = fill(subject, (size_t)(end - subject), words, count);
    out->body = fill(end + 2, strlen(end + 2), words, count);
    if (out->subject != NULL && out->body != NULL)
        return 0;
    mail_text_clear(out);
    return -1;
}

void mail_text_clear(struct mail_text *text)
{
    free(text->subject);
    free(text->body);
    *text = (struct mail_text){0};
}
