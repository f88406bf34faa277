/* Rules: an ordered list, and the decision for a (managed, external) pair (DESIGN section 2).
 *
 * Position 1 has the highest priority. For one direction the first matching rule whose mode is not
 * `undefined` decides; if none does, the default decides. */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "pattern.h"

/* In rising strictness, so that "the stricter mode wins" is a comparison. */
enum incoming_mode {
    INCOMING_UNDEFINED,
    INCOMING_NONE,
    INCOMING_DECRYPT_OPTIONAL,
    INCOMING_DECRYPT_ALWAYS,
    INCOMING_DECRYPT_FORCED,
};

enum outgoing_mode {
    OUTGOING_UNDEFINED,
    OUTGOING_NONE,
    OUTGOING_SIGN,
    OUTGOING_ENCRYPT_OPTIONAL,
    OUTGOING_ENCRYPT_FORCED,
};

/* What a sender may ask for by himself: stronger protection than the mode of his rule, weaker one
 * as well, or nothing. UNDEFINED: the rule does not say, the setting sender_choice does. */
enum sender_choice { CHOICE_NONE, CHOICE_STRENGTHEN, CHOICE_FREE, CHOICE_UNDEFINED };

/* Must a message between the two come in by TLS? */
enum tls_demand { TLS_UNDEFINED, TLS_NOT_REQUIRED, TLS_REQUIRED };

struct rule {
    char *note; /* NULL if none */
    struct pattern *managed;
    size_t managed_count;
    struct pattern *external;
    size_t external_count;
    enum incoming_mode incoming;
    enum outgoing_mode outgoing;
    enum sender_choice choice; /* goes with `outgoing`: where that is undefined it means nothing */
    enum tls_demand require_tls;
    char *profile; /* of outgoing mail, decided by itself (profile.h); NULL: it does not say */
    char *file;    /* where the rule stands */
    unsigned line;
};

struct rule_list {
    struct rule *items; /* items[0] is position 1 */
    size_t count;
};

/* What decided. */
struct decision {
    int mode; /* enum incoming_mode, enum outgoing_mode or enum tls_demand; never *_UNDEFINED */
    size_t position;           /* of the deciding rule, from 1; 0 when the default decided */
    enum sender_choice choice; /* outgoing: what the deciding rule says of it */
    const char *profile;       /* outgoing: what the first rule that names one says, whichever rule
                                  decides the mode; the rule's. NULL: none does */
    size_t profile_position;   /* of that rule; 0: none */
};

/* Resolve one direction for a pair of canonical addresses. `external` may be "" for the null sender
 * (only "*" matches it); it is never an address of a managed domain: an external pattern does not
 * match such a one (DESIGN section 2), and it is the caller, who knows the managed domains, that
 * does not ask for one. `has_certificate` chooses the default of the outgoing direction: `sign`
 * for a mailbox with an active certificate, else `none`. `delimiters` applies to managed patterns.
 */
struct decision rules_incoming(const struct rule_list *rules, const char *managed,
                               const char *external, const char *delimiters);
struct decision rules_outgoing(const struct rule_list *rules, const char *managed,
                               const char *external, const char *delimiters, bool has_certificate);

/* The same for both directions' require_tls: mode is TLS_REQUIRED or (default) TLS_NOT_REQUIRED. */
struct decision rules_tls(const struct rule_list *rules, const char *managed, const char *external,
                          const char *delimiters);

/* Why the rule at items[index] did or did not decide, for `rules explain`. */
enum rule_match {
    RULE_DECIDES,
    RULE_MANAGED_DIFFERS,  /* no managed pattern matches */
    RULE_EXTERNAL_DIFFERS, /* no external pattern matches */
    RULE_UNDEFINED,        /* matches, but leaves this direction undefined */
    RULE_SHADOWED,         /* would decide, but a rule above it does */
};
enum rule_match rules_why_incoming(const struct rule_list *rules, size_t index, const char *managed,
                                   const char *external, const char *delimiters);
enum rule_match rules_why_outgoing(const struct rule_list *rules, size_t index, const char *managed,
                                   const char *external, const char *delimiters);

/* Names as in the configuration ("decrypt-forced"). The _from_name functions return -1 for an
 * unknown one. */
const char *incoming_mode_name(enum incoming_mode mode);
const char *outgoing_mode_name(enum outgoing_mode mode);
int incoming_mode_from_name(const char *name, enum incoming_mode *out);
int outgoing_mode_from_name(const char *name, enum outgoing_mode *out);
const char *sender_choice_name(enum sender_choice choice);
int sender_choice_from_name(const char *name, enum sender_choice *out);
/* "undefined", "false", "true". */
const char *tls_demand_name(enum tls_demand demand);
int tls_demand_from_name(const char *name, enum tls_demand *out);

void rule_clear(struct rule *rule);
void rules_clear(struct rule_list *rules);

#endif
