/* Which IP addresses a stranger may send us to. */
#include "public_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "ip_network.h"

struct range {
    unsigned char prefix[4];
    unsigned bits;
};

/* IPv4 addresses that are not globally reachable (RFC 6890 and its registry), and multicast. */
static const struct range special_ipv4[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},     {{100, 64, 0, 0}, 10}, {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12},  {{192, 0, 0, 0}, 24},  {{192, 0, 2, 0}, 24},
    {{192, 88, 99, 0}, 24}, {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24}, {{224, 0, 0, 0}, 4},    {{240, 0, 0, 0}, 4},
};

/* Inside 2000::/3, which is all that is global unicast today: Teredo, the benchmark and ORCHID
 * networks (all of 2001::/23), documentation, 6to4. Teredo and 6to4 carry IPv4 addresses. */
static const struct range special_ipv6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23},
    {{0x20, 0x01, 0x0D, 0xB8}, 32},
    {{0x20, 0x02, 0x00, 0x00}, 16},
    {{0x3F, 0xFF, 0x00, 0x00}, 20},
};

static bool in_any(const unsigned char *bytes, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ip_prefix_agrees(ranges[i].prefix, ranges[i].bits, bytes))
            return true;
    return false;
}

bool address_bytes(const struct sockaddr *address, unsigned char out[16])
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, address, sizeof ipv4);
        memcpy(out, ip_mapped_prefix, IP_MAPPED_BYTES);
        memcpy(out + IP_MAPPED_BYTES, &ipv4.sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, address, sizeof ipv6);
        memcpy(out, &ipv6.sin6_addr, 16);
        return true;
    }
    return false;
}

bool public_address(const struct sockaddr *address)
{
    unsigned char bytes[16];
    if (!address_bytes(address, bytes))
        return false;
    if (memcmp(bytes, ip_mapped_prefix, IP_MAPPED_BYTES) == 0)
        return !in_any(bytes + IP_MAPPED_BYTES, special_ipv4,
                       sizeof special_ipv4 / sizeof *special_ipv4);
    return (bytes[0] & 0xE0) == 0x20 &&
           !in_any(bytes, special_ipv6, sizeof special_ipv6 / sizeof *special_ipv6);
}
