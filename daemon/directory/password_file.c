/* Reading a password from its file. */
#include "password_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "why.h"

/* All of the file, up to `room` bytes. -1 with errno. */
static ssize_t read_all(int descriptor, char *buffer, size_t room)
{
    size_t length = 0;
    while (length < room) {
        ssize_t got = read(descriptor, buffer + length, room - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

static char *read_line(int descriptor, const char *path, char **why)
{
    char buffer[PASSWORD_FILE_MAX_BYTES + 1];
    char *password = NULL;
    ssize_t length = read_all(descriptor, buffer, sizeof buffer);
    if (length < 0)
        why_set(why, "%s cannot be read: %s", path, strerror(errno));
    else if (length > PASSWORD_FILE_MAX_BYTES)
        why_set(why, "%s has more than %d bytes", path, PASSWORD_FILE_MAX_BYTES);
    else if (memchr(buffer, '\0', (size_t)length) != NULL)
        why_set(why, "%s has NUL bytes", path);
    else {
        buffer[length] = '\0';
        buffer[strcspn(buffer, "\r\n")] = '\0';
        password = strdup(buffer);
        if (password == NULL)
            why_set(why, "out of memory");
    }
    OPENSSL_cleanse(buffer, sizeof buffer);
    return password;
}

char *password_file_read(const char *path, char **why)
{
    struct stat status;
    char *password = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        why_set(why, "%s cannot be opened: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        why_set(why, "%s is not a regular file", path);
    else if ((status.st_mode & S_IRWXO) != 0)
        why_set(why, "%s is open to everybody (mode %04o): chmod o= %s", path,
                (unsigned)(status.st_mode & 07777), path);
    else
        password = read_line(descriptor, path, why);
    if (descriptor >= 0)
        close(descriptor);
    return password;
}

void password_free(char **password)
{
    if (*password != NULL)
        OPENSSL_cleanse(*password, strlen(*password));
    free(*password);
    *password = NULL;
}
