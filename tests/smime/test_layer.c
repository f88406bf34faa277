/* layer.c: what one program takes for a signature and another one shows as a text is never valid.
 * Python's email package, which shares no code with us or GMime, says what a program may show. */
#include "incoming_fixture.h"

#define ALICE_FROM "alice@example.com"
#define FORGED "Pay Eve."

/* Texts that are shown as the message: of parts that are text, and no attachments. */
static const char reader[] =
    "import email, sys\n"
    "shown = ''\n"
    "for part in email.message_from_bytes(open('message', 'rb').read()).walk():\n"
    "    if (not part.is_multipart() and part.get_content_maintype() == 'text'\n"
    "            and part.get_content_disposition() != 'attachment'):\n"
    "        shown += str(part.get_payload(decode=True), 'latin1')\n"
    "open('shown', 'w').write('yes' if '" FORGED "' in shown else 'no')\n";

static bool python_shows_forgery(struct bytes message)
{
    char *path = world_path("shown");
    struct bytes answer;
    bool shown;
    write_file("read.py", reader, sizeof reader - 1);
    write_file("message", message.data, message.length);
    run("python3 read.py");
    answer = read_file(path);
    shown = strcmp(answer.data, "yes") == 0;
    bytes_free(&answer);
    free(path);
    return shown;
}

/* ---- The Content-Type of the whole ---- */

#define PROTOCOL "protocol=\"application/pkcs7-signature\"; "

static const struct {
    const char *type;
    enum signature_verdict wanted;
    bool python; /* it shows the preamble, in which anybody can write */
} types[] = {
    {"multipart/signed; " PROTOCOL "boundary=outer", SIGNATURE_VALID, false},
    {"Multipart/Signed;" PROTOCOL "\r\n\tBoundary = \"outer\" ; micalg=sha-256;", SIGNATURE_VALID,
     false},
    {"multipart/signed; protocol=application/pkcs7-signature; micalg=\"sha-256;x\"; boundary=outer",
     SIGNATURE_VALID, false},
    {"multipart/signed text/html; " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, true},
    {"multipart/signed, text/html; " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, true},
    {"multipart/signed/html; " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, true},
    {"multipart/signed: " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, true},
    /* mutt shows the preamble of these, which is the text of a multipart without a boundary. */
    {"multipart/signed; " PROTOCOL "(x) boundary=outer", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "boundary(x)=outer", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "boundary=(x)outer", SIGNATURE_PARTIAL, false},
    {"multipart/signed (x); " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, false},
    {"(x) multipart/signed; " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, false},
    /* Python finds another boundary, or none. */
    {"multipart/signed; " PROTOCOL "boundary=\"ou\\ter\"", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "boundary=\"outer\"evil", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "boundary=\"=?us-ascii?q?outer?=\"", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "boundary==?us-ascii?q?outer?=", SIGNATURE_PARTIAL, false},
    {"multipart / signed; " PROTOCOL "boundary=outer", SIGNATURE_PARTIAL, false},
    /* Programs that do not know of RFC 2231 find none. */
    {"multipart/signed; " PROTOCOL "boundary*0=ou; boundary*1=ter", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "boundary*=us-ascii''ou%74er", SIGNATURE_PARTIAL, false},
    {"multipart/signed; " PROTOCOL "b\xf6x=1; boundary=outer", SIGNATURE_PARTIAL, false},
};

