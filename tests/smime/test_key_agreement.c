/* Key agreement that recipients declare (RFC 5753): the RFC's own encodings are read, and are what
 * we write; what was chosen is what `openssl cms` shows and decrypts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../test_entity.h"
#include "../test_openssl_cli.h"
#include "../test_pki.h"
#include "encrypt.h"
#include "encryption_choice.h"
#include "sign.h"
#include "test_run.h"
#include "why.h"

enum { P256, P384, KEY_COUNT };
static struct pki root, keys[KEY_COUNT];

static void make_keys(void)
{
    static const enum pki_key kinds[KEY_COUNT] = {PKI_EC_P256, PKI_EC_P384};
    root = pki_ca("Root");
    for (int i = 0; i < KEY_COUNT; i++) {
        char name[16];
        keys[i] =
            pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"}, .key = kinds[i]}, &root);
        snprintf(name, sizeof name, "ec%d", i);
        cli_write_pki(name, &keys[i]);
    }
}

/* ---- Encodings ---- */

/* "30 15 06 06 2b 81 04 01 0B 01 30 0b 06 09 60 86 48 01 65 03 04 01 05" and its kin (RFC 5753
 * section 6). */
#define ENCODED_BYTES 23
#define AES_WRAP(scheme, wrap)                                                                     \
    "\x30\x15\x06\x06\x2b\x81\x04\x01\x0b" scheme                                                  \
    "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01" wrap

static const struct {
    const char *der;
    struct key_agreement agreement;
} encoded[KEY_AGREEMENTS] = {
    {AES_WRAP("\x01", "\x2d"), {SIGN_SHA256, WRAP_AES_256}},
    {AES_WRAP("\x01", "\x19"), {SIGN_SHA256, WRAP_AES_192}},
    {AES_WRAP("\x01", "\x05"), {SIGN_SHA256, WRAP_AES_128}},
    {AES_WRAP("\x02", "\x2d"), {SIGN_SHA384, WRAP_AES_256}},
    {AES_WRAP("\x02", "\x19"), {SIGN_SHA384, WRAP_AES_192}},
    {AES_WRAP("\x02", "\x05"), {SIGN_SHA384, WRAP_AES_128}},
    {AES_WRAP("\x03", "\x2d"), {SIGN_SHA512, WRAP_AES_256}},
    {AES_WRAP("\x03", "\x19"), {SIGN_SHA512, WRAP_AES_192}},
    {AES_WRAP("\x03", "\x05"), {SIGN_SHA512, WRAP_AES_128}},
};

/* All of them, the last first: his order. */
START_TEST(reads_the_encodings_of_the_rfc)
{
    unsigned char der[3 + KEY_AGREEMENTS * ENCODED_BYTES] = {0x30, 0x81, sizeof der - 3};
    struct smime_capabilities found;
    for (int i = 0; i < KEY_AGREEMENTS; i++)
        memcpy(der + 3 + i * ENCODED_BYTES, encoded[KEY_AGREEMENTS - 1 - i].der, ENCODED_BYTES);
    smime_capabilities_read(der, sizeof der, &found);
    ck_assert(found.known);
    ck_assert_uint_eq(found.agreements.count, KEY_AGREEMENTS);
    for (int i = 0; i < KEY_AGREEMENTS; i++) {
        const struct key_agreement *wanted = &encoded[KEY_AGREEMENTS - 1 - i].agreement;
        ck_assert_int_eq(found.agreements.items[i].kdf, wanted->kdf);
        ck_assert_int_eq(found.agreements.items[i].wrap, wanted->wrap);
    }
}
END_TEST

static struct entity sign(const struct cipher_list *ciphers, int key)
{
    struct entity message = entity_from("From: a\r\n\r\nHi\r\n", strlen("From: a\r\n\r\nHi\r\n"));
    struct sign_request request = {.certificate = keys[key].certificate,
                                   .key = keys[key].key,
                                   .scheme = SIGN_ECDSA,
                                   .digest = SIGN_SHA256,
                                   .ciphers = *ciphers,
                                   .now = PKI_NOW,
                                   .limits = test_limits};
    struct entity out;
    char *why = NULL;
    agreement_list_readable(EVP_PKEY_get_bits(keys[key].key), ciphers, &request.agreements);
    ck_assert_msg(smime_sign(&message, &request, &out, &why) == SMIME_OK, "%s", why_text(&why));
    entity_clear(&message);
    return out;
}

