/* Networks: from CIDR notation, and whether an address is in one. */
#include "network.h"
#include "ip_network.h"
#include "why.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK_FORMS                                                                              \
    "allowed are an IPv4 or IPv6 network such as \"192.0.2.0/24\" or \"2001:db8::/32\", or one "   \
    "address"

/* Decimal digits up to `most`; -1 for anything else. */
static int parse_bits(const char *text, unsigned most)
{
    unsigned bits = 0;

    if (*text == '\0' || strlen(text) > 3)
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        bits = bits * 10 + (unsigned)(*text - '0');
    }
    return bits <= most ? (int)bits : -1;
}

static bool is_zero_behind(const unsigned char prefix[16], unsigned bits)
{
    for (unsigned i = bits; i < IP_BITS; i++) {
        if (prefix[i / 8] & (0x80U >> (i % 8)))
            return false;
    }
    return true;
}

int network_parse(const char *text, struct network_setting *out, char **why)
{
    const char *slash = strchr(text, '/');
    char *address = strndup(text, slash ? (size_t)(slash - text) : strlen(text));
    unsigned offset = 0;
    int bits;
    int rc = -1;

    if (!address) {
        why_set(why, "out of memory");
        return -1;
    }
    if (inet_pton(AF_INET, address, out->prefix + IP_MAPPED_BYTES) == 1) {
        memcpy(out->prefix, ip_mapped_prefix, IP_MAPPED_BYTES);
        offset = IP_MAPPED_BITS;
    } else if (inet_pton(AF_INET6, address, out->prefix) != 1) {
        why_set(why, "\"%s\" is not a network: " NETWORK_FORMS, text);
        goto out;
    }
    bits = slash ? parse_bits(slash + 1, IP_BITS - offset) : (int)(IP_BITS - offset);
    if (bits < 0) {
        why_set(why, "\"%s\": expected 0 to %u bits behind the slash", text, IP_BITS - offset);
        goto out;
    }
    out->prefix_bits = (unsigned)bits + offset;
    if (!is_zero_behind(out->prefix, out->prefix_bits)) {
        why_set(why,
                "\"%s\" has bits set behind its prefix of %d bits: write the network, not an "
                "address in it",
                text, bits);
        goto out;
    }
    rc = 0;

out:
    free(address);
    return rc;
}

bool settings_network_contains(const struct network_setting *network, const unsigned char ip[16])
{
    return ip_network_contains(network->prefix, network->prefix_bits, ip);
}
