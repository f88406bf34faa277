/* Whole conversations with somebody who uses `openssl cms`: separate keys for signatures and
 * encryption on either side, the key that is preferred, and keys that change in the middle. */
#include <check.h>

#include <openssl/cms.h>

#include "cert_use.h"
#include "flow_world.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define ALICE "alice@example.com"
#define BOB "bob@partner.test"
#define CONFIG                                                                                     \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-optional\"; } );"
#define SIGNS "critical,digitalSignature"
#define ENCRYPTS "critical,keyEncipherment"
#define BOTH "critical,digitalSignature,keyEncipherment"
#define MAX_KEYS 16

static struct world world;
static struct pki made[MAX_KEYS];
static size_t made_count;
static time_t now;

static void begin(void)
{
    cli_begin();
    world = world_open(CONFIG);
    made_count = 0;
    now = time(NULL); /* at which openssl signs */
    pki_write_certificate(cli_path("ca"), world.ca.certificate);
    ck_assert(store_mailbox_add(world.gateway->store, ALICE, NULL, 0, NULL) == STORE_OK);
}

static void end(void)
{
    for (size_t i = 0; i < made_count; i++)
        pki_clear(&made[i]);
    world_close(&world);
    cli_end();
}

/* An RSA key with a certificate that began `age_days` ago, and both as files of this name. */
static const struct pki *new_key(const char *name, const char *address, const char *usage,
                                 int age_days)
{
    struct pki *out = &made[made_count++];
    *out = pki_make(&(struct pki_spec){.addresses = {address},
                                       .common_name = name,
                                       .key = PKI_RSA_2048,
                                       .key_usage = usage,
                                       .not_before = now - age_days * PKI_DAY},
                    &world.ca);
    cli_write_pki(name, out);
    return out;
}

static void activate(const struct pki *pki)
{
    char *why = NULL;
    ck_assert_msg(store_mailbox_activate(world.gateway->store, ALICE, pki->key, pki->certificate,
                                         NULL, now, &why) == STORE_OK,
                  "%s", why_text(&why));
}

static void add_former(const struct pki *pki)
{
    char *why = NULL;
    ck_assert_msg(store_mailbox_add_former_key(world.gateway->store, ALICE, pki->key,
                                               pki->certificate, now, &why) == STORE_OK,
                  "%s", why_text(&why));
}

/* `text` goes through the flow; the result to the file `out`. */
static void pass(enum role role, const char *sender, const char *recipient, const char *text,
                 const char *out)
{
    static const struct smime_progress progress = {0};
    struct transaction transaction =
        world_message(&world, role, role == ROLE_INBOUND ? NULL : sender, sender, text);
    struct outcome outcome = {0};
    char *result;
    ck_assert_int_eq(store_refresh(world.gateway->store, NULL), STORE_OK);
    ck_assert_int_eq(world_recipient(&world, &transaction, recipient), 0);
    flow_message(world.gateway, &transaction, now, &progress, &outcome);
    ck_assert_msg(outcome.action != FLOW_REPLY, "%s", outcome.reply.english);
    result = world_text(&transaction, &outcome);
    cli_write(out, result, strlen(result));
    free(result);
    world_forget(&transaction, &outcome);
}

/* Alice writes: what Bob gets is the file "to-bob". */
static void alice_writes(const char *text)
{
    char *message = NULL;
    ck_assert_int_gt(asprintf(&message, "From: " ALICE "\nTo: " BOB "\nSubject: hi\n\n%s\n", text),
                     0);
    pass(ROLE_SUBMISSION, ALICE, BOB, message, "to-bob");
    free(message);
}

/* Bob sends what stands in the file `name`: what Alice reads is the file "to-alice". */
static void bob_sends(const char *name)
{
    char *text;
    ck_assert_int_eq(cli_run("{ printf 'From: " BOB "\nTo: " ALICE "\nSubject: re\n'; cat %s; } | "
                             "tr -d '\\r' >%s.sent",
                             name, name),
                     0);
    text = cli_read(strcat(strcpy((char[64]){0}, name), ".sent"), NULL);
    pass(ROLE_INBOUND, BOB, ALICE, text, "to-alice");
    free(text);
}

/* Bob signs a text with the key `signer`, and `more` for openssl, into the file `name`. */
static void bob_signs(const char *name, const char *signer, const char *more)
{
    ck_assert_int_eq(
        cli_run("printf 'Content-Type: text/plain\\r\\n\\r\\nfrom Bob\\r\\n' >plain && "
                "openssl cms -sign -in plain -signer %s -inkey %s.key %s -out %s",
                signer, signer, more, name),
        0);
}

