/* RC2, which OpenSSL has in its legacy provider alone: read where it is accepted, and nowhere else
 * in the process. Messages are made by the openssl command. */
#include "incoming_fixture.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "decrypt.h"
#include "rc2.h"

#define LEGACY "-provider legacy -provider default "
#define RC2(bits) "-encrypt " LEGACY "-rc2-" bits " "
#define PARAMETERS "\x02\x01\x3a\x04\x08" /* 128 bits: INTEGER 58, and an IV */
#define WRAPPED "\x04\x82\x01\x00"        /* the only OCTET STRING of 256 octets */

static struct opened open_der(struct bytes der)
{
    return open_message(message_of("alice@example.com", wrap_cms(der, "enveloped-data")));
}

static char *find_octets(struct bytes *der, const char *octets, size_t length)
{
    char *found = memmem(der->data, der->length, octets, length);
    ck_assert_ptr_nonnull(found);
    return found;
}

static void assert_text(struct opened *opened, const char *text)
{
    struct bytes all;
    assert_encryption(opened, ENCRYPTION_DECRYPTED);
    all = delivered(opened);
    assert_contains(all.data, text);
    bytes_free(&all);
}

/* Nothing of a failure may show outside which step it was. */
static void assert_silent(const struct opened *opened)
{
    assert_encryption(opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened->changed);
    ck_assert_str_eq(opened->encryption_reason, DECRYPT_FAILED);
    ck_assert_uint_eq(opened->weak, WEAKNESS_RC2);
}

/* ---- What the openssl command makes ---- */

static const struct {
    const char *arguments;
    const char *algorithms;
} goods[] = {
    {RC2("40") "-recip bob.pem", "rsaEncryption rc2-cbc"},
    {RC2("64") "-recip bob.pem", "rsaEncryption rc2-cbc"},
    {RC2("128") "-recip bob.pem", "rsaEncryption rc2-cbc"},
    {RC2("128") "-keyid -stream -recip bob.pem", "rsaEncryption rc2-cbc"},
    {RC2("40") "-recip bob.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
     "rsaesOaep rc2-cbc"},
    {RC2("128") "-recip carol.pem -keyopt ecdh_kdf_md:sha256",
     "dhSinglePass-stdDH-sha256kdf-scheme rc2-cbc"},
};

START_TEST(good_messages)
{
    struct opened opened = open_message(message_of(
        "alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), goods[_i].arguments)));
    assert_text(&opened, "The secret is 42.");
    ck_assert_str_eq(opened.layers[0].algorithms, goods[_i].algorithms);
    ck_assert_str_eq(opened.cipher, "rc2-cbc");
    ck_assert_uint_eq(opened.weak, WEAKNESS_RC2);
    ck_assert(opened.unauthenticated);
    opened_clear(&opened);
}
END_TEST

START_TEST(any_size)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 4096, 16383, 70001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bytes content = bytes_text("\r\n");
        struct opened opened;
        size_t length;
        char *body;
        for (size_t k = 0; k < sizes[i]; k++)
            bytes_add(&content, k % 72 == 70 ? "\r" : k % 72 == 71 ? "\n" : "x", 1);
        opened = open_message(message_of(
            "alice@example.com", encrypted_entity(bytes_copy(content.data, content.length),
                                                  i % 2 ? RC2("40") "-recip bob.pem"
                                                        : RC2("128") "-stream -recip bob.pem")));
        assert_encryption(&opened, ENCRYPTION_DECRYPTED);
        body = entity_spool_text(opened.message.body, &length);
        ck_assert_uint_eq(length, sizes[i]);
        ck_assert_mem_eq(body, content.data + 2, length);
        free(body);
        bytes_free(&content);
        opened_clear(&opened);
    }
}
END_TEST

/* A second reader, by another kind of key: he must be able to open it, too. */
static enum key_answer further(void *context, size_t n, EVP_PKEY **key_out, X509 **certificate_out)
{
    const enum person *reader = context;
    *key_out = world.people[*reader].key;
    *certificate_out = world.people[*reader].certificate;
    return n == 0 ? KEY_FOUND : KEY_NONE;
}

