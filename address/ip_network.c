/* Comparing IP addresses with the prefixes of networks. */
#include "ip_network.h"

#include <string.h>

const unsigned char ip_mapped_prefix[IP_MAPPED_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool ip_prefix_agrees(const unsigned char *prefix, unsigned bits, const unsigned char *bytes)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    if (memcmp(prefix, bytes, whole) != 0)
        return false;
    return rest == 0 || ((prefix[whole] ^ bytes[whole]) & (0xFF00U >> rest) & 0xFFU) == 0;
}

bool ip_network_contains(const unsigned char prefix[IP_BYTES], unsigned bits,
                         const unsigned char ip[IP_BYTES])
{
    if (bits > IP_BITS)
        return false;
    if (bits < IP_MAPPED_BITS && memcmp(ip, ip_mapped_prefix, IP_MAPPED_BYTES) == 0)
        return false;
    return ip_prefix_agrees(prefix, bits, ip);
}
