/* The commands of the group "crl", for its table, and what they share. */
#ifndef ADMIN_CRL_COMMANDS_H
#define ADMIN_CRL_COMMANDS_H

#include "context.h"
#include "revocation.h"

/* Each returns an exit code. */
int crl_import(struct context *context);
int crl_list(struct context *context);
int crl_show(struct context *context);
int crl_fetch(struct context *context);

/* The certificates that --ca names; an empty stack without. NULL told. sk_X509_pop_free(). */
STACK_OF(X509) * crl_authorities(const struct context *context);

/* Look at certificates in use by what the store has now, and tell which turn out revoked. 0, or -1
 * told. */
int crl_recheck(struct context *context);

#endif
