/* Bytes of a message: in memory while small, in an unlinked file beyond. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define SPOOL_FIRST_BYTES 4096
#define SPOOL_COPY_BYTES 65536
/* Writes to a file are gathered: base64 arrives in lines of 64 bytes. */
#define SPOOL_BUFFER_BYTES 65536

struct spool {
    const struct spool_options *options;
    char *memory; /* the whole content while fd < 0, else what is not yet in the file */
    size_t used;
    size_t allocated;
    off_t flushed; /* bytes in the file */
    int fd;
    int failed; /* errno of the first failure */
};

struct spool *spool_new(const struct spool_options *options)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (spool == NULL)
        return NULL;
    spool->options = options;
    spool->fd = -1;
    return spool;
}

const struct spool_options *spool_get_options(const struct spool *spool)
{
    return spool->options;
}

static int fail(struct spool *spool, int error)
{
    spool->failed = error != 0 ? error : EIO;
    errno = spool->failed;
    return -1;
}

static int open_unlinked(const char *directory)
{
    char *path = NULL;
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    /* File systems without O_TMPFILE (overlays, NFS) still have unlink(). */
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if (asprintf(&path, "%s/spool.XXXXXX", directory) < 0) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    free(path);
    return fd;
}

static int write_all(int fd, const char *bytes, size_t length, off_t at)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, bytes, length, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
        bytes += n;
        length -= (size_t)n;
        at += n;
    }
    return 0;
}

static int flush(struct spool *spool)
{
    if (write_all(spool->fd, spool->memory, spool->used, spool->flushed) != 0)
        return fail(spool, errno);
    spool->flushed += (off_t)spool->used;
    spool->used = 0;
    return 0;
}

static int move_to_file(struct spool *spool)
{
    char *buffer;
    spool->fd = open_unlinked(spool->options->directory);
    if (spool->fd < 0)
        return fail(spool, errno);
    if (flush(spool) != 0)
        return -1;
    OPENSSL_cleanse(spool->memory, spool->allocated);
    buffer = realloc(spool->memory, SPOOL_BUFFER_BYTES);
    if (buffer == NULL)
        return fail(spool, ENOMEM);
    spool->memory = buffer;
    spool->allocated = SPOOL_BUFFER_BYTES;
    return 0;
}

/* Not realloc(): it may leave a copy of a decrypted text behind. */
static int grow(struct spool *spool, size_t wanted)
{
    size_t size = spool->allocated > 0 ? spool->allocated : SPOOL_FIRST_BYTES;
    char *memory;
    while (size < wanted)
        size *= 2;
    if (size == spool->allocated)
        return 0;
    memory = malloc(size);
    if (memory == NULL)
        return fail(spool, ENOMEM);
    if (spool->memory != NULL) {
        memcpy(memory, spool->memory, spool->used);
        OPENSSL_cleanse(spool->memory, spool->allocated);
        free(spool->memory);
    }
    spool->memory = memory;
    spool->allocated = size;
    return 0;
}

int spool_write(struct spool *spool, const void *bytes, size_t length)
{
    if (spool->failed != 0) {
        errno = spool->failed;
        return -1;
    }
    if (length == 0)
        return 0;
    if (spool->fd < 0 && spool->used + length > spool->options->memory_bytes &&
        grow(spool, SPOOL_FIRST_BYTES) == 0 && move_to_file(spool) != 0)
        return -1;
    if (spool->fd < 0) {
        if (grow(spool, spool->used + length) != 0)
            return -1;
    } else if (spool->used + length > spool->allocated) {
        if (flush(spool) != 0)
            return -1;
        if (length >= spool->allocated) {
            if (write_all(spool->fd, bytes, length, spool->flushed) != 0)
                return fail(spool, errno);
            spool->flushed += (off_t)length;
            return 0;
        }
    }
    memcpy(spool->memory + spool->used, bytes, length);
    spool->used += length;
    return 0;
}

int spool_puts(struct spool *spool, const char *text)
{
    return spool_write(spool, text, strlen(text));
}

off_t spool_size(const struct spool *spool)
{
    return spool->flushed + (off_t)spool->used;
}

ssize_t spool_read(const struct spool *spool, void *buffer, size_t length, off_t offset)
{
    off_t size = spool_size(spool);
    size_t done = 0;
    if (offset < 0 || offset >= size || length == 0)
        return 0;
    if ((off_t)length > size - offset)
        length = (size_t)(size - offset);
    if (length > SSIZE_MAX)
        length = SSIZE_MAX;
    while (done < length && offset + (off_t)done < spool->flushed) {
        off_t at = offset + (off_t)done;
        size_t want = length - done;
        ssize_t n;
        if ((off_t)want > spool->flushed - at)
            want = (size_t)(spool->flushed - at);
        n = pread(spool->fd, (char *)buffer + done, want, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }
        done += (size_t)n;
    }
    if (done < length) {
        size_t at = (size_t)(offset + (off_t)done - spool->flushed);
        memcpy((char *)buffer + done, spool->memory + at, length - done);
    }
    return (ssize_t)length;
}

int spool_copy(struct spool *target, const struct spool *source, off_t from, off_t to)
{
    char *buffer;
    int rc = -1;
    if (from >= to)
        return 0;
    buffer = malloc(SPOOL_COPY_BYTES);
    if (buffer == NULL)
        return fail(target, ENOMEM);
    while (from < to) {
        size_t want = to - from < SPOOL_COPY_BYTES ? (size_t)(to - from) : SPOOL_COPY_BYTES;
        ssize_t n = spool_read(source, buffer, want, from);
        if (n < 0)
            goto out;
        if (n == 0)
            break;
        if (spool_write(target, buffer, (size_t)n) != 0)
            goto out;
        from += n;
    }
    rc = 0;
out:
    OPENSSL_cleanse(buffer, SPOOL_COPY_BYTES);
    free(buffer);
    return rc;
}

void spool_free(struct spool **spool)
{
    if (spool == NULL || *spool == NULL)
        return;
    if ((*spool)->memory != NULL)
        OPENSSL_cleanse((*spool)->memory, (*spool)->allocated);
    free((*spool)->memory);
    if ((*spool)->fd >= 0)
        (void)close((*spool)->fd);
    free(*spool);
    *spool = NULL;
}
