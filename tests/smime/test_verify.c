/* Judging signatures: what is valid, and above all what is not. */
#include "incoming_fixture.h"

#include <openssl/cms.h>

#include "signer_address.h"

static const char *const alice = "alice@example.com";

/* ---- What the openssl command makes is valid ---- */

struct good {
    const char *arguments;
    const char *from;
    const char *algorithms;
};

static const struct good goods[] = {
    {SIGN_ALICE, "alice@example.com", "sha256 rsaEncryption"},
    {"-sign -signer alice.pem -inkey alice.key -md sha384", "Alice <ALICE@EXAMPLE.COM>",
     "sha384 rsaEncryption"},
    {"-sign -signer alice.pem -inkey alice.key -md sha512", "alice@example.com",
     "sha512 rsaEncryption"},
    {"-sign -signer alice.pem -inkey alice.key -md sha1", "alice@example.com",
     "sha1 rsaEncryption"},
    {SIGN_ALICE " -keyopt rsa_padding_mode:pss", "alice@example.com", "sha256 rsassaPss"},
    {SIGN_ALICE " -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32", "alice@example.com",
     "sha256 rsassaPss"},
    {"-sign -signer carol.pem -inkey carol.key -md sha256", "carol@example.com",
     "sha256 ecdsa-with-SHA256"},
    {SIGN_ALICE " -noattr", "alice@example.com", "sha256 rsaEncryption"},
    {SIGN_ALICE " -keyid", "alice@example.com", "sha256 rsaEncryption"},
    {SIGN_ALICE " -nosmimecap", "alice@example.com", "sha256 rsaEncryption"},
    {SIGN_ALICE " -certfile bob.pem", "alice@example.com", "sha256 rsaEncryption"},
    /* The openssl command streams opaque ones only. */
    {SIGN_ALICE " -stream", "alice@example.com", "sha256 rsaEncryption"},
};

START_TEST(good_signatures)
{
    const struct good *good = &goods[_i];
    struct opened opened =
        open_message(message_of(good->from, signed_entity(TEXT_ENTITY, good->arguments)));
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_str_eq(opened.layers[0].algorithms, good->algorithms);
    ck_assert_ptr_nonnull(opened.layers[0].signer);
    ck_assert((opened.layers[0].signing_time != 0) == (strstr(good->arguments, "noattr") == NULL));
    if (strstr(good->arguments, "sha1") != NULL)
        assert_contains(opened.signature_reason, "SHA-1");
    opened_clear(&opened);
}
END_TEST

START_TEST(good_opaque_signatures)
{
    const struct good *good = &goods[_i];
    struct opened opened =
        open_message(message_of(good->from, opaque_entity(TEXT_ENTITY, good->arguments)));
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_str_eq(opened.layers[0].algorithms, good->algorithms);
    opened_clear(&opened);
}
END_TEST

/* ---- Text that is no longer what was signed ---- */

/* Change a byte of the signed content, at every place of it. */
START_TEST(every_changed_byte_counts)
{
    struct bytes made = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    char *content = strstr(made.data, TEXT_ENTITY);
    size_t at = (size_t)(content - made.data);
    ck_assert_ptr_nonnull(content);
    for (size_t i = 0; i < strlen(TEXT_ENTITY); i++) {
        struct bytes entity = bytes_copy(made.data, made.length);
        struct opened opened;
        entity.data[at + i] ^= 1;
        opened = open_message(message_of(alice, entity));
        assert_signature(&opened, SIGNATURE_INVALID);
        ck_assert_ptr_null(opened.layers[0].signer);
        ck_assert_ptr_null(opened.harvest.certificate);
        opened_clear(&opened);
    }
    bytes_free(&made);
}
END_TEST

/* Flip bits all over the CMS: never valid, but where no signed or verified byte is touched (the
 * unsigned parts of the structure are few: then at least the same signer has signed the same text).
 */
START_TEST(flipped_bits_in_the_structure)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, SIGN_ALICE);
    size_t valid = 0;
    size_t tried = 0;
    for (size_t i = 0; i < der.length; i += 3, tried++) {
        struct bytes bad = bytes_copy(der.data, der.length);
        struct opened opened;
        bad.data[i] = (char)(bad.data[i] ^ (1 << (i % 8)));
        opened =
            open_message(message_of(alice, wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), bad)));
        if (opened.signature == SIGNATURE_VALID) {
            valid++;
            ck_assert_int_eq(X509_cmp(opened.layers[0].signer, world.people[ALICE].certificate), 0);
        }
        opened_clear(&opened);
    }
    ck_assert_msg(valid * 50 < tried, "%zu of %zu are valid", valid, tried);
    bytes_free(&der);
}
END_TEST

/* Structures that were cut off, at every 16th byte. */
START_TEST(truncated_structure)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, SIGN_ALICE);
    struct bytes opaque = cms_of_text(TEXT_ENTITY, SIGN_ALICE " -nodetach");
    for (size_t length = 0; length < der.length; length += 16) {
        struct opened opened = open_message(message_of(
            alice, wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), bytes_copy(der.data, length))));
        assert_signature(&opened, SIGNATURE_INVALID);
        opened_clear(&opened);
        opened = open_message(
            message_of(alice, wrap_cms(bytes_copy(opaque.data, length), "signed-data")));
        assert_signature(&opened, SIGNATURE_INVALID);
        opened_clear(&opened);
    }
    bytes_free(&der);
    bytes_free(&opaque);
}
END_TEST

START_TEST(bytes_behind_the_structure)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, SIGN_ALICE);
    struct opened opened;
    bytes_puts(&der, "x");
    opened = open_message(message_of(alice, wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), der)));
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "follow the CMS structure");
    opened_clear(&opened);
}
END_TEST

