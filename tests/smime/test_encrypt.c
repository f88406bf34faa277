/* Encryption: `openssl cms` decrypts what we encrypt, for every recipient, whatever the message. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test_entity.h"
#include "../test_mime_oracle.h"
#include "../test_openssl_cli.h"
#include "../test_pki.h"
#include "encrypt.h"
#include "hard_cases.h"
#include "sign.h"
#include "test_run.h"
#include "why.h"

enum { RSA_ONE, RSA_TWO, P256, P384, P521, X25519, KEY_COUNT };

static struct pki root, keys[KEY_COUNT];

static void make_keys(void)
{
    static const enum pki_key kinds[] = {PKI_RSA_2048, PKI_RSA_2048, PKI_EC_P256,
                                         PKI_EC_P384,  PKI_EC_P521,  PKI_X25519};
    root = pki_ca("Root");
    pki_write_certificate(cli_path("root.pem"), root.certificate);
    for (int i = 0; i < KEY_COUNT; i++) {
        char name[32];
        keys[i] =
            pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"}, .key = kinds[i]}, &root);
        snprintf(name, sizeof name, "cert%d.pem", i);
        pki_write_certificate(cli_path(name), keys[i].certificate);
        snprintf(name, sizeof name, "key%d.pem", i);
        pki_write_key(cli_path(name), keys[i].key);
    }
}

/* To these keys, -1 at the end; RSA ones by `rsa`, all others by ECDH. */
struct to {
    struct encrypt_recipient items[KEY_COUNT];
    size_t count;
};

static struct to to_keys(const int *which, enum encrypt_transport rsa)
{
    struct to to = {.count = 0};
    for (; which[to.count] >= 0; to.count++) {
        const struct pki *pki = &keys[which[to.count]];
        to.items[to.count] = (struct encrypt_recipient){
            pki->certificate, EVP_PKEY_is_a(pki->key, "RSA") ? rsa : ENCRYPT_ECDH, NULL};
    }
    return to;
}

static struct to to_key(int which, enum encrypt_transport rsa)
{
    const int list[] = {which, -1};
    return to_keys(list, rsa);
}

static struct encrypt_request request_for(const struct to *to, enum encrypt_cipher cipher)
{
    return (struct encrypt_request){.recipients = to->items,
                                    .recipient_count = to->count,
                                    .cipher = cipher,
                                    .limits = test_limits};
}

static struct entity encrypt(const struct entity *message, const struct encrypt_request *request)
{
    struct entity out;
    char *why = NULL;
    ck_assert_msg(smime_encrypt(message, request, &out, &why) == SMIME_OK, "%s", why_text(&why));
    ck_assert_ptr_null(why);
    cli_write_entity("encrypted.eml", &out);
    return out;
}

/* To the file "content". */
static int decrypt(int key)
{
    return cli_run("rm -f content && openssl cms -decrypt -in encrypted.eml -recip cert%d.pem "
                   "-inkey key%d.pem -out content",
                   key, key);
}

static void assert_content(const char *name, const struct entity *message)
{
    struct entity entity = {.body = spool_new(&test_spool_options)};
    enum canonical_result result;
    size_t length, found_length;
    char *text, *found = cli_read("content", &found_length);
    ck_assert_int_eq(canonical_entity(message, CANONICAL_STRICT, &test_limits, &entity.header,
                                      entity.body, &result, NULL),
                     SMIME_OK);
    text = entity_text(&entity, &length);
    ck_assert_msg(length == found_length && memcmp(text, found, length) == 0, "%s:\n%s\n%s", name,
                  text, found);
    free(text);
    free(found);
    entity_clear(&entity);
}

static const char simple[] =
    "Received: from x\r\n by y\r\nFrom: Alice <alice@example.com>\r\nMime-Version: 1.0\r\n"
    "Subject: test\r\nContent-Type: text/plain\r\nTo: bob@partner.test\r\n\r\nsecret words\r\n";

