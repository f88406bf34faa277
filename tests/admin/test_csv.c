/* Comma-separated values: what programs write, and what is broken. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "test_run.h"
#include "why.h"

/* Records as "line:a|b|c", refused ones as "line!", the end of a file that cannot be read as "E".
 */
static char *read_all(const char *bytes, size_t length, char **why)
{
    char *text = malloc(length + 1), *out = calloc(1, 4096);
    ck_assert(text && out);
    memcpy(text, bytes, length);
    text[length] = '\0';
    struct csv *csv = csv_new(text, length);
    ck_assert_ptr_nonnull(csv);
    struct csv_record record;
    enum csv_status status;
    while ((status = csv_next(csv, &record, why)) != CSV_END) {
        char *end = out + strlen(out);
        if (status == CSV_ERROR) {
            strcat(end, "E");
            break;
        }
        end += sprintf(end, "%zu%s", record.line, status == CSV_REFUSED ? "!" : ":");
        for (size_t i = 0; status == CSV_OK && i < record.count; i++) {
            end += sprintf(end, "%s%s", i ? "|" : "", record.fields[i]);
        }
        strcat(end, ";");
    }
    csv_free(&csv);
    free(text);
    return out;
}

static const struct text_case {
    const char *name;
    const char *text;
    const char *wanted;
} text_cases[] = {
    {"empty", "", ""},
    {"one field", "a", "1:a;"},
    {"RFC 4180", "a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
    {"LF alone", "a,b\nc,d", "1:a|b;2:c|d;"},
    {"empty fields", ",,\n,", "1:||;2:|;"},
    {"empty lines", "\na\r\n\r\n\nb\n", "2:a;5:b;"},
    {"semicolons", "a;b,c\nd;e", "1:a|b,c;2:d|e;"},
    {"tabulators", "a\tb\nc,d\te", "1:a|b;2:c,d|e;"},
    {"byte order mark",
     "\xef\xbb\xbf"
     "a,b\n",
     "1:a|b;"},
    {"announced separator", "sep=;\r\na;b,c\r\n", "2:a|b,c;"},
    {"announced with a mark", "\xef\xbb\xbfSEP=\t\na\tb\n", "2:a|b;"},
    {"quotes", "\"a\",\"b\"\n", "1:a|b;"},
    {"a comma in quotes", "\"a,b\",c\n", "1:a,b|c;"},
    {"quotes in quotes", "\"a\"\"b\",\"\"\"\"\n", "1:a\"b|\";"},
    {"empty quotes", "\"\",\"\"", "1:|;"},
    {"a line end in quotes", "\"a\r\nb\",c\nd,e\n", "1:a\r\nb|c;3:d|e;"},
    {"UTF-8", "J\xc3\xb6rg,\xf0\x9f\x90\xb4\n", "1:J\xc3\xb6rg|\xf0\x9f\x90\xb4;"},
    {"blanks stay", " a , b \n", "1: a | b ;"},
    {"quotes inside", "a,b\nx\"y,z\nc,d\n", "1:a|b;2!;3:c|d;"},
    {"text behind quotes", "a,b\n\"x\"y,z\nc,d\n", "1:a|b;2!;3:c|d;"},
    {"open quotes", "a,b\n\"x,y\nz\n", "1:a|b;2!;"},
    {"a carriage return inside", "a\rb,c\nd,e\n", "1!;2:d|e;"},
    {"UTF-16",
     "\xff\xfe"
     "a\n",
     "E"},
    {"Latin-1", "a\nJ\xf6rg\n", "E"},
    {"a surrogate", "\xed\xa0\x80", "E"},
    {"an overlong character", "\xc0\xaf", "E"},
    {"a cut character", "\xc3", "E"},
};

START_TEST(reads)
{
    const struct text_case *c = &text_cases[_i];
    char *why = NULL;
    char *found = read_all(c->text, strlen(c->text), &why);
    ck_assert_msg(!strcmp(found, c->wanted), "%s: \"%s\" instead of \"%s\"", c->name, found,
                  c->wanted);
    ck_assert_msg(!strpbrk(c->wanted, "!E") == !why, "%s: %s", c->name, why_text(&why));
    free(found);
    why_free(&why);
}
END_TEST

START_TEST(refuses_nul)
{
    char *why = NULL;
    char *found = read_all("a,b\nc\0d", 7, &why);
    ck_assert_str_eq(found, "E");
    ck_assert_ptr_nonnull(strstr(why_text(&why), "line 2"));
    free(found);
    why_free(&why);
}
END_TEST

START_TEST(counts_fields)
{
    char text[CSV_MAX_FIELDS + 8], *why = NULL;
    memset(text, ',', CSV_MAX_FIELDS - 1); /* one field more than separators */
    char *found = read_all(text, CSV_MAX_FIELDS - 1, &why);
    ck_assert_ptr_null(why);
    ck_assert_uint_eq(strlen(found), CSV_MAX_FIELDS - 1 + 3);
    free(found);
    memset(text, ',', CSV_MAX_FIELDS);
    found = read_all(text, CSV_MAX_FIELDS, &why);
    ck_assert_str_eq(found, "1!;");
    free(found);
    why_free(&why);
}
END_TEST

/* ---- The header ---- */

static const struct csv_column columns[] = {
    {{"address", "mailbox"}, true, false}, {{"aliases"}, false, true}, {{"never"}, false, false}};

static const struct header_case {
    const char *text;
    const char *wanted; /* digits of the map; NULL: refused */
    const char *why;
} header_cases[] = {
    {"address", "0", NULL},
    {"Aliases, MAILBOX ,aliases,never", "1012", NULL},
    {"aliases", NULL, "\"address\" is missing"},
    {"address,alises", NULL,
     "no column \"alises\"; the first line names the columns: address, "
     "aliases and never"},
    {"address,mailbox", NULL, "\"address\" stands there twice"},
    {"alice@example.com", NULL, "no column \"alice@example.com\""},
    {"address,", NULL, "no column \"\""},
};

START_TEST(maps_headers)
{
    const struct header_case *c = &header_cases[_i];
    char text[128], *why = NULL;
    size_t map[CSV_MAX_FIELDS];
    struct csv_record header;
    strcpy(text, c->text);
    struct csv *csv = csv_new(text, strlen(text));
    ck_assert_int_eq(csv_next(csv, &header, &why), CSV_OK);
    int rc = csv_map_header(&header, columns, 3, map, &why);
    ck_assert_msg((rc == 0) == (c->wanted != NULL), "%s: %s", c->text, why_text(&why));
    for (size_t i = 0; c->wanted && c->wanted[i]; i++) {
        ck_assert_uint_eq(map[i], (size_t)(c->wanted[i] - '0'));
    }
    ck_assert_msg(!c->why || strstr(why_text(&why), c->why), "%s: %s", c->text, why_text(&why));
    csv_free(&csv);
    why_free(&why);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    Suite *suite = suite_create("admin/csv");
    TCase *tests = tcase_create("csv");
    tcase_add_loop_test(tests, reads, 0, COUNT(text_cases));
    tcase_add_test(tests, refuses_nul);
    tcase_add_test(tests, counts_fields);
    tcase_add_loop_test(tests, maps_headers, 0, COUNT(header_cases));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
