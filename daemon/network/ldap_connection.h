/* One connection to an LDAP directory (RFC 4511): TLS with the certificate checked, simple bind, no
 * referrals, limits on time and size that hold whatever the directory sends. The host name is
 * looked up by the system's resolver, whose own time-outs come on top (resolv.conf(5)). */
#ifndef NETWORK_LDAP_CONNECTION_H
#define NETWORK_LDAP_CONNECTION_H

#include <stdbool.h>

#include <ldap.h>

#include "deadline.h"

/* STARTTLS (RFC 4511 section 4.14) on ldap://. Optional is for what is public anyway: whoever sits
 * on the line can make the directory seem not to offer it. A TLS that fails is never given up for
 * none. */
enum ldap_starttls { LDAP_STARTTLS_REQUIRED, LDAP_STARTTLS_OPTIONAL, LDAP_STARTTLS_OFF };

struct ldap_connection_options {
    const char *uri;                /* ldap://, ldaps:// or ldapi:// */
    enum ldap_starttls starttls;    /* of ldap:// */
    const char *ca_file;            /* certificates of CAs, PEM; NULL: those of ldap.conf(5) */
    const char *ca_file_setting;    /* what the administrator calls it, for sentences */
    const char *starttls_setting;   /* the same */
    const char *bind_dn;            /* NULL: anonymous */
    const char *password;           /* of it */
    bool password_in_clear;         /* may be sent without TLS */
    long connect_timeout_ms;        /* for TCP */
    struct deadline deadline;       /* for everything until the connection is bound */
    unsigned long max_answer_bytes; /* of one message of the directory; 0: as libldap has it */
};

struct ldap_connection;

/* Connect, begin TLS, bind. NULL with a sentence that does not name the URI. */
struct ldap_connection *ldap_connection_open(const struct ldap_connection_options *options,
                                             char **why);
void ldap_connection_close(struct ldap_connection **connection);

/* For searching. Borrowed. */
LDAP *ldap_connection_handle(struct ldap_connection *connection);

/* What is asked from now on has to be answered until then. */
void ldap_connection_until(struct ldap_connection *connection, struct deadline deadline);

/* Put "what: what libldap says of `code`", or that the time is up, into *why. Returns -1. */
int ldap_connection_failed(struct ldap_connection *connection, int code, const char *what,
                           char **why);

#endif
