/* What the tests of incoming mail share: a small world of certificates, CMS made by the openssl
 * command (never by our own code), MIME put around it by hand, and opening it. */
#ifndef TESTS_SMIME_INCOMING_FIXTURE_H
#define TESTS_SMIME_INCOMING_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "incoming.h"
#include "test_entity.h"
#include "test_pki.h"
#include "why.h"

#define TEXT_ENTITY                                                                                \
    "Content-Type: text/plain; charset=us-ascii\r\n\r\nThe secret is 42.\r\nBye.\r\n"

struct bytes {
    char *data; /* with a NUL behind */
    size_t length;
};

enum person { ALICE, BOB, CAROL, EVE, PEOPLE }; /* RSA, RSA, EC, EC */

static struct {
    char directory[32];
    struct pki ca;
    struct pki foreign_ca; /* believed by nobody */
    struct pki people[PEOPLE];
    X509_STORE *anchors;
} world;

static const char *const person_names[PEOPLE] = {"alice", "bob", "carol", "eve"};

/* ---- Files and commands ---- */

static inline char *world_path(const char *name)
{
    char *path = NULL;
    ck_assert_int_gt(asprintf(&path, "%s/%s", world.directory, name), 0);
    return path;
}

static inline void write_file(const char *name, const char *data, size_t length)
{
    char *path = world_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    free(path);
}

static inline struct bytes read_file(const char *path)
{
    struct bytes out = {0};
    FILE *file = fopen(path, "re");
    struct stat stat;
    ck_assert_msg(file != NULL, "cannot open %s", path);
    ck_assert_int_eq(fstat(fileno(file), &stat), 0);
    out.length = (size_t)stat.st_size;
    out.data = malloc(out.length + 1);
    ck_assert_ptr_nonnull(out.data);
    ck_assert_uint_eq(fread(out.data, 1, out.length, file), out.length);
    out.data[out.length] = '\0';
    (void)fclose(file);
    return out;
}

static inline void write_pki(const char *name, const struct pki *pki)
{
    char file[64];
    char *path;
    (void)snprintf(file, sizeof file, "%s.pem", name);
    path = world_path(file);
    pki_write_certificate(path, pki->certificate);
    free(path);
    (void)snprintf(file, sizeof file, "%s.key", name);
    path = world_path(file);
    pki_write_key(path, pki->key);
    free(path);
}

/* Run a shell command in the world's directory; it must succeed. */
static inline void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
    va_list args;
    char *arguments = NULL;
    char *command = NULL;
    va_start(args, format);
    ck_assert_int_gt(vasprintf(&arguments, format, args), 0);
    va_end(args);
    ck_assert_int_gt(asprintf(&command, "cd %s && %s 2>errors || { cat errors >&2; false; }",
                              world.directory, arguments),
                     0);
    ck_assert_msg(system(command) == 0, "%s", command);
    free(command);
    free(arguments);
}

