/* The SMTP dialogue, against a server that answers as it is told: what is written, and what every
 * kind of answer at every stage comes to. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_client_run.h"
#include "test_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

START_TEST(a_message_is_said)
{
    static const struct smtp_script script = {0};
    static const char wanted[] = "EHLO gateway.example.com\r\n"
                                 "EHLO gateway.example.com\r\n"
                                 "MAIL FROM:<a@example.com>\r\n"
                                 "RCPT TO:<b@example.com>\r\n"
                                 "DATA\r\n"
                                 "Subject: x\r\n\r\nhello\r\n.\r\n"
                                 "QUIT\r\n";
    char *seen;

    serve(&script);
    demand(whole(), SMTP_OK, "");
    ck_assert_str_eq(smtp_last_words(smtp), "250 2.0.0 Ok: queued as TEST");
    ck_assert(!smtp_is_encrypted(smtp));
    smtp_quit(&smtp);
    ck_assert_ptr_null(smtp);
    seen = smtp_server_saw(&server, "1", NULL);
    ck_assert_str_eq(seen, wanted);
    free(seen);
}
END_TEST

START_TEST(messages_follow_each_other)
{
    static const struct smtp_script script = {0};
    static const struct smtp_recipient to = {.address = "x@example.com"};

    serve(&script);
    demand(whole(), SMTP_OK, "");
    demand(send_message("", "c@example.com", "two"), SMTP_OK, "");
    ck_assert(was_sent("1", "MAIL FROM:<>\r\nRCPT TO:<c@example.com>\r\nDATA\r\ntwo\r\n.\r\n"));
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = "a@b.test"}, &why), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &to, &why), SMTP_OK, "");
    demand(smtp_reset(smtp, &why), SMTP_OK, "");
    demand(send_message("", "d@example.com", "three"), SMTP_OK, "");
}
END_TEST

START_TEST(parameters_are_written)
{
    static const struct smtp_script script = {0};
    static const struct smtp_sender sender = {.address = "j\xC3\xBCrgen@example.com",
                                              .ret = "HDRS",
                                              .envid = "QQ+2B1",
                                              .size = 1234,
                                              .eightbit = true,
                                              .smtputf8 = true};
    static const struct smtp_recipient recipients[] = {
        {"\"o \\\"> b\"@example.com", "SUCCESS,FAILURE", "rfc822;o+2Bb@example.com"},
        {"m\xC3\xBCller@example.com", "NEVER", "utf-8;m\xC3\xBCller@example.com"}};

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    ck_assert(smtp_offers(smtp, SMTP_SIZE) && smtp_offers(smtp, SMTP_8BITMIME) &&
              smtp_offers(smtp, SMTP_SMTPUTF8) && smtp_offers(smtp, SMTP_DSN));
    demand(smtp_mail(smtp, &sender, &why), SMTP_OK, "");
    for (size_t i = 0; i < COUNT(recipients); i++)
        demand(smtp_rcpt(smtp, &recipients[i], &why), SMTP_OK, "");
    ck_assert(was_sent("1", "MAIL FROM:<j\xC3\xBCrgen@example.com> SIZE=1234 BODY=8BITMIME "
                            "SMTPUTF8 RET=HDRS ENVID=QQ+2B1\r\n"));
    ck_assert(was_sent("1", "RCPT TO:<\"o \\\"> b\"@example.com> NOTIFY=SUCCESS,FAILURE "
                            "ORCPT=rfc822;o+2Bb@example.com\r\n"));
    ck_assert(was_sent("1", "RCPT TO:<m\xC3\xBCller@example.com> NOTIFY=NEVER "
                            "ORCPT=utf-8;m\xC3\xBCller@example.com\r\n"));
}
END_TEST

/* A server that offers nothing is told nothing of it, or the message is refused. */
START_TEST(what_is_not_offered)
{
    static const struct smtp_script script = {.ehlo = ""};
    static const struct smtp_sender sender = {
        .address = "a@b.test", .ret = "FULL", .envid = "1", .size = 9};
    static const struct smtp_recipient to = {"x@b.test", "NEVER", "rfc822;x@b.test"};

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    ck_assert(!smtp_offers(smtp, SMTP_DSN));
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = "a@b.test", .smtputf8 = true}, &why),
           SMTP_REFUSED, "SMTPUTF8");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = "\xC3\xBC@b.test"}, &why), SMTP_REFUSED,
           "SMTPUTF8");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = "a@b.test", .eightbit = true}, &why),
           SMTP_REFUSED, "8BITMIME");
    demand(smtp_mail(smtp, &sender, &why), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &to, &why), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "\xC3\xBC@b.test"}, &why),
           SMTP_REFUSED, "SMTPUTF8");
    ck_assert(was_sent("1", "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@b.test>\r\n"));
}
END_TEST

