/* Enrolments in the store: what is pending, who works on it, how it ends, what came of it. */
#include "store_fixture.h"

#include "csr.h"
#include "enrolment.h"

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

/* The key that waits. */
static EVP_PKEY *begin(const char *csr)
{
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    ck_ok(&fixture, store_enrolment_begin(fixture.store, alice, "ca", ENROLMENT_NEW, key,
                                          (const unsigned char *)csr, strlen(csr),
                                          PKI_NOW + PKI_DAY, PKI_NOW, &fixture.why));
    return key;
}

static struct pki answer(EVP_PKEY *key, const char *address)
{
    return pki_make(&(struct pki_spec){.addresses = {address}, .use_key = key}, &ca);
}

static void expect_none(void)
{
    struct enrolment enrolment;
    ck_status(&fixture, store_enrolment_find(fixture.store, alice, &enrolment, &fixture.why),
              STORE_NONE, NULL);
}

static void expect_state(enum mailbox_state wanted)
{
    struct mailbox *mailbox = NULL;
    ck_ok(&fixture, store_mailbox_find(fixture.store, alice, &mailbox, &fixture.why));
    ck_assert_int_eq(mailbox->state, wanted);
    mailbox_free(&mailbox);
}

static struct enrolment_messages messages(const char *text)
{
    struct enrolment_messages made = {.count = ENROLMENT_MAX_MESSAGES};
    for (size_t i = 0; i < made.count; i++) {
        made.items[i].der = (unsigned char *)strdup(text + i);
        made.items[i].length = strlen(text + i);
    }
    return made;
}

static struct enrolment find(void)
{
    struct enrolment enrolment;
    ck_ok(&fixture, store_enrolment_find(fixture.store, alice, &enrolment, &fixture.why));
    return enrolment;
}

START_TEST(begun)
{
    int64_t generation = fixture_generation(&fixture);
    EVP_PKEY_free(begin("one"));
    ck_assert_int_gt(fixture_generation(&fixture), generation);
    expect_state(MAILBOX_ACTIVATING);
    struct enrolment enrolment = find();
    ck_assert_str_eq(enrolment.address, alice);
    ck_assert_str_eq(enrolment.ca, "ca");
    ck_assert_str_eq(enrolment_kind_name(enrolment.kind), "new");
    ck_assert_str_eq(enrolment_phase_name(enrolment.phase), "pending");
    ck_assert_int_eq(enrolment.started, PKI_NOW);
    ck_assert_int_eq(enrolment.give_up, PKI_NOW + PKI_DAY);
    ck_assert_int_eq(enrolment.next_attempt, PKI_NOW);
    ck_assert_str_eq(enrolment.error, "");
    ck_assert_uint_eq(enrolment.messages.count, 0);
    enrolment_clear(&enrolment);
    /* A second one is refused, and changes nothing. */
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    ck_status(&fixture,
              store_enrolment_begin(fixture.store, alice, "other", ENROLMENT_UPDATE, key,
                                    (const unsigned char *)"two", 3, PKI_NOW, PKI_NOW,
                                    &fixture.why),
              STORE_REFUSED, "pending already");
    ck_status(&fixture,
              store_enrolment_begin(fixture.store, "bob@example.com", "ca", ENROLMENT_NEW, key,
                                    (const unsigned char *)"two", 3, PKI_NOW, PKI_NOW,
                                    &fixture.why),
              STORE_REFUSED, "no mailbox");
    EVP_PKEY_free(key);
    enrolment = find();
    ck_assert_str_eq(enrolment.ca, "ca");
    enrolment_clear(&enrolment);
    ck_assert_int_eq(
        fixture_query(&fixture, "SELECT count(*) FROM audit WHERE action = 'enrolment begun'"), 1);
}
END_TEST

