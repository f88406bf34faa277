/* The text of reports: built in, or from the administrator's file. */
#ifndef DAEMON_REPORT_TEXT_H
#define DAEMON_REPORT_TEXT_H

#include <stddef.h>

/* What stands for {host}, {sender}, {subject}, {recipients_de} and {recipients_en}. */
struct report_words {
    const char *host;
    const char *sender;
    const char *subject;
    const char *recipients_de; /* a block of lines */
    const char *recipients_en;
};

struct report_text {
    char *subject; /* one line, UTF-8 */
    char *body;    /* UTF-8, LF line ends */
};

/* Read the file `path` ("": the text that is built in). Its first line is "Subject: ...", an empty
 * line follows. A new string (free()); NULL with *why when it cannot be read, is too large, is not
 * UTF-8 or has no subject. */
char *report_text_load(const char *path, char **why);

/* The text with its words put in. Names that are not known stay. Returns 0 with *out filled
 * (report_text_clear()), -1 out of memory. */
int report_text_fill(const char *template_text, const struct report_words *words,
                     struct report_text *out);
void report_text_clear(struct report_text *text);

/* The text that is built in. */
const char *report_text_built_in(void);

#endif
