/* One part that does not consist of others, written so that nothing in it is active: by a list of
 * what is harmless, since nobody knows all that is not. */
#include "defang_leaf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <openssl/crypto.h>

#include "decode.h"
#include "gmime_start.h"
#include "html_inert.h"
#include "unseen.h"
#include "why.h"

#define NAME_MAX_CHARACTERS 100
#define CHARSET_MAX_BYTES 40
/* Quoted-printable takes three characters for an octet. */
#define HTML_MAX_ENCODED_BYTES ((off_t)HTML_INERT_MAX_BYTES * 4)

/* No scripts, no addresses in them. */
static const char *const pictures[] = {"avif", "bmp", "gif", "heic", "heif",
                                       "jpeg", "jpg", "png", "tiff", "webp"};

/* Names that have a file shown in a mail program, or opened as something that loads. */
static const char *const active_suffixes[] = {
    "-ms",    ".asx", ".atom", ".desktop", ".eml",     ".hta",       ".htc",  ".htm", ".html",
    ".ics",   ".iqy", ".jnlp", ".js",      ".lnk",     ".m3u",       ".m3u8", ".mht", ".mhtm",
    ".mhtml", ".msg", ".p7c",  ".p7m",     ".p7s",     ".p7z",       ".pgp",  ".pls", ".rdp",
    ".rss",   ".scf", ".shtm", ".shtml",   ".slk",     ".svg",       ".svgz", ".swf", ".url",
    ".vbs",   ".vcf", ".wax",  ".webloc",  ".website", ".wpl",       ".wsf",  ".wvx", ".xht",
    ".xhtml", ".xml", ".xsl",  ".xslt",    ".xspf",    "winmail.dat"};

static enum smime_status write_failed(char **why)
{
    why_set(why, "cannot write the spool: %s", strerror(errno));
    return SMIME_ERROR;
}

static enum smime_status no_memory(char **why)
{
    why_set(why, "out of memory");
    return SMIME_ERROR;
}

/* ---- Names ---- */

static bool is_active(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof active_suffixes / sizeof *active_suffixes; i++) {
        size_t n = strlen(active_suffixes[i]);
        if (length >= n && strcasecmp(name + length - n, active_suffixes[i]) == 0)
            return true;
    }
    return false;
}

/* Formatting characters turn "txt.exe" round, a directory leads out of where files are saved, and
 * blanks of any kind at the end are left out by whoever saves them. */
static gunichar in_name(gunichar c)
{
    if (g_unichar_isspace(c))
        return ' ';
    if (c < 0x80 && strchr("/\\:", (int)c) != NULL)
        return '_';
    return g_unichar_isprint(c) && !unseen_character(c) ? c : 0;
}

char *defang_name(const char *name)
{
    char *valid = g_utf8_make_valid(name != NULL ? name : "", -1);
    glong count = g_utf8_strlen(valid, -1);
    /* The end of a name says what it is. */
    const char *at = g_utf8_offset_to_pointer(
        valid, count > NAME_MAX_CHARACTERS ? count - NAME_MAX_CHARACTERS : 0);
    GString *out = g_string_new(NULL);
    char *made;
    for (; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = in_name(g_utf8_get_char(at));
        if (c != 0)
            g_string_append_unichar(out, c);
    }
    while (out->len > 0 && strchr(". ", out->str[out->len - 1]) != NULL)
        g_string_truncate(out, out->len - 1);
    if (out->len == 0)
        g_string_assign(out, "file.bin");
    else if (is_active(out->str))
        g_string_append(out, ".txt");
    made = strdup(out->str);
    g_string_free(out, TRUE);
    g_free(valid);
    return made;
}

static bool is_plain_name(const char *name)
{
    for (; *name != '\0'; name++)
        if (!g_ascii_isalnum(*name) && strchr("._-()+,@# ", *name) == NULL)
            return false;
    return true;
}

/* RFC 2183; beyond ASCII RFC 2231 section 4. */
static int put_name(FILE *out, const char *name)
{
    char *safe = defang_name(name);
    if (safe == NULL)
        return -1;
    if (is_plain_name(safe)) {
        fprintf(out, ";\r\n filename=\"%s\"", safe);
    } else {
        fputs(";\r\n filename*=utf-8''", out);
        for (const char *p = safe; *p != '\0'; p++)
            if (g_ascii_isalnum(*p) || *p == '.' || *p == '-' || *p == '_')
                putc(*p, out);
            else
                fprintf(out, "%%%02X", (unsigned char)*p);
    }
    free(safe);
    return 0;
}

