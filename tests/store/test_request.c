/* Requests: keys that wait for a certificate, the CA's answer, and all keys of a mailbox. */
#include "store_fixture.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "credential.h"
#include "csr.h"

static struct fixture fixture;
static struct pki ca;
static const char *const alice = "alice@example.com";

static void set_up(void)
{
    fixture_open(&fixture);
    ca = pki_ca("Test CA");
    ck_ok(&fixture, store_mailbox_add(fixture.store, alice, NULL, 0, &fixture.why));
}

static void tear_down(void)
{
    pki_clear(&ca);
    fixture_close(&fixture);
}

/* A pending request; the CSR is bytes to the store. */
static EVP_PKEY *request(const char *csr)
{
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    ck_ok(&fixture, store_request_put(fixture.store, alice, key, (const unsigned char *)csr,
                                      strlen(csr), true, PKI_NOW, &fixture.why));
    return key;
}

/* What a CA answers: a certificate for this public key. */
static struct pki answer(EVP_PKEY *key, const char *address)
{
    return pki_make(&(struct pki_spec){.addresses = {address}, .use_key = key}, &ca);
}

static enum mailbox_state state(time_t *requested_out)
{
    struct mailbox *mailbox = NULL;
    ck_ok(&fixture, store_mailbox_find(fixture.store, alice, &mailbox, &fixture.why));
    enum mailbox_state found = mailbox->state;
    *requested_out = mailbox->requested;
    mailbox_free(&mailbox);
    return found;
}

static void expect_state(enum mailbox_state wanted, time_t wanted_requested)
{
    time_t requested = 0;
    ck_assert_int_eq(state(&requested), wanted);
    ck_assert_int_eq(requested, wanted_requested);
}

static void expect_signer(X509 *certificate)
{
    struct identity identity;
    ck_ok(&fixture, store_signing_identity(fixture.store, alice, PKI_NOW, &identity, &fixture.why));
    ck_assert_int_eq(X509_cmp(identity.certificate, certificate), 0);
    identity_clear(&identity);
}

