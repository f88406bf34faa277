/* A password on the first line of a file of its own. */
#include "password_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sys/stat.h>

#include "why.h"

/* Room for the line end, and for one byte more that tells a longer line. */
#define READ_BYTES (PASSWORD_FILE_MAX_BYTES + 3)

static int check_file(const char *path, int file, char **why)
{
    struct stat about;

    if (fstat(file, &about) != 0) {
        why_set(why, "%s cannot be examined: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(about.st_mode)) {
        why_set(why, "%s is not a regular file", path);
        return -1;
    }
    if (about.st_mode & (S_IRWXO | S_IWGRP)) {
        why_set(why, "%s is open to others (mode %04o): chmod o=,g-w %s", path,
                (unsigned)(about.st_mode & 07777), path);
        return -1;
    }
    return 0;
}

/* Cut `text` behind its first line. Returns 0, -1 with a sentence. */
static int first_line(const char *path, char *text, size_t length, char **why)
{
    char *end = memchr(text, '\n', length);
    size_t line = end ? (size_t)(end - text) : length;

    if (line > 0 && text[line - 1] == '\r')
        line--; /* a file written on Windows */
    if (line == 0) {
        why_set(why, "the first line of %s is empty", path);
        return -1;
    }
    if (line > PASSWORD_FILE_MAX_BYTES) {
        why_set(why, "the first line of %s is longer than %d bytes", path, PASSWORD_FILE_MAX_BYTES);
        return -1;
    }
    if (memchr(text, '\0', line)) {
        why_set(why, "the first line of %s has a NUL byte", path);
        return -1;
    }
    text[line] = '\0';
    return 0;
}

char *password_file_read(const char *path, char **why)
{
    char text[READ_BYTES + 1] = "";
    char *password = NULL;
    size_t length = 0;
    ssize_t got;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file < 0) {
        why_set(why, "%s cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    if (check_file(path, file, why) != 0)
        goto out;
    while (length < READ_BYTES && (got = read(file, text + length, READ_BYTES - length)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            why_set(why, "%s cannot be read: %s", path, strerror(errno));
            goto out;
        }
        length += (size_t)got;
    }
    if (first_line(path, text, length, why) != 0)
        goto out;
    password = strdup(text);
    if (!password)
        why_set(why, "out of memory");

out:
    OPENSSL_cleanse(text, sizeof text);
    close(file);
    return password;
}

void password_free(char **password)
{
    if (*password)
        OPENSSL_cleanse(*password, strlen(*password));
    free(*password);
    *password = NULL;
}
