/* The mail addresses that a certificate names (RFC 8550 section 3, RFC 9598). */
#ifndef SMIME_SIGNER_ADDRESS_H
#define SMIME_SIGNER_ADDRESS_H

#include <stdbool.h>

#include <openssl/x509.h>

#define SIGNER_MAX_ADDRESSES 1000 /* of a certificate; further ones name nobody */

struct signer_addresses {
    char **items; /* canonical */
    size_t count;
};

/* rfc822Name and SmtpUTF8Mailbox; the subject's emailAddress only where neither is there. A name
 * that is no address, or has a NUL or another control character in it, names nobody. Returns 0, -1
 * out of memory. */
int signer_addresses(const X509 *certificate, struct signer_addresses *out);
void signer_addresses_clear(struct signer_addresses *addresses);

bool signer_addresses_have(const struct signer_addresses *addresses, const char *canonical);

/* Does `certificate` name `canonical`? Returns 1 or 0, -1 out of memory. */
int signer_names(const X509 *certificate, const char *canonical);

#endif
