/* The services of a mail server that `tls check` knows. */
#ifndef ADMIN_TLS_SERVICES_H
#define ADMIN_TLS_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

#include "arguments.h"
#include "mail_capabilities.h"

#define TLS_MAX_SERVICES 64 /* of one command */

struct tls_service {
    const char *name; /* as IANA registered it */
    int port;
    bool implicit;               /* TLS from the first byte */
    enum mail_protocol protocol; /* whose command starts TLS otherwise */
    bool named;                  /* the administrator asked for it, so it has to be there */
};

/* The services of `wishes` ("imap", "imap=1143"); without any, all on their ports. Returns 0 with
 * *count_out of them in `out`, -1 told. */
int tls_services_chosen(const struct option_values *wishes,
                        struct tls_service out[TLS_MAX_SERVICES], size_t *count_out);

/* How TLS begins: "implicit", "STARTTLS", "STLS". */
const char *tls_service_start(const struct tls_service *service);

#endif
