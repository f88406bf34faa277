/* Replies: what a client is told. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reply.h"
#include "test_run.h"

static const struct {
    const char *name;
    const char *given;
    const char *kept;
} texts[] = {
    {"plain", "No key for bob@partner.test.", "No key for bob@partner.test."},
    {"percent is left alone", "100% sure %s %n", "100% sure %s %n"},
    {"line ends become blanks", "one\r\ntwo\tthree", "one  two three"},
    {"control characters",
     "a\x01\x7f"
     "b",
     "a?b"},
    {"UTF-8", "Schl\xc3\xbcssel", "Schl?ssel"},
    {"a real question mark stays", "what??", "what??"},
    {"empty", "", ""},
};

START_TEST(text_is_printable_ascii)
{
    struct reply reply = {0};

    reply_set(&reply, 550, "5.7.1", texts[_i].given, texts[_i].given);
    ck_assert_msg(!strcmp(reply.english, texts[_i].kept), "%s: %s", texts[_i].name, reply.english);
    ck_assert_str_eq(reply.german, texts[_i].kept);
    ck_assert_int_eq(reply.code, 550);
    ck_assert_str_eq(reply.enhanced, "5.7.1");
    reply_clear(&reply);
    ck_assert_int_eq(reply.code, 0);
    ck_assert_ptr_null(reply.english);
}
END_TEST

START_TEST(text_is_cut)
{
    struct reply reply = {0};
    char longer[2000];

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    reply_set(&reply, 451, "4.3.0", longer, longer);
    ck_assert_uint_eq(strlen(reply.english), 400);
    reply_setf(&reply, 451, "4.3.0", "%s!", "%s!", longer);
    ck_assert_uint_eq(strlen(reply.english), 400);
    ck_assert_uint_eq(strlen(reply.german), 400);
    reply_clear(&reply);
}
END_TEST

START_TEST(both_formats_get_the_arguments)
{
    struct reply reply = {0};

    reply_setf(&reply, 550, "5.7.1", "%s has %d keys", "%s hat %d Schluessel", "bob", 2);
    ck_assert_str_eq(reply.english, "bob has 2 keys");
    ck_assert_str_eq(reply.german, "bob hat 2 Schluessel");
    reply_clear(&reply);
}
END_TEST

START_TEST(may_be_set_from_itself)
{
    struct reply reply = {0};

    reply_set(&reply, 550, "5.7.1", "one", "eins");
    reply_set(&reply, 451, "4.7.1", reply.german, reply.english);
    ck_assert_str_eq(reply.english, "eins");
    ck_assert_str_eq(reply.german, "one");
    reply_clear(&reply);
}
END_TEST

START_TEST(deferring_tells_nothing)
{
    struct reply reply = {0};

    reply_set(&reply, 550, "5.7.1", "database /var/lib/x", "y");
    reply_defer(&reply);
    ck_assert_int_eq(reply.code, 451);
    ck_assert_int_eq(reply.enhanced[0], '4');
    ck_assert_ptr_null(strchr(reply.english, '/'));
    reply_clear(&reply);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply");
    TCase *cases = tcase_create("reply");

    tcase_add_loop_test(cases, text_is_printable_ascii, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(cases, text_is_cut);
    tcase_add_test(cases, both_formats_get_the_arguments);
    tcase_add_test(cases, may_be_set_from_itself);
    tcase_add_test(cases, deferring_tells_nothing);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
