/* The audit trail: every change leaves its trace, in its own transaction. */
#include "store_fixture.h"

static struct fixture fixture;
static struct pki ca;

#define BOB "bob@partner.test"
#define ALICE "alice@example.com"

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

static struct audit_list read_all(void)
{
    struct audit_list list;
    ck_ok(&fixture, store_audit_list(fixture.store, 0, &list, &fixture.why));
    return list;
}

static int64_t entries(void)
{
    return fixture_query(&fixture, "SELECT count(*) FROM audit");
}

/* The last entry says so. */
static void ck_last(const char *action, const char *object, const char *details)
{
    struct audit_list list = read_all();
    ck_assert_uint_gt(list.count, 0);
    const struct audit_entry *last = &list.items[list.count - 1];
    ck_assert_str_eq(last->action, action);
    ck_assert_str_eq(last->object, object);
    ck_assert_msg(strstr(last->details, details) != NULL, "%s", last->details);
    audit_list_clear(&list);
}

static int64_t id_of(const char *table)
{
    char text[64];
    snprintf(text, sizeof text, "SELECT max(id) FROM %s", table);
    return fixture_query(&fixture, text);
}

START_TEST(every_change_is_recorded)
{
    struct pki bob = pki_leaf(&ca, BOB);
    struct pki held = pki_leaf(&ca, BOB);
    struct pki middle = pki_intermediate(&ca, "Middle CA");
    const char *const aliases[] = {"a.smith@example.com"};
    static const unsigned char der[] = {0x30, 0x00};
    unsigned char copied[sizeof der];
    memcpy(copied, der, sizeof der);
    struct capabilities capabilities = {.der = copied, .length = sizeof copied};

    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, aliases, 1, &fixture.why));
    ck_last("further address added", "a.smith@example.com", "of alice@example.com");
    ck_ok(&fixture, store_mailbox_set_never_decrypt(fixture.store, ALICE, true, &fixture.why));
    ck_last("mailbox set to never decrypt", ALICE, "");
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, ALICE, &fixture.why));
    ck_ok(&fixture,
          store_anchor_import(fixture.store, ca.certificate, PKI_NOW, NULL, &fixture.why));
    ck_last("trust anchor imported", "own", "CN=Test CA, SHA-256 ");
    ck_ok(&fixture, store_anchor_delete(fixture.store, id_of("anchor"), &fixture.why));
    ck_last("trust anchor deleted", "own", "CN=Test CA, SHA-256 ");
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, NULL, &fixture.why));
    ck_last("public key imported", BOB, "id 1, CN=bob@partner.test, SHA-256 ");
    ck_ok(&fixture, store_harvest(fixture.store, BOB, bob.certificate, &capabilities, PKI_NOW, NULL,
                                  &fixture.why));
    ck_last("capabilities learned", BOB, "");
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit WHERE object = '" BOB
                                             "' AND action = 'public key preferred'"),
                     1);
    ck_ok(&fixture, store_pubkey_pin(fixture.store, 1, PKI_NOW, &fixture.why));
    ck_last("public key pinned", BOB, "id 1, ");
    ck_ok(&fixture, store_pubkey_unpin(fixture.store, 1, &fixture.why));
    ck_last("public key unpinned", BOB, "id 1, ");
    ck_ok(&fixture, store_pubkey_delete(fixture.store, 1, &fixture.why));
    ck_last("public key deleted", BOB, "id 1, ");
    ck_ok(&fixture,
          store_harvest(fixture.store, BOB, bob.certificate, NULL, PKI_NOW, NULL, &fixture.why));
    ck_last("public key learned", BOB, "id ");
    ck_ok(&fixture, store_harvest_held(fixture.store, BOB, held.certificate, NULL, PKI_NOW, NULL,
                                       &fixture.why));
    ck_last("public key held for approval", BOB, "CN=bob@partner.test");
    ck_ok(&fixture, store_candidate_reject(fixture.store, id_of("candidate"), &fixture.why));
    ck_last("public key rejected", BOB, "CN=bob@partner.test");
    ck_ok(&fixture,
          store_candidate_approve(fixture.store, id_of("candidate"), PKI_NOW, NULL, &fixture.why));
    ck_last("public key approved", BOB, "id ");
    STACK_OF(X509) *chain = pki_chain(&middle.certificate, 1);
    ck_ok(&fixture, store_remember_intermediates(fixture.store, chain, PKI_NOW, &fixture.why));
    ck_last("intermediate certificate learned", "", "CN=Middle CA");
    sk_X509_pop_free(chain, X509_free);
    pki_clear(&bob);
    pki_clear(&held);
    pki_clear(&middle);
}
END_TEST

