/* What a mail program has to be told to reach one mailbox. */
#ifndef ADMIN_CLIENT_ACCOUNT_H
#define ADMIN_CLIENT_ACCOUNT_H

#include "context.h"
#include "mail_host.h"

#define CLIENT_SERVICES 4 /* of enum mail_host_service */

struct client_account {
    char *address; /* canonical */
    char *local_part;
    const char *domain; /* in `address` */
    char *name;         /* of the owner: UTF-8, one line; NULL: not known */
    char *username;     /* for logging in */
    const char *username_pattern;
    const struct mail_host *hosts[CLIENT_SERVICES]; /* NULL: there is no such service */
    struct mail_host given[CLIENT_SERVICES];        /* by options; those in `hosts` borrow it */
};

/* From the options --mailbox, --name, --imap, --pop3, --submission, --activesync, --username and
 * the setting client_servers; the configuration must outlive it. Returns EXIT_DONE with *out
 * filled; EXIT_USAGE or EXIT_REFUSED told. In any case release by client_account_clear(). */
int client_account_read(struct context *context, struct client_account *out);

void client_account_clear(struct client_account *account);

#endif
