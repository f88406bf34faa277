/* smimectl mailbox for many at once: import, activate and deactivate by pattern and by file. */
#include <pty.h>

#include "smimectl_run.h"

static struct pki root;

static void setup(void)
{
    make_store();
    root = pki_ca("Test CA");
    write_pki("ca", &root);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("ca.pem")), 0, NULL);
}

static void teardown(void)
{
    pki_clear(&root);
    remove_directory();
}

static void add(const char *address)
{
    expect_run(address, SMIMECTL("mailbox", "add", address), 0, NULL);
}

/* NAME.key and NAME.pem for NAME@example.com. */
static void certify(const char *name)
{
    char address[128];
    snprintf(address, sizeof address, "%s@example.com", name);
    struct pki made = pki_leaf(&root, address);
    write_pki(name, &made);
    pki_clear(&made);
}

static long count_of(const json_t *report, const char *key)
{
    const json_t *value = json_object_get(report, key);
    ck_assert_msg(json_is_integer(value), "the report lacks %s", key);
    return (long)json_integer_value(value);
}

static json_t *report_of(const char *what, struct run run, int code)
{
    ck_assert_msg(run.code == code, "%s: exit code %d\n%s%s", what, run.code, run.out, run.err);
    json_t *report = parse_json(what, run.out);
    run_clear(&run);
    return report;
}

