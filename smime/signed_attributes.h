/* Signed attributes that OpenSSL does not make by itself (RFC 8551 section 2.5). */
#ifndef SMIME_SIGNED_ATTRIBUTES_H
#define SMIME_SIGNED_ATTRIBUTES_H

#include <time.h>

#include <openssl/cms.h>

/* Add signingTime, smimeCapabilities and smimeEncryptionKeyPreference (which names `encryption`) to
 * `signer`. Returns 0, or -1 with OpenSSL's error queue. */
int signed_attributes_add(CMS_SignerInfo *signer, X509 *encryption, time_t now);

#endif
