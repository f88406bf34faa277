/* Judging signatures: what is valid, and above all what is not. Who has signed: test_signer.c. */
#include "incoming_fixture.h"

#include <openssl/cms.h>

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
    const char *because; /* why it is not valid */
};

#define GUESSED "programs differ in which of them they take, and show other parts"

static const struct alteration alterations[] = {
    {"nothing", "This is signed.", "This is signed.", SIGNATURE_VALID, NULL},
    {"another preamble", "This is signed.", "Pay Eve.", SIGNATURE_VALID, NULL},
    {"an epilogue", "--outer--\r\n", "--outer--\r\nfooter\r\n-- \r\nof a list\r\n", SIGNATURE_VALID,
     NULL},
    {"blanks behind a delimiter", "--outer\r\nContent-Type: text",
     "--outer \t\r\nContent-Type: text", SIGNATURE_VALID, NULL},
    {"quoted boundary", "boundary=outer", "boundary=\"outer\"", SIGNATURE_VALID, NULL},
    {"folded", "; boundary=outer", ";\r\n\tboundary\r\n =\r\n outer", SIGNATURE_VALID, NULL},
    {"no micalg", " micalg=sha-256;", "", SIGNATURE_VALID, NULL},
    {"wrong micalg", "micalg=sha-256", "micalg=md5", SIGNATURE_VALID, NULL},
    {"x- protocol", "application/pkcs7-signature\";", "application/x-pkcs7-signature\";",
     SIGNATURE_VALID, NULL},
    {"no protocol", " protocol=\"application/pkcs7-signature\";", "", SIGNATURE_VALID, NULL},
    {"no close delimiter", "--outer--\r\n", "", SIGNATURE_VALID, NULL},
    {"case of the boundary", "boundary=outer", "boundary=OUTER", SIGNATURE_INVALID,
     "boundaries differ by case: there is no part"},
    {"no boundary", "boundary=outer", "x=y", SIGNATURE_INVALID,
     "without a boundary there are no parts, whatever it says of itself"},
    {"empty boundary", "boundary=outer", "boundary=\"\"", SIGNATURE_NONE,
     "a boundary of nothing is none, and every line of dashes would be one"},
    {"two boundaries", "boundary=outer", "boundary=outer; boundary=evil", SIGNATURE_PARTIAL,
     GUESSED},
    {"two boundaries of two kinds", "boundary=outer", "boundary=outer; boundary*0=evil",
     SIGNATURE_PARTIAL, GUESSED},
    {"a quote that never ends", "boundary=outer", "boundary=outer; x=\"", SIGNATURE_PARTIAL,
     "where the parameter ends is a guess, and with it what the boundary is"},
    {"two Content-Type fields", "Content-Type: multipart/signed",
     "Content-Type: text/plain\r\nContent-Type: multipart/signed", SIGNATURE_NONE,
     "programs show text/plain, in which nothing is signed"},
    {"two Content-Type fields, the other way", "Content-Type: multipart/signed",
     "Content-Type: multipart/signed; boundary=outer\r\nContent-Type: text/html", SIGNATURE_PARTIAL,
     "programs that take the last one show HTML"},
    {"encoded as a whole", "Content-Type: multipart/signed",
     "Content-Transfer-Encoding: base64\r\nContent-Type: multipart/signed", SIGNATURE_INVALID,
     "a program that decodes it all the same sees other parts (RFC 2045 section 6.4)"},
    {"a part in front", "--outer\r\n",
     "--outer\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n--outer\r\n", SIGNATURE_INVALID,
     "it is shown, and not signed"},
    {"a part behind", "\r\n--outer--\r\n",
     "\r\n--outer\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n--outer--\r\n", SIGNATURE_INVALID,
     "it is shown, and not signed"},
    {"a part in the epilogue", "--outer--\r\n",
     "--outer--\r\n--outer\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n", SIGNATURE_INVALID,
     "programs that go on behind the last delimiter show it"},
    {"another multipart in the preamble", "This is signed.",
     "--evil\r\nContent-Type: text/plain\r\n\r\nPay Eve.\r\n--evil--", SIGNATURE_INVALID,
     "programs that guess the boundary from the text show it"},
    {"another multipart in the epilogue", "--outer--\r\n",
     "--outer--\r\n--outer2\r\n\r\nPay Eve.\r\n", SIGNATURE_INVALID,
     "programs compare boundaries by their beginning"},
    {"text before the signature", "\r\n\r\nMII", "\r\n\r\n--x\r\nMII", SIGNATURE_INVALID,
     "what one base64 decoder skips another one takes"},
    {"another type of multipart", "multipart/signed", "multipart/mixed", SIGNATURE_PARTIAL,
     "multipart/mixed promises no signature of the whole (it can grow parts)"},
    {"a signature by somebody else's rules", "application/pkcs7-signature\"",
     "application/pgp-signature\"", SIGNATURE_VALID, NULL},
};