static size_t active_count(void)
{
    json_t *list = expect_json("list", SMIMECTL("mailbox", "list", "--state", "active", "--json"));
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

/* ---- import ---- */

static json_t *import(const char *text, int code)
{
    write_text(in_dir("in.csv"), text);
    return report_of(text, SMIMECTL("mailbox", "import", in_dir("in.csv"), "--json"), code);
}

START_TEST(import_is_idempotent)
{
    static const char text[] = "\xef\xbb\xbf" /* as Excel writes it where it speaks German */
                               "Address;Aliases;Never_Decrypt\r\n"
                               "Alice@EXAMPLE.com;\"a.s@example.com, as@example.com\";\r\n"
                               "bob@example.com;;WAHR\r\n"
                               "\"\"\"o d d\"\"@example.com\";;FALSCH\r\n";
    json_t *report = import(text, 0);
    ck_assert_int_eq(count_of(report, "added"), 3);
    json_decref(report);
    report = import(text, 0);
    ck_assert_int_eq(count_of(report, "unchanged"), 3);
    ck_assert_int_eq(count_of(report, "added"), 0);
    json_decref(report);
    json_t *bob = expect_json("show", SMIMECTL("mailbox", "show", "bob@example.com", "--json"));
    ck_assert(json_is_true(json_object_get(bob, "never_decrypt")));
    json_decref(bob);
    json_t *alice = expect_json("show", SMIMECTL("mailbox", "show", "as@example.com", "--json"));
    ck_assert_str_eq(text_at(alice, "mailbox"), "alice@example.com");
    ck_assert_uint_eq(json_array_size(json_object_get(alice, "aliases")), 2);
    json_decref(alice);
    expect_run("odd", SMIMECTL("mailbox", "show", "\"o d d\"@example.com"), 0, NULL);
}
END_TEST

START_TEST(import_tells_lines)
{
    static const char text[] = "address,alias,alias,never_decrypt\n"
                               "alice@example.com,a1@example.com,a2@example.com,\n" /* 2 */
                               "carol@partner.test,,,\n"                            /* 3 */
                               "nobody,,,\n"                                        /* 4 */
                               "dan@example.com,a1@example.com,,\n"                 /* 5 */
                               "eve@example.com,,,perhaps\n"                        /* 6 */
                               "fay@example.com,,\n"                                /* 7 */
                               "\"x\"y,,,\n"                                        /* 8 */
                               "gus@example.com,g@partner.test,,\n"                 /* 9 */
                               "hal@example.com,,,no\n";
    static const struct {
        int line;
        const char *reason;
    } wanted[] = {{3, "not in a managed domain"},
                  {4, "no mail address"},
                  {5, "alice@example.com already"},
                  {6, "must be yes or no"},
                  {7, "has 3 fields"},
                  {8, "closing quotes"},
                  {9, "g@partner.test is not in a managed domain"}};
    json_t *report = import(text, 3);
    ck_assert_int_eq(count_of(report, "added"), 2);
    ck_assert_int_eq(count_of(report, "refused"), 7);
    const json_t *failures = json_object_get(report, "failures");
    ck_assert_uint_eq(json_array_size(failures), 7);
    for (size_t i = 0; i < 7; i++) {
        const json_t *failure = json_array_get(failures, i);
        ck_assert_int_eq(json_integer_value(json_object_get(failure, "line")), wanted[i].line);
        ck_assert_msg(strstr(text_at(failure, "reason"), wanted[i].reason) != NULL, "%s",
                      text_at(failure, "reason"));
    }
    json_decref(report);
    expect_run("on standard error", SMIMECTL("mailbox", "import", in_dir("in.csv")), 3,
               "in.csv:5: dan@example.com: a1@example.com is an address of the mailbox "
               "alice@example.com already");
    expect_run("from standard input", SMIMECTL_READS(in_dir("in.csv"), "mailbox", "import", "-"), 3,
               "-:4: ");
}
END_TEST

static const struct broken_case {
    const char *name;
    const char *text;
    const char *err;
} broken_cases[] = {
    {"empty", "", "the file is empty"},
    {"no header", "alice@example.com\n", "no column \"alice@example.com\""},
    {"a wrong column", "address,alises\n", "no column \"alises\""},
    {"UTF-16",
     "\xff\xfe"
     "a",
     "UTF-16"},
    {"Latin-1", "address\nJ\xf6rg@example.com\n", "line 2 is not UTF-8"},
};

START_TEST(import_refuses_broken_files)
{
    const struct broken_case *c = &broken_cases[_i];
    write_text(in_dir("in.csv"), c->text);
    expect_run(c->name, SMIMECTL("mailbox", "import", in_dir("in.csv")), 1, c->err);
    expect_run("no such file", SMIMECTL("mailbox", "import", in_dir("none.csv")), 1,
               "No such file");
}
END_TEST

START_TEST(imports_many_quickly)
{
    FILE *file = fopen(in_dir("in.csv"), "we");
    ck_assert_ptr_nonnull(file);
    fputs("address,aliases\n", file);
    for (int i = 0; i < 5000; i++) {
        fprintf(file, "user%04d@example.com,u%04d@example.com\n", i, i);
    }
    ck_assert_int_eq(fclose(file), 0);
    json_t *report =
        report_of("many", SMIMECTL("mailbox", "import", in_dir("in.csv"), "--json"), 0);
    ck_assert_int_eq(count_of(report, "added"), 5000);
    json_decref(report);
}
END_TEST

/* ---- list --sort ---- */

static const struct sort_case {
    const char *key;
    const char *order[3];
} sort_cases[] = {
    {"address", {"a@sub.example.com", "b@example.com", "c@example.com"}},
    {"domain", {"b@example.com", "c@example.com", "a@sub.example.com"}},
    {"state", {"a@sub.example.com", "c@example.com", "b@example.com"}},
    {"expires", {"b@example.com", "a@sub.example.com", "c@example.com"}},
    {"certificate", {"b@example.com", "a@sub.example.com", "c@example.com"}},
};

START_TEST(lists_sorted)
{
    const struct sort_case *c = &sort_cases[_i];
    char *text = read_file(run_config, NULL), *more = NULL;
    ck_assert_int_gt(asprintf(&more, "managed_domains = [ \"example.com\", \".example.com\" ];\n%s",
                              strchr(text, '\n') + 1),
                     0);
    write_text(run_config, more);
    free(text);
    free(more);
    add("c@example.com");
    add("b@example.com");
    add("a@sub.example.com");
    certify("b");
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "b@example.com", "--key", in_dir("b.key"), "--cert",
                        in_dir("b.pem")),
               0, NULL);
    json_t *list = expect_json(c->key, SMIMECTL("mailbox", "list", "--sort", c->key, "--json"));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_msg(!strcmp(text_at(json_array_get(list, i), "mailbox"), c->order[i]),
                      "%s: %s in place %zu", c->key, text_at(json_array_get(list, i), "mailbox"),
                      i);
    }
    json_decref(list);
    expect_run("no such key", SMIMECTL("mailbox", "list", "--sort", "size"), 2,
               "cannot be sorted by");
}
END_TEST

/* ---- patterns ---- */

/* Three with keys, deactivated, one without. */
static void make_four(void)
{
    static const char *const names[] = {"alice", "bob", "sales-1"};
    for (size_t i = 0; i < 3; i++) {
        char address[64], key[32], cert[32];
        snprintf(address, sizeof address, "%s@example.com", names[i]);
        snprintf(key, sizeof key, "%s.key", names[i]);
        snprintf(cert, sizeof cert, "%s.pem", names[i]);
        add(address);
        certify(names[i]);
        expect_run(
            address,
            SMIMECTL("mailbox", "activate", address, "--key", in_dir(key), "--cert", in_dir(cert)),
            0, NULL);
    }
    add("sales-2@example.com");
}

