/* Files with keys, and their passwords. */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "why.h"
#include "write_all.h"

#define MIN_PASSWORD_BYTES 8 /* nothing but it protects the file */

int private_file_write(const char *path, const unsigned char *bytes, size_t length, char **why)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        why_set(why, "%s cannot be made: %s", path, strerror(errno));
        return -1;
    }
    int rc = fchmod(descriptor, 0600) || write_all(descriptor, bytes, length) || fsync(descriptor);
    int fault = errno;
    if (close(descriptor) && !rc) {
        fault = errno;
        rc = -1;
    }
    if (rc) {
        why_set(why, "%s cannot be written: %s", path, strerror(fault));
        unlink(path);
        return -1;
    }
    return 0;
}

int private_file_password(const struct arguments *arguments, const char *path, struct password *out,
                          char **why)
{
    const char *file = argument_value(arguments, OPTION_PASSWORD_FILE);
    if (file ? password_from_file(file, out, why) : password_new_from_terminal(path, out, why)) {
        return -1;
    }
    if (strlen(out->text) < MIN_PASSWORD_BYTES) {
        why_set(why, "the password has less than %d characters, and nothing else protects the file",
                MIN_PASSWORD_BYTES);
        return -1;
    }
    return 0;
}
