/* Escaping for XML. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "test_run.h"
#include "xml.h"

#define NO_CHARACTER "\xEF\xBF\xBD"

static const struct {
    const char *name;
    const char *text;
    const char *escaped;
} cases[] = {
    {"plain", "alice@example.com", "alice@example.com"},
    {"markup", "<a b=\"c\" d='e'>&amp;]]>",
     "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;amp;]]&gt;"},
    {"umlauts", "Ä€😀", "Ä€😀"},
    {"line end and tab", "a\nb\tc", "a\nb\tc"},
    {"control characters", "a\x01\x1B\rb\x7F",
     "a" NO_CHARACTER NO_CHARACTER NO_CHARACTER "b" NO_CHARACTER},
    {"C1", "a\xC2\x85", "a" NO_CHARACTER},
    {"no UTF-8",
     "a\xFF"
     "b\xC3",
     "a" NO_CHARACTER "b" NO_CHARACTER},
    {"cut", "\xE2\x82", NO_CHARACTER NO_CHARACTER},
    {"overlong", "\xC0\xBC", NO_CHARACTER NO_CHARACTER},
    {"overlong in three", "\xE0\x80\xBC", NO_CHARACTER NO_CHARACTER NO_CHARACTER},
    {"surrogate", "\xED\xA0\x80", NO_CHARACTER NO_CHARACTER NO_CHARACTER},
    {"beyond Unicode", "\xF4\x90\x80\x80", NO_CHARACTER NO_CHARACTER NO_CHARACTER NO_CHARACTER},
    {"no character", "\xEF\xBF\xBF", NO_CHARACTER},
    {"markup behind half a character", "\xC3<b>", NO_CHARACTER "&lt;b&gt;"},
};

START_TEST(escapes)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    xml_text(out, cases[_i].text);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_msg(strcmp(text, cases[_i].escaped) == 0, "%s: %s", cases[_i].name, text);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("xml");
    TCase *tests = tcase_create("xml");
    tcase_add_loop_test(tests, escapes, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
