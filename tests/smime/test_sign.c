/* Signing: `openssl cms` verifies what we sign, whatever the message. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>

#include "../test_entity.h"
#include "../test_mime_oracle.h"
#include "../test_openssl_cli.h"
#include "../test_pki.h"
#include "hard_cases.h"
#include "sign.h"
#include "test_run.h"
#include "why.h"

enum { KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_RSA_PSS, KEY_ED25519, KEY_COUNT };

static struct pki root, intermediate, other, keys[KEY_COUNT];

/* A key that makes no other signatures than PSS. */
static EVP_PKEY *new_pss_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;
    pki_need(context != NULL && EVP_PKEY_keygen_init(context) > 0 &&
                 EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) > 0 &&
                 EVP_PKEY_generate(context, &key) > 0,
             "an RSA-PSS key");
    EVP_PKEY_CTX_free(context);
    return key;
}

static void make_keys(void)
{
    static const enum pki_key kinds[] = {PKI_EC_P256,  PKI_EC_P384,  PKI_EC_P521,
                                         PKI_RSA_2048, PKI_RSA_2048, PKI_ED25519};
    root = pki_ca("Root");
    intermediate = pki_intermediate(&root, "Intermediate");
    other = pki_leaf(&intermediate, "alice@example.com");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        EVP_PKEY *key = i == KEY_RSA_PSS ? new_pss_key() : NULL;
        keys[i] = pki_make(
            &(struct pki_spec){.addresses = {"alice@example.com"}, .key = kinds[i], .use_key = key},
            &intermediate);
        EVP_PKEY_free(key);
    }
    pki_write_certificate(cli_path("root.pem"), root.certificate);
}

static const struct cipher_list all_ciphers = {
    .items = {ENCRYPT_AES_256_GCM, ENCRYPT_AES_256_CBC, ENCRYPT_AES_128_GCM, ENCRYPT_AES_128_CBC},
    .count = 4};

static struct sign_request request_for(int key, STACK_OF(X509) * chain)
{
    return (struct sign_request){.certificate = keys[key].certificate,
                                 .key = keys[key].key,
                                 .chain = chain,
                                 .scheme =
                                     EVP_PKEY_is_a(keys[key].key, "EC") ? SIGN_ECDSA : SIGN_PKCS1,
                                 .ciphers = all_ciphers,
                                 .now = PKI_NOW,
                                 .limits = test_limits};
}

static STACK_OF(X509) * full_chain(void)
{
    /* The root is no use to a reader: it must not travel. */
    X509 *const certificates[] = {intermediate.certificate, root.certificate,
                                  intermediate.certificate};
    return pki_chain(certificates, 3);
}

static struct entity sign(const struct entity *message, const struct sign_request *request)
{
    struct entity out;
    char *why = NULL;
    ck_assert_msg(smime_sign(message, request, &out, &why) == SMIME_OK, "%s", why_text(&why));
    ck_assert_ptr_null(why);
    cli_write_entity("signed.eml", &out);
    return out;
}

/* Verify signed.eml with nothing but the root; its content goes to the file "content". */
static int verify(const char *options)
{
    return cli_run("openssl cms -verify -in signed.eml -CAfile root.pem -purpose smimesign "
                   "-attime %lld %s -out content -signer signer.pem",
                   (long long)PKI_NOW, options);
}

static size_t without_cr(char *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r' || text[i + 1] != '\n')
            text[kept++] = text[i];
    text[kept] = '\0';
    return kept;
}

