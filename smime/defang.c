/* The structure of a MIME entity, written anew with inert parts. */
#include "defang.h"

#include <errno.h>
#include <string.h>

#include "boundary.h"
#include "decode.h"
#include "defang_leaf.h"
#include "multipart_split.h"
#include "why.h"

struct defanger {
    const struct smime_limits *limits;
    const struct smime_progress *progress;
    struct spool *out;
    size_t parts; /* seen so far */
    size_t html_left;
    char **why;
};

/* Of an attached message: what people want to see of it. */
static const char *const message_fields[] = {"From",        "Sender",    "Reply-To", "To",
                                             "Cc",          "Date",      "Subject",  "Message-ID",
                                             "In-Reply-To", "References"};

static enum smime_status write_part(struct defanger *defanger, const struct view *view,
                                    size_t depth, bool in_digest);

static enum smime_status write_failed(struct defanger *defanger)
{
    why_set(defanger->why, "cannot write the spool: %s", strerror(errno));
    return SMIME_ERROR;
}

static enum smime_status tick(struct defanger *defanger)
{
    const struct smime_progress *progress = defanger->progress;
    if (progress->tick == NULL || progress->tick(progress->context) == 0)
        return SMIME_OK;
    why_set(defanger->why, "the time for this message is up");
    return SMIME_ERROR;
}

/* A part with its header at [from, to) of the text. A header over its ceiling makes it a file. */
static enum smime_status write_part_at(struct defanger *defanger, const struct view *parent,
                                       off_t from, off_t to, size_t depth, bool in_digest)
{
    static const struct header no_header = {0};
    static const struct media_type no_type = {0};
    struct header header = {0};
    struct view view = {&header, parent->text, from, to};
    char *reason = NULL;
    enum smime_status status = layer_read_header(
        parent->text, from, to, defanger->limits->max_header_bytes, &header, &view.from, &reason);
    if (status == SMIME_OK) {
        status = write_part(defanger, &view, depth, in_digest);
    } else if (status == SMIME_REFUSED) {
        view = (struct view){&no_header, parent->text, from, to};
        status = defang_as_file(&view, &no_type, defanger->out, defanger->why);
    } else {
        why_set(defanger->why, "%s", why_text(&reason));
    }
    header_clear(&header);
    why_free(&reason);
    return status;
}

/* ---- multipart ---- */

static int write_delimiter(struct spool *out, const char *boundary, const char *end)
{
    return spool_puts(out, "\r\n--") != 0 || spool_puts(out, boundary) != 0 ||
                   spool_puts(out, end) != 0 || spool_puts(out, "\r\n") != 0
               ? -1
               : 0;
}

/* A picture that an HTML part refers to is shown beside it: nothing refers to anything any more. So
 * parts are alternatives, or just parts. */
static enum smime_status write_parts(struct defanger *defanger, const struct view *view,
                                     const struct media_type *media, const struct multipart *parts,
                                     size_t depth)
{
    bool digest = media_type_is(media, "multipart", "digest");
    struct spool *out = defanger->out;
    char boundary[BOUNDARY_BYTES];
    enum smime_status status = SMIME_OK;
    if (boundary_make(boundary) != 0) {
        why_set(defanger->why, "no random numbers can be had");
        return SMIME_ERROR;
    }
    if (spool_puts(out, "Content-Type: multipart/") != 0 ||
        spool_puts(out, media_type_is(media, "multipart", "alternative") ? "alternative"
                                                                         : "mixed") != 0 ||
        spool_puts(out, "; boundary=\"") != 0 || spool_puts(out, boundary) != 0 ||
        spool_puts(out, "\"\r\n\r\n") != 0)
        return write_failed(defanger);
    for (size_t i = 0; status == SMIME_OK && i < parts->count; i++) {
        if (write_delimiter(out, boundary, "") != 0)
            return write_failed(defanger);
        status = write_part_at(defanger, view, parts->parts[i].from, parts->parts[i].to, depth + 1,
                               digest);
    }
    if (status == SMIME_OK && write_delimiter(out, boundary, "--") != 0)
        status = write_failed(defanger);
    return status;
}

