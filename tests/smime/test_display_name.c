/* Addresses in the display name of From (smime/display_name.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "display_name.h"
#include "test_entity.h"
#include "test_run.h"
#include "unseen_characters.h"

#define OWN "alice@example.com"
#define BOB "bob@partner.test"
#define NAMED(name) name " <" OWN ">"
/* In the middle of the address: at its end it would only end it. */
#define HIDDEN(utf8) NAMED("=?utf-8?q?bob=40part" utf8 "ner.test?=")

static const struct {
    const char *from;
    const char *shown; /* one behind the other, each with a blank behind */
} cases[] = {
    {OWN, ""},
    {NAMED("\"Alice\""), ""},
    {NAMED("\"" OWN "\""), ""},
    {NAMED("\"ALICE@Example.COM\""), ""},
    {NAMED("\"o'" OWN "\""), ""},
    {NAMED("\"mallory@example.com\""), "mallory@example.com "},
    {NAMED("\"m@x.test\""), "m@x.test "}, /* shorter than her own */
    {NAMED("\"alice@example.com.evil.test\""), "alice@example.com.evil.test "},
    {NAMED("\"" BOB "\""), BOB " "},
    {NAMED("\"" BOB " " OWN " carol@x.test\""), BOB " carol@x.test "},
    {NAMED("\"BOB@Partner.Test\""), BOB " "},
    {NAMED("\"bob@partner.test.\""), BOB " "},
    {NAMED("\"bob@partner.test--\""), BOB " "},
    {NAMED("\"...bob@partner.test\""), BOB " "},
    {NAMED("\"+-_bob+x@partner.test\""), "bob+x@partner.test "},
    {NAMED("\"(bob@partner.test)\""), BOB " "},
    {NAMED("\"bob@partner\""), ""},
    {NAMED("\"@partner.test\""), ""},
    {NAMED("\"bob..b@partner..test\""), "bob..b@partner..test "}, /* is none for a program */
    {"x <" OWN ">, \"" BOB "\" <carol@x.test>", BOB " carol@x.test "},
    {HIDDEN("=E2=80=89"), BOB " "},                             /* thin space */
    {HIDDEN("=E2=80=8A"), BOB " "},                             /* hair space */
    {HIDDEN("=E2=80=AF"), BOB " "},                             /* narrow no-break space */
    {HIDDEN("=E2=A0=80"), BOB " "},                             /* blank of Braille */
    {HIDDEN("=EF=BF=BC"), BOB " "},                             /* place of an object */
    {HIDDEN("=01"), BOB " "},                                   /* control characters */
    {HIDDEN("=C2=85"), BOB " "},                                /* ... those of Latin-1 */
    {HIDDEN("=E2=83=9D"), BOB " "},                             /* enclosing circle */
    {NAMED("=?utf-8?q?bob=EF=BC=A0partner=2Etest?="), BOB " "}, /* full width */
    {NAMED("=?utf-8?q?bob=EF=B9=ABpartner=EF=BC=8Etest?="), BOB " "},
    {NAMED("=?utf-8?q?bob=40partner=E3=80=82test?="), BOB " "}, /* ideographic full stop */
    /* Programs read more than GMime does. */
    {NAMED("=?utf-8?b?Ym9iQA==?= =?utf-8?b?cGFydG5lci50ZXN0?="), BOB " "},
    {NAMED("=?utf-8?b?Ym9iQA?= =?utf-8?b?cGFydG5lci50ZXN0?="), BOB " "},
    {NAMED("=?utf-8?b?Ym9iQA==cGFydG5lci50ZXN0?="), BOB " "},
    {NAMED("=?utf-8?b?Ym9iQHBh=cnRuZXIudGVzdA?="), BOB " "},
    {NAMED("=?utf-8?b?Ym9iQ=HBhcnRuZXIudGVzdA?="), BOB " "},
    {NAMED("=?utf-8?q?x=00_bob=40partner.test?="), BOB " "},
    {NAMED("=?utf-16?b?AGIAbwBiAEAAcABhAHIAdABuAGUAcgAuAHQAZQBzAHQ=?="), BOB " "},
    {NAMED("=?utf-16?b?YgBvAGIAQABwAGEAcgB0AG4AZQByAC4AdABlAHMAdAA=?="), BOB " "},
    {NAMED("=?x-nobody-knows?q?bob=40partner.test?="), BOB " "},
    {NAMED("=?utf-8?q?=E2=80=AEtset.rentrap=40bob?="), "bob@partner.test "}, /* turned round */
    {NAMED("=?utf-8?q?tset.rentrap=40bob?="), ""},
    {OWN " (=?utf-8?q?bob=40partner.test?=)", BOB " "},
    {"<" OWN "> (=?utf-8?q?bob=40partner.test?=)", BOB " "},
    {NAMED("Alice (=?utf-8?q?bob=40partner.test?=)"), BOB " "},
};

