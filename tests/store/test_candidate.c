/* Public keys that an administrator decides on: held, approved, rejected, pinned. */
#include "store_fixture.h"

static struct fixture fixture;
static struct pki ca;

#define BOB "bob@partner.test"

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

static bool offer(const struct pki *pair, time_t now)
{
    bool changed = false;
    ck_ok(&fixture, store_harvest_held(fixture.store, BOB, pair->certificate, NULL, now, &changed,
                                       &fixture.why));
    return changed;
}

static bool harvest(const struct pki *pair, time_t now)
{
    bool changed = false;
    ck_ok(&fixture,
          store_harvest(fixture.store, BOB, pair->certificate, NULL, now, &changed, &fixture.why));
    return changed;
}

static int64_t import(const struct pki *pair)
{
    int64_t id = 0;
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, pair->certificate, PKI_NOW, &id, &fixture.why));
    return id;
}

/* `pair` NULL: there is none. */
static void ck_chosen(time_t now, const struct pki *pair)
{
    X509 *certificate = NULL;
    enum store_status status =
        store_encryption_certificate(fixture.store, BOB, now, &certificate, NULL, &fixture.why);
    ck_assert_int_eq(status, pair ? STORE_OK : STORE_NONE);
    ck_assert(!pair || X509_cmp(certificate, pair->certificate) == 0);
    X509_free(certificate);
}

static int64_t count(const char *table)
{
    char text[64];
    snprintf(text, sizeof text, "SELECT count(*) FROM %s", table);
    return fixture_query(&fixture, text);
}

static int64_t first_candidate(void)
{
    return fixture_query(&fixture, "SELECT min(id) FROM candidate");
}

static struct pki bob_until(time_t not_before, time_t not_after)
{
    return pki_make(
        &(struct pki_spec){.addresses = {BOB}, .not_before = not_before, .not_after = not_after},
        &ca);
}

/* ---- Held ---- */

START_TEST(held_ones_are_not_used)
{
    struct pki bob = pki_leaf(&ca, BOB);
    struct candidate_list list;
    int64_t generation = fixture_generation(&fixture);
    ck_assert(offer(&bob, PKI_NOW));
    ck_assert(!offer(&bob, PKI_NOW + 1));
    ck_assert(!offer(&bob, PKI_NOW + 2 * PKI_DAY));
    ck_chosen(PKI_NOW, NULL);
    ck_assert_int_eq(count("pubkey"), 0);
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_ok(&fixture, store_candidate_list(fixture.store, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].address, BOB);
    ck_assert(!list.items[0].rejected);
    ck_assert_int_eq(list.items[0].first_seen, PKI_NOW);
    ck_assert_int_eq(list.items[0].last_seen, PKI_NOW + 2 * PKI_DAY);
    ck_assert_int_eq(X509_cmp(list.items[0].certificate, bob.certificate), 0);
    candidate_list_clear(&list);
    pki_clear(&bob);
}
END_TEST

START_TEST(approved_ones_are)
{
    struct pki bob = pki_leaf(&ca, BOB);
    int64_t id = 0;
    ck_assert(offer(&bob, PKI_NOW));
    ck_chosen(PKI_NOW, NULL); /* cached: there is none */
    ck_ok(&fixture,
          store_candidate_approve(fixture.store, first_candidate(), PKI_NOW, &id, &fixture.why));
    ck_chosen(PKI_NOW, &bob);
    ck_assert_int_eq(count("candidate"), 0);
    struct pubkey_list list;
    ck_ok(&fixture, store_pubkey_get(fixture.store, id, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].source, PUBKEY_HARVESTED);
    pubkey_list_clear(&list);
    ck_assert(!offer(&bob, PKI_NOW + 2 * PKI_DAY));
    ck_assert_int_eq(count("candidate"), 0);
    ck_status(&fixture, store_candidate_approve(fixture.store, 99, PKI_NOW, NULL, &fixture.why),
              STORE_REFUSED, "no certificate with the id 99");
    ck_status(&fixture, store_pubkey_get(fixture.store, 99, &list, &fixture.why), STORE_NONE, NULL);
    pki_clear(&bob);
}
END_TEST

