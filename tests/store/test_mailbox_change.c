/* Mailboxes: merging lists of them, further addresses that come and go, deleting. */
#include "store_fixture.h"

static struct fixture fixture;
static struct pki ca;

static void set_up(void)
{
    fixture_open(&fixture);
    ca = pki_ca("Test CA");
    const char *alias = "a.smith@example.com";
    ck_ok(&fixture, store_mailbox_add(fixture.store, "alice@example.com", &alias, 1, &fixture.why));
    ck_ok(&fixture, store_mailbox_add(fixture.store, "bob@example.com", NULL, 0, &fixture.why));
}

static void tear_down(void)
{
    pki_clear(&ca);
    fixture_close(&fixture);
}

static size_t alias_count(const char *address)
{
    struct mailbox *mailbox = NULL;
    ck_ok(&fixture, store_mailbox_find(fixture.store, address, &mailbox, &fixture.why));
    size_t count = mailbox->alias_count;
    mailbox_free(&mailbox);
    return count;
}

/* ---- Merging ---- */

static const struct merge_case {
    const char *name;
    const char *address;
    const char *aliases[3];
    int never;
    int result;
    const char *reason; /* of MERGE_REFUSED */
    size_t aliases_after;
} merge_cases[] = {
    {"new", "carol@example.com", {"c@example.com"}, -1, MERGE_ADDED, NULL, 1},
    {"known", "alice@example.com", {NULL}, -1, MERGE_UNCHANGED, NULL, 1},
    {"known alias", "alice@example.com", {"a.smith@example.com"}, 0, MERGE_UNCHANGED, NULL, 1},
    {"new alias", "alice@example.com", {"as@example.com"}, -1, MERGE_CHANGED, NULL, 2},
    {"alias twice", "bob@example.com", {"b@x.org", "b@x.org"}, -1, MERGE_CHANGED, NULL, 1},
    {"itself as alias", "dan@example.com", {"dan@example.com"}, -1, MERGE_ADDED, NULL, 0},
    {"never decrypt", "bob@example.com", {NULL}, 1, MERGE_CHANGED, NULL, 0},
    {"a further address", "a.smith@example.com", {NULL}, -1, MERGE_REFUSED, "alice@example.com", 1},
    {"alias is another's",
     "bob@example.com",
     {"new@example.com", "a.smith@example.com"},
     1,
     MERGE_REFUSED,
     "alice@example.com",
     0},
    {"alias is a mailbox", "eve@example.com", {"bob@example.com"}, -1, MERGE_REFUSED, "bob", 0},
    {"not canonical", "Eve@example.com", {NULL}, -1, MERGE_REFUSED, "canonical", 0},
    {"alias not canonical", "bob@example.com", {"B@x.org"}, -1, MERGE_REFUSED, "canonical", 0},
};

START_TEST(merges)
{
    const struct merge_case *c = &merge_cases[_i];
    size_t count = 0;
    while (c->aliases[count]) {
        count++;
    }
    /* Among others, which a refusal must not touch. */
    struct mailbox_merge entries[] = {
        {.address = "first@example.com", .never_decrypt = -1},
        {.address = c->address,
         .aliases = c->aliases,
         .alias_count = count,
         .never_decrypt = c->never},
        {.address = "last@example.com", .never_decrypt = -1},
    };
    int64_t before = fixture_generation(&fixture);
    ck_ok(&fixture, store_mailbox_merge(fixture.store, entries, 3, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_assert_int_eq(entries[0].result, MERGE_ADDED);
    ck_assert_int_eq(entries[2].result, MERGE_ADDED);
    ck_assert_msg(entries[1].result == (enum mailbox_merge_result)c->result, "%s: %d: %s", c->name,
                  entries[1].result, why_text(&entries[1].reason));
    if (c->reason) {
        ck_assert_msg(strstr(why_text(&entries[1].reason), c->reason) != NULL, "%s: %s", c->name,
                      why_text(&entries[1].reason));
        /* Nothing of it stays. */
        ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM mailbox"), 4);
        ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM mailbox_address"), 5);
        ck_assert_int_eq(fixture_query(&fixture, "SELECT sum(never_decrypt) FROM mailbox"), 0);
        why_free(&entries[1].reason);
        return;
    }
    ck_assert_ptr_null(entries[1].reason);
    ck_assert_msg(alias_count(c->address) == c->aliases_after, "%s", c->name);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT sum(never_decrypt) FROM mailbox"),
                     c->never == 1);
    /* The same again is no change. */
    before = fixture_generation(&fixture);
    ck_ok(&fixture, store_mailbox_merge(fixture.store, entries, 3, &fixture.why));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(entries[i].result, MERGE_UNCHANGED);
    }
    ck_assert_int_eq(fixture_generation(&fixture), before);
}
END_TEST

