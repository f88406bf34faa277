/* Enrolments by CMP that go wrong: servers that lie, answers that are lost, certificates that were
 * not asked for, processes that die in the middle. */
#include "enrol_fixture.h"
#include "test_run.h"

#include <sys/stat.h>

static struct enrol_fixture fixture;
static time_t now;

static void set_up(void)
{
    now = time(NULL);
    enrol_open(&fixture);
}

static void tear_down(void)
{
    enrol_close(&fixture);
}

static void start(void)
{
    ck_ok(&fixture.store, enrol_start(&fixture, ENROLMENT_NEW, now));
}

static void fault(enum cmp_ca_fault fault)
{
    fixture.ca.orders->fault = (int)fault;
}

static struct enrolment find(void)
{
    struct enrolment enrolment;
    ck_ok(&fixture.store,
          store_enrolment_find(fixture.store.store, enrol_alice, &enrolment, &fixture.store.why));
    return enrolment;
}

/* It failed for good: the sentence is kept, nothing waits any more. */
static void expect_failed(const char *part)
{
    struct enrolment enrolment = find();
    struct mailbox *mailbox = enrol_mailbox(&fixture);
    ck_assert_int_eq(enrolment.phase, ENROLMENT_FAILED);
    ck_assert_msg(strstr(enrolment.error, part), "%s", enrolment.error);
    ck_assert_int_eq(mailbox->state, MAILBOX_INACTIVE);
    ck_assert_int_eq(mailbox->requested, 0);
    mailbox_free(&mailbox);
    enrolment_clear(&enrolment);
    enrol_expect(&fixture, now, ENROL_NONE, NULL);
}

static size_t due(time_t at)
{
    struct enrolment_list list;
    ck_ok(&fixture.store,
          store_enrolment_due(fixture.store.store, at, 10, &list, &fixture.store.why));
    size_t count = list.count;
    enrolment_list_clear(&list);
    return count;
}

/* ---- Servers ---- */

/* Nothing of it is believed, nothing is lost, and the next attempt succeeds. */
START_TEST(bad_servers)
{
    static const struct {
        enum cmp_ca_fault fault;
        const char *part;
    } cases[] = {
        {CMP_CA_GARBAGE, "no message of CMP"},
        {CMP_CA_TRAILING, "no message of CMP"},
        {CMP_CA_DAMAGED, NULL},
        {CMP_CA_OVERSIZE, NULL},
        {CMP_CA_HANG, NULL},
        {CMP_CA_HTTP_500, "500"},
        {CMP_CA_EMPTY, "no message of CMP"},
        {CMP_CA_DROP, NULL},
    };
    start();
    fault(cases[_i].fault);
    time_t before = time(NULL);
    enrol_expect(&fixture, now, ENROL_RETRY, cases[_i].part);
    ck_assert_int_le(time(NULL) - before, 6);
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    struct enrolment enrolment = find();
    ck_assert_int_eq(enrolment.failures, 1);
    ck_assert_str_ne(enrolment.error, "");
    ck_assert_int_gt(enrolment.next_attempt, now);
    enrolment_clear(&enrolment);
    ck_assert_uint_eq(due(now), 0);
    ck_assert_uint_eq(due(now + 2), 1);
    fault(CMP_CA_NO_FAULT);
    enrol_expect(&fixture, now + 2, ENROL_ACTIVE, NULL);
}
END_TEST

/* Another transaction's answer, with good protection. */
START_TEST(replayed_answer)
{
    start();
    fault(CMP_CA_REPLAY);
    fixture.ca.orders->busy = true;
    enrol_expect(&fixture, now, ENROL_RETRY, "systemUnavail");
    fixture.ca.orders->busy = false;
    enrol_expect(&fixture, now + 10, ENROL_RETRY, "transactionid");
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
}
END_TEST

/* In one transaction: the answer to a poll is the one to the request. */
START_TEST(replayed_answer_to_a_poll)
{
    fixture.ca.orders->waits = 5;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    fault(CMP_CA_REPLAY);
    enrol_expect(&fixture, now + 10, ENROL_RETRY, "nonce");
}
END_TEST

/* "Wait" as the decision itself: OpenSSL would poll for ever, without a pause. */
START_TEST(no_end_of_waiting)
{
    fixture.ca.orders->waits = 1;
    fixture.ca.orders->waits_for_ever = true;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    enrol_expect(&fixture, now + 1, ENROL_RETRY, NULL);
    ck_assert_int_le(fixture.ca.orders->requests, 10);
}
END_TEST