/* A CA that is asked again and again is nothing for the trail, nor for messages. */
START_TEST(waiting_leaves_no_trail)
{
    struct enrolment_messages kept = messages("messages");
    struct enrolment enrolment;
    EVP_PKEY_free(begin("one"));
    int64_t generation = fixture_generation(&fixture);
    int64_t trail = fixture_query(&fixture, "SELECT count(*) FROM audit");
    ck_ok(&fixture,
          store_enrolment_claim(fixture.store, alice, 60, PKI_NOW, &enrolment, &fixture.why));
    enrolment_clear(&enrolment);
    ck_ok(&fixture,
          store_enrolment_retry(fixture.store, alice, "no way", false, PKI_NOW + 9, &fixture.why));
    enrolment = find();
    ck_assert_int_eq(enrolment.failures, 1);
    ck_assert_str_eq(enrolment.error, "no way");
    enrolment_clear(&enrolment);
    ck_ok(&fixture, store_enrolment_wait(fixture.store, alice, &kept, PKI_NOW + 10, &fixture.why));
    enrolment = find();
    ck_assert_int_eq(enrolment.failures, 0);
    ck_assert_str_eq(enrolment.error, "");
    ck_assert_int_eq(enrolment.next_attempt, PKI_NOW + 10);
    ck_assert_uint_eq(enrolment.messages.count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(enrolment.messages.items[i].length, 8 - i);
        ck_assert_mem_eq(enrolment.messages.items[i].der, &"messages"[i], 8 - i);
    }
    enrolment_clear(&enrolment);
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit"), trail);
    enrolment_messages_clear(&kept);
}
END_TEST

/* The time of the first certificate counts; a new transaction forgets it and the messages. */
START_TEST(received_and_restarted)
{
    struct enrolment_messages kept = messages("messages");
    EVP_PKEY_free(begin("one"));
    for (time_t at = PKI_NOW; at < PKI_NOW + 3; at++)
        ck_ok(&fixture, store_enrolment_received(fixture.store, alice, &kept, at, &fixture.why));
    struct enrolment enrolment = find();
    ck_assert_int_eq(enrolment.received, PKI_NOW);
    enrolment_clear(&enrolment);
    ck_ok(&fixture,
          store_enrolment_retry(fixture.store, alice, "over", true, PKI_NOW, &fixture.why));
    enrolment = find();
    ck_assert_int_eq(enrolment.received, 0);
    ck_assert_int_eq(enrolment.restarts, 1);
    ck_assert_uint_eq(enrolment.messages.count, 0);
    enrolment_clear(&enrolment);
    enrolment_messages_clear(&kept);
}
END_TEST

START_TEST(too_large_a_message)
{
    struct enrolment_messages large = {.count = 1};
    large.items[0].length = ENROLMENT_MAX_MESSAGE_BYTES + 1;
    large.items[0].der = calloc(1, large.items[0].length);
    EVP_PKEY_free(begin("one"));
    ck_status(&fixture, store_enrolment_wait(fixture.store, alice, &large, PKI_NOW, &fixture.why),
              STORE_REFUSED, "more than");
    struct enrolment enrolment = find();
    ck_assert_uint_eq(enrolment.messages.count, 0);
    enrolment_clear(&enrolment);
    enrolment_messages_clear(&large);
}
END_TEST

START_TEST(claimed_by_one)
{
    struct enrolment enrolment;
    EVP_PKEY_free(begin("one"));
    ck_ok(&fixture,
          store_enrolment_claim(fixture.store, alice, 60, PKI_NOW, &enrolment, &fixture.why));
    enrolment_clear(&enrolment);
    ck_status(
        &fixture,
        store_enrolment_claim(fixture.store, alice, 60, PKI_NOW + 59, &enrolment, &fixture.why),
        STORE_NONE, NULL);
    ck_assert_ptr_null(enrolment.address);
    ck_ok(&fixture,
          store_enrolment_claim(fixture.store, alice, 60, PKI_NOW + 60, &enrolment, &fixture.why));
    enrolment_clear(&enrolment);
    /* Whoever is done hands it back. */
    ck_ok(&fixture, store_enrolment_wait(fixture.store, alice, NULL, PKI_NOW, &fixture.why));
    ck_ok(&fixture,
          store_enrolment_claim(fixture.store, alice, 60, PKI_NOW + 60, &enrolment, &fixture.why));
    enrolment_clear(&enrolment);
    ck_status(&fixture,
              store_enrolment_claim(fixture.store, "bob@example.com", 60, PKI_NOW, &enrolment,
                                    &fixture.why),
              STORE_NONE, NULL);
}
END_TEST

