/* Texts with words to be put in, "{host}", as an administrator may write them. */
#ifndef DAEMON_TEXT_TEMPLATE_H
#define DAEMON_TEXT_TEMPLATE_H

#include <stddef.h>

#define TEXT_TEMPLATE_MAX_BYTES 65536 /* of a file */

struct template_word {
    const char *name; /* "host" */
    const char *value;
};

/* Read the file `path`: UTF-8, CRLF becomes LF. A new string (free()); NULL with *why when it
 * cannot be read, is too large or is no such text. */
char *text_template_read(const char *path, char **why);

/* The `length` bytes at `text` with the words put in. Names that are not known stay; what is put in
 * is not looked at again. A new string, NULL out of memory. */
char *text_template_fill(const char *text, size_t length, const struct template_word *words,
                         size_t count);

/* The same, without the lines that have a word whose value is "". */
char *text_template_fill_lines(const char *text, const struct template_word *words, size_t count);

#endif
