/* smimectl notice: listing what was told, and sending a test notice to a scripted mail server. */
#include "smimectl_run.h"

#include "daemon/notice_reader.h"
#include "notice.h"
#include "smtp_server_run.h"
#include "why.h"

static struct smtp_test_server server;

static void configure(const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "mail_server = \"inet:%d@127.0.0.1\";\nsmtp_timeout_s = 5;\nwork_timeout_s = 5;\n%s",
             server.port, more);
    write_config(text);
}

static void begin(const struct smtp_script *script, const char *more)
{
    static const struct smtp_script good = {0};
    make_store();
    smtp_server_start(&server, script ? script : &good);
    configure(more);
}

static void end(void)
{
    smtp_server_stop(&server);
    remove_directory();
}

/* ---- test ---- */

#define TO_ONE "administrator = \"postmaster@example.com\";\n"
#define TO_TWO "administrator = [ \"gone@example.com\", \"b@example.com\" ];\n"

START_TEST(sends)
{
    static const char *const wanted[] = {"To-addresses: postmaster@example.com\n",
                                         "Subject: smimed: Testhinweis / test notice", "defects: 0",
                                         "This is only a test", NULL};
    begin(NULL, TO_ONE);
    expect_output("test", SMIMECTL("notice", "test"), "127.0.0.1 has taken a test notice, <");
    char *seen = smtp_server_saw(&server, "1", NULL);
    char *content = reader_content(seen);
    char *said = reader_read(content);
    ck_assert_ptr_nonnull(strstr(seen, "MAIL FROM:<>"));
    reader_expect(said, wanted);
    free(seen);
    free(content);
    free(said);
    end();
}
END_TEST

static const struct {
    const char *name;
    const char *config; /* NULL: an administrator, and no server */
    struct smtp_answer answer;
    int code;
    const char *says;
    const char *result; /* of --json; NULL: nothing is written */
} outcomes[] = {
    {"good", TO_ONE, {0}, 0, NULL, "sent"},
    {"one of two",
     TO_TWO,
     {"RCPT TO:<gone", "550 5.1.1 unknown\r\n", SMTP_SAYS, 0},
     3,
     "not for everybody: ",
     "sent"},
    {"nobody takes it",
     TO_TWO,
     {"RCPT", "550 5.1.1 unknown\r\n", SMTP_SAYS, 0},
     1,
     "refuses notices: ",
     "refused"},
    {"the null sender is refused",
     TO_ONE,
     {"MAIL", "550 no bounces\r\n", SMTP_SAYS, 0},
     1,
     "no bounces",
     "refused"},
    {"later",
     TO_ONE,
     {"DATA", "451 4.3.0 try again\r\n", SMTP_SAYS, 0},
     75,
     "try again",
     "deferred"},
    {"gone in the middle", TO_ONE, {".", "", SMTP_DROPS, 0}, 75, "connection was lost", "deferred"},
    {"no administrator", "", {0}, 1, "no administrator is set", NULL},
    {"no server", NULL, {0}, 1, "neither mail_server nor reinject", NULL},
};

START_TEST(says_what_happened)
{
    const struct smtp_answer answers[] = {outcomes[_i].answer, {0}};
    begin(&(struct smtp_script){.answers = answers},
          outcomes[_i].config ? outcomes[_i].config : "");
    if (!outcomes[_i].config) {
        write_config(TO_ONE);
    }
    expect_run(outcomes[_i].name, SMIMECTL("notice", "test"), outcomes[_i].code, outcomes[_i].says);
    struct run run = SMIMECTL("notice", "test", "--json");
    ck_assert_int_eq(run.code, outcomes[_i].code);
    if (outcomes[_i].result) {
        json_t *value = parse_json(outcomes[_i].name, run.out);
        ck_assert_str_eq(text_at(value, "result"), outcomes[_i].result);
        ck_assert_int_eq(json_is_null(json_object_get(value, "reason")), outcomes[_i].says == NULL);
        ck_assert_uint_ge(json_array_size(json_object_get(value, "recipients")), 1);
        json_decref(value);
    } else {
        ck_assert_str_eq(run.out, "");
    }
    run_clear(&run);
    end();
}
END_TEST

/* ---- list ---- */

