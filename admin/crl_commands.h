/* The commands of the group "crl", for its table. */
#ifndef ADMIN_CRL_COMMANDS_H
#define ADMIN_CRL_COMMANDS_H

#include "context.h"

/* Each returns an exit code. */
int crl_import(struct context *context);
int crl_list(struct context *context);
int crl_show(struct context *context);
int crl_fetch(struct context *context);

#endif
