/* Header protection of what goes out (RFC 9788): `openssl cms` takes the message apart, Python's
 * email package reads what is in it. */
#include <check.h>

#include "../test_entity.h"
#include "../test_openssl_cli.h"
#include "../test_pki.h"
#include "encrypt.h"
#include "field_text.h"
#include "media_parameter.h"
#include "sign.h"
#include "test_run.h"
#include "why.h"

#define MESSAGE                                                                                    \
    "Received: from client by host\r\n"                                                            \
    "DKIM-Signature: v=1; d=example.com\r\n"                                                       \
    "ARC-Seal: i=1\r\n"                                                                            \
    "Authentication-Results: host; dkim=pass\r\n"                                                  \
    "Return-Path: <alice@example.com>\r\n"                                                         \
    "Delivered-To: bob@partner.test\r\n"                                                           \
    "X-Smimed-Signature: valid\r\n"                                                                \
    "X-Smimed: sign\r\n"                                                                           \
    "HP-Outer: Subject: forged\r\n"                                                                \
    "Resent-From: carol@example.com\r\n"                                                           \
    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"                                                    \
    "From: Alice <alice@example.com>\r\n"                                                          \
    "To: Bob <bob@partner.test>,\r\n"                                                              \
    "\tCarol <carol@partner.test>  \r\n"                                                           \
    "Bcc: dave@partner.test\r\n"                                                                   \
    "bCC: erin@partner.test\r\n"                                                                   \
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= secret\r\n"                                              \
    "Keywords: one, two\r\n"                                                                       \
    "Keywords: three\r\n"                                                                          \
    "Comments: not for all\r\n"                                                                    \
    "Thread-Topic: secret\r\n"                                                                     \
    "Message-ID: <id@example.com>\r\n"                                                             \
    "MIME-Version: 1.0\r\n"                                                                        \
    "Content-Type: text/plain; charset=us-ascii; hp=\"clear\"\r\n"                                 \
    "Content-Transfer-Encoding: 7bit\r\n"                                                          \
    "\r\nThe body.\r\n"

#define FIELDS                                                                                     \
    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"                                                    \
    "From: Alice <alice@example.com>\r\n"                                                          \
    "To: Bob <bob@partner.test>,\r\n"                                                              \
    "\tCarol <carol@partner.test>\r\n"                                                             \
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= secret\r\n"                                              \
    "Keywords: one, two\r\n"                                                                       \
    "Keywords: three\r\n"                                                                          \
    "Comments: not for all\r\n"                                                                    \
    "Thread-Topic: secret\r\n"                                                                     \
    "Message-ID: <id@example.com>\r\n"

#define CONTENT(mode)                                                                              \
    "Content-Type: text/plain; charset=us-ascii;\r\n\thp=\"" mode "\"\r\n"                         \
    "Content-Transfer-Encoding: 7bit\r\n\r\nThe body.\r\n"

#define OUTER(subject, more)                                                                       \
    "HP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"                                          \
    "HP-Outer: From: Alice <alice@example.com>\r\n"                                                \
    "HP-Outer: To: Bob <bob@partner.test>,\r\n"                                                    \
    "\tCarol <carol@partner.test>\r\n"                                                             \
    "HP-Outer: Subject: " subject "\r\n" more "HP-Outer: Message-ID: <id@example.com>\r\n"

static struct pki ca, alice, bob;

enum made { SIGNED = 1, ENCRYPTED = 2 };

/* Protect and transform the message; what is within all layers is in the file "payload" then.
 * Returns whether the protection was clean. */
