/* An opaque-signed entity as a clear-signed one. Nothing of the content may change on its way, so
 * it is looked at first, and what was made is verified like any message that comes in. */
#include "clear_sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "boundary.h"
#include "layer.h"
#include "why.h"

#define BASE64_LINE 57 /* octets in a line of 76 characters */

/* 7-bit CRLF lines of at most 998 octets, without NUL or bare CR or LF? Returns 1, 0, or -1: the
 * spool cannot be read. */
static int is_transport_clean(const struct cms_layout *layout)
{
    unsigned char chunk[16384];
    size_t line = 0;
    bool cr = false;
    off_t at = layout->content_from;
    while (at < layout->content_to) {
        size_t want = layout->content_to - at < (off_t)sizeof chunk
                          ? (size_t)(layout->content_to - at)
                          : sizeof chunk;
        ssize_t n = spool_read(layout->content, chunk, want, at);
        if (n <= 0)
            return -1;
        for (ssize_t i = 0; i < n; i++) {
            unsigned char c = chunk[i];
            if (cr != (c == '\n') || c == 0 || c >= 0x80)
                return 0;
            cr = c == '\r';
            line = c == '\n' ? 0 : line + !cr;
            if (line > CLEAR_SIGN_MAX_LINE)
                return 0;
        }
        at += n;
    }
    return !cr;
}

/* Header fields, an empty line, and a body? */
static enum smime_status is_mime_entity(const struct cms_layout *layout,
                                        const struct smime_limits *limits, bool *out, char **why)
{
    struct header header = {0};
    char before[4] = {0};
    char *reason = NULL;
    off_t body = 0;
    off_t length;
    enum smime_status status =
        layer_read_header(layout->content, layout->content_from, layout->content_to,
                          limits->max_header_bytes, &header, &body, &reason);
    *out = false;
    if (status != SMIME_OK) {
        if (status == SMIME_ERROR)
            why_set(why, "%s", why_text(&reason));
        why_free(&reason);
        return status == SMIME_REFUSED ? SMIME_OK : status;
    }
    length = body - layout->content_from;
    if (length == 2)
        *out = spool_read(layout->content, before, 2, body - 2) == 2 && before[0] == '\r';
    else if (length >= 4)
        *out = header.count > 0 && spool_read(layout->content, before, 4, body - 4) == 4 &&
               memcmp(before, "\r\n\r\n", 4) == 0;
    header_clear(&header);
    return SMIME_OK;
}

static const char *micalg_name(int nid)
{
    switch (nid) {
    case NID_sha1:
        return "sha-1";
    case NID_sha224:
        return "sha-224";
    case NID_sha256:
        return "sha-256";
    case NID_sha384:
        return "sha-384";
    case NID_sha512:
        return "sha-512";
    default:
        return "unknown";
    }
}

/* The digests of all SignerInfos, each once: "sha-256,sha-512". */
static void write_micalg(CMS_ContentInfo *cms, char *out, size_t size)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    out[0] = '\0';
    for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
        X509_ALGOR *digest = NULL;
        const ASN1_OBJECT *oid;
        const char *name;
        size_t used = strlen(out);
        CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(infos, i), NULL, NULL, &digest, NULL);
        X509_ALGOR_get0(&oid, NULL, NULL, digest);
        name = micalg_name(OBJ_obj2nid(oid));
        if (strstr(out, name) == NULL)
            (void)snprintf(out + used, size - used, "%s%s", used > 0 ? "," : "", name);
    }
}

static int write_base64(struct spool *body, const unsigned char *bytes, size_t length)
{
    unsigned char line[BASE64_LINE / 3 * 4 + 3];
    while (length > 0) {
        int take = length < BASE64_LINE ? (int)length : BASE64_LINE;
        int n = EVP_EncodeBlock(line, bytes, take);
        line[n] = '\r';
        line[n + 1] = '\n';
        if (spool_write(body, line, (size_t)n + 2) != 0)
            return -1;
        bytes += take;
        length -= (size_t)take;
    }
    return 0;
}

