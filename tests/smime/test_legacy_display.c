/* A hidden Subject in the text of a message (RFC 9788 sections 2.1.2 and 5.2.2); Python's email
 * package reads what was made. */
#include <check.h>

#include "../test_entity.h"
#include "../test_openssl_cli.h"
#include "legacy_display.h"
#include "main_parts.h"
#include "test_run.h"
#include "why.h"

static const struct smime_progress nobody = {0};

/* The message with its display, as text; NULL where none is put in. free() */
static char *display(const char *text)
{
    struct entity message = entity_from(text, strlen(text));
    struct entity out;
    bool done = false;
    size_t length;
    char *made = NULL;
    char *why = NULL;
    ck_assert_msg(legacy_display_add(&message, &test_limits, &nobody, &out, &done, &why) ==
                      SMIME_OK,
                  "%s", why_text(&why));
    ck_assert_ptr_null(why);
    ck_assert_int_eq(done, out.body != NULL);
    if (done)
        made = entity_text(&out, &length);
    entity_clear(&message);
    entity_clear(&out);
    return made;
}

#define HEADER "From: alice@example.net\r\nSubject: Dinner plans\r\n"
#define MARK ";\r\n\thp-legacy-display=\"1\"\r\n"
#define LINE "Subject: Dinner plans\r\n\r\n"
#define DIV_BEGIN "\r\n<div class=\"header-protection-legacy-display\">\r\n<pre>Subject: "
#define DIV_END "</pre>\r\n</div>\r\n"
#define DIV DIV_BEGIN "Dinner plans" DIV_END

