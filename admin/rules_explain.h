/* smimectl rules explain. */
#ifndef ADMIN_RULES_EXPLAIN_H
#define ADMIN_RULES_EXPLAIN_H

#include "context.h"

/* The command; an exit code. */
int rules_explain(struct context *context);

#endif