START_TEST(sizes)
{
    static const struct {
        const char *offers;
        long long size;
        enum smtp_status status;
        const char *written;
    } cases[] = {
        {"250-SIZE 1000\r\n", 1000, SMTP_OK, "> SIZE=1000\r\n"},
        {"250-SIZE 1000\r\n", 1001, SMTP_REFUSED, "larger than the 1000"},
        {"250-size 1000\r\n", 1001, SMTP_REFUSED, "larger than the 1000"},
        {"250-SIZE 0\r\n", 1001, SMTP_OK, "> SIZE=1001\r\n"},
        {"250-SIZE\r\n", 1001, SMTP_OK, "> SIZE=1001\r\n"},
        {"250-SIZE 99999999999999999999\r\n", 1001, SMTP_OK, "> SIZE=1001\r\n"},
        {"250-SIZELESS 3\r\n", 1001, SMTP_OK, "FROM:<a@b.test>\r\n"},
    };
    const struct smtp_script script = {.ehlo = cases[_i].offers};

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    demand(
        smtp_mail(smtp, &(struct smtp_sender){.address = "a@b.test", .size = cases[_i].size}, &why),
        cases[_i].status, cases[_i].written);
    if (cases[_i].status == SMTP_OK)
        ck_assert(was_sent("1", cases[_i].written));
}
END_TEST

/* Nothing of this reaches the wire. */
START_TEST(nobody_chooses_commands)
{
    static const struct smtp_script script = {0};
    static const char *const addresses[] = {
        "a@b.test>\r\nRCPT TO:<victim@b.test",
        "a@b.test> SIZE=1",
        "a@b.test\n",
        "a@b.test\rRSET",
        "a b@b.test",
        "<a@b.test",
        "a@b.test>",
        "\"a@b.test",
        "a\\> x@b.test",
        "a\\\"> x \"@b.test",
        "\"a\\",
        "a\x01@b.test",
        "a\x7F@b.test",
        "a\xC3@b.test",
        "a\xC2\x85@b.test",
    };
    static const struct smtp_sender senders[] = {
        {.address = "a@b.test", .ret = "FULL SMTPUTF8"},
        {.address = "a@b.test", .ret = ""},
        {.address = "a@b.test", .envid = "x\r\nRSET"},
        {.address = "a@b.test", .envid = "x y"},
        {.address = "a@b.test", .envid = "x=y"},
        {.address = "a@b.test", .envid = "x+y"},
        {.address = "a@b.test", .envid = ""},
        {.address = "a@b.test", .envid = "\xC3\xBC"},
    };
    static const struct smtp_recipient recipients[] = {
        {"a@b.test", "NEVER\r\nRSET", NULL},
        {"a@b.test", "SUCCESS,NEVER", NULL},
        {"a@b.test", "", NULL},
        {"a@b.test", "SUCCESS,", NULL},
        {"a@b.test", NULL, "rfc822;a b"},
        {"a@b.test", NULL, "rfc822"},
        {"a@b.test", NULL, ";x"},
        {"a@b.test", NULL, "rfc822;"},
        {"a@b.test", NULL, "rfc 822;x"},
        {"a@b.test", NULL, "rfc822;x\n"},
        {"a@b.test", NULL, "utf-8;a b"},
        {"", NULL, NULL},
    };
    char *before, *after;

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    for (size_t i = 0; i < COUNT(addresses); i++)
        demand(smtp_mail(smtp, &(struct smtp_sender){.address = addresses[i]}, &why), SMTP_REFUSED,
               "characters");
    for (size_t i = 0; i < COUNT(senders); i++)
        demand(smtp_mail(smtp, &senders[i], &why), SMTP_REFUSED, "RFC 3461");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = ""}, &why), SMTP_OK, "");
    before = smtp_server_saw(&server, "1", NULL);
    for (size_t i = 0; i < COUNT(addresses); i++)
        demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = addresses[i]}, &why),
               SMTP_REFUSED, "characters");
    for (size_t i = 0; i < COUNT(recipients); i++)
        demand(smtp_rcpt(smtp, &recipients[i], &why), SMTP_REFUSED,
               *recipients[i].address ? "RFC 3461" : "characters");
    after = smtp_server_saw(&server, "1", NULL);
    ck_assert_str_eq(before, after);
    ck_assert(strstr(after, "victim") == NULL && strstr(after, "b.test") == NULL);
    free(before);
    free(after);
}
END_TEST

