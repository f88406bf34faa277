/* RC2 in CBC mode, for reading alone (RFC 2268, RFC 3370 section 5.2).
 *
 * OpenSSL has it in its legacy provider. That is loaded into a library context of its own, by the
 * first message that asks for it: nothing else in the process finds an algorithm of that provider.
 */
#ifndef SMIME_RC2_H
#define SMIME_RC2_H

#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/types.h>
#include <openssl/x509.h>

/* The library context with RC2. It is never freed: keys that were used in it keep something of it.
 * NULL: the provider cannot be loaded, or memory is out; the next call tries again. */
OSSL_LIB_CTX *rc2_context(void);

/* Are the parameters of `algorithm`, rc2-cbc, such that OpenSSL knows: an IV, and 40, 64 or 128
 * effective key bits? */
bool rc2_parameters_are_known(OSSL_LIB_CTX *context, const X509_ALGOR *algorithm);

/* Hold `cipher`, fresh from CMS_dataInit() and with RC2, to a key of as many bits as are effective:
 * one of another length gives way to a random key. Returns 0, -1 with OpenSSL's error queue. */
int rc2_hold_key_length(BIO *cipher);

#endif
