/* Rules that can never decide: what is told, and that no address proves it wrong. */
#include "address.h"
#include "config.h"
#include "shadow.h"
#include "test_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define R(managed, external, in, out)                                                              \
    "{ managed = [ " managed " ]; external = [ " external " ]; incoming = \"" in                   \
    "\"; outgoing = \"" out "\"; }"
#define U "undefined"

static const struct shadow_case {
    const char *name;
    const char *domains;
    const char *rules;
    const char *incoming; /* of each rule: '-' undefined, '.' can decide, digits: shadowed by */
    const char *outgoing;
} cases[] = {
    {"one rule", "\"example.com\"", R("\"*\"", "\"*\"", "none", "sign"), ".", "."},
    {"the same twice", "\"example.com\"",
     R("\"*\"", "\"*\"", "none", U) "," R("\"*\"", "\"*\"", "none", "sign"), ". 1", "- ."},
    {"a domain below all", "\"example.com\"",
     R("\"*\"", "\"*\"", U, "none") "," R("\"example.com\"", "\"x.test\", \"*\"", "none", "sign"),
     "- .", ". 1"},
    {"a mailbox below its domain, and above", "\"example.com\"",
     R("\"a@example.com\"", "\"x.test\"", "none",
       "none") "," R("\"example.com\"", "\"x.test\"", "none",
                     "none") "," R("\"b@example.com\"", "\"c@x.test\"", "none", "none"),
     ". . 2", ". . 2"},
    {"all is the managed domains", "\"example.com\", \".example.org\"",
     R("\"example.com\"", "\"*\"", "none", "none") "," R("\".example.org\"", "\"*\"", "none",
                                                         U) "," R("\"*\"", "\"*\"", "none", "sign"),
     ". . 1+2", ". - ."},
    {"subdomains are those that are managed", "\"a.example.com\", \"b.example.com\"",
     R("\"a.example.com\"", "\"*\"", "none", U) "," R(
         "\"b.example.com\"", "\"*\"", "none", U) "," R("\".example.com\"", "\"*\"", "none", U),
     ". . 1+2", "- - -"},
    {"two rules for two patterns", "\"example.com\"",
     R("\"*\"", "\"x.test\"", U, "none") "," R("\"*\"", "\".y.test\"", U, "none") "," R(
         "\"*\"", "\"c@x.test\", \"a.y.test\", \".b.y.test\"", U, "sign"),
     "- - -", ". . 1+2"},
    {"one of two patterns is left", "\"example.com\"",
     R("\"*\"", "\"x.test\"", U, "none") "," R("\"*\"", "\"x.test\", \"y.test\"", U, "sign"), "- -",
     ". ."},
    {"subdomains do not hold the domain", "\"example.com\"",
     R("\"*\"", "\".x.test\"", U, "none") "," R("\"*\"", "\"x.test\"", U, "sign"), "- -", ". ."},
    {"a tag is its mailbox", "\"example.com\"",
     R("\"a@example.com\"", "\"*\"", U, "none") "," R("\"a+b@example.com\"", "\"*\"", U, "sign"),
     "- -", ". 1"},
    {"a mailbox is not its tag", "\"example.com\"",
     R("\"a+b@example.com\"", "\"*\"", U, "none") "," R("\"a@example.com\"", "\"*\"", U, "sign"),
     "- -", ". ."},
    {"outside a tag is another mailbox", "\"example.com\"",
     R("\"*\"", "\"a@x.test\"", U, "none") "," R("\"*\"", "\"a+b@x.test\"", U, "sign"), "- -",
     ". ."},
    {"crosswise is not covered", "\"example.com\"",
     R("\"a@example.com\"", "\"*\"", U, "none") "," R("\"*\"", "\"x.test\"", U,
                                                      "none") "," R("\"*\"", "\"*\"", U, "sign"),
     "- - -", ". . ."},
};

static struct config *config_of(const struct shadow_case *c)
{
    struct problems problems = {0};
    struct config *config;
    char *text = NULL;

    ck_assert_int_gt(
        asprintf(&text, "managed_domains = [ %s ]; rules = ( %s );", c->domains, c->rules), 0);
    config = config_parse("t", text, strlen(text), &problems);
    ck_assert_msg(config != NULL, "%s: %s", c->name, problems.count ? problems.items[0].text : "?");
    free(text);
    return config;
}

