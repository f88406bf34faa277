/* Mailboxes as rows of the database. Internal to store/. */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "sql.h"

/* The id of the mailbox that has `address`, STORE_NONE if there is none. */
enum store_status mailbox_id(struct sql *sql, const char *address, int64_t *id_out, char **why);
/* The same for requests that need one: STORE_REFUSED with a sentence if there is none. */
enum store_status mailbox_id_needed(struct sql *sql, const char *address, int64_t *id_out,
                                    char **why);

#endif
