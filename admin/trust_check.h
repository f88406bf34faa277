/* smimectl trust check. */
#ifndef ADMIN_TRUST_CHECK_H
#define ADMIN_TRUST_CHECK_H

#include "context.h"

/* An exit code. */
int trust_check(struct context *context);

#endif
