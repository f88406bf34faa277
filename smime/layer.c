/* Finding the outermost S/MIME layer of an entity.
 *
 * The media type only makes an entity a candidate; what it is, the CMS inside says. Whatever could
 * be read differently by the program that shows the message is a fault or no layer, never valid. */
#include "layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "decode.h"
#include "media_parameter.h"
#include "media_type.h"
#include "multipart_split.h"
#include "why.h"

#define UNCLEAR_TYPE "the Content-Type field is written so that programs could read it differently"
#define PEEK_TEXT_BYTES 512 /* of an encoded body, to tell its CMS content type */

struct finder {
    const struct view *view;
    const struct smime_limits *limits;
    const struct smime_progress *progress;
    struct media_type media;
    struct found_layer *out;
    char **why;
};

enum smime_status layer_read_header(const struct spool *text, off_t from, off_t to,
                                    size_t max_bytes, struct header *header_out, off_t *body_out,
                                    char **why)
{
    errno = 0;
    if (header_parse(text, from, to, max_bytes, header_out, body_out, why) == 0)
        return SMIME_OK;
    return errno == 0 ? SMIME_REFUSED : SMIME_ERROR;
}

/* A fault of the message in what claims to be a layer of this kind. */
static void set_fault(struct finder *finder, enum layer_kind kind, const char *prefix,
                      const char *text)
{
    finder->out->found = true;
    finder->out->kind = kind;
    why_set(&finder->out->fault, "%s%s", prefix, text);
}

static bool is_attachment(const struct header *header)
{
    static const char attachment[] = "attachment";
    const struct header_field *field = header_get(header, "Content-Disposition", 0);
    return field != NULL && header_count(header, "Content-Disposition") == 1 &&
           strncasecmp(field->value + strspn(field->value, " \t\r\n"), attachment,
                       strlen(attachment)) == 0;
}

/* ".p7s", or the same as RFC 2231 and RFC 2047 write it. */
static bool ends_in_signature(const char *from, const char *to)
{
    while (to > from && strchr(" \t\r\n\"'", to[-1]) != NULL)
        to--;
    if (to - from > 2 && strncmp(to - 2, "?=", 2) == 0)
        to -= 2;
    return to - from > 4 &&
           (strncasecmp(to - 3, "p7s", 3) == 0 || strncasecmp(to - 3, "p7m", 3) == 0) &&
           (to[-4] == '.' || strncasecmp(to - 5, "2e", 2) == 0);
}

/* Is the file that the field names, if it names one, a signature for every program? Of two names
 * some take the first and some the last. */
static bool names_signature(const struct header *header, const char *name, const char *parameter,
                            const struct media_type *media)
{
    const struct header_field *field = header_get(header, name, 0);
    const char *at;
    size_t plain;
    size_t pieces;
    if (field == NULL)
        return true;
    if (header_count(header, name) > 1 || strlen(field->value) > MEDIA_TYPE_MAX_BYTES ||
        !media_parameter_count(field->value, parameter, &plain, &pieces))
        return false;
    if (plain + pieces == 0)
        return strcasestr(field->value, parameter) == NULL;
    if (plain > 1 || (plain > 0 && pieces > 0) ||
        (!media_type_has_suffix(media, ".p7s") && !media_type_has_suffix(media, ".p7m")))
        return false;
    at = field->value;
    for (const char *next; (next = strcasestr(at, parameter)) != NULL;)
        at = next + strlen(parameter);
    return ends_in_signature(at, at + strcspn(at, ";")) || strcasestr(at, "?b?") != NULL;
}

/* Is a signature that is labelled so shown as nothing else? Whoever passes the message on can write
 * into its CMS what is not signed (certificates, unsigned attributes), and give it another label: a
 * text or HTML part would be shown beside what is signed, a file under another name opened. */
static bool is_only_signature(const struct media_type *media, const struct header *header)
{
    if (media->ambiguous != NULL || !names_signature(header, "Content-Type", "name", media) ||
        !names_signature(header, "Content-Disposition", "filename", media))
        return false;
    /* Some mail servers take the type away, and leave a file. */
    if (header_count(header, "Content-Type") == 0)
        return media->name != NULL && is_attachment(header);
    return media->plain && (media_type_is_signature(media) || media_type_is_cms(media) ||
                            media_type_is(media, "application", "octet-stream"));
}

