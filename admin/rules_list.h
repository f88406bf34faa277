/* smimectl rules list. */
#ifndef ADMIN_RULES_LIST_H
#define ADMIN_RULES_LIST_H

#include "context.h"

/* The command; an exit code. */
int rules_list(struct context *context);

#endif
