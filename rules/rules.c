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

static const char *const choice_names[] = {
    [CHOICE_NONE] = "none",
    [CHOICE_STRENGTHEN] = "strengthen",
    [CHOICE_FREE] = "free",
    [CHOICE_UNDEFINED] = "undefined",
};

static const char *const tls_names[] = {
    [TLS_UNDEFINED] = "undefined",
    [TLS_NOT_REQUIRED] = "false",
    [TLS_REQUIRED] = "true",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* What is decided: each on its own. */
enum direction { DIRECTION_INCOMING, DIRECTION_OUTGOING, DIRECTION_TLS, DIRECTION_PROFILE };

struct pair {
    const char *managed;
    const char *external;
    const char *delimiters;
};

static int mode_of(const struct rule *rule, enum direction direction)
{
    switch (direction) {
    case DIRECTION_INCOMING:
        return (int)rule->incoming;
    case DIRECTION_OUTGOING:
        return (int)rule->outgoing;
    case DIRECTION_TLS:
        return (int)rule->require_tls;
    case DIRECTION_PROFILE:
        break;
    }
    return rule->profile != NULL;
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
    /* All enumerations begin with their `undefined`. */
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
        return (struct decision){.mode = fallback, .position = 0, .choice = CHOICE_UNDEFINED};
    return (struct decision){.mode = mode_of(&rules->items[index], direction),
                             .position = index + 1,
                             .choice = rules->items[index].choice};
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
    struct decision decision =
        resolve(rules, &pair, DIRECTION_OUTGOING, has_certificate ? OUTGOING_SIGN : OUTGOING_NONE);
    size_t index = find_deciding(rules, &pair, DIRECTION_PROFILE);

    if (index < rules->count) {
        decision.profile = rules->items[index].profile;
        decision.profile_position = index + 1;
    }
    return decision;
}

struct decision rules_tls(const struct rule_list *rules, const char *managed, const char *external,
                          const char *delimiters)
{
    const struct pair pair = {managed, external, delimiters};

    return resolve(rules, &pair, DIRECTION_TLS, TLS_NOT_REQUIRED);
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

const char *sender_choice_name(enum sender_choice choice)
{
    return (size_t)choice < COUNT(choice_names) ? choice_names[choice] : "unknown";
}

const char *tls_demand_name(enum tls_demand demand)
{
    return (size_t)demand < COUNT(tls_names) ? tls_names[demand] : "unknown";
}

/* Index of `name` among `names`, -1 if it is none of them. */
static int find_name(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    }
    return -1;
}

int incoming_mode_from_name(const char *name, enum incoming_mode *out)
{
    int found = find_name(name, incoming_names, COUNT(incoming_names));

    if (found < 0)
        return -1;
    *out = (enum incoming_mode)found;
    return 0;
}

int outgoing_mode_from_name(const char *name, enum outgoing_mode *out)
{
    int found = find_name(name, outgoing_names, COUNT(outgoing_names));

    if (found < 0)
        return -1;
    *out = (enum outgoing_mode)found;
    return 0;
}

int sender_choice_from_name(const char *name, enum sender_choice *out)
{
    int found = find_name(name, choice_names, COUNT(choice_names));

    if (found < 0)
        return -1;
    *out = (enum sender_choice)found;
    return 0;
}

int tls_demand_from_name(const char *name, enum tls_demand *out)
{
    int found = find_name(name, tls_names, COUNT(tls_names));

    if (found < 0)
        return -1;
    *out = (enum tls_demand)found;
    return 0;
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
    free(rule->profile);
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
