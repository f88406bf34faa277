/* Domains: A-labels in lower case (RFC 5890, UTS #46 non-transitional), and lists of them. */
#include "address.h"
#include "utf8.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN_MAX_BYTES 253 /* RFC 1035 section 3.1: 255 octets on the wire */
#define LABEL_MAX_BYTES 63

/* Letters, digits and hyphens of a host name; the underscore because mail domains with it exist
 * and MTAs take them. */
static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_domain(const char *text, size_t length)
{
    size_t label = 0;

    if (length == 0 || length > DOMAIN_MAX_BYTES || text[length - 1] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' && (label == 0 || text[i - 1] == '-'))
            return false;
        if (text[i] == '-' && label == 0)
            return false;
        if (text[i] != '.' && !is_label_byte(text[i]))
            return false;
        label = text[i] == '.' ? 0 : label + 1;
        if (label > LABEL_MAX_BYTES)
            return false;
    }
    return text[length - 1] != '-';
}

/* A copy in lower case, ASCII only. */
static char *lower_copy(const char *text, size_t length)
{
    char *copy = malloc(length + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++)
        copy[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    copy[length] = '\0';
    return copy;
}

static enum address_status to_a_labels(const char *utf8, char **ascii_out)
{
    uint8_t *ascii = NULL;
    int rc = idn2_lookup_u8((const uint8_t *)utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    if (rc != IDN2_OK)
        return rc == IDN2_MALLOC ? ADDRESS_ERROR : ADDRESS_INVALID;
    *ascii_out = lower_copy((const char *)ascii, strlen((const char *)ascii));
    idn2_free(ascii);
    return *ascii_out ? ADDRESS_OK : ADDRESS_ERROR;
}

enum address_status address_canonical_domain(const char *text, size_t length, char **canonical_out)
{
    enum address_status status = ADDRESS_INVALID;
    char *copy = NULL;
    char *ascii = NULL;
    size_t ascii_length;

    *canonical_out = NULL;
    if (length == 0 || length > ADDRESS_MAX_BYTES || !utf8_is_printable(text, length))
        return ADDRESS_INVALID;
    copy = lower_copy(text, length);
    if (!copy)
        return ADDRESS_ERROR;
    if (utf8_is_ascii(text, length)) {
        /* Not through libidn2: it refuses names that the DNS has ("r3---x.example"), and to the
         * DNS an ASCII name is what it is, whatever its A-labels may decode to. */
        ascii = copy;
        copy = NULL;
    } else {
        status = to_a_labels(copy, &ascii);
        if (status != ADDRESS_OK)
            goto out;
    }
    /* After the mapping: U+3002 and its like are dots too. */
    ascii_length = strlen(ascii);
    if (ascii_length > 0 && ascii[ascii_length - 1] == '.')
        ascii[--ascii_length] = '\0';
    status = is_domain(ascii, ascii_length) ? ADDRESS_OK : ADDRESS_INVALID;
    if (status == ADDRESS_OK) {
        *canonical_out = ascii;
        ascii = NULL;
    }

out:
    free(ascii);
    free(copy);
    return status;
}

const char *address_domain(const char *canonical)
{
    const char *at = strrchr(canonical, '@');

    return at ? at + 1 : canonical + strlen(canonical);
}

bool address_domain_is_below(const char *domain, const char *dot_suffix)
{
    size_t length = strlen(domain);
    size_t suffix_length = strlen(dot_suffix);

    return length > suffix_length && strcmp(domain + length - suffix_length, dot_suffix) == 0;
}

bool address_in_domains(const char *canonical, char *const *domains, size_t count)
{
    const char *domain = address_domain(canonical);

    if (*domain == '\0')
        return false;
    for (size_t i = 0; i < count; i++) {
        if (domains[i][0] == '.' ? address_domain_is_below(domain, domains[i])
                                 : strcmp(domain, domains[i]) == 0)
            return true;
    }
    return false;
}
