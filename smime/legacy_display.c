/* Showing a hidden Subject to readers whose program does not know of header protection. */
#include "legacy_display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <openssl/crypto.h>

#include "base64_writer.h"
#include "decode.h"
#include "gmime_start.h"
#include "layer.h"
#include "media_parameter.h"
#include "media_type.h"
#include "multipart_split.h"
#include "subject.h"
#include "why.h"

#define CHUNK_BYTES 32768

/* A part that is replaced, header and all; or the body of the message. */
struct replacement {
    off_t from, to;
    struct spool *text;
};

struct display {
    char *subject; /* UTF-8, one line */
    const struct smime_limits *limits;
    const struct smime_progress *progress;
    struct replacement replacements[LEGACY_DISPLAY_LEAVES];
    size_t count;
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

/* ---- What is inserted ---- */

/* The line in the character set of the part; NULL where that is unknown, or writes ASCII
 * otherwise. */
static char *line_in(const char *line, const char *charset)
{
    static const char probe[] = "Subject: <pre>\r\n";
    char *ascii = g_convert(probe, -1, charset, "UTF-8", NULL, NULL, NULL);
    char *out = NULL;
    if (ascii != NULL && strcmp(ascii, probe) == 0)
        out = g_convert_with_fallback(line, -1, charset, "UTF-8", "?", NULL, NULL, NULL);
    g_free(ascii);
    return out;
}

static char *insertion(const struct display *display, const struct media_type *media, bool html)
{
    const char *charset = media->charset != NULL ? media->charset : "us-ascii";
    char *line = html ? g_markup_printf_escaped("\r\n<div class=\"" LEGACY_DISPLAY_CLASS
                                                "\">\r\n<pre>Subject: %s</pre>\r\n</div>\r\n",
                                                display->subject)
                      : g_strdup_printf("Subject: %s\r\n\r\n", display->subject);
    char *out = line_in(line, charset);
    g_free(line);
    return out;
}

/* ---- Where it goes ---- */

/* Behind the tag that begins at `at`; NULL when it does not end. */
static const char *tag_end(const char *at)
{
    char quote = '\0';
    for (; *at != '\0'; at++)
        if (quote != '\0')
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else if (*at == '>')
            return at + 1;
    return NULL;
}

/* Behind <body>; NULL when there is none. */
static const char *body_start(const char *html)
{
    while ((html = strchr(html, '<')) != NULL) {
        if (strncmp(html, "<!--", 4) == 0)
            html = strstr(html, "-->");
        else if (strncasecmp(html, "<body", 5) == 0 && strchr(" \t\r\n>/", html[5]) != NULL)
            return tag_end(html);
        else
            html++;
        if (html == NULL)
            return NULL;
    }
    return NULL;
}

/* Has the text no structure at all, as some programs write it? */
static bool is_fragment(const char *html)
{
    return strcasestr(html, "<html") == NULL && strcasestr(html, "<head") == NULL &&
           strcasestr(html, "<body") == NULL && strcasestr(html, "<!doctype") == NULL;
}

/* Where in [from, to) of an HTML text the reader's text begins: *out, -1 when that is not clear. */
static enum smime_status find_body(const struct spool *text, off_t from, off_t to, off_t *out,
                                   char **why)
{
    size_t want =
        to - from < LEGACY_DISPLAY_SEARCH_BYTES ? (size_t)(to - from) : LEGACY_DISPLAY_SEARCH_BYTES;
    char *html = malloc(want + 1);
    const char *found;
    ssize_t n;
    *out = -1;
    if (html == NULL)
        return out_of_memory(why);
    n = spool_read(text, html, want, from);
    if (n < 0) {
        free(html);
        return spool_failed(why);
    }
    html[n] = '\0';
    found = is_fragment(html) ? html : body_start(html);
    if (found != NULL)
        *out = from + (found - html);
    OPENSSL_cleanse(html, want);
    free(html);
    return SMIME_OK;
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

/* [from, to) of `text` with `insert` at `at`, in base64 or as it is. Returns 0, -1 with errno. */
static int write_body(const struct view *plain, off_t at, const char *insert, bool base64,
                      struct spool *out)
{
    BIO *writer;
    int rc = -1;
    if (!base64)
        return spool_copy(out, plain->text, plain->from, at) != 0 || spool_puts(out, insert) != 0
                   ? -1
                   : spool_copy(out, plain->text, at, plain->to);
    writer = base64_writer(out);
    if (writer != NULL && encode_range(writer, plain->text, plain->from, at) == 0 &&
        BIO_write(writer, insert, (int)strlen(insert)) == (int)strlen(insert) &&
        encode_range(writer, plain->text, at, plain->to) == 0)
        rc = base64_writer_end(writer);
    BIO_free(writer);
    return rc;
}

/* The header of a part that gets a display: 0 with *out filled; 1 when its type cannot be marked;
 * -1 out of memory. */
static int mark_header(const struct header *header, bool base64, struct header *out)
{
    static const char *const drop[] = {LEGACY_DISPLAY_PARAMETER};
    if (header_count(header, "Content-Type") == 0 &&
        header_add(out, "Content-Type",
                   " text/plain; charset=us-ascii;\r\n\t" LEGACY_DISPLAY_PARAMETER "=\"1\"") != 0)
        return -1;
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        char *value = NULL;
        int rc = 0;
        if (strcasecmp(field->name, "Content-Type") == 0) {
            rc = media_parameter_change(field->value, drop, 1, LEGACY_DISPLAY_PARAMETER, "1",
                                        &value);
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
static enum smime_status decode_leaf(const struct display *display, const struct view *view,
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
                         display->limits->max_message_bytes, display->progress, *decoded_out, why);
    *plain = (struct view){view->header, *decoded_out, 0, spool_size(*decoded_out)};
    return status;
}

/* Make the text part in `view` anew: its header in *header_out and its body behind what is in `out`
 * already (that is *body_out). SMIME_REFUSED, and nothing is written, where it must stay. */
static enum smime_status make_leaf(const struct display *display, const struct view *view,
                                   const struct media_type *media, struct header *header_out,
                                   struct spool *body_out, char **why)
{
    bool html = media_type_is(media, "text", "html");
    char *insert = insertion(display, media, html);
    struct spool *decoded = NULL;
    struct view plain;
    off_t at;
    enum smime_status status = SMIME_REFUSED;
    int rc;
    if (insert == NULL)
        goto out;
    status = decode_leaf(display, view, &plain, &decoded, why);
    if (status != SMIME_OK)
        goto out;
    at = plain.from;
    if (html)
        status = find_body(plain.text, plain.from, plain.to, &at, why);
    if (status != SMIME_OK)
        goto out;
    rc = at >= 0 ? mark_header(view->header, decoded != NULL, header_out) : 1;
    if (rc < 0)
        status = out_of_memory(why);
    else if (rc > 0)
        status = SMIME_REFUSED;
    else if (write_body(&plain, at, insert, decoded != NULL, body_out) != 0)
        status = spool_failed(why);
out:
    spool_free(&decoded);
    g_free(insert);
    return status;
}

/* ---- All main parts ---- */

static enum smime_status visit(struct display *display, const struct view *view, off_t part_from,
                               size_t depth, struct header *header_out);

static enum smime_status visit_part(struct display *display, const struct view *outside,
                                    const struct multipart_part *part, size_t depth)
{
    struct header header = {0};
    struct view view = {&header, outside->text, 0, part->to};
    char *reason = NULL;
    enum smime_status status =
        layer_read_header(outside->text, part->from, part->to, display->limits->max_header_bytes,
                          &header, &view.from, &reason);
    if (status == SMIME_ERROR)
        why_set(display->why, "%s", why_text(&reason));
    if (status == SMIME_OK)
        status = visit(display, &view, part->from, depth, NULL);
    why_free(&reason);
    header_clear(&header);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

static enum smime_status visit_parts(struct display *display, const struct view *view,
                                     const struct media_type *media, size_t depth)
{
    struct multipart parts = {0};
    size_t mains = media_type_is(media, "multipart", "alternative") ? LEGACY_DISPLAY_LEAVES : 1;
    char *reason = NULL;
    enum smime_status status;
    if (media->boundary == NULL || body_encoding_of(view->header) != ENCODING_IDENTITY ||
        depth >= display->limits->max_nesting)
        return SMIME_OK;
    status = multipart_split(view->text, view->from, view->to, media->boundary,
                             display->limits->max_parts, display->progress, &parts, &reason);
    if (status == SMIME_ERROR)
        why_set(display->why, "%s", why_text(&reason));
    for (size_t i = 0; status == SMIME_OK && i < parts.count && i < mains; i++)
        status = visit_part(display, view, &parts.parts[i], depth + 1);
    why_free(&reason);
    multipart_clear(&parts);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

/* The part with its header begins at part_from; the message (header_out not NULL) has its header
 * apart. */
static enum smime_status visit_leaf(struct display *display, const struct view *view,
                                    const struct media_type *media, off_t part_from,
                                    struct header *header_out)
{
    struct spool *body = spool_new(spool_get_options(view->text));
    struct spool *whole = spool_new(spool_get_options(view->text));
    struct header header = {0};
    char *reason = NULL;
    enum smime_status status = SMIME_ERROR;
    if (body == NULL || whole == NULL) {
        why_set(&reason, "out of memory");
        goto out;
    }
    status = make_leaf(display, view, media, &header, body, &reason);
    if (status != SMIME_OK)
        goto out;
    if ((header_out == NULL &&
         (header_write(&header, whole) != 0 || spool_puts(whole, "\r\n") != 0)) ||
        spool_copy(whole, body, 0, spool_size(body)) != 0) {
        status = spool_failed(&reason);
        goto out;
    }
    display->replacements[display->count++] =
        (struct replacement){header_out == NULL ? part_from : view->from, view->to, whole};
    whole = NULL;
    if (header_out != NULL) {
        *header_out = header;
        header = (struct header){0};
    }
out:
    if (status == SMIME_ERROR)
        why_set(display->why, "%s", why_text(&reason));
    why_free(&reason);
    spool_free(&body);
    spool_free(&whole);
    header_clear(&header);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

static enum smime_status visit(struct display *display, const struct view *view, off_t part_from,
                               size_t depth, struct header *header_out)
{
    struct media_type media = {0};
    enum smime_status status = media_type_read(view->header, &media, display->why);
    if (status != SMIME_OK)
        return status;
    if (media.ambiguous != NULL || display->count == LEGACY_DISPLAY_LEAVES)
        status = SMIME_OK;
    else if (media_type_is(&media, "multipart", "alternative") ||
             media_type_is(&media, "multipart", "mixed") ||
             media_type_is(&media, "multipart", "related"))
        status = visit_parts(display, view, &media, depth);
    else if ((media_type_is(&media, "text", "plain") || media_type_is(&media, "text", "html")) &&
             !is_attachment(view->header))
        status = visit_leaf(display, view, &media, part_from, header_out);
    media_type_clear(&media);
    return status;
}

/* ---- The copy ---- */

static int write_copy(const struct display *display, const struct spool *text, struct spool *out)
{
    off_t at = 0;
    for (size_t i = 0; i < display->count; i++) {
        const struct replacement *replacement = &display->replacements[i];
        if (spool_copy(out, text, at, replacement->from) != 0 ||
            spool_copy(out, replacement->text, 0, spool_size(replacement->text)) != 0)
            return -1;
        at = replacement->to;
    }
    return spool_copy(out, text, at, spool_size(text));
}

static int copy_fields(const struct header *from, bool content, struct header *to)
{
    for (size_t i = 0; i < from->count; i++)
        if (header_is_content(from->fields[i].name) == content &&
            header_add(to, from->fields[i].name, from->fields[i].value) != 0)
            return -1;
    return 0;
}

enum smime_status legacy_display_add(const struct entity *message,
                                     const struct smime_limits *limits,
                                     const struct smime_progress *progress, struct entity *out,
                                     bool *done_out, char **why)
{
    const struct header_field *subject = header_get(&message->header, "Subject", 0);
    struct display display = {.limits = limits, .progress = progress, .why = why};
    struct header content = {0};
    struct header changed = {0};
    struct view view = {&content, message->body, 0, spool_size(message->body)};
    enum smime_status status = SMIME_OK;
    *out = (struct entity){0};
    *done_out = false;
    gmime_start();
    display.subject =
        subject_words(subject != NULL ? subject->value : NULL, LEGACY_DISPLAY_SUBJECT_BYTES);
    /* A blank at its end would make the line flow (RFC 3676). */
    if (display.subject != NULL && *g_strchomp(display.subject) == '\0')
        goto out;
    if (display.subject == NULL || copy_fields(&message->header, true, &content) != 0)
        status = out_of_memory(why);
    if (status == SMIME_OK)
        status = visit(&display, &view, 0, 0, &changed);
    if (status != SMIME_OK || display.count == 0)
        goto out;
    out->body = spool_new(spool_get_options(message->body));
    if (out->body == NULL || copy_fields(&message->header, false, &out->header) != 0 ||
        header_copy(&out->header, changed.count > 0 ? &changed : &content) != 0)
        status = out_of_memory(why);
    else if (write_copy(&display, message->body, out->body) != 0)
        status = spool_failed(why);
    *done_out = status == SMIME_OK;
out:
    for (size_t i = 0; i < display.count; i++)
        spool_free(&display.replacements[i].text);
    free(display.subject);
    header_clear(&content);
    header_clear(&changed);
    if (!*done_out)
        entity_clear(out);
    return status;
}
