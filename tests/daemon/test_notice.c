/* Notices on their way: what they say, to whom and how they are sent, once, whoever is killed; the
 * mail server is scripted, and Python reads the mail. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

#include "flow_world.h"
#include "mail_template.h"
#include "notice.h"
#include "notice_chore.h"
#include "notice_reader.h"
#include "notice_text.h"
#include "smtp_server_run.h"
#include "test_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PATIENCE_MS 15000
#define ADMINISTRATOR "administrator = \"postmaster@example.com\";\n"

static struct world world;
static struct smtp_test_server server;

/* A gateway whose mail goes to a server with this script. */
static void begin(const char *config, const struct smtp_script *script)
{
    static const struct smtp_script good = {0};
    char text[2000];

    smtp_server_start(&server, script ? script : &good);
    snprintf(text, sizeof text,
             "mail_server = \"inet:%d@127.0.0.1\";\nsmtp_timeout_s = 5;\nwork_timeout_s = 5;\n"
             "helo_name = \"gw.example.com\";\n%s",
             server.port, config);
    world = world_open(text);
}

static void end(void)
{
    smtp_server_stop(&server);
    world_close(&world);
}

static void put(enum notice_kind kind, const char *topic, const char *recipient, const char *object,
                const char *detail)
{
    const struct notice_note note = {.kind = kind,
                                     .topic = topic,
                                     .recipient = recipient,
                                     .object = object,
                                     .detail = detail,
                                     .fingerprint = "00ff",
                                     .expires = PKI_NOW + 12 * PKI_DAY + 3600,
                                     .reference = recipient ? "<one@example.com>" : NULL};
    char *why = NULL;

    ck_assert_msg(store_notice_put(world.gateway->store, &note, NULL, &why) == STORE_OK, "%s",
                  why_text(&why));
}

/* What Python reads in the mail of connection `name`. */
static char *mail_of(const char *name)
{
    char *seen = smtp_server_saw(&server, name, NULL);
    char *content = reader_content(seen);
    char *said;

    ck_assert_msg(content != NULL, "no content:\n%s", seen);
    said = reader_read(content);
    free(content);
    free(seen);
    return said;
}

static void ck_seen(const char *name, const char *wanted, bool there)
{
    char *seen = smtp_server_saw(&server, name, NULL);

    ck_assert_msg((strstr(seen, wanted) != NULL) == there, "%s %s in:\n%s", wanted,
                  there ? "is missing" : "is", seen);
    free(seen);
}

static void ck_states(const char *wanted)
{
    struct notice_list list = {0};
    char said[400] = "";

    ck_assert_int_eq(store_notice_list(world.gateway->store, &list, NULL), STORE_OK);
    for (size_t i = 0; i < list.count; i++)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", i > 0 ? " " : "",
                 notice_state_name(list.items[i].state));
    ck_assert_str_eq(said, wanted);
    notice_list_clear(&list);
}

/* ---- What they say ---- */