START_TEST(further_readers)
{
    static const enum person readers[] = {CAROL, EVE};
    for (size_t i = 0; i < 2; i++) {
        enum person reader = readers[i];
        struct open_request request = default_request();
        struct opened opened;
        request.keys.context = &reader;
        request.further_key = further;
        opened =
            open_with(message_of("alice@example.com",
                                 encrypted_entity(bytes_text(TEXT_ENTITY),
                                                  RC2("128") "-recip bob.pem -recip carol.pem")),
                      &request);
        if (reader == CAROL)
            assert_text(&opened, "The secret is 42.");
        else
            assert_silent(&opened);
        opened_clear(&opened);
    }
}
END_TEST

/* ---- Parameters ---- */

static const struct {
    const char *name;
    const char *parameters; /* instead of PARAMETERS */
} wrong[] = {
    {"effective bits that nobody has", "\x02\x01\x3b\x04\x08"},
    {"no effective bits", "\x02\x01\x00\x04\x08"},
    {"negative", "\x02\x01\xa0\x04\x08"},
    {"no IV", "\x02\x01\x3a\x0c\x08"},
    {"other order", "\x04\x01\x3a\x04\x08"},
    {"IV alone", "\x04\x0b\x3a\x04\x08"},
    {"longer than they are", "\x02\x01\x3a\x04\x09"},
};

/* Told, before any key is asked for. */
START_TEST(unknown_parameters)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, RC2("128") "-recip bob.pem");
    struct opened opened;
    memcpy(find_octets(&der, PARAMETERS, 5), wrong[_i].parameters, 5);
    opened = open_der(der);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_msg(strstr(opened.encryption_reason, "RC2") != NULL ||
                      strstr(opened.encryption_reason, "malformed") != NULL,
                  "%s: %s", wrong[_i].name, opened.encryption_reason);
    ck_assert(!opened.layers[0].tried && !opened.changed);
    opened_clear(&opened);
}
END_TEST

/* ---- Tampering ---- */

/* A key that cannot be unwrapped gives way to a random one: one in 256 of those ends with what
 * looks like padding. */
START_TEST(tampered_key_is_silent)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, RC2("128") "-recip bob.pem");
    char *wrapped = find_octets(&der, WRAPPED, 4) + 4;
    size_t silent = 0;
    for (size_t i = 0; i < 256; i += 16) {
        struct bytes bad = bytes_copy(der.data, der.length);
        struct opened opened;
        bad.data[wrapped - der.data + (ptrdiff_t)i] ^= 1;
        opened = open_der(bad);
        ck_assert(opened.layers[0].tried);
        if (opened.encryption == ENCRYPTION_NOT_DECRYPTED) {
            assert_silent(&opened);
            silent++;
        }
        opened_clear(&opened);
    }
    ck_assert_uint_ge(silent, 13);
    bytes_free(&der);
}
END_TEST

START_TEST(tampered_padding_is_silent)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, RC2("40") "-recip bob.pem");
    size_t silent = 0;
    for (int i = 0; i < 8; i++) {
        struct bytes bad = bytes_copy(der.data, der.length);
        struct opened opened;
        bad.data[bad.length - 1] ^= (char)(1 << i);
        opened = open_der(bad);
        if (opened.encryption == ENCRYPTION_NOT_DECRYPTED) {
            assert_silent(&opened);
            silent++;
        }
        opened_clear(&opened);
    }
    ck_assert_uint_ge(silent, 6);
    bytes_free(&der);
}
END_TEST

/* Encrypt `content` again with the key of 128 bits that is in `der`, but with 64 effective ones,
 * and say so: to OpenSSL that is a message like any other. */
