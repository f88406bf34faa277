/* One SignerInfo: is it well-formed, and is the signature good (RFC 5652 sections 5.3 to 5.6)? */
#ifndef SMIME_SIGNER_INFO_H
#define SMIME_SIGNER_INFO_H

#include <stdbool.h>
#include <time.h>

#include <openssl/cms.h>

#include "verify.h"

#define SIGNER_MAX_CANDIDATES 4 /* certificates with the same issuer and serial number */

/* Judge what stands in it: a digest that is not broken, and signed attributes as they must be. The
 * content itself matters where nothing but it is signed. Returns SMIME_OK, SMIME_REFUSED with a
 * sentence in *reason, or SMIME_ERROR. */
enum smime_status signer_info_check(CMS_SignerInfo *info, const struct signed_content *content,
                                    char **reason, char **why);

/* Find the certificate that it names in `bundle` or `intermediates`, and check the signature over
 * the content that `digested` (CMS_dataInit()) was drained of. *signer_out is a borrowed reference,
 * NULL when no certificate is there; returns whether the signature is good. */
bool signer_info_verify(CMS_SignerInfo *info, BIO *digested, STACK_OF(X509) * bundle,
                        STACK_OF(X509) * intermediates, X509 **signer_out);

/* signingTime, 0 if it is not there. */
time_t signer_info_time(const CMS_SignerInfo *info);

/* "sha256 rsaEncryption": a new string, NULL when out of memory. */
char *signer_info_algorithms(CMS_SignerInfo *info);
/* What its digest is worth (weakness.h). */
unsigned signer_info_weakness(CMS_SignerInfo *info);

#endif
