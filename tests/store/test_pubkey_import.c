/* Importing many public keys at once. */
#include "store_fixture.h"

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

#define MANY 300

static struct pki made[MANY];
static struct pubkey_import entries[MANY];

/* Every third names no address, every fifth has expired. */
static void make_many(void)
{
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    for (int i = 0; i < MANY; i++) {
        char address[64];
        snprintf(address, sizeof address, "user%d@partner.test", i);
        struct pki_spec spec = {.addresses = {address}, .use_key = key};
        if (i % 3 == 0) {
            spec.addresses[0] = NULL;
            spec.common_name = "nobody";
        } else if (i % 5 == 0) {
            spec.not_after = PKI_NOW - PKI_DAY;
        }
        made[i] = pki_make(&spec, &ca);
        entries[i] = (struct pubkey_import){.certificate = made[i].certificate};
    }
    EVP_PKEY_free(key);
}

static void clear_many(void)
{
    for (int i = 0; i < MANY; i++) {
        why_free(&entries[i].reason);
        pki_clear(&made[i]);
    }
}

static void import_many(void)
{
    for (int i = 0; i < MANY; i++) {
        why_free(&entries[i].reason);
    }
    ck_ok(&fixture, store_pubkey_import_all(fixture.store, entries, MANY, PKI_NOW, &fixture.why));
}

static void ck_entry(int i)
{
    const char *reason = i % 3 == 0 ? "names no mail address" : i % 5 == 0 ? "has expired" : NULL;
    ck_assert_msg(entries[i].refused == (reason != NULL), "%d: %s", i,
                  why_text(&entries[i].reason));
    ck_assert_msg(!reason || strstr(why_text(&entries[i].reason), reason), "%d: %s", i,
                  why_text(&entries[i].reason));
    ck_assert((entries[i].id > 0) == (reason == NULL));
    ck_assert(reason || !entries[i].reason);
}

START_TEST(each_by_itself_in_one_change)
{
    make_many();
    int64_t before = fixture_generation(&fixture);
    int64_t trail = fixture_query(&fixture, "SELECT count(*) FROM audit");
    import_many();
    int64_t wanted = 0;
    for (int i = 0; i < MANY; i++) {
        ck_entry(i);
        wanted += !entries[i].refused;
    }
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey"), wanted);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    /* Each is in the trail, with its address. */
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit"), trail + wanted);
    ck_assert_int_eq(fixture_query(&fixture,
                                   "SELECT count(*) FROM pubkey_address a WHERE EXISTS"
                                   " (SELECT 1 FROM audit t WHERE t.object = a.address AND"
                                   " t.action = 'public key imported' AND"
                                   " t.details LIKE 'id ' || a.pubkey || ', %')"),
                     wanted);
    /* Once more changes nothing. */
    int64_t first = entries[1].id;
    import_many();
    ck_assert_int_eq(entries[1].id, first);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit"), trail + wanted);
    clear_many();
}
END_TEST

/* What a look-up had in its cache is not what it finds after an import. */
START_TEST(look_ups_see_them_at_once)
{
    X509 *certificate = NULL;
    make_many();
    for (int i = 1; i < 3; i++) {
        char address[64];
        snprintf(address, sizeof address, "user%d@partner.test", i);
        ck_status(&fixture,
                  store_encryption_certificate(fixture.store, address, PKI_NOW, &certificate, NULL,
                                               &fixture.why),
                  STORE_NONE, NULL);
    }
    import_many();
    for (int i = 1; i < 3; i++) {
        char address[64];
        snprintf(address, sizeof address, "user%d@partner.test", i);
        ck_ok(&fixture, store_encryption_certificate(fixture.store, address, PKI_NOW, &certificate,
                                                     NULL, &fixture.why));
        ck_assert_int_eq(X509_cmp(certificate, made[i].certificate), 0);
        X509_free(certificate);
        certificate = NULL;
    }
    clear_many();
}
END_TEST

START_TEST(none_when_the_store_fails)
{
    make_many();
    fixture_alter(&fixture, "CREATE TRIGGER broken BEFORE INSERT ON pubkey WHEN new.id = 100"
                            " OR (SELECT count(*) FROM pubkey) = 99"
                            " BEGIN SELECT RAISE(ABORT, 'no more'); END;");
    ck_status(&fixture,
              store_pubkey_import_all(fixture.store, entries, MANY, PKI_NOW, &fixture.why),
              STORE_ERROR, "no more");
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(entries[i].id, 0);
        ck_assert_ptr_null(entries[i].reason);
    }
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey"), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 0);
    clear_many();
}
END_TEST

/* What is refused needs no database. */
START_TEST(nothing_to_write_waits_for_nobody)
{
    struct pki expired = pki_make(
        &(struct pki_spec){.addresses = {"bob@partner.test"}, .not_after = PKI_NOW - PKI_DAY}, &ca);
    struct pubkey_import entry = {.certificate = expired.certificate};
    sqlite3 *other = NULL;
    ck_assert_int_eq(sqlite3_open(fixture.path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_ok(&fixture, store_pubkey_import_all(fixture.store, &entry, 1, PKI_NOW, &fixture.why));
    ck_assert(entry.refused);
    why_free(&entry.reason);
    sqlite3_close(other);
    pki_clear(&expired);
}
END_TEST

static void count_them(void *context, const struct pubkey *pubkey)
{
    size_t *seen = context;
    ck_assert_uint_eq(pubkey->address_count, 1);
    ck_assert_ptr_nonnull(pubkey->certificate);
    (*seen)++;
}

static const struct filter_case {
    const char *name;
    struct pubkey_filter filter;
    size_t wanted;
} filter_cases[] = {
    {"all", {0}, 160},
    {"pinned", {.pinned = true}, 1},
    {"address", {.address = "user1@partner.test"}, 1},
    {"address, pinned", {.address = "user2@partner.test", .pinned = true}, 1},
    {"address, not pinned", {.address = "user1@partner.test", .pinned = true}, 0},
    {"unknown address", {.address = "nobody@partner.test"}, 0},
};

START_TEST(hands_over_one_after_the_other)
{
    const struct filter_case *c = &filter_cases[_i];
    size_t seen = 0;
    make_many();
    import_many();
    ck_ok(&fixture, store_pubkey_pin(fixture.store, entries[2].id, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_pubkey_each(fixture.store, &c->filter, count_them, &seen, &fixture.why));
    ck_assert_msg(seen == c->wanted, "%s: %zu, wanted %zu", c->name, seen, c->wanted);
    clear_many();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/pubkey_import");
    TCase *tests = tcase_create("many");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_by_itself_in_one_change);
    tcase_add_test(tests, look_ups_see_them_at_once);
    tcase_add_test(tests, none_when_the_store_fails);
    tcase_add_test(tests, nothing_to_write_waits_for_nobody);
    tcase_add_loop_test(tests, hands_over_one_after_the_other, 0,
                        sizeof filter_cases / sizeof *filter_cases);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
