/* Addresses in header fields: what a From field may look like, what To and Cc give. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mailboxes.h"
#include "test_run.h"
#include "why.h"

struct from_case {
    const char *name;
    const char *value;
    const char *expected; /* NULL: refused */
};

static const struct from_case from_cases[] = {
    {"bare", " alice@example.com", "alice@example.com"},
    {"no leading blank", "alice@example.com", "alice@example.com"},
    {"angle", " <alice@example.com>", "alice@example.com"},
    {"name", " Alice Example <alice@example.com>", "alice@example.com"},
    {"name without a blank", " Alice<alice@example.com>", "alice@example.com"},
    {"upper case", " Alice <ALICE@Example.COM>", "alice@example.com"},
    {"name with a dot", " Alice B. Example <alice@example.com>", "alice@example.com"},
    {"folded", " Alice\r\n Example\r\n\t<alice@example.com>", "alice@example.com"},
    {"comment behind", " alice@example.com (Alice (the first) Example)", "alice@example.com"},
    {"comment before", " (Alice) alice@example.com", "alice@example.com"},
    {"comment behind angle", " Alice <alice@example.com> (home)", "alice@example.com"},
    {"encoded name", " =?utf-8?q?J=C3=BCrgen?= <alice@example.com>", "alice@example.com"},
    {"raw UTF-8 name", " J\xc3\xbcrgen <alice@example.com>", "alice@example.com"},
    {"encoded name like an address", " =?utf-8?q?boss=40example=2Ecom?= <eve@evil.test>",
     "eve@evil.test"},
    {"encoded name like an angle address",
     " =?utf-8?q?=3Cboss=40example=2Ecom=3E?= <eve@evil.test>", "eve@evil.test"},
    {"encoded name with a NUL", " =?utf-8?q?boss=40example=2Ecom=00?= <eve@evil.test>",
     "eve@evil.test"},
    {"quoted name like an address", " \"boss@example.com\" <eve@evil.test>", "eve@evil.test"},
    {"quoted name like an angle address", " \"<boss@example.com>\" <eve@evil.test>",
     "eve@evil.test"},
    {"quoted name like two addresses", " \"boss@example.com, x\" <eve@evil.test>", "eve@evil.test"},
    {"quoted name with a quote", " \"a\\\" <boss@example.com>\" <eve@evil.test>", "eve@evil.test"},
    {"quoted local part", " \"alice\"@example.com", "alice@example.com"},
    {"umlaut domain",
     " <alice@b\xc3\xbc"
     "cher.example>",
     "alice@xn--bcher-kva.example"},
    {"tag", " <alice+tag@example.com>", "alice+tag@example.com"},

    {"empty", "", NULL},
    {"blank", " ", NULL},
    {"empty angle", " <>", NULL},
    {"name only", " Alice", NULL},
    {"no domain", " <alice>", NULL},
    {"two bare", " alice@example.com, bob@example.com", NULL},
    {"two angles", " <alice@example.com>, <bob@example.com>", NULL},
    {"two angles without a comma", " <alice@example.com> <bob@example.com>", NULL},
    {"two bare without a comma", " alice@example.com bob@example.com", NULL},
    {"trailing comma", " alice@example.com,", NULL},
    {"leading comma", " ,alice@example.com", NULL},
    {"trailing text", " <alice@example.com> boss", NULL},
    {"trailing address", " <alice@example.com> boss@example.com", NULL},
    {"trailing quoted string", " <alice@example.com> \"boss@example.com\"", NULL},
    {"group", " team: alice@example.com;", NULL},
    {"empty group", " undisclosed-recipients:;", NULL},
    {"group with an angle", " team: <alice@example.com>;", NULL},
    {"semicolon", " alice@example.com;", NULL},
    {"unquoted address as a name", " boss@example.com <eve@evil.test>", NULL},
    {"unquoted address and more as a name", " Boss boss@example.com x <eve@evil.test>", NULL},
    {"unquoted comma in a name", " Boss, Big <eve@evil.test>", NULL},
    {"comment like an address", " eve@evil.test (boss@example.com)", NULL},
    {"comment like an angle address", " (<boss) eve@evil.test", NULL},
    {"comment in the address", " boss(x)@example.com", NULL},
    {"comment in the domain", " boss@evil.test(x).example.com", NULL},
    {"comment in angle", " <boss(x)@example.com>", NULL},
    {"comment hides an end", " <eve@evil.test(>boss@example.com)>", NULL},
    {"open comment", " alice@example.com (x", NULL},
    {"nested open comment", " alice@example.com (x (y)", NULL},
    {"closing only", " alice@example.com )", NULL},
    {"escaped end of comment", " alice@example.com (x\\)", NULL},
    {"open quote", " \"Alice <alice@example.com>", NULL},
    {"quote escaped at the end", " \"Alice\\\" <alice@example.com>", NULL},
    {"open angle", " Alice <alice@example.com", NULL},
    {"closing angle only", " alice@example.com>", NULL},
    {"nested angle", " <<alice@example.com>>", NULL},
    {"angle in angle", " <alice@example.com<bob@example.com>>", NULL},
    {"route", " <@relay.test,@other.test:alice@example.com>", NULL},
    {"simple route", " <@relay.test:alice@example.com>", NULL},
    {"blanks in the address", " alice @ example.com", NULL},
    {"blanks in angle", " < alice@example.com >", NULL},
    {"encoded word as local part", " <=?utf-8?q?alice?=@example.com>", NULL},
    {"encoded word as address", " =?utf-8?q?alice=40example=2Ecom?=", NULL},
    {"encoded word as bare local part", " =?utf-8?q?boss?=@example.com", NULL},
    {"two at signs", " alice@evil.test@example.com", NULL},
    {"control character", " alice@example.com\x01", NULL},
    {"control character in the name", " Alice\x1b[2J <alice@example.com>", NULL},
    {"escape in the comment", " alice@example.com (\x07)", NULL},
    {"DEL",
     " ali\x7f"
     "ce@example.com",
     NULL},
    {"bare CR", " Alice\r<alice@example.com>", NULL},
    {"Latin-1 address", " <j\xfcrgen@example.com>", NULL},
    {"backslash", " alice\\@evil.test@example.com", NULL},
    {"backslash in the name", " Al\\ice <alice@example.com>", NULL},
};

