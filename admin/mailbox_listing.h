/* How mailboxes are shown. */
#ifndef ADMIN_MAILBOX_LISTING_H
#define ADMIN_MAILBOX_LISTING_H

#include "context.h"

enum mailbox_sort { SORT_ADDRESS, SORT_DOMAIN, SORT_STATE, SORT_EXPIRES, SORT_CERTIFICATE };

/* Read "address", "domain", "state", "expires" or "certificate". Returns 0, -1 when it is none. */
int mailbox_sort_named(const char *name, enum mailbox_sort *out);

/* Both write to standard output. Return 0, or -1 told. What is equal, or lacks what is sorted by,
 * is sorted by address; mailboxes without a certificate come last. */
int mailbox_show_list(struct context *context, const struct mailbox_filter *filter,
                      enum mailbox_sort sort);
int mailbox_show_one(struct context *context, const char *canonical);

#endif
