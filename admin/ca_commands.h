/* The commands of the group "ca", for its table, and what they share. */
#ifndef ADMIN_CA_COMMANDS_H
#define ADMIN_CA_COMMANDS_H

#include "ca.h"
#include "context.h"

/* Each returns an exit code. */
int ca_create(struct context *context);
int ca_show(struct context *context);
int ca_export(struct context *context);
int ca_issue(struct context *context);
int ca_revoke(struct context *context);
int ca_crl(struct context *context);
int ca_list(struct context *context);

/* --days, or `fallback`. Returns 0, or -1 told. */
int ca_days(const struct context *context, int fallback, int max, int *out);

/* The CA that --id names, or the one that issues: a list of one. Returns 0, or -1 told. */
int ca_chosen(struct context *context, struct ca_list *out);
/* --id, 0 where it is not given. Returns 0, or -1 told. */
int ca_id(const struct context *context, int64_t *out);

/* Write everything about a CA. Returns 0, or -1 told. */
int ca_show_one(struct context *context, const struct ca *ca);

#endif
