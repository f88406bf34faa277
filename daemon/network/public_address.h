/* Which IP addresses a stranger may send us to.
 *
 * URLs stand in certificates that strangers make; what they name must not lead into the networks
 * behind our firewall (RFC 6890, RFC 4291). */
#ifndef DAEMON_NETWORK_PUBLIC_ADDRESS_H
#define DAEMON_NETWORK_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Is it a global unicast address that belongs to no private, local, documentation or translation
 * network? IPv4 addresses inside IPv6 ones are judged as IPv4. False for other families. */
bool public_address(const struct sockaddr *address);

/* The address as 16 bytes, IPv4 as IPv4-mapped (RFC 4291 section 2.5.5.2). False for other
 * families. */
bool address_bytes(const struct sockaddr *address, unsigned char out[16]);

#endif
