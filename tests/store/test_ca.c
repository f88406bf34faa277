/* A CA in the store: times, names, and what messages get to see. Certificates are judged by
 * OpenSSL's verification as of a given time. */
#include "store_fixture.h"

#include <openssl/pem.h>

#include "ca.h"
#include "cert_use.h"
#include "csr.h"
#include "handle.h"

#define ALICE "alice@example.com"
#define ALIAS "a.s@example.com"
#define BACKDATED (PKI_NOW - CA_BACKDATE_S)

static struct fixture fixture;

static void set_up(void)
{
    fixture_open(&fixture);
    const char *const aliases[] = {ALIAS};
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, aliases, 1, &fixture.why));
}

static void tear_down(void)
{
    fixture_close(&fixture);
}

static enum store_status create(const char *name, int days, bool replace)
{
    X509_NAME *subject = X509_NAME_new();
    ck_assert_ptr_nonnull(subject);
    if (*name) {
        ck_assert_int_eq(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                                    (const unsigned char *)name, -1, -1, 0),
                         1);
    }
    struct ca_create request = {
        .key = pki_new_key(PKI_EC_P256), .subject = subject, .days = days, .replace = replace};
    enum store_status status =
        store_ca_create(fixture.store, &request, PKI_NOW, NULL, &fixture.why);
    EVP_PKEY_free(request.key);
    X509_NAME_free(subject);
    return status;
}

static X509 *ca_certificate(void)
{
    struct ca_list list;
    ck_ok(&fixture, store_ca_find(fixture.store, 0, &list, &fixture.why));
    X509 *certificate = list.items[0].certificate;
    X509_up_ref(certificate);
    ca_list_clear(&list);
    return certificate;
}

static enum store_status issue(const char *address, bool separate, int days, time_t now)
{
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    EVP_PKEY *encryption = separate ? pki_new_key(PKI_EC_P256) : NULL;
    enum store_status status =
        store_ca_issue(fixture.store, address, key, encryption, days, now, &fixture.why);
    EVP_PKEY_free(key);
    EVP_PKEY_free(encryption);
    return status;
}

/* The certificate number `index` that was issued. */
static X509 *issued(size_t index)
{
    struct ca_certificate_list list;
    ck_ok(&fixture, store_ca_certificates(fixture.store, &list, &fixture.why));
    ck_assert_uint_lt(index, list.count);
    X509 *certificate = list.items[index].certificate;
    X509_up_ref(certificate);
    ca_certificate_list_clear(&list);
    return certificate;
}

static size_t issued_count(void)
{
    return (size_t)fixture_query(&fixture, "SELECT count(*) FROM ca_certificate");
}

/* What OpenSSL says of a chain of two as of a time: X509_V_OK, or an error. */
static int verify(X509 *root, X509 *leaf, time_t at)
{
    X509_STORE *anchors = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    ck_assert(anchors && context && X509_STORE_add_cert(anchors, root) == 1);
    ck_assert_int_eq(X509_STORE_CTX_init(context, anchors, leaf, NULL), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, at);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    ck_assert_int_eq(X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SMIME_SIGN), 1);
    X509_verify_cert(context);
    int error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(anchors);
    return error;
}

/* ---- Times ---- */

START_TEST(validity_to_the_second)
{
    ck_ok(&fixture, create("CA", 100, false));
    ck_ok(&fixture, issue(ALICE, false, 10, PKI_NOW));
    X509 *root = ca_certificate();
    X509 *leaf = issued(0);
    const time_t ends = BACKDATED + 10 * PKI_DAY - 1;
    ck_assert_int_eq(verify(root, leaf, BACKDATED - 1), X509_V_ERR_CERT_NOT_YET_VALID);
    ck_assert_int_eq(verify(root, leaf, BACKDATED), X509_V_OK);
    /* OpenSSL takes the last second for the first one after; RFC 5280 does not. */
    ck_assert_int_eq(verify(root, leaf, ends - 1), X509_V_OK);
    ck_assert_int_eq(cert_check_use(leaf, CERT_USE_SIGN, ends, NULL), 0);
    ck_assert_int_eq(verify(root, leaf, ends + 1), X509_V_ERR_CERT_HAS_EXPIRED);
    ck_assert_int_eq(cert_check_use(leaf, CERT_USE_SIGN, ends + 1, NULL), -1);
    X509_free(leaf);
    X509_free(root);
}
END_TEST