/* The content that openssl found is the canonical entity. It writes text with its own line ends. */
static void assert_content(const char *name, const struct entity *message, bool binary)
{
    struct entity entity = {.body = spool_new(&test_spool_options)};
    enum canonical_result result;
    size_t length, found_length;
    char *text, *found = cli_read("content", &found_length);
    ck_assert_int_eq(canonical_entity(message, CANONICAL_STRICT, &test_limits, &entity.header,
                                      entity.body, &result, NULL),
                     SMIME_OK);
    text = entity_text(&entity, &length);
    if (!binary) {
        length = without_cr(text, length);
        found_length = without_cr(found, found_length);
    }
    ck_assert_msg(length == found_length && memcmp(text, found, length) == 0, "%s:\n%s\n%s", name,
                  text, found);
    free(text);
    free(found);
    entity_clear(&entity);
}

/* Everything but the content fields is as it was, and comes first. */
static void assert_header(const char *name, const struct entity *message, const struct entity *out)
{
    size_t at = 0;
    for (size_t i = 0; i < message->header.count; i++) {
        const struct header_field *field = &message->header.fields[i];
        if (strncasecmp(field->name, "Content-", 8) == 0 ||
            strcasecmp(field->name, "MIME-Version") == 0)
            continue;
        ck_assert_msg(at < out->header.count &&
                          strcmp(out->header.fields[at].name, field->name) == 0 &&
                          strcmp(out->header.fields[at].value, field->value) == 0,
                      "%s: %s", name, field->name);
        at++;
    }
    ck_assert_str_eq(out->header.fields[at].name, "MIME-Version");
    ck_assert_str_eq(out->header.fields[at].value, " 1.0");
    ck_assert_uint_eq(header_count(&out->header, "MIME-Version"), 1);
    ck_assert_uint_eq(header_count(&out->header, "Content-Type"), 1);
}

START_TEST(test_hard_case)
{
    const struct hard_case *c = &hard_cases[_i];
    STACK_OF(X509) *chain = full_chain();
    struct sign_request request = request_for(KEY_P256, chain);
    struct entity message = entity_from(c->text, c->length);
    struct entity out = sign(&message, &request);
    bool opaque = c->expected == CANONICAL_OPAQUE;
    const char *type = header_get(&out.header, "Content-Type", 0)->value;
    size_t length, at = 0;
    char *text = entity_spool_text(out.body, &length);
    ck_assert_msg(oracle_clean(text, length, &at), "%s: unclean at %zu:\n%s", c->name, at, text);
    ck_assert_msg(strstr(type, opaque ? "application/pkcs7-mime; smime-type=signed-data"
                                      : "multipart/signed") != NULL,
                  "%s: %s", c->name, type);
    assert_header(c->name, &message, &out);
    if (verify(opaque ? "-binary" : "") != 0) {
        char *complaint = cli_read("stderr", NULL);
        ck_abort_msg("%s: %s\n%s", c->name, complaint, text);
    }
    assert_content(c->name, &message, opaque);
    free(text);
    entity_clear(&message);
    entity_clear(&out);
    sk_X509_pop_free(chain, X509_free);
}
END_TEST

static const char simple[] =
    "Received: from x\r\n by y\r\nFrom: Alice <alice@example.com>\r\nMime-Version: 1.0\r\n"
    "Subject: =?utf-8?q?x?=\r\nContent-Type: text/plain\r\nTo: bob@partner.test\r\n"
    "mime-version: 1.0 (again)\r\n\r\nhello\r\n";