static const struct {
    const char *name;
    const char *text;
    const char *wanted; /* NULL: nothing is put in */
} cases[] = {
    /* RFC 9788 appendix E.1 */
    {"text", HEADER "Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\nLet's meet.\r\n",
     HEADER "Content-Type: text/plain; charset=\"us-ascii\"" MARK "\r\nSubject: Dinner plans\r\n"
            "\r\nLet's meet.\r\n"},
    /* E.2 */
    {"html",
     HEADER "Content-Type: text/html; charset=us-ascii\r\n\r\n"
            "<html><head><title></title></head><body>\r\n<p>Let's meet.</p></body></html>\r\n",
     HEADER "Content-Type: text/html; charset=us-ascii" MARK "\r\n"
            "<html><head><title></title></head><body>" DIV
            "\r\n<p>Let's meet.</p></body></html>\r\n"},
    {"html with attributes",
     HEADER "Content-Type: text/html\r\n\r\n<!-- <body> --><BODY a=\"<b>\" b='>'>x\r\n",
     HEADER "Content-Type: text/html" MARK "\r\n<!-- <body> --><BODY a=\"<b>\" b='>'>" DIV "x\r\n"},
    {"html fragment", HEADER "Content-Type: text/html\r\n\r\n<div>x</div>\r\n",
     HEADER "Content-Type: text/html" MARK "\r\n" DIV "<div>x</div>\r\n"},
    {"html without a body", HEADER "Content-Type: text/html\r\n\r\n<html><head></head>x\r\n", NULL},
    {"html that never ends", HEADER "Content-Type: text/html\r\n\r\n<body a=\"x\r\n", NULL},
    {"markup in the subject", "Subject: <b>&\"x\"\r\nContent-Type: text/html\r\n\r\n<body>x\r\n",
     "Subject: <b>&\"x\"\r\n"
     "Content-Type: text/html" MARK "\r\n<body>" DIV_BEGIN "&lt;b&gt;&amp;&quot;x&quot;" DIV_END
     "x\r\n"},
    {"no type", HEADER "\r\nLet's meet.\r\n",
     HEADER "Content-Type: text/plain; charset=us-ascii" MARK "\r\nSubject: Dinner plans\r\n\r\n"
            "Let's meet.\r\n"},
    {"an older display", HEADER "Content-Type: text/plain; hp-legacy-display=0\r\n\r\nx\r\n",
     HEADER "Content-Type: text/plain" MARK "\r\nSubject: Dinner plans\r\n\r\nx\r\n"},
    {"UTF-8",
     "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; "
     "charset=utf-8\r\n\r\nx\r\n",
     "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
     "Content-Type: text/plain; charset=utf-8" MARK "\r\nSubject: "
     "Gr\xc3\xbc\xc3\x9f\x65\r\n\r\nx\r\n"},
    {"Latin-1",
     "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=E2=82=AC?=\r\n"
     "Content-Type: text/plain; charset=iso-8859-1\r\n\r\nx\r\n",
     "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=E2=82=AC?=\r\n"
     "Content-Type: text/plain; charset=iso-8859-1" MARK "\r\nSubject: Gr\xfc\xdf\x65 "
     "?\r\n\r\nx"
     "\r\n"},
    {"quoted-printable",
     HEADER "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=\r\n=C3=9Fe\r\n",
     HEADER "Content-Type: text/plain; charset=utf-8" MARK "Content-Transfer-Encoding: "
            "base64\r\n\r\n"
            "U3ViamVjdDogRGlubmVyIHBsYW5z"
            "DQoNCkdyw7zDn2UNCg==\r\n"},
    {"base64",
     HEADER "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            "eA0K\r\n",
     HEADER "Content-Type: text/plain; charset=utf-8" MARK "Content-Transfer-Encoding: "
            "base64\r\n\r\nU3ViamVjdDogRGlubmVyIHBs"
            "YW5zDQoNCngNCg==\r\n"},
    {"not base64",
     HEADER "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n***\r\n", NULL},
    {"unknown encoding",
     HEADER "Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uu\r\n\r\nx\r\n", NULL},
    {"UTF-16", HEADER "Content-Type: text/plain; charset=utf-16\r\n\r\nx\r\n", NULL},
    {"UTF-7", HEADER "Content-Type: text/html; charset=utf-7\r\n\r\n<body>x\r\n", NULL},
    {"unknown charset", HEADER "Content-Type: text/plain; charset=klingon\r\n\r\nx\r\n", NULL},
    /* RFC 9788 section 1.9 */
    {"keywords",
     "Subject: Handling the Jones contract\r\nTo: alice@example.net\r\n"
     "Keywords: Contract,\r\n Urgent\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"
     "Please review\r\n",
     "Subject: Handling the Jones contract\r\nTo: alice@example.net\r\n"
     "Keywords: Contract,\r\n Urgent\r\nContent-Type: text/plain; charset=\"us-ascii\"" MARK
     "\r\nSubject: Handling the Jones contract\r\nKeywords: Contract, Urgent\r\n\r\n"
     "Please review\r\n"},
    {"several lines of HTML",
     "Comments: =?utf-8?q?a=0D=0A=0D=0Ab?=\r\nKeywords: <i>\r\nKeywords: \r\n"
     "Content-Type: text/html\r\n\r\n<body>x\r\n",
     "Comments: =?utf-8?q?a=0D=0A=0D=0Ab?=\r\nKeywords: <i>\r\nKeywords: \r\n"
     "Content-Type: text/html" MARK
     "\r\n<body>\r\n<div class=\"header-protection-legacy-display\">\r\n<pre>Comments: ab\r\n"
     "Keywords: &lt;i&gt;</pre>\r\n</div>\r\nx\r\n"},
    {"no subject", "Content-Type: text/plain\r\n\r\nx\r\n", NULL},
    {"empty subject", "Subject:  \r\nContent-Type: text/plain\r\n\r\nx\r\n", NULL},
    {"attachment",
     HEADER "Content-Type: text/plain\r\nContent-Disposition: ATTACHMENT; filename=x\r\n\r\nx\r\n",
     NULL},
    {"picture", HEADER "Content-Type: image/png\r\n\r\nx\r\n", NULL},
    {"two types", HEADER "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n", NULL},
    {"malformed type", HEADER "Content-Type: text/plain; charset=\"utf-8\r\n\r\nx\r\n", NULL},
    {"signed by PGP",
     HEADER "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", NULL},
    {"multipart without parts", HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n",
     NULL},
    {"mixed",
     HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
            "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\none\r\n--c\r\n"
            "Content-Type: text/html\r\nX-Kept: x\r\n\r\n<body>two</body>\r\n--c--\r\nbetween\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nthree\r\n--b--\r\nepilogue\r\n",
     HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
            "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n"
            "Content-Type: text/plain; charset=us-ascii" MARK "\r\n" LINE "one\r\n--c\r\n"
            "Content-Type: text/html" MARK "X-Kept: x\r\n\r\n<body>" DIV "two</body>\r\n--c--\r\n"
            "between\r\n--b\r\nContent-Type: text/plain\r\n\r\nthree\r\n--b--\r\nepilogue\r\n"},
};

