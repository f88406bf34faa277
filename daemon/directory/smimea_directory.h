/* Asking the DNS for the certificates of an address (RFC 8162). */
#ifndef DIRECTORY_SMIMEA_DIRECTORY_H
#define DIRECTORY_SMIMEA_DIRECTORY_H

#include "answer.h"
#include "deadline.h"
#include "settings.h"

/* Ask for `address` (canonical), which was written as `written` (may be NULL): first with the case
 * of its local part as it was written, which is what RFC 8162 has a client do, then in lower case,
 * because for us that is the same mailbox. *answer gets what was found, as in ldap_directory.h.
 * Returns 0, -1 for an error of ours (*why). */
int smimea_directory_ask(const struct settings *settings, const char *address, const char *written,
                         struct deadline deadline, struct answer *answer, char **why);

#endif
