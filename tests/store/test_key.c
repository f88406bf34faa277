/* Private keys: activating, signing, former keys, and how they lie in the database. */
#include "store_fixture.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

static struct fixture fixture;
static struct pki ca;

static void set_up(void)
{
    fixture_open(&fixture);
    ca = pki_ca("Test CA");
}

static void tear_down(void)
{
    pki_clear(&ca);
    fixture_close(&fixture);
}

#define ALICE "alice@example.com"

static void add_alice(void)
{
    const char *alias = "a.smith@example.com";
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, &alias, 1, &fixture.why));
}

static enum store_status activate(const struct pki *pair, STACK_OF(X509) * chain)
{
    return store_mailbox_activate(fixture.store, ALICE, pair->key, pair->certificate, chain,
                                  PKI_NOW, &fixture.why);
}

/* ---- Signing ---- */

static void ck_signs_with(const char *address, const struct pki *pair)
{
    struct identity identity;
    ck_ok(&fixture,
          store_signing_identity(fixture.store, address, PKI_NOW, &identity, &fixture.why));
    ck_assert_int_eq(X509_cmp(identity.certificate, pair->certificate), 0);
    ck_assert_int_eq(EVP_PKEY_eq(identity.key, pair->key), 1);
    identity_clear(&identity);
    ck_assert_ptr_null(identity.key);
}

static const enum pki_key kinds[] = {PKI_EC_P256, PKI_EC_P384, PKI_EC_P521, PKI_RSA_2048};

START_TEST(activates_and_signs)
{
    struct pki pair = pki_make(&(struct pki_spec){.addresses = {ALICE}, .key = kinds[_i]}, &ca);
    add_alice();
    ck_ok(&fixture, activate(&pair, NULL));
    ck_signs_with(ALICE, &pair);
    ck_signs_with("a.smith@example.com", &pair);
    /* From the database too, not only from the cache. */
    store_close(&fixture.store);
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    ck_signs_with(ALICE, &pair);

    struct mailbox *mailbox = NULL;
    ck_ok(&fixture, store_mailbox_find(fixture.store, ALICE, &mailbox, &fixture.why));
    ck_assert_int_eq(mailbox->state, MAILBOX_ACTIVE);
    ck_assert_int_eq(mailbox->expires, PKI_NOW + 10 * PKI_YEAR);
    mailbox_free(&mailbox);
    pki_clear(&pair);
}
END_TEST

START_TEST(certificate_may_name_an_alias)
{
    struct pki pair = pki_leaf(&ca, "a.smith@example.com");
    add_alice();
    ck_ok(&fixture, activate(&pair, NULL));
    ck_signs_with(ALICE, &pair);
    pki_clear(&pair);
}
END_TEST

static const struct {
    const char *name;
    struct pki_spec spec;
    const char *reason;
} refusals[] = {
    {"other address", {.addresses = {"bob@example.com"}}, "is for bob@example.com, not for " ALICE},
    {"no address", {.common_name = "Alice"}, "no mail address"},
    {"domain", {.addresses = {"example.com"}}, "certificate for a domain, not for a mailbox"},
    {"expired", {.addresses = {ALICE}, .not_after = PKI_NOW - 1}, "has expired"},
    {"not yet valid", {.addresses = {ALICE}, .not_before = PKI_NOW + 1}, "not yet valid"},
    {"encrypts only", {.addresses = {ALICE}, .key_usage = "keyAgreement"}, "excludes signing"},
    {"TLS", {.addresses = {ALICE}, .extended_key_usage = "serverAuth"}, "excludes mail"},
    {"CA", {.addresses = {ALICE}, .ca = true}, "belongs to a CA"},
    {"weak", {.addresses = {ALICE}, .key = PKI_RSA_1024}, "1024 bits"},
    {"Ed25519", {.addresses = {ALICE}, .key = PKI_ED25519}, "ED25519"},
};

START_TEST(refuses_unfit_certificates)
{
    struct pki good = pki_leaf(&ca, ALICE);
    struct pki bad = pki_make(&refusals[_i].spec, &ca);
    add_alice();
    ck_ok(&fixture, activate(&good, NULL));
    int64_t generation = fixture_generation(&fixture);
    ck_status(&fixture, activate(&bad, NULL), STORE_REFUSED, refusals[_i].reason);
    /* All is as it was. */
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM private_key"), 1);
    ck_signs_with(ALICE, &good);
    pki_clear(&good);
    pki_clear(&bad);
}
END_TEST

