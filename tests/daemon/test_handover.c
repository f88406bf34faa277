/* Handing copies over: in which order, what a refusal or a break at each step comes to, and what
 * may have been handed over then. The listener is scripted. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

#include "handover.h"
#include "smtp_server_run.h"
#include "test_entity.h"
#include "test_run.h"
#include "why.h"
#include "work_timer.h"

#define MANY (2 * HANDOVER_MAX_CONNECTIONS + 3)

static struct smtp_test_server server;
static struct settings settings;
static struct entity message;
static struct copy copies[MANY];
static struct copy_recipient recipients[MANY];
static char names[MANY][40];
static size_t committed;
static const char *refused;
static char *why;

static const char text[] = "Subject: copy\r\nX-Folded: a\r\n\tb\r\n\r\n.dot\r\nlast line";

static void setup(void)
{
    why = NULL;
    ck_assert_int_eq(settings_init(&settings, NULL), 0);
    settings.smtp_timeout_s = 2;
    settings.work_timeout_s = 10;
    free(settings.helo_name);
    settings.helo_name = strdup("gateway.example.com");
    message = entity_from(text, sizeof text - 1);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "r%zu@example.com", i + 1);
        recipients[i] = (struct copy_recipient){.text = names[i]};
        copies[i] = (struct copy){.sender = "a@example.com",
                                  .recipients = &recipients[i],
                                  .recipient_count = 1,
                                  .message = &message};
    }
}

static void teardown(void)
{
    if (server.pid > 0)
        smtp_server_stop(&server);
    entity_clear(&message);
    settings_clear(&settings);
    why_free(&why);
}

static void serve(const struct smtp_script *script)
{
    smtp_server_start(&server, script);
    settings.reinject.address = strdup("inet:1@127.0.0.1");
    settings.reinject.host = strdup("127.0.0.1");
    settings.reinject.port = (unsigned)server.port;
}

static enum handover_status hand(size_t count)
{
    return handover(&settings, copies, count, NULL, &committed, &refused, &why);
}

static void demand(enum handover_status status, enum handover_status wanted, size_t done,
                   const char *said)
{
    ck_assert_msg(status == wanted, "status %d: %s", (int)status, why_text(&why));
    ck_assert_msg(committed == done, "%zu committed: %s", committed, why_text(&why));
    if (said)
        ck_assert_msg(strstr(why_text(&why), said) != NULL, "said: %s", why_text(&why));
}

/* Each envelope and each DATA before the first end. */
START_TEST(all_before_the_first_end)
{
    static const struct smtp_script script = {0};
    char *events, *first_end;

    serve(&script);
    demand(hand(5), HANDOVER_DONE, 5, NULL);
    ck_assert_ptr_null(refused);
    ck_assert_uint_eq(smtp_server_contents(&server), 5);
    events = smtp_server_saw(&server, "events", NULL);
    first_end = strstr(events, " CONTENT");
    ck_assert_ptr_null(strstr(first_end, "MAIL"));
    ck_assert_ptr_null(strstr(first_end, "RCPT"));
    ck_assert_ptr_null(strstr(first_end, "DATA"));
    for (int i = 1; i <= 5; i++) {
        char line[80];

        snprintf(line, sizeof line, "%d RCPT TO:<r%d@example.com>\n", i, i);
        ck_assert_msg(strstr(events, line) != NULL, "%s", events);
        snprintf(line, sizeof line, "%d QUIT\n", i);
        ck_assert_msg(strstr(events, line) != NULL, "%s", events);
    }
    free(events);
}
END_TEST

START_TEST(content_and_parameters)
{
    static const struct smtp_script script = {0};
    struct copy_recipient two[] = {{"b@example.com", "NEVER", "rfc822;b@example.com"},
                                   {"c@example.com", NULL, NULL}};
    char *seen;

    copies[0].ret = "HDRS";
    copies[0].envid = "E1";
    copies[0].recipients = two;
    copies[0].recipient_count = 2;
    copies[0].smtputf8 = true;
    serve(&script);
    demand(hand(1), HANDOVER_DONE, 1, NULL);
    seen = smtp_server_saw(&server, "1", NULL);
    ck_assert_msg(strstr(seen, "MAIL FROM:<a@example.com> SIZE=51 SMTPUTF8 RET=HDRS ENVID=E1\r\n"
                               "RCPT TO:<b@example.com> NOTIFY=NEVER ORCPT=rfc822;b@example.com\r\n"
                               "RCPT TO:<c@example.com>\r\n"
                               "DATA\r\n"
                               "Subject: copy\r\nX-Folded: a\r\n\tb\r\n\r\n..dot\r\nlast line\r\n"
                               ".\r\nQUIT\r\n"),
                  "%s", seen);
    free(seen);
}
END_TEST

