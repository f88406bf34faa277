/* Forged smime results in Authentication-Results (daemon/auth_results.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "auth_results.h"
#include "test_run.h"

static const struct {
    const char *name;
    const char *value;
    enum auth_results_action action;
    const char *changed;
} cases[] = {
    {"another host's stays", " mx.other.test; smime=pass", AUTH_RESULTS_KEEP, NULL},
    {"ours without smime stays", " mx.example.com; dkim=pass header.d=a.test", AUTH_RESULTS_KEEP,
     NULL},
    {"ours with none stays", " mx.example.com; none", AUTH_RESULTS_KEEP, NULL},
    {"only smime goes whole", " mx.example.com; smime=pass", AUTH_RESULTS_DELETE, NULL},
    {"smime goes, dkim stays",
     " mx.example.com; dkim=pass (good; smime=x) header.d=a.test; smime=pass "
     "body.smime-identifier=a@b; spf=fail",
     AUTH_RESULTS_CHANGE, " mx.example.com; dkim=pass (good; smime=x) header.d=a.test; spf=fail"},
    {"case of the host and the method", " MX.Example.COM; SMIME=pass", AUTH_RESULTS_DELETE, NULL},
    {"version behind the host", " mx.example.com 1; smime=pass", AUTH_RESULTS_DELETE, NULL},
    {"version behind the method", " mx.example.com; smime/1=pass", AUTH_RESULTS_DELETE, NULL},
    {"comment before the host", " (hi) mx.example.com; smime=pass", AUTH_RESULTS_DELETE, NULL},
    {"comment before the method", " mx.example.com; (x(y)) smime=pass", AUTH_RESULTS_DELETE, NULL},
    {"quoted host", " \"mx.example.com\"; smime=pass", AUTH_RESULTS_DELETE, NULL},
    {"quoted host with escapes", " \"mx.ex\\ample.com\"; smime=pass", AUTH_RESULTS_DELETE, NULL},
    {"quoted method", " mx.example.com; \"smime\"=pass", AUTH_RESULTS_DELETE, NULL},
    {"folded", "\r\n\tmx.example.com;\r\n\tsmime=pass;\r\n\tspf=pass", AUTH_RESULTS_CHANGE,
     "\r\n\tmx.example.com;\r\n\tspf=pass"},
    {"semicolon in quotes", " mx.example.com; dkim=fail reason=\"a; smime=pass\"",
     AUTH_RESULTS_KEEP, NULL},
    {"ours but unreadable goes", " mx.example.com; dkim=fail reason=\"never ends; smime=pass",
     AUTH_RESULTS_DELETE, NULL},
    {"unreadable before the host, names us", " (never ends mx.example.com; smime=pass",
     AUTH_RESULTS_DELETE, NULL},
    {"unreadable, not ours", " (never ends", AUTH_RESULTS_KEEP, NULL},
    {"empty", "", AUTH_RESULTS_KEEP, NULL},
};

START_TEST(filters)
{
    char *changed = NULL;
    enum auth_results_action action =
        auth_results_without_smime(cases[_i].value, "mx.example.com", &changed);
    ck_assert_msg(action == cases[_i].action, "%s: action %d", cases[_i].name, (int)action);
    if (cases[_i].changed != NULL)
        ck_assert_str_eq(changed, cases[_i].changed);
    else
        ck_assert_ptr_null(changed);
    free(changed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth_results");
    TCase *tests = tcase_create("forged results");
    tcase_add_loop_test(tests, filters, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
