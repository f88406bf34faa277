/* The main body parts of an entity, of which some are changed. */
#include "main_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <openssl/crypto.h>

#include "base64_writer.h"
#include "decode.h"
#include "gmime_start.h"
#include "media_parameter.h"
#include "multipart_split.h"
#include "why.h"

#define CHUNK_BYTES 32768

/* A part that is replaced, header and all; or the body of the entity. */
struct replacement {
    off_t from, to;
    struct spool *text;
};

struct walk {
    const struct main_parts_request *request;
    struct replacement replacements[MAIN_PARTS_MAX];
    size_t count;
    struct header header; /* of the entity, where that is changed */
    bool header_changed;
    char **why;
};

static enum smime_status out_of_memory(char **why)
{
    why_set(why, "out of memory");
    return SMIME_ERROR;
}

static enum smime_status spool_failed(char **why)
{
    why_set(why, "cannot copy the message: %s", strerror(errno));
    return SMIME_ERROR;
}

/* ---- Character sets ---- */

/* Does the set write ASCII as ASCII, so that line ends and tags can be looked for in its bytes? */
static bool has_ascii(const char *charset)
{
    static const char probe[] = "Subject: <pre>\r\n";
    char *ascii = g_convert(probe, -1, charset, "UTF-8", NULL, NULL, NULL);
    bool same = ascii != NULL && strcmp(ascii, probe) == 0;
    g_free(ascii);
    return same;
}

static const char *charset_or_ascii(const char *charset)
{
    return charset != NULL ? charset : "us-ascii";
}

char *main_part_encode(const char *text, const char *charset)
{
    charset = charset_or_ascii(charset);
    return has_ascii(charset)
               ? g_convert_with_fallback(text, -1, charset, "UTF-8", "?", NULL, NULL, NULL)
               : NULL;
}

char *main_part_decode(const char *text, size_t length, const char *charset)
{
    gsize made = 0;
    char *out;
    charset = charset_or_ascii(charset);
    if (length > G_MAXSSIZE || memchr(text, '\0', length) != NULL || !has_ascii(charset))
        return NULL;
    out = g_convert(text, (gssize)length, "UTF-8", charset, NULL, &made, NULL);
    if (out != NULL && (strlen(out) != made || !g_utf8_validate(out, -1, NULL))) {
        g_free(out);
        out = NULL;
    }
    return out;
}

/* ---- One part ---- */

/* Copy to a writer of base64. */
static int encode_range(BIO *writer, const struct spool *text, off_t from, off_t to)
{
    char *chunk = malloc(CHUNK_BYTES);
    int rc = chunk != NULL ? 0 : -1;
    while (rc == 0 && from < to) {
        size_t want = to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES;
        ssize_t n = spool_read(text, chunk, want, from);
        if (n <= 0 || BIO_write(writer, chunk, (int)n) != (int)n)
            rc = -1;
        from += n > 0 ? n : 0;
    }
    if (chunk != NULL)
        OPENSSL_cleanse(chunk, CHUNK_BYTES);
    free(chunk);
    return rc;
}

/* The changed text, in base64 or as it is. Returns 0, -1 with errno. */
static int write_body(const struct view *plain, const struct main_part_change *change, bool base64,
                      struct spool *out)
{
    const char *insert = change->insert != NULL ? change->insert : "";
    BIO *writer;
    int rc = -1;
    if (!base64)
        return spool_copy(out, plain->text, plain->from, change->from) != 0 ||
                       spool_puts(out, insert) != 0
                   ? -1
                   : spool_copy(out, plain->text, change->to, plain->to);
    writer = base64_writer(out);
    if (writer != NULL && encode_range(writer, plain->text, plain->from, change->from) == 0 &&
        (*insert == '\0' ||
         BIO_write(writer, insert, (int)strlen(insert)) == (int)strlen(insert)) &&
        encode_range(writer, plain->text, change->to, plain->to) == 0)
        rc = base64_writer_end(writer);
    BIO_free(writer);
    return rc;
}

/* The header of a part that is changed: 0 with *out filled; 1 when its type cannot be marked; -1
 * out of memory. */
