/* New files for one person's eyes, and the passwords that protect what leaves the store. */
#ifndef ADMIN_PRIVATE_FILE_H
#define ADMIN_PRIVATE_FILE_H

#include <stddef.h>

#include "arguments.h"
#include "password.h"

/* Write a new file, for its owner only. A file that is there already is never overwritten: it may
 * be somebody's only copy of a key, or a link that leads elsewhere. Returns 0, -1 with *why. */
int private_file_write(const char *path, const unsigned char *bytes, size_t length, char **why);

/* The password for the file `path`: from --password-file, else asked for twice. Too short a one is
 * refused, because nothing else protects such a file. Returns 0 (password_clear()), -1 with *why.
 */
int private_file_password(const struct arguments *arguments, const char *path, struct password *out,
                          char **why);

#endif
