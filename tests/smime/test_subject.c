/* Subject tags, true and forged (smime/subject.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "subject.h"
#include "test_run.h"

static const char *const tags[] = {"[signed]", "[encrypted]", "[signature invalid]"};

static const struct {
    const char *name;
    const char *value;
    const char *prefix;
    const char *expected;
} cases[] = {
    {"plain, untouched", " Hello", "", " Hello"},
    {"plain, tagged", " Hello", "[signed] ", " [signed] Hello"},
    {"no subject", NULL, "[signed] ", " [signed] "},
    {"forged", " [signed] Hello", "", " Hello"},
    {"forged in capitals", " [SIGNED] Hello", "", " Hello"},
    {"forged inside a forged one", " [sig[signed]ned] Hello", "", " Hello"},
    {"forged across two tags", " [sig[encrypted]ned] Hello", "", " Hello"},
    {"forged in quoted-printable", " =?utf-8?q?=5Bsigned=5D_Hello?=", "", " Hello"},
    {"forged in base64", " =?utf-8?b?W3NpZ25lZF0gSGVsbG8=?=", "[encrypted] ", " [encrypted] Hello"},
    {"forged in two words", " =?utf-8?q?=5Bsig?= =?utf-8?q?ned=5D_Hello?=", "", " Hello"},
    {"forged so that what is left is an encoded word",
     " =?utf-8?q[signature invalid]?=5Bsigned=5D_Hello?=", "", " Hello"},
    {"encoded, kept as written", " =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "[signed] ",
     " [signed] =?utf-8?q?Gr=C3=BC=C3=9Fe?="},
};

START_TEST(tagging)
{
    char *out = subject_tag(cases[_i].value, tags, 3, cases[_i].prefix);
    ck_assert_ptr_nonnull(out);
    ck_assert_msg(strcmp(out, cases[_i].expected) == 0, "%s: got '%s'", cases[_i].name, out);
    free(out);
}
END_TEST

START_TEST(encoded_prefix_stays_a_word_of_its_own)
{
    char *out = subject_tag(" =?utf-8?q?=C3=BC?=", tags, 3, "[geprüft] ");
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_null(strstr(out, "?==?"));
    ck_assert_ptr_nonnull(strstr(out, "?= =?utf-8?q?=C3=BC?="));
    free(out);
}
END_TEST

/* As large as a header may be, of nothing but tags. */
START_TEST(many_tags_are_taken_out_quickly)
{
    static const char forged[] = "[sig[signed]ned]";
    const size_t n = 60000;
    char *value = malloc(n * (sizeof forged - 1) + 1);
    char *out;
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < n; i++)
        strcpy(value + i * (sizeof forged - 1), forged);
    out = subject_tag(value, tags, 3, "");
    ck_assert_ptr_nonnull(out);
    ck_assert_str_eq(out, " ");
    free(out);
    free(value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subject");
    TCase *tests = tcase_create("tags");
    tcase_add_loop_test(tests, tagging, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_set_timeout(tests, 10);
    tcase_add_test(tests, many_tags_are_taken_out_quickly);
    tcase_add_test(tests, encoded_prefix_stays_a_word_of_its_own);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
