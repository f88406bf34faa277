/* Patterns: what is one, and whom it names. */
#include "pattern.h"
#include "test_run.h"
#include "why.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct {
    const char *text;
    enum pattern_kind kind;
    const char *canonical; /* NULL for PATTERN_ALL */
} valid_patterns[] = {
    {"*", PATTERN_ALL, NULL},
    {"user@example.com", PATTERN_MAILBOX, "user@example.com"},
    {"User@EXAMPLE.com", PATTERN_MAILBOX, "user@example.com"},
    {"\"a b\"@example.com", PATTERN_MAILBOX, "\"a b\"@example.com"},
    {"example.com", PATTERN_DOMAIN, "example.com"},
    {"Example.COM.", PATTERN_DOMAIN, "example.com"},
    {"@example.com", PATTERN_DOMAIN, "example.com"},
    {"*@example.com", PATTERN_DOMAIN, "example.com"},
    {"localhost", PATTERN_DOMAIN, "localhost"},
    {"b\xC3\xBC"
     "cher.example",
     PATTERN_DOMAIN, "xn--bcher-kva.example"},
    {".example.com", PATTERN_SUBDOMAINS, ".example.com"},
    {".B\xC3\xBC"
     "cher.example",
     PATTERN_SUBDOMAINS, ".xn--bcher-kva.example"},
    {"*@.example.com", PATTERN_SUBDOMAINS, ".example.com"},
};

START_TEST(valid_pattern)
{
    struct pattern pattern;
    char *why = NULL;

    ck_assert_msg(pattern_parse(valid_patterns[_i].text, &pattern, &why) == 0, "%s",
                  why_text(&why));
    ck_assert_int_eq(pattern.kind, valid_patterns[_i].kind);
    if (valid_patterns[_i].canonical)
        ck_assert_str_eq(pattern.text, valid_patterns[_i].canonical);
    else
        ck_assert_ptr_null(pattern.text);
    ck_assert_ptr_null(why);
    pattern_clear(&pattern);
    ck_assert_ptr_null(pattern.text);
}
END_TEST

static const char *const invalid_patterns[] = {
    "",
    " ",
    "**",
    ".",
    "..example.com",
    "*.example.com",
    "example.*",
    "sales-*@example.com",
    "*@",
    "@",
    "user@",
    "user@.example.com",
    "*x@example.com",
    "*@a@example.com",
    "user@@example.com",
    "user name@example.com",
    "exa mple.com",
    "user@example.com,bob@example.com",
    "user@example.com ",
    "<>",
    "m\xFCller@example.com",
};

START_TEST(invalid_pattern)
{
    struct pattern pattern;
    char *why = NULL;

    ck_assert_msg(pattern_parse(invalid_patterns[_i], &pattern, &why) == -1, "accepted: %s",
                  invalid_patterns[_i]);
    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_nonnull(strstr(why, "allowed are \"user@example.com\""));
    ck_assert_ptr_null(pattern.text);
    why_free(&why);
    /* Nobody has to ask why. */
    ck_assert_int_eq(pattern_parse(invalid_patterns[_i], &pattern, NULL), -1);
}
END_TEST

static const struct {
    const char *pattern, *canonical, *delimiters;
    bool matches;
} matches[] = {
    {"*", "a@b.test", NULL, true},
    {"*", "", NULL, true},
    {"user@d.test", "user@d.test", NULL, true},
    {"user@d.test", "user2@d.test", NULL, false},
    {"user@d.test", "user@e.test", NULL, false},
    {"user@d.test", "user@x.d.test", NULL, false},
    {"user@d.test", "", NULL, false},
    {"user@d.test", "user+tag@d.test", "+", true},
    {"user@d.test", "user+tag@d.test", NULL, false},
    {"user@d.test", "user+tag@d.test", "", false},
    {"user@d.test", "user-tag@d.test", "+", false},
    {"user+tag@d.test", "user+tag@d.test", "+", true},
    {"user+tag@d.test", "user@d.test", "+", false},
    {"user+tag@d.test", "user+other@d.test", "+", false},
    {"d.test", "user@d.test", NULL, true},
    {"d.test", "user@x.d.test", NULL, false},
    {"d.test", "user@bad.test", NULL, false},
    {"d.test", "user@xd.test", NULL, false},
    {"d.test", "\"x@d.test\"@evil.test", NULL, false},
    {"d.test", "", NULL, false},
    {".d.test", "user@x.d.test", NULL, true},
    {".d.test", "user@x.y.d.test", NULL, true},
    {".d.test", "user@d.test", NULL, false},
    {".d.test", "user@xd.test", NULL, false},
    {".d.test", "", NULL, false},
};

START_TEST(pattern_match)
{
    struct pattern pattern;

    ck_assert_int_eq(pattern_parse(matches[_i].pattern, &pattern, NULL), 0);
    ck_assert_msg(pattern_matches(&pattern, matches[_i].canonical, matches[_i].delimiters) ==
                      matches[_i].matches,
                  "%s against \"%s\"", matches[_i].pattern, matches[_i].canonical);
    pattern_clear(&pattern);
}
END_TEST

START_TEST(pattern_lists)
{
    struct pattern_list list = {0};
    char *why = NULL;

    ck_assert(!pattern_list_matches(&list, "alice@example.com", "+"));
    ck_assert_int_eq(pattern_list_add(&list, "alice@example.com", &why), 0);
    ck_assert_int_eq(pattern_list_add(&list, "partner.test", &why), 0);
    ck_assert_int_eq(pattern_list_add(&list, "no pattern", &why), -1);
    ck_assert_ptr_nonnull(why);
    ck_assert_uint_eq(list.count, 2);
    ck_assert(pattern_list_matches(&list, "alice@example.com", NULL));
    ck_assert(pattern_list_matches(&list, "alice+x@example.com", "+"));
    ck_assert(!pattern_list_matches(&list, "alice+x@example.com", NULL));
    ck_assert(pattern_list_matches(&list, "anybody@partner.test", NULL));
    ck_assert(!pattern_list_matches(&list, "bob@example.com", "+"));
    pattern_list_clear(&list);
    ck_assert_uint_eq(list.count, 0);
    pattern_list_clear(&list);
    why_free(&why);
}
END_TEST

static Suite *pattern_suite(void)
{
    Suite *suite = suite_create("pattern");
    TCase *tc = tcase_create("pattern");

    tcase_add_loop_test(tc, valid_pattern, 0, (int)COUNT(valid_patterns));
    tcase_add_loop_test(tc, invalid_pattern, 0, (int)COUNT(invalid_patterns));
    tcase_add_loop_test(tc, pattern_match, 0, (int)COUNT(matches));
    tcase_add_test(tc, pattern_lists);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{

    return test_run(pattern_suite());
}
