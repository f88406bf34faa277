/* Messages that smimed writes itself: what is common to reports and notices. GMime puts them
 * together and encodes them. Internal to smime/. */
#ifndef SMIME_OWN_MESSAGE_H
#define SMIME_OWN_MESSAGE_H

#include <stdbool.h>

#include <gmime/gmime.h>

#include "entity.h"

/* A part with this content; `is_utf8`: a text for people, else ASCII. What is not 7-bit is encoded.
 * g_object_unref(). */
GMimePart *own_part(const char *type, const char *subtype, const char *content, bool is_utf8);

/* The fields that all have; strings as in report_message.h, `to` is the field itself.
 * `in_reply_to` may be NULL. g_object_unref(). */
struct own_fields {
    const char *from;
    const char *to;
    const char *subject;
    const char *date;
    const char *message_id;
    const char *in_reply_to;
    const char *auto_submitted; /* RFC 3834 section 5 */
};
GMimeMessage *own_message(const struct own_fields *fields, GMimeObject *body);

/* The message as header and body (entity_clear()). Returns 0, -1 with *why when out of memory or
 * room. */
int own_message_write(GMimeMessage *message, const struct spool_options *spool, struct entity *out,
                      char **why);

#endif
