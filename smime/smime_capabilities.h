/* What the programs of a correspondent can do: smimeCapabilities of his signed mail, read and
 * written (RFC 8551 section 2.5.2). */
#ifndef SMIME_SMIME_CAPABILITIES_H
#define SMIME_SMIME_CAPABILITIES_H

#include <openssl/cms.h>

#include "key_agreement.h"

#define CAPABILITIES_MAX_ITEMS 256 /* further ones are not looked at */

struct smime_capabilities {
    bool known;                       /* he declared something */
    struct cipher_list ciphers;       /* of those that we write, in his order of preference */
    bool oaep;                        /* he reads RSAES-OAEP with SHA-256 */
    struct agreement_list agreements; /* of those that we write, in his order of preference */
};

/* Read the DER of SMIMECapabilities. What cannot be read is not known: capabilities help to choose,
 * and nothing depends on them. `length` 0: nothing was declared. */
void smime_capabilities_read(const unsigned char *der, size_t length,
                             struct smime_capabilities *out);

/* Declare in `signer` that we read `ciphers` and `agreements` (RFC 5753 section 6), in this order,
 * and RSAES-OAEP with SHA-256 if `oaep`. Returns 0, or -1 with OpenSSL's error queue. */
int smime_capabilities_add(CMS_SignerInfo *signer, const struct cipher_list *ciphers, bool oaep,
                           const struct agreement_list *agreements);

#endif
