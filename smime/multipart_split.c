/* Finding the delimiter lines of a multipart.
 *
 * A scan of our own: signed bytes must be those of the text, and a parser that builds a tree takes
 * memory for each part. Lines are looked at one after the other through a window; of each line only
 * the beginning matters. */
#include "multipart_split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"

#define WINDOW 65536
#define LINE_HEAD 512 /* of a line that could be a delimiter: boundary and blanks */

enum line_kind { LINE_OTHER, LINE_DASHES, LINE_DELIMITER, LINE_CLOSE };

struct scan {
    const struct spool *text;
    off_t at; /* where the line begins */
    off_t to;
    const char *boundary;
    size_t boundary_length;
    bool bare_cr; /* in the line just judged: to some programs it is two lines */
    off_t window_at;
    size_t window_length;
    const struct smime_progress *progress;
    char **why;
    char window[WINDOW];
};

static enum smime_status fill(struct scan *scan, off_t at)
{
    size_t want = scan->to - at < WINDOW ? (size_t)(scan->to - at) : WINDOW;
    ssize_t n = spool_read(scan->text, scan->window, want, at);
    if (n < (ssize_t)want) {
        why_set(scan->why, "cannot read the spool: %s", n < 0 ? strerror(errno) : "too short");
        return SMIME_ERROR;
    }
    if (scan->progress->tick != NULL && scan->progress->tick(scan->progress->context) != 0) {
        why_set(scan->why, "the time for this message is up");
        return SMIME_ERROR;
    }
    scan->window_at = at;
    scan->window_length = want;
    return SMIME_OK;
}

/* Anything but blanks, as behind the "-- " of a signature? */
static bool has_text(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && i < LINE_HEAD; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
            return true;
    return false;
}

