/* smimectl tls check, against servers that are silent, talk without end or cheat. */
#include <time.h>

#include "tls_check_run.h"

static void setup(void)
{
    make_directory();
    struct pki root = pki_ca("Test Root");
    write_pki("root", &root);
    pki_clear(&root);
}

static void teardown(void)
{
    remove_directory();
}

#define EHLO_TLS "250-mail.example.com\r\n250-STARTTLS\r\n250 8BITMIME\r\n"

static const struct hostile_case {
    const char *name;
    const char *service;
    struct mail_script script;
    int code;
    const char *findings;
    const char *sentence;
} hostile_cases[] = {
    {.name = "silent",
     .service = "smtp",
     .script = {.greeting = ""},
     .code = 5,
     .findings = "broken",
     .sentence = "does not answer in time"},
    {.name = "silent, implicit",
     .service = "imaps",
     .script = {.greeting = ""},
     .code = 5,
     .findings = "broken",
     .sentence = "does not answer in time"},
    {.name = "hangs up",
     .service = "imap",
     .script = {.greeting = "", .hangs_up = true},
     .code = 5,
     .findings = "broken"},
    {.name = "endless greeting",
     .service = "smtp",
     .script = {.greeting = "220-", .endless = "hello\r\n220-"},
     .code = 5,
     .findings = "broken",
     .sentence = "more than 65536 bytes"},
    {.name = "endless untagged lines",
     .service = "imap",
     .script = {.greeting = "* OK ready\r\n", .endless = "* OK still here\r\n"},
     .code = 5,
     .findings = "broken"},
    {.name = "endless line",
     .service = "pop3",
     .script = {.greeting = "+OK ", .endless = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
     .code = 5,
     .findings = "broken"},
    {.name = "one byte at a time",
     .service = "smtp",
     .script = {.greeting = "220-", .endless = "x", .pause_ms = 50},
     .code = 5,
     .findings = "broken",
     .sentence = "in time"},
    {.name = "another protocol",
     .service = "smtp",
     .script = {.greeting = "HTTP/1.1 400 Bad Request\r\n\r\n", .hangs_up = true},
     .code = 5,
     .findings = "broken"},
    {.name = "plain text where TLS is due",
     .service = "submissions",
     .script = {.greeting = "220 mail.example.com ESMTP\r\n"},
     .code = 5,
     .findings = "tls-fails",
     .sentence = "no TLS session comes about"},
    {.name = "no STARTTLS",
     .service = "submission",
     .script = {.greeting = "220 mail.example.com ESMTP\r\n",
                .lines = {{"EHLO", "250-mail.example.com\r\n250 AUTH PLAIN LOGIN\r\n"}}},
     .code = 5,
     .findings = "no-tls clear-password",
     .sentence = "offers no encryption"},
    {.name = "no STARTTLS in IMAP",
     .service = "imap",
     .script = {.greeting = "* OK ready\r\n",
                .lines = {{"CAPABILITY", "* CAPABILITY IMAP4rev1\r\nTTTT OK done\r\n"}}},
     .code = 5,
     .findings = "no-tls clear-password"},
    {.name = "no STLS in POP3",
     .service = "pop3",
     .script = {.greeting = "+OK ready\r\n", .lines = {{"CAPA", "+OK\r\nUIDL\r\n.\r\n"}}},
     .code = 5,
     .findings = "no-tls"},
    {.name = "STARTTLS refused",
     .service = "smtp",
     .script = {.greeting = "220 mail.example.com ESMTP\r\n",
                .lines = {{"EHLO", EHLO_TLS}, {"STARTTLS", "454 4.7.0 no certificate here\r\n"}}},
     .code = 5,
     .findings = "tls-fails",
     .sentence = "454 4.7.0 no certificate here"},
    {.name = "text behind STARTTLS",
     .service = "smtp",
     .script = {.greeting = "220 mail.example.com ESMTP\r\n",
                .lines = {{"EHLO", EHLO_TLS},
                          {"STARTTLS",
                           "220 go ahead\r\n250-mail.example.com\r\n250 AUTH PLAIN\r\n"}}},
     .code = 5,
     .findings = "tls-fails",
     .sentence = "injecting"},
    {.name = "text behind STARTTLS in IMAP",
     .service = "imap",
     .script = {.greeting = "* OK ready\r\n",
                .lines = {{"CAPABILITY", "* CAPABILITY STARTTLS LOGINDISABLED\r\nTTTT OK done\r\n"},
                          {"STARTTLS", "TTTT OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"}}},
     .code = 5,
     .findings = "tls-fails",
     .sentence = "injecting"},
    {.name = "silence behind STARTTLS",
     .service = "smtp",
     .script = {.greeting = "220 mail.example.com ESMTP\r\n",
                .lines = {{"EHLO", EHLO_TLS}, {"STARTTLS", "220 go ahead\r\n"}}},
     .code = 5,
     .findings = "tls-fails",
     .sentence = "does not answer in time"},
    {.name = "control characters",
     .service = "smtp",
     .script = {.greeting = "220 mail.example.com ESMTP\r\n",
                .lines = {{"EHLO", EHLO_TLS}, {"STARTTLS", "454 \x1B[2Jgone\r\n"}}},
     .code = 5,
     .findings = "tls-fails",
     .sentence = "\x1B[2Jgone"},
};

/* They cost no more time than was given, and are named. */
START_TEST(hostile_servers)
{
    const struct hostile_case *c = &hostile_cases[_i];
    struct tls_server server = mail_server_start(&c->script);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    json_t *row = row_of(
        c->name, CHECK(service_at(c->service, server.port), "--timeout", "4", "--json"), c->code);
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_msg(after.tv_sec - before.tv_sec < 15, "%s took %ld s", c->name,
                  (long)(after.tv_sec - before.tv_sec));
    expect_list(c->name, row, "findings", c->findings);
    ck_assert_msg(!c->sentence || strstr(joined(row, "sentences"), c->sentence), "%s: said: %s",
                  c->name, joined(row, "sentences"));
    ck_assert(json_is_false(json_object_get(row, "encrypts")));
    json_decref(row);
    tls_server_stop(&server);
}
END_TEST

START_TEST(nothing_drives_the_terminal)
{
    const struct mail_script script = {
        .greeting = "220 mail.example.com ESMTP\r\n",
        .lines = {{"EHLO", EHLO_TLS}, {"STARTTLS", "454 \x1B[2Jgone\r\n"}}};
    struct tls_server server = mail_server_start(&script);
    struct run run = CHECK(service_at("smtp", server.port), "--timeout", "5");
    ck_assert_int_eq(run.code, 5);
    ck_assert_msg(!strchr(run.out, '\x1B') && strstr(run.out, "454 \\x1b[2Jgone"), "%s", run.out);
    run_clear(&run);
    tls_server_stop(&server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls_hostile");
    TCase *tests = tcase_create("tls_hostile");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, hostile_servers, 0,
                        (int)(sizeof hostile_cases / sizeof hostile_cases[0]));
    tcase_add_test(tests, nothing_drives_the_terminal);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
