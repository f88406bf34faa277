/* The way to an SMTP server: TLS in all modes against good and bad certificates, tricks of somebody
 * between, logins, Unix sockets. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/stat.h>

#include "smtp_client_run.h"
#include "test_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define LOGIN "AHNtaW1lZABzZWNyZXQ=" /* \0smimed\0secret */

enum certificate { GOOD, WRONG_NAME, EXPIRED, SELF_SIGNED, FOREIGN, NO_CERTIFICATE };

static char folder[64];
static char ca_file[80], password_file[90];
static struct pki certificates[5];

static void write_password(const char *text, mode_t mode)
{
    FILE *file = fopen(password_file, "we");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(password_file, mode), 0);
}

/* TLS goes by the clock on the wall. */
static struct pki server_certificate(const struct pki *issuer, const char *name, time_t until)
{
    time_t now = time(NULL);

    return pki_make(&(struct pki_spec){.common_name = name,
                                       .dns_names = {name},
                                       .extended_key_usage = "serverAuth",
                                       .not_before = now - 30 * PKI_DAY,
                                       .not_after = until},
                    issuer);
}

static struct pki authority(const char *name)
{
    time_t now = time(NULL);

    return pki_make(&(struct pki_spec){.common_name = name,
                                       .ca = true,
                                       .not_before = now - PKI_YEAR,
                                       .not_after = now + PKI_YEAR},
                    NULL);
}