static const struct algorithm_case {
    const char *name;
    int key;
    enum sign_scheme scheme;
    enum sign_digest digest;
    const char *micalg;
    const char *prints[4]; /* in what `openssl cms -print` says */
} algorithm_cases[] = {
    {"RSA",
     KEY_RSA,
     SIGN_PKCS1,
     SIGN_SHA256,
     "micalg=sha-256;",
     {"algorithm: rsaEncryption", "sha256"}},
    {"RSA, SHA-512",
     KEY_RSA,
     SIGN_PKCS1,
     SIGN_SHA512,
     "micalg=sha-512;",
     {"algorithm: rsaEncryption", "sha512"}},
    {"RSA PSS, SHA-512",
     KEY_RSA,
     SIGN_PSS,
     SIGN_SHA512,
     "micalg=sha-512;",
     {":rsassaPss", "INTEGER           :40\n", ":mgf1", ":sha512"}},
    {"RSA PSS",
     KEY_RSA,
     SIGN_PSS,
     SIGN_SHA256,
     "micalg=sha-256;",
     {":rsassaPss", "INTEGER           :20\n", ":mgf1", ":sha256"}},
    {"RSA-PSS key",
     KEY_RSA_PSS,
     SIGN_PSS,
     SIGN_SHA256,
     "micalg=sha-256;",
     {":rsassaPss", "INTEGER           :20\n", ":mgf1", ":sha256"}},
    {"P-256", KEY_P256, SIGN_ECDSA, SIGN_SHA256, "micalg=sha-256;", {"ecdsa-with-SHA256"}},
    {"P-384", KEY_P384, SIGN_ECDSA, SIGN_SHA384, "micalg=sha-384;", {"ecdsa-with-SHA384"}},
    {"P-521", KEY_P521, SIGN_ECDSA, SIGN_SHA512, "micalg=sha-512;", {"ecdsa-with-SHA512"}},
    {"P-521, SHA-256", KEY_P521, SIGN_ECDSA, SIGN_SHA256, "micalg=sha-256;", {"with-SHA256"}},
};

START_TEST(test_algorithm)
{
    const struct algorithm_case *c = &algorithm_cases[_i];
    STACK_OF(X509) *chain = full_chain();
    struct sign_request request = request_for(c->key, chain);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out;
    request.scheme = c->scheme;
    request.digest = c->digest;
    out = sign(&message, &request);
    ck_assert_msg(strstr(header_get(&out.header, "Content-Type", 0)->value, c->micalg) != NULL,
                  "%s", c->name);
    ck_assert_msg(verify("") == 0, "%s", c->name);
    assert_content(c->name, &message, false);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -print -in signed.eml >print && "
                             "openssl cms -cmsout -outform DER -in signed.eml | "
                             "openssl asn1parse -inform DER >>print"),
                     0);
    for (size_t i = 0; i < 4 && c->prints[i] != NULL; i++)
        ck_assert_msg(cli_contains("print", c->prints[i]), "%s: no %s", c->name, c->prints[i]);
    ck_assert_msg(!cli_contains("print", "sha1"), "%s: SHA-1", c->name);
    /* A changed message is not verified. */
    ck_assert_int_eq(cli_run("sed -i s/^hello/hallo/ signed.eml"), 0);
    ck_assert_msg(verify("") != 0, "%s: verified what was changed", c->name);
    entity_clear(&message);
    entity_clear(&out);
    sk_X509_pop_free(chain, X509_free);
}
END_TEST

static int count_certificates(void)
{
    int count = 0;
    char *text;
    ck_assert_int_eq(cli_run("openssl cms -verify -noverify -in signed.eml -certsout certs.pem "
                             "-out /dev/null && grep -c BEGIN certs.pem >count"),
                     0);
    text = cli_read("count", NULL);
    count = atoi(text);
    free(text);
    return count;
}

START_TEST(test_certificates)
{
    STACK_OF(X509) *chain = full_chain();
    struct sign_request request = request_for(KEY_P256, chain);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out = sign(&message, &request);
    ck_assert_int_eq(count_certificates(), 2); /* signer and intermediate, the root not */
    entity_clear(&out);
    request.encryption_certificate = other.certificate;
    out = sign(&message, &request);
    ck_assert_int_eq(verify(""), 0);
    ck_assert_int_eq(count_certificates(), 3);
    entity_clear(&out);
    request.encryption_certificate = request.certificate;
    out = sign(&message, &request);
    ck_assert_int_eq(verify(""), 0);
    ck_assert_int_eq(count_certificates(), 2);
    entity_clear(&out);
    request.chain = NULL;
    out = sign(&message, &request);
    ck_assert_int_eq(count_certificates(), 1);
    ck_assert_int_ne(verify(""), 0);
    entity_clear(&out);
    entity_clear(&message);
    sk_X509_pop_free(chain, X509_free);
}
END_TEST

