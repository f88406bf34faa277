/* Making, opening and migrating a store. */
#include "store_fixture.h"

#include "schema.h"
#include "sql.h"

static struct fixture fixture;

static void set_up(void)
{
    fixture_open(&fixture);
}

static void tear_down(void)
{
    fixture_close(&fixture);
}

static void reopen(enum store_status wanted, const char *reason)
{
    store_close(&fixture.store);
    ck_status(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why), wanted, reason);
    ck_assert((fixture.store != NULL) == (wanted == STORE_OK));
}

/* ---- Making ---- */

START_TEST(makes_a_store)
{
    int64_t generation = 0;
    ck_ok(&fixture, store_generation(fixture.store, &generation, &fixture.why));
    ck_assert_int_eq(generation, 1);
    ck_assert_int_eq(fixture_query(&fixture, "PRAGMA user_version"), (int64_t)schema_step_count);
    ck_assert_int_eq(fixture_query(&fixture, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pragma_integrity_check"
                                             " WHERE integrity_check <> 'ok'"),
                     0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_assert_int_eq(
        fixture_query(&fixture,
                      "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"),
        1);
}
END_TEST

START_TEST(never_overwrites)
{
    ck_status(&fixture, store_create(&fixture.options, &fixture.why), STORE_REFUSED,
              "exists already");
    reopen(STORE_OK, NULL);
}
END_TEST

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

START_TEST(failed_making_leaves_nothing)
{
    struct fixture other;
    char leftover[128];
    fixture_prepare(&other);

    /* A secret that cannot be made. */
    other.options.secret_path = "/nonexistent/secret";
    ck_status(&other, store_create(&other.options, &other.why), STORE_ERROR,
              "cannot make the master secret /nonexistent/secret");
    ck_assert(!there(other.path));

    /* A secret that is unfit. */
    other.options.secret_path = other.secret_path;
    FILE *file = fopen(other.secret_path, "we");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_int_eq(chmod(other.secret_path, 0644), 0);
    ck_status(&other, store_create(&other.options, &other.why), STORE_ERROR, "chmod 0600");
    ck_assert(!there(other.path));
    ck_assert(there(other.secret_path)); /* not ours to remove */
    ck_assert_int_eq(unlink(other.secret_path), 0);

    /* The log of a former store would be played back into the new one. */
    snprintf(leftover, sizeof leftover, "%s-wal", other.path);
    file = fopen(leftover, "we");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_status(&other, store_create(&other.options, &other.why), STORE_REFUSED, "left over");
    ck_assert(!there(other.path));
    ck_assert(!there(other.secret_path));
    ck_assert_int_eq(unlink(leftover), 0);

    other.options.path = "/nonexistent/store.db";
    ck_status(&other, store_create(&other.options, &other.why), STORE_ERROR,
              "cannot make the store /nonexistent/store.db");
    fixture_close(&other);
}
END_TEST

/* ---- Opening ---- */

START_TEST(missing_and_open_files)
{
    store_close(&fixture.store);
    ck_assert_int_eq(chmod(fixture.path, 0644), 0);
    reopen(STORE_ERROR, "open to everybody (mode 0644): chmod o=");
    ck_assert_int_eq(chmod(fixture.path, 0660), 0);
    reopen(STORE_OK, NULL);
    store_close(&fixture.store);
    fixture.options.path = fixture.directory;
    reopen(STORE_ERROR, "is not a regular file");
    fixture.options.path = "/nonexistent/store.db";
    reopen(STORE_ERROR, "/nonexistent/store.db: No such file");
}
END_TEST

/* Told before SQLite, which would only say that it cannot open the file. */
START_TEST(unreadable_file)
{
    store_close(&fixture.store);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(fixture.directory, 65534, 65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    } else {
        ck_assert_int_eq(chmod(fixture.path, 0400), 0);
    }
    reopen(STORE_ERROR, "may not be read and written: Permission denied");
    if (getuid() == 0) {
        ck_assert_int_eq(seteuid(0), 0);
    }
}
END_TEST

static void replace_file(const char *bytes, size_t length)
{
    store_close(&fixture.store);
    FILE *file = fopen(fixture.path, "wbe");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(other_files_are_no_stores)
{
    static char noise[8192];
    memset(noise, 'x', sizeof noise);
    replace_file(noise, sizeof noise);
    reopen(STORE_ERROR, "file is not a database");
    replace_file("", 0);
    reopen(STORE_ERROR, "is not a store of smimed");
    fixture_alter(&fixture, "CREATE TABLE t (a); PRAGMA user_version = 1;");
    reopen(STORE_ERROR, "is not a store of smimed");
    /* Ours, but of no version: made half. */
    fixture_alter(&fixture, "PRAGMA application_id = 1936550253; PRAGMA user_version = 0;");
    ck_assert_int_eq(SCHEMA_APPLICATION_ID, 1936550253);
    reopen(STORE_ERROR, "is not a store of smimed");
}
END_TEST

START_TEST(newer_is_refused)
{
    char text[64];
    snprintf(text, sizeof text, "PRAGMA user_version = %zu", schema_step_count + 1);
    fixture_alter(&fixture, text);
    reopen(STORE_REFUSED, "a newer smimed made it");
    ck_assert_ptr_nonnull(strstr(why_text(&fixture.why), fixture.path));
}
END_TEST

START_TEST(missing_master_record)
{
    fixture_alter(&fixture, "DELETE FROM meta");
    ck_status(&fixture, store_refresh(fixture.store, &fixture.why), STORE_ERROR,
              "master record is missing");
    reopen(STORE_ERROR, "master record is missing");
}
END_TEST

/* ---- Migrating ---- */

static enum store_status fill_note(struct sql *sql, char **why)
{
    return sql_run(sql, "UPDATE mailbox SET note = 'note of ' || address", SQL_NO_VALUES, why);
}

static enum store_status break_off(struct sql *sql, char **why)
{
    (void)sql;
    why_set(why, "on purpose");
    return STORE_ERROR;
}

/* Steps behind those of this program; what is behind the store must not be run again. */
#define MAX_STEPS 64
struct steps {
    struct schema_step items[MAX_STEPS];
    size_t count;
};

static struct steps further_steps(const struct schema_step *more, size_t count)
{
    struct steps steps = {.count = schema_step_count + count};
    ck_assert_uint_lt(steps.count, MAX_STEPS);
    for (size_t i = 0; i < schema_step_count; i++) {
        steps.items[i].script = "CREATE TABLE must_not_be_run (a)";
    }
    memcpy(steps.items + schema_step_count, more, count * sizeof *more);
    return steps;
}

static const struct schema_step two_more[] = {
    {"ALTER TABLE mailbox ADD COLUMN note TEXT", fill_note},
    {"CREATE TABLE third (a INTEGER) STRICT; INSERT INTO third VALUES (3);", NULL},
};

static const struct schema_step broken[] = {
    {"ALTER TABLE mailbox ADD COLUMN note TEXT", fill_note},
    {"CREATE TABLE third (a INTEGER) STRICT", break_off},
};

static const struct schema_step syntax_error[] = {
    {"ALTER TABLE mailbox ADD COLUMN note TEXT; CREATE NONSENSE;", NULL},
};

static struct sql *open_sql(void)
{
    struct sql *sql = NULL;
    ck_ok(&fixture, sql_open(fixture.path, FIXTURE_TIMEOUT_MS, &sql, &fixture.why));
    return sql;
}

/* A store with a mailbox and its key, brought to a version that this test makes up. */
START_TEST(migrates_step_by_step)
{
    struct pki ca = pki_ca("Test CA");
    struct pki alice = fixture_activate(&fixture, &ca, "alice@example.com");
    struct steps steps = further_steps(two_more, 2);
    char newer[32];
    store_close(&fixture.store);
    struct sql *sql = open_sql();
    ck_ok(&fixture, schema_migrate(sql, steps.items, steps.count, &fixture.why));
    ck_assert_int_eq(fixture_query(&fixture, "PRAGMA user_version"), (int64_t)steps.count);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT a FROM third"), 3);
    ck_assert_int_eq(
        fixture_query(&fixture, "SELECT note = 'note of alice@example.com' FROM mailbox"), 1);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM sqlite_schema"
                                             " WHERE name = 'must_not_be_run'"),
                     0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM private_key"), 1);
    /* Nothing is left to do. */
    ck_ok(&fixture, schema_migrate(sql, steps.items, steps.count, &fixture.why));
    sql_close(&sql);
    /* This program does not know that version. */
    snprintf(newer, sizeof newer, "version %zu", steps.count);
    reopen(STORE_REFUSED, newer);
    pki_clear(&alice);
    pki_clear(&ca);
}
END_TEST

START_TEST(failed_migration_changes_nothing)
{
    struct sql *sql = open_sql();
    struct steps steps = further_steps(broken, 2);
    char reason[64];
    snprintf(reason, sizeof reason, "from version %zu to %zu: on purpose", steps.count - 1,
             steps.count);
    ck_status(&fixture, schema_migrate(sql, steps.items, steps.count, &fixture.why), STORE_ERROR,
              reason);
    steps = further_steps(syntax_error, 1);
    snprintf(reason, sizeof reason, "from version %zu to %zu", steps.count - 1, steps.count);
    ck_status(&fixture, schema_migrate(sql, steps.items, steps.count, &fixture.why), STORE_ERROR,
              reason);
    ck_assert_int_eq(fixture_query(&fixture, "PRAGMA user_version"), (int64_t)schema_step_count);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM sqlite_schema"
                                             " WHERE name IN ('third', 'must_not_be_run')"),
                     0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pragma_table_info('mailbox')"
                                             " WHERE name = 'note'"),
                     0);
    sql_close(&sql);
    reopen(STORE_OK, NULL);
}
END_TEST