/* The request and its key are gone; the sentence stays until the next attempt. */
START_TEST(failed)
{
    unsigned char *csr = NULL;
    size_t length = 0;
    struct enrolment enrolment;
    EVP_PKEY_free(begin("one"));
    ck_ok(&fixture, store_enrolment_fail(fixture.store, alice, "the CA says no", PKI_NOW + PKI_DAY,
                                         &fixture.why));
    expect_state(MAILBOX_INACTIVE);
    ck_status(&fixture, store_request_find(fixture.store, alice, &csr, &length, NULL, &fixture.why),
              STORE_NONE, NULL);
    enrolment = find();
    ck_assert_str_eq(enrolment_phase_name(enrolment.phase), "failed");
    ck_assert_str_eq(enrolment.error, "the CA says no");
    enrolment_clear(&enrolment);
    ck_status(&fixture, store_enrolment_wait(fixture.store, alice, NULL, PKI_NOW, &fixture.why),
              STORE_REFUSED, "withdrawn");
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit WHERE action ="
                                             " 'enrolment failed' AND details LIKE '%says no%'"),
                     1);
    EVP_PKEY_free(begin("two"));
    enrolment = find();
    ck_assert_str_eq(enrolment.error, "");
    enrolment_clear(&enrolment);
    /* A mailbox that was enrolled in vain can be deleted. */
    ck_ok(&fixture, store_enrolment_fail(fixture.store, alice, "no", PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_mailbox_delete(fixture.store, alice, &fixture.why));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM enrolment"), 0);
}
END_TEST

/* However a request ends, its enrolment does. */
START_TEST(ends_with_its_request)
{
    EVP_PKEY *key = begin("one");
    if (_i == 0) {
        ck_ok(&fixture, store_request_withdraw(fixture.store, alice, &fixture.why));
    } else if (_i == 1) {
        ck_ok(&fixture, store_request_put(fixture.store, alice, key, (const unsigned char *)"two",
                                          3, true, PKI_NOW, &fixture.why));
    } else {
        struct pki pair = answer(key, alice);
        struct enrolled_list list;
        ck_ok(&fixture, store_mailbox_install(fixture.store, alice, pair.certificate, NULL, PKI_NOW,
                                              &fixture.why));
        /* It came by hand, and may be from anywhere. */
        ck_ok(&fixture, store_enrolled_list(fixture.store, alice, &list, &fixture.why));
        ck_assert_uint_eq(list.count, 0);
        pki_clear(&pair);
    }
    expect_none();
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(checked_like_an_installation)
{
    EVP_PKEY *key = begin("one"), *other_key = pki_new_key(PKI_EC_P256);
    struct pki right = answer(key, alice), other = answer(other_key, alice),
               somebody = answer(key, "bob@example.com");
    ck_ok(&fixture,
          store_enrolment_check(fixture.store, alice, right.certificate, PKI_NOW, &fixture.why));
    ck_status(&fixture,
              store_enrolment_check(fixture.store, alice, other.certificate, PKI_NOW, &fixture.why),
              STORE_REFUSED, "key");
    ck_status(
        &fixture,
        store_enrolment_check(fixture.store, alice, somebody.certificate, PKI_NOW, &fixture.why),
        STORE_REFUSED, "bob@example.com");
    ck_status(&fixture,
              store_enrolment_check(fixture.store, alice, right.certificate,
                                    PKI_NOW + 20 * PKI_YEAR, &fixture.why),
              STORE_REFUSED, "expired");
    ck_ok(&fixture, store_request_withdraw(fixture.store, alice, &fixture.why));
    ck_status(&fixture,
              store_enrolment_check(fixture.store, alice, right.certificate, PKI_NOW, &fixture.why),
              STORE_REFUSED, "no request");
    pki_clear(&right);
    pki_clear(&other);
    pki_clear(&somebody);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
}
END_TEST

/* ---- What came of them ---- */

static struct pki enrolled(void)
{
    EVP_PKEY *key = begin("one");
    struct enrolment_messages none = {.count = 0};
    struct pki pair = answer(key, alice);
    ck_ok(&fixture, store_enrolment_received(fixture.store, alice, &none, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_mailbox_install(fixture.store, alice, pair.certificate, NULL, PKI_NOW,
                                          &fixture.why));
    EVP_PKEY_free(key);
    return pair;
}

static size_t expiring(time_t before, time_t now)
{
    struct enrolled_list list;
    ck_ok(&fixture, store_enrolled_expiring(fixture.store, "ca", before, now, &list, &fixture.why));
    size_t count = list.count;
    enrolled_list_clear(&list);
    return count;
}

START_TEST(expiring_certificates)
{
    const time_t end = PKI_NOW + 10 * PKI_YEAR;
    struct pki pair = enrolled();
    struct enrolled_list other;
    expect_none();
    ck_assert_uint_eq(expiring(end, PKI_NOW), 0);
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW), 1);
    ck_ok(&fixture,
          store_enrolled_expiring(fixture.store, "other", end + 1, PKI_NOW, &other, &fixture.why));
    ck_assert_uint_eq(other.count, 0);
    enrolled_list_clear(&other);
    /* Not while a request is pending, nor soon after a failure, nor what does not sign. */
    EVP_PKEY_free(begin("two"));
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW), 0);
    ck_ok(&fixture, store_enrolment_fail(fixture.store, alice, "no", PKI_NOW + 9, &fixture.why));
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW + 8), 0);
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW + 9), 1);
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, alice, &fixture.why));
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW + 9), 0);
    ck_ok(&fixture, store_mailbox_reactivate(fixture.store, alice, PKI_NOW, &fixture.why));
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW + 9), 1);
    struct pki newer = pki_leaf(&ca, alice);
    ck_ok(&fixture, store_mailbox_activate(fixture.store, alice, newer.key, newer.certificate, NULL,
                                           PKI_NOW, &fixture.why));
    ck_assert_uint_eq(expiring(end + 1, PKI_NOW + 9), 0);
    pki_clear(&newer);
    pki_clear(&pair);
}
END_TEST

