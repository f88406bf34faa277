/* smimectl setup sendmail. */
#ifndef ADMIN_SETUP_SENDMAIL_H
#define ADMIN_SETUP_SENDMAIL_H

#include "context.h"

/* The command; an exit code. */
int setup_sendmail(struct context *context);

#endif
