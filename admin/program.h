/* Running a program of the MTA: without a shell, and not for ever. */
#ifndef ADMIN_PROGRAM_H
#define ADMIN_PROGRAM_H

#include "text_file.h"

/* Run argv[0], looked for in PATH and then in /usr/sbin, with no standard input, and wait for its
 * end, at most `timeout_s` seconds; then it is killed. Returns 0 when it ended with status 0 and
 * what it wrote on standard output is in *out (text_file_clear()); -1 with *why, which has the last
 * line that it complained with. */
int program_run(const char *const *argv, int timeout_s, struct text_file *out, char **why);

#endif