static bool make(const char *text, int transform, enum confidentiality policy)
{
    struct entity message = entity_from(text, strlen(text));
    struct entity is_signed = {0};
    struct entity out = {0};
    struct protection protection;
    const struct encrypt_recipient recipient = {bob.certificate, ENCRYPT_PKCS1, NULL};
    struct sign_request sign = {.certificate = alice.certificate,
                                .key = alice.key,
                                .scheme = SIGN_ECDSA,
                                .now = PKI_NOW,
                                .protection = &protection,
                                .limits = test_limits};
    struct encrypt_request encrypt = {.recipients = &recipient,
                                      .recipient_count = 1,
                                      .cipher = ENCRYPT_AES_256_CBC,
                                      .limits = test_limits};
    bool clean;
    char *why = NULL;
    ck_assert_int_eq(
        protection_make(&message.header, (transform & ENCRYPTED) != 0, policy, &protection), 0);
    clean = protection.clean;
    if ((transform & SIGNED) != 0)
        ck_assert_msg(smime_sign(&message, &sign, &is_signed, &why) == SMIME_OK, "%s",
                      why_text(&why));
    else
        encrypt.protection = &protection;
    if ((transform & ENCRYPTED) != 0)
        ck_assert_msg(smime_encrypt((transform & SIGNED) != 0 ? &is_signed : &message, &encrypt,
                                    &out, &why) == SMIME_OK,
                      "%s", why_text(&why));
    cli_write_entity("message", (transform & ENCRYPTED) != 0 ? &out : &is_signed);
    protection_clear(&protection);
    entity_clear(&message);
    entity_clear(&is_signed);
    entity_clear(&out);
    if ((transform & ENCRYPTED) != 0)
        ck_assert_int_eq(cli_run("openssl cms -decrypt -in message -recip bob.pem -out payload"),
                         0);
    if (transform == (SIGNED | ENCRYPTED))
        ck_assert_int_eq(cli_run("mv payload message"), 0);
    if ((transform & SIGNED) != 0)
        ck_assert_int_eq(cli_run("openssl cms -verify -in message -CAfile ca.pem -attime %lld "
                                 "-out payload",
                                 (long long)PKI_NOW),
                         0);
    return clean;
}

/* openssl writes text with line ends of its own. */
static char *without_cr(const char *text)
{
    char *out = strdup(text);
    char *put = out;
    for (; *text != '\0'; text++)
        if (*text != '\r')
            *put++ = *text;
    *put = '\0';
    return out;
}

static void assert_payload(const char *name, const char *wanted_text)
{
    char *raw = cli_read("payload", NULL);
    char *found = without_cr(raw);
    char *wanted = without_cr(wanted_text);
    ck_assert_msg(strcmp(found, wanted) == 0, "%s:\n%s\nwanted:\n%s", name, found, wanted);
    free(raw);
    free(found);
    free(wanted);
}

static const struct {
    const char *name;
    int transform;
    enum confidentiality policy;
    const char *payload;
} structures[] = {
    {"signed", SIGNED, CONFIDENTIALITY_BASELINE, FIELDS CONTENT("clear")},
    {"encrypted", ENCRYPTED, CONFIDENTIALITY_BASELINE, FIELDS OUTER("[...]", "") CONTENT("cipher")},
    {"both", SIGNED | ENCRYPTED, CONFIDENTIALITY_BASELINE,
     FIELDS OUTER("[...]", "") CONTENT("cipher")},
    {"nothing hidden", SIGNED | ENCRYPTED, CONFIDENTIALITY_NONE,
     FIELDS OUTER("=?utf-8?q?Gr=C3=BC=C3=9Fe?= secret",
                  "HP-Outer: Keywords: one, two\r\nHP-Outer: Keywords: three\r\n"
                  "HP-Outer: Comments: not for all\r\nHP-Outer: Thread-Topic: secret\r\n")
         CONTENT("cipher")},
};

START_TEST(payload_has_exactly_these_fields)
{
    ck_assert(make(MESSAGE, structures[_i].transform, structures[_i].policy));
    assert_payload(structures[_i].name, structures[_i].payload);
}
END_TEST

/* Another reader than ours sees the same message in the payload. */
START_TEST(python_reads_the_payload)
{
    static const char script[] =
        "import email, email.policy\n"
        "m = email.message_from_bytes(open('payload', 'rb').read(), policy=email.policy.default)\n"
        "assert m['Subject'] == 'Gr\\u00fc\\u00dfe secret', m['Subject']\n"
        "assert m['From'].addresses[0].addr_spec == 'alice@example.com'\n"
        "assert len(m['To'].addresses) == 2\n"
        "assert m.get_all('Keywords') == ['one, two', 'three']\n"
        "assert m['Bcc'] is None and m['Received'] is None and m['DKIM-Signature'] is None\n"
        "assert m.get_content_type() == 'text/plain' and m.get_param('hp') == 'cipher'\n"
        "assert m.get_param('charset') == 'us-ascii'\n"
        "outer = [v.split(':', 1)[0] for v in m.get_all('HP-Outer')]\n"
        "assert outer == ['Date', 'From', 'To', 'Subject', 'Message-ID'], outer\n"
        "assert m.get_content().strip() == 'The body.'\n"
        "assert not m.defects, m.defects\n";
    cli_write("read.py", script, strlen(script));
    make(MESSAGE, SIGNED | ENCRYPTED, CONFIDENTIALITY_BASELINE);
    ck_assert_int_eq(cli_run("python3 read.py || { cat stderr; false; }"), 0);
}
END_TEST