/* Byte for byte, in one piece, and what openssl calls them. */
START_TEST(writes_the_encodings_of_the_rfc)
{
    static const struct cipher_list ciphers = {
        {ENCRYPT_AES_256_GCM, ENCRYPT_AES_192_GCM, ENCRYPT_AES_128_CBC, ENCRYPT_AES_256_CBC}, 4};
    struct entity out = sign(&ciphers, P256);
    size_t length;
    char *der;
    char *found;
    cli_write_entity("signed", &out);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -in signed -outform DER -out der && openssl "
                             "asn1parse -inform DER -in der >parsed"),
                     0);
    der = cli_read("der", &length);
    found = memmem(der, length, encoded[0].der, ENCODED_BYTES);
    ck_assert_ptr_nonnull(found);
    for (int i = 0; i < KEY_AGREEMENTS; i++)
        ck_assert_mem_eq(found + i * ENCODED_BYTES, encoded[i].der, ENCODED_BYTES);
    ck_assert_int_eq(cli_run("test $(grep -c ':dhSinglePass-stdDH-sha256kdf-scheme' parsed) = 3 && "
                             "test $(grep -c ':dhSinglePass-stdDH-sha512kdf-scheme' parsed) = 3 && "
                             "test $(grep -c ':id-aes256-wrap' parsed) = 3"),
                     0);
    ck_assert_int_eq(cli_run("openssl cms -verify -in signed -noverify -certfile ec0 >/dev/null"),
                     0);
    free(der);
    entity_clear(&out);
}
END_TEST

/* Of its own length first, and no wrap that no cipher needs. */
START_TEST(writes_what_is_of_use)
{
    static const struct cipher_list ciphers = {{ENCRYPT_AES_256_CBC, ENCRYPT_AES_256_GCM}, 2};
    struct entity out = sign(&ciphers, P384);
    cli_write_entity("signed", &out);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -in signed -outform DER | openssl asn1parse "
                             "-inform DER | grep -o 'sha...kdf\\|aes...-wrap' | tr '\\n' ' ' "
                             ">shown"),
                     0);
    ck_assert(cli_contains("shown", "sha384kdf aes256-wrap sha512kdf aes256-wrap sha256kdf "
                                    "aes256-wrap"));
    ck_assert(!cli_contains("shown", "aes128"));
    entity_clear(&out);
}
END_TEST

#define CONF(scheme, parameter)                                                                    \
    "asn1=SEQUENCE:c\n[c]\na=SEQUENCE:as\n[as]\no=OID:" scheme "\n" parameter
#define WRAP(oid, rest) "p=SEQUENCE:w\n[w]\no=OID:" oid "\n" rest
#define STD_SHA256 "1.3.132.1.11.1"

static const struct {
    const char *name;
    const char *conf; /* for openssl asn1parse -genconf */
    size_t count;
} others[] = {
    {"as it should be", CONF(STD_SHA256, WRAP("id-aes256-wrap", "")), 1},
    {"NULL for absent parameters", CONF(STD_SHA256, WRAP("id-aes256-wrap", "n=NULL\n")), 1},
    {"parameters of the wrap", CONF(STD_SHA256, WRAP("id-aes256-wrap", "n=INTEGER:1\n")), 0},
    {"SHA-1", CONF("1.3.133.16.840.63.0.2", WRAP("id-aes256-wrap", "")), 0},
    {"SHA-224", CONF("1.3.132.1.11.0", WRAP("id-aes256-wrap", "")), 0},
    {"cofactor", CONF("1.3.132.1.14.1", WRAP("id-aes256-wrap", "")), 0},
    {"MQV", CONF("1.3.132.1.15.1", WRAP("id-aes256-wrap", "")), 0},
    {"triple DES", CONF(STD_SHA256, WRAP("id-smime-alg-CMS3DESwrap", "")), 0},
    {"a cipher that is no wrap", CONF(STD_SHA256, WRAP("aes-256-cbc", "")), 0},
    {"no parameters", CONF(STD_SHA256, ""), 0},
    {"NULL", CONF(STD_SHA256, "p=NULL\n"), 0},
    {"no algorithm", CONF(STD_SHA256, "p=SEQUENCE:w\n[w]\no=INTEGER:1\n"), 0},
};