START_TEST(revoked_for_ever)
{
    struct pki pair = enrolled();
    struct mailbox_key_list keys;
    struct enrolled_list list;
    ck_ok(&fixture, store_mailbox_keys(fixture.store, alice, &keys, &fixture.why));
    int64_t id = keys.items[0].certificate_id;
    mailbox_key_list_clear(&keys);
    ck_status(
        &fixture,
        store_enrolled_revoked(fixture.store, alice, id + 1, "superseded", PKI_NOW, &fixture.why),
        STORE_REFUSED, "did not come");
    expect_state(MAILBOX_ACTIVE);
    for (time_t at = PKI_NOW; at < PKI_NOW + 2; at++)
        ck_ok(&fixture,
              store_enrolled_revoked(fixture.store, alice, id, "superseded", at, &fixture.why));
    expect_state(MAILBOX_INACTIVE);
    ck_ok(&fixture, store_enrolled_list(fixture.store, alice, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].revoked, PKI_NOW);
    enrolled_list_clear(&list);
    ck_status(&fixture, store_mailbox_reactivate(fixture.store, alice, PKI_NOW, &fixture.why),
              STORE_REFUSED, "revoked");
    ck_status(&fixture,
              store_mailbox_activate(fixture.store, alice, pair.key, pair.certificate, NULL,
                                     PKI_NOW, &fixture.why),
              STORE_REFUSED, "revoked");
    expect_state(MAILBOX_INACTIVE);
    struct identity_list identities;
    ck_ok(&fixture, store_identities(fixture.store, alice, &identities, &fixture.why));
    ck_assert_uint_eq(identities.count, 1);
    identity_list_clear(&identities);
    pki_clear(&pair);
}
END_TEST

/* Another certificate signs: that one goes on. */
START_TEST(revoking_a_former_one)
{
    struct pki former = enrolled();
    struct pki newer = pki_leaf(&ca, alice);
    struct enrolled_list list;
    ck_ok(&fixture, store_mailbox_activate(fixture.store, alice, newer.key, newer.certificate, NULL,
                                           PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_enrolled_list(fixture.store, alice, &list, &fixture.why));
    ck_ok(&fixture, store_enrolled_revoked(fixture.store, alice, list.items[0].certificate_id, "x",
                                           PKI_NOW, &fixture.why));
    expect_state(MAILBOX_ACTIVE);
    enrolled_list_clear(&list);
    pki_clear(&newer);
    pki_clear(&former);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("enrolment");
    TCase *tests = tcase_create("enrolment");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, begun);
    tcase_add_test(tests, waiting_leaves_no_trail);
    tcase_add_test(tests, received_and_restarted);
    tcase_add_test(tests, too_large_a_message);
    tcase_add_test(tests, claimed_by_one);
    tcase_add_test(tests, failed);
    tcase_add_loop_test(tests, ends_with_its_request, 0, 3);
    tcase_add_test(tests, checked_like_an_installation);
    tcase_add_test(tests, expiring_certificates);
    tcase_add_test(tests, revoked_for_ever);
    tcase_add_test(tests, revoking_a_former_one);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
