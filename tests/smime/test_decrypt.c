/* Decrypting: every algorithm that is to be opened, and everything that is not. */
#include "incoming_fixture.h"

#include <openssl/cms.h>

#include "decrypt.h"

/* ---- What the openssl command makes ---- */

static const struct {
    const char *arguments;
    const char *algorithms;
    bool authenticated;
} goods[] = {
    {"-encrypt -aes-128-cbc -recip bob.pem", "rsaEncryption aes-128-cbc", false},
    {"-encrypt -aes-192-cbc -recip bob.pem", "rsaEncryption aes-192-cbc", false},
    {"-encrypt -aes-256-cbc -recip bob.pem", "rsaEncryption aes-256-cbc", false},
    {"-encrypt -des3 -recip bob.pem", "rsaEncryption des-ede3-cbc", false},
    {"-encrypt -aes-128-gcm -recip bob.pem", "rsaEncryption aes-128-gcm", true},
    {"-encrypt -aes-192-gcm -recip bob.pem", "rsaEncryption aes-192-gcm", true},
    {"-encrypt -aes-256-gcm -recip bob.pem", "rsaEncryption aes-256-gcm", true},
    {"-encrypt -aes-256-cbc -recip bob.pem -keyid", "rsaEncryption aes-256-cbc", false},
    {"-encrypt -aes-256-cbc -recip bob.pem -keyopt rsa_padding_mode:oaep", "rsaesOaep aes-256-cbc",
     false},
    {"-encrypt -aes-256-gcm -recip bob.pem -keyopt rsa_padding_mode:oaep "
     "-keyopt rsa_oaep_md:sha256",
     "rsaesOaep aes-256-gcm", true},
    {"-encrypt -aes-256-cbc -recip carol.pem", "dhSinglePass-stdDH-sha1kdf-scheme aes-256-cbc",
     false},
    {"-encrypt -aes-256-cbc -recip carol.pem -keyopt ecdh_kdf_md:sha256",
     "dhSinglePass-stdDH-sha256kdf-scheme aes-256-cbc", false},
    {"-encrypt -aes-256-gcm -recip carol.pem -keyopt ecdh_kdf_md:sha256",
     "dhSinglePass-stdDH-sha256kdf-scheme aes-256-gcm", true},
    {"-encrypt -aes-256-cbc -recip carol.pem -keyid",
     "dhSinglePass-stdDH-sha1kdf-scheme aes-256-cbc", false},
    {"-encrypt -stream -aes-256-cbc -recip bob.pem", "rsaEncryption aes-256-cbc", false},
    {"-encrypt -stream -aes-256-gcm -recip bob.pem", "rsaEncryption aes-256-gcm", true},
};

START_TEST(good_messages)
{
    struct opened opened = open_message(message_of(
        "alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), goods[_i].arguments)));
    struct bytes text;
    assert_encryption(&opened, ENCRYPTION_DECRYPTED);
    ck_assert_str_eq(opened.layers[0].algorithms, goods[_i].algorithms);
    ck_assert_int_eq(opened.layers[0].authenticated, goods[_i].authenticated);
    ck_assert_str_eq(opened.cipher, strchr(goods[_i].algorithms, ' ') + 1);
    text = delivered(&opened);
    assert_contains(text.data, "The secret is 42.");
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* Any size: what is in the block at the end, and beyond a buffer of any kind. */
START_TEST(any_size)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 4095, 4096, 16384, 70001};
    static const char *const arguments[] = {"-encrypt -aes-256-cbc -recip bob.pem",
                                            "-encrypt -aes-256-gcm -stream -recip bob.pem"};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i / 2];
        struct bytes content = bytes_text("\r\n");
        struct opened opened;
        char *line = malloc(size + 1);
        size_t length;
        char *body;
        memset(line, 'x', size);
        for (size_t k = 70; k + 1 < size; k += 72)
            memcpy(line + k, "\r\n", 2);
        bytes_add(&content, line, size);
        opened = open_message(
            message_of("alice@example.com", encrypted_entity(content, arguments[i % 2])));
        assert_encryption(&opened, ENCRYPTION_DECRYPTED);
        body = entity_spool_text(opened.message.body, &length);
        ck_assert_uint_eq(length, size);
        ck_assert_mem_eq(body, line, size);
        free(body);
        free(line);
        opened_clear(&opened);
    }
}
END_TEST

