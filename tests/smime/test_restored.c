/* Header protection of what came in (RFC 9788 section 4, RFC 8551 section 3.1): which fields of the
 * message are replaced by what its payload says. All messages come from `openssl cms`. */
#include "incoming_fixture.h"

#define FROM "From: Alice <alice@example.com>\r\n"
#define PLAIN(mark) "Content-Type: text/plain; charset=us-ascii" mark "\r\n\r\nThe body.\r\n"
#define CIPHER PLAIN("; hp=\"cipher\"")
#define CLEAR PLAIN("; hp=\"clear\"")
#define OLD PLAIN("; protected-headers=\"v1\"")

#define HEADER_BYTES 100000 /* the ceiling here */

/* The message around all payloads. */
#define OUTSIDE                                                                                    \
    "Received: from somewhere\r\n"                                                                 \
    "From: alice@example.com\r\n"                                                                  \
    "To: bob@partner.test\r\n"                                                                     \
    "Subject: [...]\r\n"                                                                           \
    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"                                                    \
    "Message-ID: <id@example.com>\r\n"

/* What happens to it on its way, the innermost layer first. */
enum layers {
    SIGNED,           /* well, by Alice */
    SIGNED_OPAQUE,    /* the same, opaquely */
    SIGNED_BADLY,     /* and altered */
    SIGNED_BY_EVE,    /* who is not From */
    ENCRYPTED,        /* unsigned, CBC */
    SIGNED_ENCRYPTED, /* as usual */
    ENCRYPTED_SIGNED, /* the signature outside */
    EVE_ENCRYPTED,
};

static struct bytes entity_of(const char *payload, enum layers layers)
{
    struct bytes entity;
    switch (layers) {
    case SIGNED:
    case SIGNED_ENCRYPTED:
        entity = signed_entity(payload, SIGN_ALICE);
        break;
    case SIGNED_OPAQUE:
        entity = opaque_entity(payload, SIGN_ALICE);
        break;
    case SIGNED_BADLY:
        entity = signed_entity(payload, SIGN_ALICE);
        bytes_replace(&entity, "The body.", "A body...");
        break;
    case SIGNED_BY_EVE:
    case EVE_ENCRYPTED:
        entity = signed_entity(payload, "-sign -signer eve.pem -inkey eve.key -md sha256");
        break;
    default:
        entity = bytes_text(payload);
    }
    if (layers >= ENCRYPTED)
        entity = encrypted_entity(entity, ENCRYPT_BOB);
    if (layers == ENCRYPTED_SIGNED) {
        struct bytes inner = entity;
        entity = signed_entity(inner.data, SIGN_ALICE);
        bytes_free(&inner);
    }
    return entity;
}

static struct opened receive_with(const char *outside, const char *payload, enum layers layers,
                                  bool restore)
{
    struct open_request request = default_request();
    struct bytes message = bytes_text(outside);
    struct bytes entity = entity_of(payload, layers);
    bytes_puts(&message, "MIME-Version: 1.0\r\n");
    bytes_add(&message, entity.data, entity.length);
    bytes_free(&entity);
    request.restore_headers = restore;
    request.limits.max_header_bytes = HEADER_BYTES;
    return open_with(message, &request);
}

static struct opened receive(const char *payload, enum layers layers)
{
    return receive_with(OUTSIDE, payload, layers, true);
}

/* What is told of it, and the fields that are to be written, as text: "Subject: x|". */
static void assert_restored(const struct opened *opened, const char *name, const char *text,
                            const char *fields)
{
    char *told = restored_text(&opened->restored);
    struct bytes found = bytes_text("");
    for (size_t i = 0; i < opened->restored.fields.count; i++) {
        bytes_puts(&found, opened->restored.fields.fields[i].name);
        bytes_puts(&found, ":");
        bytes_puts(&found, opened->restored.fields.fields[i].value);
        bytes_puts(&found, "|");
    }
    ck_assert_msg(strcmp(told, text) == 0, "%s: %s, wanted %s", name, told, text);
    ck_assert_msg(strcmp(found.data, fields) == 0, "%s: %s, wanted %s", name, found.data, fields);
    bytes_free(&found);
    free(told);
}