static const struct {
    const char *name;
    const char *text;
    bool clean;
    const char *payload; /* how it begins */
} headers[] = {
    {"no content type", "Subject: x\r\n\r\nbody\r\n", true,
     "Subject: x\r\nContent-Type: text/plain; charset=us-ascii;\r\n\thp=\"clear\"\r\n\r\nbody\r\n"},
    {"no fields at all", "Content-Type: text/plain\r\n\r\nbody\r\n", true,
     "Content-Type: text/plain;\r\n\thp=\"clear\"\r\n\r\nbody\r\n"},
    {"8-bit subject", "Subject: Gr\xc3\xbc\xc3\x9f\x65\r\nContent-Type: text/plain\r\n\r\nbody\r\n",
     true, "Subject: =?"},
    {"8-bit address", "To: J\xc3\xbcrgen <j@x.test>\r\nContent-Type: text/plain\r\n\r\nbody\r\n",
     false, "To: J\xc3\xbcrgen <j@x.test>\r\n"},
    {"line of blanks", "Subject: one\r\n   \r\n two \r\nContent-Type: text/plain\r\n\r\nbody\r\n",
     true, "Subject: one\r\n two\r\nContent-Type"},
    {"empty subject", "Subject:\r\nContent-Type: text/plain\r\n\r\nbody\r\n", true,
     "Subject:\r\nContent-Type"},
    {"control characters",
     "Subject: a\x01"
     "b\x1b[31m\r\nContent-Type: text/plain\r\n\r\nbody\r\n",
     true, "Subject: a b [31m\r\n"},
    {"two subjects",
     "Subject: one\r\nX-A: b\r\nSubject: two\r\nContent-Type: text/plain\r\n\r\nbody\r\n", true,
     "Subject: one\r\nX-A: b\r\nSubject: two\r\n"},
    {"older marks",
     "Content-Type: text/plain; hp*0=\"ci\"; hp*1=\"pher\"; protected-headers=\"v1\"; "
     "HP=x; charset=utf-8;\r\n\r\nbody\r\n",
     true, "Content-Type: text/plain; charset=utf-8;\r\n\thp=\"clear\"\r\n\r\n"},
};

START_TEST(header_is_copied_as_any_reader_reads_it)
{
    ck_assert_msg(make(headers[_i].text, SIGNED, CONFIDENTIALITY_BASELINE) == headers[_i].clean,
                  "%s", headers[_i].name);
    char *raw = cli_read("payload", NULL);
    char *found = without_cr(raw);
    char *wanted = without_cr(headers[_i].payload);
    ck_assert_msg(strncmp(found, wanted, strlen(wanted)) == 0, "%s:\n%s", headers[_i].name, found);
    free(raw);
    free(found);
    free(wanted);
}
END_TEST

/* What cannot be marked is not protected silently: a reader would never find the Subject. */
START_TEST(malformed_type_is_refused)
{
    static const char *const types[] = {"text/plain; charset=\"utf-8", "text/plain (x", "text",
                                        "; charset=utf-8", "text/plain; (c) charset=utf-8"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char text[256];
        struct entity message;
        struct entity out;
        struct protection protection;
        struct sign_request sign = {.certificate = alice.certificate,
                                    .key = alice.key,
                                    .scheme = SIGN_ECDSA,
                                    .now = PKI_NOW,
                                    .protection = &protection,
                                    .limits = test_limits};
        char *why = NULL;
        snprintf(text, sizeof text, "Subject: x\r\nContent-Type: %s\r\n\r\nbody\r\n", types[i]);
        message = entity_from(text, strlen(text));
        ck_assert_int_eq(
            protection_make(&message.header, true, CONFIDENTIALITY_BASELINE, &protection), 0);
        ck_assert(!protection.clean);
        ck_assert_msg(smime_sign(&message, &sign, &out, &why) == SMIME_REFUSED, "%s", types[i]);
        ck_assert_ptr_nonnull(strstr(why_text(&why), "Content-Type"));
        why_free(&why);
        protection_clear(&protection);
        entity_clear(&message);
    }
}
END_TEST

