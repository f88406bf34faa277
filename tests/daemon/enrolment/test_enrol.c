/* Enrolments by CMP against a CA: certificates that come at once or later, the same transaction
 * from another process, key updates, revocation. `openssl` is the second opinion. */
#include "enrol_fixture.h"
#include "subject_template.h"
#include "test_run.h"

#include <openssl/x509v3.h>

static struct enrol_fixture fixture;
static time_t now;

static void set_up(void)
{
    now = time(NULL);
    enrol_open(&fixture);
}

static void tear_down(void)
{
    enrol_close(&fixture);
}

/* What signs passes `openssl verify` for mail, and names the address. */
static void expect_good_certificate(void)
{
    X509 *certificate = enrol_signer(&fixture, now);
    pki_write_certificate(enrol_path(&fixture, "alice.pem"), certificate);
    enrol_run("openssl verify -CAfile %s -purpose smimesign -verify_email %s %s >/dev/null",
              enrol_path(&fixture, "ca.pem"), enrol_alice, enrol_path(&fixture, "alice.pem"));
    X509_free(certificate);
}

static void enrolled_at_once(void)
{
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    enrol_expect(&fixture, now, ENROL_ACTIVE, NULL);
    enrol_expect_state(&fixture, MAILBOX_ACTIVE);
}

START_TEST(at_once)
{
    enrolled_at_once();
    expect_good_certificate();
    cmp_ca_expect_log(&fixture.ca, "ir\ncertConf\ncertConf accepted\n");
    enrol_expect(&fixture, now, ENROL_NONE, NULL);
}
END_TEST

/* The protocol is the real one: OpenSSL's own client gets along with this CA. */
START_TEST(the_ca_speaks_cmp)
{
    enrol_run("cd %s && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out o.key "
              "2>/dev/null && openssl cmp -cmd ir -server 127.0.0.1:%d -path cmp -recipient / "
              "-ref smimed -secret 'pass:%s' -newkey o.key -subject /CN=alice@example.com "
              "-sans email:alice@example.com -certout o.pem -total_timeout 20 >o.log 2>&1 "
              "&& openssl verify -CAfile ca.pem o.pem >/dev/null",
              fixture.store.directory, fixture.ca.port, CMP_CA_SECRET);
    enrol_run("cd %s && rm -f o.key o.pem o.log", fixture.store.directory);
    cmp_ca_expect_log(&fixture.ca, "ir\ncertConf\ncertConf accepted\n");
}
END_TEST

START_TEST(cr_instead_of_ir)
{
    enrol_by_secret(&fixture, "request = \"cr\";");
    enrolled_at_once();
    cmp_ca_expect_log(&fixture.ca, "cr\ncertConf\ncertConf accepted\n");
}
END_TEST

START_TEST(implicit_confirmation)
{
    enrol_by_secret(&fixture, "implicit_confirm = true;");
    fixture.ca.orders->implicit_confirm = true;
    enrolled_at_once();
    cmp_ca_expect_log(&fixture.ca, "ir\n");
    expect_good_certificate();
}
END_TEST

static time_t next_attempt(void)
{
    struct enrolment enrolment;
    ck_ok(&fixture.store,
          store_enrolment_find(fixture.store.store, enrol_alice, &enrolment, &fixture.store.why));
    time_t next = enrolment.next_attempt;
    enrolment_clear(&enrolment);
    return next;
}

/* Every step could be another process: nothing but the store is between them. */
START_TEST(waits_and_polls)
{
    fixture.ca.orders->waits = 2;
    fixture.ca.orders->check_after = 1000;
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    ck_assert_int_eq(next_attempt(), now + 1000);
    enrol_expect(&fixture, now + 1000, ENROL_WAITING, NULL);
    ck_assert_int_eq(next_attempt(), now + 2000);
    enrol_expect(&fixture, now + 2000, ENROL_ACTIVE, NULL);
    cmp_ca_expect_log(&fixture.ca, "ir\npollReq\npollReq\npollReq\ncertConf\ncertConf accepted\n");
    ck_assert_int_eq(fixture.ca.orders->issued, 1);
    expect_good_certificate();
}
END_TEST

/* A CA of RFC 9483, whose decision answers to the nonce of the request. */
START_TEST(decision_for_the_nonce_of_the_request)
{
    fixture.ca.orders->waits = _i;
    fixture.ca.orders->nonce_of_request = true;
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    for (int i = 0; i < _i; i++)
        enrol_expect(&fixture, now + i, ENROL_WAITING, NULL);
    enrol_expect(&fixture, now + _i, ENROL_ACTIVE, NULL);
    ck_assert_int_eq(fixture.ca.orders->issued, 1);
}
END_TEST

