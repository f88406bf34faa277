/* Messages made inert (smime/defang.h), judged by Python's MIME and HTML parsers, and which ones
 * are (smime/incoming.h). */
#include "incoming_fixture.h"

#include "decode.h"
#include "defang.h"
#include "defang_leaf.h"
#include "inert_check.h"

#define IMG "<img src=\"http://evil.test/?VISIBLE\">VISIBLE"
#define HTML_PART "Content-Type: text/html\r\n\r\n" IMG "\r\n"
#define MIXED(parts) "Content-Type: multipart/mixed; boundary=b\r\n\r\n" parts "--b--\r\n"
#define PART(part) "--b\r\n" part "\r\n"

/* Each has the word VISIBLE in what a reader sees, or in a file. */
static const struct {
    const char *name;
    const char *entity;
    const char *wanted; /* in the result */
} hostile[] = {
    {"text", "Content-Type: text/plain\r\n\r\n" IMG, IMG},
    {"no type at all", "\r\n" IMG, IMG},
    {"HTML", HTML_PART, "<html><body>\r\nVISIBLE"},
    {"HTML, in base64",
     "Content-Type: TEXT/HTML; charset=x-unknown\r\nContent-Transfer-Encoding: base64\r\n\r\n"
     "PGltZyBzcmM9aHR0cDovL2V2aWwudGVzdC8+VklTSUJMRQ==\r\n",
     "<html><body>\r\nVISIBLE"},
    {"HTML, in broken base64",
     "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
     "PGltZyBzcmM9aHR0cDovL2V2aWwudGVzdC8+VklTSUJMRS4uLg\r\n!",
     "<html><body>\r\nVISIBLE"},
    {"HTML, in quoted-printable",
     "Content-Type: text/html; charset=iso-8859-1\r\n"
     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
     "<img src=3D'http://evil.test/'>VIS=\r\nIBLE =FC =zz\r\n",
     "VISIBLE &#252;"},
    {"HTML in UTF-7",
     "Content-Type: text/html; charset=utf-7\r\n\r\nVISIBLE+ADw-img src+AD0-x+AD4-\r\n", "VISIBLE"},
    {"HTML in UTF-16",
     "Content-Type: text/html; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\n"
     "PABpAG0AZwAgAHMAcgBjAD0AeAA+AFYASQBTAEkAQgBMAEUA\r\n",
     "VISIBLE"},
    {"HTML with an unknown encoding",
     "Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n" IMG, "VISIBLE"},
    {"XHTML", "Content-Type: application/xhtml+xml\r\n\r\n" IMG, "<html><body>\r\nVISIBLE"},
    {"HTML as a file",
     "Content-Type: text/html\r\nContent-Disposition: attachment; filename=x.html\r\n\r\n" IMG,
     "<html><body>\r\nVISIBLE"},
    {"SVG", "Content-Type: image/svg+xml; name=x.svg\r\n\r\n<svg>VISIBLE</svg>", "x.svg.txt"},
    {"XML", "Content-Type: text/xml\r\n\r\n<x>VISIBLE</x>", "application/octet-stream"},
    {"enriched text", "Content-Type: text/enriched\r\n\r\n<x-img>VISIBLE", "attachment"},
    {"an invitation", "Content-Type: text/calendar; method=REQUEST\r\n\r\nATTACH:http://e/VISIBLE",
     "application/octet-stream"},
    {"a file under the name of a page",
     "Content-Type: application/octet-stream; name=\"a.HTML. \"\r\n\r\nVISIBLE", "a.HTML.txt"},
    {"a name with a direction",
     "Content-Type: application/x; name*=utf-8''a%E2%80%AElmth.x%2Fb%00.eml\r\n\r\nVISIBLE",
     "filename=\"almth.x_b\""},
    {"text under the name of a page",
     "Content-Type: text/plain\r\nContent-Disposition: inline; filename=x.htm\r\n\r\nVISIBLE",
     "x.htm.txt"},
    {"winmail.dat", "Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\nVISIBLE",
     "winmail.dat.txt"},
    {"S/MIME inside a part",
     MIXED(PART("Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\nVISIBLE")),
     "smime.p7m.txt"},
    {"a detached body",
     "Content-Type: message/external-body; access-type=URL; URL=\"http://e/\"\r\n\r\n"
     "Content-Type: text/html\r\n\r\nVISIBLE",
     "application/octet-stream"},
    {"a piece of a message", "Content-Type: message/partial; id=x; number=1\r\n\r\nVISIBLE",
     "application/octet-stream"},
    {"several parts", MIXED(PART(HTML_PART) PART("Content-Type: image/png\r\n\r\nVISIBLE")),
     "Content-Type: image/png"},
    {"alternatives",
     "Content-Type: multipart/alternative; boundary=b\r\n\r\n" PART("\r\nVISIBLE") PART(HTML_PART)
         PART("Content-Type: text/x-amp-html\r\n\r\nx") "--b--\r\n",
     "multipart/alternative"},
    {"related",
     "Content-Type: multipart/related; boundary=b; start=\"<2>\"\r\n\r\n" PART(HTML_PART)
         PART("Content-ID: <2>\r\nContent-Location: http://e/\r\nContent-Type: "
              "image/svg+xml\r\n\r\nx") "--b--\r\n",
     "multipart/mixed"},
    {"a part with a base",
     MIXED(PART("Content-Base: http://e/\r\nContent-Location: x\r\n" HTML_PART)),
     "<html><body>\r\nVISIBLE"},
    {"a message in it",
     "Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\nX-Image-URL: http://e/\r\nSubject: "
     "VISIBLE\r\n"
     "List-Unsubscribe: <http://e/>\r\n" HTML_PART,
     "Subject: VISIBLE\r\n"},
    {"a digest",
     "Content-Type: multipart/digest; boundary=b\r\n\r\n" PART(
         "\r\nSubject: VISIBLE\r\n" HTML_PART) "--b--\r\n",
     "message/rfc822"},
    {"an encoded message in it",
     "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nVISIBLE",
     "application/octet-stream"},
    {"an encoded multipart",
     "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: "
     "base64\r\n\r\nVISIBLE",
     "application/octet-stream"},
    {"a preamble and an epilogue",
     "Content-Type: multipart/mixed; boundary=b\r\n\r\n" IMG
     "\r\n" PART("\r\nVISIBLE") "--b--\r\n" IMG,
     "VISIBLE"},
    {"two boundaries",
     "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--c\r\n" HTML_PART
     "--c--\r\n--b\r\n\r\nVISIBLE\r\n--b--\r\n",
     "text/plain"},
    {"two types", "Content-Type: text/plain\r\n" HTML_PART, "text/plain"},
    {"two types, the other way round",
     "Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n" IMG, "text/plain"},
    {"a character set that is too long",
     "Content-Type: text/plain; charset=a2345678901234567890123456789012345678901\r\n\r\nVISIBLE",
     "text/plain\r\n"},
    {"no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n" HTML_PART, "text/plain"},
    {"a boundary that never comes", "Content-Type: multipart/mixed; boundary=x\r\n\r\n" IMG,
     "text/plain"},
    {"signed inside",
     "Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-"
     "signature\"\r\n\r\n" PART(HTML_PART)
         PART("Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nx") "--b--\r\n",
     "smime.p7s.txt"},
    {"a strange character set", "Content-Type: text/plain; charset=\"a b\\\"; x=y\"\r\n\r\nVISIBLE",
     "text/plain\r\n"},
    {"a comment in the type", "Content-Type: text(x)/(y)html(z)\r\n\r\n" IMG, "VISIBLE"},
    {"rubbish for a type", "Content-Type: \x01;;;\"\r\n\r\n" IMG, "VISIBLE"},
    {"a type that begins like another", "Content-Type: text/html5\r\n\r\n" IMG,
     "application/octet-stream"},
    {"Mac archives",
     "Content-Type: multipart/appledouble; boundary=b\r\n\r\n" PART(
         "Content-Type: application/applefile; name=x.webarchive\r\n\r\nVISIBLE") "--b--\r\n",
     "application/octet-stream"},
    {"bytes of all kinds", "Content-Type: text/plain\r\n\r\nVISIBLE\x80\xff\x01\r\r\n\n",
     "VISIBLE"},
};