START_TEST(never_beyond_the_ca)
{
    time_t begins = 0, ends = 0, ca_ends = 0;
    ck_ok(&fixture, create("CA", 100, false));
    X509 *root = ca_certificate();
    ck_assert_int_eq(cert_validity(root, &(time_t){0}, &ca_ends), 0);
    /* Somebody's clock went back since: nothing is valid before the CA. */
    ck_ok(&fixture, issue(ALICE, false, 825, PKI_NOW - CA_BACKDATE_S / 2));
    X509 *leaf = issued(0);
    ck_assert_int_eq(cert_validity(leaf, &begins, &ends), 0);
    ck_assert_int_eq(begins, BACKDATED);
    ck_assert_int_eq(ends, ca_ends);
    X509_free(leaf);
    X509_free(root);
}
END_TEST

START_TEST(expired_ca_issues_nothing)
{
    const time_t after = BACKDATED + 100 * PKI_DAY;
    struct ca_crl crl;
    struct ca_revoked done;
    ck_ok(&fixture, create("CA", 100, false));
    ck_ok(&fixture, issue(ALICE, false, 10, after - 1));
    ck_status(&fixture, issue(ALICE, false, 10, after), STORE_REFUSED,
              "the CA cannot issue: the certificate has expired");
    ck_status(&fixture, issue(ALICE, false, 10, BACKDATED - 1), STORE_REFUSED, "not yet valid");
    ck_assert_uint_eq(issued_count(), 1);
    /* It still says what it revoked. */
    ck_ok(&fixture, store_ca_revoke_mailbox(fixture.store, ALICE, CA_KEY_COMPROMISE, after - 1,
                                            &done, &fixture.why));
    ck_assert_uint_eq(done.count, 1);
    ck_ok(&fixture, store_ca_crl(fixture.store, 0, 7, after, &crl, &fixture.why));
    ck_assert_uint_eq(crl.entries, 1);
    ca_crl_clear(&crl);
}
END_TEST

START_TEST(numbers_of_days)
{
    struct ca_crl crl;
    ck_status(&fixture, create("CA", 0, false), STORE_REFUSED, "1 to 9132");
    ck_status(&fixture, create("CA", CA_MAX_DAYS + 1, false), STORE_REFUSED, "1 to 9132");
    ck_status(&fixture, create("", 10, false), STORE_REFUSED, "must have a name");
    ck_ok(&fixture, create("CA", CA_MAX_DAYS, false)); /* beyond 2050: GeneralizedTime */
    ck_status(&fixture, issue(ALICE, false, 0, PKI_NOW), STORE_REFUSED, "1 to 825");
    ck_status(&fixture, issue(ALICE, false, 826, PKI_NOW), STORE_REFUSED, "1 to 825");
    ck_status(&fixture, store_ca_crl(fixture.store, 0, 0, PKI_NOW, &crl, &fixture.why),
              STORE_REFUSED, "1 to 366");
    ck_ok(&fixture, issue(ALICE, false, 825, PKI_NOW + 9000 * PKI_DAY));
    X509 *root = ca_certificate();
    X509 *leaf = issued(0);
    ck_assert_int_eq(X509_get0_notAfter(leaf)->type, V_ASN1_GENERALIZEDTIME);
    ck_assert_int_eq(verify(root, leaf, PKI_NOW + 9001 * PKI_DAY), X509_V_OK);
    X509_free(leaf);
    X509_free(root);
}
END_TEST

/* ---- Names ---- */

/* What does not fit into a common name: an empty subject, and then subjectAltName is critical. */
START_TEST(long_address)
{
    static const char address[] =
        "a-local-part-of-sixty-four-characters-is-the-longest-there-may-b@example.com";
    ck_ok(&fixture, create("CA", 100, false));
    ck_ok(&fixture, store_mailbox_add(fixture.store, address, NULL, 0, &fixture.why));
    ck_ok(&fixture, issue(address, false, 10, PKI_NOW));
    X509 *root = ca_certificate();
    X509 *leaf = issued(0);
    ck_assert_int_eq(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
    int at = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);
    ck_assert_int_ge(at, 0);
    ck_assert_int_eq(X509_EXTENSION_get_critical(X509_get_ext(leaf, at)), 1);
    ck_assert_int_eq(verify(root, leaf, PKI_NOW), X509_V_OK);
    ck_assert_int_eq(X509_check_email(leaf, address, 0, 0), 1);
    X509_free(leaf);
    X509_free(root);
}
END_TEST

