/* Messages from strangers, made inert: no part of the result has another type than those that we
 * write. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "defang.h"
#include "gmime_start.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spool_options options = {.directory = "/tmp", .memory_bytes = 1 << 24};
static const struct smime_limits limits = {
    .max_header_bytes = 1 << 16, .max_parts = 100, .max_nesting = 8};

static void check_part(GMimeObject *parent, GMimeObject *part, gpointer context)
{
    GMimeContentType *type = g_mime_object_get_content_type(part);
    (void)parent;
    (void)context;
    if (!g_mime_content_type_is_type(type, "text", "plain") &&
        !g_mime_content_type_is_type(type, "text", "html") &&
        !g_mime_content_type_is_type(type, "image", "*") &&
        !g_mime_content_type_is_type(type, "application", "octet-stream") &&
        !g_mime_content_type_is_type(type, "message", "rfc822") &&
        !g_mime_content_type_is_type(type, "multipart", "mixed") &&
        !g_mime_content_type_is_type(type, "multipart", "alternative"))
        abort();
    if (g_mime_content_type_is_type(type, "image", "svg+xml"))
        abort();
}

static void check(const char *text, size_t length)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text, length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeObject *part = g_mime_parser_construct_part(parser, NULL);
    if (part != NULL) {
        check_part(NULL, part, NULL);
        if (GMIME_IS_MULTIPART(part))
            g_mime_multipart_foreach(GMIME_MULTIPART(part), check_part, NULL);
        g_object_unref(part);
    }
    g_object_unref(parser);
    g_object_unref(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct smime_progress nobody = {0};
    struct spool *in = spool_new(&options);
    struct spool *out = spool_new(&options);
    struct header header = {0};
    struct view view = {.header = &header, .text = in, .to = (off_t)size};
    char *why = NULL;
    char *text = NULL;
    size_t length;
    gmime_start();
    if (in == NULL || out == NULL || spool_write(in, data, size) != 0)
        abort();
    if (header_parse(in, 0, (off_t)size, 1 << 16, &header, &view.from, &why) != 0)
        goto out;
    if (defang(&view, &limits, &nobody, out, &why) != SMIME_OK)
        abort();
    length = (size_t)spool_size(out);
    text = calloc(1, length + 1);
    if (text == NULL || spool_read(out, text, length, 0) != (ssize_t)length)
        abort();
    check(text, length);
out:
    free(text);
    why_free(&why);
    header_clear(&header);
    spool_free(&in);
    spool_free(&out);
    return 0;
}
