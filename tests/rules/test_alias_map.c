/* Virtual alias maps: what is read, and where it leads. */
#include "alias_map.h"
#include "test_run.h"

#include <stdlib.h>
#include <string.h>

static char *domains[] = {"example.com", ".example.org"};
static char delimiters[] = "+";
static const struct settings settings = {.managed_domains = {domains, 2},
                                         .recipient_delimiter = delimiters};

static const struct map_case {
    const char *name;
    const char *text;
    const char *address;
    const char *outside; /* NULL: stays inside */
} cases[] = {
    {"empty", "", "a@example.com", NULL},
    {"direct", "a@example.com x@out.test\n", "a@example.com", "x@out.test"},
    {"no line end, tab, case", "A@Example.COM\tX@Out.Test", "a@example.com", "x@out.test"},
    {"another's", "b@example.com x@out.test\n", "a@example.com", NULL},
    {"second target", "a@example.com a@example.com, x@out.test", "a@example.com", "x@out.test"},
    {"continued", "a@example.com\n  b@example.com,\n# c x@no.test\n\n\t x@out.test\n",
     "a@example.com", "x@out.test"},
    {"comment", "# a@example.com x@out.test\n   # more\n", "a@example.com", NULL},
    {"CRLF", "a@example.com x@out.test\r\n", "a@example.com", "x@out.test"},
    {"two steps", "a@example.com b@s.example.org\nb@s.example.org x@out.test\n", "a@example.com",
     "x@out.test"},
    {"in a circle", "a@example.com b@example.com\nb@example.com a@example.com\n", "a@example.com",
     NULL},
    {"tag", "a@example.com x@out.test", "a+t@example.com", "x@out.test"},
    {"tag first", "a@example.com x@out.test\na+t@example.com b@example.com", "a+t@example.com",
     NULL},
    {"local part alone", "a x@out.test", "a@example.com", "x@out.test"},
    {"local target", "a@example.com b\nb@example.com x@out.test", "a@example.com", "x@out.test"},
    {"domain", "@example.com x@out.test", "a@example.com", "x@out.test"},
    {"own entry before the domain's", "@example.com x@out.test\na@example.com a@example.com",
     "a@example.com", NULL},
    {"domain to domain", "@example.com @out.test", "a@example.com", "a@out.test"},
    {"domain to ours", "@s.example.org @example.com\na@example.com x@out.test", "a@s.example.org",
     "x@out.test"},
    {"first of two entries", "a@example.com b@example.com\na@example.com x@out.test",
     "a@example.com", NULL},
    {"quoted", "\"a b\"@example.com \"x, y\"@out.test", "\"a b\"@example.com", "\"x, y\"@out.test"},
    {"many by one domain", "@example.com b@example.com c@example.com d@example.com",
     "a@example.com", NULL},
};

START_TEST(leads)
{
    const struct map_case *c = &cases[_i];
    struct problems problems = {0};
    struct alias_map *map = alias_map_parse("map", c->text, strlen(c->text), &problems);
    char *target = NULL;
    int found;

    ck_assert_msg(map != NULL, "%s: %s", c->name, problems.count ? problems.items[0].text : "?");
    found = alias_map_outside(map, c->address, &settings, &target);
    ck_assert_msg(found == (c->outside != NULL), "%s: %d", c->name, found);
    if (c->outside)
        ck_assert_str_eq(target, c->outside);
    free(target);
    alias_map_free(&map);
    ck_assert_ptr_null(map);
}
END_TEST

static const struct {
    const char *text;
    unsigned line;
    const char *why;
} mistakes[] = {
    {"a@example.com b@example.com\nroot: x@out.test", 2, "\"root:\""},
    {"  x@out.test", 1, "continues no entry"},
    {"a@example.com\n\n# x\nb@example.com x@out.test", 1, "without a target"},
    {"a@example.com |/bin/cat", 1, "\"|/bin/cat\""},
    {"a@example.com :include:/etc/list", 1, "\":include:/etc/list\""},
    {"a@exa mple@@com x@out.test", 1, "expected an address"},
    {"\n\na@ x@out.test\n", 3, "\"a@\""},
};

START_TEST(refuses)
{
    struct problems problems = {0};
    struct alias_map *map =
        alias_map_parse("map", mistakes[_i].text, strlen(mistakes[_i].text), &problems);

    ck_assert_msg(map == NULL, "%s", mistakes[_i].text);
    ck_assert_uint_gt(problems.count, 0);
    ck_assert_uint_eq(problems.items[0].line, mistakes[_i].line);
    ck_assert_msg(strstr(problems.items[0].text, mistakes[_i].why), "%s", problems.items[0].text);
    problems_clear(&problems);
}
END_TEST

START_TEST(refuses_nul)
{
    struct problems problems = {0};

    ck_assert_ptr_null(alias_map_parse("map", "a b\n\0c", 6, &problems));
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_uint_eq(problems.items[0].line, 2);
    problems_clear(&problems);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alias map");
    TCase *tc = tcase_create("alias map");

    tcase_add_loop_test(tc, leads, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tc, refuses, 0, (int)(sizeof mistakes / sizeof mistakes[0]));
    tcase_add_test(tc, refuses_nul);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