/* Where each of `texts` stands in the file, which must be in that order. */
static void assert_order(const char *file, const char *const *texts, size_t count)
{
    char *text = cli_read(file, NULL);
    const char *at = text;
    for (size_t i = 0; i < count; i++) {
        at = strstr(at, texts[i]);
        ck_assert_msg(at != NULL, "%s", texts[i]);
        at++;
    }
    free(text);
}

START_TEST(test_attributes)
{
    static const char *const capabilities[] = {"S/MIME Capabilities", ":aes-256-gcm",
                                               ":aes-256-cbc", ":aes-128-gcm", ":aes-128-cbc"};
    static const char *const preference[] = {"id-smime-aa-encrypKeyPref"};
    struct sign_request request = request_for(KEY_RSA, NULL);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out;
    char *serial;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(other.certificate), NULL);
    request.encryption_certificate = other.certificate;
    out = sign(&message, &request);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -print -in signed.eml >print"), 0);
    ck_assert(cli_contains("print", "object: contentType"));
    ck_assert(cli_contains("print", "object: messageDigest"));
    ck_assert(cli_contains("print", "object: signingTime"));
    ck_assert(cli_contains("print", "UTCTIME:Jan  1 00:00:00 2026 GMT"));
    ck_assert(cli_contains("print", "id-smime-aa-signingCertificateV2"));
    ck_assert_int_eq(cli_run("openssl cms -cmsout -outform DER -in signed.eml -out p7.der && "
                             "openssl asn1parse -inform DER -in p7.der >parse"),
                     0);
    assert_order("parse", capabilities, 5);
    /* The preference is [0] with the issuer and the serial number of the encryption certificate. */
    assert_order("parse", preference, 1);
    serial = BN_bn2hex(number);
    ck_assert_int_eq(cli_run("grep -A20 encrypKeyPref parse | grep -q 'cont \\[ 0 \\]'"), 0);
    ck_assert_int_eq(cli_run("grep -A20 encrypKeyPref parse | grep -q ':Intermediate'"), 0);
    ck_assert_msg(cli_run("grep -A20 encrypKeyPref parse | grep -q ':%s'", serial) == 0, "%s",
                  serial);
    OPENSSL_free(serial);
    BN_free(number);
    entity_clear(&message);
    entity_clear(&out);
}
END_TEST

/* RSAES-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 8017 appendix A.2.1), to the byte as openssl
 * encodes it. */
START_TEST(test_oaep_capability)
{
    static const char conf[] = "asn1=SEQUENCE:oaep\n[oaep]\na=OID:rsaesOaep\nb=SEQUENCE:both\n"
                               "[both]\na=EXPLICIT:0,SEQUENCE:sha256\nb=EXPLICIT:1,SEQUENCE:mgf1\n"
                               "[sha256]\na=OID:sha256\nb=NULL\n"
                               "[mgf1]\na=OID:mgf1\nb=SEQUENCE:sha256\n";
    struct sign_request request = request_for(KEY_RSA, NULL);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out;
    char *wanted, *der;
    size_t wanted_length, length;
    request.oaep = true;
    out = sign(&message, &request);
    cli_write("oaep.conf", conf, sizeof conf - 1);
    ck_assert_int_eq(cli_run("openssl asn1parse -genconf oaep.conf -noout -out oaep.der && "
                             "openssl cms -cmsout -outform DER -in signed.eml -out p7.der"),
                     0);
    wanted = cli_read("oaep.der", &wanted_length);
    der = cli_read("p7.der", &length);
    ck_assert_ptr_nonnull(memmem(der, length, wanted, wanted_length));
    free(wanted);
    free(der);
    entity_clear(&message);
    entity_clear(&out);
}
END_TEST

