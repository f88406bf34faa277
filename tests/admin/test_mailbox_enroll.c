/* smimectl mailbox enroll, renew, enrolments, revoke, and a running smimed that ends what they
 * begin, against a CA that speaks CMP. */
#include "cmp_ca_run.h"
#include "daemon_run.h"
#include "smimectl_run.h"

#define ALICE "alice@example.com"

static struct cmp_ca_run ca;

/* `more` stands in the settings of the CA. */
static void configure(const char *more)
{
    char *text = NULL;
    ck_assert_int_gt(
        asprintf(&text,
                 "sockets = ( { address = \"unix:%s/in\"; role = \"inbound\"; } );\n"
                 "cmp = ( { name = \"ca\"; url = \"%s\"; key = \"ec:P-256\";\n"
                 "reference = \"" CMP_CA_REFERENCE "\"; secret_file = \"%s\";\n"
                 "server_certificate = \"%s\"; poll_min_s = 1; timeout_s = 2; %s } );\n",
                 run_directory, ca.url, in_dir("cmp.secret"), in_dir("ca.pem"), more),
        0);
    write_config(text);
    free(text);
}

static void setup(void)
{
    make_store();
    cmp_ca_prepare(&ca);
    cmp_ca_start(&ca);
    write_pki("ca", &ca.ca.issuer);
    write_text(in_dir("cmp.secret"), CMP_CA_SECRET "\n");
    ck_assert_int_eq(chmod(in_dir("cmp.secret"), 0600), 0);
    configure("");
    expect_run("add", SMIMECTL("mailbox", "add", ALICE), 0, NULL);
}

static void teardown(void)
{
    cmp_ca_remove(&ca);
    remove_directory();
}

static json_t *show(void)
{
    return expect_json("show", SMIMECTL("mailbox", "show", ALICE, "--json"));
}

static void expect_shown(const char *key, const char *wanted)
{
    json_t *mailbox = show();
    ck_assert_str_eq(text_at(mailbox, key), wanted);
    json_decref(mailbox);
}

static size_t key_count(void)
{
    json_t *mailbox = show();
    size_t count = json_array_size(json_object_get(mailbox, "keys"));
    json_decref(mailbox);
    return count;
}

static void expect_counts(const char *what, struct run run, int code, const char *counts)
{
    ck_assert_msg(run.code == code, "%s: exit code %d\n%s%s", what, run.code, run.out, run.err);
    ck_assert_msg(strcmp(run.out, counts) == 0, "%s: %s", what, run.out);
    run_clear(&run);
}

#define COUNTS(activated, waiting, unchanged, failed)                                              \
    "activated: " #activated "\nwaiting: " #waiting "\nunchanged: " #unchanged                     \
    "\nfailed: " #failed "\n"

/* A message that is processed as alice's is signed with a certificate that openssl verifies. */
static void expect_signs(void)
{
    write_text(in_dir("message"), "From: " ALICE "\r\nTo: bob@partner.test\r\nSubject: x\r\n"
                                  "Date: Sun, 1 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n");
    struct run run = SMIMECTL_READS(in_dir("message"), "process", "--outgoing", "--from", ALICE,
                                    "--to", "bob@partner.test");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_file(in_dir("signed"), run.out, run.out_length);
    run_clear(&run);
    expect_run("openssl cms -verify",
               OPENSSL("cms", "-verify", "-in", in_dir("signed"), "-CAfile", in_dir("ca.pem"),
                       "-purpose", "smimesign", "-signer", in_dir("signer.pem"), "-out",
                       "/dev/null"),
               0, NULL);
    expect_output("openssl x509",
                  OPENSSL("x509", "-in", in_dir("signer.pem"), "-noout", "-ext", "subjectAltName"),
                  "email:" ALICE);
}

