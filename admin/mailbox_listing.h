/* How mailboxes are shown. */
#ifndef ADMIN_MAILBOX_LISTING_H
#define ADMIN_MAILBOX_LISTING_H

#include "context.h"

/* Both write to standard output. Return 0, or -1 told. */
int mailbox_show_list(struct context *context, const struct mailbox_filter *filter);
int mailbox_show_one(struct context *context, const char *canonical);

#endif