static const struct {
    const char *name;
    const char *payload;
    enum layers layers;
    const char *told;
    const char *fields;
} cases[] = {
    /* RFC 9788 appendix C.3.1: the usual message. */
    {"as usual",
     "Subject: real\r\n" FROM "To: Bob <bob@partner.test>\r\n"
     "HP-Outer: Subject: [...]\r\nHP-Outer: From: Alice <alice@example.com>\r\n"
     "HP-Outer: To: Bob <bob@partner.test>\r\n" CIPHER,
     SIGNED_ENCRYPTED, "cipher; restored=Subject,To; confidential=Subject",
     "Subject: real|To: Bob <bob@partner.test>|"},
    {"encrypted only",
     "Subject: real\r\n" FROM "To: bob@partner.test\r\nHP-Outer: Subject: [...]\r\n"
     "HP-Outer: To: bob@partner.test\r\n" CIPHER,
     ENCRYPTED, "cipher; restored=Subject; confidential=Subject", "Subject: real|"},
    {"keywords", "Keywords: a\r\nKeywords: b\r\nThread-Topic: t\r\nComments: c\r\n" CIPHER,
     ENCRYPTED,
     "cipher; restored=Subject,Comments,Keywords,To; "
     "confidential=Comments,Keywords,Thread-Topic; differing=Thread-Topic",
     "Comments: c|Keywords: a|Keywords: b|"},
    {"keywords, signed", "Keywords: a\r\nKeywords: b\r\nThread-Topic: t\r\nComments: c\r\n" CIPHER,
     SIGNED_ENCRYPTED,
     "cipher; restored=Subject,Comments,Keywords,Thread-Topic,To; "
     "confidential=Comments,Keywords,Thread-Topic",
     "Comments: c|Keywords: a|Keywords: b|Thread-Topic: t|"},
    {"nothing was hidden",
     "Subject: [...]\r\nTo: bob@partner.test\r\nHP-Outer: Subject: [...]\r\n"
     "HP-Outer:  to:  bob@partner.test\r\n" CIPHER,
     SIGNED_ENCRYPTED, "cipher", ""},
    {"HP-Outer of something else",
     "Subject: real\r\nHP-Outer: Subject: other\r\nHP-Outer: Subjects: real\r\n"
     "HP-Outer: Subject\r\nHP-Outer:\r\n" CIPHER,
     ENCRYPTED, "cipher; restored=Subject,To; confidential=Subject", "Subject: real|"},
    /* Nobody vouches for what was not signed. But whoever wrote it knows the text anyway: an answer
     * to those he names tells them nothing, one to those named outside may (RFC 9788 section 6.2).
     */
    {"unsigned addresses",
     "Subject: real\r\nTo: eve@x.test\r\nCc: eve@x.test\r\nReply-To: eve@x.test\r\n"
     "Followup-To: eve\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\n" CIPHER,
     ENCRYPTED,
     "cipher; restored=Subject,To,Cc,Reply-To,Followup-To,Date; "
     "confidential=Subject,To,Cc,Reply-To,Followup-To,Date",
     "Subject: real|To: eve@x.test|Cc: eve@x.test|Reply-To: eve@x.test|Followup-To: eve|"
     "Date: Mon, 1 Jan 2001 00:00:00 +0000|"},
    {"unsigned addresses, an older form",
     "Subject: real\r\nTo: eve@x.test\r\nCc: eve@x.test\r\nReply-To: eve@x.test\r\n" OLD, ENCRYPTED,
     "protected-headers; restored=Subject; confidential=Subject,To,Cc,Reply-To; "
     "differing=To,Cc,Reply-To",
     "Subject: real|"},
    {"unsigned addresses, encrypted by somebody on the way",
     "Subject: real\r\nTo: eve@x.test\r\nReply-To: eve@x.test\r\n" CLEAR, ENCRYPTED,
     "clear; restored=Subject; differing=To,Reply-To", "Subject: real|"},
    {"threads",
     "Subject: [...]\r\nTo: bob@partner.test\r\nIn-Reply-To: <a@x.test>\r\n"
     "References: <a@x.test>\r\n <b@x.test>\r\nMail-Followup-To: list@x.test\r\n"
     "HP-Outer: Subject: [...]\r\nHP-Outer: To: bob@partner.test\r\n"
     "HP-Outer:\r\n References: <a@x.test> <b@x.test>\r\n" CIPHER,
     SIGNED_ENCRYPTED,
     "cipher; restored=Mail-Followup-To,In-Reply-To,References; "
     "confidential=Mail-Followup-To,In-Reply-To",
     "Mail-Followup-To: list@x.test|In-Reply-To: <a@x.test>|"
     "References: <a@x.test>\r\n <b@x.test>|"},
    {"somebody else's signature", "Subject: real\r\nReply-To: eve@x.test\r\n" CIPHER, EVE_ENCRYPTED,
     "cipher; restored=Subject,To,Reply-To; confidential=Subject,Reply-To",
     "Subject: real|Reply-To: eve@x.test|"},
    {"signed outside", "Subject: real\r\nTo: bob@partner.test\r\nCc: carol@x.test\r\n" CIPHER,
     ENCRYPTED_SIGNED, "cipher; restored=Subject,Cc; confidential=Subject,To,Cc",
     "Subject: real|Cc: carol@x.test|"},
    /* Signed only: only a good signature says anything. */
    {"signed", "Subject: real\r\n" FROM "To: carol@x.test\r\n" CLEAR, SIGNED,
     "clear; restored=Subject,To", "Subject: real|To: carol@x.test|"},
    {"signed opaquely", "Subject: real\r\n" FROM "To: carol@x.test\r\n" CLEAR, SIGNED_OPAQUE,
     "clear; restored=Subject,To", "Subject: real|To: carol@x.test|"},
    {"signed badly", "Subject: real\r\n" FROM CLEAR, SIGNED_BADLY, "clear; differing=Subject", ""},
    {"signed by another", "Subject: real\r\n" CLEAR, SIGNED_BY_EVE, "clear; differing=Subject", ""},
    {"cipher, and never encrypted", "Subject: real\r\nTo: bob@partner.test\r\n" CIPHER, SIGNED,
     "cipher; restored=Subject", "Subject: real|"},
    {"clear, and encrypted", "Subject: real\r\nTo: bob@partner.test\r\n" CLEAR, SIGNED_ENCRYPTED,
     "clear; restored=Subject", "Subject: real|"},
    /* From is never replaced; where it is another's, nothing is. */
    {"another From", "Subject: real\r\nFrom: eve@x.test\r\n" CIPHER, ENCRYPTED,
     "cipher; from=differs; confidential=Subject; differing=Subject,To", ""},
    {"two From", "Subject: real\r\n" FROM "From: eve@x.test\r\n" CIPHER, ENCRYPTED,
     "cipher; from=differs; confidential=Subject; differing=Subject,To", ""},
    {"From as a group", "Subject: real\r\nFrom: x: alice@example.com;\r\n" CIPHER, ENCRYPTED,
     "cipher; from=differs; confidential=Subject; differing=Subject,To", ""},
    /* What is no field for people stays inside. */
    {"trace and verdicts",
     "Received: from x\r\nReturn-Path: <x>\r\nAuthentication-Results: h; dkim=pass\r\n"
     "X-Smimed-Signature: valid\r\nBcc: eve@x.test\r\nSender: eve@x.test\r\n"
     "DKIM-Signature: v=1\r\nMessage-ID: <other@x.test>\r\nList-Id: x\r\nX-Spam: no\r\n"
     "To: bob@partner.test\r\nSubject: [...]\r\n" CIPHER,
     SIGNED_ENCRYPTED, "cipher; confidential=Subject,To", ""},
    {"two subjects", "Subject: real\r\nSubject: other\r\n" CIPHER, ENCRYPTED,
     "cipher; restored=Subject,To; confidential=Subject", "Subject: real|"},
    {"folded and encoded", "Subject: =?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?= \r\n" CIPHER,
     ENCRYPTED, "cipher; restored=Subject,To; confidential=Subject",
     "Subject: =?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?=|"},
    {"8-bit subject", "Subject: Gr\xc3\xbc\xc3\x9f\x65\r\n" CIPHER, ENCRYPTED,
     "cipher; restored=Subject,To; confidential=Subject", "Subject: =?iso-8859-1?b?R3L832U=?=|"},
    {"8-bit address", "To: J\xc3\xbc <j@x.test>\r\nSubject: [...]\r\n" CIPHER, SIGNED_ENCRYPTED,
     "cipher; confidential=Subject,To; differing=To", ""},
    {"control characters", "Subject: a\rBcc: eve@x.test\x1b\x01z\r\n" CIPHER, ENCRYPTED,
     "cipher; restored=Subject,To; confidential=Subject", "Subject: a Bcc: eve@x.test  z|"},
    {"encoded line end", "Subject: =?utf-8?q?a=0D=0ABcc:_eve?= \xc3\xbc\r\n" CIPHER, ENCRYPTED,
     "cipher; restored=Subject,To; confidential=Subject", NULL},
    /* Marks that count for nothing. */
    {"two marks", "Subject: real\r\n" PLAIN("; hp=cipher; hp=clear"), ENCRYPTED, "none", ""},
    {"a mark in pieces", "Subject: real\r\n" PLAIN("; hp*0=cip; hp*1=her"), ENCRYPTED, "none", ""},
    {"a mark twice over", "Subject: real\r\n" PLAIN("; hp=cipher; hp*=us-ascii''clear"), ENCRYPTED,
     "none", ""},
    {"another mark", "Subject: real\r\n" PLAIN("; hp=\"maybe\""), ENCRYPTED, "none", ""},
    {"a mark in a name", "Subject: real\r\n" PLAIN("; name=\"; hp=cipher\""), ENCRYPTED, "none",
     ""},
    {"two types", "Subject: real\r\nContent-Type: text/html; hp=\"cipher\"\r\n" CIPHER, ENCRYPTED,
     "none", ""},
    {"no mark", "Subject: real\r\n" PLAIN(""), SIGNED_ENCRYPTED, "none", ""},
    {"a mark in a part",
     "Subject: one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
     "Subject: real\r\n" CIPHER "--b--\r\n",
     SIGNED_ENCRYPTED, "none", ""},
    {"upper case", "Subject: real\r\n" PLAIN("; HP=\"CIPHER\""), ENCRYPTED,
     "cipher; restored=Subject,To; confidential=Subject", "Subject: real|"},
    /* Before RFC 9788. */
    {"older form", "Subject: real\r\n" FROM OLD, SIGNED_ENCRYPTED,
     "protected-headers; restored=Subject; confidential=Subject", "Subject: real|"},
    {"older form, signed", "Subject: real\r\n" FROM OLD, SIGNED,
     "protected-headers; restored=Subject", "Subject: real|"},
    {"older form, other version", "Subject: real\r\n" PLAIN("; protected-headers=v2"), ENCRYPTED,
     "none", ""},
    {"wrapped",
     "Content-Type: message/rfc822\r\n\r\nSubject: real\r\n" FROM "To: bob@partner.test\r\n"
     "Message-ID: <id@example.com>\r\n" PLAIN(""),
     SIGNED_ENCRYPTED, "wrapped; restored=Subject; confidential=Subject", "Subject: real|"},
    {"wrapped, without an identifier",
     "Content-Type: message/rfc822\r\n\r\nSubject: real\r\n" FROM
     "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n" PLAIN(""),
     ENCRYPTED, "wrapped; restored=Subject; confidential=Subject", "Subject: real|"},
    {"wrapped, as it says",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" FROM PLAIN(""), SIGNED,
     "wrapped; restored=Subject,To", "Subject: real|"},
    {"forwarded, as it says",
     "Content-Type: message/rfc822; forwarded=yes\r\n\r\nSubject: real\r\n" FROM
     "Message-ID: <id@example.com>\r\n" PLAIN(""),
     SIGNED, "none", ""},
    {"forwarded: another message of hers",
     "Content-Type: message/rfc822\r\n\r\nSubject: real\r\n" FROM
     "Message-ID: <other@example.com>\r\n" PLAIN(""),
     SIGNED, "none", ""},
    {"forwarded: another's message",
     "Content-Type: message/rfc822\r\n\r\nSubject: real\r\nFrom: eve@x.test\r\n"
     "Message-ID: <id@example.com>\r\n" PLAIN(""),
     SIGNED, "none", ""},
    {"wrapped, from another",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\nFrom: "
     "eve@x.test\r\n" PLAIN(""),
     SIGNED, "wrapped; from=differs; differing=Subject", ""},
    {"wrapped, with S/MIME of its own",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" FROM
     "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n"
     "\r\n--b\r\n\r\nx\r\n--b--\r\n",
     SIGNED, "none", ""},
    {"wrapped, with ciphertext of its own",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" FROM
     "Content-Type: application/pkcs7-mime\r\n\r\nx\r\n",
     SIGNED, "none", ""},
    {"wrapped and encoded",
     "Content-Type: message/rfc822; forwarded=no\r\nContent-Transfer-Encoding: base64\r\n\r\n"
     "Subject: real\r\n" FROM PLAIN(""),
     SIGNED, "none", ""},
    {"wrapped, of mail in UTF-8",
     "Content-Type: message/global; forwarded=no\r\n\r\nSubject: real\r\n" FROM PLAIN(""), SIGNED,
     "wrapped; restored=Subject,To", "Subject: real|"},
    {"wrapped, from nobody",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" PLAIN(""), SIGNED,
     "none", ""},
    {"wrapped, of two types",
     "Content-Type: message/rfc822; forwarded=no\r\nContent-Type: text/plain\r\n\r\n"
     "Subject: real\r\n" FROM PLAIN(""),
     ENCRYPTED, "none", ""},
    {"forwarded: of another time",
     "Content-Type: message/rfc822\r\n\r\nSubject: real\r\n" FROM
     "Date: Sun, 21 Feb 2021 10:09:02 -0500\r\n" PLAIN(""),
     SIGNED, "none", ""},
    {"told of another field",
     "Subject: real\r\nCc: carol@x.test\r\nHP-Outer: To: carol@x.test\r\n" CIPHER, ENCRYPTED,
     "cipher; restored=Subject,To,Cc; confidential=Subject,Cc", "Subject: real|Cc: carol@x.test|"},
    {"wrapped, and marked outside",
     "Content-Type: message/rfc822; forwarded=no; hp=maybe\r\n\r\nSubject: real\r\n" FROM PLAIN(""),
     SIGNED, "none", ""},
    {"wrapped, and marked inside",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" FROM CLEAR, SIGNED,
     "none", ""},
    {"wrapped, with OpenPGP of its own",
     "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" FROM
     "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n"
     "\r\n--b\r\n\r\nx\r\n--b--\r\n",
     SIGNED, "none", ""},
};

