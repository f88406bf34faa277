/* Taking a CMS structure apart.
 *
 * What lies around the content is written with indefinite lengths, because its length changes;
 * everything beside the content (certificates, SignerInfos, RecipientInfos) is copied as it stands.
 */
#include "cms_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "ber.h"
#include "openssl_reason.h"
#include "why.h"

struct walk {
    struct ber_reader reader;
    const struct smime_limits *limits;
    struct cms_layout *layout;
    struct ber_element element; /* the one just entered */
    bool found;
    char **why;
};

static const struct {
    unsigned char octets[11];
    size_t length;
    enum cms_kind kind;
    bool authenticated;
} content_types[] = {
    /* id-signedData, id-envelopedData, id-ct-authEnvelopedData */
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}, 9, CMS_KIND_SIGNED, false},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03}, 9, CMS_KIND_ENVELOPED, false},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17},
     11,
     CMS_KIND_ENVELOPED,
     true},
};

static enum cms_kind kind_of(const unsigned char *oid, size_t length, bool *authenticated_out)
{
    for (size_t i = 0; i < sizeof content_types / sizeof *content_types; i++)
        if (content_types[i].length == length &&
            memcmp(content_types[i].octets, oid, length) == 0) {
            *authenticated_out = content_types[i].authenticated;
            return content_types[i].kind;
        }
    return CMS_KIND_OTHER;
}

enum cms_kind cms_peek(const unsigned char *bytes, size_t length)
{
    size_t at = 2;
    bool authenticated;
    if (length < 4 || bytes[0] != BER_SEQUENCE)
        return CMS_KIND_NONE;
    if (bytes[1] > 0x88)
        return CMS_KIND_NONE;
    if (bytes[1] > 0x80)
        at += bytes[1] & 0x7f;
    if (at + 2 > length || bytes[at] != BER_OBJECT_IDENTIFIER || bytes[at + 1] >= 0x80 ||
        at + 2 + bytes[at + 1] > length)
        return CMS_KIND_NONE;
    return kind_of(bytes + at + 2, bytes[at + 1], &authenticated);
}

/* Make room for `length` more bytes of structure. */
static enum smime_status reserve(struct walk *walk, size_t length)
{
    struct cms_layout *layout = walk->layout;
    unsigned char *grown;
    size_t room = layout->room > 0 ? layout->room : 4096;
    if (length > walk->limits->max_structure_bytes - layout->length) {
        why_set(walk->why, "the CMS structure without its content has more than %zu bytes",
                walk->limits->max_structure_bytes);
        return SMIME_REFUSED;
    }
    while (room < layout->length + length)
        room *= 2;
    if (room == layout->room)
        return SMIME_OK;
    grown = realloc(layout->structure, room);
    if (grown == NULL) {
        why_set(walk->why, "out of memory");
        return SMIME_ERROR;
    }
    layout->structure = grown;
    layout->room = room;
    return SMIME_OK;
}

static enum smime_status put(struct walk *walk, unsigned char first, unsigned char second)
{
    enum smime_status status = reserve(walk, 2);
    if (status != SMIME_OK)
        return status;
    walk->layout->structure[walk->layout->length++] = first;
    walk->layout->structure[walk->layout->length++] = second;
    return SMIME_OK;
}

/* Copy [from, position) of the text. */
static enum smime_status put_text(struct walk *walk, off_t from)
{
    struct cms_layout *layout = walk->layout;
    off_t length = walk->reader.position - from;
    enum smime_status status;
    ssize_t n;
    if (length > (off_t)walk->limits->max_structure_bytes)
        length = (off_t)walk->limits->max_structure_bytes + 1; /* refused in reserve() */
    status = reserve(walk, (size_t)length);
    if (status != SMIME_OK)
        return status;
    n = spool_read(walk->reader.text, layout->structure + layout->length, (size_t)length, from);
    if (n != (ssize_t)length) {
        why_set(walk->why, "cannot read the spool: %s", n < 0 ? strerror(errno) : "too short");
        return SMIME_ERROR;
    }
    layout->length += (size_t)length;
    return SMIME_OK;
}

static enum smime_status unexpected(struct walk *walk, const char *wanted)
{
    why_set(walk->why, "the CMS structure is malformed at octet %lld: expected %s",
            (long long)walk->reader.position, wanted);
    return SMIME_REFUSED;
}

static enum smime_status next(struct walk *walk, const struct ber_element *parent)
{
    return ber_next(&walk->reader, parent, &walk->element, &walk->found, walk->why);
}

static bool is(const struct walk *walk, unsigned char identifier)
{
    return walk->found && walk->element.identifier == identifier;
}

