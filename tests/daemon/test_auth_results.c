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

static const struct {
    const char *name;
    const char *value;
    int genuine;
} senders[] = {
    {"spf of the domain", " mx.example.com; spf=pass smtp.mailfrom=bob@partner.test", 1},
    {"spf of a bare domain", " mx.example.com; spf=pass smtp.mailfrom=partner.test", 1},
    {"dkim of the domain", " mx.example.com; dkim=pass (2048 bit) header.d=partner.test", 1},
    {"dkim of the domain above",
     " mx.example.com; dkim=pass header.d=test; dkim=pass header.d=a.test;"
     " dkim=pass header.i=@x header.d=partner.test",
     1},
    {"second result", " mx.example.com 1; none=none; spf=fail; dkim/1=pass header.d=Partner.Test",
     1},
    {"quoted", " mx.example.com; spf=pass smtp.mailfrom=\"bob@partner.test\"", 1},
    {"another host says so", " mx.other.test; spf=pass smtp.mailfrom=partner.test", 0},
    {"spf fails", " mx.example.com; spf=softfail smtp.mailfrom=partner.test", 0},
    {"spf of another domain", " mx.example.com; spf=pass smtp.mailfrom=bob@other.test", 0},
    {"spf of the greeting", " mx.example.com; spf=pass smtp.helo=partner.test", 0},
    {"dkim of another domain", " mx.example.com; dkim=pass header.d=other.test", 0},
    {"dkim of a name that ends alike", " mx.example.com; dkim=pass header.d=ner.test", 0},
    {"dkim of a name below", " mx.example.com; dkim=pass header.d=sub.partner.test", 0},
    {"dkim of a top-level domain", " mx.example.com; dkim=pass header.d=test", 0},
    {"the property of another result",
     " mx.example.com; spf=pass; dkim=fail header.d=partner.test smtp.mailfrom=partner.test", 0},
    {"in a comment", " mx.example.com; spf=fail (; spf=pass smtp.mailfrom=partner.test)", 0},
    {"in a quoted reason",
     " mx.example.com; spf=fail reason=\"; spf=pass smtp.mailfrom=partner.test\"", 0},
    {"unreadable", " mx.example.com; spf=pass reason=\"never ends smtp.mailfrom=partner.test", 0},
    {"another method", " mx.example.com; iprev=pass smtp.mailfrom=partner.test", 0},
    {"nothing", "", 0},
};

START_TEST(authenticates)
{
    int genuine = auth_results_authenticate(senders[_i].value, "mx.example.com", "partner.test");
    ck_assert_msg(genuine == senders[_i].genuine, "%s: %d", senders[_i].name, genuine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth_results");
    TCase *tests = tcase_create("forged results");
    tcase_add_loop_test(tests, filters, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tests, authenticates, 0, (int)(sizeof senders / sizeof senders[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
