/* The text of reports. */
#include "report_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "why.h"

static const char built_in[] =
    "Subject: Nicht zugestellt / Not delivered: {subject}\n"
    "\n"
    "Guten Tag,\n"
    "\n"
    "Ihre Nachricht \"{subject}\" wurde an die folgenden Empfänger nicht zugestellt.\n"
    "Alle anderen Empfänger haben sie erhalten.\n"
    "\n"
    "{recipients_de}\n"
    "\n"
    "Wenn Sie Fragen haben, wenden Sie sich bitte an den Postmaster von {host}.\n"
    "\n"
    "-- \n"
    "\n"
    "Hello,\n"
    "\n"
    "your message \"{subject}\" was not delivered to the following recipients.\n"
    "All other recipients have been sent it.\n"
    "\n"
    "{recipients_en}\n"
    "\n"
    "If you have questions, please ask the postmaster of {host}.\n";

static const char subject_name[] = "Subject: ";

const char *report_text_built_in(void)
{
    return built_in;
}

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
    char *text = malloc(REPORT_TEXT_MAX_BYTES + 2);
    size_t length;
    if (in == NULL || text == NULL) {
        why_set(why, "cannot read %s: %m", path);
        goto fail;
    }
    length = fread(text, 1, REPORT_TEXT_MAX_BYTES + 1, in);
    if (ferror(in)) {
        why_set(why, "cannot read %s: %m", path);
        goto fail;
    }
    if (length > REPORT_TEXT_MAX_BYTES) {
        why_set(why, "%s is larger than %d bytes", path, REPORT_TEXT_MAX_BYTES);
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

char *report_text_load(const char *path, char **why)
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

static const char *word(const struct report_words *words, const char *name, size_t length)
{
    const struct {
        const char *name;
        const char *value;
    } known[] = {
        {"host", words->host},
        {"sender", words->sender},
        {"subject", words->subject},
        {"recipients_de", words->recipients_de},
        {"recipients_en", words->recipients_en},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == length && strncmp(known[i].name, name, length) == 0)
            return known[i].value;
    return NULL;
}

/* What is put in is not looked at again. */
static char *fill(const char *text, size_t length, const struct report_words *words)
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
            close != NULL ? word(words, text + 1, (size_t)(close - text - 1)) : NULL;
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

int report_text_fill(const char *template_text, const struct report_words *words,
                     struct report_text *out)
{
    const char *subject = template_text + strlen(subject_name);
    const char *end = strchr(subject, '\n');
    out->subject = fill(subject, (size_t)(end - subject), words);
    out->body = fill(end + 2, strlen(end + 2), words);
    if (out->subject != NULL && out->body != NULL)
        return 0;
    report_text_clear(out);
    return -1;
}

void report_text_clear(struct report_text *text)
{
    free(text->subject);
    free(text->body);
    *text = (struct report_text){0};
}