/* What a CA proposes is bounded both ways. */
START_TEST(check_after_is_bounded)
{
    static const struct {
        int proposed;
        int taken;
    } cases[] = {{0, 50}, {49, 50}, {60, 60}, {71, 70}, {2147483647, 70}};
    enrol_by_secret(&fixture, "poll_max_s = 70;");
    fixture.config->settings.cmp[0].poll_min_s = 50;
    fixture.ca.orders->waits = 1;
    fixture.ca.orders->check_after = cases[_i].proposed;
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    ck_assert_int_eq(next_attempt(), now + cases[_i].taken);
}
END_TEST

/* ---- What is asked for ---- */

static void expect_subject(const char *wanted)
{
    X509 *certificate = enrol_signer(&fixture, now);
    char *text = X509_NAME_oneline(X509_get_subject_name(certificate), NULL, 0);
    ck_assert_str_eq(text, wanted);
    OPENSSL_free(text);
    X509_free(certificate);
}

START_TEST(subject)
{
    static const struct {
        const char *setting;
        const char *subject;
    } cases[] = {
        {"", "/CN=alice@example.com"},
        {"subject = \"CN={address},O=Example\\\\, Inc,C=DE\";",
         "/C=DE/O=Example, Inc/CN=alice@example.com"},
        {"subject = \"CN=Mail of {address} ({address}),O=X\";",
         "/O=X/CN=Mail of alice@example.com (alice@example.com)"},
    };
    enrol_by_secret(&fixture, cases[_i].setting);
    enrolled_at_once();
    expect_subject(cases[_i].subject);
    expect_good_certificate();
}
END_TEST

/* All addresses are in the certificate; what looks like syntax of a name is none. */
START_TEST(further_addresses)
{
    static const char *const aliases[] = {"\"a,o=evil+c=xx\"@example.com", "a.s@example.com"};
    X509_NAME *name = NULL;
    for (size_t i = 0; i < 2; i++)
        ck_ok(&fixture.store, store_mailbox_add_alias(fixture.store.store, enrol_alice, aliases[i],
                                                      &fixture.store.why));
    enrolled_at_once();
    X509 *certificate = enrol_signer(&fixture, now);
    ck_assert_int_eq(X509_check_email(certificate, "a.s@example.com", 0, 0), 1);
    X509_free(certificate);
    name = subject_from_template("CN={address},O=X", aliases[0], NULL);
    ck_assert_ptr_nonnull(name);
    ck_assert_int_eq(X509_NAME_entry_count(name), 2);
    X509_NAME_free(name);
}
END_TEST

START_TEST(bad_settings)
{
    static const struct {
        const char *more;
        const char *part;
    } cases[] = {{"subject = \"{address}\";", "is no subject"},
                 {"subject = \"XX={address}\";", "no attribute"},
                 {"subject = \"C={address}\";", "too long"}};
    char *why = NULL;
    enrol_by_secret(&fixture, cases[_i].more);
    ck_assert_int_eq(enrol_ca_check(&fixture.settings->cmp[0], &why), -1);
    ck_assert_msg(strstr(why_text(&why), cases[_i].part), "%s", why_text(&why));
    why_free(&why);
    ck_status(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now), STORE_REFUSED, NULL);
}
END_TEST

/* ---- Key update ---- */

static void expect_former_keys(size_t wanted)
{
    struct identity_list list;
    ck_ok(&fixture.store,
          store_identities(fixture.store.store, enrol_alice, &list, &fixture.store.why));
    ck_assert_uint_eq(list.count, wanted);
    identity_list_clear(&list);
}

static void expect_expiring(time_t at, size_t wanted)
{
    struct enrolled_list list;
    ck_ok(&fixture.store, store_enrolled_expiring(fixture.store.store, "ca", at + 30 * PKI_DAY, at,
                                                  &list, &fixture.store.why));
    ck_assert_uint_eq(list.count, wanted);
    enrolled_list_clear(&list);
}

