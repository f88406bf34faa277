/* Algorithms by profile (daemon/plan.h, rules/profile.h): what each recipient gets, as `openssl
 * cms` shows, decrypts and verifies it. */
#include <check.h>

#include "flow_world.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define LISTENER "reinject = \"unix:/nonexistent\";\n"
#define RULE(more) "{ managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"" more "\"; }"
#define FORCED LISTENER "rules = ( " RULE("encrypt-forced") " );\n"
#define OPTIONAL LISTENER "rules = ( " RULE("encrypt-optional") " );\n"
#define BY_RULE(external, profile)                                                                 \
    LISTENER "rules = ( { managed = [ \"*\" ]; external = [ \"" external                           \
             "\" ]; profile = \"" profile "\"; }, " RULE("encrypt-forced") " );\n"
#define ONLY_RSA_KEYS                                                                              \
    "profiles = ( { name = \"rsa\"; key_encryption = [ \"oaep\" ]; } ); profile = \"rsa\";"

/* SMIMECapabilities in DER, by hand: SEQUENCE OF SEQUENCE { OID 2.16.840.1.101.3.4.1.n }. */
#define CAPABILITY(n) "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01" n
#define GCM_256 CAPABILITY("\x2e")
#define CBC_256 CAPABILITY("\x2a")
#define CBC_128 CAPABILITY("\x02")
/* And of RFC 5753 section 6: ECDH with SHA-512, and a wrap. */
#define ECDH_SHA512(wrap)                                                                          \
    "\x30\x15\x06\x06\x2b\x81\x04\x01\x0b\x03"                                                     \
    "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01" wrap
#define ECDH_SHA512_256 ECDH_SHA512("\x2d")
#define ECDH_SHA512_128 ECDH_SHA512("\x05")

enum { BOB, EMIL, GINA, OLAF, BERTA, EDDA, ENNO, PEOPLE };
static const struct {
    const char *name;
    const char *address;
    enum pki_key key;
    const char *capabilities;
    size_t length;
} people[PEOPLE] = {
    [BOB] = {"bob", "bob@partner.test", PKI_RSA_2048, NULL, 0},
    [EMIL] = {"emil", "emil@partner.test", PKI_EC_P256, NULL, 0},
    [GINA] = {"gina", "gina@gcm.test", PKI_RSA_2048, "\x30\x1a" GCM_256 CBC_256, 28},
    [OLAF] = {"olaf", "olaf@old.test", PKI_RSA_2048, "\x30\x0d" CBC_128, 15},
    [EDDA] = {"edda", "edda@ec.test", PKI_EC_P256, "\x30\x24" CBC_256 ECDH_SHA512_256, 38},
    [ENNO] = {"enno", "enno@ec.test", PKI_EC_P256, "\x30\x31" CBC_256 CBC_128 ECDH_SHA512_128, 51},
    [BERTA] = {"berta", "berta@two.test", PKI_EC_P256, NULL, 0}, /* and an older RSA one */
};

static struct world world;
static struct pki pki[PEOPLE], alice, erin, second;
static struct transaction transaction;
static struct outcome outcome;

static struct pki make_sender(const char *address, enum pki_key key)
{
    struct pki made = pki_make(&(struct pki_spec){.addresses = {address}, .key = key}, &world.ca);
    ck_assert(store_mailbox_add(world.gateway->store, address, NULL, 0, NULL) == STORE_OK &&
              store_mailbox_activate(world.gateway->store, address, made.key, made.certificate,
                                     NULL, PKI_NOW, NULL) == STORE_OK);
    return made;
}

static void know(const struct pki *of, const char *address, const char *der, size_t length)
{
    struct capabilities capabilities = {.der = (unsigned char *)(uintptr_t)der, .length = length};
    char *why = NULL;
    ck_assert_msg(store_harvest(world.gateway->store, address, of->certificate, &capabilities,
                                PKI_NOW, NULL, &why) == STORE_OK,
                  "%s", why_text(&why));
}

