/* What a correspondent declared in signed mail that his programs read (smimeCapabilities), of what
 * smimed writes. */
#ifndef ADMIN_DECLARED_H
#define ADMIN_DECLARED_H

#include "context.h"
#include "smime_capabilities.h"

#define DECLARED_MAX (ENCRYPT_CIPHERS + 1 + KEY_AGREEMENTS)

struct declared {
    char *names[DECLARED_MAX]; /* "aes-256-gcm", "oaep", "ecdh sha256 aes-256-wrap" */
    size_t count;
};

/* By the first of the addresses of which something is known. Returns 0, or -1 after telling why. */
int declared_read(struct context *context, const struct pubkey *pubkey, struct declared *out);
void declared_clear(struct declared *declared);

#endif
