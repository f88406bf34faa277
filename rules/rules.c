/* The decision: which rule says what happens between a managed and an external address. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

static const char *const incoming_names[] = {
    [INCOMING_UNDEFINED] = "undefined",
    [INCOMING_NONE] = "none",
    [INCOMING_DECRYPT_OPTIONAL] = "decrypt-optional",
    [INCOMING_DECRYPT_ALWAYS] = "decrypt-always",
    [INCOMING_DECRYPT_FORCED] = "decrypt-forced",
};

static const char *const outgoing_names[] = {
    [OUTGOING_UNDEFINED] = "undefined",
    [OUTGOING_NONE] = "none",
    [OUTGOING_SIGN] = "sign",
    [OUTGOING_ENCRYPT_OPTIONAL] = "encrypt-optional",
    [OUTGOING_ENCRYPT_FORCED] = "encrypt-forced",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum direction { DIRECTION_INCOMING, DIRECTION_OUTGOING };

struct pair {
    const char *managed;
    const char *external;
    const char *delimiters;
};

static int mode_of(const struct rule *rule, enum direction direction)
{
    return direction == DIRECTION_INCOMING ? (int)rule->incoming : (int)rule->outgoing;
}

static bool any_matches(const struct pattern *patterns, size_t count, const char *address,
                        const char *delimiters)
{
    for (size_t i = 0; i < count; i++) {
        if (pattern_matches(&patterns[i], address, delimiters))
            return true;
    }
    return false;
}

/* What the rule says by itself, whatever stands above it. */
static enum rule_match judge(const struct rule *rule, const struct pair *pair,
                             enum direction direction)
{
    if (!any_matches(rule->managed, rule->managed_count, pair->managed, pair->delimiters))
        return RULE_MANAGED_DIFFERS;
    /* Tags are a habit of our own mailboxes; what a '+' means elsewhere we do not know. */
    if (!any_matches(rule->external, rule->external_count, pair->external, NULL))
        return RULE_EXTERNAL_DIFFERS;
    /* Both enumerations begin with their `undefined`. */
    return mode_of(rule, direction) == 0 ? RULE_UNDEFINED : RULE_DECIDES;
}

/* Index of the first rule that decides, `count` if none does. */
static size_t find_deciding(const struct rule_list *rules, const struct pair *pair,
                            enum direction direction)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (judge(&rules->items[i], pair, direction) == RULE_DECIDES)
            return i;
    }
    return rules->count;
}

static struct decision resolve(const struct rule_list *rules, const struct pair *pair,
                               enum direction direction, int fallback)
{
    size_t index = find_deciding(rules, pair, direction);

    if (index == rules->count)
        return (struct decision){.mode = fallback, .position = 0};
    return (struct decision){.mode = mode_of(&rules->items[index], direction),
                             .position = index + 1};
}

struct decision rules_incoming(const struct rule_list *rules, const char *managed,
                               const char *external, const char *delimiters)
{
    const struct pair pair = {managed, external, delimiters};

    return resolve(rules, &pair, DIRECTION_INCOMING, INCOMING_DECRYPT_OPTIONAL);
}

struct decision rules_outgoing(const struct rule_list *rules, const char *managed,
                               const char *external, const char *delimiters, bool has_certificate)
{
    const struct pair pair = {managed, external, delimiters};

    return resolve(rules, &pair, DIRECTION_OUTGOING,
                   has_certificate ? OUTGOING_SIGN : OUTGOING_NONE);
}

static enum rule_match explain(const struct rule_list *rules, size_t index, const struct pair *pair,
                               enum direction direction)
{
    enum rule_match match = judge(&rules->items[index], pair, direction);

    if (match == RULE_DECIDES && find_deciding(rules, pair, direction) < index)
        return RULE_SHADOWED;
    return match;
}

enum rule_match rules_why_incoming(const struct rule_list *rules, size_t index, const char *managed,
                                   const char *external, const char *delimiters)
{
    const struct pair pair = {managed, external, delimiters};

    return explain(rules, index, &pair, DIRECTION_INCOMING);
}

enum rule_match rules_why_outgoing(const struct rule_list *rules, size_t index, const char *managed,
                                   const char *external, const char *delimiters)
{
    const struct pair pair = {managed, external, delimiters};

    return explain(rules, index, &pair, DIRECTION_OUTGOING);
}

const char *incoming_mode_name(enum incoming_mode mode)
{
    return (size_t)mode < COUNT(incoming_names) ? incoming_names[mode] : "unknown";
}

const char *outgoing_mode_name(enum outgoing_mode mode)
{
    return (size_t)mode < COUNT(outgoing_names) ? outgoing_names[mode] : "unknown";
}

int incoming_mode_from_name(const char *name, enum incoming_mode *out)
{
    for (size_t i = 0; i < COUNT(incoming_names); i++) {
        if (strcmp(name, incoming_names[i]) == 0) {
            *out = (enum incoming_mode)i;
            return 0;
        }
    }
    return -1;
}

int outgoing_mode_from_name(const char *name, enum outgoing_mode *out)
{
    for (size_t i = 0; i < COUNT(outgoing_names); i++) {
        if (strcmp(name, outgoing_names[i]) == 0) {
            *out = (enum outgoing_mode)i;
            return 0;
        }
    }
    return -1;
}

static void clear_patterns(struct pattern *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pattern_clear(&patterns[i]);
    free(patterns);
}

void rule_clear(struct rule *rule)
{
    clear_patterns(rule->managed, rule->managed_count);
    clear_patterns(rule->external, rule->external_count);
    free(rule->note);
    free(rule->file);
    *rule = (struct rule){0};
}

void rules_clear(struct rule_list *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        rule_clear(&rules->items[i]);
    free(rules->items);
    *rules = (struct rule_list){0};
}