static void begin(const char *config)
{
    cli_begin();
    world = world_open(config);
    cli_write_pki("ca", &world.ca);
    alice = make_sender("alice@example.com", PKI_RSA_2048);
    erin = make_sender("erin@example.com", PKI_EC_P256);
    /* First, so that it is not the one of her latest mail. */
    second = pki_make(&(struct pki_spec){.addresses = {people[BERTA].address},
                                         .key = PKI_RSA_2048,
                                         .not_before = PKI_NOW - 2 * PKI_YEAR},
                      &world.ca);
    cli_write_pki("berta-rsa", &second);
    know(&second, people[BERTA].address, NULL, 0);
    for (size_t i = 0; i < PEOPLE; i++) {
        pki[i] = pki_make(
            &(struct pki_spec){.addresses = {people[i].address}, .key = people[i].key}, &world.ca);
        cli_write_pki(people[i].name, &pki[i]);
        know(&pki[i], people[i].address, people[i].capabilities, people[i].length);
    }
}

static void end(void)
{
    world_forget(&transaction, &outcome);
    for (size_t i = 0; i < PEOPLE; i++)
        pki_clear(&pki[i]);
    pki_clear(&alice);
    pki_clear(&erin);
    pki_clear(&second);
    world_close(&world);
    cli_end();
}

/* All recipients stand in To. */
static void send_to(const char *sender, const int *to)
{
    char text[1024];
    int at = snprintf(text, sizeof text, "From: %s\nTo: ", sender);
    for (size_t i = 0; to[i] >= 0; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%s", i > 0 ? ", " : "",
                       people[to[i]].address);
    snprintf(text + at, sizeof text - (size_t)at, "\nSubject: hi\n\nThe secret text\n");
    transaction = world_message(&world, ROLE_SUBMISSION, sender, sender, text);
    for (size_t i = 0; to[i] >= 0; i++)
        ck_assert_int_eq(world_recipient(&world, &transaction, people[to[i]].address), 0);
    outcome = world_end(&world, &transaction);
}

/* What recipient `index` gets, to the file "got". */
static const struct outcome *part_of(size_t index)
{
    const struct outcome *found = &outcome;
    char *text;
    for (size_t c = 0; c < outcome.copy_count; c++)
        for (size_t i = 0; i < outcome.copies[c].count; i++)
            if (outcome.copies[c].members[i] == index)
                found = outcome.copies[c].outcome;
    if (found->action == FLOW_REPLY)
        return found;
    text = world_text(&transaction, found);
    cli_write("got", text, strlen(text));
    free(text);
    return found;
}

/* Decrypt "got" as `who`, verify it, and keep what openssl says of both in "print". */
static void open_as(const char *name, const char *who)
{
    int encrypted = cli_run("grep -qi 'pkcs7-mime' got");
    if (encrypted == 0)
        ck_assert_msg(cli_run("openssl cms -cmsout -print -noout -in got >print && "
                              "openssl cms -decrypt -in got -recip %s -inkey %s.key -out plain",
                              who, who) == 0,
                      "%s: %s cannot decrypt", name, who);
    else
        ck_assert_int_eq(cli_run("cp got plain && : >print"), 0);
    ck_assert_msg(
        cli_run("openssl cms -cmsout -print -noout -in plain >>print && openssl cms -verify "
                "-in plain -CAfile ca -no_check_time -out text && grep -q secret text") == 0,
        "%s: %s cannot verify", name, who);
}

struct wanted {
    const char *who;      /* NULL at the end */
    const char *shown[5]; /* by openssl */
};

