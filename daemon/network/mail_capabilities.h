/* What a mail server offers before anything is encrypted: read off the lines of its answers to EHLO
 * (RFC 5321, RFC 3207, RFC 4954), CAPABILITY (RFC 9051 section 6.1.1) and CAPA (RFC 2449). */
#ifndef DAEMON_NETWORK_MAIL_CAPABILITIES_H
#define DAEMON_NETWORK_MAIL_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>

enum mail_protocol { MAIL_SMTP, MAIL_IMAP, MAIL_POP3 };

struct mail_capabilities {
    bool start_tls;      /* STARTTLS, STLS */
    bool password;       /* a mechanism that hands the password or a token over as it is */
    bool login;          /* IMAP: a capability list was seen, so LOGIN is there ... */
    bool login_disabled; /* ... unless this was in it (RFC 9051 section 6.2.3) */
};

/* Take one line of the server's, with or without its line end. */
void mail_capabilities_add(struct mail_capabilities *capabilities, enum mail_protocol protocol,
                           const char *line, size_t length);

/* Would a client that does not encrypt be let send its password? */
bool mail_capabilities_clear_password(const struct mail_capabilities *capabilities);

#endif
