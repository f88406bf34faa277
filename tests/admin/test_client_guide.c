/* The guides of smimectl client-settings, built in and the administrator's own. */
#include "smimectl_run.h"

#define SERVERS                                                                                    \
    "client_servers = (\n"                                                                         \
    "  { addresses = [ \"boss@example.com\" ]; activesync = \"eas.example.com:8443 tls\";\n"       \
    "    username = \"EXAMPLE\\\\%u\"; },\n"                                                       \
    "  { addresses = [ \"example.com\" ]; imap = \"imap.example.com\";\n"                          \
    "    pop3 = \"pop.example.com:110 starttls\"; submission = \"smtp.example.com:587\"; }\n"      \
    ");\n"

static void setup(void)
{
    make_directory();
    write_config(SERVERS);
}

static void teardown(void)
{
    remove_directory();
}

#define SETTINGS(...) SMIMECTL("client-settings", "--mailbox", __VA_ARGS__)

static void expect_guide(const char *what, struct run run, const char *const *there,
                         const char *const *missing)
{
    ck_assert_msg(run.code == 0, "%s: %s", what, run.err);
    for (size_t i = 0; there[i]; i++) {
        ck_assert_msg(strstr(run.out, there[i]) != NULL, "%s: lacks \"%s\":\n%s", what, there[i],
                      run.out);
    }
    for (size_t i = 0; missing[i]; i++) {
        ck_assert_msg(!strstr(run.out, missing[i]), "%s: has \"%s\":\n%s", what, missing[i],
                      run.out);
    }
    ck_assert_msg(!strstr(run.out, "${") && !strstr(run.out, "[["), "%s: marks are left:\n%s", what,
                  run.out);
    write_text(in_dir("guide"), run.out);
    run_clear(&run);
    expect_run("iconv", RUN(NULL, "iconv", "-f", "UTF-8", "-t", "UTF-16", in_dir("guide")), 0,
               NULL);
}

START_TEST(guides)
{
    static const char *const programs[] = {"OUTLOOK", "THUNDERBIRD", "APPLE MAIL",
                                           "IPHONE",  "ANDROID",     NULL};
    static const char *const settings[] = {
        "imap.example.com, port 993, SSL/TLS",  "pop.example.com, port 110, STARTTLS",
        "smtp.example.com, port 587, STARTTLS", "User name           alice@example.com",
        "All connections are encrypted",        NULL};
    static const char *const german[] = {"imap.example.com, Port 993, SSL/TLS",
                                         "Alle Verbindungen sind verschlüsselt",
                                         "Name                Alice Äsop", "Postausgang", NULL};
    static const char *const none[] = {NULL};
    static const char *const no_activesync[] = {"ActiveSync", "\nName  ", NULL};
    static const char *const activesync[] = {"eas.example.com, port 8443", "EXAMPLE\\boss", NULL};
    static const char *const only_activesync[] = {"THUNDERBIRD", "SMTP", NULL};
    expect_guide("programs", SETTINGS("alice@example.com"), programs, none);
    expect_guide("settings", SETTINGS("alice@example.com", "--language", "en"), settings,
                 no_activesync);
    expect_guide("German",
                 SETTINGS("alice@example.com", "--language", "de", "--name", "Alice Äsop"), german,
                 no_activesync);
    expect_guide("ActiveSync", SETTINGS("boss@example.com"), activesync, only_activesync);
}
END_TEST

START_TEST(own_templates)
{
    static const char *const languages[] = {"en", "de"};
    for (size_t i = 0; i < 2; i++) {
        struct run shown =
            SMIMECTL("client-settings", "--show-template", "--language", languages[i]);
        ck_assert_int_eq(shown.code, 0);
        write_text(in_dir("template"), shown.out);
        struct run built_in = SETTINGS("alice@example.com", "--language", languages[i]);
        struct run own = SETTINGS("alice@example.com", "--template", in_dir("template"));
        ck_assert_str_eq(built_in.out, own.out);
        run_clear(&shown);
        run_clear(&built_in);
        run_clear(&own);
    }
    write_text(in_dir("template"), "Hello ${name}, ${submission_host}:${submission_port}\r\n"
                                   "[[activesync]]\r\nnever\r\n[[end]]\r\n"
                                   "[[imap]]\r\n${username} $ { ${} [[x\r\n[[end]]\r\nlast");
    expect_run("unknown mark", SETTINGS("alice@example.com", "--template", in_dir("template")), 1,
               "line 6: ${} is unknown");
    write_text(in_dir("template"), "Hello ${name}, ${submission_host}:${submission_port}\r\n"
                                   "[[activesync]]\r\nnever\r\n[[end]]\r\n"
                                   "[[imap]]\r\n${username} $ { [[x ${\r\n[[end]]\r\nlast");
    struct run run = SETTINGS("alice@example.com", "--template", in_dir("template"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_str_eq(run.out, "Hello alice@example.com, smtp.example.com:587\n"
                              "alice@example.com $ { [[x ${\nlast\n");
    run_clear(&run);
}
END_TEST

static const struct template_case {
    const char *name;
    const char *text;
    const char *err;
} template_cases[] = {
    {"unknown mark", "a\n${imap_user}\n", "line 2: ${imap_user} is unknown"},
    {"unknown part", "[[smtp]]\n", "line 1: [[smtp]] is unknown"},
    {"service that is not there", "${activesync_host}\n", "there is no activesync"},
    {"no end", "a\n[[imap]]\nb\n", "line 2: the part that begins here has no [[end]]"},
    {"two parts at once", "[[imap]]\n[[pop3]]\n[[end]]\n", "line 2: the part before"},
    {"end of nothing", "[[end]]\n", "nothing is to be ended"},
};

START_TEST(bad_templates)
{
    const struct template_case *c = &template_cases[_i];
    write_text(in_dir("template"), c->text);
    expect_run(c->name, SETTINGS("alice@example.com", "--template", in_dir("template")), 1, c->err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_guide");
    TCase *tests = tcase_create("client_guide");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, guides);
    tcase_add_test(tests, own_templates);
    tcase_add_loop_test(tests, bad_templates, 0,
                        (int)(sizeof template_cases / sizeof template_cases[0]));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
