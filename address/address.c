/* Mail addresses: the canonical form of what stands in envelopes, headers and certificates. */
#include "address.h"
#include "local_part.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

/* Length of an address literal ("[127.0.0.1]", "[IPv6:2001:db8::1]") at the start of `text`, 0 if
 * there is none. No '@' in it: address_domain() relies on that. RFC 5321 section 4.1.3. */
static size_t literal_length(const char *text, size_t length)
{
    size_t i = 1;

    if (length < 3 || text[0] != '[')
        return 0;
    for (; i < length && text[i] != ']'; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '.' || c == ':' || c == '-'))
            return 0;
    }
    return i < length && i > 1 ? i + 1 : 0;
}

/* The domain behind '@': a literal stays as it is, in lower case; a name becomes A-labels. */
static enum address_status canonical_host(const char *text, size_t length, char **canonical_out)
{
    char *literal;

    if (length == 0 || text[0] != '[')
        return address_canonical_domain(text, length, canonical_out);
    if (literal_length(text, length) != length)
        return ADDRESS_INVALID;
    literal = malloc(length + 1);
    if (!literal)
        return ADDRESS_ERROR;
    for (size_t i = 0; i < length; i++)
        literal[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    literal[length] = '\0';
    *canonical_out = literal;
    return ADDRESS_OK;
}

/* Bytes of a source route ("@a.example,@b.example:") at the start of `text` in *length_out; RFC
 * 5321 section 4.1.2 (A-d-l) has us accept and ignore it. */
static enum address_status source_route(const char *text, size_t length, size_t *length_out)
{
    size_t i = 0;

    *length_out = 0;
    if (length == 0 || text[0] != '@')
        return ADDRESS_OK;
    while (i < length && text[i] == '@') {
        enum address_status status;
        char *host = NULL;
        size_t start = ++i;

        i += literal_length(text + i, length - i);
        while (i < length && text[i] != ',' && text[i] != ':')
            i++;
        if (i == length)
            return ADDRESS_INVALID;
        status = canonical_host(text + start, i - start, &host);
        free(host);
        if (status != ADDRESS_OK)
            return status;
        if (text[i++] == ':') {
            *length_out = i;
            return ADDRESS_OK;
        }
    }
    return ADDRESS_INVALID;
}

/* "local@domain" with nothing around it. */
static enum address_status canonical_addr_spec(const char *text, size_t length,
                                               char **canonical_out)
{
    enum address_status status = ADDRESS_INVALID;
    char *content = NULL;
    char *domain = NULL;
    char *joined = NULL;
    size_t content_length, local_length;

    if (length == 0)
        return ADDRESS_INVALID;
    content = malloc(length);
    if (!content)
        return ADDRESS_ERROR;
    local_length = local_parse(text, length, content, &content_length);
    if (local_length == 0)
        goto out;
    status = canonical_host(text + local_length + 1, length - local_length - 1, &domain);
    if (status != ADDRESS_OK)
        goto out;
    joined = local_join(content, content_length, domain);
    if (!joined) {
        status = ADDRESS_ERROR;
        goto out;
    }
    /* Quotes and A-labels can lengthen it; a canonical form must be readable again. */
    if (strlen(joined) > ADDRESS_MAX_BYTES) {
        status = ADDRESS_INVALID;
        goto out;
    }
    *canonical_out = joined;
    joined = NULL;

out:
    free(joined);
    free(domain);
    free(content);
    return status;
}

/* Cut *text down to "local@domain". */
static enum address_status addr_spec_of(const char **text, size_t *length)
{
    enum address_status status;
    size_t route;

    if (*length >= 2 && (*text)[0] == '<' && (*text)[*length - 1] == '>') {
        (*text)++;
        *length -= 2;
    }
    if (*length == 0)
        return ADDRESS_NULL;
    if (*length > ADDRESS_MAX_BYTES || !utf8_is_printable(*text, *length))
        return ADDRESS_INVALID;
    status = source_route(*text, *length, &route);
    *text += route;
    *length -= route;
    return status;
}

enum address_status address_canonical(const char *text, size_t length, char **canonical_out)
{
    enum address_status status;

    *canonical_out = NULL;
    status = addr_spec_of(&text, &length);
    return status == ADDRESS_OK ? canonical_addr_spec(text, length, canonical_out) : status;
}

enum address_status address_local_content(const char *text, size_t length, char **content_out,
                                          size_t *length_out)
{
    enum address_status status;
    char *content;

    *content_out = NULL;
    status = addr_spec_of(&text, &length);
    if (status != ADDRESS_OK)
        return status;
    content = malloc(length + 1);
    if (!content)
        return ADDRESS_ERROR;
    if (length == 0 || local_parse(text, length, content, length_out) == 0) {
        free(content);
        return ADDRESS_INVALID;
    }
    content[*length_out] = '\0';
    *content_out = content;
    return ADDRESS_OK;
}
