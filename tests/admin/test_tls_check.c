/* smimectl tls check, against openssl s_server with certificates and versions of all kinds. Servers
 * that do what they should not: test_tls_hostile.c; real mail servers: tests/e2e/tls.sh. */
#include <time.h>

#include "tls_check_run.h"

static struct pki root, middle, stranger;

static void setup(void)
{
    make_directory();
    root = pki_ca("Test Root");
    middle = pki_intermediate(&root, "Test Issuing");
    stranger = pki_ca("Somebody Else");
    write_pki("root", &root);
    write_pki("middle", &middle);
}

static void teardown(void)
{
    pki_clear(&stranger);
    pki_clear(&middle);
    pki_clear(&root);
    remove_directory();
}

/* server.pem and server.key: for mail.example.com by the root unless said otherwise. */
static void write_server(struct pki_spec spec, const struct pki *issuer)
{
    if (!spec.common_name) {
        spec.common_name = "mail.example.com";
    }
    if (!spec.extended_key_usage) {
        spec.extended_key_usage = "serverAuth";
    }
    struct pki server = pki_make(&spec, issuer);
    write_pki("server", &server);
    pki_clear(&server);
}

/* ---- certificates ---- */

enum issuer { BY_ROOT, BY_MIDDLE, BY_STRANGER, BY_ITSELF };

static const struct certificate_case {
    const char *name;
    const char *host; /* NULL: mail.example.com */
    const char *dns_name;
    const char *usage;
    enum issuer issuer;
    enum pki_key key;
    int first_day; /* from today; 0: a year ago */
    int last_day;  /* from today; 0: in years */
    bool with_chain;
    int code;
    const char *findings;
    const char *sentence; /* NULL: any */
} certificate_cases[] = {
    {.name = "good", .code = 0, .findings = ""},
    {.name = "good, RSA", .key = PKI_RSA_2048, .code = 0, .findings = ""},
    {.name = "wildcard", .dns_name = "*.example.com", .code = 0, .findings = ""},
    {.name = "chain", .issuer = BY_MIDDLE, .with_chain = true, .code = 0, .findings = ""},
    {.name = "chain without its middle",
     .issuer = BY_MIDDLE,
     .code = 5,
     .findings = "unknown-issuer",
     .sentence = "Test Issuing"},
    {.name = "unknown issuer", .issuer = BY_STRANGER, .code = 5, .findings = "unknown-issuer"},
    {.name = "self-signed", .issuer = BY_ITSELF, .code = 5, .findings = "self-signed"},
    {.name = "expired", .last_day = -1, .code = 5, .findings = "expired", .sentence = "ran out on"},
    {.name = "not yet valid",
     .first_day = 2,
     .code = 5,
     .findings = "not-yet-valid",
     .sentence = "not valid before"},
    {.name = "wrong name",
     .dns_name = "www.other.test",
     .code = 5,
     .findings = "wrong-name",
     .sentence = "not for mail.example.com but for DNS:www.other.test"},
    {.name = "wildcard of too little",
     .host = "a.mail.example.com",
     .dns_name = "*.example.com",
     .code = 5,
     .findings = "wrong-name"},
    {.name = "name in the subject only", .dns_name = "", .code = 5, .findings = "wrong-name"},
    {.name = "IP address", .host = "127.0.0.1", .code = 5, .findings = "wrong-name"},
    {.name = "weak key", .key = PKI_RSA_1024, .code = 5, .findings = "weak"},
    {.name = "wrong usage",
     .usage = "clientAuth",
     .code = 5,
     .findings = "invalid",
     .sentence = "purpose"},
    {.name = "everything at once",
     .dns_name = "other.test",
     .issuer = BY_ITSELF,
     .key = PKI_RSA_1024,
     .last_day = -3,
     .code = 5,
     .findings = "expired self-signed wrong-name weak"},
    {.name = "runs out soon",
     .last_day = 10,
     .code = 4,
     .findings = "expiring",
     .sentence = "runs out in 10 days"},
    {.name = "runs out later", .last_day = 20, .code = 0, .findings = ""},
    {.name = "internationalised name",
     .host = "b\xC3\xBC"
             "cher.example.com",
     .dns_name = "xn--bcher-kva.example.com",
     .code = 0,
     .findings = ""},
};