static int write_body(const struct cms_layout *layout, const char *boundary,
                      const unsigned char *der, size_t length, struct spool *body)
{
    static const char part[] =
        "\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n";
    if (spool_puts(body, "This is an S/MIME signed message\r\n\r\n--") != 0 ||
        spool_puts(body, boundary) != 0 || spool_puts(body, "\r\n") != 0 ||
        spool_copy(body, layout->content, layout->content_from, layout->content_to) != 0 ||
        spool_puts(body, "\r\n--") != 0 || spool_puts(body, boundary) != 0 ||
        spool_puts(body, part) != 0 || write_base64(body, der, length) != 0)
        return -1;
    return spool_puts(body, "\r\n--") == 0 && spool_puts(body, boundary) == 0 &&
                   spool_puts(body, "--\r\n") == 0
               ? 0
               : -1;
}

/* Returns 0, -1 with errno, or 1 when OpenSSL cannot write what it has read. */
static int write_entity(const struct cms_layout *layout, CMS_ContentInfo *detached,
                        struct entity *out)
{
    char boundary[BOUNDARY_BYTES];
    char micalg[80];
    char *type = NULL;
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(detached, &der);
    int rc = -1;
    out->body = spool_new(spool_get_options(layout->content));
    if (length <= 0 || boundary_make(boundary) != 0)
        rc = 1;
    if (rc != -1 || out->body == NULL)
        goto out;
    write_micalg(detached, micalg, sizeof micalg);
    if (asprintf(&type,
                 " multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
                 " micalg=\"%s\"; boundary=\"%s\"",
                 micalg, boundary) < 0) {
        type = NULL;
        goto out;
    }
    if (header_add(&out->header, "Content-Type", type) == 0 &&
        write_body(layout, boundary, der, (size_t)length, out->body) == 0)
        rc = 0;
out:
    free(type);
    OPENSSL_free(der);
    return rc;
}

/* What was made must be found, and judged as the original was. */
static enum smime_status verify_again(const struct entity *made, const struct verified *verified,
                                      const struct author *author,
                                      const struct open_request *request, bool *same_out,
                                      char **why)
{
    struct view view = {&made->header, made->body, 0, spool_size(made->body)};
    struct found_layer found = {0};
    struct verified again = {0};
    enum smime_status status = layer_find(&view, &request->limits, &request->progress, &found, why);
    *same_out = false;
    if (status == SMIME_OK && found.found && found.fault == NULL &&
        found.kind == LAYER_SIGNED_DETACHED) {
        struct signed_content content = {&found.layout, made->body, found.signed_from,
                                         found.signed_to};
        status = verify_signed(&content, author, request, &again, why);
        *same_out = status == SMIME_OK && again.sound && again.verdict == verified->verdict;
    }
    verified_clear(&again);
    found_layer_clear(&found);
    return status;
}

enum smime_status clear_sign(const struct cms_layout *layout, const struct verified *verified,
                             const struct author *author, const struct open_request *request,
                             struct entity *out, bool *done_out, char **why)
{
    CMS_ContentInfo *detached = NULL;
    bool mime = false;
    int rc;
    enum smime_status status;
    *done_out = false;
    *out = (struct entity){0};
    if (!verified->sound)
        return SMIME_OK;
    rc = is_transport_clean(layout);
    if (rc < 0) {
        why_set(why, "cannot read the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    status = rc > 0 ? is_mime_entity(layout, &request->limits, &mime, why) : SMIME_OK;
    if (status != SMIME_OK || !mime)
        return status;
    detached = cms_layout_parse(layout, NULL, NULL);
    rc = detached != NULL ? write_entity(layout, detached, out) : 1;
    if (rc < 0) {
        why_set(why, "cannot write the signed message: %s", strerror(errno));
        status = SMIME_ERROR;
    } else if (rc == 0) {
        status = verify_again(out, verified, author, request, done_out, why);
    }
    CMS_ContentInfo_free(detached);
    ERR_clear_error();
    if (!*done_out)
        entity_clear(out);
    return status;
}