START_TEST(too_many_addresses)
{
    ck_ok(&fixture, create("CA", 100, false));
    for (int i = 0; i < CERT_MAX_ADDRESSES - 1; i++) {
        char alias[64];
        snprintf(alias, sizeof alias, "a%d@example.com", i);
        if (i == CERT_MAX_ADDRESSES - 2) {
            ck_ok(&fixture, issue(ALICE, false, 10, PKI_NOW)); /* as many as there may be */
        }
        ck_ok(&fixture, store_mailbox_add_alias(fixture.store, ALICE, alias, &fixture.why));
    }
    ck_status(&fixture, issue(ALICE, false, 10, PKI_NOW), STORE_REFUSED, "more than 256");
    ck_status(&fixture, issue("b@example.com", false, 10, PKI_NOW), STORE_REFUSED, "no mailbox");
    ck_assert_uint_eq(issued_count(), 1);
}
END_TEST

/* ---- What messages see ---- */

/* Which certificate a signature by Alice names for answers; NULL: none but that which signs. */
static X509 *encryption_certificate(time_t now)
{
    struct identity identity;
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_ok(&fixture, store_signing_identity(fixture.store, ALICE, now, &identity, &fixture.why));
    X509 *certificate = identity.encryption_certificate;
    identity.encryption_certificate = NULL;
    identity_clear(&identity);
    return certificate;
}

static void expect_encryption(time_t now, X509 *wanted)
{
    X509 *found = encryption_certificate(now);
    ck_assert_int_eq(found != NULL, wanted != NULL);
    ck_assert(!wanted || X509_cmp(found, wanted) == 0);
    X509_free(found);
}

START_TEST(certificate_for_answers)
{
    ck_ok(&fixture, create("CA", 1000, false));
    ck_ok(&fixture, issue(ALICE, false, 10, PKI_NOW));
    X509 *both = issued(0);
    expect_encryption(PKI_NOW, NULL); /* the one that signs is good for both */
    ck_ok(&fixture, issue(ALICE, true, 20, PKI_NOW));
    X509 *first = issued(1);
    expect_encryption(PKI_NOW, first);
    ck_ok(&fixture, issue(ALICE, true, 10, PKI_NOW + PKI_DAY));
    X509 *second = issued(3);
    expect_encryption(PKI_NOW + PKI_DAY, second); /* the newest */
    ck_ok(&fixture, issue(ALICE, true, 100, PKI_NOW + 2 * PKI_DAY));
    X509 *third = issued(5);
    expect_encryption(PKI_NOW + 2 * PKI_DAY, third);
    /* Revoked, it is handed out no more; a former one that is valid still takes its place. */
    struct ca_certificate_list list;
    struct ca_revoked done;
    ck_ok(&fixture, store_ca_certificates(fixture.store, &list, &fixture.why));
    ck_ok(&fixture, store_ca_revoke_serial(fixture.store, list.items[5].serial, CA_SUPERSEDED,
                                           PKI_NOW + 3 * PKI_DAY, &done, &fixture.why));
    ck_assert(!done.deactivated);
    expect_encryption(PKI_NOW + 3 * PKI_DAY, second);
    expect_encryption(PKI_NOW + 12 * PKI_DAY, first); /* expired, without any change */
    expect_encryption(PKI_NOW + 30 * PKI_DAY, NULL);
    ca_certificate_list_clear(&list);
    X509_free(both);
    X509_free(first);
    X509_free(second);
    X509_free(third);
}
END_TEST

static bool signs(struct store *store)
{
    struct identity identity;
    ck_ok(&fixture, store_refresh(store, &fixture.why));
    enum store_status status =
        store_signing_identity(store, ALICE, PKI_NOW, &identity, &fixture.why);
    ck_assert_int_ne((int)status, STORE_ERROR);
    identity_clear(&identity);
    return status == STORE_OK;
}

/* A daemon that has the key in its cache signs no more once another process has revoked. */
START_TEST(revocation_is_seen_elsewhere)
{
    struct store *daemon = NULL;
    struct ca_revoked done;
    ck_ok(&fixture, store_open(&fixture.options, &daemon, &fixture.why));
    ck_ok(&fixture, create("CA", 100, false));
    ck_ok(&fixture, issue(ALICE, false, 10, PKI_NOW));
    ck_assert(signs(daemon));
    /* By one of the further addresses. */
    ck_ok(&fixture, store_ca_revoke_mailbox(fixture.store, ALIAS, CA_UNSPECIFIED, PKI_NOW, &done,
                                            &fixture.why));
    ck_assert(done.deactivated && done.count == 1);
    ck_assert(!signs(daemon));
    struct identity_list identities;
    ck_ok(&fixture, store_identities(daemon, ALICE, &identities, &fixture.why));
    ck_assert_uint_eq(identities.count, 1);
    identity_list_clear(&identities);
    ck_status(&fixture,
              store_ca_revoke_mailbox(fixture.store, "b@example.com", CA_UNSPECIFIED, PKI_NOW,
                                      &done, &fixture.why),
              STORE_REFUSED, "no certificate was issued here for b@example.com");
    store_close(&daemon);
}
END_TEST