static void bob_encrypts(const char *name, const char *in, const char *to)
{
    ck_assert_int_eq(cli_run("openssl cms -encrypt -aes256 -in %s -out %s %s", in, name, to), 0);
}

static bool bob_decrypts(const char *with)
{
    return cli_run("openssl cms -decrypt -in to-bob -recip %s -inkey %s.key -out opened", with,
                   with) == 0;
}

/* The file `name` is signed by Alice, as Bob sees it; the signer's certificate to "signer". */
static bool is_alices(const char *name, const char *signer)
{
    return cli_run("openssl cms -verify -in %s -CAfile ca -purpose any -signer signer -out text && "
                   "openssl x509 -in signer -outform DER -out a && "
                   "openssl x509 -in %s -outform DER -out b && cmp a b",
                   name, signer) == 0;
}

/* The signature in `name` names the certificate `preferred` as the one to encrypt to, and brings
 * it. */
static bool prefers(const char *name, const char *preferred)
{
    return cli_run("s=$(openssl x509 -in %s -noout -serial | sed 's/serial=0*//') && "
                   "openssl cms -cmsout -in %s -outform DER -out der && "
                   "openssl asn1parse -inform DER -in der | grep -A8 id-smime-aa-encrypKeyPref | "
                   "grep -q INTEGER.*:0*$s && "
                   "openssl cms -verify -noverify -in %s -certsout certs -out text && "
                   "openssl crl2pkcs7 -nocrl -certfile certs | openssl pkcs7 -print_certs -text | "
                   "tr -d ': \\n' | grep -qi $s",
                   preferred, name, name) == 0;
}

static bool alice_reads(const char *field)
{
    return cli_contains("to-alice", "from Bob") && cli_contains("to-alice", field);
}

/* ---- Our keys ---- */

START_TEST(our_separate_keys)
{
    begin();
    activate(new_key("sign", ALICE, SIGNS, 10));
    add_former(new_key("crypt", ALICE, ENCRYPTS, 10));
    new_key("bob", BOB, BOTH, 10);
    alice_writes("first");
    ck_assert(is_alices("to-bob", "sign"));
    ck_assert(prefers("to-bob", "crypt"));
    /* Bob answers to the key that was named, and is learned. */
    bob_signs("signed", "bob", "");
    bob_encrypts("answer", "signed", "crypt");
    bob_sends("answer");
    ck_assert(alice_reads("X-Smimed-Encryption: decrypted"));
    ck_assert(alice_reads("X-Smimed-Signature: valid"));
    alice_writes("second");
    ck_assert(bob_decrypts("bob"));
    ck_assert(is_alices("opened", "sign"));
    ck_assert(prefers("opened", "crypt"));
    end();
}
END_TEST

START_TEST(our_key_changes)
{
    begin();
    activate(new_key("old", ALICE, BOTH, 300));
    new_key("bob", BOB, BOTH, 10);
    alice_writes("first");
    ck_assert(is_alices("to-bob", "old"));
    bob_signs("signed", "bob", "");
    bob_encrypts("before", "signed", "old");
    bob_sends("before");
    ck_assert(alice_reads("X-Smimed-Encryption: decrypted"));
    activate(new_key("new", ALICE, BOTH, 1));
    /* Bob does not know of it yet. */
    bob_encrypts("between", "signed", "old");
    bob_sends("between");
    ck_assert(alice_reads("X-Smimed-Encryption: decrypted"));
    alice_writes("second");
    ck_assert(bob_decrypts("bob"));
    ck_assert(is_alices("opened", "new"));
    ck_assert(prefers("opened", "new"));
    bob_encrypts("after", "signed", "new");
    bob_sends("after");
    ck_assert(alice_reads("X-Smimed-Encryption: decrypted"));
    /* Somebody sends what he kept from before once more. */
    bob_sends("before");
    ck_assert(alice_reads("X-Smimed-Encryption: decrypted"));
    end();
}
END_TEST

