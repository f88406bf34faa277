/* layer.c: what one program takes for a signature and another one shows as a text is never valid.
 * Python's email package, which shares no code with us or GMime, says what a program may show. */
#include "incoming_fixture.h"

#define ALICE_FROM "alice@example.com"
#define FORGED "Pay Eve."

#define MAX_MESSAGES 100

/* What is opened, and whether Python shows what was forged in it: found out for all at once. */
static struct bytes messages[MAX_MESSAGES];
static size_t message_count;
static struct bytes shown;

/* Texts that are shown as the message: of parts that are text, and no attachments. */
static const char reader[] =
    "import email, sys\n"
    "def shows(name):\n"
    "    shown = ''\n"
    "    for part in email.message_from_bytes(open(name, 'rb').read()).walk():\n"
    "        if (not part.is_multipart() and part.get_content_maintype() == 'text'\n"
    "                and part.get_content_disposition() != 'attachment'):\n"
    "            shown += str(part.get_payload(decode=True), 'latin1')\n"
    "    return 'y' if '" FORGED "' in shown else 'n'\n"
    "open('shown', 'w').write(''.join(shows('m%d' % i) for i in range(int(sys.argv[1]))))\n";

static void ask_python(void)
{
    char *path = world_path("shown");
    write_file("read.py", reader, sizeof reader - 1);
    for (size_t i = 0; i < message_count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "m%zu", i);
        write_file(name, messages[i].data, messages[i].length);
    }
    run("python3 read.py %zu", message_count);
    shown = read_file(path);
    ck_assert_uint_eq(shown.length, message_count);
    free(path);
}

/* Consumes `entity`. */
static void add_message(struct bytes entity)
{
    ck_assert_uint_lt(message_count, MAX_MESSAGES);
    messages[message_count++] = message_of(ALICE_FROM, entity);
}

static void check_message(size_t i, const char *name, enum signature_verdict wanted, bool python)
{
    struct opened opened = open_message(bytes_copy(messages[i].data, messages[i].length));
    ck_assert_msg((shown.data[i] == 'y') == python, "%s: Python shows it: %c", name, shown.data[i]);
    ck_assert_msg(opened.signature == wanted, "%s: %s (%s)", name,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    opened_clear(&opened);
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

#define TYPES (sizeof types / sizeof *types)

static void add_types(void)
{
    struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    char *at = strstr(entity.data, "This is signed.");
    for (size_t i = 0; i < TYPES; i++) {
        struct bytes body = bytes_text("Content-Type: ");
        bytes_puts(&body, types[i].type);
        bytes_puts(&body, "\r\n\r\n" FORGED "\r\n");
        bytes_add(&body, at, entity.length - (size_t)(at - entity.data));
        add_message(body);
    }
    bytes_free(&entity);
}

START_TEST(unclear_types)
{
    check_message((size_t)_i, types[_i].type, types[_i].wanted, types[_i].python);
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
    {"Content-Disposition: attachment; filename=smime.p7m\r\n" B64, SIGNATURE_VALID,
     SIGNATURE_VALID, false},
    {"Content-Disposition: attachment; filename=smime.p7m\r\nContent-Disposition: inline\r\n" B64,
     SIGNATURE_INVALID, SIGNATURE_NONE, false},
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
    {"Content-Type: application/pkcs7-mime; name=invoice.html\r\n"
     "Content-Disposition: attachment; filename=smime.p7m\r\n" B64,
     SIGNATURE_INVALID, SIGNATURE_NONE, false},
    {"Content-Type: application/pkcs7-mime\r\n"
     "Content-Disposition: attachment; filename=smime.p7m; filename*=utf-8''invoice.html\r\n" B64,
     SIGNATURE_INVALID, SIGNATURE_NONE, false},
    {"Content-Type: application/pkcs7-mime; name=\"=?us-ascii?q?smime=2Ep7m?=\"\r\n"
     "Content-Disposition: attachment;\r\n filename=\"smime.p7m\" \r\n" B64,
     SIGNATURE_VALID, SIGNATURE_VALID, false},
    {"Content-Type: application/pkcs7-mime\r\n"
     "Content-Disposition: attachment; filename*1*=.html; filename*0*=us-ascii''x.p7m\r\n" B64,
     SIGNATURE_INVALID, SIGNATURE_NONE, false},
    {"Content-Type: application/pkcs7-mime; name=\"=?us-ascii?q?invoice=2Ehtml?=\"\r\n" B64,
     SIGNATURE_INVALID, SIGNATURE_NONE, false},
};

#define LABELS (sizeof labels / sizeof *labels)

/* Signatures by Alice that bring a certificate along, of a name that Eve has chosen. */
static void add_labels(void)
{
    struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    size_t before =
        (size_t)(strstr(entity.data, "Content-Type: application/pkcs7-signature") - entity.data);
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null "
        "-subj '/O=" FORGED "' -out forged.pem");
    for (int opaque = 0; opaque < 2; opaque++) {
        struct bytes der =
            cms_of_text(TEXT_ENTITY, opaque ? SIGN_ALICE " -certfile forged.pem -nodetach"
                                            : SIGN_ALICE " -certfile forged.pem");
        for (size_t i = 0; i < LABELS; i++) {
            struct bytes body = bytes_copy(entity.data, opaque ? 0 : before);
            bytes_puts(&body, labels[i].fields);
            bytes_puts(&body, "\r\n");
            add_base64(&body, der);
            bytes_puts(&body, opaque ? "" : "\r\n--outer--\r\n");
            add_message(body);
        }
        bytes_free(&der);
    }
    bytes_free(&entity);
}

START_TEST(labels_of_detached_signatures)
{
    check_message(TYPES + (size_t)_i, labels[_i].fields, labels[_i].detached, labels[_i].python);
}
END_TEST

START_TEST(labels_of_opaque_signatures)
{
    check_message(TYPES + LABELS + (size_t)_i, labels[_i].fields, labels[_i].opaque,
                  labels[_i].python);
}
END_TEST

static void begin(void)
{
    world_make();
    add_types();
    add_labels();
    ask_python();
}

static void end(void)
{
    while (message_count > 0)
        bytes_free(&messages[--message_count]);
    bytes_free(&shown);
    world_clear();
}

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("layer");
    TCase *tcase = tcase_create("read differently");
    tcase_add_unchecked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    LOOP(tcase, unclear_types, types);
    LOOP(tcase, labels_of_detached_signatures, labels);
    LOOP(tcase, labels_of_opaque_signatures, labels);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