static void make_certificates(void)
{
    struct pki ca = authority("Test CA");
    struct pki other = authority("Another CA");
    time_t now = time(NULL);

    strcpy(folder, "/tmp/smimed-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
    snprintf(password_file, sizeof password_file, "%s/password", folder);
    pki_write_certificate(ca_file, ca.certificate);
    certificates[GOOD] = server_certificate(&ca, "localhost", now + PKI_DAY);
    certificates[WRONG_NAME] = server_certificate(&ca, "elsewhere.test", now + PKI_DAY);
    certificates[EXPIRED] = server_certificate(&ca, "localhost", now - PKI_DAY);
    certificates[SELF_SIGNED] = server_certificate(NULL, "localhost", now + PKI_DAY);
    certificates[FOREIGN] = server_certificate(&other, "localhost", now + PKI_DAY);
    pki_clear(&ca);
    pki_clear(&other);
}

static void setup_all(void)
{
    setup();
    write_password("secret\n", 0600);
}

static void remove_certificates(void)
{
    char command[100];

    for (size_t i = 0; i < COUNT(certificates); i++)
        pki_clear(&certificates[i]);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(tls_modes)
{
    static const struct {
        enum smtp_tls mode;
        enum certificate certificate;
        bool at_once;
        enum smtp_status status;
        bool encrypted;
        const char *said;
    } cases[] = {
        {SMTP_TLS_NONE, GOOD, false, SMTP_OK, false, ""},
        {SMTP_TLS_OPPORTUNISTIC, GOOD, false, SMTP_OK, true, ""},
        {SMTP_TLS_REQUIRED, GOOD, false, SMTP_OK, true, ""},
        {SMTP_TLS_IMPLICIT, GOOD, true, SMTP_OK, true, ""},
        {SMTP_TLS_NONE, NO_CERTIFICATE, false, SMTP_OK, false, ""},
        {SMTP_TLS_OPPORTUNISTIC, NO_CERTIFICATE, false, SMTP_OK, false, ""},
        {SMTP_TLS_REQUIRED, NO_CERTIFICATE, false, SMTP_DEFERRED, false, "does not offer STARTTLS"},
        {SMTP_TLS_IMPLICIT, NO_CERTIFICATE, false, SMTP_DEFERRED, false, "SSL"},
        {SMTP_TLS_OPPORTUNISTIC, WRONG_NAME, false, SMTP_DEFERRED, false, "subject name"},
        {SMTP_TLS_REQUIRED, WRONG_NAME, false, SMTP_DEFERRED, false, "subject name"},
        {SMTP_TLS_IMPLICIT, WRONG_NAME, true, SMTP_DEFERRED, false, "subject name"},
        {SMTP_TLS_REQUIRED, EXPIRED, false, SMTP_DEFERRED, false, "expired"},
        {SMTP_TLS_IMPLICIT, EXPIRED, true, SMTP_DEFERRED, false, "expired"},
        {SMTP_TLS_REQUIRED, SELF_SIGNED, false, SMTP_DEFERRED, false, "self-signed"},
        {SMTP_TLS_IMPLICIT, SELF_SIGNED, true, SMTP_DEFERRED, false, "self-signed"},
        {SMTP_TLS_REQUIRED, FOREIGN, false, SMTP_DEFERRED, false, "issuer"},
        {SMTP_TLS_OPPORTUNISTIC, FOREIGN, false, SMTP_DEFERRED, false, "issuer"},
    };
    const struct smtp_script script = {.tls = cases[_i].certificate == NO_CERTIFICATE
                                                  ? NULL
                                                  : &certificates[cases[_i].certificate],
                                       .tls_at_once = cases[_i].at_once};

    serve(&script);
    target.ca_file = ca_file;
    target.tls = cases[_i].mode;
    target.answer_timeout_ms = 3000;
    demand(whole(), cases[_i].status, cases[_i].said);
    if (cases[_i].status == SMTP_OK)
        ck_assert(smtp_is_encrypted(smtp) == cases[_i].encrypted);
    else
        ck_assert(!was_sent("1", "MAIL"));
}
END_TEST
#define TLS_MODES 17

START_TEST(without_the_own_authority)
{
    const struct smtp_script script = {.tls = &certificates[GOOD]};

    serve(&script);
    target.tls = SMTP_TLS_REQUIRED;
    demand(whole(), SMTP_DEFERRED, "certificate");
}
END_TEST

START_TEST(checks_are_relaxed_by_name)
{
    static const struct {
        enum smtp_verify verify;
        enum certificate certificate;
        enum smtp_status status;
    } cases[] = {
        {SMTP_VERIFY_CHAIN, WRONG_NAME, SMTP_OK},    {SMTP_VERIFY_CHAIN, EXPIRED, SMTP_DEFERRED},
        {SMTP_VERIFY_CHAIN, FOREIGN, SMTP_DEFERRED}, {SMTP_VERIFY_NONE, WRONG_NAME, SMTP_OK},
        {SMTP_VERIFY_NONE, EXPIRED, SMTP_OK},        {SMTP_VERIFY_NONE, SELF_SIGNED, SMTP_OK},
        {SMTP_VERIFY_NONE, FOREIGN, SMTP_OK},
    };
    const struct smtp_script script = {.tls = &certificates[cases[_i].certificate]};

    serve(&script);
    target.ca_file = ca_file;
    target.tls = SMTP_TLS_REQUIRED;
    target.verify = cases[_i].verify;
    demand(whole(), cases[_i].status, "certificate");
    ck_assert(!smtp || smtp_is_encrypted(smtp));
}
END_TEST

/* Answers that somebody slips in before TLS begins must not be taken for the server's. */
START_TEST(injected_before_tls)
{
    static const struct smtp_answer answers[] = {
        {"STARTTLS", "220 go\r\n250-forged\r\n250 SMTPUTF8\r\n", SMTP_SAYS, 0}, {0}};
    const struct smtp_script script = {.tls = &certificates[GOOD], .answers = answers};

    serve(&script);
    target.ca_file = ca_file;
    target.tls = _i == 0 ? SMTP_TLS_REQUIRED : SMTP_TLS_OPPORTUNISTIC;
    demand(whole(), SMTP_DEFERRED, "localhost:");
    ck_assert(!was_sent("1", "MAIL"));
}
END_TEST

START_TEST(starttls_is_refused)
{
    static const struct smtp_answer answers[] = {{"STARTTLS", "454 not now\r\n", SMTP_SAYS, 0},
                                                 {0}};
    const struct smtp_script script = {
        .tls = &certificates[GOOD], .answers = answers, .login = LOGIN};

    serve(&script);
    target.ca_file = ca_file;
    target.tls = SMTP_TLS_REQUIRED;
    demand(whole(), SMTP_DEFERRED, "STARTTLS");
    target.tls = SMTP_TLS_OPPORTUNISTIC;
    demand(whole(), SMTP_OK, "");
    ck_assert(!smtp_is_encrypted(smtp));
    smtp_free(&smtp);
    target.user = "smimed";
    target.password_file = password_file;
    demand(whole(), SMTP_DEFERRED, "STARTTLS");
    ck_assert(!was_sent("3", "AUTH"));
}
END_TEST

START_TEST(logins)
{
    static const struct {
        enum smtp_tls mode;
        bool tls;
        const char *login;
        bool in_clear;
        enum smtp_status status;
        const char *said;
    } cases[] = {
        {SMTP_TLS_REQUIRED, true, LOGIN, false, SMTP_OK, ""},
        {SMTP_TLS_OPPORTUNISTIC, true, LOGIN, false, SMTP_OK, ""},
        {SMTP_TLS_REQUIRED, true, "AHNtaW1lZAB3cm9uZw==", false, SMTP_DEFERRED,
         "535 5.7.8 who are you"},
        {SMTP_TLS_REQUIRED, true, NULL, false, SMTP_DEFERRED, "no login"},
        {SMTP_TLS_OPPORTUNISTIC, false, LOGIN, false, SMTP_DEFERRED, "required for a login"},
        {SMTP_TLS_NONE, true, LOGIN, false, SMTP_ERROR, "without TLS"},
        {SMTP_TLS_NONE, false, LOGIN, true, SMTP_OK, ""},
        {SMTP_TLS_OPPORTUNISTIC, false, LOGIN, true, SMTP_OK, ""},
    };
    const struct smtp_script script = {.tls = cases[_i].tls ? &certificates[GOOD] : NULL,
                                       .login = cases[_i].login};

    serve(&script);
    target.ca_file = ca_file;
    target.tls = cases[_i].mode;
    target.login_in_clear = cases[_i].in_clear;
    target.user = "smimed";
    target.password_file = password_file;
    demand(whole(), cases[_i].status, cases[_i].said);
    if (cases[_i].status == SMTP_OK)
        ck_assert(was_sent("1", LOGIN) && smtp_is_encrypted(smtp) == cases[_i].tls);
    else
        ck_assert(!was_sent("1", "MAIL"));
    if (!cases[_i].tls && !cases[_i].in_clear)
        ck_assert(!was_sent("1", "AUTH"));
    ck_assert_ptr_null(strstr(why_text(&why), "secret"));
}
END_TEST

/* Neither methods with MD5 nor GSSAPI, which "user@realm" would set off. */
START_TEST(no_other_methods)
{
    static const struct smtp_script script = {
        .ehlo = "250-AUTH GSSAPI NTLM CRAM-MD5 DIGEST-MD5 XOAUTH2\r\n"};

    serve(&script);
    target.login_in_clear = true;
    target.user = "smimed@EXAMPLE.COM";
    target.password_file = password_file;
    demand(whole(), SMTP_DEFERRED, "");
    ck_assert(!was_sent("1", "AUTH") && !was_sent("1", "MAIL"));
}
END_TEST

START_TEST(password_files)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *said;
    } cases[] = {
        {"secret\nsecond line\n", 0600, NULL},
        {"secret\r\n", 0400, NULL},
        {"secret", 0640, NULL},
        {"secret\n", 0604, "open to others"},
        {"secret\n", 0620, "open to others"},
        {"", 0600, "empty"},
        {"\nsecret\n", 0600, "empty"},
    };
    const struct smtp_script script = {.login = LOGIN};

    serve(&script);
    write_password(cases[_i].text, cases[_i].mode);
    target.login_in_clear = true;
    target.user = "smimed";
    target.password_file = password_file;
    demand(smtp_check(&target, &why), cases[_i].said ? SMTP_ERROR : SMTP_OK, cases[_i].said);
    demand(whole(), cases[_i].said ? SMTP_ERROR : SMTP_OK, cases[_i].said);
}
END_TEST

