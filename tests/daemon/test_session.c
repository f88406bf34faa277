/* Sessions: what the MTA says becomes a transaction, and nothing of one message reaches another. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/resource.h>

#include "log.h"
#include "session.h"
#include "test_site.h"

#define NOW ((time_t)1767225600)

static struct site site;
static struct service *service;
static struct session *session;

static void begin(enum role role, const char *settings)
{
    site_make(&site, settings);
    service = service_new(site_gateway(&site), role);
    ck_assert_ptr_nonnull(service);
    session = session_new(service);
    ck_assert_ptr_nonnull(session);
    session_connect(session, NULL);
}

static void end(void)
{
    session_free(&session);
    ck_assert_uint_eq(service_wait_idle(service, 0), 0);
    service_free(&service);
    site_remove(&site);
}

static enum session_result mail_from(const char *from)
{
    const struct session_mail mail = {.from = from, .host = "mx.example.com"};

    return session_sender(session, &mail);
}

static enum session_result rcpt_to(const char *to)
{
    return session_recipient(session, to, NULL, NOW);
}

/* The rest of a small message. */
static enum session_result data(const struct outcome **outcome)
{
    enum session_result result;

    session_header(session, "From", " stranger@other.test");
    session_header(session, "Subject", " hello");
    result = session_end_of_header(session);
    if (result == SESSION_CONTINUE)
        result = session_body(session, "Hello\r\n", 7);
    return result == SESSION_CONTINUE ? session_end(session, NOW, NULL, NULL, outcome) : result;
}

static void expect_reply(enum session_result result, int code, const char *enhanced)
{
    ck_assert_int_eq(result, SESSION_REPLY);
    ck_assert_int_eq(session_reply(session)->code, code);
    ck_assert_str_eq(session_reply(session)->enhanced, enhanced);
    ck_assert_ptr_nonnull(session_reply(session)->english);
    ck_assert_ptr_nonnull(session_reply(session)->german);
}

START_TEST(message_passes)
{
    const char *args[] = {"SIZE=7", "ENVID=x", NULL};
    const struct session_mail mail = {
        .from = "<Stranger@Other.Test>", .args = args, .login = "alice", .host = "mx.example.com"};
    const struct outcome *outcome = NULL;
    const struct transaction *transaction;

    begin(ROLE_INBOUND, "");
    ck_assert_ptr_null(session_transaction(session));
    ck_assert_str_eq(session_id(session), "s00001-0");
    ck_assert_int_eq(session_sender(session, &mail), SESSION_CONTINUE);
    ck_assert_str_eq(session_id(session), "s00001-1");
    ck_assert_int_eq(rcpt_to("<Bob+x@Elsewhere.TEST>"), SESSION_CONTINUE);
    session_set_queue_id(session, NULL);
    session_set_queue_id(session, "4ABC");
    ck_assert_str_eq(session_id(session), "4ABC");
    transaction = session_transaction(session);
    ck_assert_str_eq(transaction->sender_text, "Stranger@Other.Test");
    ck_assert_str_eq(transaction->sender, "stranger@other.test");
    ck_assert_str_eq(transaction->sender_args[1], "ENVID=x");
    ck_assert_ptr_null(transaction->sender_args[2]);
    ck_assert_str_eq(transaction->login, "alice");
    ck_assert_str_eq(transaction->recipients[0].text, "Bob+x@Elsewhere.TEST");
    ck_assert_str_eq(transaction->recipients[0].canonical, "bob+x@elsewhere.test");
    ck_assert_int_eq(data(&outcome), SESSION_CONTINUE);
    ck_assert_int_eq(outcome->action, FLOW_PASS);
    ck_assert_uint_eq(transaction->message.header.count, 2);
    ck_assert_int_eq((int)spool_size(transaction->message.body), 7);
    session_finish(session, true);
    ck_assert_ptr_null(session_transaction(session));
    ck_assert_str_eq(session_id(session), "s00001-1");
    end();
}
END_TEST