/* A batch that the database fails on is undone as a whole. */
START_TEST(failed_merge_changes_nothing)
{
    fixture_alter(&fixture, "CREATE TRIGGER full BEFORE INSERT ON mailbox"
                            " WHEN NEW.address = 'second@example.com'"
                            " BEGIN SELECT RAISE (ABORT, 'disk full'); END;");
    struct mailbox_merge entries[] = {
        {.address = "first@example.com", .never_decrypt = -1},
        {.address = "second@example.com", .never_decrypt = -1},
    };
    ck_status(&fixture, store_mailbox_merge(fixture.store, entries, 2, &fixture.why), STORE_ERROR,
              "disk full");
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM mailbox"), 2);
}
END_TEST

START_TEST(merges_up_to_the_ceiling)
{
    static char texts[1025][32];
    static const char *aliases[1025];
    for (size_t i = 0; i < 1025; i++) {
        snprintf(texts[i], sizeof texts[i], "n%zu@example.com", i);
        aliases[i] = texts[i];
    }
    struct mailbox_merge entry = {
        .address = "bob@example.com", .aliases = aliases, .alias_count = 1025, .never_decrypt = -1};
    ck_ok(&fixture, store_mailbox_merge(fixture.store, &entry, 1, &fixture.why));
    ck_assert_int_eq(entry.result, MERGE_REFUSED);
    ck_assert_ptr_nonnull(strstr(why_text(&entry.reason), "at most 1024"));
    why_free(&entry.reason);
    ck_assert_uint_eq(alias_count("bob@example.com"), 0);
    entry.alias_count = 1024;
    ck_ok(&fixture, store_mailbox_merge(fixture.store, &entry, 1, &fixture.why));
    ck_assert_int_eq(entry.result, MERGE_CHANGED);
    ck_assert_uint_eq(alias_count("bob@example.com"), 1024);
}
END_TEST

/* ---- Further addresses ---- */

START_TEST(aliases_come_and_go)
{
    int64_t before = fixture_generation(&fixture);
    ck_ok(&fixture,
          store_mailbox_add_alias(fixture.store, "bob@example.com", "b@example.com", &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_assert_uint_eq(alias_count("b@example.com"), 1);
    ck_status(
        &fixture,
        store_mailbox_add_alias(fixture.store, "alice@example.com", "b@example.com", &fixture.why),
        STORE_REFUSED, "bob@example.com already");
    ck_status(
        &fixture,
        store_mailbox_add_alias(fixture.store, "no@example.com", "n@example.com", &fixture.why),
        STORE_REFUSED, "there is no mailbox no@example.com");
    ck_status(&fixture,
              store_mailbox_remove_alias(fixture.store, "alice@example.com", "b@example.com",
                                         &fixture.why),
              STORE_REFUSED,
              "b@example.com is no further address of the mailbox alice@example.com");
    ck_status(&fixture,
              store_mailbox_remove_alias(fixture.store, "bob@example.com", "bob@example.com",
                                         &fixture.why),
              STORE_REFUSED, "no further address");
    ck_ok(&fixture, store_mailbox_remove_alias(fixture.store, "bob@example.com", "b@example.com",
                                               &fixture.why));
    ck_assert_uint_eq(alias_count("bob@example.com"), 0);
}
END_TEST

/* An active mailbox whose certificate named none of its addresses would sign as somebody else. */
START_TEST(keeps_what_the_certificate_names)
{
    struct pki pair = pki_leaf(&ca, "a.smith@example.com");
    ck_ok(&fixture, store_mailbox_activate(fixture.store, "alice@example.com", pair.key,
                                           pair.certificate, NULL, PKI_NOW, &fixture.why));
    ck_status(&fixture,
              store_mailbox_remove_alias(fixture.store, "alice@example.com", "a.smith@example.com",
                                         &fixture.why),
              STORE_REFUSED, "the certificate is for a.smith@example.com");
    ck_assert_uint_eq(alias_count("alice@example.com"), 1);
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, "alice@example.com", &fixture.why));
    ck_ok(&fixture, store_mailbox_remove_alias(fixture.store, "alice@example.com",
                                               "a.smith@example.com", &fixture.why));
    /* And it cannot sign again. */
    ck_status(&fixture,
              store_mailbox_reactivate(fixture.store, "alice@example.com", PKI_NOW, &fixture.why),
              STORE_REFUSED, "the certificate is for a.smith@example.com");
    pki_clear(&pair);
}
END_TEST