START_TEST(no_password_file)
{
    char text[1100];

    target.port = 25;
    target.login_in_clear = true;
    target.user = "smimed";
    target.password_file = "/nonexistent";
    demand(connect_it(), SMTP_ERROR, "/nonexistent cannot be opened");
    target.password_file = folder;
    demand(smtp_check(&target, &why), SMTP_ERROR, "not a regular file");
    memset(text, 'x', sizeof text);
    text[1025] = '\0';
    write_password(text, 0600);
    target.password_file = password_file;
    demand(smtp_check(&target, &why), SMTP_ERROR, "longer than 1024 bytes");
    text[1024] = '\0';
    write_password(text, 0600);
    demand(smtp_check(&target, &why), SMTP_OK, "");
}
END_TEST

START_TEST(bad_authorities)
{
    const struct smtp_script script = {.tls = &certificates[GOOD]};

    serve(&script);
    target.tls = SMTP_TLS_REQUIRED;
    target.ca_file = "/nonexistent";
    demand(whole(), SMTP_ERROR, "cannot read certificates from /nonexistent");
    demand(smtp_check(&target, &why), SMTP_ERROR, "cannot read certificates from /nonexistent");
    target.ca_file = password_file;
    demand(smtp_check(&target, &why), SMTP_ERROR, "cannot read certificates");
    target.ca_file = ca_file;
    demand(smtp_check(&target, &why), SMTP_OK, "");
}
END_TEST