/* From one key for both uses to a pair, and then another key of the pair. */
START_TEST(our_key_becomes_a_pair)
{
    static const char *const all[] = {"old", "crypt", "crypt2"};
    begin();
    activate(new_key("old", ALICE, BOTH, 300));
    new_key("bob", BOB, BOTH, 10);
    alice_writes("first");
    ck_assert(prefers("to-bob", "old"));
    activate(new_key("sign", ALICE, SIGNS, 5));
    alice_writes("between");
    ck_assert(is_alices("to-bob", "sign"));
    ck_assert(prefers("to-bob", "old")); /* the only one that can be encrypted to */
    add_former(new_key("crypt", ALICE, ENCRYPTS, 5));
    alice_writes("second");
    ck_assert(prefers("to-bob", "crypt"));
    add_former(new_key("crypt2", ALICE, ENCRYPTS, 1));
    alice_writes("third");
    ck_assert(is_alices("to-bob", "sign"));
    ck_assert(prefers("to-bob", "crypt2"));
    for (size_t i = 0; i < 3; i++) {
        bob_signs("signed", "bob", "");
        bob_encrypts("answer", "signed", all[i]);
        bob_sends("answer");
        ck_assert_msg(alice_reads("X-Smimed-Encryption: decrypted"), "%s", all[i]);
    }
    end();
}
END_TEST

/* ---- Their keys ---- */

/* Without a word about it the one that came along and is for it. */
START_TEST(their_separate_keys)
{
    begin();
    activate(new_key("alice", ALICE, BOTH, 10));
    new_key("bobsign", BOB, SIGNS, 10);
    new_key("bobcrypt", BOB, ENCRYPTS, 10);
    bob_signs("signed", "bobsign", "");
    bob_sends("signed");
    ck_assert(alice_reads("X-Smimed-Signature: valid"));
    alice_writes("first");
    ck_assert(is_alices("to-bob", "alice")); /* not encrypted: there is nothing to encrypt to */
    bob_signs("signed", "bobsign", "-certfile bobcrypt");
    bob_sends("signed");
    alice_writes("second");
    ck_assert(bob_decrypts("bobcrypt"));
    ck_assert(!bob_decrypts("bobsign"));
    end();
}
END_TEST

/* Bob's signature by `signer`, with `bundle`, that wants answers to `preferred`. openssl cms cannot
 * say that, so it is said by hand: [0] IMPLICIT IssuerAndSerialNumber. */
static void bob_signs_preferring(const char *name, const struct pki *signer,
                                 const struct pki *preferred, time_t signed_at)
{
    static const char text[] = "Content-Type: text/plain\r\n\r\nfrom Bob\r\n";
    unsigned char value[512] = {0xa0, 0x82};
    unsigned char *at = value + 4;
    BIO *content = BIO_new_mem_buf(text, -1);
    BIO *out = BIO_new_file(cli_path(name), "w");
    CMS_ContentInfo *cms =
        CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_DETACHED | CMS_STREAM);
    CMS_SignerInfo *info = CMS_add1_signer(cms, signer->certificate, signer->key, EVP_sha256(),
                                           CMS_PARTIAL | CMS_NOSMIMECAP);
    ASN1_STRING *preference = ASN1_STRING_type_new(V_ASN1_OTHER);
    ASN1_TIME *time = ASN1_TIME_set(NULL, signed_at);
    X509_ATTRIBUTE *attribute;
    size_t length;
    ck_assert(content != NULL && out != NULL && info != NULL && preference != NULL && time != NULL);
    ck_assert_int_gt(i2d_X509_NAME(X509_get_issuer_name(preferred->certificate), &at), 0);
    ck_assert_int_gt(i2d_ASN1_INTEGER(X509_get0_serialNumber(preferred->certificate), &at), 0);
    length = (size_t)(at - value) - 4;
    value[2] = (unsigned char)(length >> 8);
    value[3] = (unsigned char)length;
    ck_assert_int_eq(ASN1_STRING_set(preference, value, (int)length + 4), 1);
    ck_assert_int_eq(
        CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, ASN1_STRING_type(time), time, -1),
        1);
    attribute = X509_ATTRIBUTE_create(NID_id_smime_aa_encrypKeyPref, V_ASN1_OTHER, preference);
    ck_assert(attribute != NULL && CMS_signed_add1_attr(info, attribute) == 1);
    for (size_t i = 0; i < made_count; i++)
        if (cert_names_address(made[i].certificate, BOB))
            (void)CMS_add1_cert(cms, made[i].certificate);
    ck_assert_int_eq(SMIME_write_CMS(out, cms, content, CMS_DETACHED | CMS_STREAM), 1);
    X509_ATTRIBUTE_free(attribute);
    ASN1_TIME_free(time);
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    BIO_free(out);
}

