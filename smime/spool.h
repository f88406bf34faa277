/* Bytes of a message or of a part of it: in memory while small, in an unlinked file beyond.
 *
 * Written once from front to end, then read at any place. Memory use does not grow with the
 * content. A spool is used by one thread at a time. */
#ifndef SMIME_SPOOL_H
#define SMIME_SPOOL_H

#include <stddef.h>
#include <sys/types.h>

#include <openssl/bio.h>

struct spool;

struct spool_options {
    const char *directory; /* for files; must outlive the spools */
    size_t memory_bytes;   /* larger content goes to a file */
};

/* NULL when out of memory. No file is made before it is needed. */
struct spool *spool_new(const struct spool_options *options);
const struct spool_options *spool_get_options(const struct spool *spool);

/* Append. Returns 0, or -1 with errno (disk full, ...); after a failure every further call fails.
 */
int spool_write(struct spool *spool, const void *bytes, size_t length);
int spool_puts(struct spool *spool, const char *text);

off_t spool_size(const struct spool *spool);

/* Read up to `length` bytes at `offset`: the number read (less only at the end), -1 with errno. */
ssize_t spool_read(const struct spool *spool, void *buffer, size_t length, off_t offset);

/* Append bytes [from, to) of `source` to `target`. Returns 0, or -1 with errno. */
int spool_copy(struct spool *target, const struct spool *source, off_t from, off_t to);

/* A BIO that reads [from, to) of `spool`, which must outlive it. NULL when out of memory. */
BIO *spool_reader(const struct spool *spool, off_t from, off_t to);

void spool_free(struct spool **spool);

#endif
