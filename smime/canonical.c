/* The canonical, 7-bit form of a MIME entity.
 *
 * What is clean already, most mail, is only looked at and copied. Else the walk of
 * canonical_parts.c says where bytes have to change, and the entity is copied with those places
 * replaced; every other byte stays as it is. What came of it is looked at again. */
#include "canonical.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "canonical_encode.h"
#include "canonical_head.h"
#include "canonical_parts.h"
#include "canonical_scan.h"
#include "canonical_source.h"
#include "why.h"

/* One entity on its way. */
struct work {
    struct text text;
    struct parts parts;
    enum transfer_encoding *targets; /* of each leaf to be re-encoded */
    unsigned flags;                  /* of the text */
    enum canonical_mode mode;
    struct spool *head; /* of the result, with the empty line */
    struct spool *body;
};

static int choose_targets(struct work *work)
{
    struct parts *parts = &work->parts;
    if (parts->leaves == 0)
        return 0;
    work->targets = calloc(parts->leaves, sizeof *work->targets);
    if (work->targets == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i < parts->count; i++) {
        const struct edit *edit = &parts->edits[i];
        enum transfer_encoding *target;
        if (edit->kind != EDIT_LEAF)
            continue;
        target = &work->targets[edit->leaf];
        if (leaf_choose(&work->text, edit, target) != 0)
            return -1;
        if (*target == TRANSFER_UNKNOWN)
            parts->stuck = true;
    }
    return 0;
}

/* Copy [from, to) of the text: the head into work->head, the rest into work->body. */
static int copy_text(struct work *work, off_t from, off_t to)
{
    off_t head = (off_t)work->text.head_length;
    if (from < head) {
        off_t end = to < head ? to : head;
        if (spool_write(work->head, work->text.head + from, (size_t)(end - from)) != 0)
            return -1;
        from = end;
    }
    return to > from ? spool_copy(work->body, work->text.body, from - head, to - head) : 0;
}

/* Is `edit` carried out? */
static bool applies(const struct work *work, const struct edit *edit)
{
    if (edit->kind == EDIT_COMPOSITE)
        return !work->parts.stuck;
    return edit->leaf < 0 || work->targets[edit->leaf] != TRANSFER_UNKNOWN;
}

static int write_edit(struct work *work, const struct edit *edit)
{
    struct spool *out = edit->from < (off_t)work->text.head_length ? work->head : work->body;
    switch (edit->kind) {
    case EDIT_DELETE:
        return 0;
    case EDIT_LABEL:
    case EDIT_COMPOSITE:
        return spool_puts(out, "Content-Transfer-Encoding: 7bit\r\n");
    case EDIT_ENCODING:
        return spool_puts(out, work->targets[edit->leaf] == TRANSFER_BASE64
                                   ? "Content-Transfer-Encoding: base64\r\n"
                                   : "Content-Transfer-Encoding: quoted-printable\r\n");
    case EDIT_LEAF:
        return leaf_encode(&work->text, edit, work->targets[edit->leaf], out);
    }
    return 0;
}

static int splice(struct work *work)
{
    off_t at = 0;
    for (size_t i = 0; i < work->parts.count; i++) {
        const struct edit *edit = &work->parts.edits[i];
        if (edit->from < at || !applies(work, edit))
            continue;
        if (copy_text(work, at, edit->from) != 0 || write_edit(work, edit) != 0)
            return -1;
        at = edit->to;
    }
    return copy_text(work, at, text_size(&work->text));
}

/* Is what was made as it must be? What looks like a label there was looked into before. */
static int check(struct work *work, bool *clean_out)
{
    unsigned flags = 0;
    unsigned head_flags = 0;
    struct text body = {.body = work->body};
    struct text head = {.body = work->head};
    if (text_scan(&body, &flags) != 0 || text_scan(&head, &head_flags) != 0)
        return -1;
    *clean_out = ((flags | head_flags) & ~(unsigned)UNCLEAN_LABEL) == 0;
    return 0;
}

/* Make the result in work->head and work->body. *use_out is false when the entity is to stay as it
 * came. Returns 0, -1 with errno. */
