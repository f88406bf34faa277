/* Rules: the decision table, each direction by itself, and why a rule did not decide. */
#include "rules.h"
#include "test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SIDE_MAX 3

/* One rule in short: up to SIDE_MAX patterns a side. */
struct rule_line {
    const char *managed[SIDE_MAX];
    const char *external[SIDE_MAX];
    enum incoming_mode incoming;
    enum outgoing_mode outgoing;
};

static void fill_side(struct pattern **items, size_t *count, const char *const texts[SIDE_MAX])
{
    struct pattern_list list = {0};

    for (size_t i = 0; i < SIDE_MAX && texts[i]; i++)
        ck_assert_int_eq(pattern_list_add(&list, texts[i], NULL), 0);
    *items = list.items;
    *count = list.count;
}

static void build(struct rule_list *rules, const struct rule_line *lines, size_t count)
{
    rules->items = calloc(count ? count : 1, sizeof *rules->items);
    ck_assert_ptr_nonnull(rules->items);
    rules->count = count;
    for (size_t i = 0; i < count; i++) {
        struct rule *rule = &rules->items[i];

        fill_side(&rule->managed, &rule->managed_count, lines[i].managed);
        fill_side(&rule->external, &rule->external_count, lines[i].external);
        rule->incoming = lines[i].incoming;
        rule->outgoing = lines[i].outgoing;
    }
}

static const struct rule_line table[] = {
    /* 1 */ {{"ceo@example.com"},
             {"lawyer@partner.test"},
             INCOMING_DECRYPT_FORCED,
             OUTGOING_ENCRYPT_FORCED},
    /* 2 */ {{"example.com"}, {"partner.test"}, INCOMING_UNDEFINED, OUTGOING_ENCRYPT_OPTIONAL},
    /* 3 */ {{"example.com"}, {"partner.test"}, INCOMING_DECRYPT_ALWAYS, OUTGOING_UNDEFINED},
    /* 4 */ {{"example.com"}, {".partner.test"}, INCOMING_NONE, OUTGOING_NONE},
    /* 5 */
    {{"alice@example.com", "bob@example.com"}, {"*"}, INCOMING_UNDEFINED, OUTGOING_ENCRYPT_FORCED},
    /* 6 */ {{"*"}, {"other.test", "*"}, INCOMING_DECRYPT_FORCED, OUTGOING_UNDEFINED},
};

static const struct {
    const char *name;
    const char *managed, *external;
    enum incoming_mode incoming;
    size_t incoming_position;
    enum outgoing_mode outgoing;
    size_t outgoing_position;
} decisions[] = {
    {"one rule, both directions", "ceo@example.com", "lawyer@partner.test", INCOMING_DECRYPT_FORCED,
     1, OUTGOING_ENCRYPT_FORCED, 1},
    {"the external side differs from rule 1", "ceo@example.com", "clerk@partner.test",
     INCOMING_DECRYPT_ALWAYS, 3, OUTGOING_ENCRYPT_OPTIONAL, 2},
    {"the managed side differs from rule 1", "clerk@example.com", "lawyer@partner.test",
     INCOMING_DECRYPT_ALWAYS, 3, OUTGOING_ENCRYPT_OPTIONAL, 2},
    {"each direction by itself", "alice@example.com", "x@partner.test", INCOMING_DECRYPT_ALWAYS, 3,
     OUTGOING_ENCRYPT_OPTIONAL, 2},
    {"subdomains, none is a decision", "alice@example.com", "x@sub.partner.test", INCOMING_NONE, 4,
     OUTGOING_NONE, 4},
    {"second pattern of a side", "bob@example.com", "x@other.test", INCOMING_DECRYPT_FORCED, 6,
     OUTGOING_ENCRYPT_FORCED, 5},
    {"tag of a managed address", "bob+list@example.com", "x@other.test", INCOMING_DECRYPT_FORCED, 6,
     OUTGOING_ENCRYPT_FORCED, 5},
    {"tag of an external address counts", "ceo@example.com", "lawyer+x@partner.test",
     INCOMING_DECRYPT_ALWAYS, 3, OUTGOING_ENCRYPT_OPTIONAL, 2},
    {"outgoing by the default", "carol@example.com", "x@other.test", INCOMING_DECRYPT_FORCED, 6,
     OUTGOING_SIGN, 0},
    {"null sender meets only *", "ceo@example.com", "", INCOMING_DECRYPT_FORCED, 6, OUTGOING_SIGN,
     0},
};

START_TEST(decision_table)
{
    struct rule_list rules;
    struct decision incoming, outgoing;

    build(&rules, table, COUNT(table));
    incoming = rules_incoming(&rules, decisions[_i].managed, decisions[_i].external, "+");
    outgoing = rules_outgoing(&rules, decisions[_i].managed, decisions[_i].external, "+", true);
    ck_assert_msg(incoming.mode == (int)decisions[_i].incoming &&
                      incoming.position == decisions[_i].incoming_position,
                  "%s: incoming %d by %zu", decisions[_i].name, incoming.mode, incoming.position);
    ck_assert_msg(outgoing.mode == (int)decisions[_i].outgoing &&
                      outgoing.position == decisions[_i].outgoing_position,
                  "%s: outgoing %d by %zu", decisions[_i].name, outgoing.mode, outgoing.position);
    rules_clear(&rules);
    ck_assert_uint_eq(rules.count, 0);
}
END_TEST