static const struct {
    enum notice_kind kind;
    const char *recipient, *object, *detail;
    const char *wanted[8];
} kinds[] = {
    {NOTICE_MAILBOX_EXPIRES,
     NULL,
     "alice@example.com",
     "14",
     {"Subject: smimed: Zertifikat läuft ab / certificate expires (mx.example.com)\n",
      "Postfachs alice@example.com\n  läuft in 12 Tagen ab (2026-01-13 01:00 UTC)",
      "mailbox alice@example.com\n  expires in 12 days (2026-01-13 01:00 UTC)", "SHA-256 00ff"}},
    {NOTICE_ANCHOR_EXPIRES, NULL, "CN = Old Root", "14", {"trust anchor CN = Old Root\n"}},
    {NOTICE_CA_EXPIRES, NULL, "CN = Own", "14", {"our own CA CN = Own\n", "eigenen CA CN = Own"}},
    {NOTICE_ACTIVATED,
     NULL,
     "alice@example.com",
     "ca",
     {"Das Postfach alice@example.com ist aktiv", "the CA \"ca\" has certified it"}},
    {NOTICE_RENEWED, NULL, "alice@example.com", "ca", {"has a new certificate"}},
    {NOTICE_NOT_ACTIVATED,
     NULL,
     "alice@example.com",
     "ca\nthe CA says no",
     {"wurde nicht aktiviert.\n  Die CA \"ca\": the CA says no", "was not activated"}},
    {NOTICE_NOT_RENEWED, NULL, "alice@example.com", "ca\nno", {"was not renewed", "\"ca\": no"}},
    {NOTICE_KEY_CHANGED,
     NULL,
     "bob@partner.test",
     "CN=New CA\naa11 CN=Old CA\nbb22 CN=Older CA",
     {"another certificate was learned for bob@partner.test",
      "new: issuer CN=New CA,\n    SHA-256 00ff",
      "so far: issuer CN=Old CA,\n    SHA-256 aa11\n  so far: issuer CN=Older CA,\n"
      "    SHA-256 bb22\n",
      "bisher: Aussteller CN=Old CA"}},
    {NOTICE_KEY_HELD, NULL, "bob@partner.test", "CN=CA", {"waits for approval", "issuer CN=CA"}},
    {NOTICE_WEAKER,
     "alice@example.com",
     "Gr\xc3\xbc\xc3\x9f"
     "e {host}",
     "no-key bob@partner.test\nunsigned c@partner.test\ndenied \"d e\"@partner.test",
     {"Subject: Weniger geschützt gesendet / Sent with less protection: Gr\xc3\xbc\xc3\x9f"
      "e {host}\n",
      "<bob@partner.test>:\n    nicht verschlüsselt", "<bob@partner.test>:\n    not encrypted",
      "<c@partner.test>:\n    not signed", "<\"d e\"@partner.test>:\n    the rules do not let you",
      "Auto-Submitted: auto-replied\n", "In-Reply-To: <one@example.com>\n",
      "References: <one@example.com>\n"}},
    {NOTICE_TEST, NULL, "", "", {"only a test"}},
    {NOTICE_CREDENTIAL_EXPIRES,
     NULL,
     "ca",
     "14",
     {"for the CA ca\n  expires in 12 days", "für die CA ca\n  läuft"}},
};

START_TEST(says)
{
    static const char *const always[] = {"ascii: True",
                                         "defects: 0",
                                         "type: text/plain utf-8",
                                         "From-addresses: MAILER-DAEMON@mx.example.com",
                                         "Message-Id: <",
                                         "Date: Thu, 01 Jan 2026 00:00:00 +0000",
                                         NULL};
    const char *wanted[COUNT(kinds[0].wanted) + 1] = {NULL};
    char *said;

    begin(ADMINISTRATOR, NULL);
    put(kinds[_i].kind, "t", kinds[_i].recipient, kinds[_i].object, kinds[_i].detail);
    notice_chore(world.gateway, PKI_NOW);
    ck_states("sent");
    said = mail_of("1");
    for (size_t i = 0; i < COUNT(kinds[0].wanted); i++)
        wanted[i] = kinds[_i].wanted[i];
    reader_expect(said, wanted);
    reader_expect(said, always);
    if (!kinds[_i].recipient) {
        ck_assert_ptr_nonnull(strstr(said, "Auto-Submitted: auto-generated\n"));
        ck_assert_ptr_nonnull(strstr(said, "To-addresses: postmaster@example.com\n"));
        ck_assert_ptr_null(strstr(said, "In-Reply-To"));
    }
    free(said);
    end();
}
END_TEST

START_TEST(says_how_long)
{
    static const struct {
        time_t left;
        const char *german, *english;
    } cases[] = {
        {2 * PKI_DAY, "läuft in 2 Tagen ab", "expires in 2 days"},
        {2 * PKI_DAY - 1, "läuft in einem Tag ab", "expires in one day"},
        {PKI_DAY - 1, "läuft in weniger als einem Tag ab", "expires in less than a day"},
        {0, "läuft in weniger als einem Tag ab", "expires in less than a day"},
        {-1, "ist abgelaufen", "has expired"},
    };
    char empty[] = "";
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notice notice = {.kind = NOTICE_CA_EXPIRES,
                                .object = empty,
                                .detail = empty,
                                .fingerprint = empty,
                                .expires = PKI_NOW + cases[i].left};
        const struct notice_list list = {&notice, 1};
        struct notice_words german, english;
        char *sentence = notice_sentence(&notice, PKI_NOW);

        ck_assert_int_eq(notice_words_make(&list, NOTICE_GERMAN, PKI_NOW, &german), 0);
        ck_assert_int_eq(notice_words_make(&list, NOTICE_ENGLISH, PKI_NOW, &english), 0);
        ck_assert_msg(strstr(german.items, cases[i].german) != NULL, "%s", german.items);
        ck_assert_msg(strstr(english.items, cases[i].english) != NULL, "%s", english.items);
        ck_assert_ptr_nonnull(strstr(sentence, cases[i].english));
        ck_assert_ptr_null(strchr(sentence, '\n'));
        ck_assert_ptr_null(strstr(sentence, "  "));
        free(sentence);
        notice_words_clear(&german);
        notice_words_clear(&english);
    }
}
END_TEST

