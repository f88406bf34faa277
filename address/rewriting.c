/* What others do to a local part on its way: tags, VERP and SRS, and how to take them off. */
#include "address.h"
#include "local_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_delimiter(int c, const char *delimiters)
{
    return c > 0 && delimiters && strchr(delimiters, c);
}

/* Where the tag begins: the first delimiter that is not at the start; `length` if there is none. */
static size_t tag_start(const char *content, size_t length, const char *delimiters)
{
    for (size_t i = 1; i < length; i++) {
        if (is_delimiter((unsigned char)content[i], delimiters))
            return i;
    }
    return length;
}

char *address_without_tag(const char *canonical, const char *delimiters)
{
    char *result = NULL;
    size_t length, cut;
    char *content = local_content(canonical, &length);

    if (!content)
        return NULL;
    cut = tag_start(content, length, delimiters);
    result =
        cut == length ? strdup(canonical) : local_join(content, cut, address_domain(canonical));
    free(content);
    return result;
}

bool address_equals_without_tag(const char *canonical, const char *other, const char *delimiters)
{
    struct local_reader left = local_reader_start(canonical);
    struct local_reader right = local_reader_start(other);
    bool first = true;

    if (strcmp(address_domain(canonical), address_domain(other)) != 0)
        return false;
    for (;;) {
        int a = local_reader_next(&left);
        int b = local_reader_next(&right);

        if (!first && b < 0 && is_delimiter(a, delimiters))
            return true;
        /* Past a delimiter there is nothing left to compare. */
        if (a != b || (!first && is_delimiter(a, delimiters)))
            return false;
        if (a < 0)
            return true;
        first = false;
    }
}

enum address_status address_routed(const char *canonical, char mark, char **canonical_out)
{
    enum address_status status = ADDRESS_INVALID;
    char *swapped = NULL;
    char *at;
    size_t length;
    char *content = local_content(canonical, &length);

    *canonical_out = NULL;
    if (!content)
        return ADDRESS_ERROR;
    at = mark == '!' ? strchr(content, mark) : strrchr(content, mark);
    if (!at)
        goto out;
    *at = '\0';
    if (asprintf(&swapped, "%s@%s", mark == '!' ? at + 1 : content,
                 mark == '!' ? content : at + 1) < 0) {
        swapped = NULL;
        status = ADDRESS_ERROR;
        goto out;
    }
    status = address_canonical(swapped, strlen(swapped), canonical_out);
    if (status == ADDRESS_NULL)
        status = ADDRESS_INVALID;

out:
    free(swapped);
    free(content);
    return status;
}

/* The part of `*text` up to '=', which must not be empty; *text then points behind the '='. */
static const char *next_field(char **text)
{
    char *start = *text;
    char *equals = strchr(start, '=');

    if (!equals || equals == start)
        return NULL;
    *equals = '\0';
    *text = equals + 1;
    return start;
}

static bool is_srs_separator(char c)
{
    return c == '=' || c == '+' || c == '-';
}

/* Take "SRS0=hash=time=domain=local" or "SRS1=hash=forwarder==hash=time=domain=local" apart;
 * `content` is cut to pieces. */
static bool srs_parse(char *content, const char **domain_out, const char **local_out)
{
    char *rest = content + 5;

    if (strncasecmp(content, "srs", 3) != 0 || (content[3] != '0' && content[3] != '1') ||
        !is_srs_separator(content[4]))
        return false;
    if (content[3] == '1') {
        if (!next_field(&rest) || !next_field(&rest) || !is_srs_separator(*rest))
            return false;
        rest++;
    }
    if (!next_field(&rest) || !next_field(&rest))
        return false;
    *domain_out = next_field(&rest);
    *local_out = rest;
    return *domain_out && *rest != '\0';
}

/* The address that SRS rewrote, or the same text where SRS did not, or not soundly. */
static char *without_srs(const char *canonical)
{
    char *result = NULL;
    char *domain = NULL;
    const char *domain_text = NULL;
    const char *local = NULL;
    enum address_status status;
    size_t length;
    char *content = local_content(canonical, &length);

    if (!content)
        return NULL;
    if (!srs_parse(content, &domain_text, &local)) {
        result = strdup(canonical);
        goto out;
    }
    status = address_canonical_domain(domain_text, strlen(domain_text), &domain);
    if (status == ADDRESS_OK)
        result = local_join(local, strlen(local), domain);
    else if (status != ADDRESS_ERROR)
        result = strdup(canonical);

out:
    free(domain);
    free(content);
    return result;
}

/* VERP puts the recipient behind the delimiter, its '@' written as '='. */
static bool is_verp_tag(const char *tag)
{
    const char *equals = strrchr(tag, '=');

    return equals && equals != tag && equals[1] != '\0';
}

char *address_without_verp(const char *canonical, const char *delimiters)
{
    char *content = NULL;
    char *result = NULL;
    size_t length, cut;
    char *original = without_srs(canonical);

    if (!original)
        return NULL;
    content = local_content(original, &length);
    if (!content)
        goto out;
    cut = tag_start(content, length, delimiters);
    if (cut < length && is_verp_tag(content + cut + 1)) {
        result = local_join(content, cut, address_domain(original));
    } else {
        result = original;
        original = NULL;
    }

out:
    free(content);
    free(original);
    return result;
}
