/* What a certificate says, as texts and times for listings. */
#ifndef ADMIN_CERTIFICATE_H
#define ADMIN_CERTIFICATE_H

#include <time.h>

#include <jansson.h>
#include <openssl/x509.h>

/* Names as RFC 4514 writes them, in UTF-8; the serial number in lower-case hex. New strings
 * (OPENSSL_free()); NULL when out of memory. */
char *certificate_subject(X509 *certificate);
char *certificate_issuer(X509 *certificate);
char *certificate_serial(X509 *certificate);

/* 0 when the time cannot be read. */
time_t certificate_not_before(X509 *certificate);
time_t certificate_not_after(X509 *certificate);

/* {"subject", "issuer", "serial", "fingerprint", "not_before", "not_after"}; NULL when out of
 * memory. */
json_t *certificate_json(X509 *certificate);

#endif