static int mark_header(const struct header *header, bool marked, bool base64, struct header *out)
{
    static const char *const drop[] = {LEGACY_DISPLAY_PARAMETER};
    if (marked && header_count(header, "Content-Type") == 0 &&
        header_add(out, "Content-Type",
                   " text/plain; charset=us-ascii;\r\n\t" LEGACY_DISPLAY_PARAMETER "=\"1\"") != 0)
        return -1;
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        char *value = NULL;
        int rc = 0;
        if (strcasecmp(field->name, "Content-Type") == 0) {
            rc = media_parameter_change(field->value, drop, 1,
                                        marked ? LEGACY_DISPLAY_PARAMETER : NULL, "1", &value);
            if (rc == 0 && value == NULL)
                return 1;
        } else if (base64 && strcasecmp(field->name, "Content-Transfer-Encoding") == 0) {
            value = strdup(" base64");
            rc = value != NULL ? 0 : -1;
        }
        if (rc == 0)
            rc = header_add(out, field->name, value != NULL ? value : field->value);
        free(value);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static bool is_attachment(const struct header *header)
{
    const struct header_field *field = header_get(header, "Content-Disposition", 0);
    const char *value = field != NULL ? field->value + strspn(field->value, " \t\r\n") : "";
    return strncasecmp(value, "attachment", strlen("attachment")) == 0;
}

/* Decode the part where it is encoded: *plain is its text. SMIME_REFUSED: it cannot be read. */
static enum smime_status decode_leaf(const struct walk *walk, const struct view *view,
                                     struct view *plain, struct spool **decoded_out, char **why)
{
    enum body_encoding encoding = body_encoding_of(view->header);
    enum smime_status status;
    *plain = *view;
    if (encoding == ENCODING_IDENTITY)
        return SMIME_OK;
    *decoded_out = spool_new(spool_get_options(view->text));
    if (*decoded_out == NULL)
        return out_of_memory(why);
    status = decode_text(view->text, view->from, view->to, encoding,
                         walk->request->limits->max_message_bytes, walk->request->progress,
                         *decoded_out, why);
    *plain = (struct view){view->header, *decoded_out, 0, spool_size(*decoded_out)};
    return status;
}

/* Make the text part in `view` anew: its header in *header_out and its body behind what is in
 * *body_out already. SMIME_REFUSED, and nothing is written, where it must stay. */
static enum smime_status make_leaf(const struct walk *walk, const struct view *view,
                                   const struct media_type *media, struct header *header_out,
                                   struct spool *body_out, char **why)
{
    const struct main_parts_request *request = walk->request;
    struct main_part part = {.media = media, .html = media_type_is(media, "text", "html")};
    struct main_part_change change = {0};
    struct spool *decoded = NULL;
    enum smime_status status = decode_leaf(walk, view, &part.plain, &decoded, why);
    int rc;
    if (status == SMIME_OK)
        status = request->change(request->context, &part, &change, why);
    if (status != SMIME_OK)
        goto out;
    rc = mark_header(view->header, request->marked, decoded != NULL, header_out);
    if (rc < 0)
        status = out_of_memory(why);
    else if (rc > 0)
        status = SMIME_REFUSED;
    else if (write_body(&part.plain, &change, decoded != NULL, body_out) != 0)
        status = spool_failed(why);
out:
    spool_free(&decoded);
    g_free(change.insert);
    return status;
}

/* ---- All main parts ---- */

static enum smime_status visit(struct walk *walk, const struct view *view, off_t part_from,
                               size_t depth);

static enum smime_status visit_part(struct walk *walk, const struct view *outside,
                                    const struct multipart_part *part, size_t depth)
{
    struct header header = {0};
    struct view view = {&header, outside->text, 0, part->to};
    char *reason = NULL;
    enum smime_status status =
        layer_read_header(outside->text, part->from, part->to,
                          walk->request->limits->max_header_bytes, &header, &view.from, &reason);
    if (status == SMIME_ERROR)
        why_set(walk->why, "%s", why_text(&reason));
    if (status == SMIME_OK)
        status = visit(walk, &view, part->from, depth);
    why_free(&reason);
    header_clear(&header);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

static enum smime_status visit_parts(struct walk *walk, const struct view *view,
                                     const struct media_type *media, size_t depth)
{
    const struct smime_limits *limits = walk->request->limits;
    struct multipart parts = {0};
    size_t mains = media_type_is(media, "multipart", "alternative") ? MAIN_PARTS_MAX : 1;
    char *reason = NULL;
    enum smime_status status;
    if (media->boundary == NULL || body_encoding_of(view->header) != ENCODING_IDENTITY ||
        depth >= limits->max_nesting)
        return SMIME_OK;
    status = multipart_split(view->text, view->from, view->to, media->boundary, limits->max_parts,
                             walk->request->progress, &parts, &reason);
    if (status == SMIME_ERROR)
        why_set(walk->why, "%s", why_text(&reason));
    for (size_t i = 0; status == SMIME_OK && i < parts.count && i < mains; i++)
        status = visit_part(walk, view, &parts.parts[i], depth + 1);
    why_free(&reason);
    multipart_clear(&parts);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

/* The part with its header begins at part_from; the entity itself (part_from -1) has its header
 * apart. */
static enum smime_status visit_leaf(struct walk *walk, const struct view *view,
                                    const struct media_type *media, off_t part_from)
{
    bool whole = part_from < 0;
    struct spool *body = spool_new(spool_get_options(view->text));
    struct spool *text = spool_new(spool_get_options(view->text));
    struct header header = {0};
    char *reason = NULL;
    enum smime_status status = SMIME_ERROR;
    if (body == NULL || text == NULL) {
        why_set(&reason, "out of memory");
        goto out;
    }
    status = make_leaf(walk, view, media, &header, body, &reason);
    if (status != SMIME_OK)
        goto out;
    if ((!whole && (header_write(&header, text) != 0 || spool_puts(text, "\r\n") != 0)) ||
        spool_copy(text, body, 0, spool_size(body)) != 0) {
        status = spool_failed(&reason);
        goto out;
    }
    walk->replacements[walk->count++] =
        (struct replacement){whole ? view->from : part_from, view->to, text};
    text = NULL;
    if (whole) {
        walk->header = header;
        walk->header_changed = true;
        header = (struct header){0};
    }
out:
    if (status == SMIME_ERROR)
        why_set(walk->why, "%s", why_text(&reason));
    why_free(&reason);
    spool_free(&body);
    spool_free(&text);
    header_clear(&header);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

static enum smime_status visit(struct walk *walk, const struct view *view, off_t part_from,
                               size_t depth)
{
    struct media_type media = {0};
    enum smime_status status = media_type_read(view->header, &media, walk->why);
    if (status != SMIME_OK)
        return status;
    if (media.ambiguous != NULL || walk->count == MAIN_PARTS_MAX)
        status = SMIME_OK;
    else if (media_type_is(&media, "multipart", "alternative") ||
             media_type_is(&media, "multipart", "mixed") ||
             media_type_is(&media, "multipart", "related"))
        status = visit_parts(walk, view, &media, depth);
    else if ((media_type_is(&media, "text", "plain") || media_type_is(&media, "text", "html")) &&
             !is_attachment(view->header))
        status = visit_leaf(walk, view, &media, part_from);
    media_type_clear(&media);
    return status;
}

/* ---- The copy ---- */

static int write_copy(const struct walk *walk, const struct view *entity, struct spool *out)
{
    off_t at = entity->from;
    for (size_t i = 0; i < walk->count; i++) {
        const struct replacement *replacement = &walk->replacements[i];
        if (spool_copy(out, entity->text, at, replacement->from) != 0 ||
            spool_copy(out, replacement->text, 0, spool_size(replacement->text)) != 0)
            return -1;
        at = replacement->to;
    }
    return spool_copy(out, entity->text, at, entity->to);
}

enum smime_status main_parts_change(const struct view *entity,
                                    const struct main_parts_request *request, struct entity *out,
                                    bool *done_out, char **why)
{
    struct walk walk = {.request = request, .why = why};
    enum smime_status status;
    *out = (struct entity){0};
    *done_out = false;
    gmime_start();
    status = visit(&walk, entity, -1, 0);
    if (status != SMIME_OK || walk.count == 0)
        goto out;
    out->body = spool_new(spool_get_options(entity->text));
    if (out->body == NULL ||
        header_copy(&out->header, walk.header_changed ? &walk.header : entity->header) != 0)
        status = out_of_memory(why);
    else if (write_copy(&walk, entity, out->body) != 0)
        status = spool_failed(why);
    *done_out = status == SMIME_OK;
out:
    for (size_t i = 0; i < walk.count; i++)
        spool_free(&walk.replacements[i].text);
    header_clear(&walk.header);
    if (!*done_out)
        entity_clear(out);
    return status;
}
