/* Thunderbird's autoconfiguration. */
#ifndef ADMIN_CLIENT_AUTOCONFIG_H
#define ADMIN_CLIENT_AUTOCONFIG_H

#include <stdio.h>

#include "client_account.h"

/* Write clientConfig 1.1 for the domain of the account, which needs IMAP or POP3. What belongs to
 * the mailbox alone stands there as Thunderbird's own placeholders, so that one file serves
 * everybody in the domain. */
void client_autoconfig_write(FILE *out, const struct client_account *account);

#endif
