/* What directories had: cache, negative cache, and what becomes of their certificates
 * (store/lookup.h). */
#include "store_fixture.h"

#include "lookup.h"

#define BOB "bob@partner.test"
#define ROB "rob@partner.test"
#define HOUR 3600

static struct fixture fixture;
static struct pki ca;

static void set_up(void)
{
    fixture_open(&fixture);
    ca = pki_ca("Lookup CA");
}

static void tear_down(void)
{
    pki_clear(&ca);
    fixture_close(&fixture);
}

static struct pki make(const char *address, const char *second, time_t not_before)
{
    return pki_make(&(struct pki_spec){.addresses = {address, second}, .not_before = not_before},
                    &ca);
}

static void put(const char *address, enum lookup_result result, time_t now, X509 *first,
                X509 *second)
{
    char source[] = "ldaps://ldap.partner.test", reason[] = "as told";
    struct lookup lookup = {.result = result,
                            .looked_up = now,
                            .until = now + HOUR,
                            .source = source,
                            .reason = reason};
    X509 *both[] = {first, second};
    STACK_OF(X509) *certificates = pki_chain(both, (first != NULL) + (size_t)(second != NULL));
    ck_ok(&fixture, store_lookup_put(fixture.store, address, &lookup, certificates, &fixture.why));
    sk_X509_pop_free(certificates, X509_free);
}

static void expect_need_of(const char *address, bool another, time_t now, enum lookup_need wanted)
{
    struct lookup lookup;
    enum lookup_need need = LOOKUP_NEEDLESS;
    ck_ok(&fixture,
          store_lookup_need(fixture.store, address, another, now, &need, &lookup, &fixture.why));
    ck_assert_int_eq(need, wanted);
    if (need == LOOKUP_KNOWN) {
        ck_assert_str_eq(lookup.source, "ldaps://ldap.partner.test");
        ck_assert_str_eq(lookup.reason, "as told");
    }
    lookup_clear(&lookup);
}

static void expect_need(const char *address, time_t now, enum lookup_need wanted)
{
    expect_need_of(address, false, now, wanted);
}

/* The one that is encrypted to; NULL: none. */
static void expect_certificate(const char *address, time_t now, X509 *wanted)
{
    X509 *found = NULL;
    ck_status(&fixture,
              store_encryption_certificate(fixture.store, address, now, &found, NULL, &fixture.why),
              wanted ? STORE_OK : STORE_NONE, NULL);
    ck_assert(wanted ? X509_cmp(found, wanted) == 0 : found == NULL);
    X509_free(found);
}

static int64_t pubkeys(void)
{
    return fixture_query(&fixture, "SELECT count(*) FROM pubkey");
}

