/* Texts of the mail that smimed writes: built in, or from the administrator's files. */
#ifndef DAEMON_MAIL_TEMPLATE_H
#define DAEMON_MAIL_TEMPLATE_H

#include "text_template.h"

struct mail_text {
    char *subject; /* one line, UTF-8 */
    char *body;    /* UTF-8, LF line ends */
};

/* Read the file `path` ("": take `built_in`). Its first line is "Subject: ...", an empty line
 * follows. A new string (free()); NULL with *why when it cannot be read, is too large, is not UTF-8
 * or has no subject. */
char *mail_template_load(const char *path, const char *built_in, char **why);

/* The text with its words put in. Names that are not known stay. Returns 0 with *out filled
 * (mail_text_clear()), -1 out of memory. */
int mail_template_fill(const char *template_text, const struct template_word *words, size_t count,
                       struct mail_text *out);
void mail_text_clear(struct mail_text *text);

#endif
