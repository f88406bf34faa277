/* The commands of the group "mailbox", for its table, and what they share. */
#ifndef ADMIN_MAILBOX_COMMANDS_H
#define ADMIN_MAILBOX_COMMANDS_H

#include "context.h"

/* Each returns an exit code. */
int mailbox_add(struct context *context);
int mailbox_import(struct context *context);
int mailbox_sync(struct context *context);
int mailbox_list(struct context *context);
int mailbox_show(struct context *context);
int mailbox_alias(struct context *context);
int mailbox_delete(struct context *context);
int mailbox_never_decrypt(struct context *context);
int mailbox_activate(struct context *context);
int mailbox_deactivate(struct context *context);
int mailbox_request(struct context *context);
int mailbox_install(struct context *context);
int mailbox_enroll(struct context *context);
int mailbox_renew(struct context *context);
int mailbox_enrolments(struct context *context);
int mailbox_revoke(struct context *context);
int mailbox_export(struct context *context);

/* The canonical form of an address that must be managed: a new string, or NULL told. */
char *mailbox_managed_argument(const struct context *context, const char *text);

/* Tell why the store did not do what was asked for `address`. */
void mailbox_tell_failure(const char *address, enum store_status status, char *const *why);

#endif