START_TEST(negative_answers_count_for_a_time)
{
    expect_need(BOB, PKI_NOW, LOOKUP_DUE);
    put(BOB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    expect_need(BOB, PKI_NOW, LOOKUP_KNOWN);
    expect_need(BOB, PKI_NOW + HOUR, LOOKUP_KNOWN);
    expect_need(BOB, PKI_NOW + HOUR + 1, LOOKUP_DUE);
    expect_need(BOB, PKI_NOW - 1, LOOKUP_DUE); /* the clock was put back */
    expect_need(ROB, PKI_NOW, LOOKUP_DUE);
    put(ROB, LOOKUP_UNAVAILABLE, PKI_NOW, NULL, NULL);
    expect_need(ROB, PKI_NOW, LOOKUP_KNOWN);
    /* Old ones go. */
    put("dan@partner.test", LOOKUP_NOTHING, PKI_NOW + 2 * HOUR, NULL, NULL);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM lookup"), 1);
}
END_TEST

START_TEST(found_is_used_and_vanishes)
{
    struct pki bob = make(BOB, NULL, 0);
    struct pki newer = make(BOB, NULL, PKI_NOW - PKI_DAY);
    put(BOB, LOOKUP_FOUND, PKI_NOW, bob.certificate, NULL);
    expect_need(BOB, PKI_NOW, LOOKUP_KNOWN);
    expect_certificate(BOB, PKI_NOW, bob.certificate);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT source FROM pubkey"), PUBKEY_DIRECTORY);
    /* It stays while nobody can be asked, and is used, but has to be asked for again. */
    expect_need(BOB, PKI_NOW + HOUR + 1, LOOKUP_DUE);
    put(BOB, LOOKUP_UNAVAILABLE, PKI_NOW + HOUR + 1, NULL, NULL);
    expect_certificate(BOB, PKI_NOW + HOUR + 1, bob.certificate);
    /* Another one takes its place; then there is none. */
    put(BOB, LOOKUP_FOUND, PKI_NOW + 2 * HOUR, newer.certificate, NULL);
    expect_certificate(BOB, PKI_NOW + 2 * HOUR, newer.certificate);
    ck_assert_int_eq(pubkeys(), 1);
    put(BOB, LOOKUP_NOTHING, PKI_NOW + 3 * HOUR, NULL, NULL);
    expect_certificate(BOB, PKI_NOW + 3 * HOUR, NULL);
    ck_assert_int_eq(pubkeys(), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit"
                                             " WHERE action LIKE 'public key %director%'"),
                     4);
    pki_clear(&bob);
    pki_clear(&newer);
}
END_TEST

/* Where what is there will not do. */
START_TEST(another_one_is_asked_for)
{
    struct pki bob = make(BOB, NULL, 0);
    struct pki other = make(BOB, NULL, PKI_NOW - PKI_DAY);
    int64_t id = 0;
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, &id, &fixture.why));
    expect_need_of(BOB, false, PKI_NOW, LOOKUP_NEEDLESS);
    expect_need_of(BOB, true, PKI_NOW, LOOKUP_DUE);
    put(BOB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    expect_need_of(BOB, true, PKI_NOW, LOOKUP_KNOWN);
    expect_need_of(BOB, true, PKI_NOW + HOUR + 1, LOOKUP_DUE);
    put(BOB, LOOKUP_FOUND, PKI_NOW + 2 * HOUR, other.certificate, NULL);
    expect_need_of(BOB, true, PKI_NOW + 2 * HOUR, LOOKUP_KNOWN);
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    expect_need_of(BOB, true, PKI_NOW + 4 * HOUR, LOOKUP_NEEDLESS);
    pki_clear(&bob);
    pki_clear(&other);
}
END_TEST

START_TEST(found_but_deleted_or_expired_is_due)
{
    struct pki bob =
        pki_make(&(struct pki_spec){.addresses = {BOB}, .not_after = PKI_NOW + 60}, &ca);
    put(BOB, LOOKUP_FOUND, PKI_NOW, bob.certificate, NULL);
    expect_need(BOB, PKI_NOW + 60, LOOKUP_KNOWN);
    expect_need(BOB, PKI_NOW + 61, LOOKUP_DUE);
    ck_ok(&fixture,
          store_pubkey_delete(fixture.store, fixture_query(&fixture, "SELECT id FROM pubkey"),
                              &fixture.why));
    expect_need(BOB, PKI_NOW, LOOKUP_DUE);
    pki_clear(&bob);
}
END_TEST

START_TEST(speaks_only_for_whom_it_was_asked)
{
    struct pki both = make(BOB, ROB, 0);
    put(BOB, LOOKUP_FOUND, PKI_NOW, both.certificate, NULL);
    expect_certificate(ROB, PKI_NOW, NULL);
    put(ROB, LOOKUP_FOUND, PKI_NOW, both.certificate, NULL);
    expect_certificate(ROB, PKI_NOW, both.certificate);
    ck_assert_int_eq(pubkeys(), 1);
    put(BOB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    expect_certificate(BOB, PKI_NOW, NULL);
    expect_certificate(ROB, PKI_NOW, both.certificate);
    /* Imported, it is everybody's whom it names, and stays. */
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, both.certificate, PKI_NOW, NULL, &fixture.why));
    expect_certificate(BOB, PKI_NOW, both.certificate);
    expect_need(BOB, PKI_NOW, LOOKUP_NEEDLESS);
    put(ROB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    expect_certificate(ROB, PKI_NOW, both.certificate);
    pki_clear(&both);
}
END_TEST

