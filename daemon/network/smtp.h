/* Sending mail by SMTP (RFC 5321), to a server of the administrator's choice.
 *
 * libcurl resolves, connects, starts TLS (RFC 3207), verifies certificates and authenticates (RFC
 * 4954); the envelope dialogue is ours, because it carries what libcurl's own cannot: SMTPUTF8,
 * BODY and delivery status parameters (RFC 6531, RFC 6152, RFC 3461). Neither proxies of the
 * environment nor .netrc play a part.
 *
 * One `struct smtp` is one connection, used by one thread at a time:
 *
 *     smtp_connect, { smtp_mail, smtp_rcpt ..., smtp_data, smtp_write ..., smtp_end } ...,
 * smtp_quit
 *
 * A message counts as handed over when smtp_end() says so, and only then. What was begun and is
 * left by smtp_free() is discarded by the server. */
#ifndef DAEMON_NETWORK_SMTP_H
#define DAEMON_NETWORK_SMTP_H

#include <stdbool.h>
#include <stddef.h>

struct smtp;

/* With all but SMTP_OK, *why is one sentence that names server and command and quotes the server's
 * own words. After SMTP_DEFERRED or SMTP_REFUSED of smtp_rcpt() the transaction may go on. */
enum smtp_status {
    SMTP_OK = 0,
    SMTP_DEFERRED, /* 4yz; the connection was lost, too slow, or the server talks no SMTP */
    SMTP_REFUSED,  /* 5yz; or what we asked for cannot be said to this server */
    SMTP_ERROR,    /* ours: out of memory, password file, wrong order of calls */
};

enum smtp_tls {
    SMTP_TLS_NONE,
    SMTP_TLS_OPPORTUNISTIC, /* STARTTLS when offered; with a user it is SMTP_TLS_REQUIRED */
    SMTP_TLS_REQUIRED,      /* STARTTLS, or nothing */
    SMTP_TLS_IMPLICIT,      /* from the first byte (RFC 8314) */
};

enum smtp_verify {
    SMTP_VERIFY_FULL,  /* the certificate's chain, and that it names `host` */
    SMTP_VERIFY_CHAIN, /* not the name */
    SMTP_VERIFY_NONE,
};

struct smtp_server {
    const char *unix_path; /* a Unix socket; NULL: TCP */
    const char *host; /* name or number; with a Unix socket the name in certificates, or NULL */
    unsigned port;
    int family; /* AF_INET, AF_INET6, AF_UNSPEC */
    enum smtp_tls tls;
    enum smtp_verify verify;
    const char *ca_file;       /* PEM: own authorities besides the system's; NULL: none */
    const char *user;          /* SMTP AUTH by PLAIN or LOGIN; NULL: none */
    const char *password_file; /* required with a user; readable for its owner only */
    bool login_in_clear;       /* allow a login over TCP without TLS */
    const char *helo_name;
    int answer_timeout_ms; /* for the connection with all that belongs to it, and for each answer */
    int total_timeout_ms;  /* for everything on the connection, counted from smtp_connect() */
    int (*tick)(void *context); /* called about once a second while we wait; non-zero: give up
                                   (SMTP_DEFERRED). NULL: nobody asks */
    void *context;
};

/* RFC 5321 section 2.2; what the server offers. */
enum smtp_extension {
    SMTP_SIZE = 1 << 0,     /* RFC 1870 */
    SMTP_8BITMIME = 1 << 1, /* RFC 6152 */
    SMTP_SMTPUTF8 = 1 << 2, /* RFC 6531 */
    SMTP_DSN = 1 << 3,      /* RFC 3461 */
};

/* MAIL. The delivery status parameters are left out where the server does not offer DSN. */
struct smtp_sender {
    const char *address; /* without angle brackets; "" for the null sender */
    const char *ret;     /* NULL: not given */
    const char *envid;
    long long size; /* bytes of the content as it is written, 0: unknown; larger than the server
                       takes is SMTP_REFUSED */
    bool eightbit;  /* BODY=8BITMIME; SMTP_REFUSED where it is not offered */
    bool smtputf8;  /* SMTP_REFUSED where it is not offered; follows by itself from the address */
};

struct smtp_recipient {
    const char *address; /* not ASCII: the sender must have had `smtputf8` */
    const char *notify;
    const char *orcpt;
};

/* What can be known of a server without asking it: password and CA file can be read. SMTP_OK or
 * SMTP_ERROR. */
enum smtp_status smtp_check(const struct smtp_server *server, char **why);

/* SMTP_OK with *out ready for smtp_mail(). All that has to do with the way there is SMTP_DEFERRED:
 * names, connection, greeting, TLS, certificate, login. `server` must outlive *out. */
enum smtp_status smtp_connect(const struct smtp_server *server, struct smtp **out, char **why);

bool smtp_offers(const struct smtp *smtp, enum smtp_extension extension);
bool smtp_is_encrypted(const struct smtp *smtp);

enum smtp_status smtp_mail(struct smtp *smtp, const struct smtp_sender *sender, char **why);
enum smtp_status smtp_rcpt(struct smtp *smtp, const struct smtp_recipient *recipient, char **why);

/* Leave the transaction before its content (RSET). */
enum smtp_status smtp_reset(struct smtp *smtp, char **why);

/* DATA, and the content in any number of pieces: dots are stuffed, a lone LF becomes CRLF. A lone
 * CR stays. The content is 7-bit unless MAIL said `eightbit`; nobody recodes it. */
enum smtp_status smtp_data(struct smtp *smtp, char **why);
enum smtp_status smtp_write(struct smtp *smtp, const void *bytes, size_t length, char **why);

/* Send what of the content is still with us, and see that the server has no objection yet. */
enum smtp_status smtp_flush(struct smtp *smtp, char **why);

/* The end of the content. SMTP_OK: the server is responsible for the message now. When the
 * connection breaks before the answer (SMTP_DEFERRED), it may be or not. */
enum smtp_status smtp_end(struct smtp *smtp, char **why);

/* Everything on the connection may take `ms` milliseconds from now, if it was not to take longer.
 */
void smtp_extend(struct smtp *smtp, long long ms);

/* The last answer in one line, for a log ("250 2.0.0 Ok: queued as 4ABC"); "" before the first. */
const char *smtp_last_words(const struct smtp *smtp);

/* Leave politely, and release; a server that does not answer is not waited for. */
void smtp_quit(struct smtp **smtp);

/* Close without a word, and release. */
void smtp_free(struct smtp **smtp);

#endif