START_TEST(payload_decides)
{
    struct opened opened = receive(cases[_i].payload, cases[_i].layers);
    if (cases[_i].fields != NULL)
        assert_restored(&opened, cases[_i].name, cases[_i].told, cases[_i].fields);
    for (size_t i = 0; i < opened.restored.fields.count; i++) {
        const char *value = opened.restored.fields.fields[i].value;
        for (const char *p = value; *p != '\0'; p++)
            ck_assert((unsigned char)*p < 0x80 &&
                      (*p != '\n' || (p[-1] == '\r' && (p[1] == ' ' || p[1] == '\t'))));
    }
    opened_clear(&opened);
}
END_TEST

/* A protected From that is not the message's: the signature is somebody else's word. */
START_TEST(differing_from_is_a_mismatch)
{
    static const struct {
        const char *payload;
        enum layers layers;
    } forged[] = {
        {"From: eve@x.test\r\n" CLEAR, SIGNED},
        {"From: eve@x.test\r\n" CIPHER, SIGNED_ENCRYPTED},
        {"From: eve@x.test\r\n" CIPHER, ENCRYPTED_SIGNED},
        {"Content-Type: message/rfc822; forwarded=no\r\n\r\nFrom: eve@x.test\r\n" PLAIN(""),
         SIGNED},
    };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        struct opened opened = receive(forged[i].payload, forged[i].layers);
        assert_signature(&opened, SIGNATURE_MISMATCH);
        ck_assert_ptr_null(opened.harvest.certificate);
        ck_assert(opened.restored.from_differs);
        ck_assert_uint_eq(opened.restored.name_count, 0);
        opened_clear(&opened);
    }
}
END_TEST