START_TEST(attempts_become_rarer)
{
    start();
    cmp_ca_stop(&fixture.ca);
    time_t at = now, former = 0;
    for (int i = 0; i < 20; i++) {
        enrol_expect(&fixture, at, ENROL_RETRY, NULL);
        struct enrolment enrolment = find();
        time_t delay = enrolment.next_attempt - at;
        ck_assert_int_ge(delay, former);
        ck_assert_int_le(delay, 6 * 3600);
        former = delay;
        at = enrolment.next_attempt;
        enrolment_clear(&enrolment);
    }
    ck_assert_int_eq(former, 6 * 3600);
    cmp_ca_start(&fixture.ca);
    enrol_expect(&fixture, at, ENROL_ACTIVE, NULL);
}
END_TEST

START_TEST(given_up_in_time)
{
    fixture.ca.orders->waits = 1000;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    enrol_expect(&fixture, now + 13 * PKI_DAY, ENROL_WAITING, NULL);
    /* Due although the CA has said when to come again. */
    fixture.ca.orders->check_after = 1000000;
    enrol_expect(&fixture, now + 14 * PKI_DAY - 1, ENROL_WAITING, NULL);
    ck_assert_uint_eq(due(now + 14 * PKI_DAY), 1);
    enrol_expect(&fixture, now + 14 * PKI_DAY, ENROL_FAILED, "in time");
    expect_failed("in time");
}
END_TEST

START_TEST(wrong_secret)
{
    enrol_write(&fixture, "cmp.secret", "wrong\n", 0600);
    start();
    enrol_expect(&fixture, now, ENROL_RETRY, "protection");
    ck_assert_int_eq(fixture.ca.orders->issued, 0);
    enrol_write(&fixture, "cmp.secret", CMP_CA_SECRET, 0600);
    enrol_expect(&fixture, now, ENROL_ACTIVE, NULL);
}
END_TEST

START_TEST(bad_secret_files)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *part;
    } cases[] = {{CMP_CA_SECRET, 0640, "chmod 0600"},
                 {CMP_CA_SECRET, 0604, "chmod 0600"},
                 {"\n" CMP_CA_SECRET, 0600, "no secret"},
                 {"", 0600, "no secret"}};
    char *why = NULL;
    enrol_write(&fixture, "cmp.secret", cases[_i].text, cases[_i].mode);
    start();
    enrol_expect(&fixture, now, ENROL_RETRY, cases[_i].part);
    ck_assert_int_eq(fixture.ca.orders->requests, 0);
    ck_assert_int_eq(enrol_ca_check(&fixture.settings->cmp[0], &why), -1);
    ck_assert_msg(strstr(why_text(&why), cases[_i].part), "%s", why_text(&why));
    why_free(&why);
}
END_TEST

START_TEST(tls_with_the_wrong_certificate)
{
    struct cmp_setting *cmp = &fixture.config->settings.cmp[0];
    start();
    enrol_run(
        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-keyout t.key -out t.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost "
        "2>/dev/null && { openssl s_server -WWW -accept 127.0.0.1:0 -key t.key -cert t.pem "
        ">t.log 2>&1 & echo $! >t.pid; } && while ! grep -q ACCEPT t.log; do sleep 0.05; done",
        fixture.store.directory);
    FILE *in = fopen(enrol_path(&fixture, "t.log"), "re");
    int port = 0;
    char line[256];
    while (fgets(line, sizeof line, in) && sscanf(line, "ACCEPT 127.0.0.1:%d", &port) != 1)
        ;
    fclose(in);
    ck_assert_int_gt(port, 0);
    free(cmp->url);
    ck_assert_int_gt(asprintf(&cmp->url, "https://localhost:%d/cmp", port), 0);
    /* The system does not know it; the file that the settings name has another. */
    enrol_expect(&fixture, now, ENROL_RETRY, "ertificate");
    free(cmp->ca_file);
    cmp->ca_file = strdup(enrol_path(&fixture, "ca.pem"));
    enrol_expect(&fixture, now, ENROL_RETRY, "ertificate");
    enrol_run("cd %s && kill $(cat t.pid) && rm t.key t.pem t.log t.pid", fixture.store.directory);
}
END_TEST

/* ---- What the CA decides ---- */