static int clean_up(struct work *work, size_t max_parts, enum canonical_result *result_out,
                    bool *use_out)
{
    const struct spool_options *options = spool_get_options(work->text.body);
    bool clean = false;
    *result_out = CANONICAL_OPAQUE;
    *use_out = false;
    if (parts_find(&work->text, max_parts, &work->parts) != 0 || choose_targets(work) != 0)
        return -1;
    if (work->parts.count == 0 || (work->parts.stuck && work->mode == CANONICAL_STRICT)) {
        /* What only looked like a label needs no change. */
        if (!work->parts.stuck && (work->flags & ~(unsigned)UNCLEAN_LABEL) == 0)
            *result_out = CANONICAL_CLEAN;
        return 0;
    }
    work->head = spool_new(options);
    work->body = spool_new(options);
    if (work->head == NULL || work->body == NULL) {
        errno = ENOMEM;
        return -1;
    }
    if (splice(work) != 0 || check(work, &clean) != 0)
        return -1;
    if (clean && !work->parts.stuck)
        *result_out = CANONICAL_CLEAN;
    *use_out = *result_out == CANONICAL_CLEAN || work->mode == CANONICAL_BEST_EFFORT;
    return 0;
}

static void work_clear(struct work *work)
{
    parts_clear(&work->parts);
    free(work->targets);
    spool_free(&work->head);
    spool_free(&work->body);
}

/* Take the cleaned entity over. Returns 1, 0 when its header cannot be read again (a field with a
 * name that is none), -1 with a sentence. */
static int take_result(struct work *work, struct canonical_source *out, char **why)
{
    size_t length = (size_t)spool_size(work->head);
    struct header made = {0};
    char *head;
    off_t end = 0;
    if (header_parse(work->head, 0, (off_t)length, length, &made, &end, why) != 0)
        return -1;
    if (end != (off_t)length) {
        header_clear(&made);
        return 0;
    }
    head = malloc(length + 1);
    if (head == NULL || spool_read(work->head, head, length, 0) != (ssize_t)length) {
        why_set(why, "cannot read the header: %s", head == NULL ? "no memory" : strerror(errno));
        free(head);
        header_clear(&made);
        return -1;
    }
    header_clear(&out->header);
    free(out->head);
    out->header = made;
    out->head = head;
    out->head_length = length;
    out->owned = work->body;
    out->body = out->owned;
    work->body = NULL;
    return 1;
}

/* The slow way: `out` holds the entity as it came. */
static enum smime_status rewrite(unsigned flags, enum canonical_mode mode, size_t max_parts,
                                 struct canonical_source *out, char **why)
{
    struct work work = {.mode = mode, .flags = flags};
    enum smime_status status = SMIME_OK;
    bool use = false;
    work.text =
        (struct text){.head = out->head, .head_length = out->head_length, .body = out->body};
    if (clean_up(&work, max_parts, &out->result, &use) != 0) {
        why_set(why, "cannot make the message 7-bit: %s", strerror(errno));
        status = SMIME_ERROR;
    } else if (use) {
        int taken = take_result(&work, out, why);
        if (taken < 0)
            status = SMIME_ERROR;
        if (taken == 0)
            out->result = CANONICAL_OPAQUE;
    }
    work_clear(&work);
    return status;
}

enum smime_status canonical_source_open(const struct entity *message,
                                        const struct protection *protection,
                                        enum canonical_mode mode, const struct smime_limits *limits,
                                        struct canonical_source *out, char **why)
{
    struct canonical_head head;
    enum smime_status status = canonical_head_make(message, protection, limits, &head, why);
    *out = (struct canonical_source){.body = message->body};
    if (status != SMIME_OK)
        return status;
    out->header = head.header;
    out->head = head.text;
    out->head_length = head.length;
    out->result = CANONICAL_CLEAN;
    if (head.flags != 0)
        status = rewrite(head.flags, mode, limits->max_parts, out, why);
    if (status != SMIME_OK)
        canonical_source_clear(out);
    return status;
}

enum smime_status canonical_entity(const struct entity *message, enum canonical_mode mode,
                                   const struct smime_limits *limits, struct header *header_out,
                                   struct spool *body_out, enum canonical_result *result_out,
                                   char **why)
{
    struct canonical_source source;
    enum smime_status status = canonical_source_open(message, NULL, mode, limits, &source, why);
    *result_out = CANONICAL_OPAQUE;
    if (status != SMIME_OK)
        return status;
    *result_out = source.result;
    if (header_copy(header_out, &source.header) != 0) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
    } else if (spool_copy(body_out, source.body, 0, spool_size(source.body)) != 0) {
        why_set(why, "cannot copy the message: %s", strerror(errno));
        status = SMIME_ERROR;
    }
    canonical_source_clear(&source);
    return status;
}
