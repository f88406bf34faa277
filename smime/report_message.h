/* Putting together a report: multipart/report with delivery-status (RFC 6522, RFC 3464). */
#ifndef SMIME_REPORT_MESSAGE_H
#define SMIME_REPORT_MESSAGE_H

#include "entity.h"

/* All strings are needed but `in_reply_to`; addresses and status are ASCII. */
struct report_parts {
    const char *from;        /* "Mail Delivery System <MAILER-DAEMON@mx.example.com>" */
    const char *to;          /* one address, without angle brackets */
    const char *subject;     /* UTF-8, one line */
    const char *date;        /* as in the Date field */
    const char *message_id;  /* without angle brackets */
    const char *in_reply_to; /* with angle brackets; NULL: none */
    const char *text;        /* UTF-8, LF line ends: for people */
    const char *status;      /* LF line ends: message/delivery-status */
    const char *headers;     /* CRLF line ends: the header that is returned */
};

/* *out is a message of 7-bit lines (entity_clear()). Returns 0, -1 with *why when out of memory or
 * room. */
int report_message_make(const struct report_parts *parts, const struct spool_options *spool,
                        struct entity *out, char **why);

#endif
