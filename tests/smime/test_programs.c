/* Messages as Outlook, Exchange, Apple Mail, Thunderbird and Notes write them, and what mailing
 * lists make of them. The forms are those programs' own; the CMS within is by the openssl command.
 */
#include "incoming_fixture.h"

#define FIELDS                                                                                     \
    "Received: from somewhere\r\nFrom: =?utf-8?Q?Alice_M=C3=BCller?= <alice@example.com>\r\n"      \
    "To: bob@partner.test\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"

static struct opened open_text(struct bytes text)
{
    struct open_request request = default_request();
    return open_with(text, &request);
}

/* ---- Clear-signed ---- */

static const struct {
    const char *name;
    const char *fields;
    const char *boundary;
    const char *preamble;
    const char *signature; /* fields of its part */
} clear_forms[] = {
    {"Thunderbird",
     "User-Agent: Mozilla Thunderbird\r\nContent-Language: de-DE\r\nMIME-Version: 1.0\r\n"
     "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; "
     "boundary=\"------------ms010203040506070809000102\"\r\n",
     "------------ms010203040506070809000102",
     "This is a cryptographically signed message in MIME format.\r\n\r\n",
     "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
     "Content-Transfer-Encoding: base64\r\n"
     "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n"
     "Content-Description: S/MIME Cryptographic Signature\r\n"},
    {"Outlook",
     "MIME-Version: 1.0\r\nContent-Type: multipart/signed;\r\n"
     "\tprotocol=\"application/x-pkcs7-signature\";\r\n\tmicalg=SHA1;\r\n"
     "\tboundary=\"----=_NextPart_000_0012_01DA0F5C.6C2B8E90\"\r\n"
     "X-Mailer: Microsoft Outlook 16.0\r\nThread-Index: AQHaD1xsK46QhJk0\r\n"
     "Content-Language: de\r\n",
     "----=_NextPart_000_0012_01DA0F5C.6C2B8E90",
     "This is a multipart message in MIME format.\r\n\r\n",
     "Content-Type: application/pkcs7-signature;\r\n\tname=\"smime.p7s\"\r\n"
     "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n"
     "\tfilename=\"smime.p7s\"\r\n"},
    {"Outlook, digest by number",
     "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=\"_000_b_\";\r\n"
     " protocol=\"application/x-pkcs7-signature\"; micalg=\"2.16.840.1.101.3.4.2.1\"\r\n",
     "_000_b_", "",
     "Content-Type: application/x-pkcs7-signature; name=\"smime.p7s\"\r\n"
     "Content-Transfer-Encoding: BASE64\r\n"},
    {"Apple Mail",
     "Content-Type: multipart/signed;\r\n"
     "\tboundary=\"Apple-Mail=_3F2504E0-4F89-11D3-9A0C-0305E82C3301\";\r\n"
     "\tprotocol=\"application/pkcs7-signature\";\r\n\tmicalg=sha-256\r\n"
     "Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3731.700.6\\))\r\n"
     "X-Mailer: Apple Mail (2.3731.700.6)\r\n",
     "Apple-Mail=_3F2504E0-4F89-11D3-9A0C-0305E82C3301", "\r\n",
     "Content-Disposition: attachment;\r\n\tfilename=smime.p7s\r\n"
     "Content-Type: application/pkcs7-signature;\r\n\tname=smime.p7s\r\n"
     "Content-Transfer-Encoding: base64\r\n"},
    {"iPhone",
     "Content-Type: multipart/signed; boundary=Apple-Mail-6A2B; "
     "protocol=\"application/pkcs7-signature\"; micalg=sha-256\r\nMime-Version: 1.0 (1.0)\r\n",
     "Apple-Mail-6A2B", "",
     "Content-Type: application/pkcs7-signature; name=smime.p7s; x-apple-part-url=1\r\n"
     "Content-Disposition: attachment; filename=smime.p7s\r\n"
     "Content-Transfer-Encoding: base64\r\n"},
    {"Notes, blanks in the boundary",
     "MIME-Version: 1.0\r\nContent-type: multipart/signed; micalg=sha256;\r\n"
     " boundary=\"=_related 0050A7C3 C1258A6C_=\"; Protocol=\"APPLICATION/PKCS7-SIGNATURE\"\r\n",
     "=_related 0050A7C3 C1258A6C_=", "",
     "Content-type: application/pkcs7-signature; Name=\"=?utf-8?Q?smime=2Ep7s?=\"\r\n"
     "Content-Transfer-Encoding: base64\r\n"},
    {"a gateway that writes parameters by RFC 2231",
     "MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=sha-256;\r\n"
     " boundary=\"of one piece\"; protocol*0*=us-ascii''application%2F;\r\n"
     " protocol*1=pkcs7-signature\r\n",
     "of one piece", "",
     "Content-Type: application/octet-stream; name*=utf-8'de'smime%2Ep7s\r\n"
     "Content-Transfer-Encoding: base64\r\n"},
};

