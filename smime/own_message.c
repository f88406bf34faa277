/* Messages that smimed writes itself. */
#include "own_message.h"

#include <string.h>

#include "why.h"

#define MAX_HEADER_BYTES 65536 /* of the message itself */

static bool is_7bit(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

GMimePart *own_part(const char *type, const char *subtype, const char *content, bool is_utf8)
{
    GMimePart *part = g_mime_part_new_with_type(type, subtype);
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(content, strlen(content));
    GMimeDataWrapper *wrapper =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content(part, wrapper);
    if (is_utf8)
        g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    /* What is not 7-bit, or has lines that are too long for mail, is encoded. */
    if (is_utf8 || !is_7bit(content))
        g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    g_object_unref(wrapper);
    g_object_unref(stream);
    return part;
}

GMimeMessage *own_message(const struct own_fields *fields, GMimeObject *body)
{
    GMimeMessage *message = g_mime_message_new(FALSE);
    GMimeObject *object = GMIME_OBJECT(message);
    g_mime_object_set_header(object, "Date", fields->date, NULL);
    g_mime_object_set_header(object, "From", fields->from, NULL);
    g_mime_object_set_header(object, "To", fields->to, NULL);
    g_mime_message_set_subject(message, fields->subject, "utf-8");
    g_mime_message_set_message_id(message, fields->message_id);
    if (fields->in_reply_to != NULL)
        g_mime_object_set_header(object, "In-Reply-To", fields->in_reply_to, NULL);
    g_mime_object_set_header(object, "Auto-Submitted", fields->auto_submitted, NULL);
    g_mime_message_set_mime_part(message, body);
    return message;
}

static int write_bytes(GMimeMessage *message, struct spool *out)
{
    GMimeStream *stream = g_mime_stream_mem_new();
    GMimeFormatOptions *format = g_mime_format_options_clone(NULL);
    GByteArray *bytes;
    int rc = -1;
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    if (g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream) >= 0) {
        bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
        rc = spool_write(out, bytes->data, bytes->len);
    }
    g_mime_format_options_free(format);
    g_object_unref(stream);
    return rc;
}

int own_message_write(GMimeMessage *message, const struct spool_options *spool, struct entity *out,
                      char **why)
{
    struct spool *text = spool_new(spool);
    off_t body = 0;
    int rc = -1;
    *out = (struct entity){0};
    if (text == NULL || (out->body = spool_new(spool)) == NULL)
        why_set(why, "out of memory");
    else if (write_bytes(message, text) != 0)
        why_set(why, "cannot write to the spool: %m");
    else if (header_parse(text, 0, spool_size(text), MAX_HEADER_BYTES, &out->header, &body, why) ==
             0)
        rc = spool_copy(out->body, text, body, spool_size(text));
    spool_free(&text);
    if (rc != 0)
        entity_clear(out);
    return rc;
}