/* What changes nothing, is refused, or only notes the day, leaves no entry. */
START_TEST(nothing_else_is_recorded)
{
    struct pki bob = pki_leaf(&ca, BOB);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture,
          store_harvest(fixture.store, BOB, bob.certificate, NULL, PKI_NOW, NULL, &fixture.why));
    ck_last("public key preferred", BOB, "id 1, ");
    int64_t before = entries();
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture, store_harvest(fixture.store, BOB, bob.certificate, NULL, PKI_NOW + 3 * PKI_DAY,
                                  NULL, &fixture.why));
    ck_ok(&fixture, store_pubkey_unpin(fixture.store, 1, &fixture.why));
    ck_status(&fixture, store_pubkey_delete(fixture.store, 77, &fixture.why), STORE_REFUSED, NULL);
    ck_status(&fixture, store_mailbox_deactivate(fixture.store, ALICE, &fixture.why), STORE_REFUSED,
              NULL);
    ck_status(&fixture,
              store_pubkey_import(fixture.store, ca.certificate, PKI_NOW, NULL, &fixture.why),
              STORE_REFUSED, NULL);
    ck_assert_int_eq(entries(), before);
    pki_clear(&bob);
}
END_TEST

START_TEST(says_who_when_and_what)
{
    time_t before = time(NULL);
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    ck_ok(&fixture, store_set_actor(fixture.store,
                                    &(struct store_actor){.name = "root",
                                                          .uid = 4711,
                                                          .sudo_user = "carol",
                                                          .command = "mailbox deactivate x"},
                                    &fixture.why));
    ck_ok(&fixture, store_audit(fixture.store, "backup made", "/b", "of all", &fixture.why));
    struct audit_list list = read_all();
    ck_assert_uint_eq(list.count, 2);
    ck_assert_str_eq(list.items[0].actor, "smimed");
    ck_assert_int_eq(list.items[0].uid, geteuid());
    ck_assert_str_eq(list.items[0].sudo_user, "");
    ck_assert_str_eq(list.items[0].command, "");
    ck_assert_int_gt(list.items[1].id, list.items[0].id);
    ck_assert_str_eq(list.items[1].actor, "root");
    ck_assert_int_eq(list.items[1].uid, 4711);
    ck_assert_str_eq(list.items[1].sudo_user, "carol");
    ck_assert_str_eq(list.items[1].command, "mailbox deactivate x");
    ck_assert_str_eq(list.items[1].details, "of all");
    ck_assert_int_ge(list.items[1].at, before);
    /* time() may lag behind the database's clock by a tick. */
    ck_assert_int_le(list.items[1].at, time(NULL) + 1);
    audit_list_clear(&list);
    ck_ok(&fixture, store_audit_list(fixture.store, time(NULL) + 60, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 0);
    audit_list_clear(&list);
}
END_TEST

/* In the same transaction: what cannot be recorded is not done. */
START_TEST(no_change_without_its_entry)
{
    fixture_alter(&fixture, "CREATE TRIGGER full BEFORE INSERT ON audit"
                            " BEGIN SELECT RAISE (ABORT, 'disk full'); END;");
    ck_status(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why), STORE_ERROR,
              "disk full");
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM mailbox"), 0);
    fixture_alter(&fixture, "DROP TRIGGER full");
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
}
END_TEST

START_TEST(is_only_appended_to)
{
    static const char *const attempts[] = {"DELETE FROM audit", "UPDATE audit SET actor = 'x'"};
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        sqlite3 *database = NULL;
        ck_assert_int_eq(sqlite3_open(fixture.path, &database), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(database, attempts[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
        ck_assert_ptr_nonnull(strstr(sqlite3_errmsg(database), "only appended to"));
        sqlite3_close(database);
    }
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    char *longer = malloc(5001);
    ck_assert_ptr_nonnull(longer);
    for (size_t i = 0; i < 5000; i += 2) {
        memcpy(longer + i, "\xc3\xa4", 2);
    }
    longer[5000] = '\0';
    ck_ok(&fixture, store_audit(fixture.store, "x", longer, longer + 2, &fixture.why));
    struct audit_list list = read_all();
    size_t length = strlen(list.items[0].object);
    ck_assert_uint_lt(length, 1024);
    ck_assert_str_eq(list.items[0].object + length - 5, "\xc3\xa4...");
    audit_list_clear(&list);
    free(longer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/audit");
    TCase *tests = tcase_create("audit");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_change_is_recorded);
    tcase_add_test(tests, nothing_else_is_recorded);
    tcase_add_test(tests, says_who_when_and_what);
    tcase_add_test(tests, no_change_without_its_entry);
    tcase_add_test(tests, is_only_appended_to);
    tcase_add_test(tests, long_texts_are_cut);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