START_TEST(main_parts_begin_with_the_subject)
{
    char *found = display(cases[_i].text);
    if (cases[_i].wanted == NULL)
        ck_assert_msg(found == NULL, "%s:\n%s", cases[_i].name, found);
    else
        ck_assert_msg(found != NULL && strcmp(found, cases[_i].wanted) == 0, "%s:\n%s\nwanted:\n%s",
                      cases[_i].name, found != NULL ? found : "nothing", cases[_i].wanted);
    free(found);
}
END_TEST

START_TEST(python_finds_it_in_every_alternative)
{
    static const char script[] =
        "import email, email.policy\n"
        "m = email.message_from_bytes(open('made', 'rb').read(), policy=email.policy.default)\n"
        "a, attached = m.iter_parts()\n"
        "plain, html = a.iter_parts()\n"
        "assert plain.get_param('hp-legacy-display') == '1'\n"
        "assert html.get_param('hp-legacy-display') == '1'\n"
        "assert attached.get_param('hp-legacy-display') is None\n"
        "lines = plain.get_content().splitlines()\n"
        "assert lines[:3] == ['Subject: Gr\\u00fc\\u00dfe', '', 'one'], lines\n"
        "assert '<body><div' in html.get_content().replace('\\r', '').replace('\\n', '')\n"
        "assert attached.get_content().strip() == 'three'\n";
    char *made = display("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
                         "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n"
                         "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n"
                         "Content-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: quoted-printable\r\n\r\none\r\n--c\r\n"
                         "Content-Type: text/html; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: base64\r\n\r\nPGJvZHk+dHdvPC9ib2R5Pg==\r\n"
                         "--c--\r\n--b\r\nContent-Type: text/plain\r\n\r\nthree\r\n--b--\r\n");
    ck_assert_ptr_nonnull(made);
    cli_write("made", made, strlen(made));
    cli_write("read.py", script, strlen(script));
    ck_assert_int_eq(cli_run("python3 read.py || { cat stderr; false; }"), 0);
    free(made);
}
END_TEST

/* Nesting and parts without end are passed over, not followed. */
START_TEST(structure_is_bounded)
{
    char text[16384] = HEADER "Content-Type: multipart/mixed; boundary=b0\r\n\r\n";
    size_t at = strlen(text);
    char *made;
    for (int i = 0; i < 100; i++)
        at += (size_t)sprintf(
            text + at, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i + 1);
    strcpy(text + at, "--b100\r\n\r\nx\r\n");
    ck_assert_ptr_null(display(text));
    strcpy(text, HEADER "Content-Type: multipart/alternative; boundary=b\r\n\r\n");
    at = strlen(text);
    for (int i = 0; i < 100; i++)
        at += (size_t)sprintf(text + at, "--b\r\n\r\nx\r\n");
    made = display(text);
    ck_assert_ptr_nonnull(made);
    at = 0;
    for (const char *p = made; (p = strstr(p, "hp-legacy-display")) != NULL; p++)
        at++;
    ck_assert_uint_eq(at, MAIN_PARTS_MAX);
    free(made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("legacy_display");
    TCase *tcase = tcase_create("legacy_display");
    int failed;
    cli_begin();
    tcase_add_loop_test(tcase, main_parts_begin_with_the_subject, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, python_finds_it_in_every_alternative);
    tcase_add_test(tcase, structure_is_bounded);
    suite_add_tcase(suite, tcase);
    failed = test_run(suite);
    cli_end();
    return failed;
}
