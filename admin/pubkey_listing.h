/* How public keys are shown: those in use, and those that wait for approval. */
#ifndef ADMIN_PUBKEY_LISTING_H
#define ADMIN_PUBKEY_LISTING_H

#include <openssl/x509.h>

#include "context.h"

/* Commands; exit codes. */
int pubkey_list_command(struct context *context);
int pubkey_show_command(struct context *context);
int pubkey_pending_command(struct context *context);

/* The public key that the first word of the command names, by its id or by an address that mail is
 * encrypted to with it now; 0 told. */
int64_t pubkey_named(struct context *context, X509 **certificate_out);

#endif