START_TEST(approving_checks_again)
{
    struct pki bob = bob_until(PKI_NOW - PKI_DAY, PKI_NOW + PKI_DAY);
    ck_assert(offer(&bob, PKI_NOW));
    ck_status(&fixture,
              store_candidate_approve(fixture.store, first_candidate(), PKI_NOW + 9 * PKI_DAY, NULL,
                                      &fixture.why),
              STORE_REFUSED, "expired");
    ck_assert_int_eq(count("candidate"), 1);
    ck_assert_int_eq(count("pubkey"), 0);
    pki_clear(&bob);
}
END_TEST

START_TEST(rejected_ones_stay_rejected)
{
    struct pki bob = pki_leaf(&ca, BOB);
    struct candidate_list list;
    ck_assert(offer(&bob, PKI_NOW));
    int64_t id = first_candidate();
    ck_ok(&fixture, store_candidate_reject(fixture.store, id, &fixture.why));
    ck_ok(&fixture, store_candidate_reject(fixture.store, id, &fixture.why));
    ck_assert(!offer(&bob, PKI_NOW + 2 * PKI_DAY));
    /* Nor when the policy is another one meanwhile. */
    ck_assert(!harvest(&bob, PKI_NOW + 2 * PKI_DAY + 1));
    ck_assert(!harvest(&bob, PKI_NOW + 4 * PKI_DAY));
    ck_chosen(PKI_NOW, NULL);
    ck_ok(&fixture, store_candidate_list(fixture.store, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert(list.items[0].rejected);
    candidate_list_clear(&list);
    /* An administrator may change his mind. */
    import(&bob);
    ck_assert_int_eq(count("candidate"), 0);
    ck_chosen(PKI_NOW, &bob);
    pki_clear(&bob);
}
END_TEST

START_TEST(held_ones_are_learned_when_the_policy_says_so)
{
    struct pki bob = pki_leaf(&ca, BOB);
    ck_assert(offer(&bob, PKI_NOW));
    ck_assert(harvest(&bob, PKI_NOW));
    ck_assert_int_eq(count("candidate"), 0);
    ck_chosen(PKI_NOW, &bob);
    pki_clear(&bob);
}
END_TEST

START_TEST(held_ones_pass_the_checks_of_an_import)
{
    struct pki old = bob_until(PKI_NOW - 20 * PKI_DAY, PKI_NOW - 10 * PKI_DAY);
    struct pki eve = pki_leaf(&ca, "eve@partner.test");
    ck_status(
        &fixture,
        store_harvest_held(fixture.store, BOB, old.certificate, NULL, PKI_NOW, NULL, &fixture.why),
        STORE_REFUSED, "expired");
    ck_status(
        &fixture,
        store_harvest_held(fixture.store, BOB, eve.certificate, NULL, PKI_NOW, NULL, &fixture.why),
        STORE_REFUSED, "does not name");
    ck_assert_int_eq(count("candidate"), 0);
    pki_clear(&old);
    pki_clear(&eve);
}
END_TEST

/* The certificate stays as long as the rejection does; what waits is bounded. */
START_TEST(held_ones_are_bounded)
{
    struct pki first = pki_leaf(&ca, BOB);
    ck_assert(offer(&first, PKI_NOW - 5));
    ck_ok(&fixture, store_candidate_reject(fixture.store, first_candidate(), &fixture.why));
    for (int i = 0; i < 40; i++) {
        struct pki pair = pki_leaf(&ca, BOB);
        ck_assert(offer(&pair, PKI_NOW + i));
        pki_clear(&pair);
    }
    ck_assert_int_eq(count("candidate"), 33);
    ck_assert_int_eq(count("certificate"), 33);
    ck_assert(!offer(&first, PKI_NOW + PKI_DAY));
    pki_clear(&first);
}
END_TEST

/* ---- Pinned ---- */

START_TEST(a_pinned_key_is_not_superseded)
{
    struct pki old = bob_until(PKI_NOW - 300 * PKI_DAY, PKI_NOW + 10 * PKI_DAY);
    struct pki imported = bob_until(PKI_NOW - 2 * PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    struct pki harvested = bob_until(PKI_NOW - PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    ck_assert(harvest(&old, PKI_NOW));
    int64_t id = fixture_query(&fixture, "SELECT id FROM pubkey");
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    ck_assert(harvest(&harvested, PKI_NOW));
    import(&imported);
    ck_chosen(PKI_NOW, &old);
    /* Only while it is valid. */
    ck_chosen(PKI_NOW + 11 * PKI_DAY, &imported);
    ck_chosen(PKI_NOW, &old);
    ck_ok(&fixture, store_pubkey_unpin(fixture.store, id, &fixture.why));
    ck_chosen(PKI_NOW, &imported);
    pki_clear(&old);
    pki_clear(&imported);
    pki_clear(&harvested);
}
END_TEST

START_TEST(pins_are_refused)
{
    struct pki first = bob_until(PKI_NOW - PKI_DAY, PKI_NOW + 10 * PKI_DAY);
    struct pki second = bob_until(PKI_NOW - PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    int64_t one = import(&first);
    int64_t two = import(&second);
    ck_status(&fixture, store_pubkey_pin(fixture.store, 99, PKI_NOW, &fixture.why), STORE_REFUSED,
              "no public key 99");
    ck_status(&fixture, store_pubkey_pin(fixture.store, one, PKI_NOW + 11 * PKI_DAY, &fixture.why),
              STORE_REFUSED, "not valid now");
    ck_ok(&fixture, store_pubkey_pin(fixture.store, one, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_pubkey_pin(fixture.store, one, PKI_NOW, &fixture.why));
    ck_status(&fixture, store_pubkey_pin(fixture.store, two, PKI_NOW, &fixture.why), STORE_REFUSED,
              "is pinned for bob@partner.test already");
    ck_status(&fixture, store_pubkey_delete(fixture.store, one, &fixture.why), STORE_REFUSED,
              "unpin it first");
    /* An expired pin is in nobody's way. */
    ck_ok(&fixture, store_pubkey_pin(fixture.store, two, PKI_NOW + 11 * PKI_DAY, &fixture.why));
    ck_ok(&fixture, store_pubkey_unpin(fixture.store, one, &fixture.why));
    ck_ok(&fixture, store_pubkey_delete(fixture.store, one, &fixture.why));
    pki_clear(&first);
    pki_clear(&second);
}
END_TEST

START_TEST(a_pinned_key_is_not_dropped_for_newer_ones)
{
    struct pki pinned = pki_leaf(&ca, BOB);
    ck_assert(harvest(&pinned, PKI_NOW - 5));
    ck_ok(&fixture, store_pubkey_pin(fixture.store, 1, PKI_NOW, &fixture.why));
    for (int i = 0; i < 40; i++) {
        struct pki pair = pki_leaf(&ca, BOB);
        ck_assert(harvest(&pair, PKI_NOW + i));
        pki_clear(&pair);
    }
    ck_chosen(PKI_NOW, &pinned);
    ck_assert_int_eq(count("pubkey"), 33);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit WHERE action ="
                                             " 'public key dropped for newer ones'"),
                     8);
    pki_clear(&pinned);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/candidate");
    TCase *tests = tcase_create("candidate");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, held_ones_are_not_used);
    tcase_add_test(tests, approved_ones_are);
    tcase_add_test(tests, approving_checks_again);
    tcase_add_test(tests, rejected_ones_stay_rejected);
    tcase_add_test(tests, held_ones_are_learned_when_the_policy_says_so);
    tcase_add_test(tests, held_ones_pass_the_checks_of_an_import);
    tcase_add_test(tests, held_ones_are_bounded);
    tcase_add_test(tests, a_pinned_key_is_not_superseded);
    tcase_add_test(tests, pins_are_refused);
    tcase_add_test(tests, a_pinned_key_is_not_dropped_for_newer_ones);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