/* ---- Header fields ---- */

static bool is_attachment(const struct header *header)
{
    static const char attachment[] = "attachment";
    const struct header_field *field = header_get(header, "Content-Disposition", 0);
    return field != NULL && strncasecmp(field->value + strspn(field->value, " \t\r\n"), attachment,
                                        strlen(attachment)) == 0;
}

static void put_charset(FILE *out, const char *charset)
{
    size_t length = charset != NULL ? strlen(charset) : 0;
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(charset[i]) && strchr("-_.:+", charset[i]) == NULL)
            length = 0;
    if (length > 0 && length <= CHARSET_MAX_BYTES)
        fprintf(out, "; charset=%s", charset[0] == ':' ? "unknown" : charset);
}

static const char *encoding_field(const struct header *header)
{
    switch (body_encoding_of(header)) {
    case ENCODING_BASE64:
        return "Content-Transfer-Encoding: base64\r\n";
    case ENCODING_QUOTED_PRINTABLE:
        return "Content-Transfer-Encoding: quoted-printable\r\n";
    case ENCODING_IDENTITY:
    case ENCODING_UNKNOWN:
        break;
    }
    return "";
}

/* The header, and the body as it is: whatever a decoder makes of it, it is taken for `type` only.
 */
static enum smime_status write_leaf(const struct view *view, const struct media_type *media,
                                    const char *type, const char *disposition, struct spool *out,
                                    char **why)
{
    char *head = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&head, &length);
    enum smime_status status = SMIME_OK;
    bool named = true;
    if (stream == NULL)
        return no_memory(why);
    fprintf(stream, "Content-Type: %s", type);
    if (strcmp(type, "text/plain") == 0) {
        put_charset(stream, media->charset);
        fputs(media->flowed ? "; format=flowed" : "", stream);
    }
    fprintf(stream, "\r\n%s", encoding_field(view->header));
    if (disposition != NULL) {
        fprintf(stream, "Content-Disposition: %s", disposition);
        named = put_name(stream, media->name) == 0;
        fputs("\r\n", stream);
    }
    fputs("\r\n", stream);
    if (fclose(stream) != 0 || !named)
        status = no_memory(why);
    else if (spool_write(out, head, length) != 0 ||
             spool_copy(out, view->text, view->from, view->to) != 0)
        status = write_failed(why);
    free(head);
    return status;
}

enum smime_status defang_as_text(const struct view *view, const struct media_type *media,
                                 struct spool *out, char **why)
{
    return write_leaf(view, media, "text/plain", NULL, out, why);
}

enum smime_status defang_as_file(const struct view *view, const struct media_type *media,
                                 struct spool *out, char **why)
{
    return write_leaf(view, media, "application/octet-stream", "attachment", out, why);
}

/* ---- HTML ---- */

struct html {
    char *bytes; /* with room for more than there are */
    size_t room;
    size_t length;
};

static void html_clear(struct html *html)
{
    if (html->bytes != NULL)
        OPENSSL_cleanse(html->bytes, html->room);
    free(html->bytes);
    *html = (struct html){0};
}

static GMimeContentEncoding gmime_encoding(const struct header *header)
{
    switch (body_encoding_of(header)) {
    case ENCODING_BASE64:
        return GMIME_CONTENT_ENCODING_BASE64;
    case ENCODING_QUOTED_PRINTABLE:
        return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
    case ENCODING_IDENTITY:
    case ENCODING_UNKNOWN:
        break;
    }
    return GMIME_CONTENT_ENCODING_BINARY;
}

/* The body of the view, its encoding undone, however broken that may be. The caller knows that it
 * is small enough. */
