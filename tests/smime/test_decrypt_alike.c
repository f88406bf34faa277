/* Failures to decrypt that nobody can tell apart: they have the same words and cost the same work,
 * whichever step failed (Bleichenbacher's and Vaudenay's oracles; RFC 8551 section 6). Messages are
 * made by the openssl command and altered octet by octet. */
#include "incoming_fixture.h"

#include <time.h>

#include <openssl/asn1.h>
#include <openssl/rsa.h>

#include "decrypt.h"

#define SMALL_BYTES ((size_t)40)
#define LARGE_BYTES ((size_t)512 << 10)
#define ROUNDS 8      /* at least */
#define MAX_ROUNDS 80 /* as long as they differ: a busy machine only adds */
#define TRIES 4       /* a random last block has a good padding one time in 256 */

#if defined(__SANITIZE_ADDRESS__)
#define TIMED false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TIMED false
#endif
#endif
#ifndef TIMED
#define TIMED true
#endif

/* The work of two failures may differ by this part of it, and by what a clock cannot tell. */
#define SAME_PART 0.25
#define SAME_S 3e-5

enum damage {
    UNDAMAGED,
    KEY_NOISE,  /* the encrypted content key: its padding, or its check, is wrong */
    KEY_OTHER,  /* another key, well encrypted */
    KEY_SHORT,  /* one that is too short for the cipher */
    ORIGINATOR, /* key agreement with another ephemeral key */
    FIRST_OCTET,
    PADDING, /* the last octet but one block: what the padding is made of */
    TAG,
    BLOCK_LESS, /* a whole block of the end is missing */
    OCTETS_LESS,
    DAMAGES,
};

static const char *const names[DAMAGES] = {
    "undamaged",   "key: noise", "key: another", "key: too short", "originator",
    "first octet", "padding",    "tag",          "a block less",   "some octets less"};

static const struct scheme {
    const char *arguments;
    enum person reader;
    enum person other; /* who reads it as well */
    const enum damage damages[8];
} schemes[] = {
    {"-aes-256-cbc -recip bob.pem -recip alice.pem",
     BOB,
     ALICE,
     {KEY_NOISE, KEY_OTHER, KEY_SHORT, PADDING, BLOCK_LESS, OCTETS_LESS}},
    {"-aes-256-gcm -recip bob.pem -recip alice.pem",
     BOB,
     ALICE,
     {KEY_NOISE, KEY_OTHER, KEY_SHORT, FIRST_OCTET, TAG}},
    {"-aes-256-cbc -recip bob.pem -keyopt rsa_padding_mode:oaep -recip alice.pem",
     BOB,
     ALICE,
     {KEY_NOISE, PADDING}},
    {"-aes-256-cbc -recip carol.pem -recip alice.pem",
     CAROL,
     ALICE,
     {KEY_NOISE, ORIGINATOR, PADDING}},
    /* The length of its keys is nothing to the cipher: one that does not fit is replaced by chance.
     */
    {"-provider default -provider legacy -rc2-128 -recip bob.pem -recip alice.pem",
     BOB,
     ALICE,
     {KEY_NOISE, KEY_OTHER, KEY_SHORT, PADDING}},
    {"-aes-256-gcm -recip carol.pem -recip alice.pem", CAROL, ALICE, {KEY_NOISE, ORIGINATOR, TAG}},
};

/* ---- Damage ---- */

static unsigned char *find(struct bytes der, size_t from, const char *what, size_t length)
{
    char *at = memmem(der.data + from, der.length - from, what, length);
    ck_assert_ptr_nonnull(at);
    return (unsigned char *)at;
}

/* Where the octets of this person's encrypted content key begin; behind his serial number. */
static unsigned char *wrapped_key(struct bytes der, enum person person)
{
    unsigned char *serial = NULL;
    int length =
        i2d_ASN1_INTEGER(X509_get0_serialNumber(world.people[person].certificate), &serial);
    unsigned char *at;
    ck_assert_int_gt(length, 0);
    at = find(der, 0, (const char *)serial, (size_t)length);
    OPENSSL_free(serial);
    if (person == CAROL) /* AES key wrap of 32 octets */
        return find(der, (size_t)((char *)at - der.data), "\x04\x28", 2) + 2;
    return find(der, (size_t)((char *)at - der.data), "\x04\x82\x01\x00", 4) + 4;
}

/* Another content key of `length` octets for an RSA recipient, as openssl encrypts it. */
static void replace_key(struct bytes der, enum person person, size_t length)
{
    unsigned char key[32];
    size_t size = 256;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(world.people[person].key, NULL);
    ck_assert_int_eq(RAND_bytes(key, sizeof key), 1);
    ck_assert(context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_encrypt(context, wrapped_key(der, person), &size, key, length) == 1);
    ck_assert_uint_eq(size, 256);
    EVP_PKEY_CTX_free(context);
}

