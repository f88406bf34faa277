/* Patterns within patterns. */
#include "shadow.h"
#include "address.h"

#include <stdlib.h>
#include <string.h>

/* Where coverage is looked for. */
struct search {
    const struct rule_list *rules;
    size_t above;
    enum rule_direction direction;
    const char *delimiters;
};

struct pattern_list rule_managed(const struct rule *rule)
{
    return (struct pattern_list){rule->managed, rule->managed_count};
}

struct pattern_list rule_external(const struct rule *rule)
{
    return (struct pattern_list){rule->external, rule->external_count};
}

bool rule_is_undefined(const struct rule *rule, enum rule_direction direction)
{
    switch (direction) {
    case RULE_INCOMING:
        return rule->incoming == INCOMING_UNDEFINED;
    case RULE_OUTGOING:
        return rule->outgoing == OUTGOING_UNDEFINED;
    case RULE_TLS:
        return rule->require_tls == TLS_UNDEFINED;
    case RULE_PROFILE:
        break;
    }
    return rule->profile == NULL;
}

/* Is everything that `what` names named by `by`? */
static bool covers(const struct pattern *by, const struct pattern *what, const char *delimiters)
{
    if (by->kind == PATTERN_ALL)
        return true;
    switch (what->kind) {
    case PATTERN_ALL:
        return false;
    case PATTERN_MAILBOX:
        /* With its tags: who names alice@ names alice+news@ as well, and what has a tag has no
         * more of them. */
        return pattern_matches(by, what->text, delimiters);
    case PATTERN_DOMAIN:
        return (by->kind == PATTERN_DOMAIN && strcmp(by->text, what->text) == 0) ||
               (by->kind == PATTERN_SUBDOMAINS && address_domain_is_below(what->text, by->text));
    case PATTERN_SUBDOMAINS:
        return by->kind == PATTERN_SUBDOMAINS &&
               (strcmp(by->text, what->text) == 0 ||
                address_domain_is_below(what->text + 1, by->text));
    }
    return false;
}

static bool any_covers(const struct pattern *patterns, size_t count, const struct pattern *what,
                       const char *delimiters)
{
    for (size_t i = 0; i < count; i++) {
        if (covers(&patterns[i], what, delimiters))
            return true;
    }
    return false;
}

/* Position of the first rule that decides for all of the pair; 0 if none does. */
static size_t find_rule(const struct search *search, const struct pattern *managed,
                        const struct pattern *external)
{
    for (size_t i = 0; i < search->above; i++) {
        const struct rule *rule = &search->rules->items[i];

        if (!rule_is_undefined(rule, search->direction) &&
            any_covers(rule->managed, rule->managed_count, managed, search->delimiters) &&
            any_covers(rule->external, rule->external_count, external, NULL))
            return i + 1;
    }
    return 0;
}

static bool add_position(struct shadow *shadow, size_t position)
{
    size_t at = shadow->count;
    size_t *grown;

    for (size_t i = 0; i < shadow->count; i++) {
        if (shadow->positions[i] == position)
            return true;
    }
    grown = reallocarray(shadow->positions, shadow->count + 1, sizeof *grown);
    if (!grown)
        return false;
    shadow->positions = grown;
    while (at > 0 && grown[at - 1] > position) {
        grown[at] = grown[at - 1];
        at--;
    }
    grown[at] = position;
    shadow->count++;
    return true;
}

/* 1, 0, -1 as shadow_find(), for one managed pattern. */
static int find_all(const struct search *search, const struct pattern *managed,
                    const struct pattern_list *external, struct shadow *out)
{
    for (size_t i = 0; i < external->count; i++) {
        size_t position = find_rule(search, managed, &external->items[i]);

        if (position == 0)
            return 0;
        if (!add_position(out, position))
            return -1;
    }
    return 1;
}

/* What `pattern` names in a managed domain: that domain, itself, or nothing (false). */
static bool within(const struct pattern *pattern, char *domain, struct pattern *out)
{
    const struct pattern whole = {domain[0] == '.' ? PATTERN_SUBDOMAINS : PATTERN_DOMAIN, domain};

    if (covers(pattern, &whole, NULL))
        *out = whole;
    else if (covers(&whole, pattern, NULL))
        *out = *pattern;
    else
        return false;
    return true;
}

/* The same with "*" and ".example.com" taken apart into managed domains, which rules above may
 * cover one by one. */
static int find_managed(const struct search *search, const struct pattern *managed,
                        const struct pattern_list *external, const struct string_list *domains,
                        struct shadow *out)
{
    bool taken_apart = false;

    if (managed->kind == PATTERN_ALL || managed->kind == PATTERN_SUBDOMAINS) {
        for (size_t i = 0; i < domains->count; i++) {
            struct pattern part;
            int found;

            if (!within(managed, domains->items[i], &part))
                continue;
            taken_apart = true;
            found = find_all(search, &part, external, out);
            if (found != 1)
                return found;
        }
    }
    return taken_apart ? 1 : find_all(search, managed, external, out);
}

int shadow_find(const struct rule_list *rules, size_t above, enum rule_direction direction,
                const struct pattern_list *managed, const struct pattern_list *external,
                const struct settings *settings, struct shadow *out)
{
    const struct search search = {rules, above, direction, settings->recipient_delimiter};
    int found = 1;

    *out = (struct shadow){0};
    for (size_t i = 0; found == 1 && i < managed->count; i++)
        found =
            find_managed(&search, &managed->items[i], external, &settings->managed_domains, out);
    if (found != 1)
        shadow_clear(out);
    return found;
}

void shadow_clear(struct shadow *shadow)
{
    free(shadow->positions);
    *shadow = (struct shadow){0};
}

int shadow_may_decrypt(const struct rule_list *rules, const char *managed,
                       const struct settings *settings)
{
    struct pattern mailbox = {PATTERN_MAILBOX, strdup(managed)};
    struct pattern anybody = {PATTERN_ALL, NULL};
    const struct pattern_list mailboxes = {&mailbox, 1}, all = {&anybody, 1};
    int may = 0;

    if (!mailbox.text)
        return -1;
    /* Behind the last rule stands the default, which decrypts. */
    for (size_t i = 0; may == 0 && i <= rules->count; i++) {
        const struct rule *rule = i < rules->count ? &rules->items[i] : NULL;
        struct pattern_list external = rule ? rule_external(rule) : all;
        struct shadow shadow;
        int found;

        if (rule && (rule->incoming <= INCOMING_NONE ||
                     !any_covers(rule->managed, rule->managed_count, &mailbox,
                                 settings->recipient_delimiter)))
            continue;
        found = shadow_find(rules, i, RULE_INCOMING, &mailboxes, &external, settings, &shadow);
        may = found < 0 ? -1 : !found;
        shadow_clear(&shadow);
    }
    pattern_clear(&mailbox);
    return may;
}
