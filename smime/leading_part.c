/* A text in front of what a message holds. */
#include "leading_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>

#include "boundary.h"
#include "gmime_start.h"
#include "media_type.h"
#include "why.h"

/* Quoted-printable, in CRLF lines. Returns 0, -1 with errno. */
static int write_quoted(struct spool *out, const char *text)
{
    GMimeEncoding encoding;
    size_t length = strlen(text);
    char *encoded;
    char *at;
    int rc = 0;
    gmime_start();
    g_mime_encoding_init_encode(&encoding, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    encoded = malloc(g_mime_encoding_outlen(&encoding, length) + 1);
    if (encoded == NULL) {
        errno = ENOMEM;
        return -1;
    }
    encoded[g_mime_encoding_flush(&encoding, text, length, encoded)] = '\0';
    at = encoded;
    while (rc == 0 && *at != '\0') {
        size_t line = strcspn(at, "\n");
        rc = spool_write(out, at, line) != 0 || spool_puts(out, "\r\n") != 0 ? -1 : 0;
        at += line + (at[line] == '\n');
    }
    free(encoded);
    return rc;
}

static int write_content(const struct header *header, struct spool *out)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        if (header_is_content(field->name) &&
            (spool_puts(out, field->name) != 0 || spool_puts(out, ":") != 0 ||
             spool_puts(out, field->value) != 0 || spool_puts(out, "\r\n") != 0))
            return -1;
    }
    return spool_puts(out, "\r\n");
}

static int write_delimiter(struct spool *out, const char *boundary, const char *end)
{
    return spool_puts(out, "\r\n--") != 0 || spool_puts(out, boundary) != 0 ||
                   spool_puts(out, end) != 0 || spool_puts(out, "\r\n") != 0
               ? -1
               : 0;
}

static int write_body(const struct entity *message, const char *boundary, const char *text,
                      struct spool *out)
{
    static const char head[] = "Content-Type: text/plain; charset=utf-8\r\n"
                               "Content-Transfer-Encoding: quoted-printable\r\n"
                               "Content-Disposition: inline\r\n\r\n";
    if (write_delimiter(out, boundary, "") != 0 || spool_puts(out, head) != 0 ||
        write_quoted(out, text) != 0 || write_delimiter(out, boundary, "") != 0 ||
        write_content(&message->header, out) != 0 ||
        spool_copy(out, message->body, 0, spool_size(message->body)) != 0)
        return -1;
    return write_delimiter(out, boundary, "--");
}

/* Returns 0, -1 out of memory. */
static int replace_fields(struct header *header, const char *boundary)
{
    char type[BOUNDARY_BYTES + 40];
    for (size_t i = header->count; i-- > 0;)
        if (header_is_content(header->fields[i].name)) {
            size_t index = 0;
            for (size_t k = 0; k < i; k++)
                index += strcasecmp(header->fields[k].name, header->fields[i].name) == 0;
            header_remove(header, header->fields[i].name, index);
        }
    if (header_count(header, "MIME-Version") == 0 &&
        header_add(header, "MIME-Version", " 1.0") != 0)
        return -1;
    (void)snprintf(type, sizeof type, " multipart/mixed; boundary=\"%s\"", boundary);
    return header_add(header, "Content-Type", type);
}

/* SMIME_OK, or SMIME_REFUSED where it is S/MIME. */
static enum smime_status check(const struct header *header, char **why)
{
    struct media_type media = {0};
    enum smime_status status = media_type_read(header, &media, why);
    if (status == SMIME_OK &&
        (media_type_is(&media, "multipart", "signed") || media_type_is_cms(&media))) {
        why_set(why, "the message is still signed or encrypted");
        status = SMIME_REFUSED;
    }
    media_type_clear(&media);
    return status;
}

enum smime_status leading_part_add(struct entity *message, const char *text, char **why)
{
    char boundary[BOUNDARY_BYTES];
    struct spool *body = NULL;
    enum smime_status status = check(&message->header, why);
    if (status != SMIME_OK)
        return status;
    body = spool_new(spool_get_options(message->body));
    status = SMIME_ERROR;
    if (body == NULL) {
        why_set(why, "out of memory");
    } else if (boundary_make(boundary) != 0) {
        why_set(why, "no random numbers can be had");
    } else if (write_body(message, boundary, text, body) != 0) {
        why_set(why, "cannot write the spool: %s", strerror(errno));
    } else if (replace_fields(&message->header, boundary) != 0) {
        why_set(why, "out of memory");
    } else {
        spool_free(&message->body);
        message->body = body;
        body = NULL;
        status = SMIME_OK;
    }
    spool_free(&body);
    return status;
}