#define HOSTILE (int)(sizeof hostile / sizeof *hostile)

static struct bytes defanged_with(const char *entity, size_t length,
                                  const struct smime_limits *limits)
{
    static const struct smime_progress nobody = {0};
    struct entity in = entity_from(entity, length);
    struct view view = {&in.header, in.body, 0, spool_size(in.body)};
    struct spool *out = spool_new(&test_spool_options);
    struct bytes made;
    char *why = NULL;
    ck_assert_msg(defang(&view, limits, &nobody, out, &why) == SMIME_OK, "%s", why_text(&why));
    made.data = entity_spool_text(out, &made.length);
    spool_free(&out);
    entity_clear(&in);
    return made;
}

static struct bytes defanged(const char *entity)
{
    return defanged_with(entity, strlen(entity), &test_limits);
}

START_TEST(nothing_active_is_left)
{
    struct bytes made = defanged(hostile[_i].entity);
    ck_assert_msg(strstr(made.data, hostile[_i].wanted) != NULL, "%s: %s", hostile[_i].name,
                  made.data);
    ck_assert_msg(strstr(made.data, "VISIBLE") != NULL || strstr(made.data, "VIS=") != NULL,
                  "%s: %s", hostile[_i].name, made.data);
    ck_assert_msg(inert_check(made.data, made.length, ".eml"), "%s: %s", hostile[_i].name,
                  made.data);
    bytes_free(&made);
}
END_TEST