/* Whatever a CA or a store has said, nothing breaks. */
START_TEST(odd_details)
{
    static const char *const details[] = {"",        "\n",   "\n\n\n", "no-key",
                                          "no-key ", " a@b", "x\ny",   "strange a@b\n\nno-key"};
    for (size_t i = 0; i < COUNT(details); i++)
        for (int kind = 0; kind < NOTICE_KIND_COUNT; kind++) {
            char empty[] = "";
            char *detail = strdup(details[i]);
            struct notice notice = {.kind = (enum notice_kind)kind,
                                    .object = empty,
                                    .detail = detail,
                                    .fingerprint = empty,
                                    .expires = PKI_NOW};
            char *sentence = notice_sentence(&notice, PKI_NOW);

            ck_assert_ptr_nonnull(sentence);
            ck_assert_str_ne(sentence, "");
            free(sentence);
            free(detail);
        }
}
END_TEST

/* The administrator's words; where his file is broken, ours. */
START_TEST(templates)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"Subject: {headline_en} auf {host}\n\n{items_de}\n{unknown}\n",
         "Subject: test notice auf mx.example.com\n"},
        {"{unknown}\n", "Subject: smimed: Testhinweis / test notice (mx.example.com)\n"},
    };
    char name[] = "/tmp/smimed-template.XXXXXX";
    char config[200];
    int fd = mkstemp(name);
    char *said;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(write(fd, cases[_i].text, strlen(cases[_i].text)), 0);
    close(fd);
    snprintf(config, sizeof config,
             ADMINISTRATOR "notice_template = \"%s\";\nnotice_sender = \"smime@example.com\";\n",
             name);
    begin(config, NULL);
    put(NOTICE_TEST, "t", NULL, "", "");
    notice_chore(world.gateway, PKI_NOW);
    said = mail_of("1");
    ck_assert_msg(strstr(said, cases[_i].wanted) != NULL, "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "From-addresses: smime@example.com\n"));
    free(said);
    unlink(name);
    end();
}
END_TEST

static void ck_shipped(const char *path, bool to_sender)
{
    char *why = NULL;
    char *text = mail_template_load(path, "", &why);

    ck_assert_msg(text != NULL, "%s", why_text(&why));
    ck_assert_str_eq(text, notice_text_built_in(to_sender));
    free(text);
}

START_TEST(shipped_templates_are_those_built_in)
{
    ck_shipped("etc/notice.txt", false);
    ck_shipped("etc/sender-notice.txt", true);
}
END_TEST

/* ---- How they are sent ---- */

START_TEST(one_digest_once)
{
    static const char *const wanted[] = {
        "Subject: smimed: 3 Hinweise / 3 notices (mx.example.com)\n",
        "To-addresses: a@example.com b@example.com\n",
        "* Das Zertifikat",
        "* The mailbox",
        "* This is only a test",
        NULL};
    char *said;

    begin("administrator = [ \"a@example.com\", \"b@example.com\" ];\n", NULL);
    put(NOTICE_MAILBOX_EXPIRES, "1", NULL, "alice@example.com", "14");
    put(NOTICE_ACTIVATED, "2", NULL, "bob@example.com", "ca");
    put(NOTICE_TEST, "3", NULL, "", "");
    for (int i = 0; i < 3; i++)
        notice_chore(world.gateway, PKI_NOW + i * PKI_DAY);
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    ck_states("sent sent sent");
    ck_seen("1", "MAIL FROM:<>", true);
    ck_seen("1", "RCPT TO:<a@example.com> NOTIFY=NEVER\r\n", true);
    ck_seen("1", "RCPT TO:<b@example.com> NOTIFY=NEVER\r\n", true);
    said = mail_of("1");
    reader_expect(said, wanted);
    free(said);
    end();
}
END_TEST

/* 500 things that happen within the hour are two mails. */
START_TEST(many_are_two_mails)
{
    begin(ADMINISTRATOR, NULL);
    for (int i = 0; i < 500; i++) {
        char topic[20];

        snprintf(topic, sizeof topic, "%d", i);
        put(NOTICE_ACTIVATED, topic, NULL, "alice@example.com", "ca");
        if (i % 100 == 0)
            notice_chore(world.gateway, PKI_NOW + i);
    }
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    notice_chore(world.gateway, PKI_NOW + 3599);
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    notice_chore(world.gateway, PKI_NOW + 3600);
    notice_chore(world.gateway, PKI_NOW + 7200);
    ck_assert_uint_eq(smtp_server_contents(&server), 2);
    end();
}
END_TEST