static const struct profile_case {
    const char *name;
    const char *config;
    const char *sender;
    int to[5]; /* -1 at the end */
    size_t copies;
    struct wanted wanted[5];
} profile_cases[] = {
    {"default, nothing known",
     FORCED,
     "alice@example.com",
     {BOB, EMIL, -1},
     0,
     {{"bob", {"algorithm: aes-256-cbc", "algorithm: rsaEncryption", "algorithm: sha256"}},
      {"emil", {"algorithm: aes-256-cbc", "dhSinglePass-stdDH-sha256kdf-scheme"}}}},
    {"default, key agreement as declared",
     FORCED,
     "alice@example.com",
     {EMIL, EDDA, -1},
     0,
     {{"emil", {"algorithm: aes-256-cbc", "sha256kdf", "id-aes256-wrap"}},
      {"edda", {"algorithm: aes-256-cbc", "dhSinglePass-stdDH-sha512kdf", "id-aes256-wrap"}}}},
    {"default, a cipher that fits the declared wrap",
     FORCED,
     "alice@example.com",
     {ENNO, BOB, -1},
     0,
     {{"enno", {"algorithm: aes-128-cbc", "dhSinglePass-stdDH-sha512kdf", "id-aes128-wrap"}},
      {"bob", {"algorithm: aes-128-cbc"}}}},
    {"default, GCM to whoever declared it",
     FORCED,
     "alice@example.com",
     {GINA, -1},
     0,
     {{"gina", {"authEnvelopedData", "algorithm: aes-256-gcm", "algorithm: rsaEncryption"}}}},
    {"default, what all read", /* RFC 8551 section 2.7.2 */
     FORCED,
     "alice@example.com",
     {GINA, BOB, -1},
     0,
     {{"gina", {"pkcs7-envelopedData", "algorithm: aes-256-cbc"}},
      {"bob", {"algorithm: aes-256-cbc"}}}},
    {"default, nothing that all read",
     FORCED,
     "alice@example.com",
     {GINA, BOB, OLAF, -1},
     1,
     {{"gina", {"algorithm: aes-256-cbc"}},
      {"bob", {"algorithm: aes-256-cbc"}},
      {"olaf", {"algorithm: aes-128-cbc"}}}},
    {"default, the weaker cipher that all read",
     FORCED,
     "alice@example.com",
     {BOB, OLAF, -1},
     0,
     {{"bob", {"algorithm: aes-128-cbc"}}, {"olaf", {"algorithm: aes-128-cbc"}}}},
    {"strict",
     FORCED "profile = \"strict\";",
     "alice@example.com",
     {BOB, EMIL, OLAF, -1},
     0,
     {{"bob", {"algorithm: aes-256-gcm", "algorithm: rsaesOaep", "algorithm: rsassaPss"}},
      {"emil", {"algorithm: aes-256-gcm", "sha256kdf", "algorithm: rsassaPss"}},
      {"olaf", {"algorithm: aes-256-gcm", "algorithm: rsaesOaep"}}}},
    {"compatible",
     FORCED "profile = \"compatible\";",
     "alice@example.com",
     {GINA, -1},
     0,
     {{"gina", {"pkcs7-envelopedData", "algorithm: aes-256-cbc", "algorithm: rsaEncryption"}}}},
    {"compatible, nothing known",
     FORCED "profile = \"compatible\";",
     "alice@example.com",
     {BOB, -1},
     0,
     {{"bob", {"algorithm: aes-128-cbc"}}}},
    {"edi-energy",
     FORCED "profile = \"edi-energy\";",
     "alice@example.com",
     {BOB, -1},
     0,
     {{"bob",
       {"algorithm: aes-128-gcm", "algorithm: rsaesOaep", "algorithm: rsassaPss", "sha256"}}}},
    {"edi-energy, whatever was declared",
     FORCED "profile = \"edi-energy\";",
     "alice@example.com",
     {GINA, -1},
     0,
     {{"gina", {"algorithm: aes-128-gcm", "algorithm: rsaesOaep", "algorithm: rsassaPss"}}}},
    {"by a rule without a mode: signatures differ, so there are two",
     BY_RULE("gcm.test", "strict"),
     "alice@example.com",
     {BOB, GINA, -1},
     1,
     {{"bob", {"algorithm: aes-256-cbc", "algorithm: rsaEncryption"}},
      {"gina", {"algorithm: aes-256-gcm", "algorithm: rsaesOaep", "algorithm: rsassaPss"}}}},
    {"an EC key signs the same for both profiles, and they have a cipher in common",
     BY_RULE("gcm.test", "strict"),
     "erin@example.com",
     {GINA, EMIL, -1},
     1,
     {{"gina", {"algorithm: aes-256-gcm", "algorithm: ecdsa-with-SHA256"}},
      {"emil", {"algorithm: aes-256-cbc", "algorithm: ecdsa-with-SHA256"}}}},
    {"one ciphertext under two profiles",
     BY_RULE("partner.test", "compatible"),
     "alice@example.com",
     {GINA, BOB, -1},
     0,
     {{"gina", {"algorithm: aes-256-cbc"}}, {"bob", {"algorithm: aes-256-cbc"}}}},
    {"of one's own",
     LISTENER
     "profiles = ( { name = \"mine\"; digests = [ \"sha512\" ]; signatures = [ \"pss\" ];"
     " key_encryption = [ \"oaep\" ]; ciphers = [ \"aes-192-cbc\" ]; } );"
     "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-forced\";"
     " profile = \"mine\"; } );",
     "alice@example.com",
     {BOB, GINA, -1},
     0,
     {{"bob", {"algorithm: aes-192-cbc", "algorithm: rsaesOaep", "algorithm: sha512", "rsassaPss"}},
      {"gina", {"algorithm: aes-192-cbc"}}}},
    {"the newer of two certificates",
     FORCED,
     "alice@example.com",
     {BERTA, -1},
     0,
     {{"berta", {"dhSinglePass-stdDH-sha256kdf-scheme"}}}},
    {"the one of two certificates that fits",
     FORCED "profile = \"edi-energy\";",
     "alice@example.com",
     {BERTA, -1},
     0,
     {{"berta-rsa", {"algorithm: rsaesOaep", "algorithm: rsassaPss"}}}},
    {"encrypt-optional: a key that does not fit is none",
     OPTIONAL "profile = \"edi-energy\";",
     "alice@example.com",
     {EMIL, -1},
     0,
     {{"emil", {"pkcs7-signedData", "algorithm: rsassaPss"}}}},
};