START_TEST(enrolled_at_once)
{
    expect_counts("enroll", SMIMECTL("mailbox", "enroll", ALICE), 0, COUNTS(1, 0, 0, 0));
    expect_shown("state", "active");
    expect_shown("enrolment", "(null)");
    expect_signs();
    expect_counts("again", SMIMECTL("mailbox", "enroll", "*@example.com"), 0, COUNTS(0, 0, 1, 0));
    ck_assert_int_eq(ca.orders->issued, 1);
    expect_counts("replace", SMIMECTL("mailbox", "enroll", ALICE, "--replace"), 0,
                  COUNTS(1, 0, 0, 0));
    ck_assert_int_eq(ca.orders->issued, 2);
    ck_assert_uint_eq(key_count(), 2);
    expect_output("audit", SMIMECTL("audit"), "enrolment begun");
    expect_output("audit", SMIMECTL("audit"), "certificate installed");
}
END_TEST

START_TEST(activating_until_the_ca_decides)
{
    ca.orders->waits = 2;
    ca.orders->check_after = 1;
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE), 0, "not decided");
    expect_shown("state", "activating");
    expect_shown("enrolment", "pending");
    expect_shown("enrolment_ca", "ca");
    expect_output("list", SMIMECTL("mailbox", "list", "--state", "activating"), ALICE);
    json_t *list = expect_json("enrolments", SMIMECTL("mailbox", "enrolments", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_str_eq(text_at(json_array_get(list, 0), "state"), "pending");
    json_decref(list);
    expect_run("again", SMIMECTL("mailbox", "enroll", ALICE), 1, "pending already");
    expect_run("withdraw", SMIMECTL("mailbox", "request", ALICE, "--withdraw"), 0, NULL);
    expect_shown("state", "inactive");
    expect_output("none", SMIMECTL("mailbox", "enrolments", "--json"), "[]");
    expect_counts("wait", SMIMECTL("mailbox", "enroll", ALICE, "--wait", "30"), 0,
                  COUNTS(1, 0, 0, 0));
    expect_shown("state", "active");
    expect_signs();
}
END_TEST

START_TEST(waiting_ends)
{
    ca.orders->waits = 1000;
    expect_run("wait", SMIMECTL("mailbox", "enroll", ALICE, "--wait", "1"), 75, "not decided");
    expect_shown("state", "activating");
    expect_run("wait", SMIMECTL("mailbox", "enroll", ALICE, "--wait", "x"), 2, "seconds");
}
END_TEST

START_TEST(left_to_the_daemon)
{
    expect_counts("enroll", SMIMECTL("mailbox", "enroll", ALICE, "--wait", "0"), 0,
                  COUNTS(0, 1, 0, 0));
    ck_assert_int_eq(ca.orders->requests, 0);
    expect_shown("state", "activating");
}
END_TEST

START_TEST(rejected_by_the_ca)
{
    strcpy((char *)(uintptr_t)ca.orders->rejected, "alice");
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE), 1, "not one of ours");
    expect_shown("state", "inactive");
    expect_shown("enrolment", "failed");
    json_t *list = expect_json("list", SMIMECTL("mailbox", "list", "--json"));
    const char *error = text_at(json_array_get(list, 0), "enrolment_error");
    ck_assert_msg(strstr(error, "notAuthorized"), "%s", error);
    json_decref(list);
    ca.orders->rejected[0] = '\0';
    expect_counts("again", SMIMECTL("mailbox", "enroll", ALICE), 0, COUNTS(1, 0, 0, 0));
    expect_shown("enrolment_error", "(null)");
}
END_TEST

START_TEST(many)
{
    write_text(in_dir("list.csv"), "address\nbob@example.com\nnobody@example.com\n"
                                   "carol@partner.test\n" ALICE "\n");
    expect_run("add", SMIMECTL("mailbox", "add", "bob@example.com"), 0, NULL);
    expect_counts("file",
                  SMIMECTL("mailbox", "enroll", "--from-file", in_dir("list.csv"), "--wait", "30"),
                  3, COUNTS(2, 0, 0, 2));
    expect_counts("renew", SMIMECTL("mailbox", "renew", "*@example.com"), 0, COUNTS(2, 0, 0, 0));
    ck_assert_int_eq(ca.orders->issued, 4);
}
END_TEST

