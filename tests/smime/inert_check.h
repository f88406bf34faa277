/* Is something inert? Asked of check_inert.py, which shares no code with what made it. */
#ifndef TESTS_SMIME_INERT_CHECK_H
#define TESTS_SMIME_INERT_CHECK_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is the text, HTML or a message by `suffix` (".html", ".eml"), inert? */
static inline bool inert_check(const char *text, size_t length, const char *suffix)
{
    char path[64] = "/tmp/inert.XXXXXX";
    char command[160];
    FILE *file;
    int fd;
    int status;
    strcat(path, suffix);
    fd = mkstemps(path, (int)strlen(suffix));
    ck_assert_int_ge(fd, 0);
    file = fdopen(fd, "w");
    ck_assert(file != NULL && fwrite(text, 1, length, file) == length);
    ck_assert_int_eq(fclose(file), 0);
    snprintf(command, sizeof command, "python3 tests/smime/check_inert.py %s", path);
    status = system(command);
    unlink(path);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) < 2, "%s", command);
    return WEXITSTATUS(status) == 0;
}

#endif
