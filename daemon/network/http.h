/* HTTP and HTTPS (RFC 9110), for CRLs, OCSP and CMP.
 *
 * One request, one answer, both in memory, bounded in size and time. Environment variables,
 * .netrc files and cookies play no part. Thread-safe. */
#ifndef DAEMON_NETWORK_HTTP_H
#define DAEMON_NETWORK_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_MAX_URL_BYTES 2048
#define HTTP_MAX_REDIRECTS 3

enum http_status {
    HTTP_OK = 0,
    HTTP_FAILED,  /* the way there, the other side, its answer: may be better later */
    HTTP_REFUSED, /* we do not go there: scheme, port, address or length of URL */
    HTTP_ERROR,   /* ours: out of memory */
};

struct http_network {
    unsigned char prefix[16]; /* IPv6, or IPv4-mapped (RFC 4291 section 2.5.5.2) */
    unsigned prefix_bits;     /* of 128 */
};

struct http_request {
    const char *url;          /* http: or https: */
    const void *body;         /* sent by POST; NULL: GET */
    size_t body_length;       /* bytes */
    const char *content_type; /* of the body */
    const char *ca_file;      /* PEM, whom https trusts; NULL: the system's TLS authorities */
    const char *proxy;        /* "http://proxy.example.com:3128"; NULL or "": none. It is the proxy
                                 that decides then which addresses are reached. */
    bool any_address;         /* the URL is the administrator's own word, not a stranger's */
    const struct http_network *networks; /* reached besides public addresses (ip_network.h) */
    size_t network_count;
    size_t max_bytes; /* of the answer; a larger one is HTTP_FAILED */
    int timeout_ms;   /* for all: names, connections, redirects, answer; above 0 */
};

/* A stranger's URL (any_address false) reaches public addresses and `networks` alone, on ports 80,
 * 443 and those from 1024; every redirect is judged anew. On HTTP_OK (a status of 2xx) *out is the
 * answer (free(); never NULL) of *length_out bytes. */
enum http_status http_exchange(const struct http_request *request, unsigned char **out,
                               size_t *length_out, char **why);

#endif