static enum smime_status decode_body(struct finder *finder, const struct view *body,
                                     char **decode_why)
{
    struct spool *decoded = spool_new(spool_get_options(body->text));
    if (decoded == NULL) {
        why_set(decode_why, "out of memory");
        return SMIME_ERROR;
    }
    finder->out->decoded = decoded;
    return decode_text(body->text, body->from, body->to, body_encoding_of(body->header),
                       finder->limits->max_message_bytes, finder->progress, decoded, decode_why);
}

static enum cms_kind peek_spool(const struct spool *spool)
{
    unsigned char bytes[CMS_PEEK_BYTES];
    ssize_t n = spool_read(spool, bytes, sizeof bytes, 0);
    return n > 0 ? cms_peek(bytes, (size_t)n) : CMS_KIND_NONE;
}

/* Decode the body and take the CMS apart. SMIME_REFUSED is the message's fault. */
static enum smime_status read_cms(struct finder *finder, const struct view *body, char **cms_why)
{
    struct found_layer *out = finder->out;
    bool binary = body_encoding_of(body->header) != ENCODING_BASE64;
    enum smime_status status = decode_body(finder, body, cms_why);
    if (status != SMIME_OK)
        return status;
    return cms_layout_read(out->decoded, 0, spool_size(out->decoded), binary, finder->limits,
                           finder->progress, &out->layout, cms_why);
}

/* ---- multipart/signed ---- */

/* Which of its parts is said to be a signature? */
static enum smime_status claims_signature(struct finder *finder, const struct multipart *parts,
                                          struct header *header, struct view *body, bool *out)
{
    struct media_type media = {0};
    char *header_why = NULL;
    enum cms_kind kind;
    enum smime_status status;
    bool only;
    *out = media_type_names_signature(finder->media.protocol);
    if (parts->count < 2)
        return SMIME_OK;
    status = layer_read_header(finder->view->text, parts->parts[1].from, parts->parts[1].to,
                               finder->limits->max_header_bytes, header, &body->from, &header_why);
    if (status != SMIME_OK) {
        why_prefix(&header_why, "the second part of multipart/signed");
        if (status == SMIME_REFUSED)
            set_fault(finder, LAYER_SIGNED_DETACHED, "", why_text(&header_why));
        else
            why_set(finder->why, "%s", why_text(&header_why));
        *out |= status == SMIME_REFUSED;
        why_free(&header_why);
        return status == SMIME_REFUSED ? SMIME_OK : status;
    }
    *body = (struct view){header, finder->view->text, body->from, parts->parts[1].to};
    status = media_type_read(header, &media, finder->why);
    if (status == SMIME_OK)
        *out |= media_type_is_signature(&media) || media_type_is_cms(&media);
    only = status == SMIME_OK && is_only_signature(&media, header);
    media_type_clear(&media);
    if (status == SMIME_OK && !*out) {
        status = layer_peek(body, &kind, finder->why);
        *out = kind == CMS_KIND_SIGNED;
    }
    if (status == SMIME_OK && *out && !only)
        set_fault(finder, LAYER_SIGNED_DETACHED, "",
                  "the second part of multipart/signed is labelled so that programs could show "
                  "something else in it than a signature");
    return status;
}

/* Is the text blank from `at` on? */
static bool blank_from(const struct view *view, off_t at)
{
    char block[4096];
    while (at < view->to) {
        size_t want = view->to - at < (off_t)sizeof block ? (size_t)(view->to - at) : sizeof block;
        ssize_t got = spool_read(view->text, block, want, at);
        if (got <= 0)
            return false;
        for (ssize_t i = 0; i < got; i++)
            if (strchr(" \t\r\n", block[i]) == NULL || block[i] == '\0')
                return false;
        at += got;
    }
    return true;
}