/* Copy the element just entered, then enter the next one of `parent`. */
static enum smime_status copy(struct walk *walk, const struct ber_element *parent)
{
    off_t start = walk->element.start;
    enum smime_status status = ber_skip(&walk->reader, &walk->element, walk->why);
    if (status == SMIME_OK)
        status = put_text(walk, start);
    return status == SMIME_OK ? next(walk, parent) : status;
}

/* The same for a SET OF, counting what it holds. */
static enum smime_status copy_counted(struct walk *walk, const struct ber_element *parent,
                                      size_t ceiling, const char *what, size_t *count)
{
    struct ber_element set = walk->element;
    enum smime_status status;
    while ((status = next(walk, &set)) == SMIME_OK && walk->found) {
        if (++*count > ceiling) {
            why_set(walk->why, "the CMS structure has more than %zu %s", ceiling, what);
            return SMIME_REFUSED;
        }
        status = ber_skip(&walk->reader, &walk->element, walk->why);
        if (status != SMIME_OK)
            return status;
    }
    if (status == SMIME_OK)
        status = put_text(walk, set.start);
    return status == SMIME_OK ? next(walk, parent) : status;
}

/* Enter a constructed element, which is written with an indefinite length. */
static enum smime_status enter(struct walk *walk, unsigned char identifier, struct ber_element *out,
                               const char *wanted)
{
    if (!is(walk, identifier))
        return unexpected(walk, wanted);
    *out = walk->element;
    return put(walk, identifier, 0x80);
}

/* Nothing more may come in the parent whose next element was just looked for. */
static enum smime_status leave(struct walk *walk, const char *what)
{
    if (walk->found)
        return unexpected(walk, what);
    return put(walk, 0, 0);
}

/* Gather the pieces of a constructed string in a spool of their own: a list of where they lie would
 * grow with the content, one piece can be a single octet. */
static enum smime_status gather(struct walk *walk, const struct ber_element *string, int depth)
{
    struct ber_element piece;
    enum smime_status status;
    if (depth > CMS_MAX_STRING_NESTING)
        return unexpected(walk, "an octet string nested less deeply");
    while ((status = next(walk, string)) == SMIME_OK && walk->found) {
        piece = walk->element;
        if (piece.identifier == BER_OCTET_STRING_CONSTRUCTED) {
            status = gather(walk, &piece, depth + 1);
            if (status != SMIME_OK)
                return status;
            continue;
        }
        if (piece.identifier != BER_OCTET_STRING)
            return unexpected(walk, "an octet string");
        status = ber_copy_content(&walk->reader, &piece, walk->layout->gathered, walk->why);
        if (status != SMIME_OK)
            return status;
    }
    return status;
}

/* The content: the string just entered. */
static enum smime_status take_content(struct walk *walk)
{
    struct cms_layout *layout = walk->layout;
    struct ber_element string = walk->element;
    enum smime_status status;
    layout->has_content = true;
    if ((string.identifier & 0x20) == 0) {
        layout->content = walk->reader.text;
        layout->content_from = string.content;
        layout->content_to = string.end;
        return ber_skip(&walk->reader, &string, walk->why);
    }
    layout->gathered = spool_new(spool_get_options(walk->reader.text));
    if (layout->gathered == NULL) {
        why_set(walk->why, "out of memory");
        return SMIME_ERROR;
    }
    status = gather(walk, &string, 1);
    layout->content = layout->gathered;
    layout->content_from = 0;
    layout->content_to = spool_size(layout->gathered);
    return status;
}

/* EncapsulatedContentInfo ::= SEQUENCE { eContentType, [0] EXPLICIT OCTET STRING OPTIONAL } */
static enum smime_status walk_encapsulated(struct walk *walk, const struct ber_element *parent)
{
    struct ber_element info;
    enum smime_status status = enter(walk, BER_SEQUENCE, &info, "EncapsulatedContentInfo");
    if (status == SMIME_OK)
        status = next(walk, &info);
    if (status != SMIME_OK)
        return status;
    if (!is(walk, BER_OBJECT_IDENTIFIER))
        return unexpected(walk, "eContentType");
    status = copy(walk, &info);
    if (status == SMIME_OK && is(walk, BER_CONTEXT_0_CONSTRUCTED)) {
        struct ber_element explicit = walk->element;
        status = next(walk, &explicit);
        if (status != SMIME_OK)
            return status;
        if (!is(walk, BER_OCTET_STRING) && !is(walk, BER_OCTET_STRING_CONSTRUCTED))
            return unexpected(walk, "eContent as an octet string");
        status = take_content(walk);
        if (status == SMIME_OK)
            status = next(walk, &explicit);
        if (status == SMIME_OK && walk->found)
            return unexpected(walk, "the end of eContent");
        if (status == SMIME_OK)
            status = next(walk, &info);
    }
    if (status == SMIME_OK)
        status = leave(walk, "the end of EncapsulatedContentInfo");
    return status == SMIME_OK ? next(walk, parent) : status;
}

