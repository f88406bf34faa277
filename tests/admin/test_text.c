/* What smimectl reads and writes as text: dates, escaping, tables, line ends of messages. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "iso8601.h"
#include "message_io.h"
#include "table.h"
#include "tell.h"
#include "test_run.h"
#include "why.h"

/* ---- dates ---- */

static const struct date_case {
    const char *text;
    long long seconds; /* -1: refused */
} date_cases[] = {
    {"2026-01-01T00:00:00Z", 1767225600},
    {"2026-01-01T00:00Z", 1767225600},
    {"2026-01-01", 1767225600},
    {"1767225600", 1767225600},
    {"0", 0},
    {"2024-02-29", 1709164800},
    {"1969-12-31T23:59:58Z", -2},
    {"2026-02-29", -1},
    {"2026-13-01", -1},
    {"2026-00-01", -1},
    {"2026-01-00", -1},
    {"2026-01-01T24:00:00Z", -1},
    {"2026-01-01T00:60Z", -1},
    {"2026-01-01T00:00:00", -1},
    {"2026-01-01T00:00:00+01:00", -1},
    {"2026-1-1", -1},
    {" 2026-01-01", -1},
    {"2026-01-01 ", -1},
    {"-5", -1},
    {"+5", -1},
    {"5s", -1},
    {"", -1},
    {"999999999999", -1},
    {"99999999999999999999999999", -1},
};

START_TEST(test_dates)
{
    const struct date_case *c = &date_cases[_i];
    time_t time = 12345;
    int rc = iso8601_read(c->text, &time);
    ck_assert_msg((rc == 0) == (c->seconds != -1), "\"%s\": %d", c->text, rc);
    ck_assert_msg(rc || (long long)time == c->seconds, "\"%s\": %lld", c->text, (long long)time);
    char back[ISO8601_BYTES];
    iso8601_time(time, back);
    ck_assert_msg(rc || strlen(c->text) != 20 || !strcmp(back, c->text), "%s", back);
}
END_TEST

/* ---- escaping ---- */

static const struct escape_case {
    const char *text;
    const char *escaped;
    size_t columns;
} escape_cases[] = {
    {"", "", 0},
    {"plain", "plain", 5},
    {"a\033[2Jb\r\n\x7f", "a\\x1b[2Jb\\x0d\\x0a\\x7f", 21},
    {"Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f", 4},
    {"\xe6\xbc\xa2", "\xe6\xbc\xa2", 2}, /* a wide character */
    {"\xc2\x9b"
     "31m",
     "\\xc2\\x9b31m", 11},                           /* CSI as one character */
    {"\xe2\x80\xaelive", "\\xe2\\x80\\xaelive", 16}, /* right-to-left override */
    {"x\xff\xc3", "x\\xff\\xc3", 9},                 /* not UTF-8 */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", 12},         /* a surrogate */
};

START_TEST(test_escape)
{
    const struct escape_case *c = &escape_cases[_i];
    size_t columns = 0;
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    char *escaped = tell_escape(c->text, &columns);
    ck_assert_str_eq(escaped, c->escaped);
    ck_assert_uint_eq(columns, c->columns);
    free(escaped);
}
END_TEST

START_TEST(test_escape_without_utf8)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C"));
    char *escaped = tell_escape("Gr\xc3\xbc", NULL);
    ck_assert_str_eq(escaped, "Gr\\xc3\\xbc");
    free(escaped);
}
END_TEST

/* ---- tables ---- */

static const struct column columns[] = {{"NAME", "name", CELL_TEXT},
                                        {"N", "n", CELL_INTEGER},
                                        {NULL, "hidden", CELL_BOOLEAN},
                                        {"LAST", "last", CELL_LIST},
                                        {NULL, NULL, CELL_TEXT}};

static struct table *make_table(void)
{
    char *items[] = {(char *)"x", (char *)"y"};
    struct table *table = table_new(columns);
    table_text(table, "Gr\xc3\xbc\xc3\x9f");
    table_integer(table, 7);
    table_boolean(table, true);
    table_list(table, items, 2);
    table_text(table, NULL);
    table_integer(table, 1234);
    table_boolean(table, false);
    table_list(table, NULL, 0);
    return table;
}