START_TEST(reads_nothing_else)
{
    struct smime_capabilities found;
    size_t length;
    char *der;
    cli_write("conf", others[_i].conf, strlen(others[_i].conf));
    ck_assert_int_eq(cli_run("openssl asn1parse -genconf conf -noout -out der"), 0);
    der = cli_read("der", &length);
    smime_capabilities_read((unsigned char *)der, length, &found);
    ck_assert_msg(found.known && found.agreements.count == others[_i].count, "%s", others[_i].name);
    free(der);
}
END_TEST

/* ---- The choice ---- */

#define LIST(n, ...)                                                                               \
    {                                                                                              \
        {__VA_ARGS__}, n                                                                           \
    }
#define SHA256_128                                                                                 \
    {                                                                                              \
        SIGN_SHA256, WRAP_AES_128                                                                  \
    }
#define SHA256_256                                                                                 \
    {                                                                                              \
        SIGN_SHA256, WRAP_AES_256                                                                  \
    }
#define SHA512_128                                                                                 \
    {                                                                                              \
        SIGN_SHA512, WRAP_AES_128                                                                  \
    }
#define SHA512_192                                                                                 \
    {                                                                                              \
        SIGN_SHA512, WRAP_AES_192                                                                  \
    }

static const struct choice_case {
    const char *name;
    int key;
    struct agreement_list declared;
    enum encrypt_cipher cipher;
    const char *shown[2]; /* by openssl */
} choices[] = {
    {"nothing declared", P256, {.count = 0}, ENCRYPT_AES_128_CBC, {"sha256kdf", "aes128-wrap"}},
    {"nothing declared, GCM",
     P256,
     {.count = 0},
     ENCRYPT_AES_192_GCM,
     {"sha256kdf", "aes192-wrap"}},
    {"nothing declared, longer curve",
     P384,
     {.count = 0},
     ENCRYPT_AES_256_CBC,
     {"sha384kdf", "aes256-wrap"}},
    {"the one that he declared",
     P256,
     LIST(1, SHA512_192),
     ENCRYPT_AES_192_CBC,
     {"sha512kdf", "aes192-wrap"}},
    {"a shorter digest than the curve",
     P384,
     LIST(1, SHA256_256),
     ENCRYPT_AES_256_GCM,
     {"sha256kdf", "aes256-wrap"}},
    {"a longer wrap than the key",
     P256,
     LIST(1, SHA256_256),
     ENCRYPT_AES_128_CBC,
     {"sha256kdf", "aes256-wrap"}},
    {"his first",
     P256,
     LIST(3, SHA512_128, SHA256_128, SHA256_256),
     ENCRYPT_AES_128_CBC,
     {"sha512kdf", "aes128-wrap"}},
    {"his first that is as strong as the key",
     P256,
     LIST(3, SHA512_128, SHA256_128, SHA256_256),
     ENCRYPT_AES_256_CBC,
     {"sha256kdf", "aes256-wrap"}},
    {"none that is as strong",
     P256,
     LIST(2, SHA512_128, SHA256_128),
     ENCRYPT_AES_256_GCM,
     {"sha512kdf", "aes256-wrap"}},
};

