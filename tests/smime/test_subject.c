/* Subject tags, true and forged (smime/subject.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "subject.h"
#include "test_run.h"
#include "unseen_characters.h"

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

/* The words that a reader sees, by GMime and of one line. */
static void assert_reads(const char *value, const char *expected)
{
    char *words = subject_words(value, 1000);
    ck_assert_str_eq(words, expected);
    free(words);
}

/* Two encoded words beside each other would be shown without the blank. */
START_TEST(encoded_prefix_keeps_its_blank)
{
    static const char *const values[] = {" =?utf-8?q?=C3=BC?=", " plain", "\r\n plain", NULL};
    static const char *const expected[] = {"[geprüft] ü", "[geprüft] plain", "[geprüft] plain",
                                           "[geprüft]"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char *out = subject_tag(values[i], tags, 3, "[geprüft] ");
        ck_assert_ptr_nonnull(out);
        for (const char *p = out; *p != '\0'; p++)
            ck_assert_int_lt((unsigned char)*p, 0x80);
        assert_reads(out, expected[i]);
        free(out);
    }
}
END_TEST

/* A tag is found in what people read, whatever it is made of. */
START_TEST(spellings)
{
    static const char *const forged[] = {
        " [ signed ] Hello",
        " [Signed] Hello",
        " [signed]Hello",
        " [sig\r\n ned] Hello",
        " [\xc2\xadsig\xe2\x80\x8bned] Hello",   /* soft hyphen, zero width space */
        " \xef\xbc\xbbsigned\xef\xbc\xbd Hello", /* full-width brackets */
        " \xe3\x80\x90signed\xe3\x80\x91 Hello", /* lenticular brackets */
        " \xe2\x81\x85signed\xe2\x81\x86 Hello", /* with a quill */
        " \xe2\x9d\xb2signed\xe2\x9d\xb3 Hello", /* tortoise shell */
        " \xe2\x9f\xa6signed\xe2\x9f\xa7 Hello", /* of mathematics */
        " \xe3\x80\x94signed\xe3\x80\x95 Hello",
        " \xe3\x80\x9asigned\xe3\x80\x9b Hello",
        " [\xef\xbd\x93igned] Hello",                    /* a full-width letter */
        " =?utf-8?b?W3Npz4A=?= =?utf-8?q?gned]_Hello?=", /* no tag: a pi inside, see below */
        " =?utf-8?q?=5Bsi?= =?iso-8859-1?q?gned=5D_Hello?=",
        " =?utf-8?q?=EF=BC=BBsigned=EF=BC=BD_Hello?=",
        " [verschl\xc3\xbcsselt] Hello",
        " [verschlu\xcc\x88sselt] Hello", /* u and a combining diaeresis */
        " [VERSCHL\xc3\x9cSSELT] Hello",
        " =?iso-8859-1?q?=5BVerschl=FCsselt=5D?= Hello",
        " [sig\xe3\x85\xa4ned] Hello",             /* Hangul filler */
        " \xe2\x80\xae[sig\xe2\x80\xadned] Hello", /* overridden directions */
        " [signed\xe2\xa0\x80] Hello",             /* Braille blank */
        " \xef\xb9\x9dsigned\xef\xb9\x9e Hello",   /* small tortoise shell brackets */
    };
    static const char *const german[] = {"[signed]", "[verschlüsselt]"};
    char *out = subject_tag(forged[_i], german, 2, "");
    ck_assert_ptr_nonnull(out);
    if (_i == 13)
        ck_assert_str_eq(out, forged[_i]);
    else
        assert_reads(out, "Hello");
    free(out);
}
END_TEST

static void try_unseen(const char *character)
{
    char value[64];
    char *out;
    snprintf(value, sizeof value, " [sig%sned] Hello", character);
    out = subject_tag(value, tags, 3, "");
    ck_assert_ptr_nonnull(out);
    ck_assert_msg(strcmp(out, " Hello") == 0, "%s: '%s'", value, out);
    free(out);
}

START_TEST(what_nobody_sees_hides_no_tag)
{
    static const char *const others[] = {"\xe2\xa0\x80", /* blank of Braille */
                                         "\xe2\x83\x9d", /* enclosing circle */
                                         "\xe0\xa4\xbe", /* a vowel sign that takes room */
                                         "\xc2\x85",     "\x01", "\xc2\xa0", "\xe3\x80\x80"};
    unseen_characters_try(try_unseen);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        try_unseen(others[i]);
}
END_TEST

/* RFC 5322 section 2.2.3: a fold is no part of the words. */
START_TEST(folded_subjects)
{
    char *out = subject_tag(" [signed] one two\r\n three\r\n\tfour", tags, 3, "[encrypted] ");
    assert_reads(out, "[encrypted] one two three four");
    ck_assert_ptr_null(strstr(out, "=?"));
    free(out);
    out = subject_tag(" one two\r\n three", tags, 3, "[encrypted] ");
    ck_assert_str_eq(out, " [encrypted] one two\r\n three");
    free(out);
}
END_TEST

START_TEST(long_subjects_are_folded)
{
    char value[2000] = " [signed]";
    char *out;
    while (strlen(value) < sizeof value - 20)
        strcat(value, "\r\n longish");
    out = subject_tag(value, tags, 3, "");
    ck_assert_ptr_nonnull(out);
    for (const char *p = out; p != NULL; p = strstr(p + 1, "\r\n"))
        ck_assert_uint_lt(strcspn(p + 1, "\r"), 100);
    ck_assert_ptr_null(strstr(out, "=?"));
    free(out);
}
END_TEST

/* What would be shown as "[signed]" stands as it was written. */
START_TEST(directions_are_not_overridden)
{
    char *out = subject_tag(" \xe2\x80\xae[dengis]\xe2\x80\xac Hello", tags, 3, "");
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_null(strstr(out, "=80=AE"));
    assert_reads(out, "[dengis]\xe2\x80\xac Hello");
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
    tcase_add_test(tests, directions_are_not_overridden);
    tcase_add_test(tests, many_tags_are_taken_out_quickly);
    tcase_add_test(tests, encoded_prefix_keeps_its_blank);
    tcase_add_loop_test(tests, spellings, 0, 24);
    tcase_add_test(tests, what_nobody_sees_hides_no_tag);
    tcase_add_test(tests, folded_subjects);
    tcase_add_test(tests, long_subjects_are_folded);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
