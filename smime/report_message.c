/* Putting together a report: GMime writes and encodes it. */
#include "report_message.h"

#include "gmime_start.h"
#include "own_message.h"

static void add_part(GMimeMultipart *report, const char *type, const char *subtype,
                     const char *content, bool is_utf8)
{
    GMimePart *part = own_part(type, subtype, content, is_utf8);
    g_mime_multipart_add(report, GMIME_OBJECT(part));
    g_object_unref(part);
}

static GMimeMultipart *make_body(const struct report_parts *parts)
{
    GMimeMultipart *report = g_mime_multipart_new_with_subtype("report");
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(report), "report-type",
                                             "delivery-status");
    add_part(report, "text", "plain", parts->text, true);
    add_part(report, "message", "delivery-status", parts->status, false);
    add_part(report, "text", "rfc822-headers", parts->headers, false);
    return report;
}

int report_message_make(const struct report_parts *parts, const struct spool_options *spool,
                        struct entity *out, char **why)
{
    struct own_fields fields = {
        .from = parts->from,
        .subject = parts->subject,
        .date = parts->date,
        .message_id = parts->message_id,
        .in_reply_to = parts->in_reply_to,
        .auto_submitted = "auto-replied",
    };
    GMimeMultipart *body;
    GMimeMessage *message;
    char *to;
    int rc;
    gmime_start();
    to = g_strdup_printf("<%s>", parts->to);
    fields.to = to;
    body = make_body(parts);
    message = own_message(&fields, GMIME_OBJECT(body));
    rc = own_message_write(message, spool, out, why);
    g_object_unref(message);
    g_object_unref(body);
    g_free(to);
    return rc;
}
