/* Where mail programs find a server: "imap.example.com:993 tls". */
#ifndef RULES_MAIL_HOST_H
#define RULES_MAIL_HOST_H

#include <stdbool.h>

enum mail_host_service {
    MAIL_HOST_IMAP,
    MAIL_HOST_POP3,
    MAIL_HOST_SUBMISSION,
    MAIL_HOST_ACTIVESYNC, /* HTTPS */
};

/* One server; without any `name` is NULL. */
struct mail_host {
    char *name; /* canonical domain, or IPv4 address */
    int port;
    bool start_tls; /* TLS begins by a command (STARTTLS, STLS), not with the first byte */
};

/* Read HOST[:PORT] [tls|starttls]. Without a port it is that of TLS (RFC 8314); without a word the
 * port says it, if it is registered for the service. There is no way to say "without TLS", and
 * ActiveSync has no STARTTLS. Returns 0 with *out filled (mail_host_clear()), -1 with *why. */
int mail_host_parse(enum mail_host_service service, const char *text, struct mail_host *out,
                    char **why);

void mail_host_clear(struct mail_host *host);

/* The login name of a mailbox: `pattern` with %a (its address), %u (what stands before the @), %d
 * (the domain) and %% replaced. mail_username_check() returns 0, or -1 with *why when there is
 * another %. mail_username() takes a checked pattern and gives a new string; NULL: out of memory.
 */
int mail_username_check(const char *pattern, char **why);
char *mail_username(const char *pattern, const char *address, const char *local_part,
                    const char *domain);

#endif