START_TEST(test_from)
{
    const struct from_case *c = &from_cases[_i];
    /* Not by header_add(): what it makes of stray line ends is not what this is about. */
    struct header_field field = {.name = (char *)"fRoM", .value = (char *)c->value};
    struct header header = {.fields = &field, .count = 1};
    char *found = NULL;
    char *why = NULL;
    int rc = mailboxes_from(&header, &found, &why);
    if (c->expected == NULL) {
        ck_assert_msg(rc == -1, "%s: accepted as %s", c->name, found ? found : "(null)");
        ck_assert_ptr_null(found);
        ck_assert_ptr_nonnull(why);
    } else {
        ck_assert_msg(rc == 0, "%s: %s", c->name, why_text(&why));
        ck_assert_msg(strcmp(found, c->expected) == 0, "%s: %s", c->name, found);
        ck_assert_ptr_null(why);
    }
    free(found);
    why_free(&why);
}
END_TEST

START_TEST(test_from_count)
{
    struct header header = {0};
    char *found = NULL;
    char *why = NULL;
    ck_assert_int_eq(header_add(&header, "To", " bob@partner.test"), 0);
    ck_assert_int_eq(mailboxes_from(&header, &found, &why), -1);
    ck_assert_ptr_nonnull(strstr(why, "no From"));
    why_free(&why);
    ck_assert_int_eq(header_add(&header, "From", " alice@example.com"), 0);
    ck_assert_int_eq(mailboxes_from(&header, &found, &why), 0);
    ck_assert_str_eq(found, "alice@example.com");
    free(found);
    found = NULL;
    ck_assert_int_eq(header_add(&header, "FROM", " alice@example.com"), 0);
    ck_assert_int_eq(mailboxes_from(&header, &found, &why), -1);
    ck_assert_ptr_null(found);
    ck_assert_ptr_nonnull(strstr(why, "more than one"));
    why_free(&why);
    /* Nobody need ask why. */
    ck_assert_int_eq(mailboxes_from(&header, &found, NULL), -1);
    header_clear(&header);
}
END_TEST