/* ---- Several recipients ---- */

struct asked {
    size_t times;
    size_t count;
    enum person as; /* whose key it gives */
};

static enum key_answer find_as(void *context, const struct recipient_id *ids, size_t count,
                               size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                               char **why)
{
    struct asked *asked = context;
    (void)why;
    asked->times++;
    asked->count = count;
    for (size_t i = 0; i < count; i++)
        if (recipient_id_matches(&ids[i], world.people[asked->as].certificate)) {
            *index_out = i;
            *key_out = world.people[asked->as].key;
            *certificate_out = world.people[asked->as].certificate;
            return KEY_FOUND;
        }
    return KEY_NONE;
}

START_TEST(each_of_several_recipients)
{
    static const enum person readers[] = {ALICE, BOB, CAROL, EVE};
    for (size_t i = 0; i < 4; i++) {
        struct asked asked = {.as = readers[i]};
        struct open_request request = default_request();
        struct opened opened;
        request.keys = (struct key_finder){find_as, &asked};
        opened = open_with(
            message_of("alice@example.com",
                       encrypted_entity(bytes_text(TEXT_ENTITY),
                                        "-encrypt -aes-256-cbc -recip alice.pem -recip bob.pem "
                                        "-recip carol.pem")),
            &request);
        ck_assert_uint_eq(asked.times, 1);
        ck_assert_uint_eq(asked.count, 3);
        assert_encryption(&opened,
                          readers[i] == EVE ? ENCRYPTION_NOT_DECRYPTED : ENCRYPTION_DECRYPTED);
        if (readers[i] == EVE)
            ck_assert_str_eq(opened.encryption_reason, "there is no private key for this message");
        opened_clear(&opened);
    }
}
END_TEST

/* Others read what is decrypted for Bob: each of their keys must open it too. */
static enum key_answer further(void *context, size_t n, EVP_PKEY **key_out, X509 **certificate_out)
{
    const struct asked *asked = context;
    if (n == 1)
        return KEY_NONE;
    if (asked->as == PEOPLE)
        return KEY_ERROR;
    *key_out = world.people[asked->as].key;
    *certificate_out = world.people[asked->as].certificate;
    return KEY_FOUND;
}

static enum key_answer find_bob(void *context, const struct recipient_id *ids, size_t count,
                                size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                char **why)
{
    struct asked bob = {.as = BOB};
    (void)context;
    return find_as(&bob, ids, count, index_out, key_out, certificate_out, why);
}

static const char *const further_arguments[] = {
    "-encrypt -aes-256-cbc -recip bob.pem -recip alice.pem -recip carol.pem",
    "-encrypt -aes-256-gcm -recip alice.pem -recip carol.pem -recip bob.pem",
};

START_TEST(further_readers)
{
    static const enum person readers[] = {ALICE, CAROL, BOB, EVE};
    struct open_request request = default_request();
    request.further_key = further;
    for (size_t i = 0; i < 4; i++) {
        struct asked asked = {.as = readers[i]};
        struct opened opened;
        request.keys = (struct key_finder){find_bob, &asked};
        opened = open_with(message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY),
                                                                            further_arguments[_i])),
                           &request);
        assert_encryption(&opened,
                          readers[i] == EVE ? ENCRYPTION_NOT_DECRYPTED : ENCRYPTION_DECRYPTED);
        ck_assert_int_eq(opened.changed, readers[i] != EVE);
        if (readers[i] == EVE)
            ck_assert_str_eq(opened.encryption_reason, DECRYPT_FAILED);
        opened_clear(&opened);
    }
}
END_TEST

START_TEST(further_key_that_cannot_be_had)
{
    struct bytes text =
        message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB));
    struct entity entity = entity_from(text.data, text.length);
    struct open_request request = default_request();
    struct asked asked = {.as = PEOPLE};
    struct opened opened;
    char *why = NULL;
    request.keys = (struct key_finder){find_bob, &asked};
    request.further_key = further;
    ck_assert_int_eq(smime_open(&entity, &request, &opened, &why), SMIME_ERROR);
    assert_contains(why, "another recipient");
    why_free(&why);
    entity_clear(&entity);
    bytes_free(&text);
}
END_TEST

/* ---- Tampering ---- */

