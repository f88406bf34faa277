/* Name constraints of CAs on mail addresses (RFC 5280 section 4.2.1.10, RFC 9598 section 6). */
#ifndef SMIME_NAME_CONSTRAINTS_H
#define SMIME_NAME_CONSTRAINTS_H

#include <openssl/x509.h>

/* May the CAs of `chain` (leaf first, anchor last) certify the address `canonical`? OpenSSL has
 * compared what stands in the leaf, to the letter; this is about the address that it was understood
 * as. Returns 1, 0, or -1 out of memory. */
int name_constraints_allow(STACK_OF(X509) * chain, const char *canonical);

#endif