static char *print(struct table *table, bool json, int expected)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(table_print(table, json, out), expected);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(test_table)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    struct table *table = make_table();
    char *text = print(table, false, 0);
    ck_assert_str_eq(text, "NAME     N  LAST\n"
                           "Gr\xc3\xbc\xc3\x9f     7  x, y\n"
                           "-     1234  -\n");
    free(text);
    text = print(table, true, 0);
    json_t *json = json_loads(text, 0, NULL);
    json_t *expected =
        json_loads("[{\"name\": \"Gr\\u00fc\\u00df\", \"n\": 7, \"hidden\": true,"
                   "  \"last\": [\"x\", \"y\"]},"
                   " {\"name\": null, \"n\": 1234, \"hidden\": false, \"last\": []}]",
                   0, NULL);
    ck_assert_ptr_nonnull(expected);
    ck_assert_int_eq(json_equal(json, expected), 1);
    json_decref(json);
    json_decref(expected);
    free(text);
    table_free(&table);
    ck_assert_ptr_null(table);
}
END_TEST

START_TEST(test_table_that_is_wrong)
{
    struct table *half = make_table();
    table_text(half, "and no more");
    free(print(half, false, -1));
    table_free(&half);
    struct table *mixed = make_table();
    table_integer(mixed, 1); /* where a text belongs */
    free(print(mixed, true, -1));
    table_free(&mixed);
    struct table *empty = table_new(columns);
    char *text = print(empty, false, 0);
    ck_assert_str_eq(text, "");
    free(text);
    text = print(empty, true, 0);
    ck_assert_str_eq(text, "[]\n");
    free(text);
    table_free(&empty);
}
END_TEST

/* ---- messages ---- */

static const struct spool_options spools = {"/tmp", 1 << 20};
static const struct smime_limits limits = {.max_header_bytes = 4096, .max_message_bytes = 1 << 20};

static enum message_status read_bytes(const void *bytes, size_t length, struct entity *out,
                                      enum line_ends *ends, char **why)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fflush(file), 0);
    ck_assert_int_eq(lseek(fileno(file), 0, SEEK_SET), 0);
    enum message_status status = message_read(fileno(file), &spools, &limits, out, ends, why);
    fclose(file);
    return status;
}

static const struct message_case {
    const char *name;
    const char *input;
    enum line_ends ends;
    size_t fields;
    const char *body;
    const char *output; /* NULL: as the input */
} message_cases[] = {
    {"LF", "A: 1\nB: 2\n\nx\ny\n", LINE_ENDS_LF, 2, "x\r\ny\r\n", NULL},
    {"CRLF", "A: 1\r\n\r\nx\r\n", LINE_ENDS_CRLF, 1, "x\r\n", NULL},
    {"bare LF in CRLF", "A: 1\r\n\r\nx\ny\r\n", LINE_ENDS_CRLF, 1, "x\ny\r\n", NULL},
    {"CRLF in LF", "A: 1\n\nx\r\ny\n", LINE_ENDS_LF, 1, "x\r\ny\r\n", "A: 1\n\nx\ny\n"},
    {"bare CR", "A: 1\n\nx\ry\n", LINE_ENDS_LF, 1, "x\ry\r\n", NULL},
    {"CR at the end", "A: 1\n\nx\r", LINE_ENDS_LF, 1, "x\r", NULL},
    {"empty", "", LINE_ENDS_LF, 0, "", "\n"},
    {"only a body", "\nx\n", LINE_ENDS_LF, 0, "x\r\n", NULL},
    {"no header", "no field here\nx\n", LINE_ENDS_LF, 0, "no field here\r\nx\r\n",
     "\nno field here\nx\n"},
    {"mbox", "From x\nA: 1\n\nx\n", LINE_ENDS_LF, 1, "x\r\n", "A: 1\n\nx\n"},
    {"folded", "A: 1\n 2\n\t3\n\nx\n", LINE_ENDS_LF, 1, "x\r\n", NULL},
};

