/* Mailboxes: adding, addresses, states, listing. */
#include "store_fixture.h"

static struct fixture fixture;

static void set_up(void)
{
    fixture_open(&fixture);
}

static void tear_down(void)
{
    fixture_close(&fixture);
}

START_TEST(finds_by_every_address)
{
    const char *aliases[] = {"alice.smith@example.com", "a.smith@example.org"};
    const char *asked[] = {"alice@example.com", "alice.smith@example.com", "a.smith@example.org"};
    ck_ok(&fixture,
          store_mailbox_add(fixture.store, "alice@example.com", aliases, 2, &fixture.why));
    for (size_t i = 0; i < 3; i++) {
        struct mailbox *mailbox = NULL;
        ck_ok(&fixture, store_mailbox_find(fixture.store, asked[i], &mailbox, &fixture.why));
        ck_assert_str_eq(mailbox->address, "alice@example.com");
        ck_assert_uint_eq(mailbox->alias_count, 2);
        ck_assert_str_eq(mailbox->aliases[0], aliases[0]);
        ck_assert_str_eq(mailbox->aliases[1], aliases[1]);
        ck_assert_int_eq(mailbox->state, MAILBOX_INACTIVE);
        ck_assert(!mailbox->never_decrypt);
        ck_assert_int_eq(mailbox->certificate_id, 0);
        ck_assert_ptr_null(mailbox->fingerprint);
        mailbox_free(&mailbox);
        ck_assert_ptr_null(mailbox);
    }
    struct mailbox *none = NULL;
    ck_status(&fixture, store_mailbox_find(fixture.store, "bob@example.com", &none, &fixture.why),
              STORE_NONE, NULL);
    ck_assert_ptr_null(none);
}
END_TEST

static const struct {
    const char *name;
    const char *address;
    const char *aliases[3];
    const char *reason;
} refusals[] = {
    {"same mailbox", "alice@example.com", {NULL}, "the mailbox alice@example.com exists already"},
    {"address is another's alias", "info@example.com", {NULL}, "info@example.com is an address of"},
    {"alias is another's address", "bob@example.com", {"alice@example.com"}, "exists already"},
    {"alias is another's alias", "bob@example.com", {"info@example.com"}, "alice@example.com"},
    {"alias repeats the address", "bob@example.com", {"bob@example.com"}, "exists already"},
    {"alias twice", "bob@example.com", {"b@example.com", "b@example.com"}, "b@example.com"},
    {"not canonical", "Bob@Example.COM", {NULL}, "canonical"},
    {"alias not canonical", "bob@example.com", {"<b@example.com>"}, "canonical"},
    {"no address", "bob", {NULL}, "canonical"},
    {"null path", "", {NULL}, "canonical"},
};

START_TEST(refuses_taken_addresses)
{
    const char *info = "info@example.com";
    ck_ok(&fixture, store_mailbox_add(fixture.store, "alice@example.com", &info, 1, &fixture.why));
    int64_t generation = fixture_generation(&fixture);
    size_t alias_count = 0;
    while (refusals[_i].aliases[alias_count]) {
        alias_count++;
    }
    ck_status(&fixture,
              store_mailbox_add(fixture.store, refusals[_i].address, refusals[_i].aliases,
                                alias_count, &fixture.why),
              STORE_REFUSED, refusals[_i].reason);
    /* Nothing of it stays. */
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM mailbox"), 1);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM mailbox_address"), 2);
}
END_TEST

static void list_and_compare(const struct mailbox_filter *filter, const char *const *wanted,
                             size_t count)
{
    struct mailbox_list list;
    ck_ok(&fixture, store_mailbox_list(fixture.store, filter, &list, &fixture.why));
    ck_assert_uint_eq(list.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(list.items[i].address, wanted[i]);
    }
    mailbox_list_clear(&list);
}