START_TEST(refuses_a_key_of_another)
{
    struct pki one = pki_leaf(&ca, ALICE);
    struct pki other = pki_leaf(&ca, ALICE);
    struct pki mixed = {other.key, one.certificate};
    add_alice();
    ck_status(&fixture, activate(&mixed, NULL), STORE_REFUSED,
              "private key does not belong to the certificate");
    ck_status(&fixture,
              store_mailbox_activate(fixture.store, "nobody@example.com", one.key, one.certificate,
                                     NULL, PKI_NOW, &fixture.why),
              STORE_REFUSED, "there is no mailbox nobody@example.com");
    /* A public key is no private key. */
    struct pki public = {X509_get_pubkey(one.certificate), one.certificate};
    ck_status(&fixture, activate(&public, NULL), STORE_REFUSED, "has no private part");
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM private_key"), 0);
    EVP_PKEY_free(public.key);
    pki_clear(&one);
    pki_clear(&other);
}
END_TEST

/* The public part of one key with the private part of another. */
START_TEST(refuses_an_inconsistent_key)
{
    struct pki one = pki_leaf(&ca, ALICE);
    struct pki other = pki_leaf(&ca, ALICE);
    unsigned char point[128];
    size_t length = 0;
    BIGNUM *number = NULL;
    EVP_PKEY *mixed = NULL;
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(one.key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     sizeof point, &length),
                     1);
    ck_assert_int_eq(EVP_PKEY_get_bn_param(other.key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &mixed, EVP_PKEY_KEYPAIR, parameters), 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(number);
    add_alice();
    struct pki pair = {mixed, one.certificate};
    ck_status(&fixture, activate(&pair, NULL), STORE_REFUSED, "has no private part that fits");
    EVP_PKEY_free(mixed);
    pki_clear(&one);
    pki_clear(&other);
}
END_TEST

START_TEST(says_why_nothing_signs)
{
    struct identity identity;
    struct pki pair =
        pki_make(&(struct pki_spec){.addresses = {ALICE}, .not_after = PKI_NOW + PKI_DAY}, &ca);
    ck_status(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW, &identity, &fixture.why),
              STORE_NONE, "there is no mailbox");
    add_alice();
    ck_status(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW, &identity, &fixture.why),
              STORE_NONE, "is not active");
    ck_ok(&fixture, activate(&pair, NULL));
    ck_signs_with(ALICE, &pair);
    ck_status(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW + PKI_DAY + 1, &identity,
                                     &fixture.why),
              STORE_NONE, "has expired");
    ck_status(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW - 2 * PKI_YEAR, &identity,
                                     &fixture.why),
              STORE_NONE, "not yet valid");
    ck_assert_ptr_null(identity.key);
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, ALICE, &fixture.why));
    ck_status(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW, &identity, &fixture.why),
              STORE_NONE, "is not active");
    /* Deactivating stops signing, not decrypting. */
    struct identity_list list;
    ck_ok(&fixture, store_identities(fixture.store, ALICE, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    identity_list_clear(&list);
    pki_clear(&pair);
}
END_TEST

/* ---- Chains ---- */

START_TEST(sorts_the_chain)
{
    struct pki issuing = pki_intermediate(&ca, "Issuing");
    struct pki policy = pki_intermediate(&issuing, "Policy");
    struct pki namesake = pki_intermediate(&ca, "Policy"); /* same name, other key */
    struct pki stranger = pki_ca("Stranger");
    struct pki pair = pki_leaf(&policy, ALICE);
    X509 *unsorted[] = {ca.certificate,      stranger.certificate, issuing.certificate,
                        pair.certificate,    namesake.certificate, policy.certificate,
                        issuing.certificate, policy.certificate};
    STACK_OF(X509) *chain = pki_chain(unsorted, 8);
    add_alice();
    ck_ok(&fixture, activate(&pair, chain));
    for (int i = 0; i < 2; i++) {
        struct identity identity;
        ck_ok(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW, &identity, &fixture.why));
        ck_assert_int_eq(sk_X509_num(identity.chain), 2);
        ck_assert_int_eq(X509_cmp(sk_X509_value(identity.chain, 0), policy.certificate), 0);
        ck_assert_int_eq(X509_cmp(sk_X509_value(identity.chain, 1), issuing.certificate), 0);
        identity_clear(&identity);
    }
    sk_X509_pop_free(chain, X509_free);
    pki_clear(&pair);
    pki_clear(&stranger);
    pki_clear(&namesake);
    pki_clear(&policy);
    pki_clear(&issuing);
}
END_TEST

/* ---- Former keys ---- */