static void add_delimiter(struct bytes *text, const char *boundary, const char *end)
{
    bytes_puts(text, "--");
    bytes_puts(text, boundary);
    bytes_puts(text, end);
}

/* A clear-signed message in the form `i`. */
static struct bytes clear_signed(size_t i)
{
    struct bytes text = bytes_text(FIELDS);
    struct bytes der = cms_of_text(TEXT_ENTITY, SIGN_ALICE);
    bytes_puts(&text, clear_forms[i].fields);
    bytes_puts(&text, "\r\n");
    bytes_puts(&text, clear_forms[i].preamble);
    add_delimiter(&text, clear_forms[i].boundary, "\r\n");
    bytes_puts(&text, TEXT_ENTITY "\r\n");
    add_delimiter(&text, clear_forms[i].boundary, "\r\n");
    bytes_puts(&text, clear_forms[i].signature);
    bytes_puts(&text, "\r\n");
    add_base64(&text, der);
    bytes_puts(&text, "\r\n");
    add_delimiter(&text, clear_forms[i].boundary, "--\r\n");
    bytes_free(&der);
    return text;
}

START_TEST(clear_signed_by_programs)
{
    struct bytes text = clear_signed((size_t)_i);
    struct bytes altered = bytes_copy(text.data, text.length);
    struct opened opened = open_text(text);
    ck_assert_msg(opened.signature == SIGNATURE_VALID, "%s: %s", clear_forms[_i].name,
                  opened.signature_reason);
    ck_assert_int_eq(opened.layers[0].kind, LAYER_SIGNED_DETACHED);
    ck_assert(!opened.changed);
    opened_clear(&opened);
    bytes_replace(&altered, "The secret is 42.", "The secret is 43.");
    opened = open_text(altered);
    assert_signature(&opened, SIGNATURE_INVALID);
    opened_clear(&opened);
}
END_TEST

/* ---- A CMS that is the whole body ---- */

static const struct {
    const char *name;
    const char *fields; /* with the smime-type, where they name one, as %s */
} cms_forms[] = {
    {"Thunderbird", "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; "
                    "name=\"smime.p7m\"; smime-type=%s\r\nContent-Transfer-Encoding: base64\r\n"
                    "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
                    "Content-Description: S/MIME Encrypted Message\r\n"},
    {"Outlook", "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime;\r\n\tsmime-type=%s;\r\n"
                "\tname=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\n"
                "Content-Disposition: attachment;\r\n\tfilename=\"smime.p7m\"\r\n"},
    {"Exchange", "Content-Type: application/x-pkcs7-mime; name=\"smime.p7m\"; smime-type=%s\r\n"
                 "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
                 "Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n"},
    {"Exchange, no smime-type", "Content-Type: application/x-pkcs7-mime;name=smime.p7m\r\n"
                                "Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n"},
    {"Exchange, a type that says nothing",
     "MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=\"smime.p7m\"\r\n"
     "Content-Transfer-Encoding: base64\r\n"
     "Content-Disposition: attachment; filename=\"smime.p7m\"; size=4711\r\n"},
    {"Apple Mail",
     "Content-Type: application/pkcs7-mime;\r\n\tname=smime.p7m;\r\n\tsmime-type=%s\r\n"
     "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n"
     "\tfilename=smime.p7m\r\nMime-Version: 1.0 (Mac OS X Mail 16.0 "
     "\\(3731.700.6\\))\r\n"},
    {"a bare attachment", "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
                          "Content-Transfer-Encoding: base64\r\n"},
    {"a name by RFC 2231",
     "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
     "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n"
     " filename*0*=utf-8''verschl%%C3%%BCsselt;\r\n filename*1*=%%2Ep7m\r\n"},
    {"a name by RFC 2047", "MIME-Version: 1.0\r\nContent-Type: application/octet-stream;\r\n"
                           " name=\"=?utf-8?Q?verschl=C3=BCsselt=2Ep7m?=\"\r\n"
                           "Content-Transfer-Encoding: base64\r\n"},
};