/* Nothing of a failure may show outside which step it was. */
static void assert_silent(struct opened *opened)
{
    assert_encryption(opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened->changed);
    ck_assert_str_eq(opened->encryption_reason, DECRYPT_FAILED);
    opened_clear(opened);
}

static struct opened open_der(struct bytes der)
{
    return open_message(message_of("alice@example.com", wrap_cms(der, "enveloped-data")));
}

/* Every byte of authenticated ciphertext and tag counts. */
START_TEST(tampered_gcm)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-gcm -recip bob.pem");
    size_t end = der.length; /* content and tag are the last ones, no attributes follow */
    for (size_t i = end - strlen(TEXT_ENTITY) - 16 - 2; i < end; i++) {
        struct bytes bad = bytes_copy(der.data, der.length);
        struct opened opened;
        bad.data[i] ^= 0x40;
        opened = open_der(bad);
        assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
        ck_assert(!opened.changed);
        opened_clear(&opened);
    }
    bytes_free(&der);
}
END_TEST

/* The wrapped key of Bob: any change is silent. The one in 256 whose padding is right by chance
 * decrypts to garbage, as it must. */
START_TEST(tampered_key_is_silent)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-gcm -recip bob.pem");
    const unsigned char *at = (const unsigned char *)der.data;
    CMS_ContentInfo *info = d2i_CMS_ContentInfo(NULL, &at, (long)der.length);
    /* The only OCTET STRING of 256 octets. */
    static const char header[] = "\x04\x82\x01\x00";
    char *found = memmem(der.data, der.length, header, 4);
    ck_assert_ptr_nonnull(info);
    ck_assert_ptr_nonnull(found);
    CMS_ContentInfo_free(info);
    for (size_t i = 0; i < 256; i += 15) {
        struct bytes bad = bytes_copy(der.data, der.length);
        struct opened opened;
        bad.data[(size_t)(found - der.data) + 4 + i] ^= 1;
        opened = open_der(bad);
        assert_silent(&opened);
    }
    bytes_free(&der);
}
END_TEST

START_TEST(tampered_agreement_is_silent)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-cbc -recip carol.pem");
    /* The wrapped key: 40 octets. */
    char *found = memmem(der.data, der.length, "\x04\x28", 2);
    ck_assert_ptr_nonnull(found);
    found[12] ^= 1;
    {
        struct opened opened = open_der(der);
        assert_silent(&opened);
    }
}
END_TEST

/* The padding of the last block. */
START_TEST(tampered_cbc_is_silent)
{
    size_t silent = 0;
    for (int i = 0; i < 8; i++) {
        struct bytes der = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-cbc -recip bob.pem");
        struct opened opened;
        der.data[der.length - 1] ^= (char)(1 << i);
        opened = open_der(der);
        if (opened.encryption == ENCRYPTION_NOT_DECRYPTED) {
            silent++;
            assert_silent(&opened);
        } else {
            opened_clear(&opened);
        }
    }
    ck_assert_uint_ge(silent, 6);
}
END_TEST

START_TEST(truncated_ciphertext)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-cbc -recip bob.pem");
    struct bytes gcm = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-gcm -recip bob.pem");
    for (size_t length = 0; length < der.length; length += 16) {
        struct opened opened = open_der(bytes_copy(der.data, length));
        assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
        ck_assert(!opened.changed);
        opened_clear(&opened);
        opened = open_der(bytes_copy(gcm.data, length));
        assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
        opened_clear(&opened);
    }
    bytes_free(&der);
    bytes_free(&gcm);
}
END_TEST

/* ---- Tags that were cut ---- */

/* The DER of AuthEnvelopedData ends with 04 10 and 16 octets of tag; its parameters end with
 * 02 01 10. Cut the tag, and say so in the parameters or not. The lengths around it shrink. */
static void shrink(struct bytes *der, size_t at, size_t by)
{
    unsigned char *length = (unsigned char *)der->data + at;
    unsigned value;
    ck_assert_uint_eq(length[0], 0x82);
    value = (unsigned)(length[1] << 8 | length[2]) - (unsigned)by;
    length[1] = (unsigned char)(value >> 8);
    length[2] = (unsigned char)value;
}

