/* Certificates in directories: asking for those of others, publishing our own. */
#ifndef ADMIN_PUBKEY_LOOKUP_H
#define ADMIN_PUBKEY_LOOKUP_H

#include "context.h"

/* Commands; exit codes. */
int pubkey_lookup_command(struct context *context);
int pubkey_smimea_command(struct context *context);

#endif
