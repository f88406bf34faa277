/* Texts of the mail that smimed writes, and what is put into them. */
#include "mail_template.h"

#include <stdlib.h>
#include <string.h>

#include "why.h"

static const char subject_name[] = "Subject: ";

char *mail_template_load(const char *path, const char *built_in, char **why)
{
    char *text = path[0] != '\0' ? text_template_read(path, why) : strdup(built_in);
    const char *end;
    if (text == NULL) {
        if (path[0] == '\0')
            why_set(why, "out of memory");
        return NULL;
    }
    end = strchr(text, '\n');
    if (strncmp(text, subject_name, strlen(subject_name)) == 0 && end != NULL && end[1] == '\n')
        return text;
    why_set(why, "%s must begin with a line \"Subject: ...\" and an empty line", path);
    free(text);
    return NULL;
}

int mail_template_fill(const char *template_text, const struct template_word *words, size_t count,
                       struct mail_text *out)
{
    const char *subject = template_text + strlen(subject_name);
    const char *end = strchr(subject, '\n');
    out->subject = text_template_fill(subject, (size_t)(end - subject), words, count);
    out->body = text_template_fill(end + 2, strlen(end + 2), words, count);
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