START_TEST(rejected)
{
    fixture.ca.orders->waits = _i;
    strcpy((char *)(uintptr_t)fixture.ca.orders->rejected, _i ? "" : "alice");
    start();
    if (_i > 0) {
        enrol_expect(&fixture, now, ENROL_WAITING, NULL);
        strcpy((char *)(uintptr_t)fixture.ca.orders->rejected, "alice");
    }
    enrol_expect(&fixture, now + 1, ENROL_FAILED, "notAuthorized");
    expect_failed("not one of ours");
    /* It can be tried anew. */
    fixture.ca.orders->rejected[0] = '\0';
    fixture.ca.orders->waits = 0;
    start();
    enrol_expect(&fixture, now, ENROL_ACTIVE, NULL);
}
END_TEST

/* The CA is told, and the mailbox is as before. */
START_TEST(wrong_certificates)
{
    static const struct {
        enum cmp_ca_issue issue;
        const char *part;
    } cases[] = {
        {CMP_CA_ISSUE_OTHER_KEY, "key"},
        {CMP_CA_ISSUE_OTHER_ADDRESS, "mallory@example.com"},
        {CMP_CA_ISSUE_CA, "CA"},
        {CMP_CA_ISSUE_EXPIRED, "expired"},
        {CMP_CA_ISSUE_NO_MAIL_USE, "emailProtection"},
    };
    fixture.ca.orders->issue = cases[_i].issue;
    start();
    enrol_expect(&fixture, now, ENROL_FAILED, cases[_i].part);
    expect_failed(cases[_i].part);
    ck_assert_msg(strstr(fixture.ca.orders->log, "certConf rejection"), "%s",
                  fixture.ca.orders->log);
    ck_assert_msg(strstr(fixture.ca.orders->log, cases[_i].part), "%s", fixture.ca.orders->log);
}
END_TEST

/* Where the CA wants no confirmation, it cannot be told. */
START_TEST(wrong_certificate_implicitly_confirmed)
{
    enrol_by_secret(&fixture, "implicit_confirm = true;");
    fixture.ca.orders->implicit_confirm = true;
    fixture.ca.orders->issue = CMP_CA_ISSUE_OTHER_ADDRESS;
    start();
    enrol_expect(&fixture, now, ENROL_FAILED, "asked to revoke it");
    cmp_ca_expect_log(&fixture.ca, "ir\n");
}
END_TEST

/* A CA whose clock is ahead is not told that its certificate is bad, nor that it is good. */
START_TEST(not_valid_yet)
{
    static const bool implicit[] = {false, true};
    enrol_by_secret(&fixture, implicit[_i] ? "implicit_confirm = true;" : "");
    fixture.ca.orders->implicit_confirm = implicit[_i];
    fixture.ca.orders->valid_after_s = 200;
    start();
    enrol_expect(&fixture, now, ENROL_RETRY, "not valid yet");
    cmp_ca_expect_log(&fixture.ca, "ir\n");
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    enrol_expect(&fixture, now + 100, ENROL_RETRY, "not valid yet");
    enrol_expect(&fixture, now + 210, ENROL_ACTIVE, NULL);
    cmp_ca_expect_log(&fixture.ca, implicit[_i] ? "ir\n" : "ir\ncertConf\ncertConf accepted\n");
}
END_TEST

START_TEST(not_valid_for_long)
{
    fixture.ca.orders->valid_after_s = 600;
    start();
    enrol_expect(&fixture, now, ENROL_FAILED, "not yet valid");
    expect_failed("not yet valid");
}
END_TEST

/* ---- Answers that are lost ---- */

/* The confirmation arrived and nobody knows: it is sent again, and the certificate that is there is
 * taken, not a second one. */
START_TEST(lost_answer_to_the_confirmation)
{
    fixture.ca.orders->waits = _i;
    start();
    if (_i > 0)
        enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    fault(CMP_CA_DROP_CONFIRMED);
    enrol_expect(&fixture, now + 1, ENROL_RETRY, NULL);
    struct enrolment enrolment = find();
    ck_assert_int_eq(enrolment.received, now + 1);
    enrolment_clear(&enrolment);
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    fault(CMP_CA_NO_FAULT);
    enrol_expect(&fixture, now + 10, ENROL_ACTIVE, NULL);
    ck_assert_int_eq(fixture.ca.orders->issued, 1);
}
END_TEST

