/* Mailboxes as rows of the database. Internal to store/. */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "sql.h"

#define MAILBOX_MAX_ALIASES 1024

/* The id of the mailbox that has `address`, STORE_NONE if there is none. */
enum store_status mailbox_id(struct sql *sql, const char *address, int64_t *id_out, char **why);
/* The same for requests that need one: STORE_REFUSED with a sentence if there is none. */
enum store_status mailbox_id_needed(struct sql *sql, const char *address, int64_t *id_out,
                                    char **why);

/* STORE_REFUSED with a sentence when some mailbox has `address` already. */
enum store_status mailbox_refuse_taken(struct sql *sql, const char *address, char **why);
/* What is not canonical could never be found again: STORE_REFUSED. */
enum store_status mailbox_check_canonical(const char *address, char **why);
/* Add a new mailbox, or a further address behind those that are there. Inside a transaction. */
enum store_status mailbox_insert(struct sql *sql, const char *address, int64_t *id_out, char **why);
enum store_status mailbox_insert_alias(struct sql *sql, int64_t mailbox, const char *alias,
                                       char **why);

#endif
