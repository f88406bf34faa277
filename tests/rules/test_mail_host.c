/* Servers that mail programs are told of, and login names. */
#include "mail_host.h"
#include "test_run.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

static const struct host_case {
    const char *name;
    enum mail_host_service service;
    const char *text;
    const char *host; /* NULL: refused */
    int port;
    bool start_tls;
    const char *why;
} host_cases[] = {
    {"a name alone", MAIL_HOST_IMAP, "imap.example.com", "imap.example.com", 993, false, NULL},
    {"POP3", MAIL_HOST_POP3, "pop.example.com", "pop.example.com", 995, false, NULL},
    {"submission", MAIL_HOST_SUBMISSION, "smtp.example.com", "smtp.example.com", 465, false, NULL},
    {"ActiveSync", MAIL_HOST_ACTIVESYNC, "eas.example.com", "eas.example.com", 443, false, NULL},
    {"by a command", MAIL_HOST_IMAP, "a.example.com starttls", "a.example.com", 143, true, NULL},
    {"its port says so", MAIL_HOST_SUBMISSION, "a.example.com:587", "a.example.com", 587, true,
     NULL},
    {"both", MAIL_HOST_POP3, "a.example.com:110 starttls", "a.example.com", 110, true, NULL},
    {"unusual", MAIL_HOST_IMAP, "a.example.com:587 tls", "a.example.com", 587, false, NULL},
    {"blanks", MAIL_HOST_IMAP, "a.example.com:9993   tls", "a.example.com", 9993, false, NULL},
    {"upper case", MAIL_HOST_IMAP, "IMAP.Example.COM", "imap.example.com", 993, false, NULL},
    {"international", MAIL_HOST_IMAP,
     "b\xC3\xBC"
     "cher.example",
     "xn--bcher-kva.example", 993, false, NULL},
    {"IPv4", MAIL_HOST_IMAP, "192.0.2.1", "192.0.2.1", 993, false, NULL},
    {"unusual without a word", MAIL_HOST_IMAP, "a.example.com:144", NULL, 0, false,
     "\"tls\" or \"starttls\""},
    {"no encryption", MAIL_HOST_IMAP, "a.example.com:143 none", NULL, 0, false, "not one of"},
    {"ActiveSync by a command", MAIL_HOST_ACTIVESYNC, "a.example.com starttls", NULL, 0, false,
     "\"starttls\" is not \"tls\""},
    {"no port", MAIL_HOST_IMAP, "a.example.com:", NULL, 0, false, "no port"},
    {"port 0", MAIL_HOST_IMAP, "a.example.com:0", NULL, 0, false, "no port"},
    {"large port", MAIL_HOST_IMAP, "a.example.com:65536", NULL, 0, false, "no port"},
    {"long port", MAIL_HOST_IMAP, "a.example.com:4294968289", NULL, 0, false, "no port"},
    {"no number", MAIL_HOST_IMAP, "a.example.com:imap", NULL, 0, false, "no port"},
    {"no name", MAIL_HOST_IMAP, ":993", NULL, 0, false, "name of a host"},
    {"empty", MAIL_HOST_IMAP, "", NULL, 0, false, "name of a host"},
    {"a URL", MAIL_HOST_IMAP, "imaps://a.example.com", NULL, 0, false, "no port"},
    {"markup", MAIL_HOST_IMAP, "<b>.example.com", NULL, 0, false, "name of a host"},
};

START_TEST(hosts)
{
    const struct host_case *c = &host_cases[_i];
    struct mail_host host;
    char *why = NULL;
    int rc = mail_host_parse(c->service, c->text, &host, &why);
    if (!c->host) {
        ck_assert_msg(rc == -1, "%s: taken", c->name);
        ck_assert_ptr_null(host.name);
        ck_assert_msg(strstr(why_text(&why), c->why) != NULL, "%s: said: %s", c->name,
                      why_text(&why));
    } else {
        ck_assert_msg(rc == 0, "%s: %s", c->name, why_text(&why));
        ck_assert_str_eq(host.name, c->host);
        ck_assert_int_eq(host.port, c->port);
        ck_assert(host.start_tls == c->start_tls);
    }
    mail_host_clear(&host);
    why_free(&why);
}
END_TEST

static const struct username_case {
    const char *pattern;
    const char *username; /* NULL: refused */
} username_cases[] = {
    {"%a", "alice@example.com"},
    {"%u", "alice"},
    {"%d\\%u", "example.com\\alice"},
    {"x%%y", "x%y"},
    {"%%a", "%a"},
    {"alice", "alice"},
    {"%u%u", "alicealice"},
    {"%", NULL},
    {"%x", NULL},
    {"100%", NULL},
    {"%%%", NULL},
};

START_TEST(usernames)
{
    const struct username_case *c = &username_cases[_i];
    char *why = NULL;
    int rc = mail_username_check(c->pattern, &why);
    ck_assert_msg((rc == 0) == (c->username != NULL), "%s: %s", c->pattern, why_text(&why));
    if (c->username) {
        char *text = mail_username(c->pattern, "alice@example.com", "alice", "example.com");
        ck_assert_ptr_nonnull(text);
        ck_assert_str_eq(text, c->username);
        free(text);
    }
    why_free(&why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail_host");
    TCase *tests = tcase_create("mail_host");
    tcase_add_loop_test(tests, hosts, 0, (int)(sizeof host_cases / sizeof host_cases[0]));
    tcase_add_loop_test(tests, usernames, 0,
                        (int)(sizeof username_cases / sizeof username_cases[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
