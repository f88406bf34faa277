/* Chains from a certificate to a trust anchor (RFC 5280 section 6, RFC 8550 section 4). */
#ifndef SMIME_TRUST_CHAIN_H
#define SMIME_TRUST_CHAIN_H

#include <openssl/x509.h>

#include "incoming.h"

#define CHAIN_MAX_RETRIES 16       /* anchors of one name that are tried one by one */
#define CHAIN_MIN_SECURITY_BITS 80 /* of each key: RSA and DSA from 1024 bits */

/* An anchor with this alias (X509_alias_get0()) and a day behind it, "221130000000Z", is believed
 * only for certificates that are valid since that day at the latest. */
#define CHAIN_UNTIL_ALIAS "issued until "

enum chain_use { CHAIN_SIGN, CHAIN_ENCRYPT };

/* Judge `leaf` by request->anchors as of request->now, with the help of `bundle` (certificates of
 * the message; may be NULL) and request->intermediates. *verdict_out is SIGNATURE_VALID, _EXPIRED
 * (otherwise good), _REVOKED or _UNTRUSTED, with a sentence in *reason unless valid; there, a
 * sentence is a restriction: that revocation could not be checked, and need not be. *chain_out
 * (may be NULL) gets the chain of a valid one, leaf first, anchor last. SMIME_OK or SMIME_ERROR. */
enum smime_status chain_verify(X509 *leaf, STACK_OF(X509) * bundle,
                               const struct open_request *request, enum chain_use use,
                               enum signature_verdict *verdict_out, STACK_OF(X509) * *chain_out,
                               char **reason, char **why);

/* May an end-entity certificate be used so by its key usage and extended key usage? */
bool chain_usage_allows(X509 *certificate, enum chain_use use);

/* "CN = Alice, ..." in one line for a sentence: a new string (free()), NULL when out of memory. */
char *chain_subject(const X509 *certificate);

#endif
