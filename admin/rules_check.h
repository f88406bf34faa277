/* smimectl rules check. */
#ifndef ADMIN_RULES_CHECK_H
#define ADMIN_RULES_CHECK_H

#include "alias_map.h"
#include "context.h"
#include "findings.h"

/* The command; an exit code. */
int rules_check(struct context *context);

/* rules_check_mailboxes.c: what the store knows of the mailboxes that rules name; `map` may be
 * NULL. Returns 0, -1 told. */
int check_mailboxes(struct context *context, const struct alias_map *map,
                    struct findings *findings);

#endif
