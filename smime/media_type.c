/* The media type of an entity. GMime reads the parameters (quoting, comments, RFC 2231); what two
 * mail programs could read differently is found before and called ambiguous. */
#include "media_type.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gmime_start.h"
#include "media_parameter.h"
#include "why.h"

/* Copy `text` (NULL stays NULL). Returns 0, -1 out of memory. */
static int duplicate(const char *text, char **out)
{
    *out = NULL;
    if (text == NULL)
        return 0;
    *out = strdup(text);
    return *out != NULL ? 0 : -1;
}

/* The value with its folds undone. */
static char *unfold(const char *value)
{
    char *out = malloc(strlen(value) + 1);
    char *p = out;
    if (out == NULL)
        return NULL;
    for (value += strspn(value, " \t\r\n"); *value != '\0'; value++)
        if (*value != '\r' && *value != '\n')
            *p++ = *value;
    *p = '\0';
    return out;
}

static bool boundary_is_unclear(const char *value)
{
    size_t plain;
    size_t pieces;
    bool ends = media_parameter_count(value, "boundary", &plain, &pieces);
    return plain > 1 || (plain > 0 && pieces > 0) ||
           (!ends && strcasestr(value, "boundary") != NULL);
}

/* What GMime made of a boundary must be what stands there: a boundary that ends in a blank, holds
 * a control character or is too long is cut by one program and kept by another. */
static bool boundary_is_odd(const char *boundary)
{
    size_t length = strlen(boundary);
    if (length == 0 || length > MEDIA_TYPE_MAX_BOUNDARY || boundary[length - 1] == ' ')
        return true;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)boundary[i] < ' ' || boundary[i] == 0x7f)
            return true;
    return false;
}

/* How many fields of this name are there? Blanks before the colon are obsolete syntax (RFC 5322
 * section 4.5.8), which some programs still read. */
static size_t count_fields(const struct header *header, const char *name)
{
    size_t length = strlen(name);
    size_t count = 0;
    for (size_t i = 0; i < header->count; i++) {
        const char *own = header->fields[i].name;
        count += strncasecmp(own, name, length) == 0 &&
                 own[length + strspn(own + length, " \t")] == '\0';
    }
    return count;
}

static void judge(struct media_type *media, const struct header *header, const char *value)
{
    if (count_fields(header, "Content-Type") > 1)
        why_set(&media->ambiguous, "there is more than one Content-Type field");
    else if (count_fields(header, "Content-Transfer-Encoding") > 1)
        why_set(&media->ambiguous, "there is more than one Content-Transfer-Encoding field");
    else if (value != NULL && strlen(value) > MEDIA_TYPE_MAX_BYTES)
        why_set(&media->ambiguous, "the Content-Type field has more than %d bytes",
                MEDIA_TYPE_MAX_BYTES);
    else if (value != NULL && boundary_is_unclear(value))
        why_set(&media->ambiguous, "the Content-Type field does not name one boundary clearly");
}

/* A parameter that is believed only where all programs read the same. */
static int read_plain(GMimeContentType *type, const char *value, const char *name, char **out)
{
    size_t plain;
    size_t pieces;
    if (!media_parameter_count(value, name, &plain, &pieces) || plain != 1 || pieces > 0)
        return 0;
    return duplicate(g_mime_content_type_get_parameter(type, name), out);
}

static int read_type(struct media_type *media, const char *value)
{
    GMimeContentType *type;
    const char *format;
    int rc;
    if (value == NULL || strlen(value) > MEDIA_TYPE_MAX_BYTES)
        return duplicate("text", &media->type) | duplicate("plain", &media->subtype);
    gmime_start();
    type = g_mime_content_type_parse(NULL, value);
    rc = read_plain(type, value, "hp", &media->hp) |
         read_plain(type, value, "hp-legacy-display", &media->hp_legacy_display) |
         read_plain(type, value, "protected-headers", &media->protected_headers) |
         read_plain(type, value, "forwarded", &media->forwarded) |
         duplicate(g_mime_content_type_get_media_type(type), &media->type) |
         duplicate(g_mime_content_type_get_media_subtype(type), &media->subtype) |
         duplicate(g_mime_content_type_get_parameter(type, "boundary"), &media->boundary) |
         duplicate(g_mime_content_type_get_parameter(type, "protocol"), &media->protocol) |
         duplicate(g_mime_content_type_get_parameter(type, "smime-type"), &media->smime_type) |
         duplicate(g_mime_content_type_get_parameter(type, "charset"), &media->charset) |
         duplicate(g_mime_content_type_get_parameter(type, "name"), &media->name);
    media->plain = rc == 0 && media_value_is_plain(value, media->boundary);
    format = g_mime_content_type_get_parameter(type, "format");
    media->flowed = format != NULL && strcasecmp(format, "flowed") == 0;
    g_object_unref(type);
    if (media->boundary != NULL && boundary_is_odd(media->boundary) && media->ambiguous == NULL)
        why_set(&media->ambiguous, "the boundary in the Content-Type field is not a proper one");
    return rc;
}