/* The confirmation did not arrive: it does the second time. */
START_TEST(lost_confirmation)
{
    struct enrolment enrolment;
    fixture.ca.orders->waits = 1;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    /* As after a crash between the answer and the confirmation. */
    fault(CMP_CA_DROP_CONFIRMED);
    enrol_expect(&fixture, now + 1, ENROL_RETRY, NULL);
    enrolment = find();
    ck_assert_uint_eq(enrolment.messages.count, 3);
    enrolment_clear(&enrolment);
    /* Too late, a CA has revoked what was not confirmed: a new one it is, for the same key. */
    fault(CMP_CA_NO_FAULT);
    enrol_expect(&fixture, now + 3602, ENROL_RETRY, "could not be confirmed in time");
    fixture.ca.orders->waits = 0;
    enrol_expect(&fixture, now + 3700, ENROL_ACTIVE, NULL);
    ck_assert_int_eq(fixture.ca.orders->issued, 2);
}
END_TEST

/* The CA says no to the very first confirmation: what it issued is not in force. */
START_TEST(refused_confirmation)
{
    fixture.ca.orders->no_confirm = true;
    start();
    enrol_expect(&fixture, now, ENROL_RETRY, NULL);
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    fixture.ca.orders->no_confirm = false;
    enrol_expect(&fixture, now + 3700, ENROL_ACTIVE, NULL);
    ck_assert_int_eq(fixture.ca.orders->issued, 2);
}
END_TEST

/* The answer to a poll is lost: OpenSSL's server insists on the nonce that we never got, and says
 * so; a new transaction begins, with the same key. */
START_TEST(lost_answer_to_a_poll)
{
    unsigned char *before = NULL, *after = NULL;
    size_t before_length = 0, after_length = 0;
    fixture.ca.orders->waits = 3;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    ck_ok(&fixture.store, store_request_find(fixture.store.store, enrol_alice, &before,
                                             &before_length, NULL, &fixture.store.why));
    fault(CMP_CA_DROP_POLL);
    enrol_expect(&fixture, now + 1, ENROL_RETRY, NULL);
    fault(CMP_CA_NO_FAULT);
    fixture.ca.orders->waits = 0;
    enrol_expect(&fixture, now + 10, ENROL_RETRY, NULL);
    ck_ok(&fixture.store, store_request_find(fixture.store.store, enrol_alice, &after,
                                             &after_length, NULL, &fixture.store.why));
    ck_assert_mem_eq(before, after, before_length);
    enrol_expect(&fixture, now + 20, ENROL_ACTIVE, NULL);
    free(before);
    free(after);
}
END_TEST

/* The CA forgets, as one does that is restarted; that ends. */
START_TEST(forgetful_ca)
{
    time_t at = now;
    fixture.ca.orders->waits = 5;
    start();
    for (int i = 0; i < 3; i++) {
        enrol_expect(&fixture, at, ENROL_WAITING, NULL);
        cmp_ca_stop(&fixture.ca);
        cmp_ca_start(&fixture.ca);
        enrol_expect(&fixture, at + 100, ENROL_RETRY, NULL);
        at += 1000;
    }
    enrol_expect(&fixture, at, ENROL_WAITING, NULL);
    cmp_ca_stop(&fixture.ca);
    cmp_ca_start(&fixture.ca);
    enrol_expect(&fixture, at + 100, ENROL_FAILED, "4 transactions");
    expect_failed("4 transactions");
}
END_TEST

/* ---- Processes ---- */

/* A process that dies while it waits for an answer: another ends it, with the one certificate. */
START_TEST(killed_in_the_middle)
{
    static const struct {
        enum cmp_ca_fault fault;
        const char *log; /* of the CA when it happens */
        int waits;
    } cases[] = {
        {CMP_CA_HANG, "", 0},
        {CMP_CA_HANG, "ir\npollReq\n", 1},
        {CMP_CA_HANG_CONFIRMED, "ir\ncertConf\ncertConf accepted\n", 0},
        {CMP_CA_HANG_CONFIRMED, "ir\npollReq\npollReq\ncertConf\ncertConf accepted\n", 1},
    };
    fixture.ca.orders->waits = cases[_i].waits;
    fixture.config->settings.cmp[0].timeout_s = 60;
    start();
    if (cases[_i].waits)
        enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    fault(cases[_i].fault);
    int requests = fixture.ca.orders->requests;
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct store *store = NULL;
        if (store_open(&fixture.store.options, &store, NULL) != STORE_OK)
            _exit(1);
        enrol_step(store, fixture.settings, enrol_alice, now + 1, NULL);
        _exit(0); /* it was not stopped in the middle */
    }
    for (int i = 0; i < 1000 && (fixture.ca.orders->requests == requests ||
                                 strcmp(fixture.ca.orders->log, cases[_i].log) != 0);
         i++)
        usleep(10000);
    int status = 0;
    cmp_ca_expect_log(&fixture.ca, cases[_i].log);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status), "the child ended by itself");
    fault(CMP_CA_NO_FAULT);
    enrol_expect(&fixture, now + 2, ENROL_NONE, NULL); /* it could be alive */
    enrol_expect_state(&fixture, MAILBOX_ACTIVATING);
    enrol_expect(&fixture, now + 1 + 6 * 60, ENROL_ACTIVE, NULL);
    ck_assert_int_eq(fixture.ca.orders->issued, 1);
}
END_TEST

