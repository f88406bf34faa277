/* Putting together a notice: a text for people, sent by a program (RFC 3834). */
#ifndef SMIME_NOTICE_MESSAGE_H
#define SMIME_NOTICE_MESSAGE_H

#include <stdbool.h>

#include "entity.h"

/* All strings are needed but `in_reply_to`; addresses are ASCII. */
struct notice_parts {
    const char *from;        /* "smimed <MAILER-DAEMON@mx.example.com>" */
    const char *to;          /* "<a@example.com>, <b@example.com>" */
    const char *subject;     /* UTF-8, one line */
    const char *date;        /* as in the Date field */
    const char *message_id;  /* without angle brackets */
    const char *in_reply_to; /* with angle brackets: the message that it is about; NULL: none */
    bool replied;            /* it answers somebody's mail */
    const char *text;        /* UTF-8, LF line ends */
};

/* *out is a message of 7-bit lines (entity_clear()). Returns 0, -1 with *why when out of memory or
 * room. */
int notice_message_make(const struct notice_parts *parts, const struct spool_options *spool,
                        struct entity *out, char **why);

#endif