/* ---- MIME around it ---- */

struct alteration {
    const char *name;
    const char *old;
    const char *new;
    enum signature_verdict wanted;
};

static const struct alteration alterations[] = {
    {"nothing", "This is signed.", "This is signed.", SIGNATURE_VALID},
    {"another preamble", "This is signed.", "Pay Eve.", SIGNATURE_VALID},
    {"an epilogue", "--outer--\r\n", "--outer--\r\nfooter\r\n-- \r\nof a list\r\n",
     SIGNATURE_VALID},
    {"blanks behind a delimiter", "--outer\r\nContent-Type: text",
     "--outer \t\r\nContent-Type: text", SIGNATURE_VALID},
    {"quoted boundary", "boundary=outer", "boundary=\"outer\"", SIGNATURE_VALID},
    {"boundary of RFC 2231", "boundary=outer", "boundary*0=ou; boundary*1=ter", SIGNATURE_VALID},
    {"encoded boundary", "boundary=outer", "boundary*=us-ascii''ou%74er", SIGNATURE_VALID},
    {"folded", "; boundary=outer", ";\r\n\tboundary\r\n =\r\n outer", SIGNATURE_VALID},
    {"comment", "multipart/signed;", "multipart/signed (boundary=evil);", SIGNATURE_VALID},
    {"no micalg", " micalg=sha-256;", "", SIGNATURE_VALID},
    {"wrong micalg", "micalg=sha-256", "micalg=md5", SIGNATURE_VALID},
    {"x- protocol", "application/pkcs7-signature\";", "application/x-pkcs7-signature\";",
     SIGNATURE_VALID},
    {"no protocol", " protocol=\"application/pkcs7-signature\";", "", SIGNATURE_VALID},
    {"other label of the signature", "application/pkcs7-signature; name=smime.p7s",
     "application/octet-stream", SIGNATURE_VALID},
    {"no close delimiter", "--outer--\r\n", "", SIGNATURE_VALID},
    {"case of the boundary", "boundary=outer", "boundary=OUTER", SIGNATURE_INVALID},
    {"no boundary", "boundary=outer", "x=y", SIGNATURE_INVALID},
    {"empty boundary", "boundary=outer", "boundary=\"\"", SIGNATURE_NONE},
    {"two boundaries", "boundary=outer", "boundary=outer; boundary=evil", SIGNATURE_PARTIAL},
    {"two boundaries of two kinds", "boundary=outer", "boundary=outer; boundary*0=evil",
     SIGNATURE_PARTIAL},
    {"a quote that never ends", "boundary=outer", "boundary=outer; x=\"", SIGNATURE_PARTIAL},
    {"two Content-Type fields", "Content-Type: multipart/signed",
     "Content-Type: text/plain\r\nContent-Type: multipart/signed", SIGNATURE_NONE},
    {"two Content-Type fields, the other way", "Content-Type: multipart/signed",
     "Content-Type: multipart/signed; boundary=outer\r\nContent-Type: text/html",
     SIGNATURE_PARTIAL},
    {"encoded as a whole", "Content-Type: multipart/signed",
     "Content-Transfer-Encoding: base64\r\nContent-Type: multipart/signed", SIGNATURE_INVALID},
    {"a part in front", "--outer\r\n",
     "--outer\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n--outer\r\n", SIGNATURE_INVALID},
    {"a part behind", "\r\n--outer--\r\n",
     "\r\n--outer\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n--outer--\r\n", SIGNATURE_INVALID},
    {"a part in the epilogue", "--outer--\r\n",
     "--outer--\r\n--outer\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n", SIGNATURE_INVALID},
    {"another multipart in the preamble", "This is signed.",
     "--evil\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n--evil--", SIGNATURE_INVALID},
    {"another multipart in the epilogue", "--outer--\r\n",
     "--outer--\r\n--outer2\r\n\r\nPay Eve.\r\n", SIGNATURE_INVALID},
    {"text before the signature", "\r\n\r\nMII", "\r\n\r\n--x\r\nMII", SIGNATURE_INVALID},
    {"another type of multipart", "multipart/signed", "multipart/mixed", SIGNATURE_PARTIAL},
    {"a signature by somebody else's rules", "application/pkcs7-signature\"",
     "application/pgp-signature\"", SIGNATURE_VALID},
};

