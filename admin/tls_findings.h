/* What is to be said of a service that `tls check` asked. */
#ifndef ADMIN_TLS_FINDINGS_H
#define ADMIN_TLS_FINDINGS_H

#include <stddef.h>
#include <time.h>

#include "tls_probe.h"
#include "tls_services.h"

#define TLS_MAX_FINDINGS 16 /* of one service; there are fewer kinds that go together */

enum tls_severity { TLS_FINE, TLS_WARNING, TLS_FAILED };

struct tls_finding {
    const char *kind; /* "expired", "old-version", ... */
    enum tls_severity severity;
    char *sentence;
};

struct tls_findings {
    struct tls_finding items[TLS_MAX_FINDINGS];
    size_t count;
    enum tls_severity worst;
    const char *state; /* "ok", "warning", "failed"; "absent": not there, and nobody asked for it */
};

/* Judge `result`; a certificate that is valid to no later than `warn_until` is warned of. Returns 0
 * with *out filled (tls_findings_clear()), -1 when out of memory, also that of the probe. */
int tls_findings_make(const struct tls_service *service, const struct tls_probe_result *result,
                      time_t now, time_t warn_until, struct tls_findings *out);

void tls_findings_clear(struct tls_findings *findings);

#endif
