/* CRLs, OCSP answers, places and marks in the store. */
#include "store_fixture.h"

#include "revocation.h"

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

struct crl_spec {
    long number;       /* 0: none */
    time_t made;       /* 0: PKI_NOW */
    long delta;        /* base number; 0: complete */
    const char *scope; /* URL in issuingDistributionPoint; NULL: none */
};

/* A CRL made and signed by OpenSSL; it lists the serial number 7. */
static X509_CRL *make_crl(const struct pki *issuer, const struct crl_spec *spec)
{
    X509_CRL *crl = X509_CRL_new();
    time_t made = spec->made ? spec->made : PKI_NOW;
    ASN1_TIME *time = ASN1_TIME_set(NULL, made);
    ASN1_TIME *next = ASN1_TIME_set(NULL, made + 7 * PKI_DAY);
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    pki_need(crl && time && next && entry && serial && ASN1_INTEGER_set(serial, 7) == 1, "a CRL");
    pki_need(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
                 X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) == 1 &&
                 X509_CRL_set1_lastUpdate(crl, time) == 1 &&
                 X509_CRL_set1_nextUpdate(crl, next) == 1,
             "a CRL");
    pki_need(X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
                 X509_REVOKED_set_revocationDate(entry, time) == 1 &&
                 X509_CRL_add0_revoked(crl, entry) == 1,
             "an entry");
    if (spec->number) {
        pki_need(ASN1_INTEGER_set(serial, spec->number) == 1 &&
                     X509_CRL_add1_ext_i2d(crl, NID_crl_number, serial, 0, 0) == 1,
                 "a number");
    }
    if (spec->delta) {
        pki_need(ASN1_INTEGER_set(serial, spec->delta) == 1 &&
                     X509_CRL_add1_ext_i2d(crl, NID_delta_crl, serial, 1, 0) == 1,
                 "a delta CRL");
    }
    if (spec->scope) {
        char value[128];
        snprintf(value, sizeof value, "critical,fullname:URI:%s", spec->scope);
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, NULL, NID_issuing_distribution_point, value);
        pki_need(extension && X509_CRL_add_ext(crl, extension, -1) == 1, "a scope");
        X509_EXTENSION_free(extension);
    }
    pki_need(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0,
             "a signature");
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(time);
    ASN1_TIME_free(next);
    return crl;
}

static enum store_status put(const struct pki *issuer, const struct crl_spec *spec, const char *url,
                             time_t now, int64_t *id)
{
    X509_CRL *crl = make_crl(issuer, spec);
    why_free(&fixture.why);
    enum store_status status =
        store_crl_put(fixture.store, crl, issuer->certificate, url, now, id, &fixture.why);
    X509_CRL_free(crl);
    return status;
}

static int64_t count(const char *table)
{
    char query[64];
    snprintf(query, sizeof query, "SELECT count(*) FROM %s", table);
    return fixture_query(&fixture, query);
}

/* ---- CRLs ---- */

static const struct {
    const char *name;
    struct crl_spec first, second;
    enum store_status status;
    bool replaces;
} orders[] = {
    {"a higher number", {.number = 1}, {.number = 2}, STORE_OK, true},
    {"a lower number", {.number = 2}, {.number = 1, .made = PKI_NOW + 60}, STORE_REFUSED, false},
    {"a number of many digits", {.number = 9}, {.number = 10}, STORE_OK, true},
    {"the same", {.number = 3}, {.number = 3}, STORE_OK, false},
    {"a later one of that number",
     {.number = 3},
     {.number = 3, .made = PKI_NOW + 1},
     STORE_OK,
     true},
    {"later, without numbers", {.number = 0}, {.number = 0, .made = PKI_NOW + 1}, STORE_OK, true},
    {"earlier, without numbers",
     {.number = 0},
     {.number = 0, .made = PKI_NOW - 1},
     STORE_REFUSED,
     false},
};