/* After 2049 the time has another type. */
START_TEST(test_late)
{
    struct sign_request request = request_for(KEY_P256, NULL);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity out;
    request.now = (time_t)2524608000; /* 1 January 2050 */
    out = sign(&message, &request);
    ck_assert_int_eq(cli_run("openssl cms -cmsout -print -in signed.eml >print"), 0);
    ck_assert(cli_contains("print", "GENERALIZEDTIME:Jan  1 00:00:00 2050 GMT"));
    entity_clear(&message);
    entity_clear(&out);
}
END_TEST

/* Two signatures of one message have different boundaries, which do not occur in it. */
START_TEST(test_boundary)
{
    struct sign_request request = request_for(KEY_P256, NULL);
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct entity first = sign(&message, &request);
    struct entity second = sign(&message, &request);
    const char *a = header_get(&first.header, "Content-Type", 0)->value;
    const char *b = header_get(&second.header, "Content-Type", 0)->value;
    ck_assert_ptr_nonnull(strstr(a, "boundary=\""));
    ck_assert_str_ne(strstr(a, "boundary="), strstr(b, "boundary="));
    entity_clear(&first);
    entity_clear(&second);
    entity_clear(&message);
}
END_TEST

/* Verify the one signature in the body of `out` with `signer` alone, in this process. */
static bool signed_by(const struct entity *out, X509 *signer)
{
    static const char head[] = "filename=\"smime.p7s\"\r\n\r\n";
    size_t length;
    char *text = entity_spool_text(out->body, &length);
    char *content = strstr(text, "\r\n------=_smimed_") + 2;
    char *signature = strstr(text, head) + sizeof head - 1;
    char *end = strstr(content, "\r\n------=_smimed_");
    STACK_OF(X509) *signers = pki_chain(&signer, 1);
    BIO *base64 = BIO_push(BIO_new(BIO_f_base64()), BIO_new_mem_buf(signature, -1));
    CMS_ContentInfo *cms;
    BIO *data;
    int rc;
    content = strstr(content, "\r\n") + 2;
    data = BIO_new_mem_buf(content, (int)(end - content));
    cms = d2i_CMS_bio(base64, NULL);
    rc = CMS_verify(cms, signers, NULL, data, NULL,
                    CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY);
    CMS_ContentInfo_free(cms);
    BIO_free_all(base64);
    BIO_free(data);
    sk_X509_pop_free(signers, X509_free);
    free(text);
    return rc == 1;
}

/* Many senders at once: everyone's own certificate signs. */
static void *sign_often(void *context)
{
    static const char text[] = MIXED "--b\r\n" TEXT "\r\nein langer Gru\xc3\x9f \r\n--b--\r\n";
    const struct pki *sender = context;
    for (int i = 0; i < 60; i++) {
        struct sign_request request = {.certificate = sender->certificate,
                                       .key = sender->key,
                                       .scheme = EVP_PKEY_is_a(sender->key, "EC") ? SIGN_ECDSA
                                                                                  : SIGN_PKCS1,
                                       .now = PKI_NOW,
                                       .limits = test_limits};
        struct entity message = entity_from(text, sizeof text - 1);
        struct entity out;
        bool good = smime_sign(&message, &request, &out, NULL) == SMIME_OK &&
                    signed_by(&out, sender->certificate) && !signed_by(&out, root.certificate);
        entity_clear(&message);
        entity_clear(&out);
        if (!good)
            return context;
    }
    return NULL;
}

START_TEST(test_threads)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sign_often, &keys[i % 4]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

static void assert_refused(const struct entity *message, const struct sign_request *request,
                           enum smime_status expected)
{
    struct entity out;
    char *why = NULL;
    ck_assert_int_eq(smime_sign(message, request, &out, &why), expected);
    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_null(out.body);
    ck_assert_uint_eq(out.header.count, 0);
    why_free(&why);
}