START_TEST(patterns)
{
    make_four();
    json_t *report =
        report_of("all", SMIMECTL("mailbox", "deactivate", "*@Example.COM", "--json"), 0);
    ck_assert_int_eq(count_of(report, "deactivated"), 3);
    ck_assert_int_eq(count_of(report, "unchanged"), 1);
    json_decref(report);
    ck_assert_uint_eq(active_count(), 0);

    report = report_of("some", SMIMECTL("mailbox", "activate", "sales-*", "--json"), 3);
    ck_assert_int_eq(count_of(report, "activated"), 1);
    ck_assert_int_eq(count_of(report, "failed"), 1);
    const json_t *failure = json_array_get(json_object_get(report, "failures"), 0);
    ck_assert_str_eq(text_at(failure, "address"), "sales-2@example.com");
    ck_assert_ptr_nonnull(strstr(text_at(failure, "reason"), "no key yet"));
    json_decref(report);
    ck_assert_uint_eq(active_count(), 1);

    expect_run("none matches", SMIMECTL("mailbox", "activate", "*@partner.test"), 1,
               "*@partner.test: no mailbox matches");
    expect_run("several", SMIMECTL("mailbox", "activate", "bob@example.com", "alice@example.com"),
               0, NULL);
    ck_assert_uint_eq(active_count(), 3);
    expect_output("counts", SMIMECTL("mailbox", "activate", "a*"),
                  "activated: 0\nunchanged: 1\nfailed: 0\n");
}
END_TEST

START_TEST(one_certificate_for_several)
{
    add("alice@example.com");
    add("bob@example.com");
    struct pki both =
        pki_make(&(struct pki_spec){.addresses = {"alice@example.com", "bob@example.com"}}, &root);
    write_pki("both", &both);
    add("carol@example.com");
    struct run run = SMIMECTL("mailbox", "activate", "*@example.com", "--key", in_dir("both.key"),
                              "--cert", in_dir("both.pem"));
    ck_assert_int_eq(run.code, 3);
    ck_assert_ptr_nonnull(strstr(run.err, "carol@example.com: the certificate is for"));
    ck_assert_str_eq(run.out, "activated: 2\nunchanged: 0\nfailed: 1\n");
    run_clear(&run);
    pki_clear(&both);
}
END_TEST

/* ---- --from-file ---- */

static void write_list(void)
{
    ck_assert_int_eq(mkdir(in_dir("keys"), 0700), 0);
    static const char *const names[] = {"alice", "bob", "carol", "dan"};
    for (size_t i = 0; i < 4; i++) {
        char address[64];
        snprintf(address, sizeof address, "%s@example.com", names[i]);
        add(address);
        certify(names[i]);
    }
    expect_run("alice.p12",
               OPENSSL("pkcs12", "-export", "-inkey", in_dir("alice.key"), "-in",
                       in_dir("alice.pem"), "-out", in_dir("keys/alice.p12"), "-passout",
                       "pass:with, comma"),
               0, NULL);
    /* Key, certificate and all in one PEM file. */
    char *key = read_file(in_dir("bob.key"), NULL), *pem = read_file(in_dir("bob.pem"), NULL);
    char *both = NULL;
    ck_assert_int_gt(asprintf(&both, "%s%s", key, pem), 0);
    write_text(in_dir("keys/bob.pem"), both);
    free(key);
    free(pem);
    free(both);
    write_text(in_dir("list.csv"), "address,key,password,certificate\n"
                                   "alice@example.com,keys/alice.p12,\"with, comma\",\n"
                                   "bob@example.com,keys/bob.pem,,\n"
                                   "carol@example.com,carol.key,,carol.pem\n"
                                   "dan@example.com,keys/none.p12,,\n"
                                   "eve@example.com,keys/bob.pem,,\n"
                                   "dan@example.com,keys/bob.pem,,\n"
                                   "dan@example.com,,,\n"
                                   "dan@example.com,keys/alice.p12,wrong,\n"
                                   "dan@example.com,keys/alice.p12,,\n"
                                   "dan,keys/bob.pem,,\n"
                                   "alice@example.com,short\n");
}

START_TEST(activates_from_a_file)
{
    static const struct {
        int line;
        const char *reason;
    } wanted[] = {{5, "No such file"},
                  {6, "there is no mailbox"},
                  {7, "is for bob@example.com"},
                  {8, "no key is named"},
                  {9, "password"},
                  {10, "password is needed"},
                  {11, "no mail address"},
                  {12, "has 2 fields"}};
    write_list();
    json_t *report =
        report_of("from file",
                  SMIMECTL("mailbox", "activate", "--from-file", in_dir("list.csv"), "--json"), 3);
    ck_assert_int_eq(count_of(report, "activated"), 3);
    ck_assert_int_eq(count_of(report, "failed"), 8);
    for (size_t i = 0; i < 8; i++) {
        const json_t *failure = json_array_get(json_object_get(report, "failures"), i);
        ck_assert_int_eq(json_integer_value(json_object_get(failure, "line")), wanted[i].line);
        ck_assert_msg(strstr(text_at(failure, "reason"), wanted[i].reason) != NULL, "line %d: %s",
                      wanted[i].line, text_at(failure, "reason"));
    }
    json_decref(report);
    ck_assert_uint_eq(active_count(), 3);

    ck_assert_int_eq(chmod(in_dir("list.csv"), 0644), 0);
    expect_run("open passwords", SMIMECTL("mailbox", "activate", "--from-file", in_dir("list.csv")),
               3, "chmod 600");
    report = report_of(
        "deactivate",
        SMIMECTL("mailbox", "deactivate", "--from-file", in_dir("list.csv"), "--json"), 3);
    ck_assert_int_eq(count_of(report, "deactivated"), 3);
    json_decref(report);
    ck_assert_uint_eq(active_count(), 0);
}
END_TEST