START_TEST(the_judge_sees_what_is_active)
{
    static const char *const active[] = {HTML_PART, "Content-Type: image/svg+xml\r\n\r\nx",
                                         "Content-Type: application/octet-stream\r\n\r\nx",
                                         MIXED(PART("Content-ID: <x>\r\n\r\nx")),
                                         "Content-Type: text/plain; name=x.html\r\n\r\nx"};
    for (size_t i = 0; i < sizeof active / sizeof *active; i++)
        ck_assert_msg(!inert_check(active[i], strlen(active[i]), ".eml"), "%s", active[i]);
}
END_TEST

/* The bytes of a file and of a text are as they were. */
START_TEST(files_and_texts_are_kept)
{
    struct bytes made =
        defanged(MIXED(PART("Content-Type: text/plain; charset=utf-8; format=flowed\r\n"
                            "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe")
                           PART("Content-Type: application/pdf; name=\"a b.pdf\"\r\n"
                                "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=")));
    assert_contains(made.data,
                    "Content-Type: text/plain; charset=utf-8; format=flowed\r\n"
                    "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n");
    assert_contains(made.data, "Content-Type: application/octet-stream\r\n"
                               "Content-Transfer-Encoding: base64\r\n"
                               "Content-Disposition: attachment;\r\n filename=\"a b.pdf\"\r\n\r\n"
                               "JVBERi0=\r\n");
    bytes_free(&made);
}
END_TEST