START_TEST(altered_mime)
{
    const struct alteration *alteration = &alterations[_i];
    struct bytes entity = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    struct opened opened;
    bytes_replace(&entity, alteration->old, alteration->new);
    opened = open_message(message_of(alice, entity));
    ck_assert((alteration->because == NULL) == (alteration->wanted == SIGNATURE_VALID));
    ck_assert_msg(opened.signature == alteration->wanted, "%s: %s (%s); but %s", alteration->name,
                  signature_verdict_name(opened.signature), opened.signature_reason,
                  alteration->because != NULL ? alteration->because : "nothing signed was changed");
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
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    "-",
};
static const char *const boundary_texts[] = {
    "a;b",
    "a b c",
    "=_?:(x),./'+",
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

/* With signed attributes, which say it once more, and without. */
START_TEST(other_content_type)
{
    static const char *const arguments[] = {SIGN_ALICE " -econtent_type 1.2.3.4",
                                            SIGN_ALICE " -noattr -econtent_type 1.2.3.4"};
    for (size_t i = 0; i < 2; i++) {
        struct opened opened =
            open_message(message_of(alice, opaque_entity(TEXT_ENTITY, arguments[i])));
        assert_signature(&opened, SIGNATURE_INVALID);
        assert_contains(opened.signature_reason, "id-data");
        opened_clear(&opened);
    }
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

/* More addresses than anybody has, and one who is named behind them; as many in the name of From,
 * each of which is looked for. */
START_TEST(many_addresses)
{
    static const struct {
        const char *from;
        enum signature_verdict wanted;
    } cases[] = {{"a0@b.test", SIGNATURE_UNTRUSTED},
                 {"a999@b.test", SIGNATURE_UNTRUSTED},
                 {"a1000@b.test", SIGNATURE_MISMATCH},
                 {"\"a1@b.test a999@b.test\" <a0@b.test>", SIGNATURE_UNTRUSTED},
                 {"\"a1@b.test a1000@b.test\" <a0@b.test>", SIGNATURE_MISMATCH}};
    struct bytes config = bytes_text("[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\n"
                                     "subjectAltName=@a\n[a]\n");
    for (int i = 0; i <= 1000; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "email.%d=a%d@b.test\n", i, i);
        bytes_puts(&config, line);
    }
    write_file("many.cnf", config.data, config.length);
    bytes_free(&config);
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout many.key "
        "-subj /CN=x -config many.cnf -out many.pem");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes entity =
            signed_entity(TEXT_ENTITY, "-sign -signer many.pem -inkey many.key -md sha256");
        struct opened opened = open_message(message_of(cases[i].from, entity));
        ck_assert_msg(opened.signature == cases[i].wanted, "%s: %s", cases[i].from,
                      opened.signature_reason);
        opened_clear(&opened);
    }
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
    tcase_add_test(tcase, many_addresses);
    tcase_add_test(tcase, flat_memory);
    tcase_add_test(tcase, flat_memory_opaque);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
