/* The text of reports. */
#include "report_text.h"

#include <stdlib.h>
#include <string.h>

#include "text_template.h"
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

char *report_text_load(const char *path, char **why)
{
    char *text;
    const char *end;
    if (path[0] == '\0') {
        text = strdup(built_in);
        if (text == NULL)
            why_set(why, "out of memory");
        return text;
    }
    text = text_template_read(path, why);
    end = text != NULL ? strchr(text, '\n') : NULL;
    if (text == NULL ||
        (strncmp(text, subject_name, strlen(subject_name)) == 0 && end != NULL && end[1] == '\n'))
        return text;
    why_set(why, "%s must begin with a line \"Subject: ...\" and an empty line", path);
    free(text);
    return NULL;
}

int report_text_fill(const char *template_text, const struct report_words *words,
                     struct report_text *out)
{
    const struct template_word known[] = {
        {"host", words->host},
        {"sender", words->sender},
        {"subject", words->subject},
        {"recipients_de", words->recipients_de},
        {"recipients_en", words->recipients_en},
    };
    const size_t count = sizeof known / sizeof *known;
    const char *subject = template_text + strlen(subject_name);
    const char *end = strchr(subject, '\n');
    out->subject = text_template_fill(subject, (size_t)(end - subject), known, count);
    out->body = text_template_fill(end + 2, strlen(end + 2), known, count);
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