START_TEST(long_addresses)
{
    static const struct smtp_script script = {0};
    char address[1002];

    memset(address, 'a', sizeof address);
    address[999] = '\0';
    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = address}, &why), SMTP_REFUSED,
           "characters");
    address[998] = '\0';
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = address}, &why), SMTP_OK, "");
}
END_TEST

/* The content on the wire, whatever the pieces it comes in. */
START_TEST(content_on_the_wire)
{
    static const struct {
        const char *content, *wire;
    } cases[] = {
        {"", ".\r\n"},
        {"a\r\n", "a\r\n.\r\n"},
        {"a", "a\r\n.\r\n"},
        {"a\r", "a\r\n.\r\n"},
        {".", "..\r\n.\r\n"},
        {".\r\n", "..\r\n.\r\n"},
        {"a\r\n.\r\nQUIT\r\n", "a\r\n..\r\nQUIT\r\n.\r\n"},
        {"a\r\n..b\r\n", "a\r\n...b\r\n.\r\n"},
        {"a.b\r\n", "a.b\r\n.\r\n"},
        {"a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n"},
        {"a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"},
        {"a\r\n.\rb\r\n", "a\r\n..\rb\r\n.\r\n"},
        {"a\rb\r\r\n", "a\rb\r\r\n.\r\n"},
        {"\r\n\r\n", "\r\n\r\n.\r\n"},
        {"\xFF\xFE\r\n", "\xFF\xFE\r\n.\r\n"},
    };
    static const struct smtp_script script = {0};
    const char *content = cases[_i].content;

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    for (size_t piece = 1; piece <= 3; piece++) {
        size_t length = strlen(content);
        char *seen, *at = NULL;

        demand(smtp_mail(smtp, &(struct smtp_sender){.address = ""}, &why), SMTP_OK, "");
        demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "b@b.test"}, &why), SMTP_OK, "");
        demand(smtp_data(smtp, &why), SMTP_OK, "");
        for (size_t done = 0; done < length; done += piece)
            demand(smtp_write(smtp, content + done, piece < length - done ? piece : length - done,
                              &why),
                   SMTP_OK, "");
        demand(smtp_end(smtp, &why), SMTP_OK, "");
        seen = smtp_server_saw(&server, "1", NULL);
        for (char *next = seen; (next = strstr(next, "DATA\r\n")) != NULL;)
            at = next += 6;
        ck_assert_ptr_nonnull(at);
        ck_assert_str_eq(at, cases[_i].wire);
        free(seen);
    }
}
END_TEST

/* More than any buffer holds, with NUL bytes, to a server that reads slowly at first. */
START_TEST(large_content)
{
    static const struct smtp_script script = {0};
    size_t length = 3 << 20, seen_length;
    char *content = malloc(length);
    char *seen, *at;

    ck_assert_ptr_nonnull(content);
    for (size_t i = 0; i < length; i++)
        content[i] = i % 1000 == 998 ? '\r' : i % 1000 == 999 ? '\n' : (char)(i / 7);
    for (size_t i = 0; i < length; i++)
        if (i % 1000 < 998 && (content[i] == '\r' || content[i] == '\n' || content[i] == '.'))
            content[i] = 0;
    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = "", .eightbit = true}, &why), SMTP_OK,
           "");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "b@b.test"}, &why), SMTP_OK, "");
    demand(smtp_data(smtp, &why), SMTP_OK, "");
    for (size_t done = 0; done < length; done += 65536)
        demand(smtp_write(smtp, content + done, 65536, &why), SMTP_OK, "");
    demand(smtp_end(smtp, &why), SMTP_OK, "");
    seen = smtp_server_saw(&server, "1", &seen_length);
    at = memmem(seen, seen_length, "DATA\r\n", 6);
    ck_assert_ptr_nonnull(at);
    at += 6;
    ck_assert_uint_ge(seen_length - (size_t)(at - seen), length);
    ck_assert_mem_eq(at, content, length);
    ck_assert_str_eq(at + length, length % 1000 == 0 ? ".\r\n" : "\r\n.\r\n");
    free(seen);
    free(content);
}
END_TEST