static inline void world_make(void)
{
    (void)snprintf(world.directory, sizeof world.directory, "/tmp/smime.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(world.directory));
    world.ca = pki_ca("Test CA");
    world.foreign_ca = pki_ca("Foreign CA");
    world.people[ALICE] = pki_leaf_rsa(&world.ca, "alice@example.com");
    world.people[BOB] = pki_leaf_rsa(&world.ca, "bob@partner.test");
    world.people[CAROL] = pki_leaf(&world.ca, "carol@example.com");
    world.people[EVE] = pki_leaf(&world.ca, "eve@evil.test");
    for (int i = 0; i < PEOPLE; i++)
        write_pki(person_names[i], &world.people[i]);
    write_pki("ca", &world.ca);
    world.anchors = X509_STORE_new();
    ck_assert_ptr_nonnull(world.anchors);
    ck_assert_int_eq(X509_STORE_add_cert(world.anchors, world.ca.certificate), 1);
}

static inline void world_clear(void)
{
    char *command = NULL;
    ck_assert_int_gt(asprintf(&command, "rm -rf %s", world.directory), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
    for (int i = 0; i < PEOPLE; i++)
        pki_clear(&world.people[i]);
    pki_clear(&world.ca);
    pki_clear(&world.foreign_ca);
    X509_STORE_free(world.anchors);
}

/* ---- Bytes ---- */

static inline struct bytes bytes_copy(const char *data, size_t length)
{
    struct bytes out = {malloc(length + 1), length};
    ck_assert_ptr_nonnull(out.data);
    memcpy(out.data, data, length);
    out.data[length] = '\0';
    return out;
}

static inline struct bytes bytes_text(const char *text)
{
    return bytes_copy(text, strlen(text));
}

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static inline void bytes_add(struct bytes *bytes, const char *data, size_t length)
{
    bytes->data = realloc(bytes->data, bytes->length + length + 1);
    ck_assert_ptr_nonnull(bytes->data);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    bytes->data[bytes->length] = '\0';
}

static inline void bytes_puts(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}

/* Replace the first `old` by `new`. */
static inline void bytes_replace(struct bytes *bytes, const char *old, const char *new)
{
    char *at = memmem(bytes->data, bytes->length, old, strlen(old));
    struct bytes out = {0};
    ck_assert_msg(at != NULL, "there is no \"%s\"", old);
    bytes_add(&out, bytes->data, (size_t)(at - bytes->data));
    bytes_puts(&out, new);
    at += strlen(old);
    bytes_add(&out, at, bytes->length - (size_t)(at - bytes->data));
    free(bytes->data);
    *bytes = out;
}

/* ---- CMS by the openssl command ---- */

/* `openssl cms ARGUMENTS -binary -outform DER` over `content`. */
static inline struct bytes cms(struct bytes content, const char *arguments)
{
    char *path = world_path("out");
    struct bytes out;
    write_file("in", content.data, content.length);
    run("openssl cms %s -binary -outform DER -in in -out out", arguments);
    out = read_file(path);
    free(path);
    return out;
}

static inline struct bytes cms_of_text(const char *content, const char *arguments)
{
    struct bytes text = bytes_text(content);
    struct bytes out = cms(text, arguments);
    bytes_free(&text);
    return out;
}

/* ---- MIME around it ---- */

static inline void add_base64(struct bytes *out, struct bytes der)
{
    unsigned char line[80];
    for (size_t at = 0; at < der.length; at += 48) {
        int take = der.length - at < 48 ? (int)(der.length - at) : 48;
        EVP_EncodeBlock(line, (const unsigned char *)der.data + at, take);
        bytes_puts(out, (const char *)line);
        bytes_puts(out, "\r\n");
    }
}

/* An application/pkcs7-mime entity. Consumes `der`. */
static inline struct bytes wrap_cms(struct bytes der, const char *smime_type)
{
    struct bytes out = bytes_text("Content-Type: application/pkcs7-mime; smime-type=");
    bytes_puts(&out, smime_type);
    bytes_puts(&out, "; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    add_base64(&out, der);
    bytes_free(&der);
    return out;
}

/* A multipart/signed entity with this boundary. Consumes `der`. */
static inline struct bytes wrap_signed_as(const char *boundary, const char *content, size_t length,
                                          struct bytes der)
{
    struct bytes out = bytes_text("Content-Type: multipart/signed; micalg=sha-256;\r\n"
                                  " protocol=\"application/pkcs7-signature\"; boundary=");
    bytes_puts(&out, boundary);
    bytes_puts(&out, "\r\n\r\nThis is signed.\r\n\r\n--");
    bytes_puts(&out, boundary);
    bytes_puts(&out, "\r\n");
    bytes_add(&out, content, length);
    bytes_puts(&out, "\r\n--");
    bytes_puts(&out, boundary);
    bytes_puts(&out, "\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\n");
    add_base64(&out, der);
    bytes_puts(&out, "\r\n--");
    bytes_puts(&out, boundary);
    bytes_puts(&out, "--\r\n");
    bytes_free(&der);
    return out;
}

/* The same with boundary "outer", or "outer." where the content has such a one. */
static inline struct bytes wrap_signed(const char *content, size_t length, struct bytes der)
{
    char boundary[40] = "outer";
    char line[50];
    do {
        (void)snprintf(line, sizeof line, "--%s\r\n", boundary);
        if (memmem(content, length, line, strlen(line)) == NULL)
            break;
        strcat(boundary, ".");
    } while (strlen(boundary) < 30);
    return wrap_signed_as(boundary, content, length, der);
}

/* A message from `from` with this entity. Consumes it. */
static inline struct bytes message_of(const char *from, struct bytes entity)
{
    struct bytes out = bytes_text("Received: from somewhere\r\nFrom: ");
    bytes_puts(&out, from);
    bytes_puts(&out, "\r\nTo: bob@partner.test\r\nSubject: Test\r\nMIME-Version: 1.0\r\n");
    bytes_add(&out, entity.data, entity.length);
    bytes_free(&entity);
    return out;
}

#define SIGN_ALICE "-sign -signer alice.pem -inkey alice.key -md sha256"

static inline struct bytes signed_entity(const char *content, const char *arguments)
{
    return wrap_signed(content, strlen(content), cms_of_text(content, arguments));
}

static inline struct bytes opaque_entity(const char *content, const char *arguments)
{
    char *nodetach = NULL;
    struct bytes out;
    ck_assert_int_gt(asprintf(&nodetach, "%s -nodetach", arguments), 0);
    out = wrap_cms(cms_of_text(content, nodetach), "signed-data");
    free(nodetach);
    return out;
}

/* Encrypted for Bob unless said otherwise. Consumes `content`. */
static inline struct bytes encrypted_entity(struct bytes content, const char *arguments)
{
    struct bytes der = cms(content, arguments);
    bytes_free(&content);
    return wrap_cms(der, "enveloped-data");
}

#define ENCRYPT_BOB "-encrypt -aes-256-cbc -recip bob.pem"

/* ---- Opening ---- */

/* Finds any key of the world's people. */
static inline enum key_answer find_any(void *context, const struct recipient_id *ids, size_t count,
                                       size_t *index_out, EVP_PKEY **key_out,
                                       X509 **certificate_out, char **why)
{
    (void)context;
    for (size_t i = 0; i < count; i++)
        for (int p = 0; p < PEOPLE; p++)
            if (recipient_id_matches(&ids[i], world.people[p].certificate)) {
                *index_out = i;
                *key_out = world.people[p].key;
                *certificate_out = world.people[p].certificate;
                return KEY_FOUND;
            }
    why_set(why, "no private key for this message");
    return KEY_NONE;
}

static inline struct open_request default_request(void)
{
    return (struct open_request){.anchors = world.anchors,
                                 .keys = {find_any, NULL},
                                 .weak_allowed = WEAKNESS_SHA1 | WEAKNESS_3DES | WEAKNESS_RC2 |
                                                 WEAKNESS_RSA_1024,
                                 .clear_sign = false,
                                 .now = PKI_NOW,
                                 .limits = test_limits};
}

/* Open `message`; consumes it. opened_clear() the result. */
static inline struct opened open_with(struct bytes message, const struct open_request *request)
{
    struct entity entity = entity_from(message.data, message.length);
    struct opened out;
    char *why = NULL;
    enum smime_status status = smime_open(&entity, request, &out, &why);
    ck_assert_msg(status == SMIME_OK, "smime_open: %s", why_text(&why));
    ck_assert_ptr_nonnull(out.encryption_reason);
    ck_assert_ptr_nonnull(out.signature_reason);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    for (size_t i = 0; i < out.layer_count; i++)
        ck_assert_ptr_nonnull(out.layers[i].reason);
    why_free(&why);
    entity_clear(&entity);
    bytes_free(&message);
    return out;
}

static inline struct opened open_message(struct bytes message)
{
    struct open_request request = default_request();
    return open_with(message, &request);
}

static inline void assert_signature(const struct opened *opened, enum signature_verdict wanted)
{
    ck_assert_msg(opened->signature == wanted, "signature %s (%s), wanted %s",
                  signature_verdict_name(opened->signature), opened->signature_reason,
                  signature_verdict_name(wanted));
}

static inline void assert_encryption(const struct opened *opened, enum encryption_verdict wanted)
{
    ck_assert_msg(opened->encryption == wanted, "encryption %s (%s), wanted %s",
                  encryption_verdict_name(opened->encryption), opened->encryption_reason,
                  encryption_verdict_name(wanted));
}

static inline void assert_contains(const char *text, const char *wanted)
{
    ck_assert_msg(text != NULL && strstr(text, wanted) != NULL, "\"%s\" lacks \"%s\"",
                  text != NULL ? text : "(null)", wanted);
}

/* The whole delivered message; free(). */
static inline struct bytes delivered(const struct opened *opened)
{
    struct bytes out;
    ck_assert(opened->changed);
    out.data = entity_text(&opened->message, &out.length);
    return out;
}

/* ---- Large messages, in a process of their own whose memory is measured ---- */

#if defined(__SANITIZE_ADDRESS__)
#define BIG_BYTES ((size_t)16 << 20)
#define BIG_RSS_KB ((long)800 << 10) /* shadow and quarantine */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BIG_BYTES ((size_t)16 << 20)
#define BIG_RSS_KB ((long)800 << 10)
#endif
#endif
#ifndef BIG_BYTES
#define BIG_BYTES ((size_t)100 << 20)
#define BIG_RSS_KB ((long)40 << 10)
#endif

struct big_message {
    size_t bytes;
    bool defang; /* deliver it inert */
};

/* Write the file "big": `header` and BIG_BYTES of text. */
static inline struct big_message big_begin(const char *header)
{
    char *path = world_path("big");
    FILE *file = fopen(path, "we");
    char line[128];
    struct big_message big = {.bytes = strlen(header)};
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(header, file), 0);
    for (size_t i = 0; big.bytes < BIG_BYTES; i++) {
        int n = snprintf(line, sizeof line, "%070zu\r\n", i);
        ck_assert_uint_eq(fwrite(line, 1, (size_t)n, file), (size_t)n);
        big.bytes += (size_t)n;
    }
    ck_assert_int_eq(fclose(file), 0);
    free(path);
    return big;
}

static inline void big_puts(struct spool *body, const char *text)
{
    ck_assert_int_eq(spool_puts(body, text), 0);
}

static inline void big_append(struct spool *body, const char *name)
{
    char *path = world_path(name);
    FILE *file = fopen(path, "re");
    char chunk[65536];
    size_t n;
    ck_assert_ptr_nonnull(file);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        ck_assert_int_eq(spool_write(body, chunk, n), 0);
    ck_assert_int_eq(fclose(file), 0);
    free(path);
}

/* In the child: open, and exit with 0 if all was as wanted. */
static inline void big_child(struct spool *body, const char *header,
                             enum signature_verdict signature, enum encryption_verdict encryption,
                             const struct big_message *big)
{
    struct entity entity = entity_from(header, strlen(header));
    struct open_request request = default_request();
    struct opened opened;
    struct rusage usage;
    char *why = NULL;
    enum smime_status status;
    spool_free(&entity.body);
    entity.body = body;
    request.defang = big->defang;
    status = smime_open(&entity, &request, &opened, &why);
    if (status != SMIME_OK || opened.signature != signature || opened.encryption != encryption ||
        opened.defanged != big->defang ||
        (encryption == ENCRYPTION_DECRYPTED &&
         (!opened.changed || (size_t)spool_size(opened.message.body) + 200 < big->bytes))) {
        fprintf(stderr, "big message: %s %s %s\n", why_text(&why),
                status == SMIME_OK ? opened.signature_reason : "",
                status == SMIME_OK ? opened.encryption_reason : "");
        _exit(1);
    }
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss > BIG_RSS_KB) {
        fprintf(stderr, "big message: %ld KB resident, more than %ld\n", usage.ru_maxrss,
                BIG_RSS_KB);
        _exit(1);
    }
    _exit(0);
}

static inline void big_check(const struct big_message *big, struct spool *body, const char *header,
                             enum signature_verdict signature, enum encryption_verdict encryption)
{
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        big_child(body, header, signature, encryption, big);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child failed");
    spool_free(&body);
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