START_TEST(to_whom_the_server_takes)
{
    static const struct smtp_answer answers[] = {
        {"RCPT TO:<gone@example.com>", "550 5.1.1 unknown\r\n", SMTP_SAYS, 0}, {0}};
    struct notice_list list = {0};

    begin("administrator = [ \"gone@example.com\", \"b@example.com\" ];\n",
          &(struct smtp_script){.answers = answers});
    put(NOTICE_TEST, "1", NULL, "", "");
    notice_chore(world.gateway, PKI_NOW);
    notice_chore(world.gateway, PKI_NOW + PKI_DAY);
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    ck_seen("2", "RCPT TO:<gone", false);
    ck_states("sent");
    ck_assert_int_eq(store_notice_list(world.gateway->store, &list, NULL), STORE_OK);
    ck_assert_ptr_nonnull(strstr(list.items[0].error, "unknown"));
    notice_list_clear(&list);
    end();
}
END_TEST

/* The administrator's address may be put right; a sender's will not. */
START_TEST(refused)
{
    static const struct smtp_answer answers[] = {{"RCPT", "550 5.1.1 unknown\r\n", SMTP_SAYS, 1},
                                                 {"RCPT", "550 5.1.1 unknown\r\n", SMTP_SAYS, 2},
                                                 {0}};

    begin(ADMINISTRATOR, &(struct smtp_script){.answers = answers});
    put(NOTICE_TEST, "1", NULL, "", "");
    put(NOTICE_WEAKER, "2", "alice@example.com", "hello", "no-key b@partner.test");
    notice_chore(world.gateway, PKI_NOW);
    ck_states("waiting given-up");
    notice_chore(world.gateway, PKI_NOW + NOTICE_RETRY_MIN_S - 1);
    ck_states("waiting given-up");
    notice_chore(world.gateway, PKI_NOW + NOTICE_RETRY_MIN_S + 1);
    ck_states("sent given-up");
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    end();
}
END_TEST

/* A server that is away for days, and what it gets then. */
START_TEST(waits_for_the_server)
{
    static const struct smtp_answer answers[] = {{"MAIL", "451 4.3.0 later\r\n", SMTP_SAYS, 1},
                                                 {"MAIL", "451 4.3.0 later\r\n", SMTP_SAYS, 2},
                                                 {".", "", SMTP_DROPS, 3},
                                                 {"MAIL", "421 no\r\n", SMTP_DROPS, 4},
                                                 {0}};
    char *third, *fifth;

    begin(ADMINISTRATOR, &(struct smtp_script){.answers = answers});
    put(NOTICE_TEST, "1", NULL, "", "");
    put(NOTICE_WEAKER, "2", "alice@example.com", "hello", "no-key b@partner.test");
    notice_chore(world.gateway, PKI_NOW);      /* one attempt, and no more while it is away */
    notice_chore(world.gateway, PKI_NOW + 50); /* it is left alone */
    ck_seen("2", "EHLO", false);
    notice_chore(world.gateway, PKI_NOW + 65);  /* of the first again */
    notice_chore(world.gateway, PKI_NOW + 130); /* the other: taken, or not? nobody knows */
    ck_states("waiting waiting");
    put(NOTICE_ACTIVATED, "3", NULL, "bob@example.com", "ca");
    notice_chore(world.gateway, PKI_NOW + 200);
    notice_chore(world.gateway, PKI_NOW + 7200);
    ck_assert_uint_eq(smtp_server_contents(&server),
                      4); /* one of them was the third connection's */
    ck_states("sent sent sent");
    third = mail_of("3");
    fifth = mail_of("5");
    *strchr(strstr(third, "Message-Id: "), '\n') = '\0';
    ck_assert_ptr_nonnull(strstr(fifth, strstr(third, "Message-Id: ")));
    free(third);
    free(fifth);
    notice_chore(world.gateway, PKI_NOW + 100 * PKI_DAY);
    ck_assert_uint_eq(smtp_server_contents(&server), 4);
    end();
}
END_TEST

