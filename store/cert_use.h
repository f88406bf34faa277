/* What a certificate may be used for, decided from the certificate (RFC 5280, RFC 8550
 * section 4.4). */
#ifndef STORE_CERT_USE_H
#define STORE_CERT_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>

enum cert_use { CERT_USE_SIGN, CERT_USE_ENCRYPT };

#define CERT_MAX_ADDRESSES 256     /* in one certificate; further ones are passed over */
#define CERT_MAX_BYTES (64 * 1024) /* DER of a certificate that may be used or stored */
#define CERT_MIN_RSA_BITS 2048

struct cert_addresses {
    char **items; /* canonical, each once */
    size_t count;
};

/* Addresses of a certificate: rfc822Name, SmtpUTF8Mailbox (RFC 9598), and only without either the
 * subject's emailAddress. Names with NUL or other control characters are passed over. Returns 0, or
 * -1 when out of memory. */
int cert_addresses(X509 *certificate, struct cert_addresses *out);
bool cert_names_address(X509 *certificate, const char *canonical);
void cert_addresses_clear(struct cert_addresses *addresses);

/* May an end-entity certificate be used so at `now`? Returns 0, or -1 with a sentence that says
 * what was found and what was wanted: no address, domain or gateway certificate, CA certificate,
 * expired, not yet valid, key usage, extended key usage, key too weak. */
int cert_check_use(X509 *certificate, enum cert_use use, time_t now, char **why);

/* May it be a trust anchor at `now`? Returns 0, or -1 with a sentence: not a CA certificate,
 * expired, not yet valid. */
int cert_check_anchor(X509 *certificate, time_t now, char **why);

/* First and last second of the validity. Returns 0, or -1 when they cannot be read. */
int cert_validity(X509 *certificate, time_t *not_before_out, time_t *not_after_out);

/* SHA-256 over the DER, lower-case hex: a new string, NULL when out of memory. */
char *cert_fingerprint(X509 *certificate);

#endif
