/* `smimed -t`: everything that can be wrong before the first message comes. */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include <stdio.h>

#include "problems.h"

/* Check the configuration and what it names. Every mistake goes to `errors` as a line
 * "file:line: what is wrong"; what was checked goes to `out`. Gives up the privileges of the
 * process: the store is opened as the user that smimed runs as. Returns 0 when all is well, 1. */
int check_run(const char *config_path, FILE *out, FILE *errors);

/* Write all problems as lines, and release them. */
void check_print_problems(struct problems *problems, FILE *errors);

#endif
