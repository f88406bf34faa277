/* Patterns for addresses: a mailbox, a domain, its subdomains, all. */
#include "pattern.h"
#include "address.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

#define PATTERN_FORMS                                                                              \
    "allowed are \"user@example.com\" (a mailbox), \"example.com\" (a domain), \".example.com\" "  \
    "(its subdomains) and \"*\" (all)"

static int refuse(enum address_status status, const char *text, char **why)
{
    if (status == ADDRESS_ERROR)
        why_set(why, "out of memory");
    else
        why_set(why, "\"%s\" is not a pattern for addresses: " PATTERN_FORMS, text);
    return -1;
}

static int parse_domain(const char *text, const char *domain, struct pattern *out, char **why)
{
    bool below = domain[0] == '.';
    char *canonical = NULL;
    enum address_status status;

    status = address_canonical_domain(domain + below, strlen(domain + below), &canonical);
    if (status != ADDRESS_OK)
        return refuse(status, text, why);
    out->kind = below ? PATTERN_SUBDOMAINS : PATTERN_DOMAIN;
    out->text = canonical;
    if (!below)
        return 0;
    /* Kept with its dot, so that a comparison cannot take "badexample.com" for a subdomain. */
    out->text = malloc(strlen(canonical) + 2);
    if (out->text) {
        out->text[0] = '.';
        memcpy(out->text + 1, canonical, strlen(canonical) + 1);
    }
    free(canonical);
    return out->text ? 0 : refuse(ADDRESS_ERROR, text, why);
}

int pattern_parse(const char *text, struct pattern *out, char **why)
{
    const char *at = strrchr(text, '@');
    enum address_status status;

    out->kind = PATTERN_ALL;
    out->text = NULL;
    if (strcmp(text, "*") == 0)
        return 0;
    if (!at)
        return parse_domain(text, text, out, why);
    if (at == text || (at == text + 1 && *text == '*'))
        return parse_domain(text, at + 1, out, why);
    /* An asterisk is a legal character of a local part, but whoever writes "sales-*@example.com"
     * here means something that we do not do. */
    if (strchr(text, '*'))
        return refuse(ADDRESS_INVALID, text, why);
    status = address_canonical(text, strlen(text), &out->text);
    if (status != ADDRESS_OK)
        return refuse(status, text, why);
    out->kind = PATTERN_MAILBOX;
    return 0;
}

bool pattern_matches(const struct pattern *pattern, const char *canonical, const char *delimiters)
{
    switch (pattern->kind) {
    case PATTERN_ALL:
        return true;
    case PATTERN_MAILBOX:
        return strcmp(canonical, pattern->text) == 0 ||
               address_equals_without_tag(canonical, pattern->text, delimiters);
    case PATTERN_DOMAIN:
        return strcmp(address_domain(canonical), pattern->text) == 0;
    case PATTERN_SUBDOMAINS:
        return address_domain_is_below(address_domain(canonical), pattern->text);
    }
    return false;
}

void pattern_clear(struct pattern *pattern)
{
    free(pattern->text);
    pattern->text = NULL;
    pattern->kind = PATTERN_ALL;
}

bool pattern_list_matches(const struct pattern_list *list, const char *canonical,
                          const char *delimiters)
{
    for (size_t i = 0; i < list->count; i++) {
        if (pattern_matches(&list->items[i], canonical, delimiters))
            return true;
    }
    return false;
}

int pattern_list_add(struct pattern_list *list, const char *text, char **why)
{
    struct pattern pattern;
    struct pattern *items;

    if (pattern_parse(text, &pattern, why) != 0)
        return -1;
    items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        pattern_clear(&pattern);
        why_set(why, "out of memory");
        return -1;
    }
    list->items = items;
    list->items[list->count++] = pattern;
    return 0;
}

void pattern_list_clear(struct pattern_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        pattern_clear(&list->items[i]);
    free(list->items);
    list->items = NULL;
    list->count = 0;
}