START_TEST(request_then_install)
{
    EVP_PKEY *key = request("one");
    struct identity none;
    expect_state(MAILBOX_ACTIVATING, PKI_NOW);
    ck_status(&fixture, store_signing_identity(fixture.store, alice, PKI_NOW, &none, &fixture.why),
              STORE_NONE, "not active");
    /* The key is in the store encrypted only. */
    BIGNUM *secret = NULL;
    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    char *hex = BN_bn2hex(secret), query[256];
    snprintf(query, sizeof query, "SELECT instr(hex(pkcs8), '%s') FROM key_request", hex);
    ck_assert_int_eq(fixture_query(&fixture, query), 0);
    OPENSSL_free(hex);
    BN_clear_free(secret);

    struct pki certified = answer(key, alice);
    ck_ok(&fixture, store_mailbox_install(fixture.store, alice, certified.certificate, NULL,
                                          PKI_NOW, &fixture.why));
    expect_state(MAILBOX_ACTIVE, 0);
    expect_signer(certified.certificate);
    ck_status(&fixture,
              store_mailbox_install(fixture.store, alice, certified.certificate, NULL, PKI_NOW,
                                    &fixture.why),
              STORE_REFUSED, "no request is pending");
    pki_clear(&certified);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(install_refuses)
{
    EVP_PKEY *key = request("one");
    EVP_PKEY *other_key = pki_new_key(PKI_EC_P256);
    struct pki other = answer(other_key, alice);
    struct pki bob = answer(key, "bob@example.com");
    struct pki fitting = answer(key, alice);
    ck_status(
        &fixture,
        store_mailbox_install(fixture.store, alice, other.certificate, NULL, PKI_NOW, &fixture.why),
        STORE_REFUSED, "not for the key of the request");
    ck_status(
        &fixture,
        store_mailbox_install(fixture.store, alice, bob.certificate, NULL, PKI_NOW, &fixture.why),
        STORE_REFUSED, "bob@example.com");
    ck_status(&fixture,
              store_mailbox_install(fixture.store, alice, fitting.certificate, NULL,
                                    PKI_NOW + 20 * PKI_YEAR, &fixture.why),
              STORE_REFUSED, "expired");
    /* The request is still there. */
    expect_state(MAILBOX_ACTIVATING, PKI_NOW);
    ck_ok(&fixture, store_mailbox_install(fixture.store, alice, fitting.certificate, NULL, PKI_NOW,
                                          &fixture.why));
    pki_clear(&other);
    pki_clear(&bob);
    pki_clear(&fitting);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
}
END_TEST

START_TEST(one_request_at_a_time)
{
    EVP_PKEY *first = request("one");
    EVP_PKEY *second = pki_new_key(PKI_EC_P256);
    unsigned char *csr = NULL;
    size_t length = 0;
    EVP_PKEY *pending = NULL;
    ck_status(&fixture,
              store_request_put(fixture.store, alice, second, (const unsigned char *)"two", 3,
                                false, PKI_NOW, &fixture.why),
              STORE_REFUSED, "pending already");
    ck_ok(&fixture,
          store_request_find(fixture.store, alice, &csr, &length, &pending, &fixture.why));
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(csr, "one", 3);
    ck_assert_int_eq(EVP_PKEY_eq(pending, first), 1);
    EVP_PKEY_free(pending);
    free(csr);
    ck_ok(&fixture, store_request_put(fixture.store, alice, second, (const unsigned char *)"two", 3,
                                      true, PKI_NOW + 5, &fixture.why));
    expect_state(MAILBOX_ACTIVATING, PKI_NOW + 5);
    /* The answer to the former one is of no use. */
    struct pki late = answer(first, alice);
    ck_status(
        &fixture,
        store_mailbox_install(fixture.store, alice, late.certificate, NULL, PKI_NOW, &fixture.why),
        STORE_REFUSED, "not for the key");
    pki_clear(&late);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
}
END_TEST

START_TEST(withdraws)
{
    unsigned char *csr = NULL;
    size_t length = 0;
    ck_status(&fixture, store_request_withdraw(fixture.store, alice, &fixture.why), STORE_REFUSED,
              "no request is pending");
    EVP_PKEY_free(request("one"));
    ck_status(&fixture, store_mailbox_delete(fixture.store, alice, &fixture.why), STORE_REFUSED,
              "request for a certificate is pending");
    ck_ok(&fixture, store_request_withdraw(fixture.store, alice, &fixture.why));
    expect_state(MAILBOX_INACTIVE, 0);
    ck_status(&fixture, store_request_find(fixture.store, alice, &csr, &length, NULL, &fixture.why),
              STORE_NONE, NULL);
    ck_ok(&fixture, store_mailbox_delete(fixture.store, alice, &fixture.why));
    ck_status(&fixture, store_request_find(fixture.store, alice, &csr, &length, NULL, &fixture.why),
              STORE_REFUSED, "there is no mailbox");
}
END_TEST

/* Renewal: signing goes on meanwhile, and the former key stays for decryption. */
START_TEST(renews_an_active_mailbox)
{
    struct pki former = pki_leaf(&ca, alice);
    struct mailbox_key_list keys;
    struct identity_list identities;
    ck_ok(&fixture, store_mailbox_activate(fixture.store, alice, former.key, former.certificate,
                                           NULL, PKI_NOW - 10, &fixture.why));
    EVP_PKEY *key = request("one");
    expect_state(MAILBOX_ACTIVE, PKI_NOW);
    expect_signer(former.certificate);
    struct pki renewed = answer(key, alice);
    ck_ok(&fixture, store_mailbox_install(fixture.store, alice, renewed.certificate, NULL, PKI_NOW,
                                          &fixture.why));
    expect_signer(renewed.certificate);

    ck_ok(&fixture, store_mailbox_keys(fixture.store, alice, &keys, &fixture.why));
    ck_assert_uint_eq(keys.count, 2);
    ck_assert(keys.items[0].chosen && !keys.items[1].chosen);
    ck_assert_int_eq(X509_cmp(keys.items[0].certificate, renewed.certificate), 0);
    ck_assert_int_eq(X509_cmp(keys.items[1].certificate, former.certificate), 0);
    ck_assert_int_eq(keys.items[1].added, PKI_NOW - 10);
    ck_ok(&fixture, store_identities(fixture.store, alice, &identities, &fixture.why));
    ck_assert_uint_eq(identities.count, 2);
    identity_list_clear(&identities);

    /* Each of them for its owner, whatever the mailbox may decrypt here. */
    struct identity one;
    ck_ok(&fixture, store_mailbox_set_never_decrypt(fixture.store, alice, true, &fixture.why));
    ck_ok(&fixture, store_mailbox_identity(fixture.store, alice, 0, &one, &fixture.why));
    ck_assert_int_eq(EVP_PKEY_eq(one.key, key), 1);
    identity_clear(&one);
    ck_ok(&fixture, store_mailbox_identity(fixture.store, alice, keys.items[1].certificate_id, &one,
                                           &fixture.why));
    ck_assert_int_eq(EVP_PKEY_eq(one.key, former.key), 1);
    identity_clear(&one);
    ck_status(&fixture, store_mailbox_identity(fixture.store, alice, 999, &one, &fixture.why),
              STORE_REFUSED, "no key with the certificate 999");
    mailbox_key_list_clear(&keys);
    pki_clear(&former);
    pki_clear(&renewed);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(withdrawing_leaves_an_active_mailbox_active)
{
    struct pki former = pki_leaf(&ca, alice);
    ck_ok(&fixture, store_mailbox_activate(fixture.store, alice, former.key, former.certificate,
                                           NULL, PKI_NOW, &fixture.why));
    EVP_PKEY_free(request("one"));
    ck_ok(&fixture, store_request_withdraw(fixture.store, alice, &fixture.why));
    expect_state(MAILBOX_ACTIVE, 0);
    expect_signer(former.certificate);
    pki_clear(&former);
}
END_TEST

START_TEST(no_keys)
{
    struct mailbox_key_list keys;
    struct identity identity;
    ck_ok(&fixture, store_mailbox_keys(fixture.store, alice, &keys, &fixture.why));
    ck_assert_uint_eq(keys.count, 0);
    mailbox_key_list_clear(&keys);
    ck_status(&fixture, store_mailbox_identity(fixture.store, alice, 0, &identity, &fixture.why),
              STORE_REFUSED, "no key that signs");
    ck_status(&fixture, store_mailbox_keys(fixture.store, "x@example.com", &keys, &fixture.why),
              STORE_REFUSED, "there is no mailbox");
}
END_TEST

/* ---- Requests as openssl reads them ---- */

static char *openssl_says(const char *arguments, const unsigned char *bytes, size_t length)
{
    char path[128], command[512];
    snprintf(path, sizeof path, "%s/bytes", fixture.directory);
    FILE *file = fopen(path, "wbe");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    snprintf(command, sizeof command, "openssl %s -in %s 2>&1", arguments, path);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    char *text = calloc(1, 65536);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, 65535, pipe), 0);
    ck_assert_msg(pclose(pipe) == 0, "%s", text);
    return text;
}

