/* Patterns for addresses: "user@example.com", "example.com", ".example.com" (its subdomains), "*".
 */
#ifndef ADDRESS_PATTERN_H
#define ADDRESS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum pattern_kind { PATTERN_ALL, PATTERN_MAILBOX, PATTERN_DOMAIN, PATTERN_SUBDOMAINS };

struct pattern {
    enum pattern_kind kind;
    char *text; /* canonical address, canonical domain, or NULL for PATTERN_ALL */
};

struct pattern_list {
    struct pattern *items;
    size_t count;
};

/* Read a pattern. Returns 0 with *out filled (pattern_clear()), -1 with a sentence in *why that
 * says what is allowed. "@example.com" and "*@example.com" are accepted as "example.com". */
int pattern_parse(const char *text, struct pattern *out, char **why);

/* Does `pattern` name `canonical` (address_canonical())? A mailbox pattern also matches the address
 * without its tag when `delimiters` says what delimits one; NULL or "" for external addresses. */
bool pattern_matches(const struct pattern *pattern, const char *canonical, const char *delimiters);

void pattern_clear(struct pattern *pattern);

/* Does any pattern of the list name `canonical`? An empty list names nobody. */
bool pattern_list_matches(const struct pattern_list *list, const char *canonical,
                          const char *delimiters);

/* Parse `text` and put it at the end. Returns as pattern_parse(). */
int pattern_list_add(struct pattern_list *list, const char *text, char **why);

void pattern_list_clear(struct pattern_list *list);

#endif