START_TEST(certificates)
{
    const struct certificate_case *c = &certificate_cases[_i];
    const struct pki *issuers[] = {&root, &middle, &stranger, NULL};
    time_t now = time(NULL);
    write_server(
        (struct pki_spec){.key = c->key,
                          .dns_names = {c->dns_name && !*c->dns_name ? NULL
                                        : c->dns_name                ? c->dns_name
                                                                     : "mail.example.com"},
                          .extended_key_usage = c->usage,
                          .not_before = c->first_day ? now + c->first_day * PKI_DAY : 0,
                          .not_after = c->last_day ? now + c->last_day * PKI_DAY + PKI_DAY / 2 : 0},
        issuers[c->issuer]);
    struct tls_server server = tls_server_start(
        "server", c->with_chain ? (const char *const[]){"-cert_chain", in_dir("middle.pem"), NULL}
                                : (const char *const[]){"-cipher", "DEFAULT:@SECLEVEL=0",
                                                        "-min_protocol", "TLSv1.2", NULL});
    json_t *row = row_of(c->name,
                         CHECK_HOST(c->host ? c->host : "mail.example.com",
                                    service_at("imaps", server.port), "--json"),
                         c->code);
    expect_list(c->name, row, "findings", c->findings);
    ck_assert_msg(!c->sentence || strstr(joined(row, "sentences"), c->sentence), "%s: said: %s",
                  c->name, joined(row, "sentences"));
    expect_list(c->name, row, "versions", "1.2 1.3");
    ck_assert_str_eq(text_at(row, "state"), c->code == 0   ? "ok"
                                            : c->code == 4 ? "warning"
                                                           : "failed");
    ck_assert(json_is_true(json_object_get(row, "encrypts")));
    json_decref(row);
    tls_server_stop(&server);
}
END_TEST

/* ---- versions ---- */

static const struct version_case {
    const char *name;
    const char *options[8];
    int code;
    const char *versions;
    const char *findings;
} version_cases[] = {
    {"only 1.2", {"-tls1_2"}, 0, "1.2", ""},
    {"only 1.3", {"-tls1_3"}, 0, "1.3", ""},
    {"1.1 to 1.3",
     {"-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1.1"},
     4,
     "1.1 1.2 1.3",
     "old-version"},
    {"all",
     {"-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1"},
     4,
     "1.0 1.1 1.2 1.3",
     "old-version"},
    {"only 1.0",
     {"-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1", "-max_protocol", "TLSv1"},
     5,
     "1.0",
     "refused old-versions-only"},
    /* No cipher in common. */
    {"none", {"-tls1_2", "-cipher", "RC4:NULL:@SECLEVEL=0"}, 5, "", "tls-fails"},
};

START_TEST(versions)
{
    const struct version_case *c = &version_cases[_i];
    write_server((struct pki_spec){.dns_names = {"mail.example.com"}}, &root);
    struct tls_server server = tls_server_start("server", c->options);
    json_t *row = row_of(c->name, CHECK(service_at("https", server.port), "--json"), c->code);
    expect_list(c->name, row, "findings", c->findings);
    expect_list(c->name, row, "versions", c->versions);
    json_decref(row);
    tls_server_stop(&server);
}
END_TEST

/* ---- the command ---- */

START_TEST(a_service_that_is_named_has_to_be_there)
{
    int port;
    close(tls_server_listen(&port));
    json_t *row = row_of("closed", CHECK(service_at("imap", port), "--json"), 5);
    expect_list("closed", row, "findings", "closed");
    ck_assert(json_is_false(json_object_get(row, "reachable")));
    json_decref(row);
    row = row_of("no such name",
                 SMIMECTL("tls", "check", "nowhere.invalid", "--service", "imap", "--json"), 5);
    expect_list("no such name", row, "findings", "no-address");
    json_decref(row);
}
END_TEST

/* 127.0.0.99 is an address of this machine on which nobody listens. */
START_TEST(services_that_are_not_there)
{
    struct run run = SMIMECTL("tls", "check", "mail.example.com", "--address", "127.0.0.99",
                              "--timeout", "10", "--json");
    ck_assert_int_eq(run.code, 5);
    ck_assert_ptr_nonnull(strstr(run.err, "answers on none of these ports"));
    json_t *rows = parse_json("rows", run.out);
    ck_assert_uint_eq(json_array_size(rows), 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_str_eq(text_at(json_array_get(rows, i), "state"), "absent");
    }
    json_decref(rows);
    run_clear(&run);
}
END_TEST