static void put(enum notice_kind kind, const char *topic, const char *recipient, const char *object)
{
    const struct store_options options = {.path = in_dir("lib/store.db"),
                                          .secret_path = in_dir("etc/master.secret"),
                                          .timeout_ms = 5000};
    const struct notice_note note = {.kind = kind,
                                     .topic = topic,
                                     .recipient = recipient,
                                     .object = object,
                                     .detail = "7",
                                     .fingerprint = "aa"};
    const struct notice_terms terms = {.message_id = topic, .lease_s = 100};
    struct store *store = NULL;
    struct notice_mail mail;
    char *why = NULL;
    ck_assert_msg(store_open(&options, &store, &why) == STORE_OK &&
                      store_notice_put(store, &note, NULL, &why) == STORE_OK,
                  "%s", why_text(&why));
    if (kind == NOTICE_WEAKER) {
        ck_assert_msg(store_notice_mail_take(store, &terms, PKI_NOW, &mail, &why) == STORE_OK &&
                          store_notice_mail_done(store, &mail, NOTICE_GIVEN_UP, "550 \x1b[31mno",
                                                 PKI_NOW, &why) == STORE_OK,
                      "%s", why_text(&why));
        notice_mail_clear(&mail);
    }
    store_close(&store);
}

START_TEST(lists)
{
    make_store();
    expect_run("none", SMIMECTL("notice", "list"), 0, NULL);
    put(NOTICE_WEAKER, "m1", "alice@example.com", "hello\x1b[2J");
    put(NOTICE_MAILBOX_EXPIRES, "aa 7", NULL, "bob@example.com");
    struct run run = SMIMECTL("notice", "list");
    ck_assert_int_eq(run.code, 0);
    ck_assert_ptr_null(strchr(run.out, '\x1b'));
    ck_assert_ptr_nonnull(strstr(run.out, "mailbox-expires"));
    ck_assert_ptr_nonnull(strstr(run.out, "administrator"));
    ck_assert_ptr_nonnull(strstr(run.out, "given-up"));
    run_clear(&run);
    json_t *all = expect_json("json", SMIMECTL("notice", "list", "--json"));
    ck_assert_uint_eq(json_array_size(all), 2);
    ck_assert_str_eq(text_at(json_array_get(all, 0), "recipient"), "alice@example.com");
    ck_assert_str_eq(text_at(json_array_get(all, 0), "error"), "550 \x1b[31mno");
    ck_assert_str_eq(text_at(json_array_get(all, 0), "done"), "2026-01-01T00:00:00Z");
    ck_assert_str_eq(text_at(json_array_get(all, 1), "object"), "bob@example.com");
    json_decref(all);
    all = expect_json("waiting", SMIMECTL("notice", "list", "--state", "waiting", "--json"));
    ck_assert_uint_eq(json_array_size(all), 1);
    ck_assert_str_eq(text_at(json_array_get(all, 0), "kind"), "mailbox-expires");
    json_decref(all);
    expect_run("a state that is none", SMIMECTL("notice", "list", "--state", "lost"), 2,
               "is no state of a notice");
    remove_directory();
}
END_TEST

/* smimed -t says before that nobody would take them, and which file is none. */
START_TEST(checked_before)
{
    char smimed[PATH_MAX];
    make_store();
    snprintf(smimed, sizeof smimed, "%.*s/smimed", (int)(strrchr(run_program, '/') - run_program),
             run_program);
    write_config(TO_ONE "notice_template = \"/nonexistent\";\n"
                        "sender_notice_template = \"/etc/passwd\";\n");
    struct run run = RUN(NULL, smimed, "-t", "-c", run_config);
    ck_assert_int_ne(run.code, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "administrator is set, but nobody takes the notices"));
    ck_assert_ptr_nonnull(strstr(run.err, "notice_template: cannot read /nonexistent"));
    ck_assert_ptr_nonnull(strstr(run.err, "sender_notice_template: /etc/passwd must begin with"));
    run_clear(&run);
    remove_directory();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl notice");
    TCase *cases = tcase_create("notice");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, sends);
    tcase_add_loop_test(cases, says_what_happened, 0, sizeof outcomes / sizeof *outcomes);
    tcase_add_test(cases, lists);
    tcase_add_test(cases, checked_before);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
