/* Evidence on one certificate. Internal to daemon/revocation/. */
#ifndef REVOCATION_REVOCATION_FIND_H
#define REVOCATION_REVOCATION_FIND_H

#include "revocation_source.h"

/* For struct revocation_source; `context` is a struct revocation_inquiry. */
enum smime_status revocation_find(void *context, STACK_OF(X509) * chain, int at,
                                  STACK_OF(X509) * helpers, struct revocation_evidence *out,
                                  char **why);

#endif
