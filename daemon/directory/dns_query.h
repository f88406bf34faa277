/* One question to the DNS whose answer DNSSEC proves (RFC 4035), within a time.
 *
 * We validate ourselves, with libunbound: what a name server says of its own validation is believed
 * by nobody. Each question has a resolver of its own: what it learns on the way is worth less than
 * never waiting for another message's question. */
#ifndef DIRECTORY_DNS_QUERY_H
#define DIRECTORY_DNS_QUERY_H

#include <stddef.h>

#include "deadline.h"

enum dns_status {
    DNS_SECURE,      /* there are records, and they are proved */
    DNS_NOTHING,     /* there are none: proved, or said by a zone that is not signed */
    DNS_INSECURE,    /* there are some, but the zone is not signed */
    DNS_UNAVAILABLE, /* no answer in time, the name server failed, or the proof is wrong (bogus) */
    DNS_ERROR,       /* ours: out of memory, no trust anchor */
};

struct dns_data {
    unsigned char *bytes;
    size_t length;
};

struct dns_records {
    struct dns_data *items;
    size_t count;
};

struct dns_options {
    char *const *resolvers; /* "192.0.2.1", "192.0.2.1@53" */
    size_t resolver_count;  /* 0: those of resolv.conf(5) */
    const char *trust_anchor;
    size_t max_records; /* an answer with more is cut */
};

/* Ask for all records of `type` at `name`. *out (dns_records_clear()) is filled with DNS_SECURE;
 * *why with everything else: one sentence. */
enum dns_status dns_query(const struct dns_options *options, const char *name, int type,
                          struct deadline deadline, struct dns_records *out, char **why);
void dns_records_clear(struct dns_records *records);

#endif