START_TEST(each_gets_what_his_profile_allows)
{
    const struct profile_case *c = &profile_cases[_i];
    begin(c->config);
    send_to(c->sender, c->to);
    ck_assert_msg(outcome.action == FLOW_REPLACE, "%s: %s", c->name, outcome.reply.english);
    ck_assert_msg(outcome.copy_count == c->copies, "%s: %zu copies", c->name, outcome.copy_count);
    for (size_t i = 0; c->wanted[i].who != NULL; i++) {
        part_of(i);
        open_as(c->name, c->wanted[i].who);
        for (size_t k = 0; k < 5 && c->wanted[i].shown[k] != NULL; k++)
            ck_assert_msg(cli_contains("print", c->wanted[i].shown[k]), "%s: no %s for %s", c->name,
                          c->wanted[i].shown[k], c->wanted[i].who);
        ck_assert_msg(!cli_contains("print", "algorithm: sha1"), "%s", c->name);
    }
    end();
}
END_TEST

/* Whose key does not fit is refused, or not encrypted to; either way the log says why. */
static const struct {
    const char *name;
    const char *config;
    const char *sender;
    int to;
    const char *english; /* of the refusal; NULL: sent */
    const char *note;
} misfits[] = {
    {"a key of the wrong kind", FORCED "profile = \"edi-energy\";", "alice@example.com", EMIL,
     "does not fit the profile edi-energy: it is an elliptic curve key", NULL},
    {"a key that is too short",
     FORCED "profiles = ( { name = \"long\"; minimum_rsa_bits = 3072; } ); profile = \"long\";",
     "erin@example.com", BOB, "does not fit the profile long: the RSA key has 2048 bits", NULL},
    {"our own key does not fit", FORCED "profile = \"edi-energy\";", "erin@example.com", BOB,
     "the key of erin@example.com does not fit the profile edi-energy", NULL},
    {"encrypt-optional", OPTIONAL "profile = \"edi-energy\";", "alice@example.com", EMIL, NULL,
     "the public key does not fit the profile for emil@partner.test"},
    {"encrypt-optional, our own key", OPTIONAL "profile = \"edi-energy\";", "erin@example.com", BOB,
     NULL, "our key does not fit the profile for bob@partner.test"},
};

START_TEST(what_does_not_fit)
{
    const int to[] = {misfits[_i].to, -1};
    begin(misfits[_i].config);
    send_to(misfits[_i].sender, to);
    if (misfits[_i].english != NULL) {
        ck_assert_msg(outcome.action == FLOW_REPLY && outcome.reply.code == 550, "%s",
                      misfits[_i].name);
        ck_assert_msg(strstr(outcome.reply.english, misfits[_i].english) != NULL, "%s: %s",
                      misfits[_i].name, outcome.reply.english);
        ck_assert_msg(strstr(outcome.reply.german, " Profil ") != NULL &&
                          strstr(outcome.reply.german, "key") == NULL,
                      "%s: %s", misfits[_i].name, outcome.reply.german);
    } else {
        ck_assert_msg(outcome.action != FLOW_REPLY, "%s: %s", misfits[_i].name,
                      outcome.reply.english);
        ck_assert_msg(outcome.note != NULL && strstr(outcome.note, misfits[_i].note) != NULL,
                      "%s: %s", misfits[_i].name, outcome.note);
    }
    end();
}
END_TEST

