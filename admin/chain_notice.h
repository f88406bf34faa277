/* What recipients will see of the CA certificates that travel with a mailbox's signatures. */
#ifndef ADMIN_CHAIN_NOTICE_H
#define ADMIN_CHAIN_NOTICE_H

#include <openssl/x509.h>

#include "context.h"

/* Does `certificate`, with the `chain` that came along (may be NULL) and nothing else, lead to a
 * trust anchor? Returns 0 with *sentence_out NULL if so; else it says what is missing, what
 * recipients will see, and what to do (why_free()). -1: it could not be found out, and the sentence
 * says why. */
int chain_notice(struct context *context, X509 *certificate, STACK_OF(X509) * chain,
                 char **sentence_out);

#endif