/* The signature in the second part, all else being as it should. */
static enum smime_status read_detached(struct finder *finder, const struct multipart *parts,
                                       const struct view *body)
{
    struct found_layer *out = finder->out;
    char *cms_why = NULL;
    enum smime_status status = read_cms(finder, body, &cms_why);
    if (status == SMIME_ERROR)
        why_set(finder->why, "%s", why_text(&cms_why));
    else if (status == SMIME_REFUSED)
        set_fault(finder, LAYER_SIGNED_DETACHED,
                  "the signature cannot be read: ", why_text(&cms_why));
    else if (out->layout.kind != CMS_KIND_SIGNED)
        set_fault(finder, LAYER_SIGNED_DETACHED, "",
                  "the second part of multipart/signed is no "
                  "signature");
    else if (out->layout.has_content)
        set_fault(finder, LAYER_SIGNED_DETACHED, "",
                  "the signature brings a content of its own beside the signed part");
    why_free(&cms_why);
    out->found = true;
    out->kind = LAYER_SIGNED_DETACHED;
    out->signed_from = parts->parts[0].from;
    out->signed_to = parts->parts[0].to;
    out->alone = parts->closed && blank_from(finder->view, parts->closed_end);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

static enum smime_status judge_parts(struct finder *finder, const struct multipart *parts)
{
    struct header header = {0};
    struct view body = {0};
    bool claims = false;
    enum smime_status status = claims_signature(finder, parts, &header, &body, &claims);
    if (status != SMIME_OK || !claims || finder->out->fault != NULL)
        goto out;
    if (parts->count != 2) {
        char count[64];
        (void)snprintf(count, sizeof count, "%zu parts instead of two", parts->count);
        set_fault(finder, LAYER_SIGNED_DETACHED, "multipart/signed has ", count);
    } else if (parts->stray) {
        set_fault(finder, LAYER_SIGNED_DETACHED, "",
                  "multipart/signed has text beside its parts that another program could take for "
                  "parts");
    } else {
        status = read_detached(finder, parts, &body);
    }
out:
    header_clear(&header);
    return status;
}

static enum smime_status find_detached(struct finder *finder)
{
    const struct view *view = finder->view;
    bool claims = media_type_names_signature(finder->media.protocol);
    struct multipart parts = {0};
    char *split_why = NULL;
    enum smime_status status;
    if (finder->media.boundary == NULL) {
        if (claims)
            set_fault(finder, LAYER_SIGNED_DETACHED, "", "multipart/signed names no boundary");
        return SMIME_OK;
    }
    /* RFC 2045 section 6.4 forbids it; a program that decodes it all the same sees other parts. */
    if (body_encoding_of(view->header) != ENCODING_IDENTITY) {
        set_fault(finder, LAYER_SIGNED_DETACHED, "", "multipart/signed is encoded as a whole");
        return SMIME_OK;
    }
    status = multipart_split(view->text, view->from, view->to, finder->media.boundary,
                             finder->limits->max_parts, finder->progress, &parts, &split_why);
    if (status == SMIME_OK)
        status = judge_parts(finder, &parts);
    else if (status == SMIME_ERROR)
        why_set(finder->why, "%s", why_text(&split_why));
    else if (claims)
        set_fault(finder, LAYER_SIGNED_DETACHED, "", why_text(&split_why));
    why_free(&split_why);
    multipart_clear(&parts);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

/* ---- A CMS that is the whole body ---- */

static bool is_pem(const struct view *view)
{
    char bytes[10];
    return view->to - view->from >= (off_t)sizeof bytes &&
           spool_read(view->text, bytes, sizeof bytes, view->from) == (ssize_t)sizeof bytes &&
           memcmp(bytes, "-----BEGIN", sizeof bytes) == 0;
}

/* What a CMS that cannot be read is: by its first bytes, else by its label. */
static void fault_unreadable(struct finder *finder, const char *text)
{
    const char *label = finder->media.smime_type;
    enum cms_kind kind = finder->out->layout.kind;
    if (kind == CMS_KIND_NONE)
        kind = peek_spool(finder->out->decoded);
    if (kind == CMS_KIND_SIGNED ||
        (kind == CMS_KIND_NONE && label != NULL && strcasecmp(label, "signed-data") == 0))
        set_fault(finder, LAYER_SIGNED_OPAQUE, "the signed message cannot be read: ", text);
    else if (kind == CMS_KIND_ENVELOPED ||
             (kind == CMS_KIND_NONE && media_type_is_cms(&finder->media)))
        set_fault(finder, LAYER_ENCRYPTED, "the encrypted message cannot be read: ", text);
    else
        why_set(&finder->out->note, "this is no S/MIME: %s", text);
}

static void judge_cms(struct finder *finder)
{
    struct found_layer *out = finder->out;
    const struct cms_layout *layout = &out->layout;
    if (layout->kind == CMS_KIND_OTHER) {
        why_set(&out->note, "a CMS of this content type is neither signed nor encrypted");
        return;
    }
    if (layout->kind == CMS_KIND_SIGNED && layout->signers == 0 && !layout->has_content &&
        layout->certificates > 0) {
        why_set(&out->note, "the message holds certificates only");
        return;
    }
    if (layout->kind == CMS_KIND_SIGNED &&
        !is_only_signature(&finder->media, finder->view->header)) {
        why_set(&out->note, UNCLEAR_TYPE);
        return;
    }
    out->found = true;
    out->kind = layout->kind == CMS_KIND_SIGNED ? LAYER_SIGNED_OPAQUE : LAYER_ENCRYPTED;
    if (!layout->has_content)
        set_fault(finder, out->kind, "", "the CMS structure has no content");
}

static enum smime_status find_cms(struct finder *finder)
{
    char *cms_why = NULL;
    enum smime_status status;
    if (is_pem(finder->view)) {
        why_set(&finder->out->note, "PEM text is no S/MIME message");
        return SMIME_OK;
    }
    status = read_cms(finder, finder->view, &cms_why);
    if (status == SMIME_OK)
        judge_cms(finder);
    else if (status == SMIME_REFUSED)
        fault_unreadable(finder, why_text(&cms_why));
    else
        why_set(finder->why, "%s", why_text(&cms_why));
    why_free(&cms_why);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

/* RFC 8551 section 3.9: by type, or any application type with the file name of one. */
static bool may_be_cms(const struct media_type *media, const struct header *header)
{
    if (media_type_is_cms(media))
        return true;
    return (media_type_is(media, "application", NULL) ||
            header_count(header, "Content-Type") == 0) &&
           !media_type_is_signature(media) && media_type_has_suffix(media, ".p7m");
}

enum smime_status layer_find(const struct view *view, const struct smime_limits *limits,
                             const struct smime_progress *progress, struct found_layer *out,
                             char **why)
{
    struct finder finder = {
        .view = view, .limits = limits, .progress = progress, .out = out, .why = why};
    enum smime_status status;
    bool multipart;
    *out = (struct found_layer){0};
    status = media_type_read(view->header, &finder.media, why);
    if (status != SMIME_OK)
        return status;
    multipart = media_type_is(&finder.media, "multipart", "signed");
    if (!multipart && !may_be_cms(&finder.media, view->header))
        goto out;
    if (finder.media.ambiguous != NULL)
        why_set(&out->note, "%s", finder.media.ambiguous);
    else if (multipart && !finder.media.plain)
        why_set(&out->note, UNCLEAR_TYPE);
    else
        status = multipart ? find_detached(&finder) : find_cms(&finder);
    if (out->fault != NULL || !out->found) {
        cms_layout_clear(&out->layout);
        spool_free(&out->decoded);
    }
out:
    media_type_clear(&finder.media);
    return status;
}

enum smime_status layer_peek(const struct view *view, enum cms_kind *out, char **why)
{
    static const struct smime_progress nobody = {0};
    struct spool *decoded = spool_new(spool_get_options(view->text));
    off_t to = view->to - view->from > PEEK_TEXT_BYTES ? view->from + PEEK_TEXT_BYTES : view->to;
    enum smime_status status;
    *out = CMS_KIND_NONE;
    if (decoded == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    status = decode_text(view->text, view->from, to, body_encoding_of(view->header),
                         PEEK_TEXT_BYTES, &nobody, decoded, why);
    /* The text was cut off: what was decoded before that is enough. */
    if (status != SMIME_ERROR)
        *out = peek_spool(decoded);
    spool_free(&decoded);
    return status == SMIME_REFUSED ? SMIME_OK : status;
}

void found_layer_clear(struct found_layer *layer)
{
    if (layer == NULL)
        return;
    why_free(&layer->fault);
    why_free(&layer->note);
    cms_layout_clear(&layer->layout);
    spool_free(&layer->decoded);
    *layer = (struct found_layer){0};
}
