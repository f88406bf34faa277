/* Encoded words that programs read differently (smime/encoded_word.h), and the subject tags hidden
 * in them. Python's email package says what its readers see. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "encoded_word.h"
#include "field_text.h"
#include "subject.h"
#include "test_openssl_cli.h"
#include "test_run.h"

static const struct {
    const char *value;
    const char *repaired;
    const char *read; /* with ENCODED_WORD_ANEW */
} cases[] = {
    {"Hello", "Hello", "Hello"},
    {"=? and ?=", "=? and ?=", "=? and ?="},
    {"=?utf-8?b?W3NpZ25lZF0=?= hi", "=?utf-8?b?W3NpZ25lZF0=?= hi", "[signed] hi"},
    {"=?utf-8?q?a_=3D=C3=BC?=", "=?utf-8?q?a_=3D=C3=BC?=", "a =\xc3\xbc"},
    {"=?utf-8?Q?not=5hex=?=", "=?utf-8?Q?not=5hex=?=", "not=5hex="},
    {"=?utf-8?b?\?= hi", "=?utf-8?b?\?= hi", " hi"},
    /* The padding is missing, or too long, or in the midst. */
    {"=?utf-8?b?W3NpZ25lZF0?= hi", "=?utf-8?b?W3NpZ25lZF0=?= hi", "[signed] hi"},
    {"=?utf-8?b?W3NpZ25lZF0====?= hi", "=?utf-8?b?W3NpZ25lZF0=?= hi", "[signed] hi"},
    {"=?utf-8?b?W3NpZw==bmVkXQ==?= hi", "=?utf-8?b?W3NpZ25lZF0=?= hi", "[signed] hi"},
    {"=?utf-8?b?W3NpZ25lZF0gA?= hi", "=?utf-8?b?W3NpZ25lZF0g?= hi", "[signed]  hi"},
    /* What does not belong there. */
    {"=?utf-8?b?W3N!pZ2\t5lZF0=?= hi", "=?utf-8?b?W3NpZ25lZF0=?= hi", "[signed] hi"},
    /* GMime takes the texts of two words for one, with padding in its midst. */
    {"=?utf-8?b?W3NpZw==?= =?utf-8?b?bmVkXQ==?= hi", "=?utf-8?b?W3NpZw==?= =?utf-8?b?bmVkXQ==?= hi",
     "[signed] hi"},
    {"=?utf-8?b?W3NpZw?==?utf-8?b?bmVkXQ?= hi", "=?utf-8?b?W3NpZw==?==?utf-8?b?bmVkXQ==?= hi",
     "[signed] hi"},
    /* For GMime a NUL ends the text. */
    {"=?utf-8?q?=00[sig=00ned]?= hi", "=?utf-8?q?=00[sig=00ned]?= hi", "[signed] hi"},
    {"=?utf-8?b?AFtzaWduZWRd?= hi", "=?utf-8?b?AFtzaWduZWRd?= hi", "[signed] hi"},
    /* Which octet comes first? */
    {"=?utf-16?b?AFsAcwBpAGcAbgBlAGQAXQ==?= hi", "=?utf-16?b?AFsAcwBpAGcAbgBlAGQAXQ==?= hi",
     "[signed] hi"},
    {"=?UTF-16?b?WwBzAGkAZwBuAGUAZABdAA==?= hi", "=?UTF-16?b?WwBzAGkAZwBuAGUAZABdAA==?= hi",
     "[signed] hi"},
    {"=?unicode-1-1-utf-7?q?+AFs-signed]?= hi", "=?unicode-1-1-utf-7?q?+AFs-signed]?= hi", NULL},
    {"=?nobody-knows?q?[signed]?= hi", "=?nobody-knows?q?[signed]?= hi", "[signed] hi"},
    /* Which of two words counts? */
    {"=?utf-8?b?W3NpZ25lZF0=?utf-8?q?x?=", "= ?utf-8?b?W3NpZ25lZF0=?utf-8?q?x?=",
     "=?utf-8?b?W3NpZ25lZF0x"},
    {"=?utf-8?q?a =?utf-8?b?W3NpZ25lZF0?=", "= ?utf-8?q?a =?utf-8?b?W3NpZ25lZF0=?=",
     "=?utf-8?q?a [signed]"},
    {"=?utf-8?q?never ends", "= ?utf-8?q?never ends", "=?utf-8?q?never ends"},
    {"=??q?x?= =?utf-8?x?y?= =?utf-8", "=??q?x?= =?utf-8?x?y?= =?utf-8",
     "=??q?x?= =?utf-8?x?y?= =?utf-8"},
};

START_TEST(words)
{
    char *repaired = encoded_words_repair(cases[_i].value);
    char *read = field_text_read(cases[_i].value);
    char *again;
    ck_assert_str_eq(repaired, cases[_i].repaired);
    if (cases[_i].read != NULL)
        ck_assert_str_eq(read, cases[_i].read);
    again = encoded_words_repair(repaired);
    ck_assert_str_eq(again, repaired);
    free(repaired);
    free(read);
    free(again);
}
END_TEST

