/* Mailboxes out of an LDAP directory. */
#ifndef ADMIN_LDAP_SOURCE_H
#define ADMIN_LDAP_SOURCE_H

#include <stdbool.h>

#include "context.h"
#include "mailbox_source.h"

#define LDAP_SOURCE_MAX_ALIAS_ATTRS 8

struct ldap_source {
    const char *uri; /* ldap://, ldaps:// or ldapi:// */
    const char *base;
    const char *filter;                     /* NULL: (ADDRESS-ATTRIBUTE=*) */
    const char *address_attr;               /* of the first address: "mail" */
    const struct option_values *alias_attr; /* of further addresses */
    const char *bind_dn;                    /* NULL: anonymous */
    const char *password;                   /* of it */
    bool start_tls;
    const char *tls_ca; /* certificates of CAs, PEM; NULL: those of ldap.conf(5) */
};

/* One entry of the directory is one mailbox: its first address is the value that Exchange marks
 * with "SMTP:", else the first managed one of the address attribute, else the first managed further
 * one. Entries without a managed address, and addresses that are not managed, are passed over.
 * Certificates are checked; a password is only sent over TLS or a Unix socket. Returns 0, or -1
 * with a sentence; a directory that gives only a part of what was asked for is an error. */
int ldap_source_read(const struct context *context, const struct ldap_source *from,
                     struct mailbox_source *out, char **why);

#endif