static const struct kind_case {
    const char *name;
    enum encrypt_cipher cipher;
    enum encrypt_transport transport;
    int recipients[6]; /* -1 at the end */
    const char *type;
    const char *has[6]; /* in what `openssl cms -print` and asn1parse say */
} kind_cases[] = {
    {"CBC to RSA",
     ENCRYPT_AES_256_CBC,
     ENCRYPT_PKCS1,
     {RSA_ONE, -1},
     "smime-type=enveloped-data",
     {"pkcs7-envelopedData", "aes-256-cbc", "rsaEncryption"}},
    {"GCM to RSA",
     ENCRYPT_AES_256_GCM,
     ENCRYPT_PKCS1,
     {RSA_ONE, -1},
     "smime-type=authEnveloped-data",
     {"id-smime-ct-authEnvelopedData", "aes-256-gcm", "rsaEncryption"}},
    {"OAEP",
     ENCRYPT_AES_256_CBC,
     ENCRYPT_OAEP,
     {RSA_ONE, -1},
     "smime-type=enveloped-data",
     {":rsaesOaep", ":mgf1", ":sha256"}},
    {"P-256",
     ENCRYPT_AES_256_CBC,
     ENCRYPT_PKCS1,
     {P256, -1},
     "smime-type=enveloped-data",
     {":dhSinglePass-stdDH-sha256kdf-scheme", ":id-aes256-wrap"}},
    {"P-384",
     ENCRYPT_AES_256_GCM,
     ENCRYPT_PKCS1,
     {P384, -1},
     "smime-type=authEnveloped-data",
     {":dhSinglePass-stdDH-sha384kdf-scheme", ":id-aes256-wrap"}},
    {"P-521",
     ENCRYPT_AES_256_CBC,
     ENCRYPT_OAEP,
     {P521, -1},
     "smime-type=enveloped-data",
     {":dhSinglePass-stdDH-sha512kdf-scheme", ":id-aes256-wrap"}},
    {"AES-128 GCM, OAEP",
     ENCRYPT_AES_128_GCM,
     ENCRYPT_OAEP,
     {RSA_ONE, RSA_TWO, -1},
     "smime-type=authEnveloped-data",
     {":aes-128-gcm", ":rsaesOaep", ":mgf1", ":sha256"}},
    {"AES-192 GCM to P-256",
     ENCRYPT_AES_192_GCM,
     ENCRYPT_PKCS1,
     {P256, -1},
     "smime-type=authEnveloped-data",
     {":aes-192-gcm", ":id-aes192-wrap"}},
    {"AES-128 CBC to P-256",
     ENCRYPT_AES_128_CBC,
     ENCRYPT_PKCS1,
     {P256, -1},
     "smime-type=enveloped-data",
     {"aes-128-cbc", ":id-aes128-wrap"}},
    {"AES-192 CBC",
     ENCRYPT_AES_192_CBC,
     ENCRYPT_PKCS1,
     {RSA_ONE, -1},
     "smime-type=enveloped-data",
     {"aes-192-cbc"}},
    {"mixed, CBC, OAEP",
     ENCRYPT_AES_256_CBC,
     ENCRYPT_OAEP,
     {RSA_ONE, P256, RSA_TWO, P384, P521, -1},
     "smime-type=enveloped-data",
     {":rsaesOaep", "sha256kdf-scheme", "sha384kdf-scheme"}},
    {"mixed, GCM, PKCS1",
     ENCRYPT_AES_256_GCM,
     ENCRYPT_PKCS1,
     {P384, RSA_ONE, P256, RSA_TWO, -1},
     "smime-type=authEnveloped-data",
     {":aes-256-gcm", ":rsaEncryption", "sha256kdf-scheme"}},
};

START_TEST(test_kind)
{
    const struct kind_case *c = &kind_cases[_i];
    struct to to = to_keys(c->recipients, c->transport);
    struct encrypt_request request = request_for(&to, c->cipher);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out = encrypt(&message, &request);
    size_t length, at;
    char *text = entity_text(&out, &length);
    ck_assert(oracle_clean(text, length, &at));
    ck_assert_msg(strstr(header_get(&out.header, "Content-Type", 0)->value, c->type) != NULL, "%s",
                  c->name);
    ck_assert_str_eq(header_get(&out.header, "Content-Transfer-Encoding", 0)->value, " base64");
    ck_assert_str_eq(header_get(&out.header, "Content-Disposition", 0)->value,
                     " attachment; filename=\"smime.p7m\"");
    ck_assert_str_eq(out.header.fields[3].name, "To");
    ck_assert_str_eq(out.header.fields[4].name, "MIME-Version");
    ck_assert_uint_eq(header_count(&out.header, "MIME-Version"), 1);
    ck_assert_uint_eq(header_count(&out.header, "Content-Type"), 1);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -print -in encrypted.eml >print && "
                             "openssl cms -cmsout -outform DER -in encrypted.eml | "
                             "openssl asn1parse -inform DER >>print"),
                     0);
    for (size_t i = 0; i < 6 && c->has[i] != NULL; i++)
        ck_assert_msg(cli_contains("print", c->has[i]), "%s: no %s", c->name, c->has[i]);
    ck_assert_msg(!cli_contains("print", "sha1"), "%s: SHA-1", c->name);
    ck_assert_msg(!cli_contains("encrypted.eml", "secret"), "%s: not secret", c->name);
    for (size_t i = 0; c->recipients[i] >= 0; i++) {
        ck_assert_msg(decrypt(c->recipients[i]) == 0, "%s: not for %d", c->name, c->recipients[i]);
        assert_content(c->name, &message);
    }
    free(text);
    entity_clear(&message);
    entity_clear(&out);
}
END_TEST