/* The ephemeral key becomes somebody's: a point of the same curve. */
static void replace_originator(struct bytes der)
{
    unsigned char point[65];
    size_t length;
    /* BIT STRING of an uncompressed point of P-256 */
    unsigned char *at = find(der, 0, "\x03\x42\x00\x04", 4);
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(world.people[EVE].key, "encoded-pub-key",
                                                     point, sizeof point, &length),
                     1);
    ck_assert_uint_eq(length, sizeof point);
    memcpy(at + 3, point, sizeof point);
}

/* Take octets off the end, and off every length that counts them. */
static void cut(struct bytes *der, size_t octets)
{
    const unsigned char *at = (unsigned char *)der->data;
    const unsigned char *end = at + der->length;
    while (at < end) {
        const unsigned char *start = at;
        long length;
        int tag;
        int class;
        int info = ASN1_get_object(&at, &length, &tag, &class, end - at);
        ck_assert_int_eq(info & 0x80, 0);
        if (at + length == end) {
            size_t left = (size_t)length - octets;
            for (unsigned char *p = (unsigned char *)(uintptr_t)at - 1; p > start + 1; p--) {
                *p = (unsigned char)left;
                left >>= 8;
            }
            if (start + 2 == at)
                ((unsigned char *)(uintptr_t)start)[1] = (unsigned char)left;
            if ((info & V_ASN1_CONSTRUCTED) == 0)
                break;
        } else {
            at += length;
        }
    }
    der->length -= octets;
}

static struct bytes damaged(struct bytes whole, const struct scheme *scheme, enum damage damage)
{
    struct bytes der = bytes_copy(whole.data, whole.length);
    bool gcm = strstr(scheme->arguments, "gcm") != NULL;
    size_t tail = gcm ? 18 : 0; /* the tag */
    size_t block = strstr(scheme->arguments, "rc2") != NULL ? 8 : 16;
    switch (damage) {
    case KEY_NOISE:
        wrapped_key(der, scheme->reader)[10] ^= 0x5a;
        break;
    case KEY_OTHER:
        replace_key(der, scheme->reader, 32);
        break;
    case KEY_SHORT:
        replace_key(der, scheme->reader, 16);
        break;
    case ORIGINATOR:
        replace_originator(der);
        break;
    case FIRST_OCTET:
        der.data[der.length - tail - SMALL_BYTES] ^= 0x5a;
        break;
    case PADDING:
        der.data[der.length - block - 1] ^= 0x5a;
        break;
    case TAG:
        der.data[der.length - 1] ^= 0x5a;
        break;
    case BLOCK_LESS:
        cut(&der, 16);
        break;
    case OCTETS_LESS:
        cut(&der, 5);
        break;
    default:
        break;
    }
    return der;
}

/* ---- Opening ---- */

struct readers {
    const struct scheme *scheme;
    bool both;
};

static enum key_answer find_reader(void *context, const struct recipient_id *ids, size_t count,
                                   size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                   char **why)
{
    const struct readers *readers = context;
    const struct pki *pki = &world.people[readers->scheme->reader];
    (void)why;
    for (size_t i = 0; i < count; i++)
        if (recipient_id_matches(&ids[i], pki->certificate)) {
            *index_out = i;
            *key_out = pki->key;
            *certificate_out = pki->certificate;
            return KEY_FOUND;
        }
    return KEY_NONE;
}

static enum key_answer other_reader(void *context, size_t n, EVP_PKEY **key_out,
                                    X509 **certificate_out)
{
    const struct readers *readers = context;
    if (n > 0 || !readers->both)
        return KEY_NONE;
    *key_out = world.people[readers->scheme->other].key;
    *certificate_out = world.people[readers->scheme->other].certificate;
    return KEY_FOUND;
}

static double cpu_seconds(void)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Decrypt; *seconds_out of it. decrypted_clear() the result. */
static struct decrypted decrypt(struct bytes der, struct readers *readers, double *seconds_out)
{
    struct open_request request = default_request();
    struct spool *text = spool_new(&test_spool_options);
    struct cms_layout layout;
    struct decrypted out;
    double began;
    char *why = NULL;
    request.keys = (struct key_finder){find_reader, readers};
    request.further_key = other_reader;
    ck_assert_int_eq(spool_write(text, der.data, der.length), 0);
    ck_assert_msg(cms_layout_read(text, 0, spool_size(text), false, &request.limits,
                                  &request.progress, &layout, &why) == SMIME_OK,
                  "%s", why_text(&why));
    began = cpu_seconds();
    ck_assert_msg(decrypt_enveloped(&layout, &request, &out, &why) == SMIME_OK, "%s",
                  why_text(&why));
    *seconds_out = cpu_seconds() - began;
    cms_layout_clear(&layout);
    spool_free(&text);
    return out;
}

/* ---- The words ---- */