/* What `from` shows, as `shown` above; free(). */
static char *shown_by(const char *from)
{
    char *text = NULL;
    char *out = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&out, &length);
    struct mailboxes mailboxes;
    struct entity entity;
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_gt(asprintf(&text, "From: %s\r\n\r\n", from), 0);
    entity = entity_from(text, strlen(text));
    ck_assert_int_eq(display_name_addresses(&entity.header, OWN, &mailboxes), 0);
    for (size_t i = 0; i < mailboxes.count; i++)
        fprintf(stream, "%s ", mailboxes.items[i]);
    ck_assert_int_eq(fclose(stream), 0);
    mailboxes_clear(&mailboxes);
    entity_clear(&entity);
    free(text);
    return out;
}

START_TEST(shown)
{
    char *found = shown_by(cases[_i].from);
    ck_assert_msg(strcmp(found, cases[_i].shown) == 0, "%s: '%s'", cases[_i].from, found);
    free(found);
}
END_TEST

static void try_unseen(const char *character)
{
    char *from = NULL;
    char *found;
    ck_assert_int_gt(asprintf(&from, NAMED("\"bob@part%sner.test\""), character), 0);
    found = shown_by(from);
    ck_assert_msg(strcmp(found, BOB " ") == 0, "%s: '%s'", from, found);
    free(found);
    free(from);
}

START_TEST(what_nobody_sees_hides_nothing)
{
    unseen_characters_try(try_unseen);
}
END_TEST

/* `filling`, in quoted-printable, of some bytes, and behind it Bob's address; free(). */
static char *filled(const char *filling, size_t bytes)
{
    char *text = malloc(bytes + strlen(filling) + 100);
    char *put = text;
    ck_assert_ptr_nonnull(text);
    for (put = stpcpy(put, "=?utf-8?q?x"); (size_t)(put - text) < bytes;)
        put = stpcpy(put, filling);
    strcpy(put, "_bob=40partner.test?= <" OWN ">");
    return text;
}

/* However much stands before an address: what people read is looked at. */
START_TEST(long_names)
{
    static const struct {
        const char *filling;
        size_t bytes;
        const char *shown;
    } names[] = {
        {"x", 1900, BOB " "},
        {"_", 100000, BOB " "},
        {"=E2=80=8B", 100000, BOB " "}, /* without width */
        {"=CC=81", 100000, BOB " "},    /* accents */
        {"x", 100000, ""},
        {"=F0=9D=85=A5=F0=9D=85=AD", 900000, ""}, /* stems of notes, to be put in order */
    };
    char *from = filled(names[_i].filling, names[_i].bytes);
    char *found = shown_by(from);
    ck_assert_str_eq(found, names[_i].shown);
    free(found);
    free(from);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("display_name");
    TCase *tests = tcase_create("names");
    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, shown, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tests, what_nobody_sees_hides_nothing);
    tcase_add_loop_test(tests, long_names, 0, 6);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
