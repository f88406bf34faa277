/* Replies of an SMTP server (RFC 5321 section 4.2), put together from bytes as they come.
 * Internal to daemon/network/. */
#ifndef DAEMON_NETWORK_SMTP_REPLY_H
#define DAEMON_NETWORK_SMTP_REPLY_H

#include <stddef.h>

#define SMTP_REPLY_MAX_LINE_BYTES 2048 /* RFC 5321 wants 512; extensions may lengthen it */
#define SMTP_REPLY_MAX_LINES 128
#define SMTP_REPLY_MAX_BYTES 16384     /* of all lines */
#define SMTP_REPLY_MAX_WORDS_BYTES 600 /* of what a sentence quotes */

enum smtp_reply_state {
    SMTP_REPLY_MORE,     /* it goes on */
    SMTP_REPLY_COMPLETE, /* its last line is there */
    SMTP_REPLY_BROKEN,   /* not SMTP, or over a ceiling; *why says so */
};

struct smtp_reply {
    int code;     /* 200 to 599 */
    size_t lines; /* complete ones */
    size_t line_length;
    size_t length;
    char line[SMTP_REPLY_MAX_LINE_BYTES];
    char text[SMTP_REPLY_MAX_BYTES + 1]; /* what stands behind the codes, lines parted by \n */
};

/* Forget the former reply. */
void smtp_reply_begin(struct smtp_reply *reply);

/* Take bytes up to the end of the reply. *used_out is how many were taken; what stands behind a
 * complete reply is left. */
enum smtp_reply_state smtp_reply_feed(struct smtp_reply *reply, const char *bytes, size_t length,
                                      size_t *used_out, char **why);

/* The reply in one line for a person: code and text, cut at SMTP_REPLY_MAX_WORDS_BYTES, with '?'
 * for bytes that are no UTF-8. A new string; NULL when out of memory. */
char *smtp_reply_words(const struct smtp_reply *reply);

/* What stands behind `keyword` in a reply to EHLO (RFC 5321 section 4.1.1.1), up to a \n or the
 * end; NULL when no line but the first begins with it. */
const char *smtp_reply_keyword(const struct smtp_reply *reply, const char *keyword);

#endif