/* Which of BODY=8BITMIME and SMTPUTF8 a copy asks for, and what it cannot do without. */
START_TEST(eight_bits)
{
    static const struct {
        const char *text, *sender;
        bool smtputf8;
        const char *offers;
        enum handover_status status;
        const char *expect; /* in MAIL, or in the sentence */
    } cases[] = {
        {"A: b\r\n\r\nx\r\n", "a@b.test", false, NULL, HANDOVER_DONE, "<a@b.test> SIZE=11\r\n"},
        {"A: b\r\n\r\n\xFC\r\n", "a@b.test", false, NULL, HANDOVER_DONE,
         "<a@b.test> SIZE=11 BODY=8BITMIME\r\n"},
        {"A: \xC3\xBC\r\n\r\nx\r\n", "a@b.test", false, NULL, HANDOVER_DONE,
         "<a@b.test> SIZE=12 BODY=8BITMIME\r\n"},
        {"A: \xC3\xBC\r\n\r\nx\r\n", "a@b.test", true, NULL, HANDOVER_DONE,
         "<a@b.test> SIZE=12 BODY=8BITMIME SMTPUTF8\r\n"},
        {"A: b\r\n\r\nx\r\n", "\xC3\xBC@b.test", false, NULL, HANDOVER_DONE,
         "<\xC3\xBC@b.test> SIZE=11 SMTPUTF8\r\n"},
        {"A: b\r\n\r\nx\r\n", "a@b.test", true, "", HANDOVER_DONE, "<a@b.test>\r\n"},
        {"A: b\r\n\r\n\xFC\r\n", "a@b.test", false, "", HANDOVER_REFUSED, "8BITMIME"},
        {"A: \xC3\xBC\r\n\r\nx\r\n", "a@b.test", true, "250-8BITMIME\r\n", HANDOVER_REFUSED,
         "SMTPUTF8"},
        {"A: b\r\n\r\nx\r\n", "\xC3\xBC@b.test", true, "", HANDOVER_REFUSED, "SMTPUTF8"},
    };
    const struct smtp_script script = {.ehlo = cases[_i].offers};
    bool done = cases[_i].status == HANDOVER_DONE;
    char *seen;

    entity_clear(&message);
    message = entity_from(cases[_i].text, strlen(cases[_i].text));
    copies[0].sender = cases[_i].sender;
    copies[0].smtputf8 = cases[_i].smtputf8;
    serve(&script);
    demand(hand(1), cases[_i].status, done ? 1 : 0, done ? NULL : cases[_i].expect);
    seen = smtp_server_saw(&server, "1", NULL);
    if (done)
        ck_assert_msg(strstr(seen, cases[_i].expect) != NULL, "%s", seen);
    ck_assert_uint_eq(smtp_server_contents(&server), committed);
    free(seen);
}
END_TEST

