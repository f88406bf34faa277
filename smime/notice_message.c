/* Putting together a notice: GMime writes and encodes it. */
#include "notice_message.h"

#include "gmime_start.h"
#include "own_message.h"

int notice_message_make(const struct notice_parts *parts, const struct spool_options *spool,
                        struct entity *out, char **why)
{
    const struct own_fields fields = {
        .from = parts->from,
        .to = parts->to,
        .subject = parts->subject,
        .date = parts->date,
        .message_id = parts->message_id,
        .in_reply_to = parts->in_reply_to,
        .auto_submitted = parts->replied ? "auto-replied" : "auto-generated",
    };
    GMimePart *body;
    GMimeMessage *message;
    int rc;
    gmime_start();
    body = own_part("text", "plain", parts->text, true);
    message = own_message(&fields, GMIME_OBJECT(body));
    if (parts->in_reply_to != NULL)
        g_mime_object_set_header(GMIME_OBJECT(message), "References", parts->in_reply_to, NULL);
    rc = own_message_write(message, spool, out, why);
    g_object_unref(message);
    g_object_unref(body);
    return rc;
}