static void weaken(struct bytes *der, const char *content)
{
    unsigned char *parameters = (unsigned char *)find_octets(der, PARAMETERS, 5);
    const unsigned char *wrapped = (unsigned char *)find_octets(der, WRAPPED, 4) + 4;
    int padded = (int)(strlen(content) / 8 + 1) * 8;
    unsigned char key[256];
    size_t key_length = sizeof key;
    size_t bits = 64;
    OSSL_PARAM effective[] = {OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_RC2_KEYBITS, &bits),
                              OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *unwrap = EVP_PKEY_CTX_new(world.people[BOB].key, NULL);
    EVP_CIPHER *rc2 = EVP_CIPHER_fetch(rc2_context(), "RC2-CBC", NULL);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    unsigned char *out = (unsigned char *)der->data + der->length - padded;
    int n = 0;
    int rest = 0;
    ck_assert_int_eq(EVP_PKEY_decrypt_init(unwrap), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(unwrap, RSA_PKCS1_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_decrypt(unwrap, key, &key_length, wrapped, 256), 1);
    ck_assert_uint_eq(key_length, 16);
    ck_assert_int_eq(EVP_EncryptInit_ex2(cipher, rc2, NULL, NULL, effective), 1);
    ck_assert_int_eq(EVP_EncryptInit_ex2(cipher, NULL, key, parameters + 5, NULL), 1);
    ck_assert_int_eq(
        EVP_EncryptUpdate(cipher, out, &n, (const unsigned char *)content, (int)strlen(content)),
        1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(cipher, out + n, &rest), 1);
    ck_assert_int_eq(n + rest, padded);
    parameters[2] = 0x78;
    EVP_CIPHER_CTX_free(cipher);
    EVP_CIPHER_free(rc2);
    EVP_PKEY_CTX_free(unwrap);
}

/* What the openssl command reads, we do not: AES ciphertext that somebody labelled anew would tell
 * of its key. Nor does it show that the key is there. */
START_TEST(longer_key_than_effective)
{
    static const char content[] = "Content-Type: text/plain\r\n\r\nweakened\r\n";
    struct bytes der = cms_of_text(content, RC2("128") "-recip bob.pem");
    size_t silent = 0;
    weaken(&der, content);
    write_file("weakened", der.data, der.length);
    run("openssl cms -decrypt " LEGACY "-binary -inform DER -in weakened -recip bob.pem -inkey "
        "bob.key | grep -q weakened");
    for (int i = 0; i < 8; i++) {
        struct opened opened = open_der(bytes_copy(der.data, der.length));
        ck_assert(opened.layers[0].tried);
        if (opened.encryption == ENCRYPTION_NOT_DECRYPTED) {
            assert_silent(&opened);
            silent++;
        } else {
            struct bytes text = delivered(&opened);
            ck_assert_ptr_null(memmem(text.data, text.length, "weakened", 8));
            bytes_free(&text);
        }
        opened_clear(&opened);
    }
    ck_assert_uint_ge(silent, 6);
    bytes_free(&der);
}
END_TEST

/* Whatever anybody wraps for Bob: a key that is longer than any cipher's, or hardly there. */
START_TEST(keys_of_any_length)
{
    static const size_t lengths[] = {1, 5, 15, 17, 24, 64, 65, 128, 129, 245};
    static const unsigned char key[256] = {7};
    struct bytes der = cms_of_text(TEXT_ENTITY, RC2("128") "-recip bob.pem");
    unsigned char *wrapped = (unsigned char *)find_octets(&der, WRAPPED, 4) + 4;
    size_t silent = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        EVP_PKEY_CTX *wrap = EVP_PKEY_CTX_new(world.people[BOB].key, NULL);
        size_t room = 256;
        struct opened opened;
        ck_assert_int_eq(EVP_PKEY_encrypt_init(wrap), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(wrap, RSA_PKCS1_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_encrypt(wrap, wrapped, &room, key, lengths[i]), 1);
        EVP_PKEY_CTX_free(wrap);
        opened = open_der(bytes_copy(der.data, der.length));
        ck_assert(opened.layers[0].tried);
        if (opened.encryption == ENCRYPTION_NOT_DECRYPTED) {
            assert_silent(&opened);
            silent++;
        }
        opened_clear(&opened);
    }
    ck_assert_uint_ge(silent, 8);
    bytes_free(&der);
}
END_TEST

/* ---- The provider ---- */

/* Where it is not installed: no key is used, and outside it is a failure like any other. Each test
 * is a process of its own, in which it was not yet loaded. */
START_TEST(without_the_provider)
{
    struct bytes message =
        message_of("alice@example.com",
                   encrypted_entity(bytes_text(TEXT_ENTITY), RC2("128") "-recip bob.pem"));
    struct opened opened;
    ck_assert_int_eq(setenv("OPENSSL_MODULES", world.directory, 1), 0);
    ck_assert_ptr_null(rc2_context());
    opened = open_message(bytes_copy(message.data, message.length));
    assert_silent(&opened);
    assert_contains(opened.layers[0].reason, "legacy provider");
    ck_assert(!opened.layers[0].tried);
    opened_clear(&opened);
    /* Not for ever. */
    ck_assert_int_eq(unsetenv("OPENSSL_MODULES"), 0);
    opened = open_message(message);
    assert_text(&opened, "The secret is 42.");
    opened_clear(&opened);
}
END_TEST

START_TEST(nothing_else_is_legacy)
{
    static const char *const ciphers[] = {"RC2-CBC", "RC4", "DES-CBC", "BF-CBC"};
    struct opened opened =
        open_message(message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY),
                                                                      RC2("40") "-recip bob.pem")));
    assert_text(&opened, "The secret is 42.");
    opened_clear(&opened);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        EVP_CIPHER *found = EVP_CIPHER_fetch(NULL, ciphers[i], NULL);
        ck_assert_msg(found == NULL, "%s", ciphers[i]);
    }
    ck_assert_ptr_null(EVP_MD_fetch(NULL, "MD4", NULL));
    ck_assert_int_eq(OSSL_PROVIDER_available(NULL, "legacy"), 0);
    ERR_clear_error();
}
END_TEST