/* What is told of a failure is the same in all its parts. */
START_TEST(failures_have_the_same_words)
{
    const struct scheme *scheme = &schemes[_i];
    struct bytes whole;
    char line[SMALL_BYTES + 1] = {0};
    char *arguments = NULL;
    memset(line, 'x', SMALL_BYTES);
    ck_assert_int_gt(asprintf(&arguments, "-encrypt %s", scheme->arguments), 0);
    whole = cms_of_text(line, arguments);
    for (int both = 0; both < 2; both++) {
        struct readers readers = {scheme, both == 1};
        double seconds;
        struct decrypted first = decrypt(whole, &readers, &seconds);
        ck_assert(first.opened && first.tried);
        for (size_t i = 0; i < 8 && scheme->damages[i] != UNDAMAGED; i++) {
            struct decrypted out = {0};
            for (int try = 0; try == 0 || (try < TRIES && out.opened); try++) {
                struct bytes der = damaged(whole, scheme, scheme->damages[i]);
                decrypted_clear(&out);
                out = decrypt(der, &readers, &seconds);
                bytes_free(&der);
            }
            ck_assert_msg(!out.opened, "%s: opened", names[scheme->damages[i]]);
            ck_assert_str_eq(out.reason, DECRYPT_FAILED);
            ck_assert(out.tried);
            ck_assert_ptr_null(out.plain);
            ck_assert_str_eq(out.algorithms, first.algorithms);
            ck_assert_str_eq(out.cipher, first.cipher);
            ck_assert_uint_eq(out.weak, first.weak);
            decrypted_clear(&out);
        }
        decrypted_clear(&first);
    }
    bytes_free(&whole);
    free(arguments);
}
END_TEST

/* ---- The work ---- */

/* The least times of several turns, one of each in turn. */
struct times {
    struct bytes ders[DAMAGES]; /* without data where there is none */
    double best[DAMAGES];
    enum damage least;
    enum damage most;
};

static bool alike(struct times *times)
{
    times->least = times->most = UNDAMAGED;
    for (int i = 0; i < DAMAGES; i++) {
        if (times->ders[i].data == NULL)
            continue;
        times->least = times->best[i] < times->best[times->least] ? (enum damage)i : times->least;
        times->most = times->best[i] > times->best[times->most] ? (enum damage)i : times->most;
    }
    return times->best[times->most] < times->best[times->least] * (1 + SAME_PART) + SAME_S;
}

static void one_round(struct times *times, struct readers *readers)
{
    for (int i = 0; i < DAMAGES; i++) {
        double seconds;
        struct decrypted out;
        if (times->ders[i].data == NULL)
            continue;
        out = decrypt(times->ders[i], readers, &seconds);
        decrypted_clear(&out);
        times->best[i] = seconds < times->best[i] ? seconds : times->best[i];
    }
}

static void measure(const struct scheme *scheme, struct bytes whole, bool both)
{
    struct readers readers = {scheme, both};
    struct times times = {0};
    times.ders[UNDAMAGED] = damaged(whole, scheme, UNDAMAGED);
    for (size_t i = 0; i < 8 && scheme->damages[i] != UNDAMAGED; i++)
        times.ders[scheme->damages[i]] = damaged(whole, scheme, scheme->damages[i]);
    for (int i = 0; i < DAMAGES; i++)
        times.best[i] = 1e9;
    for (int round = 0; round < ROUNDS || (round < MAX_ROUNDS && TIMED && !alike(&times)); round++)
        one_round(&times, &readers);
    ck_assert_msg(alike(&times) || !TIMED,
                  "%s, %zu octets, %d readers: %s takes %.3f ms, %s %.3f ms", scheme->arguments,
                  whole.length, both ? 2 : 1, names[times.most], 1000 * times.best[times.most],
                  names[times.least], 1000 * times.best[times.least]);
    for (int i = 0; i < DAMAGES; i++) {
        if (times.ders[i].data != NULL && getenv("SMIMED_TIMES") != NULL)
            fprintf(stderr, "%-70s %7zu octets, %d readers, %-16s %.3f ms\n", scheme->arguments,
                    whole.length, both ? 2 : 1, names[i], 1000 * times.best[i]);
        bytes_free(&times.ders[i]);
    }
}

/* Of this thread alone. SMIMED_TIMES=1 has the times printed. */
START_TEST(failures_cost_the_same_work)
{
    static const size_t sizes[] = {SMALL_BYTES, LARGE_BYTES};
    const struct scheme *scheme = &schemes[_i];
    char *arguments = NULL;
    ck_assert_int_gt(asprintf(&arguments, "-encrypt %s", scheme->arguments), 0);
    for (size_t i = 0; i < 2; i++) {
        char *line = calloc(1, sizes[i] + 1);
        struct bytes whole;
        ck_assert_ptr_nonnull(line);
        memset(line, 'x', sizes[i]);
        whole = cms_of_text(line, arguments);
        measure(scheme, whole, false);
        measure(scheme, whole, true);
        bytes_free(&whole);
        free(line);
    }
    free(arguments);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decrypt_alike");
    TCase *tcase = tcase_create("failures");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, failures_have_the_same_words, 0, sizeof schemes / sizeof *schemes);
    tcase_add_loop_test(tcase, failures_cost_the_same_work, 0, sizeof schemes / sizeof *schemes);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
