/* What has to change in an entity to make it transport-clean.
 *
 * A walk over the lines with a stack of the multiparts that are open. It knows every line that may
 * be a delimiter; where two programs could see different parts in a text, nothing unclean in it is
 * altered. */
#include "canonical_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "part_header.h"

/* Every line with two dashes is compared with every open boundary. */
#define MAX_OPEN_MULTIPARTS 64
/* Blanks at line ends of headers are edits too: no more than so many for each part. */
#define EDITS_PER_PART 8

struct frame {
    char *boundary;
    size_t length;
    bool digest;
    bool closed;
    size_t faults; /* of the walk when it was opened */
};

enum region { REGION_HEADER, REGION_LEAF, REGION_BETWEEN /* preamble or epilogue */ };

struct walk {
    struct parts *parts;
    size_t allocated;
    size_t max_parts;
    size_t part_count;
    bool overflow;
    size_t faults; /* unclean places met */
    enum region region;
    struct part_header header;
    off_t header_end; /* of the present part: where its empty line begins */
    off_t body_from;  /* of the present leaf */
    unsigned body_flags;
    unsigned last_flags; /* of the line before */
    struct frame frames[MAX_OPEN_MULTIPARTS];
    size_t open;
};

static void stick(struct walk *walk)
{
    walk->faults++;
    walk->parts->stuck = true;
}

static int add_edit(struct walk *walk, const struct edit *edit)
{
    struct parts *parts = walk->parts;
    if (parts->count == walk->allocated) {
        size_t size = walk->allocated > 0 ? walk->allocated * 2 : 16;
        struct edit *edits = reallocarray(parts->edits, size, sizeof *edits);
        if (edits == NULL)
            return -1;
        parts->edits = edits;
        walk->allocated = size;
    }
    parts->edits[parts->count++] = *edit;
    walk->faults++;
    if (parts->count / EDITS_PER_PART > walk->max_parts)
        walk->overflow = true;
    return 0;
}

static void begin_part(struct walk *walk)
{
    bool in_digest = walk->open > 0 && walk->frames[walk->open - 1].digest;
    part_header_clear(&walk->header);
    walk->header.in_digest = in_digest && walk->region == REGION_BETWEEN;
    walk->region = REGION_HEADER;
    if (++walk->part_count > walk->max_parts)
        walk->overflow = true;
}

/* The Content-Transfer-Encoding fields of the present part become one, or one is inserted. */
static int add_encoding_edits(struct walk *walk, enum edit_kind kind, long leaf)
{
    const struct part_header *header = &walk->header;
    struct edit edit = {
        .from = walk->header_end, .to = walk->header_end, .kind = kind, .leaf = leaf};
    if (header->encoding_count == 0)
        return add_edit(walk, &edit);
    for (size_t i = 0; i < header->encoding_count; i++) {
        edit.from = header->encodings[i].from;
        edit.to = header->encodings[i].to;
        edit.kind = i == 0 ? kind : EDIT_DELETE;
        if (add_edit(walk, &edit) != 0)
            return -1;
    }
    return 0;
}

/* A part that says 8bit or binary, but is (or will be) 7-bit. */
static int relabel(struct walk *walk, enum edit_kind kind)
{
    enum transfer_encoding encoding = walk->header.encoding;
    if (encoding != TRANSFER_8BIT && encoding != TRANSFER_BINARY)
        return 0;
    if (walk->header.ambiguous) {
        stick(walk);
        return 0;
    }
    return add_encoding_edits(walk, kind, -1);
}

static int end_leaf(struct walk *walk, off_t end)
{
    const struct part_header *header = &walk->header;
    bool sealed = header->kind != PART_LEAF || header->ambiguous;
    unsigned unclean = walk->body_flags;
    struct edit edit = {.from = walk->body_from,
                        .to = end,
                        .kind = EDIT_LEAF,
                        .encoding = header->encoding,
                        .text = header->text};
    /* What looks like a label is none in a leaf; a composite that is not taken apart may have it.
     */
    if (header->kind == PART_LEAF)
        unclean &= ~(unsigned)UNCLEAN_LABEL;
    if (unclean == 0)
        return relabel(walk, header->kind == PART_LEAF ? EDIT_LABEL : EDIT_COMPOSITE);
    if (sealed || header->encoding == TRANSFER_UNKNOWN) {
        stick(walk);
        return 0;
    }
    edit.leaf = (long)walk->parts->leaves++;
    if (add_encoding_edits(walk, EDIT_ENCODING, edit.leaf) != 0)
        return -1;
    return add_edit(walk, &edit);
}