START_TEST(altered_mime)
{
    const struct alteration *alteration = &alterations[_i];
    struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    struct opened opened;
    bytes_replace(&entity, alteration->old, alteration->new);
    opened = open_message(message_of(alice, entity));
    ck_assert_msg(opened.signature == alteration->wanted, "%s: %s (%s)", alteration->name,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    opened_clear(&opened);
}
END_TEST

/* The signed bytes are those of the text: odd boundaries, empty parts, bodies without a last line
 * end, LF line ends. */
static const char *const contents[] = {
    "",
    "\r\n",
    "\r\n\r\n",
    "Content-Type: text/plain\r\n\r\n",
    "Content-Type: text/plain\r\n\r\nno line end",
    "Content-Type: text/plain\r\n\r\ntrailing blanks  \r\n \r\n\r\n",
    "Content-Type: text/plain\r\n\r\n--outer1\r\n--oute\r\n---outer\r\n -\r\n--\r\n",
    "Content-Type: text/plain\r\n\r\nFrom me\r\n.\r\nbare\nline\rends\r\n",
    "not MIME",
};

START_TEST(signed_bytes_are_exact)
{
    struct opened opened = open_message(message_of(alice, signed_entity(contents[_i], SIGN_ALICE)));
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
}
END_TEST

static const char *const boundaries[] = {
    "\"a;b\"",
    "\"a b c\"",
    "\"=_?:(x),./'+\"",
    "\"a\\\"b\"",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    "-",
};
static const char *const boundary_texts[] = {
    "a;b",
    "a b c",
    "=_?:(x),./'+",
    "a\"b",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    "-",
};

START_TEST(odd_boundaries)
{
    struct bytes entity = wrap_signed_as(boundary_texts[_i], TEXT_ENTITY, strlen(TEXT_ENTITY),
                                         cms_of_text(TEXT_ENTITY, SIGN_ALICE));
    char *old = NULL;
    char *new = NULL;
    struct opened opened;
    ck_assert_int_gt(asprintf(&old, "boundary=%s", boundary_texts[_i]), 0);
    ck_assert_int_gt(asprintf(&new, "boundary=%s", boundaries[_i]), 0);
    bytes_replace(&entity, old, new);
    opened = open_message(message_of(alice, entity));
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    free(old);
    free(new);
}
END_TEST

/* A binary signature part, quoted-printable, and base64 with blanks; and garbage within. */
START_TEST(encodings_of_the_signature)
{
    static const struct {
        const char *old;
        const char *new;
        enum signature_verdict wanted;
    } changes[] = {
        {"base64\r\n\r\n", "BASE64\r\n\r\n \r\n\t", SIGNATURE_VALID},
        {"base64\r\n\r\n", "base64\r\n\r\n!", SIGNATURE_INVALID},
        {"base64\r\n\r\n", "base64\r\n\r\nA", SIGNATURE_INVALID},
        {"base64\r\n\r\n", "base64\r\n\r\nMA==", SIGNATURE_INVALID},
        {"base64\r\n\r\n", "7bit\r\n\r\n", SIGNATURE_INVALID},
        {"base64\r\n\r\n", "x-unknown\r\n\r\n", SIGNATURE_INVALID},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
        struct opened opened;
        bytes_replace(&entity, changes[i].old, changes[i].new);
        opened = open_message(message_of(alice, entity));
        ck_assert_msg(opened.signature == changes[i].wanted, "%s: %s (%s)", changes[i].new,
                      signature_verdict_name(opened.signature), opened.signature_reason);
        opened_clear(&opened);
    }
}
END_TEST

/* ---- Content beside content ---- */

START_TEST(content_beside_detached_content)
{
    struct bytes same = cms_of_text(TEXT_ENTITY, SIGN_ALICE " -nodetach");
    struct bytes other =
        cms_of_text("Content-Type: text/plain\r\n\r\nReal.\r\n", SIGN_ALICE " -nodetach");
    struct opened opened =
        open_message(message_of(alice, wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), same)));
    assert_signature(&opened, SIGNATURE_INVALID);
    opened_clear(&opened);
    opened = open_message(message_of(alice, wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), other)));
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "content of its own");
    opened_clear(&opened);
    opened = open_message(
        message_of(alice, wrap_cms(cms_of_text(TEXT_ENTITY, SIGN_ALICE), "signed-data")));
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "no content");
    opened_clear(&opened);
}
END_TEST

/* ---- Structures made by OpenSSL's library ---- */

static struct bytes der_of(CMS_ContentInfo *info)
{
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(info, &der);
    struct bytes out;
    ck_assert_int_gt(length, 0);
    out = bytes_copy((const char *)der, (size_t)length);
    OPENSSL_free(der);
    CMS_ContentInfo_free(info);
    return out;
}

/* SignedData over TEXT_ENTITY with `count` SignerInfos by these people in turn; `flags` of all but
 * the first ones' certificates. */
static struct bytes sign_many(const enum person *people, size_t people_count, size_t count,
                              unsigned flags)
{
    BIO *bio = BIO_new_mem_buf(TEXT_ENTITY, -1);
    CMS_ContentInfo *info =
        CMS_sign(NULL, NULL, NULL, bio, CMS_BINARY | CMS_PARTIAL | CMS_DETACHED);
    ck_assert_ptr_nonnull(info);
    for (size_t i = 0; i < count; i++) {
        const struct pki *pki = &world.people[people[i % people_count]];
        unsigned more = i >= people_count ? CMS_NOCERTS : i > 0 ? flags : 0;
        ck_assert_ptr_nonnull(
            CMS_add1_signer(info, pki->certificate, pki->key, EVP_sha256(), more));
    }
    ck_assert(count == 0 || CMS_final(info, bio, NULL, CMS_BINARY | CMS_DETACHED) == 1);
    BIO_free(bio);
    ERR_clear_error();
    return der_of(info);
}

static struct opened open_signed_by(struct bytes der, const char *from)
{
    return open_message(message_of(from, wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), der)));
}

START_TEST(no_signer_is_no_signature)
{
    struct opened opened = open_signed_by(sign_many(NULL, 1, 0, 0), alice);
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "no signer");
    opened_clear(&opened);
}
END_TEST

START_TEST(thousand_signers)
{
    static const enum person people[] = {CAROL};
    struct opened opened = open_signed_by(sign_many(people, 1, 1000, 0), alice);
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "SignerInfos");
    opened_clear(&opened);
}
END_TEST

START_TEST(several_signers)
{
    static const enum person people[] = {EVE, ALICE, CAROL};
    struct opened opened = open_signed_by(sign_many(people, 3, 3, 0), alice);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_int_eq(X509_cmp(opened.layers[0].signer, world.people[ALICE].certificate), 0);
    opened_clear(&opened);
    opened = open_signed_by(sign_many(people, 3, 3, 0), "bob@partner.test");
    assert_signature(&opened, SIGNATURE_MISMATCH);
    opened_clear(&opened);
}
END_TEST