START_TEST(long_lines_are_not_clean)
{
    char text[3000] = "X-Long: ";
    memset(text + 8, 'x', 1000);
    strcpy(text + 1008, "\r\nContent-Type: text/plain\r\n\r\nbody\r\n");
    ck_assert(!make(text, SIGNED, CONFIDENTIALITY_BASELINE));
    /* One that only fits where nothing stands before its name. */
    strcpy(text + 995, "\r\nContent-Type: text/plain\r\n\r\nbody\r\n");
    ck_assert(make(text, SIGNED, CONFIDENTIALITY_BASELINE));
    ck_assert(!make(text, ENCRYPTED, CONFIDENTIALITY_BASELINE));
}
END_TEST

/* The header counts as often as it is written. */
START_TEST(ceiling_counts_the_payload)
{
    struct smime_limits limits = test_limits;
    struct entity message = entity_from(MESSAGE, strlen(MESSAGE));
    struct entity out;
    struct protection protection;
    struct sign_request sign = {.certificate = alice.certificate,
                                .key = alice.key,
                                .scheme = SIGN_ECDSA,
                                .now = PKI_NOW,
                                .protection = &protection};
    char *why = NULL;
    ck_assert_int_eq(protection_make(&message.header, true, CONFIDENTIALITY_BASELINE, &protection),
                     0);
    limits.max_header_bytes = protection.fields.bytes;
    sign.limits = limits;
    ck_assert_int_eq(smime_sign(&message, &sign, &out, &why), SMIME_REFUSED);
    ck_assert_ptr_nonnull(strstr(why_text(&why), "header fields"));
    why_free(&why);
    protection_clear(&protection);
    entity_clear(&message);
}
END_TEST

static const struct {
    const char *value;
    const char *wanted; /* without `hp`, with `x` added; NULL: not clear */
} changes[] = {
    {" text/plain", " text/plain;\r\n\tx=\"1\""},
    {" text/plain;", " text/plain;\r\n\tx=\"1\""},
    {" text/plain; ; hp=a;;", " text/plain;\r\n\tx=\"1\""},
    {" text/plain; hp=\"a;b\"; charset=utf-8", " text/plain; charset=utf-8;\r\n\tx=\"1\""},
    {" text/plain; name=\"; hp=a\"", " text/plain; name=\"; hp=a\";\r\n\tx=\"1\""},
    {" text/plain; name=\"\\\"; hp=a\"", " text/plain; name=\"\\\"; hp=a\";\r\n\tx=\"1\""},
    {" text/plain (; hp=a); b=c", " text/plain (; hp=a); b=c;\r\n\tx=\"1\""},
    {" text/plain;\r\n\tHP = a;\r\n\tb=c \r\n ", " text/plain;\r\n\tb=c;\r\n\tx=\"1\""},
    {" text/plain; hp(c)=a; hpx=a", " text/plain; hpx=a;\r\n\tx=\"1\""},
    {" text/plain; hp*=us-ascii''a", " text/plain;\r\n\tx=\"1\""},
    {" text/plain; hp", " text/plain; hp;\r\n\tx=\"1\""},
    {" text/plain; a=\"", NULL},
    {" text/plain; (c)hp=a", NULL},
    {" text /", NULL},
    {" /plain", NULL},
    {"", NULL},
};

START_TEST(parameters_change_and_nothing_else)
{
    static const char *const drop[] = {"hp"};
    char *out = NULL;
    ck_assert_int_eq(media_parameter_change(changes[_i].value, drop, 1, "x", "1", &out), 0);
    if (changes[_i].wanted == NULL)
        ck_assert_msg(out == NULL, "%s", out);
    else
        ck_assert_str_eq(out, changes[_i].wanted);
    free(out);
}
END_TEST