static struct bytes whole_body(size_t i, const char *smime_type, struct bytes der)
{
    struct bytes text = bytes_text(FIELDS);
    char *fields = NULL;
    ck_assert_int_gt(asprintf(&fields, cms_forms[i].fields, smime_type), 0);
    bytes_puts(&text, fields);
    bytes_puts(&text, "\r\n");
    add_base64(&text, der);
    bytes_free(&der);
    free(fields);
    return text;
}

START_TEST(whole_bodies_by_programs)
{
    static const struct {
        const char *type;
        const char *arguments;
    } kinds[] = {{"signed-data", SIGN_ALICE " -nodetach"},
                 {"enveloped-data", ENCRYPT_BOB},
                 {"authEnveloped-data", "-encrypt -aes-256-gcm -recip bob.pem"}};
    /* Programs show it as a text: a signature that it holds counts for nothing. */
    bool untyped = strstr(cms_forms[_i].fields, "Content-Type:") == NULL;
    for (size_t k = 0; k < 3; k++) {
        struct opened opened = open_text(
            whole_body((size_t)_i, kinds[k].type, cms_of_text(TEXT_ENTITY, kinds[k].arguments)));
        enum signature_verdict wanted = k > 0     ? SIGNATURE_NONE
                                        : untyped ? SIGNATURE_NONE
                                                  : SIGNATURE_VALID;
        ck_assert_msg(opened.signature == wanted, "%s: %s (%s)", cms_forms[_i].name,
                      signature_verdict_name(opened.signature), opened.signature_reason);
        ck_assert_msg(opened.encryption == (k == 0 ? ENCRYPTION_NONE : ENCRYPTION_DECRYPTED),
                      "%s: %s", cms_forms[_i].name, opened.encryption_reason);
        if (k > 0) {
            struct bytes text = delivered(&opened);
            assert_contains(text.data, "The secret is 42.");
            ck_assert_ptr_null(strstr(text.data, "p7m"));
            bytes_free(&text);
        }
        opened_clear(&opened);
    }
}
END_TEST

/* ---- Mailing lists ---- */

#define FOOTER "_____________\r\nfriends mailing list\r\nhttps://lists.test/friends\r\n"

static struct bytes no_list(struct bytes text)
{
    return text;
}

static struct bytes footer_behind(struct bytes text)
{
    bytes_puts(&text, "\r\n" FOOTER);
    return text;
}

static struct bytes footer_in_the_text(struct bytes text)
{
    bytes_replace(&text, "Bye.\r\n", "Bye.\r\n" FOOTER);
    return text;
}

/* The content fields and the body become a part beside the footer. */
static struct bytes footer_as_a_part(struct bytes text)
{
    char *entity = strstr(text.data, "Content-Type:");
    struct bytes out;
    ck_assert_ptr_nonnull(entity);
    out = bytes_copy(text.data, (size_t)(entity - text.data));
    bytes_puts(&out, "Content-Type: multipart/mixed; boundary=list\r\n\r\n--list\r\n");
    bytes_puts(&out, entity);
    bytes_puts(&out, "\r\n--list\r\nContent-Type: text/plain\r\n\r\n" FOOTER "--list--\r\n");
    bytes_free(&text);
    return out;
}

static struct bytes subject_and_fields(struct bytes text)
{
    bytes_replace(&text, "Subject: ",
                  "List-Id: <friends.lists.test>\r\nPrecedence: list\r\n"
                  "Sender: friends-bounces@lists.test\r\nSubject: [friends] ");
    return text;
}

static struct bytes from_of_the_list(struct bytes text)
{
    bytes_replace(&text, "<alice@example.com>",
                  "via friends <friends@lists.test>\r\nReply-To: alice@example.com");
    return text;
}

static struct bytes encoded_anew(struct bytes text)
{
    bytes_replace(
        &text, "us-ascii\r\n\r\nThe secret is 42.",
        "us-ascii\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThe secret is=2042.");
    return text;
}