static int read_disposition(struct media_type *media, const struct header *header)
{
    const struct header_field *field = header_get(header, "Content-Disposition", 0);
    GMimeContentDisposition *disposition;
    const char *name;
    char *value;
    int rc = 0;
    if (field == NULL || strlen(field->value) > MEDIA_TYPE_MAX_BYTES)
        return 0;
    value = unfold(field->value);
    if (value == NULL)
        return -1;
    gmime_start();
    disposition = g_mime_content_disposition_parse(NULL, value);
    free(value);
    if (disposition == NULL)
        return 0;
    name = g_mime_content_disposition_get_parameter(disposition, "filename");
    if (name != NULL) {
        free(media->name);
        rc = duplicate(name, &media->name);
    }
    g_object_unref(disposition);
    return rc;
}

enum smime_status media_type_read(const struct header *header, struct media_type *out, char **why)
{
    const struct header_field *field = header_get(header, "Content-Type", 0);
    char *value = NULL;
    enum smime_status status = SMIME_ERROR;
    *out = (struct media_type){0};
    if (field != NULL) {
        value = unfold(field->value);
        if (value == NULL)
            goto out;
    }
    judge(out, header, value);
    if (read_type(out, value) != 0 || read_disposition(out, header) != 0)
        goto out;
    status = SMIME_OK;
out:
    free(value);
    if (status != SMIME_OK) {
        why_set(why, "out of memory");
        media_type_clear(out);
    }
    return status;
}

bool media_type_is(const struct media_type *media, const char *type, const char *subtype)
{
    return media->type != NULL && strcasecmp(media->type, type) == 0 &&
           (subtype == NULL ||
            (media->subtype != NULL && strcasecmp(media->subtype, subtype) == 0));
}

bool media_type_is_cms(const struct media_type *media)
{
    return media_type_is(media, "application", "pkcs7-mime") ||
           media_type_is(media, "application", "x-pkcs7-mime");
}

bool media_type_is_signature(const struct media_type *media)
{
    return media_type_is(media, "application", "pkcs7-signature") ||
           media_type_is(media, "application", "x-pkcs7-signature");
}

bool media_type_names_signature(const char *protocol)
{
    return protocol != NULL && (strcasecmp(protocol, "application/pkcs7-signature") == 0 ||
                                strcasecmp(protocol, "application/x-pkcs7-signature") == 0);
}

bool media_type_is_tnef(const struct media_type *media)
{
    return media_type_is(media, "application", "ms-tnef") ||
           media_type_is(media, "application", "vnd.ms-tnef") ||
           media_type_has_suffix(media, "winmail.dat");
}

bool media_type_has_suffix(const struct media_type *media, const char *suffix)
{
    size_t length = media->name != NULL ? strlen(media->name) : 0;
    size_t wanted = strlen(suffix);
    return length >= wanted && strcasecmp(media->name + length - wanted, suffix) == 0;
}

void media_type_clear(struct media_type *media)
{
    if (media == NULL)
        return;
    free(media->type);
    free(media->subtype);
    free(media->boundary);
    free(media->protocol);
    free(media->smime_type);
    free(media->charset);
    free(media->name);
    free(media->hp);
    free(media->hp_legacy_display);
    free(media->protected_headers);
    free(media->forwarded);
    why_free(&media->ambiguous);
    *media = (struct media_type){0};
}
