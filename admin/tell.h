/* What smimectl tells an administrator: sentences on standard error, and text from outside made
 * harmless for a terminal. */
#ifndef ADMIN_TELL_H
#define ADMIN_TELL_H

#include <stddef.h>
#include <stdio.h>

/* "smimectl: sentence" on standard error. Control characters are written as \xNN, so what comes
 * from a certificate or a message cannot drive the terminal. */
void tell_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "smimectl: sentence" of something noteworthy that is no failure. */
void tell_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What to do next, indented under the error before it. */
void tell_next(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `text` for a terminal in the locale of the process: bytes that are no printable characters, and
 * characters that reverse or hide others, are written as \xNN. A new string (free()), NULL when out
 * of memory. *columns_out (may be NULL) is its width on the terminal. */
char *tell_escape(const char *text, size_t *columns_out);

/* Write `text` escaped; a NULL text is written as "-". */
void tell_text(FILE *out, const char *text);

#endif