/* The authentication tag is whole: 16 bytes, and a changed message does not decrypt. */
START_TEST(test_authenticated)
{
    struct to to = to_key(RSA_ONE, ENCRYPT_PKCS1);
    struct to others = to_key(RSA_TWO, ENCRYPT_PKCS1);
    struct encrypt_request request = request_for(&to, ENCRYPT_AES_256_GCM);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out = encrypt(&message, &request);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -outform DER -in encrypted.eml -out p7.der && "
                             "openssl asn1parse -inform DER -in p7.der >parse && "
                             "tail -1 parse | grep -q 'l=  16 prim:.*OCTET STRING'"),
                     0);
    ck_assert_int_eq(cli_run("head -c -1 p7.der >cut && printf x >>cut && "
                             "openssl cms -decrypt -inform DER -in cut -recip cert%d.pem "
                             "-inkey key%d.pem -out content",
                             RSA_ONE, RSA_ONE) == 0,
                     0);
    entity_clear(&out);
    request.recipients = others.items;
    out = encrypt(&message, &request);
    ck_assert_int_ne(decrypt(RSA_ONE), 0);
    entity_clear(&out);
    entity_clear(&message);
}
END_TEST

START_TEST(test_hard_case)
{
    const struct hard_case *c = &hard_cases[_i];
    struct to to = to_key(P256, ENCRYPT_PKCS1);
    struct encrypt_request request =
        request_for(&to, _i % 2 == 0 ? ENCRYPT_AES_256_CBC : ENCRYPT_AES_256_GCM);
    struct entity message = entity_from(c->text, c->length);
    struct entity out = encrypt(&message, &request);
    ck_assert_msg(decrypt(P256) == 0, "%s", c->name);
    assert_content(c->name, &message);
    entity_clear(&message);
    entity_clear(&out);
}
END_TEST

/* Signed, then encrypted: what comes out of one goes as it is into the other. */
START_TEST(test_signed)
{
    const struct hard_case *c = &hard_cases[_i];
    struct to to = to_key(RSA_ONE, ENCRYPT_PKCS1);
    struct encrypt_request request = request_for(&to, ENCRYPT_AES_256_CBC);
    struct sign_request sign_request = {.certificate = keys[P256].certificate,
                                        .key = keys[P256].key,
                                        .scheme = SIGN_ECDSA,
                                        .now = PKI_NOW,
                                        .limits = test_limits};
    struct entity message = entity_from(c->text, c->length);
    struct entity signed_message, out;
    ck_assert_int_eq(smime_sign(&message, &sign_request, &signed_message, NULL), SMIME_OK);
    out = encrypt(&signed_message, &request);
    ck_assert_msg(decrypt(RSA_ONE) == 0, "%s", c->name);
    assert_content(c->name, &signed_message);
    ck_assert_msg(cli_run("openssl cms -verify %s -in content -CAfile root.pem -attime %lld "
                          "-purpose smimesign -out inner",
                          c->expected == CANONICAL_OPAQUE ? "-binary" : "",
                          (long long)PKI_NOW) == 0,
                  "%s", c->name);
    entity_clear(&message);
    entity_clear(&signed_message);
    entity_clear(&out);
}
END_TEST

static void assert_refused(const struct entity *message, const struct encrypt_request *request,
                           enum smime_status expected, const char *reason)
{
    struct entity out;
    char *why = NULL;
    ck_assert_int_eq(smime_encrypt(message, request, &out, &why), expected);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, reason) != NULL, "%s", why);
    ck_assert_ptr_null(out.body);
    ck_assert_uint_eq(out.header.count, 0);
    why_free(&why);
}