/* Not before it is accepted. */
START_TEST(loaded_only_where_accepted)
{
    struct open_request request = default_request();
    struct opened opened;
    char line[512];
    FILE *maps;
    request.weak_allowed &= ~(unsigned)WEAKNESS_RC2;
    opened =
        open_with(message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY),
                                                                   RC2("128") "-recip bob.pem")),
                  &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    assert_contains(opened.encryption_reason, "not accepted (RC2)");
    ck_assert_uint_eq(opened.weak, WEAKNESS_RC2);
    opened_clear(&opened);
    maps = fopen("/proc/self/maps", "re");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        ck_assert_ptr_null(strstr(line, "/legacy.so"));
    ck_assert_int_eq(fclose(maps), 0);
}
END_TEST

/* Mail of ours that its author encrypted with RC2 counts as plain. */
START_TEST(satisfies_no_rule)
{
    struct bytes text = message_of(
        "alice@example.com",
        encrypted_entity(bytes_text(TEXT_ENTITY), _i ? RC2("128") "-recip bob.pem" : ENCRYPT_BOB));
    struct entity entity = entity_from(text.data, text.length);
    enum smime_kind kind = SMIME_KIND_SIGNED;
    char *why = NULL;
    ck_assert_int_eq(smime_kind(&entity, &test_limits, &kind, &why), SMIME_OK);
    ck_assert_int_eq(kind, _i ? SMIME_KIND_PLAIN : SMIME_KIND_ENCRYPTED);
    entity_clear(&entity);
    bytes_free(&text);
}
END_TEST

/* ---- Threads ---- */

#define THREADS 4

static void *open_in_thread(void *argument)
{
    const struct bytes *message = argument;
    struct open_request request = default_request();
    struct entity entity = entity_from(message->data, message->length);
    struct opened opened;
    char *why = NULL;
    bool good = smime_open(&entity, &request, &opened, &why) == SMIME_OK &&
                opened.encryption == ENCRYPTION_DECRYPTED;
    opened_clear(&opened);
    why_free(&why);
    entity_clear(&entity);
    return good ? argument : NULL;
}

START_TEST(several_at_once)
{
    struct bytes message =
        message_of("alice@example.com",
                   encrypted_entity(bytes_text(TEXT_ENTITY), RC2("128") "-recip carol.pem"));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, open_in_thread, &message), 0);
    for (int i = 0; i < THREADS; i++) {
        void *good = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &good), 0);
        ck_assert_ptr_nonnull(good);
    }
    bytes_free(&message);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("rc2");
    TCase *tcase = tcase_create("rc2");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    LOOP(tcase, good_messages, goods);
    tcase_add_test(tcase, any_size);
    tcase_add_test(tcase, further_readers);
    LOOP(tcase, unknown_parameters, wrong);
    tcase_add_test(tcase, tampered_key_is_silent);
    tcase_add_test(tcase, tampered_padding_is_silent);
    tcase_add_test(tcase, longer_key_than_effective);
    tcase_add_test(tcase, keys_of_any_length);
    tcase_add_test(tcase, without_the_provider);
    tcase_add_test(tcase, nothing_else_is_legacy);
    tcase_add_test(tcase, loaded_only_where_accepted);
    tcase_add_loop_test(tcase, satisfies_no_rule, 0, 2);
    tcase_add_test(tcase, several_at_once);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