START_TEST(usage_of_targets)
{
    write_text(in_dir("list.csv"), "address\n");
    expect_run("neither", SMIMECTL("mailbox", "activate"), 2, "either addresses are needed");
    expect_run(
        "both",
        SMIMECTL("mailbox", "deactivate", "a@example.com", "--from-file", in_dir("list.csv")), 2,
        "either addresses are needed");
    expect_run("keys twice",
               SMIMECTL("mailbox", "activate", "--from-file", in_dir("list.csv"), "--pkcs12", "x"),
               2, "the file itself names keys");
    expect_run("nothing in it", SMIMECTL("mailbox", "activate", "--from-file", in_dir("list.csv")),
               0, NULL);
}
END_TEST

/* ---- progress ---- */

START_TEST(progress_on_a_terminal_only)
{
    make_four();
    struct run run = SMIMECTL("mailbox", "deactivate", "*");
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.err, "");
    run_clear(&run);
    int terminal = -1, status = 0;
    fflush(NULL);
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        execl(run_program, run_program, "-c", run_config, "mailbox", "activate", "*", (char *)NULL);
        _exit(127);
    }
    static char seen[65536];
    size_t length = 0;
    ssize_t got;
    while ((got = read(terminal, seen + length, sizeof seen - 1 - length)) > 0) {
        length += (size_t)got;
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(terminal);
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert_msg(strstr(seen, "4 of 4, 1 failed") != NULL, "%s", seen);
    ck_assert_msg(strstr(seen, "sales-2@example.com: it has no key yet") != NULL, "%s", seen);
    ck_assert_msg(strstr(seen, "\033[Kactivated: 3") != NULL, "%s", seen);
}
END_TEST

/* ---- alias, delete ---- */

START_TEST(aliases_and_deleting)
{
    add("alice@example.com");
    json_t *mailbox =
        expect_json("alias add", SMIMECTL("mailbox", "alias", "add", "alice@example.com",
                                          "A.S@example.com", "as@example.com", "--json"));
    ck_assert_uint_eq(json_array_size(json_object_get(mailbox, "aliases")), 2);
    json_decref(mailbox);
    expect_run("partly",
               SMIMECTL("mailbox", "alias", "add", "a.s@example.com", "as@example.com",
                        "x@example.com", "y@partner.test"),
               3, "y@partner.test is not in a managed domain");
    expect_run("remove",
               SMIMECTL("mailbox", "alias", "remove", "alice@example.com", "a.s@example.com"), 0,
               NULL);
    expect_run("not there",
               SMIMECTL("mailbox", "alias", "remove", "alice@example.com", "a.s@example.com"), 1,
               "no further address");
    expect_run("neither", SMIMECTL("mailbox", "alias", "drop", "alice@example.com", "x"), 2,
               "must be add or remove");
    expect_run("unknown", SMIMECTL("mailbox", "alias", "add", "bob@example.com", "b@example.com"),
               1, "there is no mailbox");
    expect_run("delete by an alias", SMIMECTL("mailbox", "delete", "as@example.com"), 1,
               "further address of the mailbox alice@example.com");
    certify("alice");
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
    add("bob@example.com");
    expect_run("one of two", SMIMECTL("mailbox", "delete", "alice@example.com", "bob@example.com"),
               3, "1 private key");
    json_t *list = expect_json("list", SMIMECTL("mailbox", "list", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    json_decref(list);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    Suite *suite = suite_create("smimectl mailbox, many");
    TCase *tests = tcase_create("bulk");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, import_is_idempotent);
    tcase_add_test(tests, import_tells_lines);
    tcase_add_loop_test(tests, import_refuses_broken_files, 0, COUNT(broken_cases));
    tcase_add_test(tests, imports_many_quickly);
    tcase_add_loop_test(tests, lists_sorted, 0, COUNT(sort_cases));
    tcase_add_test(tests, patterns);
    tcase_add_test(tests, one_certificate_for_several);
    tcase_add_test(tests, activates_from_a_file);
    tcase_add_test(tests, usage_of_targets);
    tcase_add_test(tests, progress_on_a_terminal_only);
    tcase_add_test(tests, aliases_and_deleting);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
