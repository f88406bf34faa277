/* The text of reports: built in, or from the administrator's file. */
#ifndef DAEMON_REPORT_TEXT_H
#define DAEMON_REPORT_TEXT_H

#include "mail_template.h"

/* What stands for {host}, {sender}, {subject}, {recipients_de} and {recipients_en}. */
struct report_words {
    const char *host;
    const char *sender;
    const char *subject;
    const char *recipients_de; /* a block of lines */
    const char *recipients_en;
};

/* Read the file `path`, "": the text that is built in; as mail_template_load(). */
char *report_text_load(const char *path, char **why);

/* The text with its words put in; as mail_template_fill(). */
int report_text_fill(const char *template_text, const struct report_words *words,
                     struct mail_text *out);

/* The text that is built in. */
const char *report_text_built_in(void);

#endif