START_TEST(their_preference_is_honoured)
{
    const struct pki *sign;
    const struct pki *one;
    const struct pki *two;
    begin();
    activate(new_key("alice", ALICE, BOTH, 10));
    sign = new_key("bobsign", BOB, SIGNS, 10);
    one = new_key("one", BOB, ENCRYPTS, 5);
    two = new_key("two", BOB, ENCRYPTS, 90);
    bob_signs_preferring("m1", sign, two, now - 300);
    bob_signs_preferring("m2", sign, one, now - 200);
    bob_signs_preferring("m3", sign, two, now - 100);
    bob_sends("m1");
    ck_assert(alice_reads("X-Smimed-Signature: valid"));
    alice_writes("to the older one");
    ck_assert(bob_decrypts("two") && !bob_decrypts("one"));
    bob_sends("m2");
    alice_writes("to the newer one");
    ck_assert(bob_decrypts("one") && !bob_decrypts("two"));
    bob_sends("m1"); /* once more, by whoever kept it */
    alice_writes("still to the newer one");
    ck_assert(bob_decrypts("one"));
    bob_sends("m3");
    alice_writes("back to the older one");
    ck_assert(bob_decrypts("two") && !bob_decrypts("one"));
    end();
}
END_TEST

START_TEST(their_key_changes)
{
    const struct pki *old;
    const struct pki *new;
    begin();
    activate(new_key("alice", ALICE, BOTH, 10));
    old = new_key("old", BOB, BOTH, 300);
    new = new_key("new", BOB, BOTH, 1);
    bob_signs_preferring("before", old, old, now - 1000);
    bob_signs_preferring("late", old, old, now - 900);
    bob_signs_preferring("after", new, new, now - 500);
    bob_sends("before");
    alice_writes("first");
    ck_assert(bob_decrypts("old"));
    bob_sends("after");
    ck_assert(alice_reads("X-Smimed-Signature: valid"));
    alice_writes("second");
    ck_assert(bob_decrypts("new") && !bob_decrypts("old"));
    bob_sends("late"); /* was on the way for long */
    ck_assert(alice_reads("X-Smimed-Signature: valid"));
    alice_writes("third");
    ck_assert(bob_decrypts("new") && !bob_decrypts("old"));
    end();
}
END_TEST

/* What was imported or pinned is not moved by mail; a certificate that has expired is. */
START_TEST(pinned_key_stays)
{
    const struct pki *old;
    int64_t id = 0;
    begin();
    activate(new_key("alice", ALICE, BOTH, 10));
    old = new_key("old", BOB, BOTH, 300);
    new_key("new", BOB, BOTH, 1);
    ck_assert(store_pubkey_import(world.gateway->store, old->certificate, now, &id, NULL) ==
                  STORE_OK &&
              store_pubkey_pin(world.gateway->store, id, now, NULL) == STORE_OK);
    bob_signs("signed", "new", "");
    bob_sends("signed");
    ck_assert(alice_reads("X-Smimed-Signature: valid"));
    alice_writes("first");
    ck_assert(bob_decrypts("old") && !bob_decrypts("new"));
    ck_assert(store_pubkey_unpin(world.gateway->store, id, NULL) == STORE_OK);
    alice_writes("still imported");
    ck_assert(bob_decrypts("old"));
    ck_assert(store_pubkey_delete(world.gateway->store, id, NULL) == STORE_OK);
    alice_writes("second");
    ck_assert(bob_decrypts("new") && !bob_decrypts("old"));
    end();
}
END_TEST

/* openssl declares its ciphers in each signature, strongest first and no GCM: answers follow. */
START_TEST(their_capabilities_are_followed)
{
    begin();
    activate(new_key("alice", ALICE, BOTH, 10));
    new_key("bob", BOB, BOTH, 10);
    bob_signs("signed", "bob", "-nosmimecap");
    bob_sends("signed");
    alice_writes("first");
    ck_assert(bob_decrypts("bob"));
    bob_signs("signed", "bob", "");
    bob_sends("signed");
    alice_writes("second");
    ck_assert_int_eq(cli_run("openssl cms -cmsout -print -noout -in to-bob >print"), 0);
    ck_assert(cli_contains("print", "algorithm: aes-256-cbc"));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conversation");
    TCase *tests = tcase_create("conversation");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, our_separate_keys);
    tcase_add_test(tests, our_key_changes);
    tcase_add_test(tests, our_key_becomes_a_pair);
    tcase_add_test(tests, their_separate_keys);
    tcase_add_test(tests, their_preference_is_honoured);
    tcase_add_test(tests, their_key_changes);
    tcase_add_test(tests, pinned_key_stays);
    tcase_add_test(tests, their_capabilities_are_followed);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
