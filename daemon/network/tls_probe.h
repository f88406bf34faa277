/* How one service of a server encrypts: asked by connecting to it, several times.
 *
 * Once without TLS where TLS is started by a command (RFC 3207, RFC 9051 section 6.2.1, RFC 2595),
 * to see what is offered; once for each version of TLS; once as a careful client does, with the
 * certificate checked. No login is tried and no mail sent. Thread-safe. */
#ifndef DAEMON_NETWORK_TLS_PROBE_H
#define DAEMON_NETWORK_TLS_PROBE_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

#include "mail_capabilities.h"
#include "tls_chain.h"

#define TLS_PROBE_MAX_ANSWER_BYTES ((size_t)64 * 1024) /* of a server in one connection */
#define TLS_PROBE_MAX_CERTIFICATES 20                  /* that it shows */

struct tls_probe_request {
    const char *host; /* domain or IP address: asked for by SNI, and what the certificate names */
    const char *address; /* IP address to connect to; NULL: what `host` resolves to */
    int port;
    bool implicit; /* TLS from the first byte; otherwise started by a command of ... */
    enum mail_protocol protocol; /* ... this protocol */
    const struct tls_anchors *anchors;
    time_t now;     /* as of which certificates are judged */
    int timeout_ms; /* for all connections together; above 0 */
};

enum tls_probe_state {
    TLS_PROBE_ENCRYPTED = 0, /* at least one version of TLS is accepted */
    TLS_PROBE_NO_NAME,       /* `host` has no address */
    TLS_PROBE_CLOSED,        /* nobody listens, or a connection is refused on the way */
    TLS_PROBE_NO_ANSWER,     /* no connection in time */
    TLS_PROBE_BROKEN,        /* connected, but the protocol is not spoken, or not in time */
    TLS_PROBE_PLAIN,         /* spoken, but TLS is not offered */
    TLS_PROBE_FAILED,        /* TLS is offered, and fails in every version */
    TLS_PROBE_ERROR,         /* ours: out of memory */
};

enum tls_version { TLS_VERSION_1_0, TLS_VERSION_1_1, TLS_VERSION_1_2, TLS_VERSION_1_3 };
#define TLS_VERSION_COUNT 4
const char *tls_version_name(enum tls_version version); /* "1.0" */

enum tls_answer { TLS_ANSWER_UNKNOWN, TLS_ANSWER_NO, TLS_ANSWER_YES };

struct tls_probe_result {
    enum tls_probe_state state;
    char *sentence; /* what is wrong, unless TLS_PROBE_ENCRYPTED */
    enum tls_answer versions[TLS_VERSION_COUNT];
    char *unknown;          /* why an answer among `versions` is not known; NULL: all are */
    bool clear_password;    /* a password would be taken without TLS */
    STACK_OF(X509) * chain; /* as the server sent it, if TLS_PROBE_ENCRYPTED; never empty */
    struct tls_faults faults;
    bool verified;         /* libcurl connects with the certificate checked */
    char *verify_sentence; /* why not */
};

/* Ask. Always fills *out; release it by tls_probe_clear(). Never takes much longer than
 * request->timeout_ms, whatever the server does. SIGPIPE has to be blocked or ignored by the
 * caller. */
void tls_probe(const struct tls_probe_request *request, struct tls_probe_result *out);

void tls_probe_clear(struct tls_probe_result *result);

#endif
