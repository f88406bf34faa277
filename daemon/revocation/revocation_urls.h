/* Where a certificate says that its revocation can be asked for. */
#ifndef REVOCATION_URLS_H
#define REVOCATION_URLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#define URLS_MAX 8 /* of one kind in a certificate or CRL that are looked at */

struct revocation_urls {
    char
        *crls[URLS_MAX]; /* http: and https: of cRLDistributionPoints (RFC 5280 section 4.2.1.13) */
    size_t crl_count;
    char *ocsps[URLS_MAX]; /* of id-ad-ocsp (section 4.2.2.1) */
    size_t ocsp_count;
    char *deltas[URLS_MAX]; /* of freshestCRL (section 4.2.1.15) */
    size_t delta_count;
    char *other;                  /* an address that we do not ask: ldap: ...; NULL if none */
    X509_NAME *issuers[URLS_MAX]; /* cRLIssuer: who signs CRLs in the issuer's place */
    size_t issuer_count;
};

/* Returns 0, or -1 when out of memory; then nothing needs clearing. */
int revocation_urls_of(X509 *certificate, struct revocation_urls *out);

/* Add where a complete CRL says that its deltas are. Returns 0, or -1 when out of memory. */
int revocation_urls_add_deltas(X509_CRL *crl, struct revocation_urls *urls);

void revocation_urls_clear(struct revocation_urls *urls);

#endif