struct list_case {
    const char *name;
    const char *values[4];
    const char *expected[6];
};

static const struct list_case list_cases[] = {
    {"none", {NULL}, {NULL}},
    {"one", {" bob@partner.test"}, {"bob@partner.test"}},
    {"several",
     {" Bob <BOB@partner.test>, \"Carol, C.\" <carol@partner.test>,\r\n dave@partner.test"},
     {"bob@partner.test", "carol@partner.test", "dave@partner.test"}},
    {"two fields", {" a@b.test", " c@d.test"}, {"a@b.test", "c@d.test"}},
    {"group", {" team: a@b.test, C <c@d.test>;, e@f.test"}, {"a@b.test", "c@d.test", "e@f.test"}},
    {"empty group", {" undisclosed-recipients:;"}, {NULL}},
    {"unreadable ones are passed over", {" no address, <>, a@b.test"}, {"a@b.test"}},
    {"an unreadable field", {" (never closed", " a@b.test"}, {"a@b.test"}},
    {"literal and open comment", {" a@[192.0.2.1](x", " a@b.test"}, {"a@b.test"}},
    {"quoted name is no address", {" \"x@y.test\" <a@b.test>"}, {"a@b.test"}},
};

START_TEST(test_list)
{
    const struct list_case *c = &list_cases[_i];
    struct header header = {0};
    struct mailboxes found;
    size_t expected = 0;
    for (size_t i = 0; i < 4 && c->values[i] != NULL; i++)
        ck_assert_int_eq(header_add(&header, i % 2 ? "TO" : "To", c->values[i]), 0);
    ck_assert_int_eq(header_add(&header, "Cc", " other@other.test"), 0);
    ck_assert_int_eq(mailboxes_of(&header, "To", &found), 0);
    while (expected < 6 && c->expected[expected] != NULL)
        expected++;
    ck_assert_msg(found.count == expected, "%s: %zu", c->name, found.count);
    for (size_t i = 0; i < expected; i++)
        ck_assert_msg(strcmp(found.items[i], c->expected[i]) == 0, "%s: %s", c->name,
                      found.items[i]);
    mailboxes_clear(&found);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_ptr_null(found.items);
    mailboxes_clear(&found);
    header_clear(&header);
}
END_TEST

/* A megabyte of To, and of brackets that nest, ends soon and without a deep stack. */
START_TEST(test_large)
{
    enum { COUNT = 50000, DEEP = 1000000 };
    struct header header = {0};
    struct mailboxes found;
    char *value = malloc(DEEP + 2);
    char *address = NULL;
    ck_assert_ptr_nonnull(value);
    value[0] = '\0';
    for (char *p = value, *end = value + COUNT * 12; p < end; p += 12)
        memcpy(p, " u@host.test,", 14);
    ck_assert_int_eq(header_add(&header, "To", value), 0);
    ck_assert_int_eq(mailboxes_of(&header, "To", &found), 0);
    ck_assert_uint_gt(found.count, COUNT / 2);
    mailboxes_clear(&found);
    header_clear(&header);
    for (const char *c = "(<\":[,\\"; *c != '\0'; c++) {
        memset(value, *c, DEEP);
        value[DEEP] = '\0';
        ck_assert_int_eq(header_add(&header, "From", value), 0);
        ck_assert_int_eq(mailboxes_from(&header, &address, NULL), -1);
        ck_assert_int_eq(mailboxes_of(&header, "From", &found), 0);
        ck_assert_uint_eq(found.count, 0);
        header_clear(&header);
    }
    free(value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mailboxes");
    TCase *tcase = tcase_create("mailboxes");
    tcase_add_loop_test(tcase, test_from, 0, sizeof from_cases / sizeof *from_cases);
    tcase_add_test(tcase, test_from_count);
    tcase_add_loop_test(tcase, test_list, 0, sizeof list_cases / sizeof *list_cases);
    tcase_add_test(tcase, test_large);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
