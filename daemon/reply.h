/* What a client is told when a recipient or a message is not accepted. */
#ifndef DAEMON_REPLY_H
#define DAEMON_REPLY_H

struct reply {
    int code;          /* 0: none; else 4xx or 5xx */
    char enhanced[10]; /* "5.7.1" (RFC 3463, RFC 5248) */
    char *english;     /* one line each, ASCII, short enough for an SMTP reply line */
    char *german;
};

/* Fill `reply` (released and overwritten if it was set). Text that is not printable ASCII is
 * replaced, '%' is harmless, each text is cut to 400 bytes. */
void reply_set(struct reply *reply, int code, const char *enhanced, const char *english,
               const char *german);
void reply_setf(struct reply *reply, int code, const char *enhanced, const char *english,
                const char *german, ...)
    __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

/* 451 of our own fault: a text for the client that tells nothing of the inside ("try again later").
 */
void reply_defer(struct reply *reply);
void reply_clear(struct reply *reply);

#endif
