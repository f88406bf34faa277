/* Line ends of what was inside a CMS. Mostly the first line says already that there is nothing to
 * do. */
#include "line_ends.h"

#include <errno.h>
#include <string.h>

#include "why.h"

#define CHUNK 16384

enum line_ends { LINE_ENDS_UNKNOWN, LINE_ENDS_LF, LINE_ENDS_OTHER };

static enum line_ends look_at(const char *bytes, size_t length)
{
    if (memchr(bytes, '\0', length) != NULL || memchr(bytes, '\r', length) != NULL)
        return LINE_ENDS_OTHER;
    return memchr(bytes, '\n', length) != NULL ? LINE_ENDS_LF : LINE_ENDS_UNKNOWN;
}

static int write_crlf(struct spool *out, const char *bytes, size_t length)
{
    while (length > 0) {
        const char *lf = memchr(bytes, '\n', length);
        size_t line = lf != NULL ? (size_t)(lf - bytes) : length;
        if (spool_write(out, bytes, line) != 0 || (lf != NULL && spool_write(out, "\r\n", 2) != 0))
            return -1;
        line += lf != NULL;
        bytes += line;
        length -= line;
    }
    return 0;
}

enum smime_status line_ends_canonical(const struct spool *text, off_t from, off_t to,
                                      const struct smime_progress *progress, struct spool **out,
                                      char **why)
{
    char chunk[CHUNK];
    enum line_ends found = LINE_ENDS_UNKNOWN;
    struct spool *made = spool_new(spool_get_options(text));
    *out = NULL;
    if (made == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    while (from < to && found != LINE_ENDS_OTHER) {
        size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        ssize_t n = spool_read(text, chunk, want, from);
        enum line_ends here = n > 0 ? look_at(chunk, (size_t)n) : LINE_ENDS_OTHER;
        if (n <= 0 || (here != LINE_ENDS_OTHER && write_crlf(made, chunk, (size_t)n) != 0)) {
            why_set(why, "cannot use the spool: %s", n != 0 ? strerror(errno) : "it is too short");
            goto fail;
        }
        if (progress->tick != NULL && progress->tick(progress->context) != 0) {
            why_set(why, "the time for this message is up");
            goto fail;
        }
        found = here == LINE_ENDS_UNKNOWN ? found : here;
        from += n;
    }
    if (found == LINE_ENDS_LF)
        *out = made;
    else
        spool_free(&made);
    return SMIME_OK;
fail:
    spool_free(&made);
    return SMIME_ERROR;
}