/* The place of a SignerInfo's signature in its DER. */
static size_t signature_at(struct bytes der, int index)
{
    const unsigned char *at = (const unsigned char *)der.data;
    CMS_ContentInfo *info = d2i_CMS_ContentInfo(NULL, &at, (long)der.length);
    const ASN1_OCTET_STRING *signature;
    const char *found;
    ck_assert_ptr_nonnull(info);
    signature =
        CMS_SignerInfo_get0_signature(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(info), index));
    found = memmem(der.data, der.length, ASN1_STRING_get0_data(signature),
                   (size_t)ASN1_STRING_length(signature));
    ck_assert_ptr_nonnull(found);
    CMS_ContentInfo_free(info);
    return (size_t)(found - der.data);
}

START_TEST(one_bad_signer_spoils_all)
{
    static const enum person people[] = {ALICE, BOB};
    for (int bad = 0; bad < 2; bad++) {
        struct bytes der = sign_many(people, 2, 2, 0);
        size_t at = signature_at(der, bad) + 40;
        struct opened opened;
        der.data[at] ^= 1;
        opened = open_signed_by(der, alice);
        assert_signature(&opened, SIGNATURE_INVALID);
        opened_clear(&opened);
    }
}
END_TEST

START_TEST(one_unknown_signer_spoils_all)
{
    static const enum person people[] = {ALICE, BOB};
    struct opened opened = open_signed_by(sign_many(people, 2, 2, CMS_NOCERTS), alice);
    assert_signature(&opened, SIGNATURE_UNKNOWN_SIGNER);
    opened_clear(&opened);
}
END_TEST

/* The DER of signed attributes, with the tag under which they are signed, is content for a
 * signature without any. */
START_TEST(attributes_are_no_content)
{
    static const char set[] = "\x31\x04\x30\x02\x05\x00";
    struct bytes content = bytes_copy(set, sizeof set - 1);
    struct bytes der = cms(content, SIGN_ALICE " -noattr -nodetach");
    struct opened opened = open_message(message_of(alice, wrap_cms(der, "signed-data")));
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "attributes of another signature");
    opened_clear(&opened);
    opened = open_message(message_of(
        alice, wrap_signed(content.data, content.length, cms(content, SIGN_ALICE " -noattr"))));
    assert_signature(&opened, SIGNATURE_INVALID);
    opened_clear(&opened);
    bytes_free(&content);
}
END_TEST

START_TEST(broken_digest)
{
    struct opened opened = open_message(message_of(
        alice, signed_entity(TEXT_ENTITY, "-sign -signer alice.pem -inkey alice.key -md md5")));
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "md5");
    opened_clear(&opened);
}
END_TEST

START_TEST(other_content_type)
{
    struct opened opened = open_message(
        message_of(alice, opaque_entity(TEXT_ENTITY, SIGN_ALICE " -econtent_type 1.2.3.4")));
    assert_signature(&opened, SIGNATURE_INVALID);
    assert_contains(opened.signature_reason, "id-data");
    opened_clear(&opened);
}
END_TEST

/* ---- Whose certificate ---- */

static struct opened open_from(const char *from, const char *arguments,
                               const struct open_request *request)
{
    return open_with(message_of(from, signed_entity(TEXT_ENTITY, arguments)), request);
}