/* The multipart on top of the stack has ended, with its close delimiter or without. */
static void pop(struct walk *walk)
{
    struct frame *frame = &walk->frames[--walk->open];
    if (!frame->closed && walk->faults != frame->faults)
        walk->parts->stuck = true;
    free(frame->boundary);
    *frame = (struct frame){0};
}

static bool boundary_open(const struct walk *walk, const char *boundary)
{
    for (size_t i = 0; i < walk->open; i++)
        if (strcmp(walk->frames[i].boundary, boundary) == 0)
            return true;
    return false;
}

static void push(struct walk *walk)
{
    struct part_header *header = &walk->header;
    struct frame *frame = &walk->frames[walk->open++];
    *frame = (struct frame){.boundary = header->boundary,
                            .length = strlen(header->boundary),
                            .digest = header->digest,
                            .faults = walk->faults};
    header->boundary = NULL;
    walk->region = REGION_BETWEEN;
}

/* The header of the present part ended at `end`, its body begins at `body`. */
static int begin_body(struct walk *walk, off_t end, off_t body)
{
    struct part_header *header = &walk->header;
    if (part_header_end(header, end) != 0)
        return -1;
    walk->header_end = end;
    walk->body_from = body;
    walk->body_flags = 0;
    walk->region = REGION_LEAF;
    if (header->unclean)
        stick(walk);
    if (header->kind == PART_MULTIPART &&
        (walk->open == MAX_OPEN_MULTIPARTS || boundary_open(walk, header->boundary)))
        header->ambiguous = true;
    if (header->ambiguous)
        return 0;
    if (header->kind == PART_MULTIPART || header->kind == PART_MESSAGE)
        if (relabel(walk, EDIT_COMPOSITE) != 0)
            return -1;
    if (header->kind == PART_MULTIPART)
        push(walk);
    else if (header->kind == PART_MESSAGE)
        begin_part(walk);
    return 0;
}

/* What went on before a delimiter line or the end of the text ends at `end`. */
static int end_region(struct walk *walk, off_t end)
{
    if (walk->region == REGION_LEAF)
        return end_leaf(walk, end);
    if (walk->region != REGION_HEADER)
        return 0;
    /* A part without an empty line: no body. */
    if (part_header_end(&walk->header, end) != 0)
        return -1;
    if (walk->header.unclean)
        stick(walk);
    walk->header_end = end;
    return relabel(walk, EDIT_LABEL);
}

enum match { MATCH_NONE, MATCH_PREFIX, MATCH_DELIMITER, MATCH_CLOSE };

static enum match match_frame(const struct frame *frame, const char *bytes, size_t length)
{
    enum match match = MATCH_DELIMITER;
    if (length < frame->length || memcmp(bytes, frame->boundary, frame->length) != 0)
        return MATCH_NONE;
    bytes += frame->length;
    length -= frame->length;
    if (length >= 2 && memcmp(bytes, "--", 2) == 0) {
        match = MATCH_CLOSE;
        bytes += 2;
        length -= 2;
    }
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == '\0' || strchr(" \t\r\n", bytes[i]) == NULL)
            return MATCH_PREFIX;
    return match;
}

/* Which open multipart is delimited by `line`? Sets *frame_out with MATCH_DELIMITER and
 * MATCH_CLOSE. */
static enum match match_line(struct walk *walk, const struct line *line, size_t *frame_out)
{
    enum match found = MATCH_NONE;
    if (line->bytes == NULL || line->length < 2 || memcmp(line->bytes, "--", 2) != 0)
        return MATCH_NONE;
    for (size_t i = walk->open; i-- > 0;) {
        enum match match = match_frame(&walk->frames[i], line->bytes + 2, line->length - 2);
        if (match == MATCH_NONE)
            continue;
        /* RFC 2046 section 5.1.1 lets a program take a line for a delimiter that only begins like
         * one. And one line may delimit two multiparts ("b" and "b--"). */
        if (match == MATCH_PREFIX || found >= MATCH_DELIMITER ||
            (walk->frames[i].closed && match != MATCH_NONE))
            walk->parts->stuck = true;
        if (match > MATCH_PREFIX && found < MATCH_DELIMITER) {
            found = match;
            *frame_out = i;
        }
    }
    return found;
}

