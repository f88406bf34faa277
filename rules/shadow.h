/* Which rules can never decide, because rules above them do.
 *
 * Found is what holds for every address that a pattern can name: each pair of patterns of the rule
 * is within one pair of a rule above. Managed patterns count as far as they name managed addresses:
 * "*" is the managed domains. */
#ifndef RULES_SHADOW_H
#define RULES_SHADOW_H

#include "rules.h"
#include "settings.h"

enum rule_direction { RULE_INCOMING, RULE_OUTGOING, RULE_TLS, RULE_PROFILE };

/* Rules that take all pairs away, ascending, from 1. */
struct shadow {
    size_t *positions;
    size_t count;
};

/* Is every pair of one of `managed` and one of `external` decided in this direction by one of the
 * first `above` rules? Returns 1 with those in *out (shadow_clear()), 0, or -1 out of memory. */
int shadow_find(const struct rule_list *rules, size_t above, enum rule_direction direction,
                const struct pattern_list *managed, const struct pattern_list *external,
                const struct settings *settings, struct shadow *out);
void shadow_clear(struct shadow *shadow);

/* The patterns of a rule as lists; borrowed from it. */
struct pattern_list rule_managed(const struct rule *rule);
struct pattern_list rule_external(const struct rule *rule);

/* Does the rule leave this direction, TLS, or the profile undefined? */
bool rule_is_undefined(const struct rule *rule, enum rule_direction direction);

/* Could a rule or the default have mail decrypted that comes in to this managed address? 1, 0, or
 * -1 out of memory. */
int shadow_may_decrypt(const struct rule_list *rules, const char *managed,
                       const struct settings *settings);

#endif
