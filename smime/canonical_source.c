/* Reading a canonical entity from where it stands. */
#include "canonical_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "openssl_reason.h"
#include "why.h"

#define CHUNK_BYTES 32768
#define CHUNKS_PER_TICK 16

static enum smime_status hand_on(const char *bytes, size_t length, BIO *sink, struct spool *copy,
                                 char **why)
{
    if (copy != NULL && spool_write(copy, bytes, length) != 0) {
        why_set(why, "cannot write the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    if (length > 0 && BIO_write(sink, bytes, (int)length) != (int)length) {
        why_set(why, "cannot process the content: %s", openssl_reason());
        return SMIME_ERROR;
    }
    return SMIME_OK;
}

static enum smime_status write_head(const struct canonical_source *source, BIO *sink,
                                    struct spool *copy, char **why)
{
    enum smime_status status = SMIME_OK;
    for (size_t at = 0; at < source->head_length && status == SMIME_OK; at += CHUNK_BYTES) {
        size_t left = source->head_length - at;
        status =
            hand_on(source->head + at, left < CHUNK_BYTES ? left : CHUNK_BYTES, sink, copy, why);
    }
    return status;
}

enum smime_status canonical_source_write(const struct canonical_source *source, BIO *sink,
                                         struct spool *copy, const struct smime_progress *progress,
                                         char **why)
{
    char *chunk = malloc(CHUNK_BYTES);
    enum smime_status status = SMIME_ERROR;
    off_t size = spool_size(source->body);
    size_t chunks = 0;
    if (chunk == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    if (write_head(source, sink, copy, why) != SMIME_OK)
        goto out;
    for (off_t at = 0; at < size;) {
        ssize_t n = spool_read(source->body, chunk, CHUNK_BYTES, at);
        if (n <= 0) {
            why_set(why, "cannot read the spool: %s", strerror(n == 0 ? EIO : errno));
            goto out;
        }
        if (hand_on(chunk, (size_t)n, sink, copy, why) != SMIME_OK)
            goto out;
        at += n;
        if (++chunks % CHUNKS_PER_TICK == 0 && progress->tick != NULL &&
            progress->tick(progress->context) != 0) {
            why_set(why, "the time for this message is up");
            goto out;
        }
    }
    status = SMIME_OK;
out:
    OPENSSL_cleanse(chunk, CHUNK_BYTES);
    free(chunk);
    return status;
}

void canonical_source_clear(struct canonical_source *source)
{
    if (source == NULL)
        return;
    header_clear(&source->header);
    free(source->head);
    spool_free(&source->owned);
    *source = (struct canonical_source){0};
}
