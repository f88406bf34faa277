/* Addresses in search filters (RFC 4515 section 3). */
#include "ldap_filter.h"
#include "test_run.h"

static const struct {
    const char *pattern;
    const char *address;
    const char *filter;
} filters[] = {
    {"(mail=%s)", "bob@partner.test", "(mail=bob@partner.test)"},
    {"(|(mail=%s)(uid=%u))", "bob@partner.test", "(|(mail=bob@partner.test)(uid=bob))"},
    {"(&(o=%d)(uid=%u)(x=100%%))", "bob@partner.test", "(&(o=partner.test)(uid=bob)(x=100%))"},
    /* The characters that section 3 names: * ( ) \\ NUL. */
    {"(mail=%s)", "*@partner.test", "(mail=\\2a@partner.test)"},
    {"(mail=%s)", "\"b)(uid=*)\"@partner.test",
     "(mail=\\22b\\29\\28uid=\\2a\\29\\22@partner.test)"},
    {"(uid=%u)", "\"b)(uid=*)\"@partner.test", "(uid=b\\29\\28uid=\\2a\\29)"},
    {"(uid=%u)", "\"a\\\\b\"@partner.test", "(uid=a\\5cb)"},
    /* What an address has is never a pattern. */
    {"(mail=%s)", "%u@partner.test", "(mail=\\25u@partner.test)"},
    {"(mail=%s)", "j\xc3\xb6rg@xn--mller-kva.test", "(mail=j\\c3\\b6rg@xn--mller-kva.test)"},
    {"(mail=%s)", "bob+news=x@partner.test", "(mail=bob+news=x@partner.test)"},
    {"(mail=%s%", "bob@partner.test", "(mail=bob@partner.test%"},
};

START_TEST(each_filter)
{
    char *filter = ldap_filter(filters[_i].pattern, filters[_i].address);
    ck_assert_ptr_nonnull(filter);
    ck_assert_str_eq(filter, filters[_i].filter);
    free(filter);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search filters");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, each_filter, 0, sizeof filters / sizeof *filters);
    suite_add_tcase(suite, all);
    return test_run(suite);
}