START_TEST(tag_without_delimiter)
{
    struct rule_list rules;

    build(&rules, table, COUNT(table));
    ck_assert_uint_eq(
        rules_outgoing(&rules, "bob+list@example.com", "x@other.test", "", true).position, 0);
    rules_clear(&rules);
}
END_TEST

/* What a sender may choose comes with the rule that decides outgoing mail; TLS is found by itself.
 */
START_TEST(choice_and_tls)
{
    static const struct rule_line lines[] = {
        {{"*"}, {"a.test"}, INCOMING_NONE, OUTGOING_UNDEFINED},
        {{"*"}, {"a.test", "b.test"}, INCOMING_UNDEFINED, OUTGOING_SIGN},
        {{"*"}, {"*"}, INCOMING_UNDEFINED, OUTGOING_NONE},
    };
    struct rule_list rules = {0};
    struct decision decision;

    build(&rules, lines, COUNT(lines));
    rules.items[0].choice = CHOICE_FREE; /* without a mode it means nothing */
    rules.items[1].choice = CHOICE_NONE;
    rules.items[2].choice = CHOICE_UNDEFINED;
    rules.items[1].require_tls = TLS_NOT_REQUIRED;
    rules.items[2].require_tls = TLS_REQUIRED;
    decision = rules_outgoing(&rules, "x@example.com", "y@a.test", "+", true);
    ck_assert_uint_eq(decision.position, 2);
    ck_assert_int_eq(decision.choice, CHOICE_NONE);
    ck_assert_int_eq(rules_outgoing(&rules, "x@example.com", "y@c.test", "+", true).choice,
                     CHOICE_UNDEFINED);
    decision = rules_tls(&rules, "x@example.com", "y@a.test", "+");
    ck_assert_int_eq(decision.mode, TLS_NOT_REQUIRED);
    ck_assert_uint_eq(decision.position, 2);
    decision = rules_tls(&rules, "x@example.com", "y@c.test", "+");
    ck_assert_int_eq(decision.mode, TLS_REQUIRED);
    ck_assert_uint_eq(decision.position, 3);
    /* A profile is decided by itself as well, by a rule without a mode, too. */
    rules.items[0].profile = strdup("strict");
    rules.items[2].profile = strdup("compatible");
    decision = rules_outgoing(&rules, "x@example.com", "y@a.test", "+", true);
    ck_assert_uint_eq(decision.position, 2);
    ck_assert_str_eq(decision.profile, "strict");
    ck_assert_uint_eq(decision.profile_position, 1);
    decision = rules_outgoing(&rules, "x@example.com", "y@b.test", "+", true);
    ck_assert_str_eq(decision.profile, "compatible");
    ck_assert_uint_eq(decision.profile_position, 3);
    rules.count = 2;
    decision = rules_outgoing(&rules, "x@example.com", "y@b.test", "+", true);
    ck_assert_ptr_null(decision.profile);
    ck_assert_uint_eq(decision.profile_position, 0);
    rules.count = 1;
    decision = rules_tls(&rules, "x@example.com", "y@a.test", "+");
    ck_assert_int_eq(decision.mode, TLS_NOT_REQUIRED);
    ck_assert_uint_eq(decision.position, 0);
    ck_assert_int_eq(rules_outgoing(&rules, "x@example.com", "y@a.test", "+", true).choice,
                     CHOICE_UNDEFINED);
    rules.count = COUNT(lines);
    rules_clear(&rules);
}
END_TEST

START_TEST(choice_names)
{
    enum sender_choice choice = CHOICE_UNDEFINED;
    enum tls_demand demand = TLS_UNDEFINED;

    for (enum sender_choice i = CHOICE_NONE; i <= CHOICE_UNDEFINED; i++) {
        ck_assert_int_eq(sender_choice_from_name(sender_choice_name(i), &choice), 0);
        ck_assert_int_eq(choice, i);
    }
    for (enum tls_demand i = TLS_UNDEFINED; i <= TLS_REQUIRED; i++) {
        ck_assert_int_eq(tls_demand_from_name(tls_demand_name(i), &demand), 0);
        ck_assert_int_eq(demand, i);
    }
    ck_assert_int_eq(sender_choice_from_name("weaken", &choice), -1);
    ck_assert_int_eq(tls_demand_from_name("yes", &demand), -1);
}
END_TEST