START_TEST(newer_replaces_older)
{
    int64_t first = 0;
    int64_t second = 0;
    struct crl_list list;
    ck_assert_int_eq(put(&ca, &orders[_i].first, NULL, PKI_NOW, &first), STORE_OK);
    enum store_status status = put(&ca, &orders[_i].second, NULL, PKI_NOW + 100, &second);
    ck_assert_msg(status == orders[_i].status, "%s: %d %s", orders[_i].name, status,
                  why_text(&fixture.why));
    ck_assert_int_eq(count("crl"), 1);
    ck_ok(&fixture, store_crl_list(fixture.store, 0, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_ptr_null(list.items[0].crl);
    time_t made = orders[_i].replaces ? orders[_i].second.made : orders[_i].first.made;
    ck_assert_int_eq(list.items[0].this_update, made ? made : PKI_NOW);
    ck_assert_int_eq(list.items[0].fetched, status == STORE_OK ? PKI_NOW + 100 : PKI_NOW);
    ck_assert_int_eq(list.items[0].source, CRL_IMPORTED);
    ck_assert_int_eq(list.items[0].entries, 1);
    ck_assert_str_eq(list.items[0].issuer, "CN=Test CA");
    crl_list_clear(&list);
}
END_TEST

/* What another key signed, or what is of another scope, stands beside it. */
START_TEST(streams)
{
    struct pki other = pki_ca("Test CA");
    struct crl_list list;
    ck_assert_int_eq(put(&ca, &(struct crl_spec){.number = 5}, NULL, PKI_NOW, NULL), STORE_OK);
    ck_assert_int_eq(put(&other, &(struct crl_spec){.number = 1}, NULL, PKI_NOW, NULL), STORE_OK);
    ck_assert_int_eq(put(&ca, &(struct crl_spec){.number = 1, .delta = 5}, NULL, PKI_NOW, NULL),
                     STORE_OK);
    ck_assert_int_eq(
        put(&ca, &(struct crl_spec){.number = 1, .scope = "http://a.test/1"}, NULL, PKI_NOW, NULL),
        STORE_OK);
    ck_assert_int_eq(
        put(&ca, &(struct crl_spec){.number = 1, .scope = "http://a.test/2"}, NULL, PKI_NOW, NULL),
        STORE_OK);
    ck_assert_int_eq(count("crl"), 5);
    ck_ok(&fixture,
          store_crls_of(fixture.store, X509_get_subject_name(ca.certificate), &list, &fixture.why));
    ck_assert_uint_eq(list.count, 5);
    for (size_t i = 0; i < list.count; i++) {
        ck_assert_ptr_nonnull(list.items[i].crl);
        ck_assert_int_eq(list.items[i].delta, i == 2);
    }
    crl_list_clear(&list);
    pki_clear(&other);
}
END_TEST

START_TEST(forged_crls_are_refused)
{
    struct pki other = pki_ca("Test CA");
    X509_CRL *crl = make_crl(&other, &(struct crl_spec){.number = 1});
    ck_status(&fixture,
              store_crl_put(fixture.store, crl, ca.certificate, NULL, PKI_NOW, NULL, &fixture.why),
              STORE_REFUSED, "not signed by the key");
    ck_assert_int_eq(count("crl"), 0);
    X509_CRL_free(crl);
    pki_clear(&other);
}
END_TEST

/* Parsed once, until a newer one comes. */
START_TEST(parsed_crls_are_shared)
{
    const X509_NAME *name = X509_get_subject_name(ca.certificate);
    struct crl_list first, second, third;
    ck_assert_int_eq(put(&ca, &(struct crl_spec){.number = 1}, "http://a.test/", PKI_NOW, NULL),
                     STORE_OK);
    ck_ok(&fixture, store_crls_of(fixture.store, name, &first, &fixture.why));
    /* What else changes in the store does not matter. */
    ck_ok(&fixture,
          store_anchor_import(fixture.store, ca.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture, store_crls_of(fixture.store, name, &second, &fixture.why));
    ck_assert_ptr_eq(first.items[0].crl, second.items[0].crl);
    ck_assert_int_eq(put(&ca, &(struct crl_spec){.number = 2}, "http://a.test/", PKI_NOW, NULL),
                     STORE_OK);
    ck_ok(&fixture, store_crls_of(fixture.store, name, &third, &fixture.why));
    ck_assert_ptr_ne(first.items[0].crl, third.items[0].crl);
    ck_assert_int_eq(first.items[0].id, third.items[0].id);
    ck_assert_str_eq(third.items[0].url, "http://a.test/");
    ck_assert_str_eq(third.items[0].number, "02");
    crl_list_clear(&first);
    crl_list_clear(&second);
    crl_list_clear(&third);
}
END_TEST

START_TEST(crls_are_bounded)
{
    char scope[64];
    int64_t kept = 0;
    ck_assert_int_eq(put(&ca, &(struct crl_spec){.number = 1}, NULL, PKI_NOW - 100, &kept),
                     STORE_OK);
    for (int i = 0; i < CRLS_MAX + 4; i++) {
        snprintf(scope, sizeof scope, "http://a.test/%d", i);
        ck_assert_int_eq(
            put(&ca, &(struct crl_spec){.number = 1, .scope = scope}, scope, PKI_NOW + i, NULL),
            STORE_OK);
    }
    ck_assert_int_eq(count("crl"), CRLS_MAX);
    /* The oldest fetched ones went, the imported one stayed. */
    ck_assert_int_eq(fixture_query(&fixture, "SELECT min(fetched) FROM crl WHERE source = 1"),
                     PKI_NOW + 5);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM crl WHERE source = 0"), 1);
}
END_TEST

START_TEST(crls_are_deleted)
{
    int64_t id = 0;
    struct crl_list list;
    struct revocation_place place;
    X509 *signer = NULL;
    ck_assert_int_eq(put(&ca, &(struct crl_spec){.number = 1}, "http://a.test/", PKI_NOW, &id),
                     STORE_OK);
    ck_ok(&fixture, store_place_note(fixture.store, "http://a.test/", PLACE_CRL, id, 0, NULL, true,
                                     PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_place_get(fixture.store, "http://a.test/", &place, &fixture.why));
    ck_assert_int_eq(place.crl, id);
    ck_assert_int_eq(place.next_update, PKI_NOW + 7 * PKI_DAY);
    revocation_place_clear(&place);
    ck_ok(&fixture, store_crl_signer(fixture.store, id, &signer, &fixture.why));
    ck_assert_int_eq(X509_cmp(signer, ca.certificate), 0);
    X509_free(signer);
    ck_ok(&fixture, store_crl_list(fixture.store, id, &list, &fixture.why));
    ck_assert_ptr_nonnull(list.items[0].crl);
    crl_list_clear(&list);
    ck_ok(&fixture, store_crl_delete(fixture.store, id, &fixture.why));
    ck_status(&fixture, store_crl_delete(fixture.store, id, &fixture.why), STORE_REFUSED,
              "there is no CRL");
    ck_status(&fixture, store_crl_list(fixture.store, id, &list, &fixture.why), STORE_NONE, NULL);
    ck_ok(&fixture, store_place_get(fixture.store, "http://a.test/", &place, &fixture.why));
    ck_assert_int_eq(place.crl, 0);
    revocation_place_clear(&place);
    ck_assert_int_eq(
        fixture_query(&fixture, "SELECT count(*) FROM audit WHERE action = 'CRL deleted'"), 1);
}
END_TEST

/* ---- Places ---- */

START_TEST(places_remember_failures)
{
    struct revocation_place place;
    struct place_list list;
    ck_status(&fixture, store_place_get(fixture.store, "http://a.test/", &place, &fixture.why),
              STORE_NONE, NULL);
    ck_ok(&fixture, store_place_note(fixture.store, "http://a.test/", PLACE_CRL, 0, PKI_NOW + 300,
                                     "it sleeps", true, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_place_note(fixture.store, "http://o.test/", PLACE_OCSP, 0, PKI_NOW + 300,
                                     "it sleeps", true, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_place_get(fixture.store, "http://a.test/", &place, &fixture.why));
    ck_assert_int_eq(place.failed_until, PKI_NOW + 300);
    ck_assert_str_eq(place.reason, "it sleeps");
    revocation_place_clear(&place);
    ck_ok(&fixture, store_place_list(fixture.store, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    place_list_clear(&list);
    /* Forgotten when nobody has wanted it for long; trying it does not count. */
    ck_ok(&fixture, store_place_note(fixture.store, "http://a.test/", PLACE_CRL, 0, PKI_NOW + 900,
                                     "still", false, PKI_NOW + 600, &fixture.why));
    ck_ok(&fixture, store_place_forget(fixture.store, "http://a.test/", PKI_NOW - 1, &fixture.why));
    ck_assert_int_eq(count("revocation_place"), 2);
    ck_ok(&fixture, store_place_forget(fixture.store, "http://a.test/", PKI_NOW + 1, &fixture.why));
    ck_assert_int_eq(count("revocation_place"), 1);
}
END_TEST

START_TEST(places_are_bounded)
{
    char url[64];
    for (int i = 0; i < REVOCATION_MAX_PLACES + 3; i++) {
        snprintf(url, sizeof url, "http://a.test/%d", i);
        ck_ok(&fixture, store_place_note(fixture.store, url, PLACE_CRL, 0, 0, NULL, true,
                                         PKI_NOW + i, &fixture.why));
    }
    ck_assert_int_eq(count("revocation_place"), REVOCATION_MAX_PLACES);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT min(wanted) FROM revocation_place"),
                     PKI_NOW + 3);
}
END_TEST

/* ---- OCSP answers ---- */

START_TEST(ocsp_answers)
{
    struct pki bob = pki_leaf(&ca, "bob@partner.test");
    unsigned char *der = NULL;
    unsigned char *large = calloc(1, OCSP_MAX_ANSWER_BYTES + 1);
    size_t length = 0;
    time_t fetched = 0;
    bool evidence = true;
    ck_ok(&fixture, store_has_evidence(fixture.store, bob.certificate, &evidence, &fixture.why));
    ck_assert(!evidence);
    ck_status(&fixture,
              store_ocsp_get(fixture.store, bob.certificate, PKI_NOW, &der, &length, &fetched,
                             &fixture.why),
              STORE_NONE, NULL);
    ck_ok(&fixture, store_ocsp_put(fixture.store, bob.certificate, (const unsigned char *)"yes", 3,
                                   PKI_NOW + 60, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_ocsp_put(fixture.store, bob.certificate, (const unsigned char *)"none", 4,
                                   PKI_NOW + 90, PKI_NOW + 1, &fixture.why));
    ck_ok(&fixture, store_ocsp_get(fixture.store, bob.certificate, PKI_NOW + 90, &der, &length,
                                   &fetched, &fixture.why));
    ck_assert_uint_eq(length, 4);
    ck_assert_int_eq(memcmp(der, "none", 4), 0);
    ck_assert_int_eq(fetched, PKI_NOW + 1);
    free(der);
    ck_ok(&fixture, store_has_evidence(fixture.store, bob.certificate, &evidence, &fixture.why));
    ck_assert(evidence);
    ck_status(&fixture,
              store_ocsp_get(fixture.store, bob.certificate, PKI_NOW + 91, &der, &length, &fetched,
                             &fixture.why),
              STORE_NONE, NULL);
    ck_status(&fixture,
              store_ocsp_put(fixture.store, bob.certificate, large, OCSP_MAX_ANSWER_BYTES + 1,
                             PKI_NOW, PKI_NOW, &fixture.why),
              STORE_REFUSED, "larger than");
    free(large);
    pki_clear(&bob);
}
END_TEST

/* ---- Marks ---- */

static enum store_status mark(X509 *certificate, bool *changed)
{
    return store_revoked_mark(fixture.store, certificate, PKI_NOW, 1, "it was stolen", PKI_NOW,
                              changed, &fixture.why);
}

START_TEST(marked_keys_are_passed_over)
{
    struct pki older = pki_leaf(&ca, "bob@partner.test");
    struct pki newer = pki_make(
        &(struct pki_spec){.addresses = {"bob@partner.test"}, .not_before = PKI_NOW - PKI_DAY},
        &ca);
    struct pubkey_list list;
    X509 *chosen = NULL;
    bool changed = false;
    int64_t id = 0;
    ck_status(&fixture, mark(newer.certificate, &changed), STORE_NONE, NULL);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, older.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, newer.certificate, PKI_NOW, &id, &fixture.why));
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_encryption_certificate(fixture.store, "bob@partner.test", PKI_NOW,
                                                 &chosen, NULL, &fixture.why));
    ck_assert_int_eq(X509_cmp(chosen, newer.certificate), 0);
    X509_free(chosen);
    int64_t before = fixture_generation(&fixture);
    ck_ok(&fixture, mark(newer.certificate, &changed));
    ck_assert(changed);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_ok(&fixture, mark(newer.certificate, &changed));
    ck_assert(!changed);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit"
                                             " WHERE action = 'certificate found revoked'"),
                     1);
    ck_ok(&fixture, store_encryption_certificate(fixture.store, "bob@partner.test", PKI_NOW,
                                                 &chosen, NULL, &fixture.why));
    ck_assert_int_eq(X509_cmp(chosen, older.certificate), 0);
    X509_free(chosen);
    ck_ok(&fixture, mark(older.certificate, &changed));
    ck_status(&fixture,
              store_encryption_certificate(fixture.store, "bob@partner.test", PKI_NOW, &chosen,
                                           NULL, &fixture.why),
              STORE_NONE, "it was stolen");
    ck_ok(&fixture, store_pubkey_get(fixture.store, id, &list, &fixture.why));
    ck_assert_str_eq(list.items[0].revoked, "it was stolen");
    pubkey_list_clear(&list);
    /* The mark goes with the certificate. */
    ck_ok(&fixture, store_pubkey_unpin(fixture.store, id, &fixture.why));
    ck_ok(&fixture, store_pubkey_delete(fixture.store, id, &fixture.why));
    ck_assert_int_eq(count("revoked"), 1);
    pki_clear(&older);
    pki_clear(&newer);
}
END_TEST

START_TEST(marked_mailboxes_do_not_sign)
{
    struct pki alice = pki_leaf(&ca, "alice@example.com");
    struct identity identity;
    struct identity_list all;
    STACK_OF(X509) *in_use = NULL;
    int64_t last = 0;
    ck_ok(&fixture, store_mailbox_add(fixture.store, "alice@example.com", NULL, 0, &fixture.why));
    ck_ok(&fixture, store_mailbox_activate(fixture.store, "alice@example.com", alice.key,
                                           alice.certificate, NULL, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_signing_identity(fixture.store, "alice@example.com", PKI_NOW, &identity,
                                           &fixture.why));
    identity_clear(&identity);
    ck_ok(&fixture, store_certificates_in_use(fixture.store, false, PKI_NOW, 0, 10, &in_use, &last,
                                              &fixture.why));
    ck_assert_int_eq(sk_X509_num(in_use), 1);
    ck_assert_int_eq(last, 0);
    sk_X509_pop_free(in_use, X509_free);
    ck_ok(&fixture, mark(alice.certificate, NULL));
    ck_status(&fixture,
              store_signing_identity(fixture.store, "alice@example.com", PKI_NOW, &identity,
                                     &fixture.why),
              STORE_NONE, "does not sign: it was stolen");
    /* Old mail is read all the same. */
    ck_ok(&fixture, store_identities(fixture.store, "alice@example.com", &all, &fixture.why));
    ck_assert_uint_eq(all.count, 1);
    identity_list_clear(&all);
    ck_ok(&fixture, store_certificates_in_use(fixture.store, false, PKI_NOW, 0, 10, &in_use, &last,
                                              &fixture.why));
    ck_assert_int_eq(sk_X509_num(in_use), 0);
    sk_X509_pop_free(in_use, X509_free);
    ck_ok(&fixture, store_revoked_unmark(fixture.store, alice.certificate, &fixture.why));
    ck_ok(&fixture, store_signing_identity(fixture.store, "alice@example.com", PKI_NOW, &identity,
                                           &fixture.why));
    identity_clear(&identity);
    pki_clear(&alice);
}
END_TEST

START_TEST(public_keys_in_batches)
{
    char address[64];
    STACK_OF(X509) *in_use = NULL;
    int64_t after = 0;
    int seen = 0;
    for (int i = 0; i < 7; i++) {
        snprintf(address, sizeof address, "bob%d@partner.test", i);
        struct pki bob = pki_leaf(&ca, address);
        ck_ok(&fixture,
              store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, NULL, &fixture.why));
        pki_clear(&bob);
    }
    do {
        ck_ok(&fixture, store_certificates_in_use(fixture.store, true, PKI_NOW, after, 3, &in_use,
                                                  &after, &fixture.why));
        ck_assert_int_le(sk_X509_num(in_use), 3);
        seen += sk_X509_num(in_use);
        sk_X509_pop_free(in_use, X509_free);
    } while (after != 0);
    ck_assert_int_eq(seen, 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/revocation");
    TCase *tests = tcase_create("revocation");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, newer_replaces_older, 0, sizeof orders / sizeof *orders);
    tcase_add_test(tests, streams);
    tcase_add_test(tests, forged_crls_are_refused);
    tcase_add_test(tests, parsed_crls_are_shared);
    tcase_add_test(tests, crls_are_bounded);
    tcase_add_test(tests, crls_are_deleted);
    tcase_add_test(tests, places_remember_failures);
    tcase_add_test(tests, places_are_bounded);
    tcase_add_test(tests, ocsp_answers);
    tcase_add_test(tests, marked_keys_are_passed_over);
    tcase_add_test(tests, marked_mailboxes_do_not_sign);
    tcase_add_test(tests, public_keys_in_batches);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