/* To a sender for some days, to the administrator for ever. */
START_TEST(gives_up)
{
    static const struct smtp_answer answers[] = {{"MAIL", "451 4.3.0 later\r\n", SMTP_SAYS, 0},
                                                 {0}};

    begin(ADMINISTRATOR, &(struct smtp_script){.answers = answers});
    put(NOTICE_TEST, "1", NULL, "", "");
    put(NOTICE_WEAKER, "2", "alice@example.com", "hello", "no-key b@partner.test");
    for (int i = 0; i < 20; i++)
        for (int run = 0; run < 2; run++) /* one attempt each, while the server is away */
            notice_chore(world.gateway,
                         PKI_NOW + i * (NOTICE_GIVE_UP_S / 10) + run * (NOTICE_RETRY_MIN_S + 5));
    ck_states("waiting given-up");
    end();
}
END_TEST

START_TEST(nobody_to_send_to)
{
    begin("", NULL);
    put(NOTICE_TEST, "1", NULL, "", "");
    put(NOTICE_TEST, "2", NULL, "", "");
    put(NOTICE_WEAKER, "3", "alice@example.com", "hello", "no-key b@partner.test");
    notice_chore(world.gateway, PKI_NOW);
    ck_states("logged logged sent");
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    end();
}
END_TEST

/* ---- Killed ---- */

static void run_in_a_process_and_kill_it(size_t wanted_contents)
{
    char path[120];
    pid_t child;
    int status = 0;

    snprintf(path, sizeof path, "%s/smimed.conf", world.directory);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct problems problems = {0};
        struct gateway *gateway = gateway_open(path, &problems);

        if (gateway)
            notice_chore(gateway, PKI_NOW);
        _exit(gateway ? 0 : 1);
    }
    for (int waited = 0; smtp_server_contents(&server) < wanted_contents && waited < PATIENCE_MS;
         waited += 10)
        usleep(10000);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}

/* When the server has it, and we do not know. */
START_TEST(killed_between_sending_and_remembering)
{
    static const struct smtp_answer answers[] = {{".", "", SMTP_HANGS, 1}, {0}};
    char *first, *second;

    begin(ADMINISTRATOR, &(struct smtp_script){.answers = answers});
    put(NOTICE_MAILBOX_EXPIRES, "1", NULL, "alice@example.com", "14");
    run_in_a_process_and_kill_it(1);
    ck_states("waiting");
    put(NOTICE_TEST, "2", NULL, "", "");
    notice_chore(world.gateway, PKI_NOW + 1); /* it may still be at it */
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    notice_chore(world.gateway, PKI_NOW + 10 + NOTICE_LEASE_MARGIN_S);
    ck_states("sent waiting");
    ck_assert_uint_eq(smtp_server_contents(&server), 2);
    first = mail_of("1");
    second = mail_of("2");
    ck_assert_str_eq(first, second); /* Message-ID, date and text */
    free(first);
    free(second);
    notice_chore(world.gateway, PKI_NOW + PKI_DAY);
    ck_states("sent sent");
    ck_assert_uint_eq(smtp_server_contents(&server), 3);
    end();
}
END_TEST

/* Two at once send it once. */
START_TEST(two_keepers)
{
    pid_t children[4];
    char path[120];

    begin(ADMINISTRATOR, NULL);
    put(NOTICE_TEST, "1", NULL, "", "");
    snprintf(path, sizeof path, "%s/smimed.conf", world.directory);
    for (size_t i = 0; i < COUNT(children); i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            struct problems problems = {0};
            struct gateway *gateway = gateway_open(path, &problems);

            if (gateway)
                notice_chore(gateway, PKI_NOW);
            _exit(gateway ? 0 : 1);
        }
    }
    for (size_t i = 0; i < COUNT(children); i++) {
        int status = 0;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(smtp_server_contents(&server), 1);
    ck_states("sent");
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notice");
    TCase *cases = tcase_create("notice");

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, says, 0, COUNT(kinds));
    tcase_add_test(cases, says_how_long);
    tcase_add_test(cases, odd_details);
    tcase_add_loop_test(cases, templates, 0, 2);
    tcase_add_test(cases, shipped_templates_are_those_built_in);
    tcase_add_test(cases, one_digest_once);
    tcase_add_test(cases, many_are_two_mails);
    tcase_add_test(cases, to_whom_the_server_takes);
    tcase_add_test(cases, refused);
    tcase_add_test(cases, waits_for_the_server);
    tcase_add_test(cases, gives_up);
    tcase_add_test(cases, nobody_to_send_to);
    tcase_add_test(cases, killed_between_sending_and_remembering);
    tcase_add_test(cases, two_keepers);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