/* Version 1 as it was released, as SQL: whatever later versions do, this
 * one must open, and its keys must still sign and decrypt. */
START_TEST(opens_version_1_as_released)
{
    static const char secret[] =
        "5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99\n";
    store_close(&fixture.store); /* takes the log along */
    ck_assert_int_eq(unlink(fixture.path), 0);
    ck_assert_int_eq(unlink(fixture.secret_path), 0);
    FILE *file = fopen("tests/store/version_1.sql", "re");
    ck_assert_msg(file != NULL, "run from the root of the repository");
    static char dump[1 << 16];
    size_t length = fread(dump, 1, sizeof dump - 1, file);
    fclose(file);
    dump[length] = '\0';
    fixture_alter(&fixture, dump);
    ck_assert_int_eq(chmod(fixture.path, 0600), 0);
    file = fopen(fixture.secret_path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(secret, file);
    fclose(file);
    ck_assert_int_eq(chmod(fixture.secret_path, 0600), 0);

    reopen(STORE_OK, NULL);
    struct identity identity;
    struct identity_list list;
    X509 *certificate = NULL;
    ck_ok(&fixture, store_signing_identity(fixture.store, "a.smith@example.com", PKI_NOW, &identity,
                                           &fixture.why));
    ck_assert_int_eq(sk_X509_num(identity.chain), 1);
    identity_clear(&identity);
    ck_ok(&fixture, store_identities(fixture.store, "alice@example.com", &list, &fixture.why));
    ck_assert_uint_eq(list.count, 2);
    identity_list_clear(&list);
    struct capabilities capabilities;
    ck_ok(&fixture, store_encryption_certificate(fixture.store, "bob@partner.test", PKI_NOW,
                                                 &certificate, &capabilities, &fixture.why));
    ck_assert_uint_eq(capabilities.length, 2);
    capabilities_clear(&capabilities);
    X509_free(certificate);
    /* Tables that were made anew have their rows, and their references hold. */
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey_address"), 2);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pragma_foreign_key_list"
                                             "('pubkey_address') WHERE \"table\" = 'pubkey'"),
                     1);
    struct trust trust;
    ck_ok(&fixture, store_trust(fixture.store, &trust, &fixture.why));
    ck_assert_int_eq(sk_X509_num(trust.intermediates), 1);
    store_trust_clear(&trust);
    struct anchor_list anchors;
    ck_ok(&fixture, store_anchor_list(fixture.store, &anchors, &fixture.why));
    ck_assert_uint_eq(anchors.count, 1);
    anchor_list_clear(&anchors);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/schema");
    TCase *tests = tcase_create("schema");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, makes_a_store);
    tcase_add_test(tests, never_overwrites);
    tcase_add_test(tests, failed_making_leaves_nothing);
    tcase_add_test(tests, missing_and_open_files);
    tcase_add_test(tests, unreadable_file);
    tcase_add_test(tests, other_files_are_no_stores);
    tcase_add_test(tests, newer_is_refused);
    tcase_add_test(tests, missing_master_record);
    tcase_add_test(tests, migrates_step_by_step);
    tcase_add_test(tests, failed_migration_changes_nothing);
    tcase_add_test(tests, opens_version_1_as_released);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
