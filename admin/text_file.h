/* A whole file as text: lists of mailboxes, maps. It may hold passwords, so it is wiped. */
#ifndef ADMIN_TEXT_FILE_H
#define ADMIN_TEXT_FILE_H

#include <stddef.h>

#define TEXT_FILE_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct text_file {
    char *text; /* NUL-terminated; NUL may also stand inside */
    size_t length;
    size_t room;
};

/* Read all of `path` ("-" is standard input), or all that a descriptor gives until `timeout_s` have
 * passed (0: wait for ever). Return 0, or -1 with a sentence; `what` names the source in it. */
int text_file_read(const char *path, struct text_file *out, char **why);
int text_file_drain(int descriptor, const char *what, int timeout_s, struct text_file *out,
                    char **why);
void text_file_clear(struct text_file *file);

#endif