START_TEST(test_message)
{
    const struct message_case *c = &message_cases[_i];
    struct entity message;
    enum line_ends ends;
    char *why = NULL, *text = NULL, body[256] = "";
    size_t length = 0;
    ck_assert_int_eq(read_bytes(c->input, strlen(c->input), &message, &ends, &why), MESSAGE_OK);
    ck_assert_int_eq(ends, c->ends);
    ck_assert_uint_eq(message.header.count, c->fields);
    ck_assert_int_ge(spool_read(message.body, body, sizeof body - 1, 0), 0);
    ck_assert_str_eq(body, c->body);
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(message_write(&message.header, message.body, ends, out, &why), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_msg(!strcmp(text, c->output ? c->output : c->input), "%s: %s", c->name, text);
    free(text);
    entity_clear(&message);
    why_free(&why);
}
END_TEST

/* Line ends that fall on the borders of chunks: every shift of CRLF and of LF. */
START_TEST(test_message_on_chunk_borders)
{
    static const char *const line_end[] = {"\n", "\r\n"};
    size_t room = 200000;
    char *input = malloc(room), *body = malloc(room);
    ck_assert_ptr_nonnull(input);
    ck_assert_ptr_nonnull(body);
    for (size_t shift = 65520; shift < 65540; shift++) {
        const char *end = line_end[_i];
        int length = snprintf(input, room, "A: 1%s%s%*s%sx%s", end, end, (int)shift, "y", end, end);
        int expected = snprintf(body, room, "%*s\r\nx\r\n", (int)shift, "y");
        struct entity message;
        enum line_ends ends;
        char *why = NULL;
        ck_assert_int_eq(read_bytes(input, (size_t)length, &message, &ends, &why), MESSAGE_OK);
        ck_assert_int_eq(spool_size(message.body), expected);
        ck_assert_int_eq(spool_read(message.body, input, room, 0), expected);
        ck_assert_mem_eq(input, body, (size_t)expected);
        entity_clear(&message);
        why_free(&why);
    }
    free(input);
    free(body);
}
END_TEST

START_TEST(test_message_over_a_ceiling)
{
    size_t length = (1 << 20) + 1;
    char *bytes = malloc(length);
    ck_assert_ptr_nonnull(bytes);
    struct entity message;
    enum line_ends ends;
    char *why = NULL;
    memset(bytes, 'x', length);
    memcpy(bytes, "A: 1\r\n\r\n", 8);
    ck_assert_int_eq(read_bytes(bytes, length, &message, &ends, &why), MESSAGE_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(why_text(&why), "max_message_bytes"));
    ck_assert_int_eq(read_bytes(bytes, length - 1, &message, &ends, &why), MESSAGE_OK);
    entity_clear(&message);
    memset(bytes, 'x', 5000);
    memcpy(bytes, "A: ", 3);
    ck_assert_int_eq(read_bytes(bytes, 5000, &message, &ends, &why), MESSAGE_TOO_LARGE);
    ck_assert_ptr_null(message.body);
    why_free(&why);
    ck_assert_int_eq(message_read(-1, &spools, &limits, &message, &ends, &why), MESSAGE_ERROR);
    ck_assert_ptr_null(message.body);
    why_free(&why);
    free(bytes);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    Suite *suite = suite_create("smimectl text");
    TCase *tests = tcase_create("text");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, test_dates, 0, COUNT(date_cases));
    tcase_add_loop_test(tests, test_escape, 0, COUNT(escape_cases));
    tcase_add_test(tests, test_escape_without_utf8);
    tcase_add_test(tests, test_table);
    tcase_add_test(tests, test_table_that_is_wrong);
    tcase_add_loop_test(tests, test_message, 0, COUNT(message_cases));
    tcase_add_loop_test(tests, test_message_on_chunk_borders, 0, 2);
    tcase_add_test(tests, test_message_over_a_ceiling);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
