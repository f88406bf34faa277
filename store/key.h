/* Which certificates fit a mailbox. Internal to store/. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <openssl/x509.h>

#include "sql.h"

/* Does the certificate name one of the mailbox's addresses? STORE_REFUSED if not, with a sentence
 * that calls the mailbox `address`. Inside a transaction, as is the next. */
enum store_status key_check_addresses(struct sql *sql, int64_t mailbox, const char *address,
                                      X509 *certificate, char **why);

/* The same for the certificate that signs now; STORE_OK when none does. */
enum store_status key_check_remaining(struct sql *sql, int64_t mailbox, const char *address,
                                      char **why);

#endif