START_TEST(keeps_former_keys)
{
    struct pki pairs[3];
    add_alice();
    for (int i = 0; i < 3; i++) {
        pairs[i] = pki_make(
            &(struct pki_spec){.addresses = {ALICE}, .not_after = PKI_NOW + (i + 1) * PKI_DAY},
            &ca);
        ck_ok(&fixture,
              store_mailbox_activate(fixture.store, ALICE, pairs[i].key, pairs[i].certificate, NULL,
                                     PKI_NOW + i, &fixture.why));
        ck_signs_with(ALICE, &pairs[i]);
    }
    struct identity_list list;
    ck_ok(&fixture, store_identities(fixture.store, "a.smith@example.com", &list, &fixture.why));
    ck_assert_uint_eq(list.count, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(X509_cmp(list.items[i].certificate, pairs[2 - i].certificate), 0);
        ck_assert_int_eq(EVP_PKEY_eq(list.items[i].key, pairs[2 - i].key), 1);
        ck_assert_ptr_nonnull(list.items[i].chain);
    }
    identity_list_clear(&list);

    /* Back to the first: it signs again and stays one key. */
    ck_ok(&fixture, store_mailbox_activate(fixture.store, ALICE, pairs[0].key, pairs[0].certificate,
                                           NULL, PKI_NOW + 9, &fixture.why));
    ck_signs_with(ALICE, &pairs[0]);
    ck_ok(&fixture, store_identities(fixture.store, ALICE, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 3);
    ck_assert_int_eq(X509_cmp(list.items[0].certificate, pairs[0].certificate), 0);
    identity_list_clear(&list);
    for (int i = 0; i < 3; i++) {
        pki_clear(&pairs[i]);
    }
}
END_TEST

START_TEST(adds_a_key_that_only_decrypts)
{
    struct pki now = pki_leaf(&ca, ALICE);
    struct pki old = pki_make(&(struct pki_spec){.addresses = {ALICE},
                                                 .key_usage = "keyAgreement",
                                                 .not_after = PKI_NOW - PKI_DAY},
                              &ca);
    struct pki bob = pki_leaf(&ca, "bob@example.com");
    add_alice();
    ck_ok(&fixture, activate(&now, NULL));
    ck_ok(&fixture, store_mailbox_add_former_key(fixture.store, ALICE, old.key, old.certificate,
                                                 PKI_NOW, &fixture.why));
    ck_signs_with(ALICE, &now);
    struct identity_list list;
    ck_ok(&fixture, store_identities(fixture.store, ALICE, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 2);
    identity_list_clear(&list);
    ck_status(&fixture,
              store_mailbox_add_former_key(fixture.store, ALICE, bob.key, bob.certificate, PKI_NOW,
                                           &fixture.why),
              STORE_REFUSED, "is for bob@example.com");
    ck_status(&fixture,
              store_mailbox_add_former_key(fixture.store, ALICE, now.key, old.certificate, PKI_NOW,
                                           &fixture.why),
              STORE_REFUSED, "does not belong to the certificate");
    pki_clear(&now);
    pki_clear(&old);
    pki_clear(&bob);
}
END_TEST

START_TEST(says_why_nothing_decrypts)
{
    struct identity_list list;
    ck_status(&fixture, store_identities(fixture.store, ALICE, &list, &fixture.why), STORE_NONE,
              "there is no mailbox");
    add_alice();
    ck_status(&fixture, store_identities(fixture.store, ALICE, &list, &fixture.why), STORE_NONE,
              "has no private key");
    ck_assert_ptr_null(list.items);
}
END_TEST

/* ---- At rest ---- */

static void write_blob(const char *query, const char *path)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *row = NULL;
    ck_assert_int_eq(sqlite3_open(fixture.path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(database, query, -1, &row, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    FILE *file = fopen(path, "wbe");
    ck_assert_ptr_nonnull(file);
    size_t length = (size_t)sqlite3_column_bytes(row, 0);
    ck_assert_uint_eq(fwrite(sqlite3_column_blob(row, 0), 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    sqlite3_finalize(row);
    sqlite3_close(database);
}

/* The openssl program reads the stored key with the file of the secret as the password: an
 * administrator can recover keys without us, and the encryption is what it says. */
START_TEST(openssl_reads_the_stored_key)
{
    char path[128];
    char command[512];
    char recovered[128];
    struct pki pair = pki_leaf_rsa(&ca, ALICE);
    add_alice();
    ck_ok(&fixture, activate(&pair, NULL));
    snprintf(path, sizeof path, "%s/key.p8", fixture.directory);
    snprintf(recovered, sizeof recovered, "%s/key.pem", fixture.directory);
    write_blob("SELECT pkcs8 FROM private_key", path);

    snprintf(command, sizeof command,
             "openssl pkcs8 -inform DER -in %s -passin file:%s -out %s 2>/dev/null", path,
             fixture.secret_path, recovered);
    ck_assert_int_eq(system(command), 0);
    FILE *file = fopen(recovered, "re");
    ck_assert_ptr_nonnull(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    ck_assert_int_eq(EVP_PKEY_eq(key, pair.key), 1);
    EVP_PKEY_free(key);

    snprintf(command, sizeof command,
             "openssl pkcs8 -inform DER -in %s -passin pass:wrong -out /dev/null 2>/dev/null",
             path);
    ck_assert_int_ne(system(command), 0);
    snprintf(command, sizeof command,
             "openssl asn1parse -inform DER -in %s | grep -q 'PBES2' &&"
             " openssl asn1parse -inform DER -in %s | grep -q 'aes-256-cbc'",
             path, path);
    ck_assert_int_eq(system(command), 0);
    pki_clear(&pair);
}
END_TEST

/* Neither the database nor its log holds the key in the clear. */
START_TEST(no_key_in_the_clear)
{
    char path[128];
    struct pki pair = pki_leaf(&ca, ALICE);
    BIGNUM *number = NULL;
    unsigned char secret[32];
    ck_assert_int_eq(EVP_PKEY_get_bn_param(pair.key, "priv", &number), 1);
    ck_assert_int_eq(BN_bn2binpad(number, secret, sizeof secret), 32);
    BN_free(number);
    add_alice();
    ck_ok(&fixture, activate(&pair, NULL));
    static const char *const suffixes[] = {"", "-wal"};
    static unsigned char bytes[1 << 20];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s", fixture.path, suffixes[i]);
        FILE *file = fopen(path, "rbe");
        ck_assert_ptr_nonnull(file);
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        ck_assert_uint_lt(length, sizeof bytes);
        ck_assert_ptr_null(memmem(bytes, length, secret, sizeof secret));
    }
    pki_clear(&pair);
}
END_TEST

static const struct {
    const char *name;
    const char *alter;
    const char *reason;
} damages[] = {
    {"key cut", "UPDATE private_key SET pkcs8 = substr(pkcs8, 1, 40)", "decrypt a private key"},
    {"key empty", "UPDATE private_key SET pkcs8 = x''", "decrypt a private key"},
    {"something after the key", "UPDATE private_key SET pkcs8 = CAST(pkcs8 || x'00' AS BLOB)",
     "decrypt a private key"},
    {"certificate cut", "UPDATE certificate SET der = substr(der, 1, 40)", "is damaged"},
    {"key of another",
     "UPDATE private_key SET pkcs8 = (SELECT pkcs8 FROM private_key WHERE id = 2) WHERE id = 1",
     "does not belong to its certificate"},
};

/* Ours: the caller defers the message. Never "no key". */
START_TEST(damaged_keys_are_errors)
{
    struct pki pair = pki_leaf(&ca, ALICE);
    struct pki bob = fixture_activate(&fixture, &ca, "bob@example.com");
    struct identity identity;
    struct identity_list list;
    add_alice();
    ck_ok(&fixture, activate(&pair, NULL));
    fixture_alter(&fixture, damages[_i].alter);
    store_close(&fixture.store);
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    const char *address =
        strcmp(damages[_i].name, "key of another") == 0 ? "bob@example.com" : ALICE;
    ck_status(&fixture,
              store_signing_identity(fixture.store, address, PKI_NOW, &identity, &fixture.why),
              STORE_ERROR, damages[_i].reason);
    ck_assert_ptr_nonnull(strstr(why_text(&fixture.why), address));
    ck_status(&fixture, store_identities(fixture.store, address, &list, &fixture.why), STORE_ERROR,
              damages[_i].reason);
    ck_assert_ptr_null(list.items);
    pki_clear(&pair);
    pki_clear(&bob);
}
END_TEST

/* ---- The master secret ---- */

START_TEST(files_are_private)
{
    struct stat about;
    char path[128];
    ck_assert_int_eq(stat(fixture.secret_path, &about), 0);
    ck_assert_int_eq(about.st_mode & 07777, 0600);
    ck_assert_int_eq(about.st_size, 65);
    ck_assert_int_eq(stat(fixture.path, &about), 0);
    ck_assert_int_eq(about.st_mode & 07777, 0600);
    snprintf(path, sizeof path, "%s-wal", fixture.path);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_mode & 07777, 0600);
}
END_TEST

static void write_secret(const char *text, mode_t mode)
{
    FILE *file = fopen(fixture.secret_path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(fixture.secret_path, mode), 0);
}

#define DIGITS_16 "0123456789abcdef"

static const struct {
    const char *name;
    const char *text; /* NULL: as it was made */
    mode_t mode;      /* 0: none, the file is removed */
    const char *reason;
} bad_secrets[] = {
    {"group may read", NULL, 0640, "(mode 0640): chmod 0600"},
    {"all may read", NULL, 0604, "(mode 0604): chmod 0600"},
    {"group may write", NULL, 0620, "chmod 0600"},
    {"missing", NULL, 0, "No such file or directory"},
    {"another", DIGITS_16 DIGITS_16 DIGITS_16 DIGITS_16 "\n", 0600,
     "is not the one that the store"},
    {"empty", "", 0600, "is damaged"},
    {"short", DIGITS_16 "\n", 0600, "is damaged"},
    {"long", DIGITS_16 DIGITS_16 DIGITS_16 DIGITS_16 "00\n", 0600, "is damaged"},
    {"two line ends", DIGITS_16 DIGITS_16 DIGITS_16 DIGITS_16 "\n\n", 0600, "is damaged"},
    {"no digits", "xyzw456789abcdef" DIGITS_16 DIGITS_16 DIGITS_16 "\n", 0600, "is damaged"},
};

START_TEST(bad_secrets_are_errors)
{
    struct store *store = NULL;
    if (bad_secrets[_i].mode == 0) {
        ck_assert_int_eq(unlink(fixture.secret_path), 0);
    } else if (bad_secrets[_i].text) {
        write_secret(bad_secrets[_i].text, bad_secrets[_i].mode);
    } else {
        ck_assert_int_eq(chmod(fixture.secret_path, bad_secrets[_i].mode), 0);
    }
    ck_status(&fixture, store_open(&fixture.options, &store, &fixture.why), STORE_ERROR,
              bad_secrets[_i].reason);
    ck_assert_ptr_null(store);
    /* No digit of the secret is said. */
    ck_assert_ptr_null(strstr(why_text(&fixture.why), "0123456789"));
}
END_TEST

START_TEST(a_secret_that_exists_is_used)
{
    struct fixture other;
    struct pki pair = pki_leaf(&ca, ALICE);
    fixture_prepare(&other);
    other.options.secret_path = fixture.secret_path;
    ck_ok(&other, store_create(&other.options, &other.why));
    ck_ok(&other, store_open(&other.options, &other.store, &other.why));
    /* Keys can be carried over with their rows. */
    add_alice();
    ck_ok(&fixture, activate(&pair, NULL));
    char text[512];
    snprintf(text, sizeof text,
             "ATTACH '%s' AS here; PRAGMA foreign_keys = OFF;"
             "INSERT INTO certificate SELECT * FROM here.certificate;"
             "INSERT INTO mailbox SELECT * FROM here.mailbox;"
             "INSERT INTO mailbox_address SELECT * FROM here.mailbox_address;"
             "INSERT INTO private_key SELECT * FROM here.private_key;",
             fixture.path);
    fixture_alter(&other, text);
    struct identity identity;
    ck_ok(&other, store_signing_identity(other.store, ALICE, PKI_NOW, &identity, &other.why));
    ck_assert_int_eq(EVP_PKEY_eq(identity.key, pair.key), 1);
    identity_clear(&identity);
    fixture_close(&other);
    pki_clear(&pair);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("store/key");
    TCase *tests = tcase_create("key");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, activates_and_signs, 0, COUNT(kinds));
    tcase_add_test(tests, certificate_may_name_an_alias);
    tcase_add_loop_test(tests, refuses_unfit_certificates, 0, COUNT(refusals));
    tcase_add_test(tests, refuses_a_key_of_another);
    tcase_add_test(tests, refuses_an_inconsistent_key);
    tcase_add_test(tests, says_why_nothing_signs);
    tcase_add_test(tests, sorts_the_chain);
    tcase_add_test(tests, keeps_former_keys);
    tcase_add_test(tests, adds_a_key_that_only_decrypts);
    tcase_add_test(tests, says_why_nothing_decrypts);
    tcase_add_test(tests, openssl_reads_the_stored_key);
    tcase_add_test(tests, no_key_in_the_clear);
    tcase_add_loop_test(tests, damaged_keys_are_errors, 0, COUNT(damages));
    tcase_add_test(tests, files_are_private);
    tcase_add_loop_test(tests, bad_secrets_are_errors, 0, COUNT(bad_secrets));
    tcase_add_test(tests, a_secret_that_exists_is_used);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