/* SignedData, RFC 5652 section 5.1; its SEQUENCE is `data`. */
static enum smime_status walk_signed(struct walk *walk, const struct ber_element *data)
{
    const struct smime_limits *limits = walk->limits;
    struct cms_layout *layout = walk->layout;
    size_t digests = 0;
    size_t revocations = 0;
    enum smime_status status;
    if (!is(walk, BER_INTEGER))
        return unexpected(walk, "a version");
    status = copy(walk, data);
    if (status == SMIME_OK && !is(walk, BER_SET))
        return unexpected(walk, "digestAlgorithms");
    if (status == SMIME_OK)
        status = copy_counted(walk, data, CMS_MAX_DIGEST_ALGORITHMS, "digest algorithms", &digests);
    if (status == SMIME_OK)
        status = walk_encapsulated(walk, data);
    if (status == SMIME_OK && is(walk, BER_CONTEXT_0_CONSTRUCTED))
        status = copy_counted(walk, data, limits->max_certificates, "certificates",
                              &layout->certificates);
    if (status == SMIME_OK && is(walk, BER_CONTEXT_1_CONSTRUCTED))
        status =
            copy_counted(walk, data, limits->max_certificates, "revocation lists", &revocations);
    if (status == SMIME_OK && !is(walk, BER_SET))
        return unexpected(walk, "signerInfos");
    if (status == SMIME_OK)
        status = copy_counted(walk, data, limits->max_signers, "SignerInfos", &layout->signers);
    return status;
}

/* EncryptedContentInfo ::= SEQUENCE { contentType, contentEncryptionAlgorithm,
 * [0] IMPLICIT OCTET STRING OPTIONAL } */
static enum smime_status walk_encrypted_content(struct walk *walk, const struct ber_element *parent)
{
    struct cms_layout *layout = walk->layout;
    struct ber_element info;
    enum smime_status status = enter(walk, BER_SEQUENCE, &info, "EncryptedContentInfo");
    if (status == SMIME_OK)
        status = next(walk, &info);
    if (status != SMIME_OK)
        return status;
    if (!is(walk, BER_OBJECT_IDENTIFIER))
        return unexpected(walk, "contentType");
    status = copy(walk, &info);
    if (status == SMIME_OK && !is(walk, BER_SEQUENCE))
        return unexpected(walk, "contentEncryptionAlgorithm");
    layout->algorithm_at = layout->length;
    if (status == SMIME_OK)
        status = copy(walk, &info);
    layout->algorithm_length = layout->length - layout->algorithm_at;
    if (status == SMIME_OK && (is(walk, BER_CONTEXT_0) || is(walk, BER_CONTEXT_0_CONSTRUCTED))) {
        status = take_content(walk);
        if (status == SMIME_OK)
            status = next(walk, &info);
    }
    if (status == SMIME_OK)
        status = leave(walk, "the end of EncryptedContentInfo");
    return status == SMIME_OK ? next(walk, parent) : status;
}

/* EnvelopedData, RFC 5652 section 6.1, and AuthEnvelopedData, RFC 5083 section 2.1. */
static enum smime_status walk_enveloped(struct walk *walk, const struct ber_element *data)
{
    struct cms_layout *layout = walk->layout;
    size_t originators = 0;
    enum smime_status status;
    if (!is(walk, BER_INTEGER))
        return unexpected(walk, "a version");
    status = copy(walk, data);
    if (status == SMIME_OK && is(walk, BER_CONTEXT_0_CONSTRUCTED))
        status = copy_counted(walk, data, walk->limits->max_certificates, "originator sets",
                              &originators);
    if (status == SMIME_OK && !is(walk, BER_SET))
        return unexpected(walk, "recipientInfos");
    if (status == SMIME_OK)
        status = copy_counted(walk, data, CMS_MAX_RECIPIENT_INFOS, "RecipientInfos",
                              &layout->recipients);
    if (status == SMIME_OK)
        status = walk_encrypted_content(walk, data);
    if (status == SMIME_OK && is(walk, BER_CONTEXT_1_CONSTRUCTED)) {
        layout->authenticated_attributes = layout->authenticated;
        status = copy(walk, data);
    }
    if (status != SMIME_OK || !layout->authenticated)
        return status;
    if (!is(walk, BER_OCTET_STRING))
        return unexpected(walk, "mac");
    layout->mac_length = (size_t)(walk->element.end - walk->element.content);
    status = copy(walk, data);
    if (status == SMIME_OK && is(walk, BER_CONTEXT_2_CONSTRUCTED))
        status = copy(walk, data);
    return status;
}