/* What goes wrong on the second of three copies. */
START_TEST(trouble_at_each_step)
{
    static const struct {
        struct smtp_answer answer;
        enum handover_status status;
        size_t done;
        const char *said;
        bool recipient;
    } cases[] = {
        {{"", "421 busy\r\n", SMTP_DROPS, 2}, HANDOVER_DEFERRED, 0, "421 busy", false},
        {{"", "554 nobody\r\n", SMTP_SAYS, 2}, HANDOVER_DEFERRED, 0, "554 nobody", false},
        {{"", NULL, SMTP_DROPS, 2}, HANDOVER_DEFERRED, 0, "", false},
        {{"", NULL, SMTP_HANGS, 2}, HANDOVER_DEFERRED, 0, "", false},
        {{"EHLO", NULL, SMTP_DROPS, 2}, HANDOVER_DEFERRED, 0, "", false},
        {{"MAIL", "451 4.3.0 later\r\n", SMTP_SAYS, 2}, HANDOVER_DEFERRED, 0, "451 4.3.0", false},
        {{"MAIL", "550 5.1.8 no\r\n", SMTP_SAYS, 2}, HANDOVER_REFUSED, 0, "550 5.1.8", false},
        {{"MAIL", "530 5.7.0 log in\r\n", SMTP_SAYS, 2}, HANDOVER_DEFERRED, 0, "530 5.7.0", false},
        {{"MAIL", NULL, SMTP_HANGS, 2}, HANDOVER_DEFERRED, 0, "no answer in time", false},
        {{"RCPT", "450 4.2.0 later\r\n", SMTP_SAYS, 2}, HANDOVER_DEFERRED, 0, "450 4.2.0", false},
        {{"RCPT", "550 5.1.1 who\r\n", SMTP_SAYS, 2},
         HANDOVER_REFUSED,
         0,
         "RCPT TO:<r2@example.com> with: 550 5.1.1 who",
         true},
        {{"RCPT", NULL, SMTP_DROPS, 2}, HANDOVER_DEFERRED, 0, "lost", false},
        {{"DATA", "451 4.3.0 later\r\n", SMTP_SAYS, 2}, HANDOVER_DEFERRED, 0, "451 4.3.0", false},
        {{"DATA", "554 5.5.0 no\r\n", SMTP_SAYS, 2}, HANDOVER_REFUSED, 0, "554 5.5.0", false},
        {{"DATA", "354 go\r\n", SMTP_DROPS, 2}, HANDOVER_DEFERRED, 0, "lost", false},
        {{"DATA", "354 go\r\n552 5.3.4 full\r\n", SMTP_STOPS, 2},
         HANDOVER_DEFERRED,
         0,
         "552 5.3.4 full",
         false},
        {{".", "451 4.3.0 later\r\n", SMTP_SAYS, 2}, HANDOVER_DEFERRED, 1, "451 4.3.0", false},
        {{".", "550 5.7.1 spam\r\n", SMTP_SAYS, 2}, HANDOVER_REFUSED, 1, "550 5.7.1", false},
        {{".", NULL, SMTP_DROPS, 2}, HANDOVER_DEFERRED, 1, "lost", false},
        {{".", NULL, SMTP_HANGS, 2}, HANDOVER_DEFERRED, 1, "no answer in time", false},
        {{".", "550 5.7.1 spam\r\n", SMTP_SAYS, 1}, HANDOVER_REFUSED, 0, "550 5.7.1", false},
        {{".", "451 4.3.0 later\r\n", SMTP_SAYS, 1}, HANDOVER_DEFERRED, 0, "451 4.3.0", false},
        {{".", "550 5.7.1 spam\r\n", SMTP_SAYS, 3}, HANDOVER_REFUSED, 2, "550 5.7.1", false},
        {{"QUIT", NULL, SMTP_HANGS, 0}, HANDOVER_DONE, 3, NULL, false},
        {{"QUIT", "500 no\r\n", SMTP_DROPS, 0}, HANDOVER_DONE, 3, NULL, false},
    };
    const struct smtp_answer answers[] = {cases[_i].answer, {0}};
    const struct smtp_script script = {.answers = answers};
    size_t whole;

    serve(&script);
    demand(hand(3), cases[_i].status, cases[_i].done, cases[_i].said);
    ck_assert_msg((refused == names[1]) == cases[_i].recipient, "%s", refused ? refused : "none");
    /* A content whose end was not acknowledged may have got there; one that was not ended not. */
    whole = smtp_server_contents(&server);
    ck_assert_msg(whole == committed ||
                      (*cases[_i].answer.command == '.' && whole == committed + 1),
                  "%zu contents, %zu committed", whole, committed);
    usleep(100000);
    ck_assert_uint_eq(smtp_server_contents(&server), whole);
}
END_TEST
#define TROUBLES 25

/* More copies than connections. */
START_TEST(many_copies)
{
    static const struct smtp_script script = {0};
    char *events, *first_end;
    char line[80];

    serve(&script);
    demand(hand(MANY), HANDOVER_DONE, MANY, NULL);
    ck_assert_uint_eq(smtp_server_contents(&server), MANY);
    events = smtp_server_saw(&server, "events", NULL);
    first_end = strstr(events, " CONTENT");
    for (int i = 1; i <= MANY; i++) {
        char *at;

        snprintf(line, sizeof line, " RCPT TO:<r%d@example.com>\n", i);
        at = strstr(events, line);
        ck_assert_msg(at != NULL && at < first_end, "r%d", i);
    }
    snprintf(line, sizeof line, "\n%d EHLO", HANDOVER_MAX_CONNECTIONS + 1);
    ck_assert_ptr_null(strstr(events, line));
    free(events);
}
END_TEST