static struct bytes cut_tag(size_t keep, int icv)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, "-encrypt -aes-256-gcm -recip bob.pem");
    size_t tag = der.length - 18;
    size_t cut = 16 - keep;
    char *parameters = memmem(der.data, der.length, "\x02\x01\x10", 3);
    ck_assert_ptr_nonnull(parameters);
    ck_assert_mem_eq(der.data + tag, "\x04\x10", 2);
    parameters[2] = (char)icv;
    der.data[tag + 1] = (char)keep;
    der.length -= cut;
    /* ContentInfo, behind its OID of 13 octets the explicit tag, and AuthEnvelopedData */
    shrink(&der, 1, cut);
    shrink(&der, 4 + 13 + 1, cut);
    shrink(&der, 4 + 13 + 4 + 1, cut);
    return der;
}

START_TEST(cut_tags)
{
    static const struct {
        size_t keep;
        int icv;
        bool opens;
    } tags[] = {{16, 16, true}, {12, 12, true},  {13, 13, true},  {11, 11, false}, {4, 4, false},
                {4, 16, false}, {12, 16, false}, {16, 12, false}, {0, 0, false}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct opened opened = open_der(cut_tag(tags[i].keep, tags[i].icv));
        assert_encryption(&opened, tags[i].opens ? ENCRYPTION_DECRYPTED : ENCRYPTION_NOT_DECRYPTED);
        if (!tags[i].opens)
            assert_contains(opened.encryption_reason, "tag");
        opened_clear(&opened);
    }
}
END_TEST

/* ---- Refused ---- */

static const struct {
    const char *arguments;
    const char *reason;
} refused[] = {
    {"-encrypt -aes-256-cfb -recip bob.pem", "aes-256-cfb is not supported"},
    {"-encrypt -camellia256 -recip bob.pem", "camellia-256-cbc is not supported"},
    {"-encrypt -aes-256-cbc -pwri_password secret", "no private key"},
    {"-EncryptedData_encrypt -aes-128-cbc -secretkey 00112233445566778899aabbccddeeff", NULL},
};