/* Every kind of answer at every stage. The first column is what the server is asked. */
static const char *const stages[] = {"", "EHLO", "MAIL", "RCPT", "DATA", "."};

START_TEST(answers_at_every_stage)
{
    static const struct {
        const char *text;
        enum smtp_manner manner;
        enum smtp_status status; /* after the greeting */
        const char *said;
    } answers[] = {
        {"421 4.3.2 going down\r\n", SMTP_SAYS, SMTP_DEFERRED, "421 4.3.2 going down"},
        {"450 4.2.0 later\r\n", SMTP_SAYS, SMTP_DEFERRED, "450 4.2.0 later"},
        {"451-4.3.0 two\r\n451 4.3.0 lines\r\n", SMTP_SAYS, SMTP_DEFERRED,
         "451 4.3.0 two 4.3.0 lines"},
        {"550 5.7.1 no\r\n", SMTP_SAYS, SMTP_REFUSED, "550 5.7.1 no"},
        {"550 \x1b[31mred\xFF\r\n", SMTP_SAYS, SMTP_REFUSED, "550 ?[31mred?"},
        {"535 5.7.8 who are you\r\n", SMTP_SAYS, SMTP_DEFERRED, "535 5.7.8 who are you"},
        {"299", SMTP_DROPS, SMTP_DEFERRED, ""},
        {NULL, SMTP_DROPS, SMTP_DEFERRED, ""},
        {"HTTP/1.1 400 Bad Request\r\n", SMTP_SAYS, SMTP_DEFERRED, ""},
        {"abc\r\n", SMTP_SAYS, SMTP_DEFERRED, ""},
        {"\r\n", SMTP_SAYS, SMTP_DEFERRED, ""},
        {"999 x\r\n", SMTP_SAYS, SMTP_DEFERRED, ""},
        {"250-x\r\n550 y\r\n", SMTP_SAYS, SMTP_DEFERRED, ""},
        {"199 x\r\n", SMTP_SAYS, SMTP_DEFERRED, ""},
        {"250-never ending\r\n", SMTP_ENDLESS, SMTP_DEFERRED, ""},
        {"nothing but one line", SMTP_ENDLESS, SMTP_DEFERRED, ""},
    };
    const char *stage = stages[(size_t)_i / COUNT(answers)];
    size_t which = (size_t)_i % COUNT(answers);
    const struct smtp_answer script_answers[] = {
        {stage, answers[which].text, answers[which].manner, 0}, {0}};
    const struct smtp_script script = {.answers = script_answers};
    enum smtp_status wanted = answers[which].status;
    enum smtp_status status;

    /* Whatever is wrong with the way there, the message is not at fault; after EHLO comes HELO. */
    if (*stage == '\0')
        wanted = SMTP_DEFERRED;
    if (strcmp(stage, "EHLO") == 0)
        wanted = wanted == SMTP_REFUSED ? SMTP_OK : SMTP_DEFERRED;
    serve(&script);
    target.answer_timeout_ms = 5000;
    status = whole();
    ck_assert_msg(status == wanted, "%s, %s: status %d instead of %d: %s", stage,
                  answers[which].text ? answers[which].text : "(drop)", (int)status, (int)wanted,
                  why_text(&why));
    if (*stage != '\0' && strcmp(stage, "EHLO") != 0)
        ck_assert_msg(strstr(why_text(&why), answers[which].said), "said: %s", why_text(&why));
    ck_assert(status == SMTP_OK || strstr(why_text(&why), "localhost:"));
    ck_assert_ptr_null(strpbrk(why_text(&why), "\x1b\r\n"));
}
END_TEST
#define ANSWERS_AT_EVERY_STAGE (6 * 16)