/* What we declare is what the profile takes, in its order, and OAEP only where our key can. */
static const struct {
    const char *name;
    const char *config;
    const char *sender;
    const char *order; /* as a regular expression over the lines of openssl */
    const char *absent;
} declarations[] = {
    {"default", FORCED, "alice@example.com",
     "aes-256-gcm.*aes-192-gcm.*aes-128-gcm.*aes-256-cbc.*aes-192-cbc.*aes-128-cbc.*rsaesOaep",
     "des-ede3"},
    {"strict", FORCED "profile = \"strict\";", "alice@example.com",
     "aes-256-gcm.*aes-192-gcm.*aes-128-gcm.*rsaesOaep", "cbc"},
    {"compatible", FORCED "profile = \"compatible\";", "alice@example.com",
     "aes-128-cbc.*aes-192-cbc.*aes-256-cbc", "rsaesOaep"},
    {"EC", FORCED, "erin@example.com",
     "aes-256-gcm.*aes-128-cbc.*stdDH-sha256kdf.*aes256-wrap.*aes128-wrap.*stdDH-sha384kdf.*"
     "stdDH-sha512kdf.*aes128-wrap",
     "rsaesOaep"},
    {"EC, no ECDH", FORCED ONLY_RSA_KEYS, "erin@example.com", "aes-256-cbc", "stdDH"},
    {"RSA", FORCED, "alice@example.com", "rsaesOaep", "stdDH"},
};

START_TEST(declares_what_it_reads)
{
    static const int to[] = {BOB, -1};
    begin(declarations[_i].config);
    send_to(declarations[_i].sender, to);
    part_of(0);
    open_as(declarations[_i].name, "bob");
    ck_assert_int_eq(cli_run("openssl cms -cmsout -print -noout -in plain | "
                             "sed -n '/S.MIME Capabilities/,/SMIMEEncrypt\\|encrypKeyPref/p' | "
                             "tr '\\n' ' ' >declared"),
                     0);
    ck_assert_msg(cli_run("grep -q '%s' declared", declarations[_i].order) == 0, "%s",
                  declarations[_i].name);
    ck_assert_msg(!cli_contains("declared", declarations[_i].absent), "%s", declarations[_i].name);
    end();
}
END_TEST

/* Where nothing is split a recipient who needs another ciphertext comes by himself. */
START_TEST(uniform_where_nothing_is_split)
{
    begin("rules = ( " RULE("encrypt-forced") " );");
    transaction = world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com",
                                "From: alice@example.com\nTo: olaf@old.test\n\nx\n");
    ck_assert_int_eq(world_recipient(&world, &transaction, "olaf@old.test"), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, "bob@partner.test"), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, "gina@gcm.test"), 452);
    end();
}
END_TEST

/* Bob shares a cipher with each of the others, but they have none in common. */
START_TEST(uniform_is_for_all_together)
{
    begin("rules = ( " RULE("encrypt-forced") " );");
    transaction = world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com",
                                "From: alice@example.com\n"
                                "To: bob@partner.test, gina@gcm.test\n\nx\n");
    ck_assert_int_eq(world_recipient(&world, &transaction, "bob@partner.test"), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, "gina@gcm.test"), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, "olaf@old.test"), 452);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_profiles");
    TCase *tests = tcase_create("flow_profiles");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_gets_what_his_profile_allows, 0,
                        sizeof profile_cases / sizeof *profile_cases);
    tcase_add_loop_test(tests, what_does_not_fit, 0, sizeof misfits / sizeof *misfits);
    tcase_add_loop_test(tests, declares_what_it_reads, 0,
                        sizeof declarations / sizeof *declarations);
    tcase_add_test(tests, uniform_where_nothing_is_split);
    tcase_add_test(tests, uniform_is_for_all_together);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