/* "-", ".", "1+2" of one rule. */
static void judge(const struct config *config, size_t index, enum rule_direction direction,
                  char *out)
{
    const struct rule *rule = &config->rules.items[index];
    struct pattern_list managed = rule_managed(rule), external = rule_external(rule);
    struct shadow shadow;
    int found;

    if (rule_is_undefined(rule, direction)) {
        strcpy(out, "-");
        return;
    }
    found = shadow_find(&config->rules, index, direction, &managed, &external, &config->settings,
                        &shadow);
    ck_assert_int_ge(found, 0);
    strcpy(out, found ? "" : ".");
    for (size_t i = 0; i < shadow.count; i++)
        out += sprintf(out, "%s%zu", i ? "+" : "", shadow.positions[i]);
    ck_assert(found == (shadow.count > 0));
    shadow_clear(&shadow);
}

static void judge_all(const struct config *config, enum rule_direction direction, char *out)
{
    for (size_t i = 0; i < config->rules.count; i++) {
        if (i > 0)
            *out++ = ' ';
        judge(config, i, direction, out);
        out += strlen(out);
    }
}

START_TEST(shadows)
{
    const struct shadow_case *c = &cases[_i];
    struct config *config = config_of(c);
    char found[64];

    judge_all(config, RULE_INCOMING, found);
    ck_assert_msg(strcmp(found, c->incoming) == 0, "%s: incoming %s", c->name, found);
    judge_all(config, RULE_OUTGOING, found);
    ck_assert_msg(strcmp(found, c->outgoing) == 0, "%s: outgoing %s", c->name, found);
    config_free(&config);
}
END_TEST

/* The functions that decide, asked for many pairs: each rule that can decide does for one of them,
 * each that cannot does for none. */
START_TEST(decisions_agree)
{
    static const char *const managed[] = {"a@example.com",   "b@example.com",    "a+b@example.com",
                                          "c@a.example.com", "c@b.example.com",  "d@x.example.org",
                                          "z+z@example.com", "z@a.b.example.org"};
    static const char *const external[] = {"",           "c@x.test",     "d@x.test",   "e@a.y.test",
                                           "f@b.y.test", "g@b.b.y.test", "h@y.test",   "a@x.test",
                                           "a+b@x.test", "k@a.x.test",   "i@else.test"};
    const struct shadow_case *c = &cases[_i];
    struct config *config = config_of(c);
    const struct settings *settings = &config->settings;

    for (size_t r = 0; r < config->rules.count; r++) {
        size_t in = 0, out = 0;
        char judged[64];

        for (size_t m = 0; m < sizeof managed / sizeof managed[0]; m++) {
            if (!address_in_domains(managed[m], settings->managed_domains.items,
                                    settings->managed_domains.count))
                continue;
            for (size_t e = 0; e < sizeof external / sizeof external[0]; e++) {
                in +=
                    rules_incoming(&config->rules, managed[m], external[e], "+").position == r + 1;
                out +=
                    rules_outgoing(&config->rules, managed[m], external[e], "+", true).position ==
                    r + 1;
            }
        }
        judge(config, r, RULE_INCOMING, judged);
        ck_assert_msg((in > 0) == (strcmp(judged, ".") == 0),
                      "%s: rule %zu, incoming: %s, decides "
                      "%zu times",
                      c->name, r + 1, judged, in);
        judge(config, r, RULE_OUTGOING, judged);
        ck_assert_msg((out > 0) == (strcmp(judged, ".") == 0),
                      "%s: rule %zu, outgoing: %s, decides "
                      "%zu times",
                      c->name, r + 1, judged, out);
    }
    config_free(&config);
}
END_TEST

START_TEST(may_decrypt)
{
    static const struct {
        const char *rules;
        int may;
    } all[] = {
        {"", 1},
        {R("\"*\"", "\"*\"", "none", U), 0},
        {R("\"*\"", "\"x.test\"", "none", U), 1},
        {R("\"a@example.com\"", "\"*\"", "none", U) "," R("\"*\"", "\"*\"", "decrypt-forced", U),
         0},
        {R("\"b@example.com\"", "\"*\"", "none", U) "," R("\"*\"", "\"*\"", "none", U), 0},
        {R("\"*\"", "\"x.test\"", "decrypt-always", U) "," R("\"*\"", "\"*\"", "none", U), 1},
        {R("\"b@example.com\"", "\"x.test\"", "decrypt-always", U) "," R("\"*\"", "\"*\"", "none",
                                                                         U),
         0},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct shadow_case c = {"may decrypt", "\"example.com\"", all[i].rules, NULL, NULL};
        struct config *config = config_of(&c);

        ck_assert_msg(shadow_may_decrypt(&config->rules, "a@example.com", &config->settings) ==
                          all[i].may,
                      "%s", all[i].rules);
        config_free(&config);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shadow");
    TCase *tc = tcase_create("shadow");

    tcase_add_loop_test(tc, shadows, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tc, decisions_agree, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tc, may_decrypt);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