START_TEST(never_touches_what_others_brought)
{
    struct pki imported = make(BOB, NULL, 0);
    struct pki harvested = make(ROB, NULL, 0);
    struct pki newer = make(BOB, NULL, PKI_NOW - PKI_DAY);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, imported.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture, store_harvest(fixture.store, ROB, harvested.certificate, NULL, PKI_NOW, NULL,
                                  &fixture.why));
    expect_need(BOB, PKI_NOW, LOOKUP_NEEDLESS);
    expect_need(ROB, PKI_NOW, LOOKUP_NEEDLESS);
    put(BOB, LOOKUP_FOUND, PKI_NOW, newer.certificate, imported.certificate);
    expect_certificate(BOB, PKI_NOW, imported.certificate);
    put(BOB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    put(ROB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    expect_certificate(BOB, PKI_NOW, imported.certificate);
    expect_certificate(ROB, PKI_NOW, harvested.certificate);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT sum(source) FROM pubkey"), PUBKEY_HARVESTED);
    pki_clear(&imported);
    pki_clear(&harvested);
    pki_clear(&newer);
}
END_TEST

START_TEST(pinned_stays)
{
    struct pki bob = make(BOB, NULL, 0);
    put(BOB, LOOKUP_FOUND, PKI_NOW, bob.certificate, NULL);
    ck_ok(&fixture,
          store_pubkey_pin(fixture.store, fixture_query(&fixture, "SELECT id FROM pubkey"), PKI_NOW,
                           &fixture.why));
    expect_need(BOB, PKI_NOW + 2 * HOUR, LOOKUP_NEEDLESS);
    put(BOB, LOOKUP_NOTHING, PKI_NOW + 2 * HOUR, NULL, NULL);
    expect_certificate(BOB, PKI_NOW + 2 * HOUR, bob.certificate);
    pki_clear(&bob);
}
END_TEST

/* A signature is better evidence than a directory, for all addresses of the certificate. */
START_TEST(harvested_after_being_found)
{
    struct pki both = make(BOB, ROB, 0);
    bool changed = false;
    put(BOB, LOOKUP_FOUND, PKI_NOW, both.certificate, NULL);
    /* Where an administrator approves, it waits for him, and is used as before meanwhile. */
    ck_ok(&fixture, store_harvest_held(fixture.store, BOB, both.certificate, NULL, PKI_NOW,
                                       &changed, &fixture.why));
    ck_assert(changed);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT source FROM pubkey"), PUBKEY_DIRECTORY);
    expect_certificate(ROB, PKI_NOW, NULL);
    ck_ok(&fixture, store_harvest(fixture.store, BOB, both.certificate, NULL, PKI_NOW, &changed,
                                  &fixture.why));
    ck_assert(changed);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT source FROM pubkey"), PUBKEY_HARVESTED);
    put(BOB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    expect_certificate(BOB, PKI_NOW, both.certificate);
    expect_certificate(ROB, PKI_NOW, both.certificate);
    pki_clear(&both);
}
END_TEST

START_TEST(rejected_does_not_come_back)
{
    struct pki bob = make(BOB, NULL, 0);
    put(BOB, LOOKUP_FOUND, PKI_NOW, bob.certificate, NULL);
    ck_ok(&fixture, store_harvest_held(fixture.store, BOB, bob.certificate, NULL, PKI_NOW, NULL,
                                       &fixture.why));
    ck_ok(&fixture,
          store_candidate_reject(fixture.store, fixture_query(&fixture, "SELECT id FROM candidate"),
                                 &fixture.why));
    expect_certificate(BOB, PKI_NOW, NULL);
    ck_status(&fixture,
              store_lookup_check(fixture.store, BOB, bob.certificate, PKI_NOW, &fixture.why),
              STORE_REFUSED, "an administrator has rejected");
    put(BOB, LOOKUP_FOUND, PKI_NOW, bob.certificate, NULL);
    expect_certificate(BOB, PKI_NOW, NULL);
    /* Approved, it is a public key like any other. */
    ck_ok(&fixture, store_candidate_approve(fixture.store,
                                            fixture_query(&fixture, "SELECT id FROM candidate"),
                                            PKI_NOW, NULL, &fixture.why));
    expect_certificate(BOB, PKI_NOW, bob.certificate);
    pki_clear(&bob);
}
END_TEST

static const struct check_case {
    const char *name;
    struct pki_spec spec;
    const char *why; /* NULL: it may be used */
} checks[] = {
    {"good", {.addresses = {BOB}}, NULL},
    {"expired", {.addresses = {BOB}, .not_after = PKI_NOW - 1}, "expired"},
    {"for another", {.addresses = {"eve@partner.test"}}, "does not name " BOB},
    {"a CA", {.addresses = {BOB}, .ca = true}, "CA"},
    {"of a domain", {.dns_names = {"partner.test"}, .common_name = "partner.test"}, ""},
    {"only for signing", {.addresses = {BOB}, .key_usage = "critical,digitalSignature"}, ""},
    {"for TLS", {.addresses = {BOB}, .extended_key_usage = "serverAuth"}, ""},
    {"weak", {.addresses = {BOB}, .key = PKI_RSA_1024}, "1024"},
};

START_TEST(each_check)
{
    const struct check_case *c = &checks[_i];
    struct pki made = pki_make(&c->spec, &ca);
    ck_status(&fixture,
              store_lookup_check(fixture.store, BOB, made.certificate, PKI_NOW, &fixture.why),
              c->why ? STORE_REFUSED : STORE_OK, c->why);
    /* The same that an import says, but for the address. */
    if (!c->why || !strstr(c->why, "does not name"))
        ck_status(&fixture,
                  store_pubkey_import(fixture.store, made.certificate, PKI_NOW, NULL, &fixture.why),
                  c->why ? STORE_REFUSED : STORE_OK, c->why);
    pki_clear(&made);
}
END_TEST

/* Another process has the answer at its next message. */
START_TEST(generation_rises_only_with_certificates)
{
    struct pki bob = make(BOB, NULL, 0);
    int64_t before = 0, after = 0;
    ck_ok(&fixture, store_generation(fixture.store, &before, &fixture.why));
    put(BOB, LOOKUP_NOTHING, PKI_NOW, NULL, NULL);
    ck_ok(&fixture, store_generation(fixture.store, &after, &fixture.why));
    ck_assert_int_eq(before, after);
    put(BOB, LOOKUP_FOUND, PKI_NOW, bob.certificate, NULL);
    ck_ok(&fixture, store_generation(fixture.store, &after, &fixture.why));
    ck_assert_int_gt(after, before);
    before = after;
    put(BOB, LOOKUP_FOUND, PKI_NOW + 60, bob.certificate, NULL);
    ck_ok(&fixture, store_generation(fixture.store, &after, &fixture.why));
    ck_assert_int_eq(before, after);
    pki_clear(&bob);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("look-ups");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, negative_answers_count_for_a_time);
    tcase_add_test(all, found_is_used_and_vanishes);
    tcase_add_test(all, another_one_is_asked_for);
    tcase_add_test(all, found_but_deleted_or_expired_is_due);
    tcase_add_test(all, speaks_only_for_whom_it_was_asked);
    tcase_add_test(all, never_touches_what_others_brought);
    tcase_add_test(all, pinned_stays);
    tcase_add_test(all, harvested_after_being_found);
    tcase_add_test(all, rejected_does_not_come_back);
    tcase_add_loop_test(all, each_check, 0, sizeof checks / sizeof *checks);
    tcase_add_test(all, generation_rises_only_with_certificates);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
