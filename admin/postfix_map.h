/* Mailboxes and further addresses out of a Postfix map: virtual mailboxes, virtual aliases. */
#ifndef ADMIN_POSTFIX_MAP_H
#define ADMIN_POSTFIX_MAP_H

#include "context.h"
#include "mailbox_source.h"

/* `name` is TYPE:FILE, which `postmap -s` lists; `path` the text that such a map is made from
 * (postmap(1)). A key that leads to one managed address is a further address of that; a key that
 * leads to itself, or to what is no address, is a mailbox. Passed over are catch-alls, lists of
 * addresses, what leads outside, keys that are not managed and, unless `domain` completes them,
 * keys without a domain; with `domain`, keys of other domains, too. Return 0, or -1 with a
 * sentence. */
int postfix_map_read(const struct context *context, const char *name, const char *domain,
                     struct mailbox_source *out, char **why);
int postfix_map_read_text(const struct context *context, const char *path, const char *domain,
                          struct mailbox_source *out, char **why);

#endif