START_TEST(unclear_types)
{
    struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    struct opened opened;
    char *at = strstr(entity.data, "This is signed.");
    struct bytes body = bytes_text("Content-Type: ");
    bytes_puts(&body, types[_i].type);
    bytes_puts(&body, "\r\n\r\n" FORGED "\r\n");
    bytes_add(&body, at, entity.length - (size_t)(at - entity.data));
    bytes_free(&entity);
    ck_assert_msg(python_shows_forgery(body) == types[_i].python, "%s", types[_i].type);
    opened = open_message(message_of(ALICE_FROM, body));
    ck_assert_msg(opened.signature == types[_i].wanted, "%s: %s (%s)", types[_i].type,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    opened_clear(&opened);
}
END_TEST

/* ---- The label of the signature ---- */

#define B64 "Content-Transfer-Encoding: base64\r\n"

static const struct {
    const char *fields;
    enum signature_verdict detached;
    enum signature_verdict opaque;
    bool python; /* it shows what is in the CMS and not signed */
} labels[] = {
    {"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n" B64, SIGNATURE_VALID,
     SIGNATURE_NONE, false},
    {"Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n" B64, SIGNATURE_VALID,
     SIGNATURE_VALID, false},
    {"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; "
     "filename=\"SMIME.P7M\"\r\n" B64,
     SIGNATURE_VALID, SIGNATURE_VALID, false},
    {"Content-Type: application/pkcs7-mime\r\n" B64, SIGNATURE_VALID, SIGNATURE_VALID, false},
    {"Content-Type: text/html\r\n" B64, SIGNATURE_INVALID, SIGNATURE_NONE, true},
    {"Content-Type: text/plain; name=smime.p7m\r\n" B64, SIGNATURE_INVALID, SIGNATURE_NONE, true},
    {B64, SIGNATURE_INVALID, SIGNATURE_NONE, true},
    {B64 "Content-Disposition: inline; filename=smime.p7m\r\n", SIGNATURE_INVALID, SIGNATURE_NONE,
     true},
    {"Content-Type: application/pkcs7-mime text/html\r\n" B64, SIGNATURE_INVALID, SIGNATURE_NONE,
     true},
    {"Content-Type: text/html\r\nContent-Type: application/pkcs7-mime\r\n" B64, SIGNATURE_INVALID,
     SIGNATURE_NONE, true},
    {"Content-Type: application/pkcs7-mime\r\nContent-Type: text/html\r\n" B64, SIGNATURE_INVALID,
     SIGNATURE_NONE, false},
    {"Content-Type: application/xhtml+xml; name=smime.p7m\r\n" B64, SIGNATURE_INVALID,
     SIGNATURE_NONE, false},
    {"Content-Type: application/octet-stream; name=invoice.html\r\n" B64, SIGNATURE_INVALID,
     SIGNATURE_NONE, false},
    {"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
     "Content-Disposition: attachment; filename=invoice.html\r\n" B64,
     SIGNATURE_INVALID, SIGNATURE_NONE, false},
};

/* A signature by Alice that brings a certificate along, of a name that Eve has chosen. */
static struct bytes signature_with_forgery(const char *option)
{
    char *arguments = NULL;
    struct bytes der;
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null "
        "-subj '/O=" FORGED "' -out forged.pem");
    ck_assert_int_gt(asprintf(&arguments, SIGN_ALICE " -certfile forged.pem %s", option), 0);
    der = cms_of_text(TEXT_ENTITY, arguments);
    free(arguments);
    return der;
}

START_TEST(labels_of_detached_signatures)
{
    struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    struct bytes der = signature_with_forgery("");
    struct bytes body = {0};
    char *at = strstr(entity.data, "Content-Type: application/pkcs7-signature");
    struct opened opened;
    bytes_add(&body, entity.data, (size_t)(at - entity.data));
    bytes_puts(&body, labels[_i].fields);
    bytes_puts(&body, "\r\n");
    add_base64(&body, der);
    bytes_puts(&body, "\r\n--outer--\r\n");
    ck_assert_msg(python_shows_forgery(body) == labels[_i].python, "%s", labels[_i].fields);
    opened = open_message(message_of(ALICE_FROM, body));
    ck_assert_msg(opened.signature == labels[_i].detached, "%s: %s (%s)", labels[_i].fields,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    opened_clear(&opened);
    bytes_free(&entity);
    bytes_free(&der);
}
END_TEST

START_TEST(labels_of_opaque_signatures)
{
    struct bytes der = signature_with_forgery("-nodetach");
    struct bytes body = bytes_text(labels[_i].fields);
    struct opened opened;
    bytes_puts(&body, "\r\n");
    add_base64(&body, der);
    ck_assert_msg(python_shows_forgery(body) == labels[_i].python, "%s", labels[_i].fields);
    opened = open_message(message_of(ALICE_FROM, body));
    ck_assert_msg(opened.signature == labels[_i].opaque, "%s: %s (%s)", labels[_i].fields,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    opened_clear(&opened);
    bytes_free(&der);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("layer");
    TCase *tcase = tcase_create("read differently");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    LOOP(tcase, unclear_types, types);
    LOOP(tcase, labels_of_detached_signatures, labels);
    LOOP(tcase, labels_of_opaque_signatures, labels);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
