/* A layer of libldap's connections, below TLS, that ends reading and writing at a deadline.
 *
 * libldap's own limits are for the time until something comes: its TLS handshake tries again
 * without end where a server stays silent (GnuTLS), and half a TLS record is waited for for ever.
 */
#ifndef NETWORK_SOCKBUF_LIMIT_H
#define NETWORK_SOCKBUF_LIMIT_H

#include <stdbool.h>

#include <ldap.h>

#include "deadline.h"

struct sockbuf_limit {
    struct deadline deadline; /* may be altered between operations */
    bool expired;             /* it has ended a reading or writing */
};

/* Put the layer on a connected socket, below TLS. `limit` is borrowed and must outlive it. Returns
 * 0, -1 out of memory. */
int sockbuf_limit_add(Sockbuf *sockbuf, struct sockbuf_limit *limit);

#endif