/* Mallory sends a message of Alice's again and adds whom the answers shall go to. */
START_TEST(what_was_added_outside_goes)
{
    struct opened opened = receive_with(
        OUTSIDE "Cc: mallory@x.test\r\nReply-To: mallory@x.test\r\nSubject: again\r\n",
        "Subject: real\r\n" FROM "To: bob@partner.test\r\n" CIPHER, SIGNED_ENCRYPTED, true);
    assert_restored(&opened, "added",
                    "cipher; restored=Subject,Cc,Reply-To; confidential=Subject,To",
                    "Subject: real|");
    opened_clear(&opened);
    /* A signature of that time said nothing of fields that are not there. */
    opened = receive_with(OUTSIDE "Reply-To: mallory@x.test\r\n", "Subject: real\r\n" FROM OLD,
                          SIGNED_ENCRYPTED, true);
    assert_restored(&opened, "older", "protected-headers; restored=Subject; confidential=Subject",
                    "Subject: real|");
    opened_clear(&opened);
}
END_TEST

START_TEST(nothing_is_restored_where_that_is_off)
{
    struct opened opened =
        receive_with(OUTSIDE, "Subject: real\r\n" FROM CIPHER, SIGNED_ENCRYPTED, false);
    assert_restored(&opened, "off", "cipher; confidential=Subject; differing=Subject", "");
    opened_clear(&opened);
}
END_TEST