START_TEST(key_update)
{
    static const char *const by[] = {"update_by = \"mailbox\";", "update_by = \"credential\";"};
    enrol_by_secret(&fixture, by[_i]);
    enrolled_at_once();
    X509 *former = enrol_signer(&fixture, now);
    expect_expiring(now, 0);
    time_t later = now + 340 * PKI_DAY;
    expect_expiring(later, 1);
    cmp_ca_forget_log(&fixture.ca);
    fixture.ca.orders->valid_days = 730;
    fixture.ca.orders->waits = 1;
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_UPDATE, later));
    expect_expiring(later, 0); /* it is under way */
    enrol_expect(&fixture, later, ENROL_WAITING, NULL);
    enrol_expect_state(&fixture, MAILBOX_ACTIVE);
    X509 *meanwhile = enrol_signer(&fixture, later);
    ck_assert_int_eq(X509_cmp(meanwhile, former), 0);
    enrol_expect(&fixture, later + 1, ENROL_ACTIVE, NULL);
    cmp_ca_expect_log(&fixture.ca, "kur\npollReq\npollReq\ncertConf\ncertConf accepted\n");
    X509 *current = enrol_signer(&fixture, later);
    ck_assert_int_ne(X509_cmp(current, former), 0);
    ck_assert_int_ne(EVP_PKEY_eq(X509_get0_pubkey(current), X509_get0_pubkey(former)), 1);
    expect_former_keys(2);
    expect_expiring(later, 0);
    X509_free(former);
    X509_free(meanwhile);
    X509_free(current);
}
END_TEST

START_TEST(update_that_is_rejected_leaves_the_mailbox_active)
{
    enrolled_at_once();
    strcpy((char *)(uintptr_t)fixture.ca.orders->rejected, "alice");
    time_t later = now + 340 * PKI_DAY;
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_UPDATE, later));
    enrol_expect(&fixture, later, ENROL_FAILED, "not one of ours");
    enrol_expect_state(&fixture, MAILBOX_ACTIVE);
    expect_expiring(later, 0);
    expect_expiring(later + PKI_DAY, 1); /* may be tried again */
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_UPDATE, later + PKI_DAY));
}
END_TEST

START_TEST(nothing_to_update)
{
    ck_status(&fixture.store, enrol_start(&fixture, ENROLMENT_UPDATE, now), STORE_REFUSED, NULL);
    ck_assert_ptr_nonnull(strstr(why_text(&fixture.why), "no certificate yet"));
}
END_TEST

/* ---- Revocation ---- */

static void expect_revoked(enum store_status wanted, const char *part)
{
    int64_t id = 0;
    why_free(&fixture.why);
    enum store_status status =
        enrol_revoke(fixture.store.store, fixture.settings, enrol_alice, 0,
                     enrol_reason_named("keycompromise"), now, &id, &fixture.why);
    ck_assert_msg(status == wanted, "%d: %s", status, why_text(&fixture.why));
    ck_assert_msg(!part || strstr(why_text(&fixture.why), part), "%s", why_text(&fixture.why));
}

START_TEST(revocation)
{
    static const char *const by[] = {"update_by = \"mailbox\";", "update_by = \"credential\";"};
    enrol_by_secret(&fixture, by[_i]);
    enrolled_at_once();
    cmp_ca_forget_log(&fixture.ca);
    expect_revoked(STORE_OK, NULL);
    cmp_ca_expect_log(&fixture.ca, "rr\nrevoked\n");
    enrol_expect_state(&fixture, MAILBOX_INACTIVE);
    expect_former_keys(1); /* decrypts as before */
    ck_status(&fixture.store,
              store_mailbox_reactivate(fixture.store.store, enrol_alice, now, &fixture.store.why),
              STORE_REFUSED, "revoked");
    expect_revoked(STORE_REFUSED, "already");
    cmp_ca_expect_log(&fixture.ca, "rr\nrevoked\n");
    /* A new one can be had. */
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    enrol_expect(&fixture, now, ENROL_ACTIVE, NULL);
    enrol_expect_state(&fixture, MAILBOX_ACTIVE);
}
END_TEST

/* The answer to the first request is lost: the CA says that it is revoked already. */
START_TEST(revoked_already_at_the_ca)
{
    enrolled_at_once();
    fixture.ca.orders->fault = CMP_CA_DAMAGED;
    expect_revoked(STORE_REFUSED, NULL);
    enrol_expect_state(&fixture, MAILBOX_ACTIVE);
    fixture.ca.orders->fault = CMP_CA_NO_FAULT;
    expect_revoked(STORE_OK, NULL);
    enrol_expect_state(&fixture, MAILBOX_INACTIVE);
}
END_TEST