START_TEST(defaults)
{
    struct rule_list rules;
    struct decision decision;

    build(&rules, NULL, 0);
    decision = rules_incoming(&rules, "a@example.com", "b@partner.test", "+");
    ck_assert_int_eq(decision.mode, INCOMING_DECRYPT_OPTIONAL);
    ck_assert_uint_eq(decision.position, 0);
    decision = rules_outgoing(&rules, "a@example.com", "b@partner.test", "+", true);
    ck_assert_int_eq(decision.mode, OUTGOING_SIGN);
    ck_assert_uint_eq(decision.position, 0);
    decision = rules_outgoing(&rules, "a@example.com", "b@partner.test", "+", false);
    ck_assert_int_eq(decision.mode, OUTGOING_NONE);
    rules_clear(&rules);
}
END_TEST

static const struct {
    const char *managed, *external;
    enum rule_match incoming[COUNT(table)], outgoing[COUNT(table)];
} explanations[] = {
    {"ceo@example.com",
     "lawyer@partner.test",
     {RULE_DECIDES, RULE_UNDEFINED, RULE_SHADOWED, RULE_EXTERNAL_DIFFERS, RULE_MANAGED_DIFFERS,
      RULE_SHADOWED},
     {RULE_DECIDES, RULE_SHADOWED, RULE_UNDEFINED, RULE_EXTERNAL_DIFFERS, RULE_MANAGED_DIFFERS,
      RULE_UNDEFINED}},
    {"alice@example.com",
     "x@partner.test",
     {RULE_MANAGED_DIFFERS, RULE_UNDEFINED, RULE_DECIDES, RULE_EXTERNAL_DIFFERS, RULE_UNDEFINED,
      RULE_SHADOWED},
     {RULE_MANAGED_DIFFERS, RULE_DECIDES, RULE_UNDEFINED, RULE_EXTERNAL_DIFFERS, RULE_SHADOWED,
      RULE_UNDEFINED}},
};

START_TEST(explanation)
{
    const char *managed = explanations[_i].managed;
    const char *external = explanations[_i].external;
    struct rule_list rules;

    build(&rules, table, COUNT(table));
    for (size_t i = 0; i < COUNT(table); i++) {
        ck_assert_msg(rules_why_incoming(&rules, i, managed, external, "+") ==
                          explanations[_i].incoming[i],
                      "incoming, rule %zu", i + 1);
        ck_assert_msg(rules_why_outgoing(&rules, i, managed, external, "+") ==
                          explanations[_i].outgoing[i],
                      "outgoing, rule %zu", i + 1);
    }
    rules_clear(&rules);
}
END_TEST

START_TEST(mode_names)
{
    static const char *const incoming[] = {"undefined", "none", "decrypt-optional",
                                           "decrypt-always", "decrypt-forced"};
    static const char *const outgoing[] = {"undefined", "none", "sign", "encrypt-optional",
                                           "encrypt-forced"};
    enum incoming_mode in;
    enum outgoing_mode out;

    for (unsigned i = 0; i < 5; i++) {
        ck_assert_str_eq(incoming_mode_name((enum incoming_mode)i), incoming[i]);
        ck_assert_str_eq(outgoing_mode_name((enum outgoing_mode)i), outgoing[i]);
        ck_assert_int_eq(incoming_mode_from_name(incoming[i], &in), 0);
        ck_assert_int_eq(outgoing_mode_from_name(outgoing[i], &out), 0);
        ck_assert_uint_eq(in, i);
        ck_assert_uint_eq(out, i);
    }
    ck_assert_int_eq(incoming_mode_from_name("sign", &in), -1);
    ck_assert_int_eq(outgoing_mode_from_name("Sign", &out), -1);
    ck_assert_int_eq(outgoing_mode_from_name("", &out), -1);
    ck_assert_str_eq(incoming_mode_name((enum incoming_mode)5), "unknown");
    ck_assert_str_eq(outgoing_mode_name((enum outgoing_mode)5), "unknown");
}
END_TEST

/* "The stricter mode wins" is a comparison. */
START_TEST(modes_rise)
{
    ck_assert(INCOMING_UNDEFINED < INCOMING_NONE && INCOMING_NONE < INCOMING_DECRYPT_OPTIONAL &&
              INCOMING_DECRYPT_OPTIONAL < INCOMING_DECRYPT_ALWAYS &&
              INCOMING_DECRYPT_ALWAYS < INCOMING_DECRYPT_FORCED);
    ck_assert(OUTGOING_UNDEFINED < OUTGOING_NONE && OUTGOING_NONE < OUTGOING_SIGN &&
              OUTGOING_SIGN < OUTGOING_ENCRYPT_OPTIONAL &&
              OUTGOING_ENCRYPT_OPTIONAL < OUTGOING_ENCRYPT_FORCED);
}
END_TEST

static Suite *rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *tc = tcase_create("rules");

    tcase_add_loop_test(tc, decision_table, 0, (int)COUNT(decisions));
    tcase_add_test(tc, tag_without_delimiter);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, choice_and_tls);
    tcase_add_test(tc, choice_names);
    tcase_add_loop_test(tc, explanation, 0, (int)COUNT(explanations));
    tcase_add_test(tc, mode_names);
    tcase_add_test(tc, modes_rise);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{

    return test_run(rules_suite());
}