/* What cannot be decrypted says nothing of its header. */
START_TEST(unread_payload_says_nothing)
{
    struct open_request request = default_request();
    struct bytes message = bytes_text(OUTSIDE "MIME-Version: 1.0\r\n");
    struct bytes entity = entity_of("Subject: real\r\n" CIPHER, ENCRYPTED);
    struct opened opened;
    bytes_add(&message, entity.data, entity.length);
    bytes_free(&entity);
    request.restore_headers = true;
    request.keys.find = NULL;
    opened = open_with(message, &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_int_eq(opened.restored.form, PROTECTION_FORM_NONE);
    opened_clear(&opened);
}
END_TEST

/* What is delivered is a payload no more; the message in the wrapper is what was meant. */
START_TEST(delivered_content_is_unmarked)
{
    struct opened opened =
        receive("Subject: real\r\nHP-Outer: Subject: [...]\r\n" CIPHER, ENCRYPTED);
    struct bytes text = delivered(&opened);
    assert_contains(text.data, "Content-Type: text/plain; charset=us-ascii\r\n\r\nThe body.\r\n");
    ck_assert_ptr_null(strstr(text.data, "HP-Outer"));
    bytes_free(&text);
    opened_clear(&opened);
    opened = receive("Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: real\r\n" FROM
                     "X-Other: x\r\n" PLAIN(""),
                     ENCRYPTED);
    text = delivered(&opened);
    assert_contains(text.data, "Content-Type: text/plain; charset=us-ascii\r\n\r\nThe body.\r\n");
    ck_assert_ptr_null(strstr(text.data, "rfc822"));
    ck_assert_ptr_null(strstr(text.data, "X-Other"));
    bytes_free(&text);
    opened_clear(&opened);
    /* Signed bytes stay. */
    opened = receive("Subject: real\r\n" FROM CIPHER, SIGNED_ENCRYPTED);
    text = delivered(&opened);
    assert_contains(text.data, "hp=\"cipher\"");
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* A wrapper stays where its From is another's, and where nothing shall be restored. */
START_TEST(wrappers_that_stay)
{
    static const char *const froms[] = {"From: eve@x.test\r\n", FROM};
    for (size_t i = 0; i < 2; i++) {
        char payload[300];
        struct opened opened;
        struct bytes text;
        (void)snprintf(payload, sizeof payload,
                       "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: "
                       "real\r\n%s" PLAIN(""),
                       froms[i]);
        opened = receive_with(OUTSIDE, payload, ENCRYPTED, i == 0);
        text = delivered(&opened);
        assert_contains(text.data, "Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: ");
        bytes_free(&text);
        opened_clear(&opened);
    }
}
END_TEST

/* An expired certificate may be accepted: what it signs for somebody else is still a mismatch. */
START_TEST(differing_from_is_worse_than_expired)
{
    struct open_request request = default_request();
    struct bytes message = bytes_text(OUTSIDE "MIME-Version: 1.0\r\n");
    struct bytes entity = entity_of("From: eve@x.test\r\n" CIPHER, ENCRYPTED_SIGNED);
    struct opened opened;
    bytes_add(&message, entity.data, entity.length);
    bytes_free(&entity);
    request.now = PKI_NOW + 11 * PKI_YEAR;
    opened = open_with(message, &request);
    assert_signature(&opened, SIGNATURE_MISMATCH);
    opened_clear(&opened);
}
END_TEST

/* Add `count` times the same, in one piece. */
static void add_lines(struct bytes *bytes, const char *line, size_t count)
{
    size_t length = strlen(line);
    char *text = malloc(length * count);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * length, line, length);
    bytes_add(bytes, text, length * count);
    free(text);
}

/* A header inside that is as large as a message, or has a field that is. */
START_TEST(size_is_bounded)
{
    struct bytes payload = bytes_text("Subject: ");
    struct opened opened;
    add_lines(&payload, "0123456789012345678901234567890123456789\r\n ", RESTORED_FIELD_BYTES / 40);
    bytes_puts(&payload, "end\r\n" CIPHER);
    opened = receive(payload.data, ENCRYPTED);
    assert_restored(&opened, "long", "cipher; restored=To; confidential=Subject; differing=Subject",
                    "");
    opened_clear(&opened);
    bytes_free(&payload);

    /* ... or has one that will be, encoded. */
    payload = bytes_text("Subject: ");
    add_lines(&payload, "\xc3\xbc\xc3\x9f\xc3\xbc\xc3\x9f\r\n ", (RESTORED_FIELD_BYTES - 20) / 11);
    bytes_puts(&payload, "end\r\n" CIPHER);
    opened = receive(payload.data, ENCRYPTED);
    assert_restored(&opened, "encoded",
                    "cipher; restored=To; confidential=Subject; differing=Subject", "");
    opened_clear(&opened);
    bytes_free(&payload);

    payload = bytes_text("Subject: real\r\n");
    add_lines(&payload, "HP-Outer: x\r\n", 7000);
    bytes_puts(&payload, CIPHER);
    opened = receive(payload.data, ENCRYPTED);
    assert_restored(&opened, "many", "cipher; restored=Subject,To; confidential=Subject",
                    "Subject: real|");
    opened_clear(&opened);
    bytes_free(&payload);

    payload = bytes_text("Subject: real\r\n");
    add_lines(&payload, "X-Filler: 01234567890123456789012345678901234567890123456789\r\n",
              HEADER_BYTES / 50);
    bytes_puts(&payload, CIPHER);
    opened = receive(payload.data, ENCRYPTED);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_int_eq(opened.restored.form, PROTECTION_FORM_NONE);
    opened_clear(&opened);
    bytes_free(&payload);
}
END_TEST

START_TEST(keywords_are_counted)
{
    struct bytes payload = bytes_text("");
    struct opened opened;
    for (size_t i = 0; i < 100; i++)
        bytes_puts(&payload, "Keywords: x\r\n");
    bytes_puts(&payload, CIPHER);
    opened = receive(payload.data, ENCRYPTED);
    ck_assert_uint_eq(opened.restored.fields.count, RESTORED_FIELDS_MAX);
    opened_clear(&opened);
    bytes_free(&payload);
}
END_TEST

/* A NUL is a blank, as everywhere in a header. */
START_TEST(nul_does_not_cut_a_field)
{
    struct open_request request = default_request();
    static const char payload[] = "Subject: a\0b\r\n" CIPHER;
    struct bytes content = {0};
    struct bytes message = bytes_text(OUTSIDE "MIME-Version: 1.0\r\n");
    struct bytes entity;
    struct opened opened;
    bytes_add(&content, payload, sizeof payload - 1);
    entity = encrypted_entity(content, ENCRYPT_BOB);
    bytes_add(&message, entity.data, entity.length);
    bytes_free(&entity);
    request.restore_headers = true;
    opened = open_with(message, &request);
    assert_restored(&opened, "NUL", "cipher; restored=Subject,To; confidential=Subject",
                    "Subject: a b|");
    opened_clear(&opened);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("restored");
    TCase *tcase = tcase_create("restored");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, payload_decides, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, differing_from_is_a_mismatch);
    tcase_add_test(tcase, what_was_added_outside_goes);
    tcase_add_test(tcase, nothing_is_restored_where_that_is_off);
    tcase_add_test(tcase, unread_payload_says_nothing);
    tcase_add_test(tcase, delivered_content_is_unmarked);
    tcase_add_test(tcase, wrappers_that_stay);
    tcase_add_test(tcase, differing_from_is_worse_than_expired);
    tcase_add_test(tcase, size_is_bounded);
    tcase_add_test(tcase, keywords_are_counted);
    tcase_add_test(tcase, nul_does_not_cut_a_field);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
