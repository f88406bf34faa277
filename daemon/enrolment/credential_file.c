/* Reading the files that settings name. What may be secret is wiped. */
#include "credential_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "why.h"

static int check_file(const char *path, int file, bool secret, char **why)
{
    struct stat about;

    if (fstat(file, &about) != 0) {
        why_set(why, "cannot examine %s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(about.st_mode)) {
        why_set(why, "%s is not a regular file", path);
        return -1;
    }
    if (secret && (about.st_mode & (S_IRWXG | S_IRWXO))) {
        why_set(why, "%s is open to others than its owner (mode %04o): chmod 0600 %s", path,
                (unsigned)(about.st_mode & 07777), path);
        return -1;
    }
    return 0;
}

/* Up to `room` bytes. Returns 0, -1 with errno. */
static int read_all(int file, unsigned char *bytes, size_t room, size_t *length_out)
{
    *length_out = 0;
    while (*length_out < room) {
        ssize_t got = read(file, bytes + *length_out, room - *length_out);

        if (got == 0)
            break;
        if (got > 0)
            *length_out += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

int credential_file_read(const char *path, bool secret, size_t max_bytes, unsigned char **out,
                         size_t *length_out, char **why)
{
    /* One more tells that the file is too large, and one is the NUL. */
    const size_t size = max_bytes + 2;
    unsigned char *bytes = NULL;
    size_t length = 0;
    int rc = -1;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file < 0) {
        why_set(why, "cannot open %s: %s", path, strerror(errno));
        goto out;
    }
    if (check_file(path, file, secret, why) != 0)
        goto out;
    bytes = OPENSSL_zalloc(size);
    if (!bytes) {
        why_set(why, "out of memory");
        goto out;
    }
    if (read_all(file, bytes, max_bytes + 1, &length) != 0) {
        why_set(why, "cannot read %s: %s", path, strerror(errno));
        goto out;
    }
    if (length > max_bytes) {
        why_set(why, "%s has more than %zu bytes", path, max_bytes);
        goto out;
    }
    *out = OPENSSL_memdup(bytes, length + 1);
    if (!*out) {
        why_set(why, "out of memory");
        goto out;
    }
    *length_out = length;
    rc = 0;
out:
    OPENSSL_clear_free(bytes, size);
    if (file >= 0)
        close(file);
    return rc;
}
