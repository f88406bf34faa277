/* IP networks: whether an address is in one. */
#ifndef ADDRESS_IP_NETWORK_H
#define ADDRESS_IP_NETWORK_H

#include <stdbool.h>

#define IP_BYTES 16
#define IP_BITS 128U

/* The prefix ::ffff:0:0/96 of IPv4-mapped addresses (RFC 4291 section 2.5.5.2). */
#define IP_MAPPED_BYTES 12
#define IP_MAPPED_BITS 96U
extern const unsigned char ip_mapped_prefix[IP_MAPPED_BYTES];

/* Do both begin with the same `bits` bits? */
bool ip_prefix_agrees(const unsigned char *prefix, unsigned bits, const unsigned char *bytes);

/* Is `ip` (IPv6, or IPv4-mapped) in the network? An IPv6 network wider than the IPv4-mapped
 * addresses ("::/0") does not contain these: who names an IPv6 network does not mean all IPv4. */
bool ip_network_contains(const unsigned char prefix[IP_BYTES], unsigned bits,
                         const unsigned char ip[IP_BYTES]);

#endif