/* `whole`: the line ends where `length` does. */
static enum line_kind line_kind(const struct scan *scan, const char *line, size_t length,
                                bool whole)
{
    size_t at = 2 + scan->boundary_length;
    enum line_kind kind = LINE_DELIMITER;
    if (length < 2 || line[0] != '-' || line[1] != '-')
        return LINE_OTHER;
    if (length < at || memcmp(line + 2, scan->boundary, scan->boundary_length) != 0)
        return has_text(line + 2, length - 2) ? LINE_DASHES : LINE_OTHER;
    if (length >= at + 2 && line[at] == '-' && line[at + 1] == '-') {
        kind = LINE_CLOSE;
        at += 2;
    }
    while (at < length && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r'))
        at++;
    return at == length && whole ? kind : LINE_DASHES;
}

/* Is there a CR that no LF follows? *last_cr is whether the piece of the line before ended in CR,
 * and then whether this one does. */
static bool has_bare_cr(const char *bytes, size_t length, bool *last_cr)
{
    const char *end = bytes + length;
    const char *cr = memchr(bytes, '\r', length);
    if (*last_cr && length > 0 && bytes[0] != '\n')
        return true;
    for (; cr != NULL && cr + 1 < end; cr = memchr(cr + 1, '\r', (size_t)(end - cr - 1)))
        if (cr[1] != '\n')
            return true;
    *last_cr = cr != NULL;
    return false;
}

/* Judge the line at scan->at and find its end (behind its LF, or scan->to). */
static enum smime_status next_line(struct scan *scan, enum line_kind *kind_out, off_t *end_out)
{
    enum smime_status status;
    off_t at = scan->at;
    off_t window_end = scan->window_at + (off_t)scan->window_length;
    bool judged = false;
    bool last_cr = false;
    scan->bare_cr = false;
    if (at < scan->window_at || (window_end - at < LINE_HEAD && window_end < scan->to)) {
        status = fill(scan, at);
        if (status != SMIME_OK)
            return status;
    }
    for (;;) {
        const char *start = scan->window + (at - scan->window_at);
        size_t length = scan->window_length - (size_t)(at - scan->window_at);
        const char *lf = memchr(start, '\n', length);
        if (!judged)
            *kind_out = line_kind(scan, start, lf != NULL ? (size_t)(lf - start) : length,
                                  lf != NULL || at + (off_t)length >= scan->to);
        judged = true;
        scan->bare_cr |=
            has_bare_cr(start, lf != NULL ? (size_t)(lf - start) + 1 : length, &last_cr);
        at += lf != NULL ? lf - start + 1 : (off_t)length;
        if (lf != NULL || at >= scan->to)
            break;
        status = fill(scan, at);
        if (status != SMIME_OK)
            return status;
    }
    *end_out = at;
    return SMIME_OK;
}

/* The part before the delimiter at `delimiter` ends before the line end there. */
static enum smime_status end_part(struct scan *scan, struct multipart_part *part, off_t delimiter)
{
    char before[2] = {0, 0};
    if (delimiter - part->from < 1) {
        part->to = part->from;
        return SMIME_OK;
    }
    if (spool_read(scan->text, before, 2, delimiter - 2) != 2) {
        why_set(scan->why, "cannot read the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    part->to = delimiter - 1;
    if (before[0] == '\r' && part->to > part->from)
        part->to--;
    return SMIME_OK;
}

static enum smime_status begin_part(struct scan *scan, struct multipart *out, size_t max_parts,
                                    off_t from)
{
    struct multipart_part *grown;
    if (out->count >= max_parts) {
        why_set(scan->why, "the multipart has more than %zu parts", max_parts);
        return SMIME_REFUSED;
    }
    if ((out->count & (out->count - 1)) == 0) { /* room doubles at each power of two */
        size_t room = out->count > 0 ? out->count * 2 : 1;
        grown = realloc(out->parts, room * sizeof *out->parts);
        if (grown == NULL) {
            why_set(scan->why, "out of memory");
            return SMIME_ERROR;
        }
        out->parts = grown;
    }
    out->parts[out->count++] = (struct multipart_part){from, scan->to};
    return SMIME_OK;
}

static enum smime_status take_line(struct scan *scan, enum line_kind kind, off_t end,
                                   size_t max_parts, struct multipart *out)
{
    enum smime_status status = SMIME_OK;
    out->stray |= scan->bare_cr && (out->closed || out->count != 1 || kind != LINE_OTHER);
    if (out->closed || (kind != LINE_DELIMITER && kind != LINE_CLOSE)) {
        out->stray |= kind != LINE_OTHER && (out->closed || out->count != 1);
        return SMIME_OK;
    }
    if (out->count > 0)
        status = end_part(scan, &out->parts[out->count - 1], scan->at);
    else if (kind == LINE_CLOSE)
        out->stray = true;
    if (status == SMIME_OK && kind == LINE_DELIMITER)
        status = begin_part(scan, out, max_parts, end);
    else {
        out->closed = true;
        out->closed_end = end;
    }
    return status;
}

enum smime_status multipart_split(const struct spool *text, off_t from, off_t to,
                                  const char *boundary, size_t max_parts,
                                  const struct smime_progress *progress, struct multipart *out,
                                  char **why)
{
    struct scan *scan = malloc(sizeof *scan);
    enum smime_status status = SMIME_OK;
    *out = (struct multipart){0};
    if (scan == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    scan->text = text;
    scan->at = from;
    scan->to = to;
    scan->boundary = boundary;
    scan->boundary_length = strlen(boundary);
    scan->window_at = from;
    scan->window_length = 0;
    scan->progress = progress;
    scan->why = why;
    while (status == SMIME_OK && scan->at < to) {
        enum line_kind kind = LINE_OTHER;
        off_t end = to;
        status = next_line(scan, &kind, &end);
        if (status == SMIME_OK)
            status = take_line(scan, kind, end, max_parts, out);
        scan->at = end;
    }
    free(scan);
    if (status != SMIME_OK)
        multipart_clear(out);
    return status;
}

void multipart_clear(struct multipart *multipart)
{
    if (multipart == NULL)
        return;
    free(multipart->parts);
    *multipart = (struct multipart){0};
}