#define RESETS_LIMIT 100 /* Postfix's smtpd_junk_command_limit */

/* A server does not put up with any number of envelopes that are taken back. */
START_TEST(very_many_copies)
{
    static const struct smtp_script script = {0};
    static struct copy all[HANDOVER_MAX_CONNECTIONS + RESETS_LIMIT + 10];
    const size_t count = sizeof all / sizeof *all;
    size_t resets = 0;
    char *events;

    for (size_t i = 0; i < count; i++)
        all[i] = copies[0];
    serve(&script);
    settings.work_timeout_s = 60;
    demand(handover(&settings, all, count, NULL, &committed, &refused, &why), HANDOVER_DONE, count,
           NULL);
    ck_assert_uint_eq(smtp_server_contents(&server), count);
    events = smtp_server_saw(&server, "events", NULL);
    for (const char *at = events; (at = strstr(at, "\n1 RSET\n")) != NULL; at++)
        resets++;
    ck_assert_uint_gt(resets, 0);
    ck_assert_uint_lt(resets, RESETS_LIMIT);
    free(events);
}
END_TEST

/* A recipient of the last of many is asked for before the first is handed over. */
START_TEST(the_last_of_many_is_refused)
{
    const struct smtp_answer answers[] = {{"RCPT TO:<r43@", "550 5.1.1 who\r\n", SMTP_SAYS, 0},
                                          {0}};
    const struct smtp_script script = {.answers = answers};

    serve(&script);
    ck_assert_int_eq(MANY, 43);
    demand(hand(MANY), HANDOVER_REFUSED, 0, "550 5.1.1");
    ck_assert_ptr_eq(refused, names[42]);
    ck_assert_uint_eq(smtp_server_contents(&server), 0);
}
END_TEST

START_TEST(nobody_listens)
{
    static const struct smtp_script script = {0};

    demand(hand(1), HANDOVER_DEFERRED, 0, "reinject is not set");
    ck_assert_int_eq(handover_own(&settings, copies, 1, NULL, &committed, NULL, &why),
                     HANDOVER_DEFERRED);
    serve(&script);
    smtp_server_stop(&server);
    demand(hand(1), HANDOVER_DEFERRED, 0, "127.0.0.1:");
}
END_TEST

/* What smimed writes itself goes to its own server, where there is one. */
START_TEST(own_mail)
{
    static const struct smtp_script script = {0};
    struct smtp_test_server listener;

    serve(&script);
    listener = server;
    ck_assert_int_eq(handover_own(&settings, copies, 1, NULL, &committed, NULL, &why),
                     HANDOVER_DONE);
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    smtp_server_start(&server, &script);
    settings.mail_server.address = strdup("inet:1@127.0.0.1");
    settings.mail_server.host = strdup("127.0.0.1");
    settings.mail_server.port = (unsigned)server.port;
    ck_assert_int_eq(handover_own(&settings, copies, 1, NULL, &committed, NULL, &why),
                     HANDOVER_DONE);
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    smtp_server_stop(&listener);
}
END_TEST

/* Copies of incoming messages go to their own listener, where there is one. */
START_TEST(incoming_copies)
{
    static const struct smtp_script script = {0};
    struct smtp_test_server listener;

    serve(&script);
    listener = server;
    ck_assert_int_eq(handover_incoming(&settings, copies, 2, NULL, &committed, NULL, &why),
                     HANDOVER_DONE);
    ck_assert_uint_eq(smtp_server_contents(&server), 2);
    smtp_server_start(&server, &script);
    settings.reinject_incoming.address = strdup("inet:1@127.0.0.1");
    settings.reinject_incoming.host = strdup("127.0.0.1");
    settings.reinject_incoming.port = (unsigned)server.port;
    ck_assert_int_eq(handover_incoming(&settings, copies, 2, NULL, &committed, NULL, &why),
                     HANDOVER_DONE);
    ck_assert_uint_eq(smtp_server_contents(&server), 2);
    smtp_server_stop(&server);
    ck_assert_int_eq(handover_incoming(&settings, copies, 2, NULL, &committed, NULL, &why),
                     HANDOVER_DEFERRED);
    server = listener;
    demand(hand(2), HANDOVER_DONE, 2, NULL);
    ck_assert_uint_eq(smtp_server_contents(&server), 4);
}
END_TEST

static int ticks;