START_TEST(test_refused)
{
    static const int mixed[] = {RSA_ONE, X25519, -1};
    struct to none = {.count = 0};
    struct to bad = to_keys(mixed, ENCRYPT_PKCS1);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct encrypt_request request = request_for(&none, ENCRYPT_AES_256_CBC);
    assert_refused(&message, &request, SMIME_REFUSED, "no recipient");
    request.recipients = NULL;
    assert_refused(&message, &request, SMIME_REFUSED, "no recipient");
    /* One recipient that cannot be encrypted to: nobody gets anything. */
    request = request_for(&bad, ENCRYPT_AES_256_CBC);
    assert_refused(&message, &request, SMIME_REFUSED, "bob@partner.test");
    /* Nor by a transport that is not for the key. */
    bad.items[1] = (struct encrypt_recipient){keys[P256].certificate, ENCRYPT_OAEP, NULL};
    assert_refused(&message, &request, SMIME_REFUSED, "bob@partner.test");
    bad.items[1] = (struct encrypt_recipient){keys[RSA_TWO].certificate, ENCRYPT_ECDH, NULL};
    assert_refused(&message, &request, SMIME_REFUSED, "bob@partner.test");
    request.limits.max_message_bytes = 3;
    assert_refused(&message, &request, SMIME_REFUSED, "3 bytes");
    entity_clear(&message);
}
END_TEST

static int never(void *context)
{
    ++*(int *)context;
    return -1;
}

START_TEST(test_stopped)
{
    static const struct spool_options nowhere = {.directory = "/nonexistent",
                                                 .memory_bytes = 1 << 20};
    struct to to = to_key(RSA_ONE, ENCRYPT_PKCS1);
    struct entity message = entity_from(MIME TEXT "\r\n", strlen(MIME TEXT "\r\n"));
    struct encrypt_request request = request_for(&to, ENCRYPT_AES_256_GCM);
    int ticks = 0;
    spool_free(&message.body);
    message.body = spool_new(&nowhere);
    for (size_t n = 0; n < 1000000; n += 100)
        ck_assert_int_eq(spool_puts(message.body, X98 "\r\n"), 0);
    request.progress.tick = never;
    request.progress.context = &ticks;
    assert_refused(&message, &request, SMIME_ERROR, "time");
    ck_assert_int_eq(ticks, 1);
    request.progress.tick = NULL;
    assert_refused(&message, &request, SMIME_ERROR, "");
    entity_clear(&message);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_CHECKED false /* the sanitizer takes its own */
#else
#define MEMORY_CHECKED true
#endif
#define LARGE_BYTES (100 << 20)
#define LARGE_RSS_KB (32 << 10)

static int large_child(enum encrypt_cipher cipher)
{
    struct to to = to_key(RSA_ONE, ENCRYPT_OAEP);
    struct entity message = entity_from(MIME TEXT "\r\n", strlen(MIME TEXT "\r\n"));
    struct encrypt_request request = request_for(&to, cipher);
    struct entity out;
    struct rusage usage;
    for (size_t n = 0; n < LARGE_BYTES; n += 100)
        if (spool_puts(message.body, X98 "\r\n") != 0)
            return 2;
    if (smime_encrypt(&message, &request, &out, NULL) != SMIME_OK ||
        spool_size(out.body) < LARGE_BYTES / 3 * 4)
        return 3;
    entity_clear(&message);
    entity_clear(&out);
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 4;
    return MEMORY_CHECKED && usage.ru_maxrss > LARGE_RSS_KB ? 5 : 0;
}

START_TEST(test_flat_memory)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(large_child(_i == 0 ? ENCRYPT_AES_256_CBC : ENCRYPT_AES_256_GCM));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", WEXITSTATUS(status));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encrypt");
    TCase *tcase = tcase_create("encrypt");
    int status;
    cli_begin();
    make_keys();
    tcase_add_loop_test(tcase, test_kind, 0, sizeof kind_cases / sizeof *kind_cases);
    tcase_add_test(tcase, test_authenticated);
    tcase_add_loop_test(tcase, test_hard_case, 0, HARD_CASES);
    tcase_add_loop_test(tcase, test_signed, 0, HARD_CASES);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_stopped);
    tcase_add_loop_test(tcase, test_flat_memory, 0, 2);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    status = test_run(suite);
    cli_end();
    for (int i = 0; i < KEY_COUNT; i++)
        pki_clear(&keys[i]);
    pki_clear(&root);
    return status;
}