/* Slow ones are bounded at each answer, and in all. */
START_TEST(time_is_bounded)
{
    static const struct {
        enum smtp_manner manner;
        const char *text;
        int answer_ms, total_ms;
    } cases[] = {
        {SMTP_HANGS, NULL, 700, 20000},
        {SMTP_HANGS, NULL, 10000, 700},
        {SMTP_DRIPS, "250 2.0.0 very slow, but it says something all the time, on and on\r\n", 700,
         20000},
        {SMTP_DRIPS, "250 2.0.0 very slow, but it says something all the time, on and on\r\n",
         10000, 700},
    };
    const char *stage = stages[(size_t)_i / COUNT(cases)];
    size_t which = (size_t)_i % COUNT(cases);
    const struct smtp_answer answers[] = {{stage, cases[which].text, cases[which].manner, 0}, {0}};
    const struct smtp_script script = {.answers = answers};
    long long start, took;

    serve(&script);
    target.answer_timeout_ms = cases[which].answer_ms;
    target.total_timeout_ms = cases[which].total_ms;
    start = now_ms();
    demand(whole(), SMTP_DEFERRED, "");
    took = now_ms() - start;
    ck_assert_msg(took >= 500 && took < 4000, "%s: %lld ms", stage, took);
}
END_TEST
#define TIME_IS_BOUNDED (6 * 4)

START_TEST(a_server_that_stops_reading)
{
    static const struct smtp_answer answers[] = {{"DATA", "354 go\r\n", SMTP_STOPS, 0}, {0}};
    static const struct smtp_script script = {.answers = answers};
    char block[65536] = "";
    enum smtp_status status = SMTP_OK;

    serve(&script);
    target.answer_timeout_ms = 700;
    demand(connect_it(), SMTP_OK, "");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = ""}, &why), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "b@b.test"}, &why), SMTP_OK, "");
    demand(smtp_data(smtp, &why), SMTP_OK, "");
    for (size_t i = 0; i < 1000 && status == SMTP_OK; i++)
        status = smtp_write(smtp, block, sizeof block, &why);
    demand(status, SMTP_DEFERRED, "no answer in time");
    demand(smtp_end(smtp, &why), SMTP_DEFERRED, "lost");
}
END_TEST

/* A refusal in the middle of the content is not taken for the answer to its end. */
START_TEST(a_server_that_speaks_too_early)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"354 go\r\n552 5.3.4 too much\r\n", "552 5.3.4 too much"},
        {"354 go\r\n250 2.0.0 accepted\r\n", "250 2.0.0 accepted"},
        {"354 go\r\n421 4.3.2 going down\r\n", "421 4.3.2 going down"},
    };
    const struct smtp_answer answers[] = {
        {"DATA", cases[_i].text, SMTP_SAYS, 0}, {"Subject", "", SMTP_SAYS, 0}, {0}};
    const struct smtp_script script = {.answers = answers};

    serve(&script);
    demand(whole(), SMTP_DEFERRED, cases[_i].said);
    demand(smtp_reset(smtp, &why), SMTP_DEFERRED, "lost");
}
END_TEST

/* Two answers to one command: the second would answer the next command. */
START_TEST(answers_that_were_not_asked_for)
{
    static const struct smtp_answer answers[] = {
        {"MAIL", "250 ok\r\n250 and the recipients too\r\n", SMTP_SAYS, 0}, {0}};
    static const struct smtp_script script = {.answers = answers};

    serve(&script);
    demand(whole(), SMTP_DEFERRED, "without being asked: 250 and the recipients too");
    ck_assert(!was_sent("1", "RCPT"));
}
END_TEST

START_TEST(after_a_refused_recipient)
{
    static const struct smtp_answer answers[] = {{"RCPT TO:<no", "550 5.1.1 no\r\n", SMTP_SAYS, 0},
                                                 {"RCPT TO:<later", "450 later\r\n", SMTP_SAYS, 0},
                                                 {0}};
    static const struct smtp_script script = {.answers = answers};

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = ""}, &why), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "no@b.test"}, &why), SMTP_REFUSED,
           "answers RCPT TO:<no@b.test> with: 550 5.1.1 no");
    demand(smtp_data(smtp, &why), SMTP_ERROR, "order");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "later@b.test"}, &why),
           SMTP_DEFERRED, "450 later");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "yes@b.test"}, &why), SMTP_OK, "");
    demand(smtp_data(smtp, &why), SMTP_OK, "");
    demand(smtp_end(smtp, &why), SMTP_OK, "");
}
END_TEST

