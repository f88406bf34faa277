/* The names of a certificate, as far as they matter to mail. Internal to store/. */
#ifndef STORE_CERT_NAMES_H
#define STORE_CERT_NAMES_H

#include "cert_use.h"

struct cert_names {
    struct cert_addresses addresses; /* of mailboxes */
    bool whole_domain; /* names a domain: dNSName, an address without local part or with "*" */
    bool gateway;      /* names a gateway: "domain-confidentiality-authority@..." (RFC 3183) */
    bool too_many;     /* more than CERT_MAX_ADDRESSES */
};

/* Returns 0, -1 when out of memory. cert_addresses_clear(&out->addresses). */
int cert_names_read(X509 *certificate, struct cert_names *out);

#endif
