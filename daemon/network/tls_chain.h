/* Judging the certificates that a TLS server shows (RFC 5280, RFC 9525).
 *
 * libcurl judges them too when it connects; here a chain that was found bad is read again, so that
 * every reason is named. */
#ifndef DAEMON_NETWORK_TLS_CHAIN_H
#define DAEMON_NETWORK_TLS_CHAIN_H

#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>

#define TLS_ANCHORS_MAX_BYTES ((size_t)16 * 1024 * 1024) /* of the system's file */

/* Whom TLS servers are believed by. Read-only after loading, so threads may share it. */
struct tls_anchors;

/* The system's TLS authorities (the file that libcurl was built with; a system without it has none)
 * and the certificates `more` (NULL: none). NULL with *why: the file cannot be read, out of memory.
 * Release by tls_anchors_free(). */
struct tls_anchors *tls_anchors_load(const STACK_OF(X509) * more, char **why);

/* All of them as PEM for libcurl (CURLOPT_CAINFO_BLOB), borrowed. */
const char *tls_anchors_pem(const struct tls_anchors *anchors, size_t *length_out);

void tls_anchors_free(struct tls_anchors **anchors);

enum tls_fault {
    TLS_FAULT_EXPIRED,
    TLS_FAULT_NOT_YET_VALID,
    TLS_FAULT_SELF_SIGNED,    /* the server's own certificate, which is no anchor */
    TLS_FAULT_UNKNOWN_ISSUER, /* the chain leads to no anchor, or is incomplete */
    TLS_FAULT_WRONG_NAME,
    TLS_FAULT_WEAK,  /* a key or a signature below 112 bits of security (RSA 2048, SHA-224) */
    TLS_FAULT_OTHER, /* wrong usage, bad signature, ...: OpenSSL's words */
    TLS_FAULT_COUNT,
};

const char *tls_fault_name(enum tls_fault fault); /* "expired", "wrong-name", ... */

/* A sentence for each fault that was found, else NULL. */
struct tls_faults {
    char *sentences[TLS_FAULT_COUNT];
};

/* Judge `chain`, the server's certificate first, for the server `host` (a domain, or an IP address)
 * as of `now`. Returns 0 with *out filled (all NULL: the chain is good); -1 with *why: out of
 * memory. Release by tls_faults_clear(). */
int tls_chain_judge(STACK_OF(X509) * chain, const struct tls_anchors *anchors, const char *host,
                    time_t now, struct tls_faults *out, char **why);

void tls_faults_clear(struct tls_faults *faults);

#endif