START_TEST(mistakes)
{
    static const struct {
        const char *const words[6];
        int code;
        const char *err;
    } cases[] = {
        {{"enroll"}, 2, "addresses are needed"},
        {{"enroll", ALICE, "--ca", "other"}, 1, "no CA \"other\""},
        {{"enroll", "nobody@example.com"}, 1, "no mailbox"},
        {{"enroll", "bob@partner.test"}, 1, "managed"},
        {{"renew", ALICE}, 1, "did not come by CMP"},
        {{"revoke", ALICE}, 1, "has no certificate"},
        {{"revoke", ALICE, "--reason", "boredom"}, 2, "no reason"},
        {{"revoke", ALICE, "--id", "x"}, 2, "certificate id"},
        {{"revoke", ALICE, "--id", "7"}, 1, "did not come"},
    };
    const char *argv[16] = {run_program, "-c", run_config, "mailbox"};
    for (size_t i = 0; i < 6; i++)
        argv[4 + i] = cases[_i].words[i];
    expect_run(cases[_i].err, run_argv(NULL, argv), cases[_i].code, cases[_i].err);
    ck_assert_int_eq(ca.orders->requests, 0);
}
END_TEST

START_TEST(no_ca_in_the_configuration)
{
    write_config("");
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE), 1, "names no CA");
}
END_TEST

START_TEST(domains_choose_the_ca)
{
    configure("domains = [ \"bob@example.com\" ];");
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE), 1, "no CA of the configuration");
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE, "--ca", "ca"), 1, "does not issue");
}
END_TEST

/* smimed -t reads what the settings name. */
START_TEST(checked_before_the_start)
{
    char program[600];
    daemon_program(program, sizeof program);
    expect_output("smimed -t", RUN(NULL, program, "-t", "-c", run_config), "is good");
    ck_assert_int_eq(chmod(in_dir("cmp.secret"), 0644), 0);
    expect_run("smimed -t", RUN(NULL, program, "-t", "-c", run_config), 1, "chmod 0600");
    ck_assert_int_eq(unlink(in_dir("cmp.secret")), 0);
    expect_run("smimed -t", RUN(NULL, program, "-t", "-c", run_config), 1,
               "CA \"ca\": cannot open");
}
END_TEST

START_TEST(renewed)
{
    expect_counts("enroll", SMIMECTL("mailbox", "enroll", ALICE), 0, COUNTS(1, 0, 0, 0));
    expect_signs();
    expect_run("former", OPENSSL("x509", "-in", in_dir("signer.pem"), "-out", in_dir("former.pem")),
               0, NULL);
    write_text(in_dir("text"), "Content-Type: text/plain\r\n\r\nan old secret\r\n");
    expect_run("encrypt",
               OPENSSL("cms", "-encrypt", "-aes256", "-in", in_dir("text"), "-from",
                       "bob@partner.test", "-to", ALICE, "-subject", "x", "-out", in_dir("old.eml"),
                       in_dir("former.pem")),
               0, NULL);
    expect_counts("renew", SMIMECTL("mailbox", "renew", ALICE), 0, COUNTS(1, 0, 0, 0));
    ck_assert_uint_eq(key_count(), 2);
    expect_signs();
    expect_output("the former key decrypts",
                  SMIMECTL_READS(in_dir("old.eml"), "process", "--incoming", "--from",
                                 "bob@partner.test", "--to", ALICE),
                  "an old secret");
}
END_TEST

START_TEST(revoked)
{
    expect_counts("enroll", SMIMECTL("mailbox", "enroll", ALICE), 0, COUNTS(1, 0, 0, 0));
    expect_run("revoke", SMIMECTL("mailbox", "revoke", ALICE, "--reason", "keyCompromise"), 0,
               "is revoked");
    expect_shown("state", "inactive");
    json_t *mailbox = show();
    json_t *key = json_array_get(json_object_get(mailbox, "keys"), 0);
    ck_assert_str_eq(text_at(key, "cmp_ca"), "ca");
    ck_assert_str_ne(text_at(key, "revoked"), "(null)");
    json_decref(mailbox);
    ck_assert_ptr_nonnull(strstr(ca.orders->log, "rr\nrevoked\n"));
    expect_run("activate", SMIMECTL("mailbox", "activate", ALICE), 1, "revoked");
    expect_run("revoke", SMIMECTL("mailbox", "revoke", ALICE), 1, "already");
    expect_output("audit", SMIMECTL("audit"), "keyCompromise");
}
END_TEST