START_TEST(readings)
{
    static const struct {
        unsigned reading;
        const char *wanted;
    } all[ENCODED_WORD_READINGS] = {
        {0, "=?us-ascii?q?=3D=3F?=utf-8?b?eA=?x?q?=79?="},
        {ENCODED_WORD_ANEW, "=?us-ascii?q?=3D=3F?=utf-8?b?eA=?x?q?=79?="},
        {ENCODED_WORD_OUTER, "=?utf-8?q?=78=0C=6A?="},
        {ENCODED_WORD_OUTER | ENCODED_WORD_ANEW, "=?utf-8?q?=78=C6=AC?="},
    };
    char *out = encoded_words_for_gmime("=?utf-8?b?eA=?x?q?y?=", all[_i].reading);
    ck_assert_str_eq(out, all[_i].wanted);
    free(out);
}
END_TEST

/* A megabyte of beginnings and no end, of ends, and of words. */
START_TEST(much)
{
    static const char *const pieces[] = {"=?a?q?", "?=", "=?", "=?a?b?", "=?a?b?eA?=", "=?aaaa"};
    size_t length = strlen(pieces[_i]);
    char *value = calloc((1 << 20) + 8, 1);
    ck_assert_ptr_nonnull(value);
    for (size_t at = 0; at + length <= 1 << 20; at += length)
        memcpy(value + at, pieces[_i], length);
    for (int ended = 0; ended < 2; ended++) {
        for (unsigned reading = 0; reading < ENCODED_WORD_READINGS; reading++) {
            char *out = encoded_words_for_gmime(value, reading);
            ck_assert_ptr_nonnull(out);
            free(out);
        }
        strcat(value, "?=");
    }
    free(value);
}
END_TEST

/* ---- Tags ---- */

static const char reader[] =
    "import re\n"
    "from email.header import decode_header\n"
    "def text(value):\n"
    "    try:\n"
    "        return ''.join(t if isinstance(t, str) else t.decode('latin1')\n"
    "                       for t, c in decode_header(value))\n"
    "    except Exception: return ''\n"
    "def shown(name):\n"
    "    return ['[signed]' in re.sub('[\\\\s\\0]', '', text(l)) for l in open(name, "
    "newline='\\n')]\n"
    "a, b = shown('before'), shown('after')\n"
    "print(len(a), sum(a), sum(b))\n"
    "assert len(a) == len(b) and sum(a) > len(a) / 100 and not any(b)\n";

/* Pieces in any order: some are tags for Python, and none is one after they were taken off. */
START_TEST(no_tag_is_left)
{
    static const char *const pieces[] = {"=?utf-8?q?",  "=?utf-8?b?",
                                         "?=",          "[sig",
                                         "ned]",        " ",
                                         "=5B",         "signed",
                                         "]",           "W3Np",
                                         "Z25lZF0=",    "Z25lZF0",
                                         "[signed]",    "=?",
                                         "?",           "=",
                                         "_",           "=20",
                                         "=?x?B?",      "\t",
                                         "=00",         "W3NpZ25lZF0=",
                                         "W3NpZ25lZF0", "=?us-ascii?Q?",
                                         "AA==",        "x",
                                         "=3D=3F"};
    static const char *const tags[] = {"[signed]"};
    FILE *before = fopen(cli_path("before"), "we");
    FILE *after = fopen(cli_path("after"), "we");
    FILE *program = fopen(cli_path("read.py"), "we");
    unsigned state = 1;
    ck_assert(before != NULL && after != NULL && program != NULL);
    for (int i = 0; i < 5000; i++) {
        char value[200] = "";
        char *out;
        for (int k = 0; k < 3 + i % 6; k++) {
            state = state * 1103515245 + 12345;
            strcat(value, pieces[(state >> 16) % (sizeof pieces / sizeof *pieces)]);
        }
        out = subject_tag(value, tags, 1, "");
        ck_assert_ptr_nonnull(out);
        fprintf(before, "%s\n", value);
        for (char *p = out; *p != '\0'; p++)
            if (*p != '\r' && *p != '\n')
                putc(*p, after);
        putc('\n', after);
        free(out);
    }
    fputs(reader, program);
    ck_assert(fclose(before) == 0 && fclose(after) == 0 && fclose(program) == 0);
    ck_assert_int_eq(cli_run("python3 read.py || { cat stderr; false; }"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoded_word");
    TCase *tests = tcase_create("words");
    tcase_add_unchecked_fixture(tests, cli_begin, cli_end);
    tcase_add_loop_test(tests, words, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tests, readings, 0, ENCODED_WORD_READINGS);
    tcase_add_loop_test(tests, much, 0, 6);
    tcase_add_test(tests, no_tag_is_left);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
