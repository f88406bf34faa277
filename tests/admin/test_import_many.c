/* smimectl pubkey import of thousands at once: one file, one run, and others at work meanwhile. */
#include "smimectl_run.h"

#include <sqlite3.h>

#define MANY 2000
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* A PEM file of them, made with the program for measurements; it stands in the same build. */
static void make_file(const char *name, const char *format)
{
    char tool[PATH_MAX + 64];
    snprintf(tool, sizeof tool, "%s", run_program);
    char *slash = strrchr(tool, '/');
    ck_assert_ptr_nonnull(slash);
    strcpy(slash, "/tests/tools/make_certificates");
    struct run run = RUN(NULL, tool, TEXT(MANY), format);
    ck_assert_msg(run.code == 0, "%s: %s", tool, run.err);
    write_file(in_dir(name), run.out, run.out_length);
    run_clear(&run);
}

static size_t count_lines(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) {
        count++;
    }
    return count;
}

static void setup(void)
{
    make_store();
}

static void teardown(void)
{
    remove_directory();
}

static const char *const formats[] = {"pem", "ldif"};

START_TEST(test_thousands)
{
    make_file("many", formats[_i]);
    struct run run = SMIMECTL("pubkey", "import", in_dir("many"), "--json");
    ck_assert_msg(run.code == 0, "%d %.2000s", run.code, run.err);
    ck_assert_str_eq(run.err, "");
    json_t *report = parse_json("import", run.out);
    ck_assert_uint_eq(json_array_size(report), MANY);
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_array_get(report, MANY - 1), "number")), MANY);
    json_decref(report);
    run_clear(&run);
    expect_output("the last", SMIMECTL("pubkey", "show", "user1999@partner.test"),
                  "addresses: user1999@partner.test");
    /* Every one is in the audit trail, and a second run adds nothing. */
    expect_run("again", SMIMECTL("pubkey", "import", in_dir("many")), 0, NULL);
    run = SMIMECTL("audit");
    ck_assert_uint_eq(count_lines(run.out, "public key imported"), MANY);
    run_clear(&run);
    run = SMIMECTL("pubkey", "list");
    ck_assert_uint_eq(count_lines(run.out, "\n"), MANY + 1);
    run_clear(&run);
}
END_TEST

/* Damage in the middle costs what is damaged, and nothing else. */
START_TEST(test_damage)
{
    make_file("many", "pem");
    char *text = read_file(in_dir("many"), NULL);
    char *at = text;
    for (int i = 0; i < 1000; i++) {
        at = strstr(at + 1, "-----BEGIN ");
        ck_assert_ptr_nonnull(at);
    }
    memset(strchr(at, '\n') + 1, '!', 20); /* of number 1001 */
    at = strstr(at + 1, "-----BEGIN ");
    memcpy(strchr(at, '\n') + 1, "AAAA", 4); /* of number 1002 */
    write_text(in_dir("many"), text);
    free(text);
    struct run run = SMIMECTL("pubkey", "import", in_dir("many"));
    ck_assert_int_eq(run.code, 3);
    ck_assert_msg(strstr(run.err, "\"PEM block 1001\": the block is damaged"), "%s", run.err);
    ck_assert_msg(strstr(run.err, "\"PEM block 1002\": the certificate is malformed"), "%s",
                  run.err);
    ck_assert_uint_eq(count_lines(run.out, "imported"), MANY - 2);
    run_clear(&run);
}
END_TEST

/* Who writes meanwhile waits for one batch, not for the import. */
START_TEST(test_others_work)
{
    write_config("database_timeout_ms = 2000;\n");
    make_file("many", "pem");
    fflush(NULL);
    pid_t import = fork();
    ck_assert_int_ge(import, 0);
    if (import == 0) {
        setsid();
        redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
        execl(run_program, run_program, "-c", run_config, "pubkey", "import", in_dir("many"),
              (char *)NULL);
        _exit(127);
    }
    int status = 0, added = 0;
    while (waitpid(import, &status, WNOHANG) == 0) {
        char address[64];
        snprintf(address, sizeof address, "user%d@example.com", added++);
        expect_run(address, SMIMECTL("mailbox", "add", address), 0, NULL);
    }
    ck_assert_int_eq(status, 0);
    ck_assert_int_gt(added, 0);
    struct run run = SMIMECTL("pubkey", "list");
    ck_assert_uint_eq(count_lines(run.out, "\n"), MANY + 1);
    run_clear(&run);
}
END_TEST

/* A store that fails ends the run: what comes after is not tried, and that is said once. */
START_TEST(test_stops)
{
    make_file("many", "pem");
    write_config("database_timeout_ms = 100;\n");
    sqlite3 *database = NULL;
    ck_assert_int_eq(sqlite3_open(in_dir("lib/store.db"), &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(database,
                                  "CREATE TRIGGER full BEFORE INSERT ON pubkey WHEN"
                                  " (SELECT count(*) FROM pubkey) >= 300"
                                  " BEGIN SELECT RAISE(ABORT, 'disk full'); END;",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(database);
    struct run run = SMIMECTL("pubkey", "import", in_dir("many"));
    ck_assert_int_eq(run.code, 3);
    ck_assert_uint_eq(count_lines(run.err, "the import has stopped: "), 1);
    ck_assert_msg(strstr(run.err, "run the command again"), "%s", run.err);
    ck_assert_uint_eq(count_lines(run.out, "imported"), 256);
    run_clear(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl pubkey import, many");
    TCase *tests = tcase_create("many");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_thousands, 0, 2);
    tcase_add_test(tests, test_damage);
    tcase_add_test(tests, test_others_work);
    tcase_add_test(tests, test_stops);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