/* ---- Deleting and reactivating ---- */

START_TEST(deletes_only_without_keys)
{
    struct pki pair = pki_leaf(&ca, "alice@example.com");
    ck_ok(&fixture, store_mailbox_activate(fixture.store, "alice@example.com", pair.key,
                                           pair.certificate, NULL, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, "alice@example.com", &fixture.why));
    ck_status(&fixture, store_mailbox_delete(fixture.store, "alice@example.com", &fixture.why),
              STORE_REFUSED, "1 private key");
    ck_ok(&fixture, store_mailbox_delete(fixture.store, "bob@example.com", &fixture.why));
    struct mailbox *none = NULL;
    ck_status(&fixture, store_mailbox_find(fixture.store, "bob@example.com", &none, &fixture.why),
              STORE_NONE, NULL);
    ck_status(&fixture, store_mailbox_delete(fixture.store, "bob@example.com", &fixture.why),
              STORE_REFUSED, "there is no mailbox");
    ck_ok(&fixture, store_mailbox_add(fixture.store, "bob@example.com", NULL, 0, &fixture.why));
    pki_clear(&pair);
}
END_TEST

START_TEST(reactivates_the_last_key)
{
    struct pki pair = pki_leaf(&ca, "alice@example.com");
    struct identity identity;
    ck_status(&fixture,
              store_mailbox_reactivate(fixture.store, "alice@example.com", PKI_NOW, &fixture.why),
              STORE_REFUSED, "no key that could sign");
    ck_ok(&fixture, store_mailbox_activate(fixture.store, "alice@example.com", pair.key,
                                           pair.certificate, NULL, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, "alice@example.com", &fixture.why));
    ck_status(&fixture,
              store_mailbox_reactivate(fixture.store, "alice@example.com", PKI_NOW + 20 * PKI_YEAR,
                                       &fixture.why),
              STORE_REFUSED, "expired");
    ck_ok(&fixture,
          store_mailbox_reactivate(fixture.store, "alice@example.com", PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_signing_identity(fixture.store, "alice@example.com", PKI_NOW, &identity,
                                           &fixture.why));
    ck_assert_int_eq(X509_cmp(identity.certificate, pair.certificate), 0);
    identity_clear(&identity);
    pki_clear(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/mailbox_change");
    TCase *tests = tcase_create("mailbox_change");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, merges, 0, sizeof merge_cases / sizeof *merge_cases);
    tcase_add_test(tests, failed_merge_changes_nothing);
    tcase_add_test(tests, merges_up_to_the_ceiling);
    tcase_add_test(tests, aliases_come_and_go);
    tcase_add_test(tests, keeps_what_the_certificate_names);
    tcase_add_test(tests, deletes_only_without_keys);
    tcase_add_test(tests, reactivates_the_last_key);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