static const struct csr_case {
    const char *name;
    const char *kind;
    const char *addresses[2];
    const char *wanted[6];
} csr_cases[] = {
    {"EC",
     "ec:P-256",
     {"alice@example.com", "a.smith@example.com"},
     {"CN = alice@example.com", "email:alice@example.com, email:a.smith@example.com",
      "E-mail Protection", "Digital Signature, Key Agreement", "verify OK", "prime256v1"}},
    {"RSA",
     "RSA:2048",
     {"alice@example.com"},
     {"Digital Signature, Key Encipherment", "(2048 bit)", "verify OK"}},
    {"P-384", "ec:p-384", {"alice@example.com"}, {"secp384r1", "verify OK"}},
    {"a quoted local part", "ec:P-256", {"\"a b\"@example.com"}, {"email:\"a b\"@example.com"}},
    {"an international local part",
     "ec:P-256",
     {"j\xc3\xb6rg@example.com"},
     {"SmtpUTF8Mailbox:", "verify OK"}},
    {"too long for a common name",
     "ec:P-256",
     {"a.very.long.local.part.that.does.not.fit.into.a.common.name@subdomain.example.com"},
     {"Subject: \n", "X509v3 Subject Alternative Name: critical", "verify OK"}},
};

START_TEST(makes_requests)
{
    const struct csr_case *c = &csr_cases[_i];
    EVP_PKEY *key = NULL;
    unsigned char *der = NULL;
    size_t length = 0;
    ck_ok(&fixture, new_key_make(c->kind, &key, &fixture.why));
    ck_ok(&fixture,
          csr_make(key, NULL, c->addresses, c->addresses[1] ? 2 : 1, &der, &length, &fixture.why));
    char *text = openssl_says("req -inform DER -text -noout -verify", der, length);
    for (size_t i = 0; i < 6 && c->wanted[i]; i++) {
        /* How openssl 3.0 writes an empty subject differs by a blank. */
        const char *wanted = c->wanted[i];
        bool found =
            strstr(text, wanted) || (!strcmp(wanted, "Subject: \n") && strstr(text, "Subject:\n"));
        ck_assert_msg(found, "%s: openssl does not say \"%s\":\n%s", c->name, wanted, text);
    }
    free(text);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(refuses_kinds_of_keys)
{
    static const char *const kinds[] = {"", "rsa", "rsa:1024", "ec:P-521", "ed25519"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        EVP_PKEY *key = NULL;
        ck_status(&fixture, new_key_make(kinds[i], &key, &fixture.why), STORE_REFUSED, "rsa:3072");
        ck_assert_ptr_null(key);
    }
}
END_TEST

/* ---- PKCS#12 as openssl reads it ---- */

START_TEST(writes_pkcs12)
{
    struct pki pair = pki_leaf(&ca, alice);
    unsigned char *der = NULL;
    size_t length = 0;
    STACK_OF(X509) *chain = pki_chain(&ca.certificate, 1);
    ck_assert_int_eq(credential_write_pkcs12(pair.key, pair.certificate, chain, alice,
                                             "gr\xc3\xbc\xc3\x9f"
                                             "e",
                                             &der, &length, &fixture.why),
                     CREDENTIAL_OK);
    char *text = openssl_says("pkcs12 -info -nokeys -passin 'pass:gr\xc3\xbc\xc3\x9f"
                              "e'",
                              der, length);
    static const char *const wanted[] = {
        "MAC: sha256, Iteration 100000",
        "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256",
        "friendlyName: alice@example.com", "CN = Test CA"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        ck_assert_msg(strstr(text, wanted[i]) != NULL, "openssl does not say \"%s\":\n%s",
                      wanted[i], text);
    }
    free(text);
    /* And we read it as well. */
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *others = NULL;
    ck_assert_int_eq(credential_read_pkcs12(der, length,
                                            "gr\xc3\xbc\xc3\x9f"
                                            "e",
                                            &key, &certificate, &others, &fixture.why),
                     CREDENTIAL_OK);
    ck_assert_int_eq(EVP_PKEY_eq(key, pair.key), 1);
    ck_assert_int_eq(X509_cmp(certificate, pair.certificate), 0);
    ck_assert_int_eq(sk_X509_num(others), 1);
    EVP_PKEY_free(key);
    X509_free(certificate);
    sk_X509_pop_free(others, X509_free);
    sk_X509_pop_free(chain, X509_free);
    OPENSSL_free(der);
    pki_clear(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/request");
    TCase *tests = tcase_create("request");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, request_then_install);
    tcase_add_test(tests, install_refuses);
    tcase_add_test(tests, one_request_at_a_time);
    tcase_add_test(tests, withdraws);
    tcase_add_test(tests, renews_an_active_mailbox);
    tcase_add_test(tests, withdrawing_leaves_an_active_mailbox_active);
    tcase_add_test(tests, no_keys);
    tcase_add_loop_test(tests, makes_requests, 0, sizeof csr_cases / sizeof *csr_cases);
    tcase_add_test(tests, refuses_kinds_of_keys);
    tcase_add_test(tests, writes_pkcs12);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