START_TEST(others_certificates_are_not_revoked_so)
{
    struct pki ca = pki_ca("Other CA");
    struct pki pair = pki_leaf(&ca, enrol_alice);
    expect_revoked(STORE_REFUSED, "has no certificate");
    ck_ok(&fixture.store,
          store_mailbox_activate(fixture.store.store, enrol_alice, pair.key, pair.certificate, NULL,
                                 PKI_NOW, &fixture.store.why));
    expect_revoked(STORE_REFUSED, "did not come from a CA");
    ck_assert_int_eq(fixture.ca.orders->requests, 0);
    pki_clear(&pair);
    pki_clear(&ca);
}
END_TEST

/* ---- Signatures instead of a secret ---- */

static void by_certificate(const struct pki *ra, const char *trust)
{
    pki_write_certificate(enrol_path(&fixture, "ra.pem"), ra->certificate);
    pki_write_key(enrol_path(&fixture, "ra.key"), ra->key);
    ck_assert_int_eq(chmod(enrol_path(&fixture, "ra.key"), 0600), 0);
    enrol_configure(&fixture, "certificate_file = \"%s\"; key_file = \"%s\"; %s",
                    enrol_path(&fixture, "ra.pem"), enrol_path(&fixture, "ra.key"), trust);
}

START_TEST(by_signature)
{
    struct pki ra = pki_make(&(struct pki_spec){.common_name = "RA"}, &fixture.ca.ca.issuer);
    char trust[512];
    if (_i == 0)
        snprintf(trust, sizeof trust, "server_certificate = \"%s\";",
                 enrol_path(&fixture, "ca.pem"));
    else
        snprintf(trust, sizeof trust, "trust_file = \"%s\"; recipient = \"CN=CMP Test CA\";",
                 enrol_path(&fixture, "ca.pem"));
    by_certificate(&ra, trust);
    fixture.ca.orders->waits = 1;
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    enrol_expect(&fixture, now + 1, ENROL_ACTIVE, NULL);
    expect_good_certificate();
    cmp_ca_expect_log(&fixture.ca, "ir\npollReq\npollReq\ncertConf\ncertConf accepted\n");
    pki_clear(&ra);
}
END_TEST

/* Whoever is below the anchor is not the CA for that, nor is one with its name elsewhere. */
START_TEST(somebody_else_answers)
{
    struct pki ra = pki_make(&(struct pki_spec){.common_name = "RA"}, &fixture.ca.ca.issuer);
    char trust[512];
    if (_i == 0) {
        snprintf(trust, sizeof trust, "trust_file = \"%s\"; recipient = \"CN=Another CA\";",
                 enrol_path(&fixture, "ca.pem"));
    } else {
        struct pki other = pki_ca("CMP Test CA");
        pki_write_certificate(enrol_path(&fixture, "other.pem"), other.certificate);
        snprintf(trust, sizeof trust, "trust_file = \"%s\"; recipient = \"CN=CMP Test CA\";",
                 enrol_path(&fixture, "other.pem"));
        pki_clear(&other);
    }
    by_certificate(&ra, trust);
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
    enrol_expect(&fixture, now, ENROL_RETRY, _i == 0 ? "not the CA that was asked" : "protection");
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    cmp_ca_expect_log(&fixture.ca, "ir\n");
    pki_clear(&ra);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("enrol");
    TCase *tests = tcase_create("enrolments");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, the_ca_speaks_cmp);
    tcase_add_test(tests, cr_instead_of_ir);
    tcase_add_test(tests, implicit_confirmation);
    tcase_add_test(tests, waits_and_polls);
    tcase_add_loop_test(tests, decision_for_the_nonce_of_the_request, 0, 4);
    tcase_add_loop_test(tests, check_after_is_bounded, 0, 5);
    tcase_add_loop_test(tests, subject, 0, 3);
    tcase_add_test(tests, further_addresses);
    tcase_add_loop_test(tests, bad_settings, 0, 3);
    tcase_add_loop_test(tests, key_update, 0, 2);
    tcase_add_test(tests, update_that_is_rejected_leaves_the_mailbox_active);
    tcase_add_test(tests, nothing_to_update);
    tcase_add_loop_test(tests, revocation, 0, 2);
    tcase_add_test(tests, revoked_already_at_the_ca);
    tcase_add_test(tests, others_certificates_are_not_revoked_so);
    tcase_add_loop_test(tests, by_signature, 0, 2);
    tcase_add_loop_test(tests, somebody_else_answers, 0, 2);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return test_run(suite());
}