/* Nobody else asks while a process is at it, until it is taken for dead. */
START_TEST(one_at_a_time)
{
    struct enrolment mine;
    start();
    ck_ok(&fixture.store, store_enrolment_claim(fixture.store.store, enrol_alice, 60, now, &mine,
                                                &fixture.store.why));
    enrolment_clear(&mine);
    enrol_expect(&fixture, now, ENROL_NONE, NULL);
    ck_assert_uint_eq(due(now + 59), 0);
    ck_assert_uint_eq(due(now + 60), 1);
    ck_assert_int_eq(fixture.ca.orders->requests, 0);
    enrol_expect(&fixture, now + 60, ENROL_ACTIVE, NULL);
}
END_TEST

/* ---- Administrators ---- */

START_TEST(withdrawn)
{
    struct enrolment enrolment;
    fixture.ca.orders->waits = 1;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    ck_ok(&fixture.store,
          store_request_withdraw(fixture.store.store, enrol_alice, &fixture.store.why));
    ck_status(
        &fixture.store,
        store_enrolment_find(fixture.store.store, enrol_alice, &enrolment, &fixture.store.why),
        STORE_NONE, NULL);
    enrol_expect(&fixture, now + 1, ENROL_NONE, NULL);
    enrol_expect_state(&fixture, MAILBOX_INACTIVE);
}
END_TEST

START_TEST(deactivated_meanwhile)
{
    fixture.ca.orders->waits = 1;
    start();
    enrol_expect(&fixture, now, ENROL_WAITING, NULL);
    ck_ok(&fixture.store,
          store_mailbox_deactivate(fixture.store.store, enrol_alice, &fixture.store.why));
    ck_assert_uint_eq(due(now + PKI_DAY), 0);
    ck_assert_uint_eq(due(now + 14 * PKI_DAY), 1);
}
END_TEST

START_TEST(ca_gone_from_the_settings)
{
    start();
    strcpy(fixture.config->settings.cmp[0].name, "xx");
    enrol_expect(&fixture, now, ENROL_RETRY, "no CA \"ca\"");
    strcpy(fixture.config->settings.cmp[0].name, "ca");
    enrol_expect(&fixture, now, ENROL_ACTIVE, NULL);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("enrol_failures");
    TCase *tests = tcase_create("failures");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, bad_servers, 0, 8);
    tcase_add_test(tests, replayed_answer);
    tcase_add_test(tests, replayed_answer_to_a_poll);
    tcase_add_test(tests, no_end_of_waiting);
    tcase_add_test(tests, attempts_become_rarer);
    tcase_add_test(tests, given_up_in_time);
    tcase_add_test(tests, wrong_secret);
    tcase_add_loop_test(tests, bad_secret_files, 0, 4);
    tcase_add_test(tests, tls_with_the_wrong_certificate);
    tcase_add_loop_test(tests, rejected, 0, 2);
    tcase_add_loop_test(tests, wrong_certificates, 0, 5);
    tcase_add_test(tests, wrong_certificate_implicitly_confirmed);
    tcase_add_loop_test(tests, not_valid_yet, 0, 2);
    tcase_add_test(tests, not_valid_for_long);
    tcase_add_loop_test(tests, lost_answer_to_the_confirmation, 0, 2);
    tcase_add_test(tests, lost_confirmation);
    tcase_add_test(tests, refused_confirmation);
    tcase_add_test(tests, lost_answer_to_a_poll);
    tcase_add_test(tests, forgetful_ca);
    tcase_add_loop_test(tests, killed_in_the_middle, 0, 4);
    tcase_add_test(tests, one_at_a_time);
    tcase_add_test(tests, withdrawn);
    tcase_add_test(tests, deactivated_meanwhile);
    tcase_add_test(tests, ca_gone_from_the_settings);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return test_run(suite());
}