START_TEST(nothing_leaks_into_the_next_message)
{
    const char *args[] = {"ENVID=first", NULL};
    const struct session_mail first = {
        .from = "<alice@example.com>", .args = args, .login = "alice", .host = "mx"};
    const struct transaction *transaction;

    begin(ROLE_SUBMISSION, "");
    for (int aborted_at = 0; aborted_at < 4; aborted_at++) {
        ck_assert_int_eq(session_sender(session, &first), SESSION_CONTINUE);
        if (aborted_at > 0)
            ck_assert_int_eq(rcpt_to("<bob@partner.test>"), SESSION_CONTINUE);
        session_set_queue_id(session, "FIRST");
        if (aborted_at > 1) {
            session_header(session, "X-First", " 1");
            ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
        }
        if (aborted_at > 2)
            ck_assert_int_eq(session_body(session, "first", 5), SESSION_CONTINUE);
        if (aborted_at % 2 == 0)
            session_abort(session);
        session_abort(session); /* twice does no harm; MAIL without it neither */
        ck_assert_int_eq(mail_from("<>"), SESSION_CONTINUE);
        transaction = session_transaction(session);
        ck_assert_ptr_null(transaction->login);
        ck_assert_ptr_null(transaction->sender_args);
        ck_assert_str_eq(transaction->sender, "");
        ck_assert_uint_eq(transaction->recipient_count, 0);
        ck_assert_uint_eq(transaction->message.header.count, 0);
        ck_assert_uint_eq(transaction->message.header.bytes, 0);
        ck_assert_int_eq((int)spool_size(transaction->message.body), 0);
        ck_assert_ptr_null(strstr(session_id(session), "FIRST"));
    }
    end();
}
END_TEST

START_TEST(mail_again_forgets_the_message_in_hand)
{
    begin(ROLE_INBOUND, "");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(mail_from("<c@other.test>"), SESSION_CONTINUE);
    ck_assert_uint_eq(session_transaction(session)->recipient_count, 0);
    ck_assert_uint_eq(service_wait_idle(service, 0), 1);
    end();
}
END_TEST

START_TEST(client_address)
{
    static const unsigned char mapped[16] = {0, 0, 0,    0,    0,   0, 0, 0,
                                             0, 0, 0xff, 0xff, 192, 0, 2, 7};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr un = {.sa_family = AF_UNIX};

    begin(ROLE_SUBMISSION, "");
    inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
    inet_pton(AF_INET6, "2001:db8::7", &in6.sin6_addr);
    session_connect(session, (struct sockaddr *)&in);
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert(session_transaction(session)->client_known);
    ck_assert_mem_eq(session_transaction(session)->client, mapped, 16);
    session_connect(session, (struct sockaddr *)&in6);
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_mem_eq(session_transaction(session)->client, &in6.sin6_addr, 16);
    session_connect(session, &un);
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert(!session_transaction(session)->client_known);
    session_connect(session, NULL);
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert(!session_transaction(session)->client_known);
    end();
    begin(ROLE_LOCAL, "");
    session_connect(session, (struct sockaddr *)&in);
    ck_assert_int_eq(mail_from("a@other.test"), SESSION_CONTINUE);
    ck_assert(!session_transaction(session)->client_known);
    end();
}
END_TEST

static const struct {
    const char *text;
    const char *host;
    const char *canonical; /* NULL: refused */
} addresses[] = {
    {"<postmaster>", "MX.other.test", "postmaster@mx.other.test"},
    {"root", "mx.other.test", "root@mx.other.test"},
    {"root", NULL, "root@mx.example.com"}, /* authserv_id */
    {"<a@[192.0.2.1]>", NULL, "a@[192.0.2.1]"},
    {"<a b@other.test>", NULL, NULL},
    {"<a@other..test>", NULL, NULL},
    {"<@>", NULL, NULL},
};

START_TEST(odd_addresses)
{
    const struct session_mail mail = {.from = addresses[_i].text, .host = addresses[_i].host};
    const struct session_mail null = {.from = "<>", .host = addresses[_i].host};

    begin(ROLE_INBOUND, "");
    if (addresses[_i].canonical) {
        ck_assert_int_eq(session_sender(session, &mail), SESSION_CONTINUE);
        ck_assert_str_eq(session_transaction(session)->sender, addresses[_i].canonical);
        ck_assert_int_eq(rcpt_to(addresses[_i].text), SESSION_CONTINUE);
        ck_assert_str_eq(session_transaction(session)->recipients[0].canonical,
                         addresses[_i].canonical);
    } else {
        expect_reply(session_sender(session, &mail), 550, "5.1.7");
        ck_assert_ptr_null(session_transaction(session));
        ck_assert_int_eq(session_sender(session, &null), SESSION_CONTINUE);
        expect_reply(rcpt_to(addresses[_i].text), 550, "5.1.3");
        ck_assert_uint_eq(session_transaction(session)->recipient_count, 0);
        ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    }
    end();
}
END_TEST