START_TEST(missing_certificate)
{
    struct open_request request = default_request();
    struct opened opened = open_from(alice, SIGN_ALICE " -nocerts", &request);
    assert_signature(&opened, SIGNATURE_UNKNOWN_SIGNER);
    assert_contains(opened.signature_reason, "certificate for verification");
    opened_clear(&opened);
    /* Another certificate of Alice's with the same key is not the one that the SignerInfo names. */
    opened = open_from(alice, SIGN_ALICE " -nocerts -certfile bob.pem", &request);
    assert_signature(&opened, SIGNATURE_UNKNOWN_SIGNER);
    opened_clear(&opened);
    request.intermediates = pki_chain(&world.people[ALICE].certificate, 1);
    opened = open_from(alice, SIGN_ALICE " -nocerts", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    sk_X509_pop_free(request.intermediates, X509_free);
}
END_TEST

/* Eve puts a certificate with Alice's issuer and serial number, and Eve's key, in front. */
START_TEST(forged_issuer_and_serial)
{
    struct pki forged_ca = pki_ca("Test CA");
    long serial = 4711;
    struct pki real = pki_make(
        &(struct pki_spec){.addresses = {"alice@example.com"}, .serial = serial}, &world.ca);
    struct pki forged = pki_make(
        &(struct pki_spec){.addresses = {"alice@example.com"}, .serial = serial}, &forged_ca);
    struct open_request request = default_request();
    struct opened opened;
    write_pki("real", &real);
    write_pki("forged", &forged);
    /* Eve signs: her certificate is found, and no anchor stands behind it. */
    opened =
        open_from(alice, "-sign -signer forged.pem -inkey forged.key -certfile real.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    /* Alice signs, and Eve adds hers on the way: it harms nobody. */
    opened =
        open_from(alice, "-sign -signer real.pem -inkey real.key -certfile forged.pem", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    pki_clear(&forged_ca);
    pki_clear(&real);
    pki_clear(&forged);
}
END_TEST

/* ---- From ---- */

static const struct {
    const char *from; /* field and what may follow it */
    enum signature_verdict wanted;
} froms[] = {
    {"alice@example.com", SIGNATURE_VALID},
    {"\"alice@example.com\" <alice@example.com>", SIGNATURE_VALID},
    {"\"Alice @work.de, max@work\" <alice@example.com>", SIGNATURE_VALID},
    {"\"bob@partner.test\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"Bob (bob@partner.test)\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"alice@example.com bob@partner.test\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=40partner=2Etest?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=40par?= =?utf-8?q?tner=2Etest?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"=?utf-8?q?bob=40partner=2Etest?=\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=EF=BC=A0partner=2Etest?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=40part=E2=80=8Bner=2Etest?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"bob@\r\n partner.test\" <alice@example.com>", SIGNATURE_VALID},
    {"\"'alice@example.com'\" <alice@example.com>", SIGNATURE_VALID},
    {"\"'bob@partner.test'\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"bob@partner.test!\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"Boss {bob@partner.test}\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"CEO|bob@partner.test|\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"\"mailto:bob@partner.test?\" <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=40partner.test=E2=80=99s?= mail <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=40partner.test=E2=A0=80?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=40partner.test=01?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"=?utf-8?q?bob=E2=80=8A=40partner.test?= <alice@example.com>", SIGNATURE_MISMATCH},
    {"bob@partner.test", SIGNATURE_MISMATCH},
    {"\"alice@example.com\" <bob@partner.test>", SIGNATURE_MISMATCH},
    {"alice@example.com, bob@partner.test", SIGNATURE_MISMATCH},
    {"alice@example.com\r\nFrom: bob@partner.test", SIGNATURE_MISMATCH},
    {"alice@example.com\r\nFrom: alice@example.com", SIGNATURE_MISMATCH},
    {"bob@partner.test\r\nSender: alice@example.com", SIGNATURE_MISMATCH},
    {"alice@example.com.evil.test", SIGNATURE_MISMATCH},
    {"xalice@example.com", SIGNATURE_MISMATCH},
    {"", SIGNATURE_MISMATCH},
};

START_TEST(from_decides)
{
    struct opened opened =
        open_message(message_of(froms[_i].from, signed_entity(TEXT_ENTITY, SIGN_ALICE)));
    ck_assert_msg(opened.signature == froms[_i].wanted, "%s: %s (%s)", froms[_i].from,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    opened_clear(&opened);
}
END_TEST

/* A From among what is signed must be the message's. */
START_TEST(signed_from)
{
    static const struct {
        const char *content;
        enum signature_verdict wanted;
    } inner[] = {
        {"From: Alice <ALICE@example.com>\r\nSubject: x\r\n" TEXT_ENTITY, SIGNATURE_VALID},
        {"From: eve@evil.test\r\n" TEXT_ENTITY, SIGNATURE_MISMATCH},
        {"From: alice@example.com\r\nFrom: eve@evil.test\r\n" TEXT_ENTITY, SIGNATURE_MISMATCH},
    };
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        struct opened opened =
            open_message(message_of(alice, signed_entity(inner[i].content, SIGN_ALICE)));
        assert_signature(&opened, inner[i].wanted);
        opened_clear(&opened);
        opened = open_message(message_of(alice, opaque_entity(inner[i].content, SIGN_ALICE)));
        assert_signature(&opened, inner[i].wanted);
        opened_clear(&opened);
    }
}
END_TEST

/* ---- What a certificate may be ---- */

#define DORA "dora@example.com"

static const struct {
    const char *name;
    struct pki_spec spec;
    enum signature_verdict wanted;
    const char *reason;
} certificates[] = {
    {"as usual", {.addresses = {DORA}}, SIGNATURE_VALID, "signed by"},
    {"several addresses", {.addresses = {"x@y.test", "Dora@EXAMPLE.com"}}, SIGNATURE_VALID, NULL},
    {"subject's address", {.common_name = "Dora", .email = DORA}, SIGNATURE_VALID, NULL},
    {"subject's address beside another one",
     {.addresses = {"other@example.com"}, .email = DORA},
     SIGNATURE_MISMATCH,
     "other@example.com"},
    {"subject's address beside DNS names",
     {.dns_names = {"example.com"}, .email = DORA, .common_name = "Dora"},
     SIGNATURE_VALID,
     NULL},
    {"common name is no address",
     {.common_name = DORA, .dns_names = {"example.com"}},
     SIGNATURE_MISMATCH,
     "without an address"},
    {"SmtpUTF8Mailbox", {.smtp_utf8 = {DORA}, .common_name = "D"}, SIGNATURE_VALID, NULL},
    {"SmtpUTF8Mailbox of somebody else",
     {.smtp_utf8 = {"other@example.com"}, .email = DORA, .common_name = "D"},
     SIGNATURE_MISMATCH,
     NULL},
    {"angle brackets", {.addresses = {"<" DORA ">"}}, SIGNATURE_MISMATCH, NULL},
    {"a control character", {.addresses = {DORA "\n"}}, SIGNATURE_MISMATCH, NULL},
    {"domain", {.addresses = {"example.com"}}, SIGNATURE_MISMATCH, NULL},
    {"no usage at all",
     {.addresses = {DORA}, .key_usage = PKI_NO_USAGE, .extended_key_usage = PKI_NO_USAGE},
     SIGNATURE_VALID,
     NULL},
    {"nonRepudiation only",
     {.addresses = {DORA}, .key_usage = "critical,nonRepudiation"},
     SIGNATURE_VALID,
     NULL},
    {"encryption only",
     {.addresses = {DORA}, .key_usage = "critical,keyAgreement"},
     SIGNATURE_UNTRUSTED,
     "purpose"},
    {"any extended usage",
     {.addresses = {DORA}, .extended_key_usage = "anyExtendedKeyUsage"},
     SIGNATURE_VALID,
     NULL},
    {"for servers only",
     {.addresses = {DORA}, .extended_key_usage = "serverAuth"},
     SIGNATURE_UNTRUSTED,
     "purpose"},
    {"expired",
     {.addresses = {DORA}, .not_after = PKI_NOW - PKI_DAY},
     SIGNATURE_EXPIRED,
     "expired"},
    {"not yet valid",
     {.addresses = {DORA}, .not_before = PKI_NOW + PKI_DAY},
     SIGNATURE_EXPIRED,
     "not yet valid"},
    {"expired and for servers",
     {.addresses = {DORA}, .not_after = PKI_NOW - PKI_DAY, .extended_key_usage = "serverAuth"},
     SIGNATURE_UNTRUSTED,
     "purpose"},
    {"expired and of somebody else",
     {.addresses = {"other@example.com"}, .not_after = PKI_NOW - PKI_DAY},
     SIGNATURE_MISMATCH,
     NULL},
    {"RSA of 1024 bits", {.addresses = {DORA}, .key = PKI_RSA_1024}, SIGNATURE_VALID, NULL},
};

START_TEST(certificate_decides)
{
    struct pki dora = pki_make(&certificates[_i].spec, &world.ca);
    struct open_request request = default_request();
    struct opened opened;
    write_pki("dora", &dora);
    opened = open_from(DORA, "-sign -md sha256 -signer dora.pem -inkey dora.key", &request);
    ck_assert_msg(opened.signature == certificates[_i].wanted, "%s: %s (%s)", certificates[_i].name,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    if (certificates[_i].reason != NULL)
        assert_contains(opened.signature_reason, certificates[_i].reason);
    opened_clear(&opened);
    pki_clear(&dora);
}
END_TEST

/* Each address that From shows must be the signer's, not only one of them. */
START_TEST(all_that_is_shown_is_judged)
{
    static const struct {
        const char *name;
        enum signature_verdict wanted;
    } names[] = {{"other@example.com", SIGNATURE_VALID},
                 {"bob@partner.test", SIGNATURE_MISMATCH},
                 {"other@example.com bob@partner.test", SIGNATURE_MISMATCH},
                 {"bob@partner.test other@example.com", SIGNATURE_MISMATCH}};
    struct pki dora =
        pki_make(&(struct pki_spec){.addresses = {DORA, "other@example.com"}}, &world.ca);
    struct open_request request = default_request();
    write_pki("dora", &dora);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[100];
        struct opened opened;
        (void)snprintf(from, sizeof from, "\"%s\" <" DORA ">", names[i].name);
        opened = open_from(from, "-sign -md sha256 -signer dora.pem -inkey dora.key", &request);
        ck_assert_msg(opened.signature == names[i].wanted, "%s: %s", from, opened.signature_reason);
        opened_clear(&opened);
    }
    pki_clear(&dora);
}
END_TEST

/* ---- Chains ---- */

static struct opened open_dora(const struct pki *dora, const char *more,
                               const struct open_request *request)
{
    char *arguments = NULL;
    struct opened opened;
    write_pki("dora", dora);
    ck_assert_int_gt(
        asprintf(&arguments, "-sign -md sha256 -signer dora.pem -inkey dora.key %s", more), 0);
    opened = open_from(DORA, arguments, request);
    free(arguments);
    return opened;
}

START_TEST(unknown_issuer)
{
    struct pki dora = pki_leaf(&world.foreign_ca, DORA);
    struct pki alone = pki_leaf(NULL, DORA);
    struct open_request request = default_request();
    struct opened opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    /* The foreign root travels along: that makes it no anchor. */
    write_pki("foreign", &world.foreign_ca);
    opened = open_dora(&dora, "-certfile foreign.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    request.intermediates = pki_chain(&world.foreign_ca.certificate, 1);
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    opened = open_dora(&alone, "", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    sk_X509_pop_free(request.intermediates, X509_free);
    pki_clear(&dora);
    pki_clear(&alone);
}
END_TEST

START_TEST(intermediates)
{
    struct pki middle = pki_intermediate(&world.ca, "Middle");
    struct pki lower = pki_intermediate(&middle, "Lower");
    struct pki dora = pki_leaf(&lower, DORA);
    X509 *both[] = {middle.certificate, lower.certificate};
    struct open_request request = default_request();
    struct opened opened;
    write_pki("middle", &middle);
    write_pki("lower", &lower);
    run("cat lower.pem middle.pem > both.pem");
    opened = open_dora(&dora, "-certfile lower.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    opened = open_dora(&dora, "-certfile both.pem", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_int_eq(sk_X509_num(opened.harvest.intermediates), 2);
    opened_clear(&opened);
    request.limits.max_chain = 1;
    opened = open_dora(&dora, "-certfile both.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    request.limits.max_chain = 10;
    request.intermediates = pki_chain(both, 2);
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    sk_X509_pop_free(request.intermediates, X509_free);
    pki_clear(&middle);
    pki_clear(&lower);
    pki_clear(&dora);
}
END_TEST

/* A CA may bind what is below it to a policy (RFC 5280 section 4.2.1.11). `openssl verify` says the
 * same of each. */
START_TEST(policies_are_processed)
{
    static const struct {
        const char *ca;
        const char *leaf;
        bool valid;
    } policies[] = {
        {"", "", true},
        {"certificatePolicies=1.2.3.4\n", "", true},
        {"certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n",
         "certificatePolicies=1.2.3.4\n", true},
        {"certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n",
         "certificatePolicies=1.2.3.5\n", false},
        {"certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n", "",
         false},
    };
    struct open_request request = default_request();
    char text[256];
    request.now = time(NULL) + PKI_DAY; /* `openssl x509 -req` takes no other time */
    run("{ for k in bound dora; do openssl req -new -newkey rsa:2048 -nodes -keyout $k.key -subj "
        "/CN=$k -out $k.csr; done; }");
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct opened opened;
        bool valid;
        (void)snprintf(text, sizeof text, "basicConstraints=critical,CA:TRUE\n%s", policies[i].ca);
        write_file("bound.ext", text, strlen(text));
        (void)snprintf(text, sizeof text, "subjectAltName=email:" DORA "\n%s", policies[i].leaf);
        write_file("dora.ext", text, strlen(text));
        run("{ sign() { openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial "
            "-days 900 -extfile $1.ext -sha256 -out $1.pem; } && sign bound ca && sign dora bound; "
            "}");
        run("{ openssl verify -policy_check -policy anyPolicy -attime %lld -CAfile ca.pem "
            "-untrusted bound.pem "
            "dora.pem 2>&1 && echo yes || echo no; } > said",
            (long long)request.now);
        char *path = world_path("said");
        struct bytes said = read_file(path);
        valid = strstr(said.data, "yes") != NULL;
        ck_assert_msg(valid == policies[i].valid, "%zu: openssl says %s", i, said.data);
        opened =
            open_from(DORA, "-sign -md sha256 -signer dora.pem -inkey dora.key -certfile bound.pem",
                      &request);
        assert_signature(&opened, valid ? SIGNATURE_VALID : SIGNATURE_UNTRUSTED);
        opened_clear(&opened);
        bytes_free(&said);
        free(path);
    }
}
END_TEST

/* A leaf that signs certificates. */
START_TEST(a_leaf_is_no_issuer)
{
    struct pki dora = pki_leaf(&world.people[EVE], DORA);
    struct open_request request = default_request();
    struct opened opened = open_dora(&dora, "-certfile eve.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    pki_clear(&dora);
}
END_TEST

/* The issuer has expired and the leaf was not even signed by it: expired is not all that is
 * wrong. */
START_TEST(expired_does_not_hide_worse)
{
    struct pki old = pki_make(
        &(struct pki_spec){.common_name = "Old CA", .ca = true, .not_after = PKI_NOW - PKI_DAY},
        &world.ca);
    struct pki twin = pki_make(&(struct pki_spec){.common_name = "Old CA", .ca = true}, NULL);
    struct pki forged = pki_leaf(&twin, DORA);
    struct pki real = pki_leaf(&old, DORA);
    struct open_request request = default_request();
    struct opened opened;
    write_pki("old", &old);
    opened = open_dora(&real, "-certfile old.pem", &request);
    assert_signature(&opened, SIGNATURE_EXPIRED);
    opened_clear(&opened);
    opened = open_dora(&forged, "-certfile old.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    pki_clear(&old);
    pki_clear(&twin);
    pki_clear(&forged);
    pki_clear(&real);
}
END_TEST

/* A CA without key identifiers: only its name says which it is. */
static struct pki nameless_ca(void)
{
    struct pki ca = pki_ca("Twin CA");
    int at = X509_get_ext_by_NID(ca.certificate, NID_subject_key_identifier, -1);
    X509_EXTENSION_free(X509_delete_ext(ca.certificate, at));
    ck_assert_int_gt(X509_sign(ca.certificate, ca.key, EVP_sha256()), 0);
    return ca;
}

static struct pki nameless_leaf(const struct pki *ca)
{
    struct pki leaf = pki_make(&(struct pki_spec){.addresses = {DORA}}, NULL);
    ck_assert_int_eq(X509_set_issuer_name(leaf.certificate, X509_get_subject_name(ca->certificate)),
                     1);
    ck_assert_int_gt(X509_sign(leaf.certificate, ca->key, EVP_sha256()), 0);
    return leaf;
}

START_TEST(anchors_of_one_name)
{
    struct pki cas[3] = {nameless_ca(), nameless_ca(), nameless_ca()};
    X509_STORE *anchors = X509_STORE_new();
    struct open_request request = default_request();
    request.anchors = anchors;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(X509_STORE_add_cert(anchors, cas[i].certificate), 1);
    for (int i = 0; i < 3; i++) {
        struct pki dora = nameless_leaf(&cas[i]);
        struct opened opened = open_dora(&dora, "", &request);
        assert_signature(&opened, i < 2 ? SIGNATURE_VALID : SIGNATURE_UNTRUSTED);
        opened_clear(&opened);
        pki_clear(&dora);
    }
    for (int i = 0; i < 3; i++)
        pki_clear(&cas[i]);
    X509_STORE_free(anchors);
}
END_TEST

/* An intermediate that an administrator believes without its root. */
START_TEST(intermediate_as_anchor)
{
    struct pki middle = pki_intermediate(&world.foreign_ca, "Foreign Middle");
    struct pki dora = pki_leaf(&middle, DORA);
    X509_STORE *anchors = X509_STORE_new();
    struct open_request request = default_request();
    struct opened opened;
    ck_assert_int_eq(X509_STORE_add_cert(anchors, middle.certificate), 1);
    request.anchors = anchors;
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    X509_STORE_free(anchors);
    pki_clear(&middle);
    pki_clear(&dora);
}
END_TEST

START_TEST(revoked_certificate)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_adj(NULL, PKI_NOW - PKI_DAY, 0, 0);
    X509_STORE *anchors = X509_STORE_new();
    struct open_request request = default_request();
    struct opened opened;
    ck_assert(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(world.ca.certificate)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, time) == 1);
    ck_assert_ptr_nonnull(ASN1_TIME_adj(time, PKI_NOW + PKI_DAY, 0, 0));
    ck_assert(X509_CRL_set1_nextUpdate(crl, time) == 1 &&
              X509_REVOKED_set_serialNumber(
                  revoked, X509_get_serialNumber(world.people[ALICE].certificate)) == 1 &&
              X509_REVOKED_set_revocationDate(revoked, time) == 1 &&
              X509_CRL_add0_revoked(crl, revoked) == 1 &&
              X509_CRL_sign(crl, world.ca.key, EVP_sha256()) > 0);
    ck_assert(X509_STORE_add_cert(anchors, world.ca.certificate) == 1 &&
              X509_STORE_add_crl(anchors, crl) == 1 &&
              X509_STORE_set_flags(anchors, X509_V_FLAG_CRL_CHECK) == 1);
    request.anchors = anchors;
    opened = open_from(alice, SIGN_ALICE, &request);
    assert_signature(&opened, SIGNATURE_REVOKED);
    ck_assert_ptr_null(opened.harvest.certificate);
    opened_clear(&opened);
    opened = open_from("carol@example.com", "-sign -signer carol.pem -inkey carol.key", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    X509_CRL_free(crl);
    ASN1_TIME_free(time);
    X509_STORE_free(anchors);
}
END_TEST

/* A name with a NUL in it, as no tool makes it. */
START_TEST(nul_in_an_address)
{
    static const char trick[] = "dora@example.com\0.evil.test";
    struct pki dora = pki_make(&(struct pki_spec){.common_name = "Dora", .email = DORA}, &world.ca);
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    struct open_request request = default_request();
    struct signer_addresses addresses;
    struct opened opened;
    ck_assert_int_eq(ASN1_STRING_set(string, trick, sizeof trick - 1), 1);
    GENERAL_NAME_set0_value(name, GEN_EMAIL, string);
    ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
    ck_assert_int_eq(X509_add1_ext_i2d(dora.certificate, NID_subject_alt_name, names, 0, 0), 1);
    ck_assert_int_gt(X509_sign(dora.certificate, world.ca.key, EVP_sha256()), 0);
    ck_assert_int_eq(signer_addresses(dora.certificate, &addresses), 0);
    ck_assert_uint_eq(addresses.count, 0);
    signer_addresses_clear(&addresses);
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_MISMATCH);
    opened_clear(&opened);
    GENERAL_NAMES_free(names);
    pki_clear(&dora);
}
END_TEST

/* ---- Memory ---- */

START_TEST(flat_memory)
{
    struct big_message big = big_begin("Content-Type: application/octet-stream\r\n\r\n");
    struct spool *body;
    run("openssl cms " SIGN_ALICE " -binary -outform DER -in big -out out && "
        "base64 -w 76 out | sed 's/$/\r/' > signature");
    body = spool_new(&test_spool_options);
    big_puts(body, "--big\r\n");
    big_append(body, "big");
    big_puts(body, "\r\n--big\r\nContent-Type: application/pkcs7-signature\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n");
    big_append(body, "signature");
    big_puts(body, "\r\n--big--\r\n");
    big_check(&big, body,
              "From: alice@example.com\r\nContent-Type: multipart/signed; boundary=big\r\n\r\n",
              SIGNATURE_VALID, ENCRYPTION_NONE);
}
END_TEST

START_TEST(flat_memory_opaque)
{
    struct big_message big = big_begin("Content-Type: application/octet-stream\r\n\r\n");
    struct spool *body;
    run("openssl cms " SIGN_ALICE " -nodetach -stream -binary -outform DER -in big -out out && "
        "base64 -w 76 out | sed 's/$/\r/' > signature");
    body = spool_new(&test_spool_options);
    big_append(body, "signature");
    big_check(&big, body,
              "From: alice@example.com\r\nContent-Type: application/pkcs7-mime\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\n",
              SIGNATURE_VALID, ENCRYPTION_NONE);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tcase = tcase_create("signatures");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, good_signatures, 0, sizeof goods / sizeof *goods - 1);
    LOOP(tcase, good_opaque_signatures, goods);
    tcase_add_test(tcase, every_changed_byte_counts);
    tcase_add_test(tcase, flipped_bits_in_the_structure);
    tcase_add_test(tcase, truncated_structure);
    tcase_add_test(tcase, bytes_behind_the_structure);
    LOOP(tcase, altered_mime, alterations);
    LOOP(tcase, signed_bytes_are_exact, contents);
    LOOP(tcase, odd_boundaries, boundaries);
    tcase_add_test(tcase, encodings_of_the_signature);
    tcase_add_test(tcase, content_beside_detached_content);
    tcase_add_test(tcase, no_signer_is_no_signature);
    tcase_add_test(tcase, thousand_signers);
    tcase_add_test(tcase, several_signers);
    tcase_add_test(tcase, one_bad_signer_spoils_all);
    tcase_add_test(tcase, one_unknown_signer_spoils_all);
    tcase_add_test(tcase, attributes_are_no_content);
    tcase_add_test(tcase, broken_digest);
    tcase_add_test(tcase, other_content_type);
    tcase_add_test(tcase, missing_certificate);
    tcase_add_test(tcase, forged_issuer_and_serial);
    LOOP(tcase, from_decides, froms);
    tcase_add_test(tcase, signed_from);
    LOOP(tcase, certificate_decides, certificates);
    tcase_add_test(tcase, all_that_is_shown_is_judged);
    tcase_add_test(tcase, unknown_issuer);
    tcase_add_test(tcase, intermediates);
    tcase_add_test(tcase, policies_are_processed);
    tcase_add_test(tcase, a_leaf_is_no_issuer);
    tcase_add_test(tcase, expired_does_not_hide_worse);
    tcase_add_test(tcase, anchors_of_one_name);
    tcase_add_test(tcase, intermediate_as_anchor);
    tcase_add_test(tcase, revoked_certificate);
    tcase_add_test(tcase, nul_in_an_address);
    tcase_add_test(tcase, flat_memory);
    tcase_add_test(tcase, flat_memory_opaque);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