START_TEST(names)
{
    static const struct {
        const char *name;
        const char *expected;
    } cases[] = {
        {NULL, "file.bin"},
        {"", "file.bin"},
        {" . ", "file.bin"},
        {"report.pdf", "report.pdf"},
        {"../../etc/passwd", ".._.._etc_passwd"},
        {"C:\\x.txt", "C__x.txt"},
        {"page.html", "page.html.txt"},
        {"page.HtMl... ", "page.HtMl.txt"},
        {"page.html\n", "page.html.txt"},
        {"page.html\xc2\xa0", "page.html.txt"},      /* no-break space */
        {"page.html\xe3\x80\x80.", "page.html.txt"}, /* ideographic space */
        {"page.html\xe3\x85\xa4", "page.html.txt"},  /* Hangul filler */
        {"query.IQY", "query.IQY.txt"},
        {"x.library-ms", "x.library-ms.txt"},
        {"list.m3u8", "list.m3u8.txt"},
        {"gr\xc3\xbc\xc3\x9f"
         "e.svg",
         "gr\xc3\xbc\xc3\x9f"
         "e.svg.txt"},
        {"a\xe2\x80\xae"
         "b.\xe2\x80\x8bhtml",
         "ab.html.txt"},
        {"\xff.doc", "\xef\xbf\xbd.doc"},
        {"WINMAIL.DAT", "WINMAIL.DAT.txt"},
        /* The end of a name says what it is. */
        {"x1234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "012345678901.html.pdf",
         "1234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "012345678901.html.pdf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = defang_name(cases[i].name);
        ck_assert_str_eq(name, cases[i].expected);
        free(name);
    }
}
END_TEST

/* What is over a ceiling is shown as its source, or becomes a file. */
START_TEST(ceilings)
{
    struct smime_limits limits = test_limits;
    struct bytes text = bytes_text("Content-Type: text/html\r\n\r\n");
    struct bytes made;
    while (text.length < (size_t)300 * 1024)
        bytes_puts(&text, IMG "\r\n");
    made = defanged_with(text.data, text.length, &limits);
    assert_contains(made.data, "Content-Type: text/plain\r\n");
    bytes_free(&made);
    bytes_free(&text);
    limits.max_parts = 2;
    text = bytes_text(MIXED(PART("\r\na") PART("\r\nb") PART("\r\nc")));
    made = defanged_with(text.data, text.length, &limits);
    assert_contains(made.data, "Content-Type: application/octet-stream\r\n");
    bytes_free(&made);
    bytes_free(&text);
    /* Parts are counted wherever they stand. */
    limits.max_parts = 3;
    text = bytes_text(MIXED(PART("\r\na") PART("Content-Type: multipart/mixed; boundary=c\r\n\r\n"
                                               "--c\r\n\r\nb\r\n--c\r\n\r\nc\r\n--c--\r\n")));
    made = defanged_with(text.data, text.length, &limits);
    assert_contains(made.data, "Content-Type: application/octet-stream\r\n");
    bytes_free(&made);
    limits.max_parts = 4;
    made = defanged_with(text.data, text.length, &limits);
    ck_assert_ptr_null(strstr(made.data, "octet-stream"));
    bytes_free(&made);
    bytes_free(&text);
    text = bytes_text("Content-Type: message/rfc822\r\n\r\n" MIXED(PART("\r\na") PART("\r\nb")));
    limits.max_parts = 2;
    made = defanged_with(text.data, text.length, &limits);
    assert_contains(made.data, "Content-Type: application/octet-stream\r\n");
    bytes_free(&made);
    bytes_free(&text);
    text = bytes_text("");
    for (int i = 0; i < 100; i++)
        bytes_puts(&text, "Content-Type: message/rfc822\r\n\r\n");
    bytes_puts(&text, HTML_PART);
    made = defanged_with(text.data, text.length, &test_limits);
    assert_contains(made.data, "Content-Type: application/octet-stream\r\n");
    ck_assert(inert_check(made.data, made.length, ".eml"));
    bytes_free(&made);
    bytes_free(&text);
}
END_TEST

/* All HTML of a message together has a ceiling as well: what is over it is shown as its source. */
START_TEST(much_html)
{
    enum { PARTS = 5, PART_BYTES = 250 * 1024 };
    struct bytes text = bytes_text("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    struct bytes part = bytes_text(PART("Content-Type: text/html\r\n"));
    struct bytes made;
    size_t pages = 0;
    size_t sources = 0;
    while (part.length < PART_BYTES)
        bytes_puts(&part, "VISIBLE of a long line of text that goes on and on, for sixty-four\r\n");
    for (int i = 0; i < PARTS; i++)
        bytes_add(&text, part.data, part.length);
    bytes_puts(&text, "--b--\r\n");
    made = defanged(text.data);
    for (const char *at = made.data; (at = strstr(at, "Content-Type: text/")) != NULL; at++)
        *(strncmp(at, "Content-Type: text/html", 23) == 0 ? &pages : &sources) += 1;
    ck_assert_uint_eq(pages, 4);
    ck_assert_uint_eq(sources, 1);
    bytes_free(&made);
    bytes_free(&part);
    bytes_free(&text);
}
END_TEST

/* ---- Which messages are made inert ---- */

static struct bytes signed_html(const char *arguments)
{
    return signed_entity(HTML_PART, arguments);
}

enum inside {
    PLAIN_INSIDE,
    SIGNED_INSIDE,
    OPAQUE_INSIDE,
    STRANGER_INSIDE,
    BROKEN_INSIDE,
    GCM_INSIDE
};

static struct bytes make_inside(enum inside inside)
{
    struct bytes out;
    switch (inside) {
    case SIGNED_INSIDE:
        return signed_html(SIGN_ALICE);
    case OPAQUE_INSIDE:
        return opaque_entity(HTML_PART, SIGN_ALICE);
    case STRANGER_INSIDE:
        return signed_html("-sign -signer eve.pem -inkey eve.key -md sha256");
    case BROKEN_INSIDE:
        out = signed_html(SIGN_ALICE);
        bytes_replace(&out, "VISIBLE", "VISIBLY");
        return out;
    case GCM_INSIDE:
        return encrypted_entity(bytes_text(HTML_PART), "-encrypt -aes-256-gcm -recip bob.pem");
    case PLAIN_INSIDE:
        break;
    }
    return bytes_text(HTML_PART);
}

static const struct {
    const char *cipher;
    enum inside inside;
    bool unauthenticated;
} kinds[] = {
    {ENCRYPT_BOB, PLAIN_INSIDE, true},
    {ENCRYPT_BOB, SIGNED_INSIDE, false},
    {ENCRYPT_BOB, OPAQUE_INSIDE, false},
    {ENCRYPT_BOB, STRANGER_INSIDE, true},
    {ENCRYPT_BOB, BROKEN_INSIDE, true},
    {ENCRYPT_BOB, GCM_INSIDE, false},
    {"-encrypt -aes-256-gcm -recip bob.pem", PLAIN_INSIDE, false},
    {"-encrypt -aes-256-gcm -recip bob.pem", STRANGER_INSIDE, false},
};

START_TEST(only_what_could_have_been_altered)
{
    struct open_request request = default_request();
    struct opened opened;
    struct bytes text;
    request.defang = true;
    opened =
        open_with(message_of("alice@example.com",
                             encrypted_entity(make_inside(kinds[_i].inside), kinds[_i].cipher)),
                  &request);
    assert_encryption(&opened, ENCRYPTION_DECRYPTED);
    ck_assert_int_eq(opened.unauthenticated, kinds[_i].unauthenticated);
    ck_assert_int_eq(opened.defanged, kinds[_i].unauthenticated);
    text = delivered(&opened);
    assert_contains(text.data, "\r\nSubject: Test\r\n");
    ck_assert_int_eq(strstr(text.data, "<html><body>") != NULL, kinds[_i].unauthenticated);
    if (kinds[_i].unauthenticated)
        ck_assert_msg(inert_check(text.data, text.length, ".eml"), "%s", text.data);
    else if (kinds[_i].inside != OPAQUE_INSIDE)
        assert_contains(text.data, "evil.test");
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* A signature around ciphertext says nothing of it: whoever altered it signs it again. */
START_TEST(a_signature_outside_is_no_help)
{
    struct bytes encrypted = encrypted_entity(bytes_text(HTML_PART), ENCRYPT_BOB);
    struct open_request request = default_request();
    struct opened opened;
    request.defang = true;
    opened = open_with(message_of("alice@example.com", signed_entity(encrypted.data, SIGN_ALICE)),
                       &request);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert(opened.unauthenticated && opened.defanged);
    bytes_free(&encrypted);
    opened_clear(&opened);
}
END_TEST

/* Ciphertext on which our key was tried in vain is as doubtful as one that it opens. */
START_TEST(failures_are_doubtful_too)
{
    struct bytes der = cms_of_text(HTML_PART, ENCRYPT_BOB);
    struct opened opened;
    der.data[der.length - 20] ^= 1; /* the last block but one: padding */
    der.data[der.length - 17] ^= 1;
    opened = open_message(message_of("alice@example.com", wrap_cms(der, "enveloped-data")));
    ck_assert(opened.unauthenticated && !opened.defanged);
    opened_clear(&opened);
    opened = open_message(message_of(
        "alice@example.com", encrypted_entity(bytes_text(HTML_PART), "-encrypt -recip ca.pem")));
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened.unauthenticated); /* no key of ours was used */
    opened_clear(&opened);
}
END_TEST

/* The message that was wrapped to protect its header (RFC 8551 section 3.1) is no attached one. */
START_TEST(wrapped_messages)
{
    struct open_request request = default_request();
    struct opened opened;
    struct bytes text;
    request.defang = true;
    request.restore_headers = _i == 1;
    opened = open_with(
        message_of("alice@example.com", encrypted_entity(bytes_text("Content-Type: message/rfc822; "
                                                                    "forwarded=no\r\n\r\n"
                                                                    "From: alice@example.com\r\n"
                                                                    "Subject: real\r\n" HTML_PART),
                                                         ENCRYPT_BOB)),
        &request);
    ck_assert(opened.defanged);
    text = delivered(&opened);
    ck_assert_int_eq(strstr(text.data, "message/rfc822") != NULL, _i == 0);
    assert_contains(text.data, "<html><body>");
    ck_assert_msg(inert_check(text.data, text.length, ".eml"), "%s", text.data);
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

START_TEST(flat_memory)
{
    struct big_message big = big_begin("Content-Type: application/x-large\r\n\r\n");
    struct spool *body = spool_new(&test_spool_options);
    big.defang = true;
    run("openssl cms -encrypt -aes-256-cbc -stream -recip bob.pem -binary -outform DER -in big "
        "-out out && base64 -w 76 out | sed 's/$/\r/' > encrypted && rm out big");
    big_append(body, "encrypted");
    big_check(&big, body,
              "From: alice@example.com\r\nContent-Type: application/pkcs7-mime\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\n",
              SIGNATURE_NONE, ENCRYPTION_DECRYPTED);
}
END_TEST

/* ---- Without the signature ---- */

START_TEST(signatures_are_removed_where_valid)
{
    static const struct {
        enum inside inside;
        bool encrypted;
        bool removed;
    } cases[] = {{SIGNED_INSIDE, false, true},    {OPAQUE_INSIDE, false, true},
                 {SIGNED_INSIDE, true, true},     {OPAQUE_INSIDE, true, true},
                 {STRANGER_INSIDE, false, false}, {BROKEN_INSIDE, true, false},
                 {BROKEN_INSIDE, false, false},   {PLAIN_INSIDE, false, false}};
    struct open_request request = default_request();
    struct bytes entity = make_inside(cases[_i].inside);
    struct opened opened;
    request.remove_signature = true;
    request.clear_sign = true;
    if (cases[_i].encrypted)
        entity = encrypted_entity(entity, ENCRYPT_BOB);
    opened = open_with(message_of("alice@example.com", entity), &request);
    ck_assert_int_eq(opened.changed, cases[_i].removed || cases[_i].encrypted);
    if (cases[_i].removed)
        assert_signature(&opened, SIGNATURE_VALID);
    if (opened.changed) {
        struct bytes text = delivered(&opened);
        ck_assert_int_eq(strstr(text.data, "multipart/signed") == NULL, cases[_i].removed);
        if (cases[_i].removed)
            assert_contains(text.data, "\r\nMIME-Version: 1.0\r\n" HTML_PART);
        bytes_free(&text);
    }
    opened_clear(&opened);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("defang");
    TCase *tests = tcase_create("parts");
    TCase *messages = tcase_create("messages");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, nothing_active_is_left, 0, HOSTILE);
    tcase_add_test(tests, the_judge_sees_what_is_active);
    tcase_add_test(tests, files_and_texts_are_kept);
    tcase_add_test(tests, names);
    tcase_add_test(tests, ceilings);
    tcase_add_test(tests, much_html);
    suite_add_tcase(suite, tests);
    tcase_set_timeout(messages, 300);
    tcase_add_unchecked_fixture(messages, world_make, world_clear);
    LOOP(messages, only_what_could_have_been_altered, kinds);
    tcase_add_test(messages, a_signature_outside_is_no_help);
    tcase_add_test(messages, failures_are_doubtful_too);
    tcase_add_loop_test(messages, wrapped_messages, 0, 2);
    tcase_add_test(messages, flat_memory);
    tcase_add_loop_test(messages, signatures_are_removed_where_valid, 0, 8);
    suite_add_tcase(suite, messages);
    return run_suite(suite);
}