/* Expired ones need no revoking, unless they are named. */
START_TEST(expired_certificates)
{
    struct ca_revoked done;
    struct ca_certificate_list list;
    const time_t later = PKI_NOW + 20 * PKI_DAY;
    ck_ok(&fixture, create("CA", 100, false));
    ck_ok(&fixture, issue(ALICE, false, 10, PKI_NOW));
    ck_ok(&fixture, store_ca_revoke_mailbox(fixture.store, ALICE, CA_UNSPECIFIED, later, &done,
                                            &fixture.why));
    ck_assert_uint_eq(done.count, 0);
    ck_ok(&fixture, store_ca_certificates(fixture.store, &list, &fixture.why));
    ck_ok(&fixture, store_ca_revoke_serial(fixture.store, list.items[0].serial, CA_KEY_COMPROMISE,
                                           later, &done, &fixture.why));
    ck_assert_uint_eq(done.count, 1);
    ca_certificate_list_clear(&list);
}
END_TEST

/* ---- All or nothing ---- */

/* A database that fails in the midst of it. */
START_TEST(nothing_by_halves)
{
    ck_ok(&fixture, create("CA", 100, false));
    fixture_alter(&fixture, "CREATE TRIGGER stop BEFORE UPDATE OF signing_key ON mailbox"
                            " BEGIN SELECT RAISE (ABORT, 'stopped here'); END");
    ck_status(&fixture, issue(ALICE, true, 10, PKI_NOW), STORE_ERROR, "stopped here");
    ck_assert_uint_eq(issued_count(), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM private_key"), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 1);
    fixture_alter(&fixture, "DROP TRIGGER stop; CREATE TRIGGER stop BEFORE INSERT ON audit"
                            " BEGIN SELECT RAISE (ABORT, 'stopped here'); END");
    struct ca_crl crl;
    ck_status(&fixture, store_ca_crl(fixture.store, 0, 7, PKI_NOW, &crl, &fixture.why), STORE_ERROR,
              "stopped here");
    ck_assert_ptr_null(crl.der);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT crl_number FROM ca"), 0);
}
END_TEST

START_TEST(certificate_of_the_ca_stays)
{
    int64_t anchor = 0;
    ck_ok(&fixture, create("CA", 100, false));
    X509 *root = ca_certificate();
    ck_ok(&fixture, store_anchor_import(fixture.store, root, PKI_NOW, &anchor, &fixture.why));
    ck_ok(&fixture, store_anchor_delete(fixture.store, anchor, &fixture.why));
    X509_free(root);
    ck_ok(&fixture, issue(ALICE, false, 10, PKI_NOW));
    /* As that of a public key which is deleted again. */
    int64_t id = 0;
    X509 *leaf = issued(0);
    ck_ok(&fixture, store_pubkey_import(fixture.store, leaf, PKI_NOW, &id, &fixture.why));
    ck_ok(&fixture, store_pubkey_delete(fixture.store, id, &fixture.why));
    X509_free(leaf);
    X509_free(issued(0));
}
END_TEST

START_TEST(keys_are_sealed)
{
    ck_ok(&fixture, create("CA", 100, false));
    /* EncryptedPrivateKeyInfo: no EC key stands in it in the clear. */
    ck_assert_int_eq(fixture_query(&fixture, "SELECT instr(pkcs8, x'2a8648ce3d0201') FROM ca"), 0);
    ck_assert_int_gt(fixture_query(&fixture, "SELECT instr(pkcs8, x'2a864886f70d01050d') FROM ca"),
                     0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store ca");
    TCase *tests = tcase_create("ca");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, validity_to_the_second);
    tcase_add_test(tests, never_beyond_the_ca);
    tcase_add_test(tests, expired_ca_issues_nothing);
    tcase_add_test(tests, numbers_of_days);
    tcase_add_test(tests, long_address);
    tcase_add_test(tests, too_many_addresses);
    tcase_add_test(tests, certificate_for_answers);
    tcase_add_test(tests, revocation_is_seen_elsewhere);
    tcase_add_test(tests, expired_certificates);
    tcase_add_test(tests, nothing_by_halves);
    tcase_add_test(tests, certificate_of_the_ca_stays);
    tcase_add_test(tests, keys_are_sealed);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