static int delimiter(struct walk *walk, const struct line *line, size_t frame, enum match match)
{
    off_t end = line->from;
    if (line->flags != 0)
        stick(walk);
    /* The line end before a delimiter is a part of it. */
    if (walk->region == REGION_LEAF && end > walk->body_from)
        end -= (walk->last_flags & UNCLEAN_BARE_LF) != 0 ? 1 : 2;
    if (end_region(walk, end) != 0)
        return -1;
    while (walk->open > frame + 1)
        pop(walk);
    walk->region = REGION_BETWEEN;
    if (match == MATCH_CLOSE)
        walk->frames[frame].closed = true;
    else
        begin_part(walk);
    return 0;
}

static bool is_empty_line(const struct line *line)
{
    return line->bytes != NULL &&
           (line->bytes[0] == '\n' || (line->length == 2 && memcmp(line->bytes, "\r\n", 2) == 0));
}

static int header_line(struct walk *walk, const struct line *line)
{
    size_t blanks;
    if (is_empty_line(line)) {
        if ((line->flags & UNCLEAN_BARE_LF) != 0)
            walk->header.unclean = true;
        return begin_body(walk, line->from, line->to);
    }
    if (part_header_line(&walk->header, line, &blanks) != 0)
        return -1;
    if (blanks > 0) {
        struct edit edit = {.from = line->to - 2 - (off_t)blanks,
                            .to = line->to - 2,
                            .kind = EDIT_DELETE,
                            .leaf = -1};
        return add_edit(walk, &edit);
    }
    return 0;
}

static int walk_line(struct walk *walk, const struct line *line)
{
    size_t frame = 0;
    enum match match = match_line(walk, line, &frame);
    if (match >= MATCH_DELIMITER)
        return delimiter(walk, line, frame, match);
    walk->last_flags = line->flags;
    switch (walk->region) {
    case REGION_HEADER:
        return header_line(walk, line);
    case REGION_LEAF:
        walk->body_flags |= line->flags;
        return 0;
    case REGION_BETWEEN:
        if ((line->flags & ~(unsigned)UNCLEAN_LABEL) != 0)
            stick(walk);
        return 0;
    }
    return 0;
}

static int by_place(const void *left, const void *right)
{
    const struct edit *a = left;
    const struct edit *b = right;
    return a->from < b->from ? -1 : a->from > b->from;
}

int parts_find(const struct text *text, size_t max_parts, struct parts *out)
{
    struct walk *walk = calloc(1, sizeof *walk);
    struct line_reader *reader = line_reader_new(text, 0);
    struct line line;
    int more = 0;
    int rc = -1;
    *out = (struct parts){0};
    if (walk == NULL || reader == NULL)
        goto memory;
    walk->parts = out;
    walk->max_parts = max_parts;
    walk->region = REGION_BETWEEN;
    begin_part(walk);
    while (!walk->overflow && (more = line_next(reader, &line)) == 1)
        if (walk_line(walk, &line) != 0)
            goto memory;
    if (more < 0)
        goto out;
    if (!walk->overflow && end_region(walk, text_size(text)) != 0)
        goto memory;
    if (walk->overflow) {
        parts_clear(out);
        out->stuck = true;
    }
    if (out->count > 1)
        qsort(out->edits, out->count, sizeof *out->edits, by_place);
    rc = 0;
    goto out;
memory:
    errno = ENOMEM;
out:
    while (walk != NULL && walk->open > 0)
        pop(walk);
    if (walk != NULL)
        part_header_clear(&walk->header);
    free(walk);
    line_reader_free(&reader);
    if (rc != 0)
        parts_clear(out);
    return rc;
}

void parts_clear(struct parts *parts)
{
    if (parts == NULL)
        return;
    free(parts->edits);
    *parts = (struct parts){0};
}