static enum smime_status write_multipart(struct defanger *defanger, const struct view *view,
                                         const struct media_type *media, size_t depth)
{
    struct multipart parts = {0};
    char *reason = NULL;
    enum smime_status status = SMIME_REFUSED;
    if (media->boundary == NULL)
        return defang_as_text(view, media, defanger->out, defanger->why);
    if (defanger->parts < defanger->limits->max_parts)
        status = multipart_split(view->text, view->from, view->to, media->boundary,
                                 defanger->limits->max_parts - defanger->parts, defanger->progress,
                                 &parts, &reason);
    defanger->parts += parts.count;
    if (status == SMIME_OK && parts.count > 0)
        status = write_parts(defanger, view, media, &parts, depth);
    else if (status == SMIME_OK)
        status = defang_as_text(view, media, defanger->out, defanger->why);
    else if (status == SMIME_REFUSED)
        status = defang_as_file(view, media, defanger->out, defanger->why);
    else
        why_set(defanger->why, "%s", why_text(&reason));
    multipart_clear(&parts);
    why_free(&reason);
    return status;
}

/* ---- message/rfc822 ---- */

static int write_fields(const struct header *header, struct spool *out)
{
    for (size_t i = 0; i < sizeof message_fields / sizeof *message_fields; i++) {
        const struct header_field *field = header_get(header, message_fields[i], 0);
        if (field != NULL &&
            (spool_puts(out, message_fields[i]) != 0 || spool_puts(out, ":") != 0 ||
             spool_puts(out, field->value) != 0 || spool_puts(out, "\r\n") != 0))
            return -1;
    }
    return spool_puts(out, "MIME-Version: 1.0\r\n");
}

static enum smime_status write_message(struct defanger *defanger, const struct view *view,
                                       size_t depth)
{
    struct header header = {0};
    struct view inside = {&header, view->text, 0, view->to};
    char *reason = NULL;
    enum smime_status status =
        layer_read_header(view->text, view->from, view->to, defanger->limits->max_header_bytes,
                          &header, &inside.from, &reason);
    if (status == SMIME_REFUSED) {
        static const struct media_type no_type = {0};
        status = defang_as_file(view, &no_type, defanger->out, defanger->why);
    } else if (status == SMIME_ERROR) {
        why_set(defanger->why, "%s", why_text(&reason));
    } else if (spool_puts(defanger->out, "Content-Type: message/rfc822\r\n\r\n") != 0 ||
               write_fields(&header, defanger->out) != 0) {
        status = write_failed(defanger);
    } else {
        defanger->parts++;
        status = write_part(defanger, &inside, depth + 1, false);
    }
    header_clear(&header);
    why_free(&reason);
    return status;
}

/* ---- Any part ---- */

static bool is_message(const struct media_type *media, const struct view *view, bool in_digest)
{
    if (in_digest && header_count(view->header, "Content-Type") == 0)
        return true;
    return media_type_is(media, "message", "rfc822") || media_type_is(media, "message", "global");
}

static enum smime_status write_part(struct defanger *defanger, const struct view *view,
                                    size_t depth, bool in_digest)
{
    struct media_type media = {0};
    bool plain = body_encoding_of(view->header) == ENCODING_IDENTITY;
    bool multipart;
    bool message;
    enum smime_status status = tick(defanger);
    if (status == SMIME_OK)
        status = media_type_read(view->header, &media, defanger->why);
    if (status != SMIME_OK)
        return status;
    multipart = media_type_is(&media, "multipart", NULL);
    message = is_message(&media, view, in_digest);
    /* RFC 2045 section 6.4: what consists of parts is not encoded as a whole. */
    if ((multipart || message) && (!plain || depth >= DEFANG_MAX_DEPTH))
        status = defang_as_file(view, &media, defanger->out, defanger->why);
    else if (media.ambiguous != NULL)
        status = defang_as_text(view, &media, defanger->out, defanger->why);
    else if (multipart)
        status = write_multipart(defanger, view, &media, depth);
    else if (message)
        status = write_message(defanger, view, depth);
    else
        status = defang_leaf(view, &media, &defanger->html_left, defanger->out, defanger->why);
    media_type_clear(&media);
    return status;
}

enum smime_status defang(const struct view *content, const struct smime_limits *limits,
                         const struct smime_progress *progress, struct spool *out, char **why)
{
    struct defanger defanger = {.limits = limits,
                                .progress = progress,
                                .out = out,
                                .html_left = DEFANG_MAX_HTML_BYTES,
                                .why = why};
    return write_part(&defanger, content, 0, false);
}
