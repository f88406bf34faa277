/* Signed attributes that OpenSSL does not make by itself (RFC 8551 section 2.5). */
#ifndef SMIME_SIGNED_ATTRIBUTES_H
#define SMIME_SIGNED_ATTRIBUTES_H

#include <openssl/cms.h>

#include "sign.h"

/* Add what the request says to `signer`: signingTime, smimeCapabilities, and
 * smimeEncryptionKeyPreference, which names `encryption`. Returns 0, or -1 with OpenSSL's error
 * queue. */
int signed_attributes_add(CMS_SignerInfo *signer, const struct sign_request *request,
                          X509 *encryption);

#endif