START_TEST(several_services_at_once)
{
    write_server((struct pki_spec){.dns_names = {"mail.example.com"}}, &root);
    const struct mail_script silent = {.greeting = ""};
    struct tls_server good = tls_server_start("server", NULL), bad[3];
    char services[4][64];
    snprintf(services[3], sizeof services[3], "imaps=%d", good.port);
    for (int i = 0; i < 3; i++) {
        bad[i] = mail_server_start(&silent);
        snprintf(services[i], sizeof services[i], "smtp=%d", bad[i].port);
    }
    time_t before = time(NULL);
    struct run run = CHECK(services[0], "--service", services[1], "--service", services[2],
                           "--service", services[3], "--timeout", "4");
    ck_assert_int_lt(time(NULL) - before, 11); /* one after the other would be 12 */
    ck_assert_int_eq(run.code, 5);
    ck_assert_msg(strstr(run.out, "implicit  1.2, 1.3") != NULL, "%s", run.out);
    run_clear(&run);
    for (int i = 0; i < 3; i++) {
        tls_server_stop(&bad[i]);
    }
    tls_server_stop(&good);
}
END_TEST

/* Whom it believes: the system, --tls-ca, and with --own what "trust import" brought. */
START_TEST(anchors)
{
    write_server((struct pki_spec){.dns_names = {"mail.example.com"}}, &root);
    struct tls_server server = tls_server_start("server", NULL);
    char *service = service_at("imaps", server.port);
    expect_run("init", SMIMECTL("init"), 0, NULL);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("root.pem")), 0, NULL);
    expect_run("without",
               SMIMECTL("tls", "check", "mail.example.com", "--address", "127.0.0.1", "--service",
                        service),
               5, NULL);
    expect_run("with --own",
               SMIMECTL("tls", "check", "mail.example.com", "--address", "127.0.0.1", "--service",
                        service, "--own"),
               0, NULL);
    expect_run("no such file", SMIMECTL("tls", "check", "mail.example.com", "--tls-ca", "/nowhere"),
               1, "/nowhere");
    /* Without --own there need be no configuration. */
    expect_run("no configuration",
               RUN(NULL, run_program, "-c", "/nowhere", "tls", "check", "mail.example.com",
                   "--address", "127.0.0.1", "--service", service, "--tls-ca", in_dir("root.pem")),
               0, NULL);
    expect_run(
        "--own without configuration",
        RUN(NULL, run_program, "-c", "/nowhere", "tls", "check", "mail.example.com", "--own"), 1,
        "own trust anchors");
    tls_server_stop(&server);
}
END_TEST

START_TEST(days)
{
    time_t now = time(NULL);
    write_server(
        (struct pki_spec){.dns_names = {"mail.example.com"}, .not_after = now + 20 * PKI_DAY},
        &root);
    struct tls_server server = tls_server_start("server", NULL);
    expect_run("14", CHECK(service_at("imaps", server.port), "--days", "14"), 0, NULL);
    expect_run("30", CHECK(service_at("imaps", server.port), "--days", "30"), 4, NULL);
    tls_server_stop(&server);
}
END_TEST

static const struct usage_case {
    const char *name;
    const char *words[6];
    const char *err;
} usage_cases[] = {
    {"no host", {"check"}, "something is missing"},
    {"no name", {"check", "a b"}, "neither the name of a host"},
    {"a URL", {"check", "smtp://mail.example.com/"}, "neither the name of a host"},
    {"unknown service", {"check", "mail.example.com", "--service", "ftp"}, "none of smtp"},
    {"no port", {"check", "mail.example.com", "--service", "imap="}, "a port from 1"},
    {"port too large", {"check", "mail.example.com", "--service", "imap=65536"}, "a port from 1"},
    {"no address", {"check", "mail.example.com", "--address", "localhost"}, "no IP address"},
    {"no days", {"check", "mail.example.com", "--days", "-1"}, "must be a number"},
    {"no time", {"check", "mail.example.com", "--timeout", "601"}, "must be a number"},
};

START_TEST(usage)
{
    const struct usage_case *c = &usage_cases[_i];
    const char *argv[16] = {run_program, "-c", run_config, "tls"};
    for (size_t i = 0; c->words[i]; i++) {
        argv[4 + i] = c->words[i];
    }
    expect_run(c->name, run_argv(NULL, argv), 2, c->err);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("tls_check");
    TCase *tests = tcase_create("tls_check");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, certificates, 0, COUNT(certificate_cases));
    tcase_add_loop_test(tests, versions, 0, COUNT(version_cases));
    tcase_add_test(tests, a_service_that_is_named_has_to_be_there);
    tcase_add_test(tests, services_that_are_not_there);
    tcase_add_test(tests, several_services_at_once);
    tcase_add_test(tests, anchors);
    tcase_add_test(tests, days);
    tcase_add_loop_test(tests, usage, 0, COUNT(usage_cases));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