START_TEST(refused_messages)
{
    struct opened opened = open_message(message_of(
        "alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), refused[_i].arguments)));
    if (refused[_i].reason == NULL) {
        assert_encryption(&opened, ENCRYPTION_NONE);
    } else {
        assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
        assert_contains(opened.encryption_reason, refused[_i].reason);
    }
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

/* A thousand recipients are many, and one of them is enough. */
START_TEST(ceilings)
{
    struct open_request request = default_request();
    struct bytes message =
        message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB));
    struct opened opened;
    request.limits.max_structure_bytes = 300;
    opened = open_with(bytes_copy(message.data, message.length), &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    assert_contains(opened.encryption_reason, "more than 300 bytes");
    opened_clear(&opened);
    request = default_request();
    request.limits.max_message_bytes = 300;
    opened = open_with(bytes_copy(message.data, message.length), &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    assert_contains(opened.encryption_reason, "more than 300 bytes");
    opened_clear(&opened);
    request = default_request();
    request.limits.max_header_bytes = 20;
    opened = open_with(message, &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

/* A cipher that we read, in the structure where it does not belong. The last byte of id-aes is the
 * cipher: 2 for AES-128 in CBC mode, 6 in GCM mode. */
START_TEST(misplaced_ciphers)
{
    static const struct {
        const char *arguments;
        char is, becomes;
        const char *reason;
    } cases[] = {
        {"-encrypt -aes-128-cbc -recip bob.pem", 2, 6, "has to make AuthEnvelopedData (RFC 5084)"},
        {"-encrypt -aes-128-gcm -recip bob.pem", 6, 2, "has to make EnvelopedData"},
    };
    static const char id_aes[] = "\x60\x86\x48\x01\x65\x03\x04\x01";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes der = cms_of_text(TEXT_ENTITY, cases[i].arguments);
        char *found = memmem(der.data, der.length, id_aes, 8);
        struct opened opened;
        ck_assert_ptr_nonnull(found);
        ck_assert_int_eq(found[8], cases[i].is);
        found[8] = cases[i].becomes;
        opened = open_der(der);
        assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
        assert_contains(opened.encryption_reason, cases[i].reason);
        opened_clear(&opened);
    }
}
END_TEST

/* What is encrypted must be said to be a message. */
START_TEST(other_content_type)
{
    static const char id_data[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    struct bytes der = cms_of_text(TEXT_ENTITY, ENCRYPT_BOB);
    char *found = memmem(der.data, der.length, id_data, 9);
    struct opened opened;
    ck_assert_ptr_nonnull(found);
    found[8] = 5;
    opened = open_der(der);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    assert_contains(opened.encryption_reason, "id-data");
    opened_clear(&opened);
}
END_TEST

/* What cannot be delivered is not decrypted: with the fields that are added, the header inside is
 * over its ceiling. */
START_TEST(undeliverable_inside)
{
    struct open_request request = default_request();
    struct bytes content = bytes_text("Content-Description: a rather long description of what is "
                                      "to be found in here\r\n\r\nHello\r\n");
    struct opened opened;
    request.limits.max_header_bytes = content.length;
    opened = open_with(message_of("alice@example.com", encrypted_entity(content, ENCRYPT_BOB)),
                       &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_int_eq(opened.layers[0].encryption, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

/* More parts than a parser that builds trees should see. */
START_TEST(many_parts_inside)
{
    struct bytes content = bytes_text("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    struct opened opened;
    for (int i = 0; i < 20000; i++)
        bytes_puts(&content, "--b\r\n\r\nx\r\n");
    opened = open_message(message_of("alice@example.com", encrypted_entity(content, ENCRYPT_BOB)));
    assert_encryption(&opened, ENCRYPTION_DECRYPTED);
    ck_assert(opened.changed);
    assert_contains(opened.signature_reason, "more than 10000");
    opened_clear(&opened);
}
END_TEST

/* ---- Ids ---- */

START_TEST(ids_match_exactly)
{
    X509 *bob = world.people[BOB].certificate;
    X509 *alice = world.people[ALICE].certificate;
    ASN1_OCTET_STRING *key_id = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(bob));
    struct recipient_id by_name = {X509_get_issuer_name(bob), X509_get_serialNumber(bob), NULL};
    struct recipient_id by_key = {NULL, NULL, key_id};
    struct recipient_id nobody = {0};
    ck_assert(recipient_id_matches(&by_name, bob));
    ck_assert(!recipient_id_matches(&by_name, alice));
    ck_assert(recipient_id_matches(&by_key, bob));
    ck_assert(!recipient_id_matches(&by_key, alice));
    ck_assert(!recipient_id_matches(&nobody, bob));
    ASN1_OCTET_STRING_free(key_id);
}
END_TEST

/* ---- Memory ---- */

static const char *const big_arguments[] = {
    "-encrypt -aes-256-cbc -stream -recip bob.pem",
    "-encrypt -aes-256-gcm -stream -recip bob.pem",
    "-encrypt -aes-256-cbc -recip carol.pem",
};

START_TEST(flat_memory)
{
    struct big_message big = big_begin("Content-Type: text/plain\r\n\r\n");
    struct spool *body = spool_new(&test_spool_options);
    run("openssl cms %s -binary -outform DER -in big -out out && "
        "base64 -w 76 out | sed 's/$/\r/' > encrypted && rm out big",
        big_arguments[_i]);
    big_append(body, "encrypted");
    big_check(&big, body,
              "From: alice@example.com\r\nContent-Type: application/pkcs7-mime\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\n",
              SIGNATURE_NONE, ENCRYPTION_DECRYPTED);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("decrypt");
    TCase *tcase = tcase_create("encrypted messages");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 300);
    LOOP(tcase, good_messages, goods);
    tcase_add_test(tcase, any_size);
    tcase_add_test(tcase, each_of_several_recipients);
    LOOP(tcase, further_readers, further_arguments);
    tcase_add_test(tcase, further_key_that_cannot_be_had);
    tcase_add_test(tcase, tampered_gcm);
    tcase_add_test(tcase, tampered_key_is_silent);
    tcase_add_test(tcase, tampered_agreement_is_silent);
    tcase_add_test(tcase, tampered_cbc_is_silent);
    tcase_add_test(tcase, truncated_ciphertext);
    tcase_add_test(tcase, cut_tags);
    LOOP(tcase, refused_messages, refused);
    tcase_add_test(tcase, ceilings);
    tcase_add_test(tcase, misplaced_ciphers);
    tcase_add_test(tcase, other_content_type);
    tcase_add_test(tcase, undeliverable_inside);
    tcase_add_test(tcase, many_parts_inside);
    tcase_add_test(tcase, ids_match_exactly);
    LOOP(tcase, flat_memory, big_arguments);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
