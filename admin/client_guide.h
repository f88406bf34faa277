/* A guide for the owner of a mailbox: how to set up his mail program, as plain text. */
#ifndef ADMIN_CLIENT_GUIDE_H
#define ADMIN_CLIENT_GUIDE_H

#include <stdio.h>

#include "client_account.h"
#include "client_language.h"

/* The guide as it is built in, with its marks: UTF-8 lines. */
const char *client_guide_template(enum client_language language);

/* Write the guide that `text` makes of the account. Marks in it:
 *
 *     ${address} ${name} ${username} ${domain}
 *     ${imap_host} ${imap_port} ${imap_security}     "SSL/TLS" or "STARTTLS"
 *     ${pop3_...} ${submission_...} ${activesync_host} ${activesync_port}
 *     [[imap]] ... [[end]]       lines of their own around what needs this service: imap, pop3,
 *                                submission, activesync; name. They do not nest.
 *
 * The name of the owner is his address where it is not known. Returns 0, or -1 with *why: a mark
 * that is unknown or of a service that the account does not have, a part that does not end. */
int client_guide_write(FILE *out, const struct client_account *account, const char *text,
                       char **why);

#endif