/* ---- The daemon ---- */

static struct site site; /* the parts that daemon_run.h looks at */
static struct daemon_run smimed;

static void start_daemon(void)
{
    ck_assert_uint_lt(strlen(run_directory), sizeof site.dir);
    ck_assert_uint_lt(strlen(run_config), sizeof site.config);
    strcpy(site.dir, run_directory);
    strcpy(site.config, run_config);
    daemon_start(&smimed, &site);
}

static void wait_for_state(const char *wanted)
{
    for (int i = 0; i < 200; i++) {
        json_t *mailbox = show();
        bool there = strcmp(text_at(mailbox, "state"), wanted) == 0;
        json_decref(mailbox);
        if (there)
            return;
        usleep(100000);
    }
    ck_abort_msg("the mailbox does not become %s:\n%s", wanted, daemon_log(&smimed));
}

START_TEST(the_daemon_goes_on)
{
    ca.orders->waits = 1;
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE), 0, NULL);
    expect_shown("state", "activating");
    start_daemon();
    wait_for_state("active");
    daemon_wait_log(&smimed, "CA \"ca\" has certified " ALICE, 1);
    daemon_stop(&smimed);
    expect_signs();
    ck_assert_int_eq(ca.orders->issued, 1);
}
END_TEST

/* Killed while the CA keeps it waiting for an answer; another daemon ends it. */
START_TEST(the_daemon_is_killed)
{
    expect_run("enroll", SMIMECTL("mailbox", "enroll", ALICE, "--wait", "0"), 0, NULL);
    ca.orders->fault = CMP_CA_HANG_CONFIRMED;
    start_daemon();
    for (int i = 0; i < 1000 && !strstr(ca.orders->log, "certConf accepted"); i++)
        usleep(10000);
    ck_assert_ptr_nonnull(strstr(ca.orders->log, "certConf accepted"));
    pid_t children[DAEMON_MAX_CHILDREN];
    size_t count = daemon_children(&smimed, children);
    ck_assert_int_eq(kill(smimed.pid, SIGKILL), 0);
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    daemon_wait(&smimed);
    expect_shown("state", "activating");
    ca.orders->fault = CMP_CA_NO_FAULT;
    start_daemon();
    wait_for_state("active");
    daemon_stop(&smimed);
    ck_assert_int_eq(ca.orders->issued, 1);
    expect_signs();
}
END_TEST

START_TEST(the_daemon_renews)
{
    ca.orders->valid_days = 20;
    expect_counts("enroll", SMIMECTL("mailbox", "enroll", ALICE), 0, COUNTS(1, 0, 0, 0));
    ca.orders->valid_days = 365;
    cmp_ca_forget_log(&ca);
    start_daemon();
    daemon_wait_log(&smimed, "expires soon", 1);
    daemon_wait_log(&smimed, "CA \"ca\" has certified " ALICE, 1);
    daemon_stop(&smimed);
    cmp_ca_expect_log(&ca, "kur\ncertConf\ncertConf accepted\n");
    ck_assert_uint_eq(key_count(), 2);
    expect_signs();
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("mailbox_enroll");
    TCase *tests = tcase_create("enroll");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, enrolled_at_once);
    tcase_add_test(tests, activating_until_the_ca_decides);
    tcase_add_test(tests, waiting_ends);
    tcase_add_test(tests, left_to_the_daemon);
    tcase_add_test(tests, rejected_by_the_ca);
    tcase_add_test(tests, many);
    tcase_add_loop_test(tests, mistakes, 0, 9);
    tcase_add_test(tests, no_ca_in_the_configuration);
    tcase_add_test(tests, domains_choose_the_ca);
    tcase_add_test(tests, checked_before_the_start);
    tcase_add_test(tests, renewed);
    tcase_add_test(tests, revoked);
    tcase_add_test(tests, the_daemon_goes_on);
    tcase_add_test(tests, the_daemon_is_killed);
    tcase_add_test(tests, the_daemon_renews);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
