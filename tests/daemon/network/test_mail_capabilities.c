/* What servers offer before TLS, read off lines that real ones say. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mail_capabilities.h"
#include "test_run.h"

static const struct {
    const char *name;
    enum mail_protocol protocol;
    const char *lines[6];
    bool start_tls;
    bool clear_password;
} cases[] = {
    {"Postfix, AUTH behind TLS only",
     MAIL_SMTP,
     {"250-mail.example.com\r\n", "250-PIPELINING\r\n", "250-STARTTLS\r\n", "250 CHUNKING\r\n"},
     true,
     false},
    {"Postfix, AUTH always",
     MAIL_SMTP,
     {"250-STARTTLS\r\n", "250-AUTH PLAIN LOGIN\r\n", "250 CHUNKING\r\n"},
     true,
     true},
    {"broken_sasl_auth_clients", MAIL_SMTP, {"250-AUTH=LOGIN PLAIN\r\n"}, false, true},
    {"challenges only", MAIL_SMTP, {"250 AUTH CRAM-MD5 SCRAM-SHA-256\r\n"}, false, false},
    {"lower case", MAIL_SMTP, {"250-starttls", "250 auth plain"}, true, true},
    {"words inside others", MAIL_SMTP, {"250-XSTARTTLS\r\n", "250 XAUTH PLAIN\r\n"}, false, false},
    {"another code", MAIL_SMTP, {"550-STARTTLS\r\n", "220 AUTH PLAIN\r\n"}, false, false},
    {"only codes", MAIL_SMTP, {"250", "250 ", "25", "", "250 AUTH", "250 AUTH="}, false, false},
    {"Dovecot",
     MAIL_IMAP,
     {"* CAPABILITY IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED\r\n", "A001 OK done\r\n"},
     true,
     false},
    {"Dovecot that lets passwords pass",
     MAIL_IMAP,
     {"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n"},
     true,
     true},
    {"LOGIN is there by itself", MAIL_IMAP, {"* CAPABILITY IMAP4rev1\r\n"}, false, true},
    {"LOGINDISABLED and yet AUTH=PLAIN",
     MAIL_IMAP,
     {"* CAPABILITY LOGINDISABLED AUTH=PLAIN\r\n"},
     false,
     true},
    {"no list", MAIL_IMAP, {"* OK STARTTLS\r\n", "A001 CAPABILITY STARTTLS\r\n"}, false, false},
    {"POP3", MAIL_POP3, {"+OK\r\n", "STLS\r\n", "UIDL\r\n", ".\r\n"}, true, false},
    {"POP3 with USER", MAIL_POP3, {"STLS\r\n", "USER\r\n"}, true, true},
    {"POP3 with SASL", MAIL_POP3, {"SASL CRAM-MD5 PLAIN\r\n"}, false, true},
};

START_TEST(capabilities)
{
    struct mail_capabilities found = {0};
    for (size_t i = 0; i < 6 && cases[_i].lines[i]; i++) {
        /* Without a NUL behind, so that a sanitizer sees what reads on. */
        size_t length = strlen(cases[_i].lines[i]);
        char *line = malloc(length ? length : 1);
        ck_assert_ptr_nonnull(line);
        memcpy(line, cases[_i].lines[i], length);
        mail_capabilities_add(&found, cases[_i].protocol, line, length);
        free(line);
    }
    ck_assert_msg(found.start_tls == cases[_i].start_tls, "%s: TLS", cases[_i].name);
    ck_assert_msg(mail_capabilities_clear_password(&found) == cases[_i].clear_password,
                  "%s: passwords", cases[_i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail_capabilities");
    TCase *tests = tcase_create("mail_capabilities");
    tcase_add_loop_test(tests, capabilities, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