/* MTAs do not find such a recipient again when he is to be taken off a message. */
START_TEST(routes_are_refused)
{
    static const char *const routes[] = {"<@relay.test:b@other.test>", "@relay.test:b@other.test",
                                         "<@a.test,@b.test:\"b\"@other.test>",
                                         "<@relay.test:alice@example.com>"};
    const struct outcome *outcome = NULL;

    begin(ROLE_INBOUND, "");
    ck_assert_int_eq(mail_from("<@relay.test:a@other.test>"), SESSION_CONTINUE);
    expect_reply(rcpt_to(routes[_i]), 550, "5.1.3");
    ck_assert_uint_eq(session_transaction(session)->recipient_count, 0);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    end();
    begin(ROLE_LOCAL, "");
    ck_assert_int_eq(mail_from("a@other.test"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("b@other.test"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to(routes[_i]), SESSION_CONTINUE);
    expect_reply(data(&outcome), 550, "5.1.3");
    end();
}
END_TEST

/* Before a machine without a clock is told the time all certificates seem to be yet to come. */
START_TEST(clock_years_behind)
{
    static const struct {
        time_t now;
        bool good;
    } clocks[] = {{0, false}, {946684800, false}, {1577836800, false}, {NOW, true}};
    const struct outcome *outcome = NULL;
    enum session_result result;

    begin(ROLE_SUBMISSION, "");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
    result = session_end(session, clocks[_i].now, NULL, NULL, &outcome);
    if (clocks[_i].good) {
        ck_assert_int_eq(result, SESSION_CONTINUE);
        session_finish(session, true);
    } else {
        expect_reply(result, 451, "4.3.0");
    }
    end();
}
END_TEST

START_TEST(null_recipient_is_refused)
{
    begin(ROLE_INBOUND, "");
    ck_assert_int_eq(mail_from("<>"), SESSION_CONTINUE);
    expect_reply(rcpt_to("<>"), 550, "5.1.3");
    end();
}
END_TEST

/* A local program's message is never refused before its header: it would strand in the MTA. */
START_TEST(local_messages_are_refused_as_a_whole)
{
    const struct outcome *outcome = NULL;

    begin(ROLE_LOCAL, "max_recipients = 2;\n");
    ck_assert_int_eq(mail_from("a b@other.test"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("b@other.test"), SESSION_CONTINUE);
    expect_reply(data(&outcome), 550, "5.1.7");
    ck_assert_int_eq(mail_from("a@other.test"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("b@"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("c@other.test"), SESSION_CONTINUE);
    expect_reply(data(&outcome), 550, "5.1.3");
    ck_assert_int_eq(mail_from("a@other.test"), SESSION_CONTINUE);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(rcpt_to("b@other.test"), SESSION_CONTINUE);
    expect_reply(data(&outcome), 550, "5.5.3");
    /* and the next one is judged by itself */
    ck_assert_int_eq(mail_from("a@other.test"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("b@other.test"), SESSION_CONTINUE);
    ck_assert_int_eq(data(&outcome), SESSION_CONTINUE);
    session_finish(session, true);
    end();
}
END_TEST

START_TEST(too_many_recipients)
{
    begin(ROLE_INBOUND, "max_recipients = 3;\n");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    expect_reply(rcpt_to("<b@other.test>"), 452, "4.5.3");
    ck_assert_uint_eq(session_transaction(session)->recipient_count, 3);
    end();
}
END_TEST

START_TEST(header_too_large)
{
    char value[1000];
    size_t kept;

    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    begin(ROLE_INBOUND, "max_header_bytes = 4096;\n");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    for (int i = 0; i < 5; i++)
        session_header(session, "X-Long", value);
    kept = session_transaction(session)->message.header.bytes;
    ck_assert_uint_le(kept, 4096);
    /* small ones that would fit come too late: a header with a gap is no header */
    session_header(session, "A", " b");
    ck_assert_uint_eq(session_transaction(session)->message.header.bytes, kept);
    expect_reply(session_end_of_header(session), 552, "5.3.4");
    ck_assert_ptr_null(session_transaction(session));
    end();
}
END_TEST

START_TEST(too_many_header_fields)
{
    begin(ROLE_INBOUND, "max_header_fields = 100;\n");
    for (int over = 0; over < 2; over++) {
        ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
        ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
        for (int i = 0; i < 100 + over; i++)
            session_header(session, "X-Smimed-Signature", " valid");
        ck_assert_uint_eq(session_transaction(session)->message.header.count, 100);
        if (over)
            expect_reply(session_end_of_header(session), 552, "5.3.4");
        else
            ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
    }
    end();
}
END_TEST

START_TEST(message_too_large)
{
    static char chunk[65535];

    begin(ROLE_INBOUND, "max_message_bytes = 100000;\n");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
    ck_assert_int_eq(session_body(session, chunk, sizeof chunk), SESSION_CONTINUE);
    expect_reply(session_body(session, chunk, sizeof chunk), 552, "5.3.4");
    ck_assert_ptr_null(session_transaction(session));
    end();
}
END_TEST

START_TEST(full_disk_defers)
{
    static char chunk[65535];
    const struct rlimit small = {16384, RLIM_INFINITY};
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    enum session_result result = SESSION_CONTINUE;

    begin(ROLE_INBOUND, "memory_spool_bytes = 4096;\n");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 3 && result == SESSION_CONTINUE; i++)
        result = session_body(session, chunk, sizeof chunk);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    expect_reply(result, 451, "4.3.0");
    ck_assert_ptr_null(session_transaction(session));
    end();
}
END_TEST

START_TEST(messages_keep_their_configuration)
{
    begin(ROLE_INBOUND, "max_recipients = 1;\n");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    site_configure(&site, "max_recipients = 2;\n");
    service_replace_gateway(service, site_gateway(&site));
    expect_reply(rcpt_to("<c@other.test>"), 452, "4.5.3");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(rcpt_to("<c@other.test>"), SESSION_CONTINUE);
    expect_reply(rcpt_to("<d@other.test>"), 452, "4.5.3");
    end();
}
END_TEST

START_TEST(stopping_finishes_what_is_in_hand)
{
    const struct outcome *outcome = NULL;
    struct session *other;
    const struct session_mail mail = {.from = "<a@other.test>"};

    begin(ROLE_INBOUND, "");
    ck_assert_int_eq(mail_from("<a@other.test>"), SESSION_CONTINUE);
    service_stop(service);
    other = session_new(service);
    ck_assert_int_eq(session_sender(other, &mail), SESSION_REPLY);
    ck_assert_int_eq(session_reply(other)->code, 451);
    session_free(&other);
    ck_assert_uint_eq(service_wait_idle(service, 0), 1);
    ck_assert_int_eq(rcpt_to("<b@other.test>"), SESSION_CONTINUE);
    ck_assert_int_eq(data(&outcome), SESSION_CONTINUE);
    session_finish(session, true);
    ck_assert_uint_eq(service_wait_idle(service, 0), 0);
    expect_reply(mail_from("<a@other.test>"), 451, "4.3.2");
    end();
}
END_TEST

START_TEST(commands_out_of_order_are_deferred)
{
    const struct outcome *outcome = NULL;

    begin(ROLE_INBOUND, "");
    expect_reply(rcpt_to("<b@other.test>"), 451, "4.3.0");
    session_header(session, "A", " b");
    expect_reply(session_end_of_header(session), 451, "4.3.0");
    expect_reply(session_body(session, "x", 1), 451, "4.3.0");
    expect_reply(session_end(session, NOW, NULL, NULL, &outcome), 451, "4.3.0");
    session_finish(session, true);
    end();
}
END_TEST

/* Incoming mail gets its verdict, and a result that could not be handed over is not kept. */
START_TEST(outcome_lives_until_it_is_finished)
{
    const struct outcome *outcome = NULL;

    begin(ROLE_INBOUND, "");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(mail_from("<stranger@other.test>"), SESSION_CONTINUE);
        ck_assert_int_eq(rcpt_to("<bob@example.com>"), SESSION_CONTINUE);
        ck_assert_int_eq(data(&outcome), SESSION_CONTINUE);
        ck_assert_int_eq(outcome->direction, DIRECTION_INCOMING);
        ck_assert_uint_gt(outcome->edit_count, 0);
        session_finish(session, i == 0);
        session_finish(session, true);
        ck_assert_ptr_null(session_transaction(session));
    }
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *cases = tcase_create("session");
    SRunner *runner;
    int failed;

    log_configure(LOG_TARGET_STDERR, LOG_LEVEL_ERROR, false);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, message_passes);
    tcase_add_test(cases, nothing_leaks_into_the_next_message);
    tcase_add_test(cases, mail_again_forgets_the_message_in_hand);
    tcase_add_test(cases, client_address);
    tcase_add_loop_test(cases, odd_addresses, 0, sizeof addresses / sizeof addresses[0]);
    tcase_add_loop_test(cases, routes_are_refused, 0, 4);
    tcase_add_loop_test(cases, clock_years_behind, 0, 4);
    tcase_add_test(cases, null_recipient_is_refused);
    tcase_add_test(cases, local_messages_are_refused_as_a_whole);
    tcase_add_test(cases, too_many_recipients);
    tcase_add_test(cases, header_too_large);
    tcase_add_test(cases, too_many_header_fields);
    tcase_add_test(cases, message_too_large);
    tcase_add_test(cases, full_disk_defers);
    tcase_add_test(cases, messages_keep_their_configuration);
    tcase_add_test(cases, stopping_finishes_what_is_in_hand);
    tcase_add_test(cases, commands_out_of_order_are_deferred);
    tcase_add_test(cases, outcome_lives_until_it_is_finished);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