/* The content type just entered. */
static enum smime_status read_content_type(struct walk *walk)
{
    unsigned char oid[16];
    off_t length = walk->element.end - walk->element.content;
    walk->layout->kind = CMS_KIND_OTHER;
    if (length > (off_t)sizeof oid)
        return SMIME_OK;
    if (spool_read(walk->reader.text, oid, (size_t)length, walk->element.content) != length) {
        why_set(walk->why, "cannot read the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    walk->layout->kind = kind_of(oid, (size_t)length, &walk->layout->authenticated);
    return SMIME_OK;
}

/* ContentInfo ::= SEQUENCE { contentType, [0] EXPLICIT ANY } */
static enum smime_status walk_content_info(struct walk *walk, const struct ber_element *outer)
{
    struct ber_element info;
    struct ber_element explicit;
    struct ber_element data;
    enum smime_status status = next(walk, outer);
    if (status == SMIME_OK)
        status = enter(walk, BER_SEQUENCE, &info, "ContentInfo");
    if (status == SMIME_OK)
        status = next(walk, &info);
    if (status == SMIME_OK && !is(walk, BER_OBJECT_IDENTIFIER))
        return unexpected(walk, "contentType");
    if (status == SMIME_OK)
        status = read_content_type(walk);
    if (status != SMIME_OK || walk->layout->kind == CMS_KIND_OTHER)
        return status;
    status = copy(walk, &info);
    if (status == SMIME_OK)
        status = enter(walk, BER_CONTEXT_0_CONSTRUCTED, &explicit, "content");
    if (status == SMIME_OK)
        status = next(walk, &explicit);
    if (status == SMIME_OK)
        status = enter(walk, BER_SEQUENCE, &data, "SignedData or EnvelopedData");
    if (status == SMIME_OK)
        status = next(walk, &data);
    if (status == SMIME_OK)
        status = walk->layout->kind == CMS_KIND_SIGNED ? walk_signed(walk, &data)
                                                       : walk_enveloped(walk, &data);
    if (status == SMIME_OK)
        status = leave(walk, "the end of the data");
    if (status == SMIME_OK)
        status = next(walk, &explicit);
    if (status == SMIME_OK)
        status = leave(walk, "the end of the content");
    if (status == SMIME_OK)
        status = next(walk, &info);
    return status == SMIME_OK ? leave(walk, "the end of ContentInfo") : status;
}

/* What follows the structure would be seen by nobody or, worse, by somebody else only. */
static enum smime_status check_rest(struct walk *walk, off_t to, bool line_end_follows)
{
    char rest[2];
    off_t at = walk->reader.position;
    if (at == to)
        return SMIME_OK;
    if (line_end_follows && to - at <= 2 &&
        spool_read(walk->reader.text, rest, (size_t)(to - at), at) == to - at &&
        rest[to - at - 1] == '\n' && (to - at == 1 || rest[0] == '\r'))
        return SMIME_OK;
    why_set(walk->why, "%lld bytes follow the CMS structure", (long long)(to - at));
    return SMIME_REFUSED;
}

enum smime_status cms_layout_read(const struct spool *text, off_t from, off_t to,
                                  bool line_end_follows, const struct smime_limits *limits,
                                  const struct smime_progress *progress, struct cms_layout *out,
                                  char **why)
{
    struct walk walk = {.limits = limits, .layout = out, .why = why};
    struct ber_element outer;
    enum smime_status status;
    *out = (struct cms_layout){0};
    ber_open(&walk.reader, text, from, to, progress, &outer);
    status = walk_content_info(&walk, &outer);
    if (status == SMIME_OK && out->kind != CMS_KIND_OTHER)
        status = check_rest(&walk, outer.end, line_end_follows);
    return status;
}

CMS_ContentInfo *cms_layout_parse(const struct cms_layout *layout, OSSL_LIB_CTX *context,
                                  char **why)
{
    const unsigned char *at = layout->structure;
    CMS_ContentInfo *cms = CMS_ContentInfo_new_ex(context, NULL);
    if (cms == NULL) {
        why_set(why, "out of memory");
        return NULL;
    }
    /* Frees it and sets it to NULL when it fails. */
    (void)d2i_CMS_ContentInfo(&cms, &at, (long)layout->length);
    if (cms == NULL || at != layout->structure + layout->length) {
        why_set(why, "the CMS structure is malformed: %s",
                cms == NULL ? openssl_reason() : "bytes left over");
        CMS_ContentInfo_free(cms);
        cms = NULL;
    }
    ERR_clear_error();
    return cms;
}

void cms_layout_clear(struct cms_layout *layout)
{
    if (layout == NULL)
        return;
    free(layout->structure);
    spool_free(&layout->gathered);
    *layout = (struct cms_layout){0};
}