START_TEST(unix_sockets)
{
    char path[100];
    struct smtp_script script = {.unix_path = path, .login = LOGIN};

    snprintf(path, sizeof path, "%s/socket", folder);
    target.unix_path = path;
    target.host = NULL;
    demand(connect_it(), SMTP_DEFERRED, path);
    serve(&script);
    demand(whole(), SMTP_OK, "");
    ck_assert(was_sent("1", "EHLO gateway.example.com\r\n"));
    smtp_free(&smtp);
    /* There is nobody in between. */
    target.user = "smimed";
    target.password_file = password_file;
    demand(whole(), SMTP_OK, "");
    ck_assert(was_sent("2", LOGIN));
}
END_TEST

START_TEST(names)
{
    static const struct {
        const char *host, *helo;
        const char *said;
    } cases[] = {
        {"localhost", "gateway\r\nMAIL", "no host name"},
        {"localhost", "gateway/x", "no host name"},
        {"localhost", "%0d%0aRSET", "no host name"},
        {"localhost", "", "no host name"},
        {"user:pw@localhost", "gateway", "no host name"},
        {"localhost/x", "gateway", "no host name"},
        {"", "gateway", "no host name"},
        {"nowhere.invalid", "gateway", "resolve"},
    };

    target.port = 25;
    target.host = cases[_i].host;
    target.helo_name = cases[_i].helo;
    ck_assert_int_ne(connect_it(), SMTP_OK);
    ck_assert_msg(strstr(why_text(&why), cases[_i].said), "said: %s", why_text(&why));
}
END_TEST

START_TEST(numbers_and_families)
{
    static const struct smtp_script script = {0};

    serve(&script);
    target.host = "127.0.0.1";
    demand(whole(), SMTP_OK, "");
    smtp_free(&smtp);
    target.host = "::1";
    target.family = AF_INET6;
    demand(whole(), SMTP_DEFERRED, "[::1]:");
}
END_TEST

START_TEST(nobody_there)
{
    static const struct smtp_script script = {0};

    serve(&script);
    smtp_server_stop(&server);
    demand(whole(), SMTP_DEFERRED, "connect");
}
END_TEST

/* The environment is not the administrator's word. */
START_TEST(no_proxies)
{
    static const struct smtp_script script = {0};
    char proxy[60];

    serve(&script);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:1");
    setenv("all_proxy", proxy, 1);
    setenv("smtp_proxy", proxy, 1);
    demand(whole(), SMTP_OK, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_connect");
    TCase *cases = tcase_create("connect");

    tcase_add_unchecked_fixture(cases, make_certificates, remove_certificates);
    tcase_add_checked_fixture(cases, setup_all, teardown);
    tcase_set_timeout(cases, 30);
    tcase_add_loop_test(cases, tls_modes, 0, TLS_MODES);
    tcase_add_test(cases, without_the_own_authority);
    tcase_add_loop_test(cases, checks_are_relaxed_by_name, 0, 7);
    tcase_add_loop_test(cases, injected_before_tls, 0, 2);
    tcase_add_test(cases, starttls_is_refused);
    tcase_add_loop_test(cases, logins, 0, 8);
    tcase_add_test(cases, no_other_methods);
    tcase_add_loop_test(cases, password_files, 0, 7);
    tcase_add_test(cases, no_password_file);
    tcase_add_test(cases, bad_authorities);
    tcase_add_test(cases, unix_sockets);
    tcase_add_loop_test(cases, names, 0, 8);
    tcase_add_test(cases, numbers_and_families);
    tcase_add_test(cases, nobody_there);
    tcase_add_test(cases, no_proxies);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