/* What the way of a message wrote, what nobody shall see, and what is no name. */
START_TEST(fields_that_stay_outside)
{
    static const char *const never[] = {"Bcc",
                                        "BCC",
                                        "Resent-To",
                                        "Resent-Bcc",
                                        "Received",
                                        "received-spf",
                                        "Return-Path",
                                        "Delivered-To",
                                        "Envelope-To",
                                        "X-Original-To",
                                        "X-Envelope-From",
                                        "DKIM-Signature",
                                        "DomainKey-Signature",
                                        "ARC-Seal",
                                        "Authentication-Results",
                                        "X-Smimed",
                                        "X-Smimed-Choice",
                                        "HP-Outer",
                                        "Content-Type",
                                        "Content-Disposition",
                                        "MIME-Version",
                                        "",
                                        "a b",
                                        "a:b",
                                        "a\x7f",
                                        "\xc3\xbc"};
    static const char *const taken[] = {"Subject",  "From",      "To",         "Reply-To", "X-Bcc",
                                        "Bcc-Note", "Receivedx", "References", "List-Id"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        ck_assert_msg(!protection_takes(never[i]), "%s", never[i]);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        ck_assert_msg(protection_takes(taken[i]), "%s", taken[i]);
}
END_TEST

/* A line of blanks ends the header for some programs. */
START_TEST(values_are_made_tidy)
{
    static const struct {
        const char *value;
        const char *wanted;
    } values[] = {
        {" one\r\n   \r\n two ", " one\r\n two"},
        {" one\r\n\t\x01\r\n two\x02\r\n\x7f ", " one\r\n two"},
        {" \r\n one", "\r\n one"},
        {" a\rb\nc\x1b", " a b c"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char *tidy = field_text_tidy(values[i].value);
        ck_assert_str_eq(tidy, values[i].wanted);
        free(tidy);
    }
}
END_TEST

START_TEST(values_are_compared_without_folds)
{
    ck_assert(field_text_same(" a b", "a\r\n\tb "));
    ck_assert(field_text_same("", " \r\n "));
    ck_assert(!field_text_same(" ab", "a b"));
    ck_assert(!field_text_same(" a b", "ab"));
    ck_assert(!field_text_same("a", "a b"));
    ck_assert(!field_text_same("a b", "a c"));
    ck_assert(!field_text_same("A", "a"));
}
END_TEST

/* A line end in an encoded word is none of the header's. */
START_TEST(decoded_line_ends_stay_out_of_the_header)
{
    char *text = field_text_read(" =?utf-8?q?a=0D=0ABcc:_eve@x.test=0A=C3=BC?=");
    char *value = field_text_write(text);
    ck_assert_ptr_null(strpbrk(value, "\r\n"));
    free(text);
    free(value);
    value = field_text_write("a\r\nBcc: eve@x.test");
    ck_assert_ptr_null(strpbrk(value, "\r\n"));
    free(value);
    /* Nor do they wait in an encoded word for whoever reads that. */
    value = field_text_write("\xc3\xbc\r\nBcc: eve@x.test");
    text = field_text_read(value);
    ck_assert_str_eq(text, " \xc3\xbc  Bcc: eve@x.test");
    free(text);
    free(value);
}
END_TEST

static void write_key(const struct pki *pki, const char *name)
{
    FILE *file = fopen(cli_path(name), "we");
    entity_need(file != NULL && PEM_write_X509(file, pki->certificate) == 1 &&
                    PEM_write_PrivateKey(file, pki->key, NULL, NULL, 0, NULL, NULL) == 1 &&
                    fclose(file) == 0,
                name);
}

int main(void)
{
    Suite *suite = suite_create("protection");
    TCase *tcase = tcase_create("protection");
    int failed;
    cli_begin();
    ca = pki_ca("CA");
    alice = pki_leaf(&ca, "alice@example.com");
    bob = pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"}, .key = PKI_RSA_2048}, &ca);
    pki_write_certificate(cli_path("ca.pem"), ca.certificate);
    write_key(&bob, "bob.pem");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, payload_has_exactly_these_fields, 0,
                        sizeof structures / sizeof *structures);
    tcase_add_test(tcase, python_reads_the_payload);
    tcase_add_loop_test(tcase, header_is_copied_as_any_reader_reads_it, 0,
                        sizeof headers / sizeof *headers);
    tcase_add_test(tcase, malformed_type_is_refused);
    tcase_add_test(tcase, long_lines_are_not_clean);
    tcase_add_test(tcase, ceiling_counts_the_payload);
    tcase_add_loop_test(tcase, parameters_change_and_nothing_else, 0,
                        sizeof changes / sizeof *changes);
    tcase_add_test(tcase, fields_that_stay_outside);
    tcase_add_test(tcase, values_are_made_tidy);
    tcase_add_test(tcase, values_are_compared_without_folds);
    tcase_add_test(tcase, decoded_line_ends_stay_out_of_the_header);
    suite_add_tcase(suite, tcase);
    failed = test_run(suite);
    pki_clear(&ca);
    pki_clear(&alice);
    pki_clear(&bob);
    cli_end();
    return failed;
}
