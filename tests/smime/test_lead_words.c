/* Words of command at the beginning of a subject (smime/lead_words.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lead_words.h"
#include "test_run.h"

static const char *const words[] = {"[encrypt]", "[verschlüsseln]", "[sign]", "geheim", "!x"};
#define WORDS (sizeof words / sizeof words[0])

static const struct {
    const char *name;
    const char *value;
    const char *found; /* one letter a word: 'e', 'v', 's', 'g', 'x' */
    const char *rest;  /* NULL: nothing was found */
} cases[] = {
    {"none", " Hello", "", NULL},
    {"no field", NULL, "", NULL},
    {"empty", "", "", NULL},
    {"one", " [encrypt] Hello", "e", " Hello"},
    {"no blank behind it", " [encrypt]Hello", "e", " Hello"},
    {"capitals", "[ENCRYPT] Hello", "e", " Hello"},
    {"several", " [sign] [Encrypt][sign]  Hello", "es", " Hello"},
    {"alone", " [encrypt]", "e", " "},
    {"behind other words", " Hello [encrypt]", "", NULL},
    {"behind what a reply puts in front", " Re: [encrypt] Hello", "", NULL},
    {"cut short", " [encrypt", "", NULL},
    {"quoted-printable", " =?utf-8?q?=5Bencrypt=5D_Hello?=", "e", " Hello"},
    {"base64", " =?utf-8?b?W2VuY3J5cHRdIEhlbGxv?=", "e", " Hello"},
    {"over two encoded words", " =?utf-8?q?=5Benc?=\r\n =?utf-8?q?rypt=5D_Hello?=", "e", " Hello"},
    {"umlaut", " =?utf-8?q?=5Bverschl=C3=BCsseln=5D_Hallo?=", "v", " Hallo"},
    {"umlaut in Latin-1 and capitals", " =?iso-8859-1?q?[VERSCHL=DCSSELN]_Hallo?=", "v", " Hallo"},
    {"umlaut of letter and accent", " =?utf-8?q?=5Bverschlu=CC=88sseln=5D_Hallo?=", "v", " Hallo"},
    {"umlaut as it is (RFC 6532)", " [verschlüsseln] Hallo", "v", " Hallo"},
    {"a word of letters", " geheim: Hallo", "g", " : Hallo"},
    {"a word of letters that goes on", " geheimnis", "", NULL},
    {"a word that ends in a letter, twice", " !x !x a", "x", " a"},
    {"folded", " [encrypt]\r\n Hello\r\n World", "e", " Hello World"},
};

START_TEST(taken)
{
    static const char letters[] = "evsgx";
    bool found[WORDS] = {false};
    char *rest = NULL;
    ck_assert_int_eq(lead_words_take(cases[_i].value, words, WORDS, found, &rest), 0);
    for (size_t i = 0; i < WORDS; i++)
        ck_assert_msg(found[i] == (strchr(cases[_i].found, letters[i]) != NULL), "%s: %s",
                      cases[_i].name, words[i]);
    ck_assert_msg((rest == NULL) == (cases[_i].rest == NULL) &&
                      (rest == NULL || strcmp(rest, cases[_i].rest) == 0),
                  "%s: the rest is '%s'", cases[_i].name, rest != NULL ? rest : "NULL");
    free(rest);
}
END_TEST

/* What is left is for all programs to read: short lines, ASCII. */
START_TEST(the_rest_is_folded_and_encoded)
{
    bool found[WORDS] = {false};
    char value[4096] = " [encrypt]";
    char *rest = NULL;
    size_t line = sizeof "Subject:" - 1;
    for (int i = 0; i < 200; i++)
        strcat(value, i % 2 ? " Grüße" : " Wort");
    ck_assert_int_eq(lead_words_take(value, words, WORDS, found, &rest), 0);
    ck_assert_ptr_nonnull(rest);
    for (const char *p = rest; *p != '\0'; p++) {
        ck_assert_int_lt((unsigned char)*p, 0x80);
        line = *p == '\n' ? 0 : line + 1;
        ck_assert_uint_le(line, 78 + 1);
        if (*p == '\n')
            ck_assert(p[1] == ' ' && p[2] != ' ' && p[2] != '\0');
    }
    free(rest);
}
END_TEST

/* As large as a header may be: what is over the ceiling stays. */
START_TEST(many_words_are_looked_at_quickly)
{
    const size_t n = 150000;
    bool found[WORDS] = {false};
    char *value = malloc(n * 6 + 1);
    char *rest = NULL;
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < n; i++)
        memcpy(value + i * 6, "[sign]", 6);
    value[n * 6] = '\0';
    ck_assert_int_eq(lead_words_take(value, words, WORDS, found, &rest), 0);
    ck_assert(found[2] && !found[0]);
    ck_assert_uint_gt(strlen(rest), n * 6 - 32 * 6);
    ck_assert_uint_lt(strlen(rest), n * 6 * 3); /* a word so long is encoded */
    free(rest);
    free(value);
}
END_TEST

/* A letter has a few accents, and a word of command none of thousands. */
START_TEST(many_accents_are_passed_over_quickly)
{
    static const char *const marks[] = {"\xcc\x81", "\xcc\xa3"};
    const size_t n = 400000;
    bool found[WORDS] = {false};
    char *value = malloc(2 * n + 20);
    char *put = value;
    char *rest = NULL;
    ck_assert_ptr_nonnull(value);
    put = stpcpy(put, "[");
    for (size_t i = 0; i < n; i++)
        put = stpcpy(put, marks[i % 2]);
    strcpy(put, "sign] Hello");
    ck_assert_int_eq(lead_words_take(value, words, WORDS, found, &rest), 0);
    ck_assert(!found[2] && rest == NULL);
    free(value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lead_words");
    TCase *tests = tcase_create("words");
    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, taken, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tests, the_rest_is_folded_and_encoded);
    tcase_add_test(tests, many_words_are_looked_at_quickly);
    tcase_add_test(tests, many_accents_are_passed_over_quickly);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
