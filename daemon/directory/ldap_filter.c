/* Putting an address into a search filter. */
#include "ldap_filter.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

/* RFC 4515 section 3: everything may be written as \\xx; what means nothing in a filter need not.
 */
static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("@.-_+=", c) != NULL);
}

static void put_escaped(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_plain(c))
            fputc(c, out);
        else
            fprintf(out, "\\%02x", c);
    }
}

static void put_pattern(FILE *out, const char *pattern, const char *address, const char *local,
                        size_t local_length)
{
    const char *domain = address_domain(address);
    for (const char *p = pattern; *p != '\0'; p++) {
        if (p[0] != '%' || p[1] == '\0') {
            fputc(*p, out);
            continue;
        }
        p++;
        if (*p == 's')
            put_escaped(out, address, strlen(address));
        else if (*p == 'u')
            put_escaped(out, local, local_length);
        else if (*p == 'd')
            put_escaped(out, domain, strlen(domain));
        else
            fputc(*p, out);
    }
}

char *ldap_filter(const char *pattern, const char *address)
{
    char *filter = NULL;
    char *local = NULL;
    size_t local_length = 0;
    size_t length = 0;
    FILE *out;
    bool failed;
    if (address_local_content(address, strlen(address), &local, &local_length) != ADDRESS_OK)
        return NULL;
    out = open_memstream(&filter, &length);
    if (out == NULL) {
        free(local);
        return NULL;
    }
    put_pattern(out, pattern, address, local, local_length);
    failed = ferror(out) != 0;
    free(local);
    if (fclose(out) != 0 || failed) {
        free(filter);
        return NULL;
    }
    return filter;
}