static int never(void *context)
{
    ++*(int *)context;
    return -1;
}

START_TEST(test_refused)
{
    struct entity message = entity_from(simple, sizeof simple - 1);
    struct sign_request request = request_for(KEY_P256, NULL);
    request.key = keys[KEY_RSA].key;
    assert_refused(&message, &request, SMIME_REFUSED);
    request.key = other.key;
    assert_refused(&message, &request, SMIME_REFUSED);
    request = request_for(KEY_ED25519, NULL);
    assert_refused(&message, &request, SMIME_REFUSED);
    request = request_for(KEY_P256, NULL);
    request.limits.max_message_bytes = 3;
    assert_refused(&message, &request, SMIME_REFUSED);
    entity_clear(&message);
}
END_TEST

/* Opaque or clear, time that is up and a full disk end it. */
START_TEST(test_stopped)
{
    static const struct spool_options nowhere = {.directory = "/nonexistent",
                                                 .memory_bytes = 3 << 20};
    const char *line = _i == 0 ? X98 "\r\n" : X98 "\xc3\xbc\r\n";
    struct entity message = entity_from(MIXED, strlen(MIXED));
    struct sign_request request = request_for(KEY_P256, NULL);
    int ticks = 0;
    spool_free(&message.body);
    message.body = spool_new(&nowhere);
    for (size_t n = 0; n < 2 << 20; n += strlen(line))
        ck_assert_int_eq(spool_puts(message.body, line), 0);
    request.progress.tick = never;
    request.progress.context = &ticks;
    assert_refused(&message, &request, SMIME_ERROR);
    ck_assert_int_eq(ticks, 1);
    request.progress.tick = NULL;
    while (spool_size(message.body) < (3 << 20) - 1000)
        ck_assert_int_eq(spool_puts(message.body, line), 0);
    if (_i == 1)
        assert_refused(&message, &request, SMIME_ERROR);
    ck_assert_int_eq(spool_puts(message.body, "x\r\n"), 0);
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

static int large_child(bool opaque)
{
    struct entity message = entity_from(MIXED, strlen(MIXED));
    struct sign_request request = request_for(KEY_P256, NULL);
    struct entity out;
    struct rusage usage;
    if (opaque && spool_puts(message.body, "\xc3\xbc\r\n") != 0)
        return 2;
    for (size_t n = 0; n < LARGE_BYTES; n += 100)
        if (spool_puts(message.body, X98 "\r\n") != 0)
            return 2;
    if (smime_sign(&message, &request, &out, NULL) != SMIME_OK ||
        spool_size(out.body) < (opaque ? LARGE_BYTES / 3 * 4 : LARGE_BYTES))
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
        _exit(large_child(_i == 1));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", WEXITSTATUS(status));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sign");
    TCase *tcase = tcase_create("sign");
    int status;
    cli_begin();
    make_keys();
    tcase_add_loop_test(tcase, test_hard_case, 0, HARD_CASES);
    tcase_add_loop_test(tcase, test_algorithm, 0, sizeof algorithm_cases / sizeof *algorithm_cases);
    tcase_add_test(tcase, test_certificates);
    tcase_add_test(tcase, test_attributes);
    tcase_add_test(tcase, test_oaep_capability);
    tcase_add_test(tcase, test_late);
    tcase_add_test(tcase, test_boundary);
    tcase_add_test(tcase, test_threads);
    tcase_add_test(tcase, test_refused);
    tcase_add_loop_test(tcase, test_stopped, 0, 2);
    tcase_add_loop_test(tcase, test_flat_memory, 0, 2);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    status = test_run(suite);
    cli_end();
    for (size_t i = 0; i < KEY_COUNT; i++)
        pki_clear(&keys[i]);
    pki_clear(&other);
    pki_clear(&intermediate);
    pki_clear(&root);
    return status;
}
