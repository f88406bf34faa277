/* Is a certificate that is handed in known to be revoked? */
#ifndef ADMIN_KNOWN_REVOKED_H
#define ADMIN_KNOWN_REVOKED_H

#include "context.h"
#include "revocation_inquiry.h"

/* By what the store has: nobody is asked. Returns 1 with a sentence, 0, or -1 with a sentence. */
int known_revoked(const struct context *context, struct revocation_inquiry *inquiry,
                  X509 *certificate, char **why);

#endif