static int tick(void *context)
{
    return ++ticks >= *(int *)context ? 1 : 0;
}

static long long elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000LL + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* Given up at any of the many times we are asked: nothing is handed over before all are ready. */
START_TEST(given_up_anywhere)
{
    static const struct smtp_script script = {0};
    int last = 0;
    struct smime_progress progress = {.tick = tick, .context = &last};
    enum handover_status status = HANDOVER_DEFERRED;

    serve(&script);
    for (last = 1; status == HANDOVER_DEFERRED; last++) {
        ck_assert_int_lt(last, 500);
        ticks = 0;
        status = handover(&settings, copies, 2, &progress, &committed, &refused, &why);
        ck_assert_int_ne(status, HANDOVER_REFUSED);
        ck_assert(status == HANDOVER_DONE ? committed == 2 : committed < 2);
    }
    ck_assert_int_gt(last, 5);
}
END_TEST

START_TEST(time_is_bounded)
{
    static const struct smtp_answer answers[] = {{"MAIL", NULL, SMTP_HANGS, 2}, {0}};
    static const struct smtp_script script = {.answers = answers};
    struct timespec start;

    settings.smtp_timeout_s = 60;
    settings.work_timeout_s = 1;
    serve(&script);
    clock_gettime(CLOCK_MONOTONIC, &start);
    demand(hand(3), HANDOVER_DEFERRED, 0, "in time");
    ck_assert_int_lt(elapsed_ms(&start), 4000);
}
END_TEST

static int report(void *context)
{
    (void)context;
    return 0;
}

/* The listener is so slow with the first copy that the time is up: whoever was then told to try
 * again would hand in that one with every try, for days. So the others follow. */
START_TEST(what_was_begun_is_finished)
{
    static const struct smtp_answer answers[] = {
        {".", "250 2.0.0 Ok: queued as 4ABCDEF\r\n", SMTP_DRIPS, 1}, {0}};
    static const struct smtp_script script = {.answers = answers};
    struct work_timer timer;
    struct smime_progress progress = {
        .tick = work_timer_tick, .context = &timer, .extend = work_timer_extend};
    enum handover_status status;

    settings.smtp_timeout_s = 10;
    settings.work_timeout_s = 3;
    serve(&script);
    work_timer_start(&timer, settings.work_timeout_s, report, NULL);
    status = handover(&settings, copies, 3, &progress, &committed, &refused, &why);
    demand(status, HANDOVER_DONE, 3, NULL);
    ck_assert_int_gt(work_timer_elapsed_ms(&timer), settings.work_timeout_s * 1000);
}
END_TEST

/* Killed while it waits at a step: no content that was not ended counts for the listener. */
START_TEST(killed_in_each_phase)
{
    static const struct {
        struct smtp_answer answer;
        size_t whole;
    } cases[] = {
        {{"MAIL", NULL, SMTP_HANGS, 1}, 0}, {{"RCPT", NULL, SMTP_HANGS, 2}, 0},
        {{"DATA", NULL, SMTP_HANGS, 3}, 0}, {{".", NULL, SMTP_HANGS, 1}, 1},
        {{".", NULL, SMTP_HANGS, 2}, 2},
    };
    const struct smtp_answer answers[] = {cases[_i].answer, {0}};
    const struct smtp_script script = {.answers = answers};
    pid_t pid;

    serve(&script);
    settings.smtp_timeout_s = 30;
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        hand(3);
        _exit(0);
    }
    usleep(700000);
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    usleep(200000);
    ck_assert_uint_eq(smtp_server_contents(&server), cases[_i].whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handover");
    TCase *cases = tcase_create("handover");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, all_before_the_first_end);
    tcase_add_test(cases, content_and_parameters);
    tcase_add_loop_test(cases, eight_bits, 0, 9);
    tcase_add_loop_test(cases, trouble_at_each_step, 0, TROUBLES);
    tcase_add_test(cases, many_copies);
    tcase_add_test(cases, very_many_copies);
    tcase_add_test(cases, the_last_of_many_is_refused);
    tcase_add_test(cases, nobody_listens);
    tcase_add_test(cases, own_mail);
    tcase_add_test(cases, incoming_copies);
    tcase_add_test(cases, given_up_anywhere);
    tcase_add_test(cases, time_is_bounded);
    tcase_add_test(cases, what_was_begun_is_finished);
    tcase_add_loop_test(cases, killed_in_each_phase, 0, 5);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
