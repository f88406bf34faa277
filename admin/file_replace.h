/* Replacing a file of the administrator's: in one step, with what he gave it kept. */
#ifndef ADMIN_FILE_REPLACE_H
#define ADMIN_FILE_REPLACE_H

#include <stddef.h>

#define BACKUP_SUFFIX ".bak"

/* A lock on the folder of a file, which lasts as long as the process has it; a file that is
 * replaced cannot be locked itself. Waits for another smimectl. Returns its descriptor (close()),
 * -1 with *why. */
int folder_lock(const char *path, char **why);

struct replacement {
    const char *path; /* without symbolic links */
    const char *before;
    size_t before_length;
    const char *after;
    size_t after_length;
};

/* Replace the file at `path`, which has to have `before` still, by `after`; `before` goes to
 * `path`.bak. Owner, group, mode and extended attributes (ACL, SELinux label) stay. On a crash or a
 * full disk the file is the old or the new one as a whole. Returns 0; -1 with *why, and the
 * file unchanged unless *why says otherwise. */
int file_replace(const struct replacement *replacement, char **why);

#endif