START_TEST(encrypts_as_declared)
{
    const struct choice_case *c = &choices[_i];
    struct encrypt_recipient recipient = {keys[c->key].certificate, ENCRYPT_ECDH, &c->declared};
    struct encrypt_request request = {
        .recipients = &recipient, .recipient_count = 1, .cipher = c->cipher, .limits = test_limits};
    struct entity message = entity_from("Subject: x\r\n\r\nsecret words\r\n",
                                        strlen("Subject: x\r\n\r\nsecret words\r\n"));
    struct entity out;
    char *why = NULL;
    ck_assert_msg(smime_encrypt(&message, &request, &out, &why) == SMIME_OK, "%s: %s", c->name,
                  why_text(&why));
    cli_write_entity("encrypted", &out);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -in encrypted -outform DER | openssl asn1parse "
                             "-inform DER >shown"),
                     0);
    for (int i = 0; i < 2; i++)
        ck_assert_msg(cli_contains("shown", c->shown[i]), "%s", c->name);
    ck_assert_msg(cli_run("openssl cms -decrypt -in encrypted -recip ec%d -inkey ec%d.key | grep "
                          "-q 'secret words'",
                          c->key, c->key) == 0,
                  "%s", c->name);
    entity_clear(&message);
    entity_clear(&out);
}
END_TEST

#define ALL_CIPHERS LIST(3, ENCRYPT_AES_256_GCM, ENCRYPT_AES_256_CBC, ENCRYPT_AES_128_CBC)
#define ONLY_256 LIST(1, ENCRYPT_AES_256_CBC)

static const struct {
    const char *name;
    struct smime_capabilities declared;
    struct cipher_list allowed;
    struct cipher_list wanted;
} fits[] = {
    {"nothing declared",
     {.known = false},
     ALL_CIPHERS,
     LIST(2, ENCRYPT_AES_256_CBC, ENCRYPT_AES_128_CBC)},
    {"wraps for all", {true, ALL_CIPHERS, false, LIST(1, SHA256_256)}, ALL_CIPHERS, ALL_CIPHERS},
    {"short wraps alone",
     {true, ALL_CIPHERS, false, LIST(2, SHA256_128, SHA512_128)},
     ALL_CIPHERS,
     LIST(1, ENCRYPT_AES_128_CBC)},
    {"short wraps, and no cipher for them",
     {true, ALL_CIPHERS, false, LIST(1, SHA256_128)},
     ONLY_256,
     ONLY_256},
    {"wraps, and no ciphers",
     {true, {.count = 0}, false, LIST(1, SHA256_128)},
     ALL_CIPHERS,
     LIST(1, ENCRYPT_AES_128_CBC)},
};

START_TEST(chooses_ciphers_that_fit)
{
    struct encryption_policy policy = {
        .ciphers = fits[_i].allowed, .ecdh = true, .minimum_ec_bits = 256};
    struct encryption_choice choice;
    char *why = NULL;
    ck_assert_msg(
        encryption_choose(keys[P256].certificate, &fits[_i].declared, &policy, &choice, &why) == 0,
        "%s: %s", fits[_i].name, why_text(&why));
    ck_assert_int_eq(choice.transport, ENCRYPT_ECDH);
    ck_assert_uint_eq(choice.agreements.count, fits[_i].declared.agreements.count);
    ck_assert_uint_eq(choice.ciphers.count, fits[_i].wanted.count);
    for (size_t i = 0; i < choice.ciphers.count; i++)
        ck_assert_msg(choice.ciphers.items[i] == fits[_i].wanted.items[i], "%s", fits[_i].name);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("key_agreement");
    TCase *tests = tcase_create("key_agreement");
    int status;
    cli_begin();
    make_keys();
    tcase_add_test(tests, reads_the_encodings_of_the_rfc);
    tcase_add_test(tests, writes_the_encodings_of_the_rfc);
    tcase_add_test(tests, writes_what_is_of_use);
    LOOP(tests, reads_nothing_else, others);
    LOOP(tests, encrypts_as_declared, choices);
    LOOP(tests, chooses_ciphers_that_fit, fits);
    suite_add_tcase(suite, tests);
    status = test_run(suite);
    for (int i = 0; i < KEY_COUNT; i++)
        pki_clear(&keys[i]);
    pki_clear(&root);
    cli_end();
    return status;
}