START_TEST(lists_by_domain_and_state)
{
    struct pki ca = pki_ca("Test CA");
    struct pki carol = fixture_activate(&fixture, &ca, "carol@example.com");
    const char *alias = "dave@example.net";
    ck_ok(&fixture, store_mailbox_add(fixture.store, "dave@example.com", &alias, 1, &fixture.why));
    ck_ok(&fixture, store_mailbox_add(fixture.store, "eve@example.org", NULL, 0, &fixture.why));

    const char *all[] = {"carol@example.com", "dave@example.com", "eve@example.org"};
    list_and_compare(NULL, all, 3);
    list_and_compare(&(struct mailbox_filter){NULL, -1}, all, 3);
    list_and_compare(&(struct mailbox_filter){"example.com", -1}, all, 2);
    list_and_compare(&(struct mailbox_filter){"example.org", -1}, all + 2, 1);
    list_and_compare(&(struct mailbox_filter){NULL, MAILBOX_ACTIVE}, all, 1);
    list_and_compare(&(struct mailbox_filter){NULL, MAILBOX_INACTIVE}, all + 1, 2);
    list_and_compare(&(struct mailbox_filter){"example.com", MAILBOX_INACTIVE}, all + 1, 1);
    list_and_compare(&(struct mailbox_filter){"example.com", MAILBOX_ACTIVATING}, NULL, 0);
    list_and_compare(&(struct mailbox_filter){"ample.com", -1}, NULL, 0);

    struct mailbox_list list;
    ck_ok(&fixture, store_mailbox_list(fixture.store, NULL, &list, &fixture.why));
    ck_assert_int_eq(list.items[0].state, MAILBOX_ACTIVE);
    ck_assert_int_ne(list.items[0].certificate_id, 0);
    ck_assert_uint_eq(strlen(list.items[0].fingerprint), 64);
    ck_assert_int_eq(list.items[0].expires, PKI_NOW + 10 * PKI_YEAR);
    ck_assert_uint_eq(list.items[1].alias_count, 1);
    ck_assert_str_eq(list.items[1].aliases[0], alias);
    mailbox_list_clear(&list);
    pki_clear(&carol);
    pki_clear(&ca);
}
END_TEST

START_TEST(lists_many)
{
    char address[64];
    for (int i = 0; i < 300; i++) {
        snprintf(address, sizeof address, "user%03d@example.com", i);
        ck_ok(&fixture, store_mailbox_add(fixture.store, address, NULL, 0, &fixture.why));
    }
    struct mailbox_list list;
    ck_ok(&fixture, store_mailbox_list(fixture.store, NULL, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 300);
    ck_assert_str_eq(list.items[299].address, "user299@example.com");
    mailbox_list_clear(&list);
}
END_TEST

START_TEST(never_decrypt_hides_keys)
{
    struct pki ca = pki_ca("Test CA");
    struct pki alice = fixture_activate(&fixture, &ca, "alice@example.com");
    struct identity_list identities;
    ck_ok(&fixture,
          store_identities(fixture.store, "alice@example.com", &identities, &fixture.why));
    identity_list_clear(&identities);

    int64_t before = fixture_generation(&fixture);
    ck_ok(&fixture,
          store_mailbox_set_never_decrypt(fixture.store, "alice@example.com", true, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_status(&fixture,
              store_identities(fixture.store, "alice@example.com", &identities, &fixture.why),
              STORE_NONE, "never decrypt");
    /* Signing goes on. */
    struct identity identity;
    ck_ok(&fixture, store_signing_identity(fixture.store, "alice@example.com", PKI_NOW, &identity,
                                           &fixture.why));
    identity_clear(&identity);

    /* The same again is no change. */
    ck_ok(&fixture,
          store_mailbox_set_never_decrypt(fixture.store, "alice@example.com", true, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_ok(&fixture,
          store_mailbox_set_never_decrypt(fixture.store, "alice@example.com", false, &fixture.why));
    ck_ok(&fixture,
          store_identities(fixture.store, "alice@example.com", &identities, &fixture.why));
    ck_assert_uint_eq(identities.count, 1);
    identity_list_clear(&identities);
    pki_clear(&alice);
    pki_clear(&ca);
}
END_TEST

START_TEST(unknown_mailboxes_are_refused)
{
    ck_status(&fixture,
              store_mailbox_set_never_decrypt(fixture.store, "x@example.com", true, &fixture.why),
              STORE_REFUSED, "there is no mailbox x@example.com");
    ck_status(&fixture, store_mailbox_deactivate(fixture.store, "x@example.com", &fixture.why),
              STORE_REFUSED, "there is no mailbox x@example.com");
}
END_TEST

START_TEST(names_states)
{
    ck_assert_str_eq(mailbox_state_name(MAILBOX_INACTIVE), "inactive");
    ck_assert_str_eq(mailbox_state_name(MAILBOX_ACTIVATING), "activating");
    ck_assert_str_eq(mailbox_state_name(MAILBOX_ACTIVE), "active");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/mailbox");
    TCase *tests = tcase_create("mailbox");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, finds_by_every_address);
    tcase_add_loop_test(tests, refuses_taken_addresses, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tests, lists_by_domain_and_state);
    tcase_add_test(tests, lists_many);
    tcase_add_test(tests, never_decrypt_hides_keys);
    tcase_add_test(tests, unknown_mailboxes_are_refused);
    tcase_add_test(tests, names_states);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