START_TEST(wrong_order)
{
    static const struct smtp_script script = {0};

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "b@b.test"}, &why), SMTP_ERROR,
           "order");
    demand(smtp_data(smtp, &why), SMTP_ERROR, "order");
    demand(smtp_write(smtp, "x", 1, &why), SMTP_ERROR, "order");
    demand(smtp_end(smtp, &why), SMTP_ERROR, "order");
    demand(send_message("", "b@b.test", "x"), SMTP_OK, "");
}
END_TEST

/* Left within the content, the server gets neither an end nor a QUIT that would be content. */
START_TEST(left_alone)
{
    static const struct smtp_script script = {0};
    char *seen;

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    demand(smtp_mail(smtp, &(struct smtp_sender){.address = ""}, &why), SMTP_OK, "");
    demand(smtp_rcpt(smtp, &(struct smtp_recipient){.address = "b@b.test"}, &why), SMTP_OK, "");
    demand(smtp_data(smtp, &why), SMTP_OK, "");
    demand(smtp_write(smtp, "x\r\n", 3, &why), SMTP_OK, "");
    if (_i == 0)
        smtp_quit(&smtp);
    else
        smtp_free(&smtp);
    usleep(100000);
    seen = smtp_server_saw(&server, "1", NULL);
    ck_assert_ptr_null(strstr(strstr(seen, "DATA\r\n"), "QUIT"));
    ck_assert_ptr_null(strstr(strstr(seen, "DATA\r\n"), "\r\n.\r\n"));
    free(seen);
}
END_TEST

START_TEST(quit_does_not_wait_long)
{
    static const struct smtp_answer answers[] = {{"QUIT", NULL, SMTP_HANGS, 0}, {0}};
    static const struct smtp_script script = {.answers = answers};
    long long start;

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    start = now_ms();
    smtp_quit(&smtp);
    ck_assert_int_lt(now_ms() - start, 4000);
}
END_TEST

static int give_up(void *context)
{
    return now_ms() - *(long long *)context > 300 ? 1 : 0;
}

START_TEST(told_meanwhile)
{
    const struct smtp_answer answers[] = {{stages[_i], NULL, SMTP_HANGS, 0}, {0}};
    const struct smtp_script script = {.answers = answers};
    long long start = now_ms();

    serve(&script);
    target.tick = give_up;
    target.context = &start;
    demand(whole(), SMTP_DEFERRED, "given up");
    ck_assert_int_lt(now_ms() - start, 4000);
}
END_TEST

/* Who knows only HELO has no extensions. */
START_TEST(a_server_of_old)
{
    static const struct smtp_answer answers[] = {{"EHLO", "500 what?\r\n", SMTP_SAYS, 0}, {0}};
    static const struct smtp_script script = {.answers = answers};

    serve(&script);
    demand(connect_it(), SMTP_OK, "");
    ck_assert_ptr_null(why);
    ck_assert(!smtp_offers(smtp, SMTP_SIZE));
    demand(send_message("a@b.test", "b@b.test", "x"), SMTP_OK, "");
    ck_assert(was_sent("1", "HELO gateway.example.com\r\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp");
    TCase *cases = tcase_create("dialogue");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, a_message_is_said);
    tcase_add_test(cases, messages_follow_each_other);
    tcase_add_test(cases, parameters_are_written);
    tcase_add_test(cases, what_is_not_offered);
    tcase_add_loop_test(cases, sizes, 0, 7);
    tcase_add_test(cases, nobody_chooses_commands);
    tcase_add_test(cases, long_addresses);
    tcase_add_loop_test(cases, content_on_the_wire, 0, 15);
    tcase_add_test(cases, large_content);
    tcase_add_loop_test(cases, answers_at_every_stage, 0, ANSWERS_AT_EVERY_STAGE);
    tcase_add_loop_test(cases, time_is_bounded, 0, TIME_IS_BOUNDED);
    tcase_add_test(cases, a_server_that_stops_reading);
    tcase_add_loop_test(cases, a_server_that_speaks_too_early, 0, 3);
    tcase_add_test(cases, answers_that_were_not_asked_for);
    tcase_add_test(cases, after_a_refused_recipient);
    tcase_add_test(cases, wrong_order);
    tcase_add_loop_test(cases, left_alone, 0, 2);
    tcase_add_test(cases, quit_does_not_wait_long);
    tcase_add_loop_test(cases, told_meanwhile, 0, COUNT(stages));
    tcase_add_test(cases, a_server_of_old);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