static enum smime_status read_html(const struct view *view, struct html *out, char **why)
{
    size_t size = (size_t)(view->to - view->from);
    struct html raw = {.bytes = malloc(size + 1), .room = size + 1};
    GMimeEncoding encoding;
    enum smime_status status = SMIME_ERROR;
    g_mime_encoding_init_decode(&encoding, gmime_encoding(view->header));
    out->room = g_mime_encoding_outlen(&encoding, size) + 1;
    out->bytes = malloc(out->room);
    if (raw.bytes == NULL || out->bytes == NULL) {
        why_set(why, "out of memory");
    } else if (spool_read(view->text, raw.bytes, size, view->from) != (ssize_t)size) {
        why_set(why, "cannot read the spool: %s", strerror(errno));
    } else {
        out->length = g_mime_encoding_flush(&encoding, raw.bytes, size, out->bytes);
        status = SMIME_OK;
    }
    html_clear(&raw);
    return status;
}

/* In UTF-8: from what the part says it is in; what says nothing and is no UTF-8 is Western, mostly.
 * NULL out of memory. */
static char *to_utf8(const struct html *html, const char *charset, size_t *length_out)
{
    GMimeFilter *filter = NULL;
    char *made = html->bytes;
    char *valid;
    size_t length = html->length;
    size_t before = 0;
    if (charset == NULL && !g_utf8_validate(html->bytes, (gssize)html->length, NULL))
        charset = "windows-1252";
    if (charset != NULL && strlen(charset) <= CHARSET_MAX_BYTES)
        filter = g_mime_filter_charset_new(charset, "utf-8");
    if (filter != NULL)
        g_mime_filter_complete(filter, html->bytes, html->length, 0, &made, &length, &before);
    valid = g_utf8_make_valid(made, (gssize)length);
    *length_out = strlen(valid);
    if (filter != NULL)
        g_object_unref(filter);
    return valid;
}

/* SMIME_REFUSED: it has to be shown as its source. */
static enum smime_status make_inert(const struct view *view, const struct media_type *media,
                                    size_t *html_left, struct spool *made, char **why)
{
    struct html html = {0};
    char *text = NULL;
    size_t length = 0;
    enum smime_status status = SMIME_REFUSED;
    if (view->to - view->from > HTML_MAX_ENCODED_BYTES)
        return status;
    status = read_html(view, &html, why);
    if (status != SMIME_OK)
        goto out;
    text = to_utf8(&html, media->charset, &length);
    status = SMIME_REFUSED;
    if (length <= *html_left) {
        *html_left -= length;
        status = html_inert(text, length, made, why);
    }
out:
    if (text != NULL)
        OPENSSL_cleanse(text, length);
    g_free(text);
    html_clear(&html);
    return status;
}

static enum smime_status write_html(const struct view *view, const struct media_type *media,
                                    size_t *html_left, struct spool *out, char **why)
{
    struct spool *made = spool_new(spool_get_options(out));
    char *reason = NULL;
    enum smime_status status;
    if (made == NULL)
        return no_memory(why);
    status = make_inert(view, media, html_left, made, &reason);
    if (status == SMIME_REFUSED)
        status = defang_as_text(view, media, out, why);
    else if (status == SMIME_ERROR)
        why_set(why, "%s", why_text(&reason));
    else if (spool_puts(out, "Content-Type: text/html; charset=utf-8\r\n\r\n") != 0 ||
             spool_copy(out, made, 0, spool_size(made)) != 0)
        status = write_failed(why);
    why_free(&reason);
    spool_free(&made);
    return status;
}

/* ---- By its type ---- */

static const char *disposition_of(const struct view *view, const struct media_type *media)
{
    if (is_attachment(view->header))
        return "attachment";
    return media->name != NULL ? "inline" : NULL;
}

enum smime_status defang_leaf(const struct view *view, const struct media_type *media,
                              size_t *html_left, struct spool *out, char **why)
{
    char type[32];
    gmime_start();
    if (media_type_is(media, "text", "plain"))
        return write_leaf(view, media, "text/plain", disposition_of(view, media), out, why);
    if (media_type_is(media, "text", "html") || media_type_is(media, "application", "xhtml+xml"))
        return write_html(view, media, html_left, out, why);
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (media_type_is(media, "image", pictures[i])) {
            (void)snprintf(type, sizeof type, "image/%s", pictures[i]);
            return write_leaf(view, media, type, disposition_of(view, media), out, why);
        }
    return defang_as_file(view, media, out, why);
}
