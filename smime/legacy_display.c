/* Showing what is hidden of a header to readers whose program does not know of header protection.
 */
#include "legacy_display.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <openssl/crypto.h>

#include "main_parts.h"
#include "subject.h"
#include "why.h"

/* What CONFIDENTIALITY_BASELINE hides and people want to see. */
static const char *const shown[] = {"Subject", "Keywords", "Comments"};

static enum smime_status out_of_memory(char **why)
{
    why_set(why, "out of memory");
    return SMIME_ERROR;
}

/* ---- What is inserted ---- */

static bool is_shown(const char *name)
{
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (strcasecmp(name, shown[i]) == 0)
            return true;
    return false;
}

/* The fields as lines of UTF-8, with CRLF between them: *out, "" when there is nothing to be
 * shown. Returns 0, -1 out of memory. */
static int lines_of(const struct header *header, char **out)
{
    GString *lines = g_string_new(NULL);
    size_t count = 0;
    for (size_t i = 0; i < header->count && count < LEGACY_DISPLAY_FIELDS; i++) {
        const struct header_field *field = &header->fields[i];
        char *words;
        if (!is_shown(field->name))
            continue;
        words = subject_words(field->value, LEGACY_DISPLAY_FIELD_BYTES);
        if (words == NULL) {
            g_string_free(lines, TRUE);
            return -1;
        }
        /* A blank at its end would make the line flow (RFC 3676). */
        if (*g_strchomp(words) != '\0') {
            g_string_append_printf(lines, "%s%s: %s", count > 0 ? "\r\n" : "", field->name, words);
            count++;
        }
        free(words);
    }
    *out = g_string_free(lines, FALSE);
    return 0;
}

static char *insertion(const char *lines, const struct main_part *part)
{
    char *text = part->html ? g_markup_printf_escaped("\r\n<div class=\"" LEGACY_DISPLAY_CLASS
                                                      "\">\r\n<pre>%s</pre>\r\n</div>\r\n",
                                                      lines)
                            : g_strdup_printf("%s\r\n\r\n", lines);
    char *out = main_part_encode(text, part->media->charset);
    g_free(text);
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
        why_set(why, "cannot read the message: %s", strerror(errno));
        return SMIME_ERROR;
    }
    html[n] = '\0';
    found = is_fragment(html) ? html : body_start(html);
    if (found != NULL)
        *out = from + (found - html);
    OPENSSL_cleanse(html, want);
    free(html);
    return SMIME_OK;
}

static enum smime_status insert(void *context, const struct main_part *part,
                                struct main_part_change *out, char **why)
{
    const struct view *plain = &part->plain;
    enum smime_status status = SMIME_OK;
    out->from = plain->from;
    if (part->html)
        status = find_body(plain->text, plain->from, plain->to, &out->from, why);
    if (status != SMIME_OK)
        return status;
    out->to = out->from;
    out->insert = out->from >= 0 ? insertion(context, part) : NULL;
    return out->insert != NULL ? SMIME_OK : SMIME_REFUSED;
}

/* ---- The message ---- */

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
    char *lines = NULL;
    struct main_parts_request request = {
        .change = insert, .marked = true, .limits = limits, .progress = progress};
    struct header content = {0};
    struct entity changed = {0};
    struct view view = {&content, message->body, 0, spool_size(message->body)};
    enum smime_status status = SMIME_OK;
    bool done = false;
    *out = (struct entity){0};
    *done_out = false;
    if (lines_of(&message->header, &lines) != 0 ||
        copy_fields(&message->header, true, &content) != 0)
        status = out_of_memory(why);
    request.context = lines;
    if (status == SMIME_OK && *lines != '\0')
        status = main_parts_change(&view, &request, &changed, &done, why);
    if (status != SMIME_OK || !done)
        goto out;
    if (copy_fields(&message->header, false, &out->header) != 0 ||
        header_copy(&out->header, &changed.header) != 0) {
        status = out_of_memory(why);
        goto out;
    }
    out->body = changed.body;
    changed.body = NULL;
    *done_out = true;
out:
    g_free(lines);
    header_clear(&content);
    entity_clear(&changed);
    if (!*done_out)
        entity_clear(out);
    return status;
}