static struct bytes without_signature(struct bytes text)
{
    char *part = strstr(text.data, "Content-Type: application/pkcs7-signature");
    ck_assert_ptr_nonnull(part);
    text.length = (size_t)(part - text.data);
    text.data[text.length] = '\0';
    bytes_puts(&text, "Content-Type: text/plain\r\n\r\n" FOOTER);
    add_delimiter(&text, clear_forms[0].boundary, "--\r\n");
    return text;
}

enum sent { CLEAR, OPAQUE, ENCRYPTED };

static const struct {
    const char *name;
    enum sent sent;
    struct bytes (*alter)(struct bytes text);
    enum signature_verdict signature;
    enum encryption_verdict encryption;
    const char *reason; /* of the signature, or of the encryption where it was encrypted */
} lists[] = {
    {"unaltered", CLEAR, no_list, SIGNATURE_VALID, ENCRYPTION_NONE, "signed by alice"},
    {"a footer behind all", CLEAR, footer_behind, SIGNATURE_VALID, ENCRYPTION_NONE, "alice"},
    {"a subject prefix", CLEAR, subject_and_fields, SIGNATURE_VALID, ENCRYPTION_NONE, "alice"},
    {"a footer in the text", CLEAR, footer_in_the_text, SIGNATURE_INVALID, ENCRYPTION_NONE,
     "not what was signed"},
    {"a footer as a part", CLEAR, footer_as_a_part, SIGNATURE_PARTIAL, ENCRYPTION_NONE,
     "only a part"},
    {"From of the list", CLEAR, from_of_the_list, SIGNATURE_MISMATCH, ENCRYPTION_NONE,
     "not by friends@lists.test"},
    {"text encoded anew", CLEAR, encoded_anew, SIGNATURE_INVALID, ENCRYPTION_NONE,
     "not what was signed"},
    {"attachments taken off", CLEAR, without_signature, SIGNATURE_INVALID, ENCRYPTION_NONE,
     "signature"},
    {"opaque, unaltered", OPAQUE, no_list, SIGNATURE_VALID, ENCRYPTION_NONE, "alice"},
    {"opaque, a footer behind it", OPAQUE, footer_behind, SIGNATURE_INVALID, ENCRYPTION_NONE,
     "base64"},
    {"opaque, a footer as a part", OPAQUE, footer_as_a_part, SIGNATURE_PARTIAL, ENCRYPTION_NONE,
     "only a part"},
    {"encrypted, unaltered", ENCRYPTED, no_list, SIGNATURE_NONE, ENCRYPTION_DECRYPTED, "decrypted"},
    {"encrypted, a footer behind it", ENCRYPTED, footer_behind, SIGNATURE_NONE,
     ENCRYPTION_NOT_DECRYPTED, "base64"},
    {"encrypted, a footer as a part", ENCRYPTED, footer_as_a_part, SIGNATURE_NONE, ENCRYPTION_NONE,
     "left alone"},
};

/* Each is told, and never is the footer in what is said to be signed. */
START_TEST(through_a_list)
{
    struct bytes text;
    struct opened opened;
    if (lists[_i].sent == CLEAR)
        text = clear_signed(0);
    else if (lists[_i].sent == OPAQUE)
        text = whole_body(0, "signed-data", cms_of_text(TEXT_ENTITY, SIGN_ALICE " -nodetach"));
    else
        text = whole_body(0, "enveloped-data", cms_of_text(TEXT_ENTITY, ENCRYPT_BOB));
    opened = open_text(lists[_i].alter(text));
    ck_assert_msg(opened.signature == lists[_i].signature, "%s: %s (%s)", lists[_i].name,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    ck_assert_msg(opened.encryption == lists[_i].encryption, "%s: %s (%s)", lists[_i].name,
                  encryption_verdict_name(opened.encryption), opened.encryption_reason);
    assert_contains(lists[_i].sent == ENCRYPTED ? opened.encryption_reason
                                                : opened.signature_reason,
                    lists[_i].reason);
    opened_clear(&opened);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("programs");
    TCase *tcase = tcase_create("forms");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    LOOP(tcase, clear_signed_by_programs, clear_forms);
    LOOP(tcase, whole_bodies_by_programs, cms_forms);
    LOOP(tcase, through_a_list, lists);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
