/* The file of `mailbox activate --from-file`: CSV with the columns address, key, password,
 * certificate and chain. */
#ifndef ADMIN_MAILBOX_FILE_H
#define ADMIN_MAILBOX_FILE_H

#include <stdbool.h>

#include "text_file.h"

struct mailbox_row {
    size_t line;
    char *address;        /* canonical; NULL: `reason` */
    char *key;            /* paths, beside the file unless absolute; NULL: the field is empty */
    char *certificate;    /* NULL: in the file of the key */
    char *chain;          /* NULL: likewise, or none */
    const char *password; /* "" if there is none; borrowed from the file */
    char *reason;         /* why the line cannot be used; why_free() */
};

struct mailbox_file {
    struct mailbox_row *rows;
    size_t count;
    bool open_passwords; /* there are passwords, and everybody may read the file */
    struct text_file text;
};

/* Read all of it ("-" is standard input). Returns 0, or -1 with a sentence that does not name the
 * file. A line that is malformed is a row with a reason. */
int mailbox_file_read(const char *path, struct mailbox_file *out, char **why);

/* Wipes the passwords. */
void mailbox_file_clear(struct mailbox_file *file);

#endif
