/* smimectl ca, as an administrator runs it. openssl judges the certificates and
 * the signed mail. */
#include "ca_run.h"

/* ---- Creating ---- */

START_TEST(created)
{
    static const char *const parts[] = {"Version: 3",
                                        "Issuer: CN=Example CA",
                                        "Subject: CN=Example CA",
                                        "Basic Constraints: critical\n"
                                        "                CA:TRUE, pathlen:0",
                                        "Key Usage: critical\n"
                                        "                Certificate Sign, CRL Sign",
                                        "X509v3 Subject Key Identifier",
                                        "X509v3 Authority Key Identifier",
                                        "ecdsa-with-SHA384",
                                        NULL};
    create();
    expect_text("ca.pem", parts);
    expect_run("a CA",
               OPENSSL("verify", "-x509_strict", "-check_ss_sig", "-CAfile", in_dir("ca.pem"),
                       in_dir("ca.pem")),
               0, NULL);
    json_t *shown = expect_json("show", SMIMECTL("ca", "show", "--json"));
    ck_assert_str_eq(text_at(shown, "subject"), "CN=Example CA");
    ck_assert_str_eq(text_at(shown, "crl_url"), URL);
    ck_assert(json_is_true(json_object_get(shown, "trusted")));
    ck_assert_int_eq(json_integer_value(json_object_get(shown, "issued")), 0);
    json_decref(shown);
    /* DER and JSON are the same certificate. */
    expect_run("der", SMIMECTL("ca", "export", "--der", "--output", in_dir("ca.der")), 0, NULL);
    struct run run = OPENSSL("x509", "-inform", "DER", "-in", in_dir("ca.der"));
    char *pem = read_file(in_dir("ca.pem"), NULL);
    json_t *exported = expect_json("export", SMIMECTL("ca", "export", "--json"));
    ck_assert_str_eq(run.out, pem);
    ck_assert_str_eq(text_at(exported, "certificate"), pem);
    json_decref(exported);
    free(pem);
    run_clear(&run);
    expect_output("expiring", SMIMECTL("expiring", "--json"), "[]");
    struct run soon = SMIMECTL("expiring", "--days", "4000", "--json");
    ck_assert_int_eq(soon.code, 4);
    ck_assert_msg(strstr(soon.out, "\"kind\": \"ca\"") != NULL, "%s", soon.out);
    run_clear(&soon);
}
END_TEST

START_TEST(subject_and_days)
{
    expect_run("create",
               SMIMECTL("ca", "create", "--subject", "CN=Mail CA,O=Example AG,C=DE", "--key",
                        "rsa:2048", "--days", "10"),
               0, "nobody will notice");
    export_ca("ca.pem");
    expect_text("ca.pem", (const char *const[]){"Subject: CN=Mail CA,O=Example AG,C=DE",
                                                "sha256WithRSAEncryption", NULL});
    expect_run("in nine days", OPENSSL("x509", "-in", in_dir("ca.pem"), "-checkend", "777600"), 0,
               NULL);
    expect_run("in ten days", OPENSSL("x509", "-in", in_dir("ca.pem"), "-checkend", "864000"), 1,
               NULL);
    /* What it issues runs out with it, and has no place for CRLs. */
    expect_run("issue", SMIMECTL("ca", "issue", ALICE, "--key", "ec:P-256"), 0,
               "runs out with the CA");
    export_key(ALICE, 0, "alice");
    struct run run = OPENSSL("x509", "-in", in_dir("alice.pem"), "-noout", "-text", "-enddate");
    struct run ca = OPENSSL("x509", "-in", in_dir("ca.pem"), "-noout", "-enddate");
    ck_assert_msg(strstr(run.out, ca.out) != NULL, "%s%s", run.out, ca.out);
    ck_assert_ptr_null(strstr(run.out, "CRL Distribution"));
    run_clear(&run);
    run_clear(&ca);
    expect_verified("alice.pem", "smimesign", 0, NULL);
}
END_TEST

START_TEST(replaced)
{
    char serial[64];
    create();
    issue(ALICE, NULL);
    get_serial(0, serial);
    expect_run("a second", SMIMECTL("ca", "create", "--name", "Other CA"), 1, "--replace");
    expect_run("same name",
               SMIMECTL("ca", "create", "--name", "Example CA", "--key", "ec:P-256", "--replace"),
               1, "a name of its own");
    expect_run("replace",
               SMIMECTL("ca", "create", "--name", "Other CA", "--key", "ec:P-256", "--replace"), 0,
               NULL);
    export_ca("other.pem");
    issue(BOB, NULL);
    json_t *list = listed("valid");
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, 0), "ca")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, 1), "ca")), 2);
    json_decref(list);
    /* The former one revokes, and its CRL is its own. */
    expect_run("revoke", SMIMECTL("ca", "revoke", "--serial", serial), 0, NULL);
    expect_run("crl", SMIMECTL("ca", "crl", "--id", "1", "--output", in_dir("1.crl")), 0, NULL);
    expect_run("crl", SMIMECTL("ca", "crl", "--output", in_dir("2.crl")), 0, NULL);
    expect_run("of the first", OPENSSL("crl", "-in", in_dir("1.crl"), "-CAfile", in_dir("ca.pem")),
               0, "verify OK");
    expect_run("of the second",
               OPENSSL("crl", "-in", in_dir("2.crl"), "-CAfile", in_dir("other.pem")), 0,
               "verify OK");
    expect_output("no entry", OPENSSL("crl", "-in", in_dir("2.crl"), "-noout", "-text"),
                  "No Revoked Certificates");
    expect_output("the former", SMIMECTL("ca", "show", "--id", "1"), "issues: no");
    expect_run("the new one", SMIMECTL("ca", "show"), 0, "former CAs have the ids below 2");
    expect_run("no third", SMIMECTL("ca", "show", "--id", "3"), 1, "there is no CA 3");
}
END_TEST

/* ---- Issuing ---- */

static const struct issue_case {
    const char *kind;
    const char *usage;
} issue_cases[] = {
    {"ec:P-256", "Digital Signature, Key Agreement"},
    {"rsa:2048", "Digital Signature, Key Encipherment"},
};

START_TEST(issued)
{
    const struct issue_case *c = &issue_cases[_i];
    char usage[128];
    snprintf(usage, sizeof usage, "Key Usage: critical\n                %s\n", c->usage);
    const char *const parts[] = {"Version: 3",
                                 "Subject: CN=" ALICE "\n",
                                 "Issuer: CN=Example CA",
                                 "Basic Constraints: critical\n                CA:FALSE",
                                 usage,
                                 "Extended Key Usage: \n                E-mail Protection\n",
                                 "Policy: 2.23.140.1.5.1.3\n",
                                 "email:" ALICE ", email:" ALIAS ", othername: SmtpUTF8Mailbox:",
                                 "URI:" URL,
                                 "X509v3 Subject Key Identifier",
                                 "X509v3 Authority Key Identifier",
                                 NULL};
    create();
    expect_run("issue", SMIMECTL("ca", "issue", ALICE, "--key", c->kind, "--days", "825"), 0, NULL);
    expect_state(ALICE, "active", 1);
    export_key(ALICE, 0, "alice");
    expect_text("alice.pem", parts);
    expect_run("openssl asn1parse",
               OPENSSL("x509", "-in", in_dir("alice.pem"), "-checkemail", ALICE), 0, NULL);
    expect_verified("alice.pem", "smimesign", 0, NULL);
    expect_verified("alice.pem", "sslserver", 2, "unsuitable certificate purpose");
    if (c->kind[0] == 'r') { /* openssl asks every key for keyEncipherment */
        expect_verified("alice.pem", "smimeencrypt", 0, NULL);
    }
    /* 825 days, of which an hour lies behind us. */
    expect_run("valid", OPENSSL("x509", "-in", in_dir("alice.pem"), "-checkend", "71276000"), 0,
               NULL);
    expect_run("not longer", OPENSSL("x509", "-in", in_dir("alice.pem"), "-checkend", "71276400"),
               1, NULL);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    expect_decrypted("alice.pem");
    json_t *list = listed("valid");
    const json_t *item = json_array_get(list, 0);
    ck_assert_str_eq(text_at(item, "mailbox"), ALICE);
    ck_assert_str_eq(text_at(item, "use"), "both");
    ck_assert_uint_eq(json_array_size(json_object_get(item, "addresses")), 3);
    ck_assert_uint_eq(strlen(text_at(item, "serial")), 32);
    json_decref(list);
}
END_TEST

START_TEST(serials_are_random)
{
    char one[64], other[64];
    int differences = 0;
    create();
    issue(ALICE, NULL);
    issue(ALICE, NULL);
    get_serial(0, one);
    get_serial(1, other);
    for (size_t i = 0; i < 32; i++) {
        differences += one[i] != other[i];
    }
    ck_assert_int_gt(differences, 12); /* of 32 hexadecimal digits, two are alike by chance */
}
END_TEST

START_TEST(separate_keys)
{
    const char *kind = _i ? "rsa:2048" : "ec:P-256";
    create();
    expect_run("issue", SMIMECTL("ca", "issue", ALICE, "--key", kind, "--separate"), 0, NULL);
    expect_state(ALICE, "active", 2);
    export_key(ALICE, 0, "sign");
    export_key(ALICE, 1, "encrypt");
    expect_text("sign.pem", (const char *const[]){"critical\n                Digital Signature\n",
                                                  "email:" ALIAS, NULL});
    expect_text("encrypt.pem", (const char *const[]){_i ? "critical\n                Key "
                                                          "Encipherment\n"
                                                        : "critical\n                Key "
                                                          "Agreement\n",
                                                     "email:" ALIAS, NULL});
    expect_verified("sign.pem", "smimesign", 0, NULL);
    expect_verified("sign.pem", "smimeencrypt", 2, "unsuitable certificate purpose");
    expect_verified("encrypt.pem", "smimesign", 2, "unsuitable certificate purpose");
    if (_i) {
        expect_verified("encrypt.pem", "smimeencrypt", 0, NULL);
    }
    /* Both certificates travel, and the signature names the one to encrypt to. */
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    char *sent = read_file(in_dir("sent.pem"), NULL);
    size_t certificates = 0;
    for (const char *at = sent; (at = strstr(at, "BEGIN CERTIFICATE")); at++) {
        certificates++;
    }
    ck_assert_uint_eq(certificates, 2);
    free(sent);
    json_t *list = listed("valid");
    char preferred[96];
    for (size_t i = 0; i < 2; i++) {
        const json_t *item = json_array_get(list, i);
        if (!strcmp(text_at(item, "use"), "encrypt")) {
            snprintf(preferred, sizeof preferred, ":%s", text_at(item, "serial"));
        }
    }
    json_decref(list);
    struct run run = OPENSSL("cms", "-cmsout", "-print", "-in", in_dir("signed.eml"));
    const char *preference = strstr(run.out, "id-smime-aa-encrypKeyPref");
    ck_assert_ptr_nonnull(preference);
    ck_assert_msg(strcasestr(preference, preferred) != NULL, "%s lacks %s", preference, preferred);
    run_clear(&run);
    expect_decrypted("encrypt.pem");
    /* A former key of one purpose goes on decrypting after the renewal to one for both. */
    issue(ALICE, NULL);
    expect_state(ALICE, "active", 3);
    expect_decrypted("encrypt.pem");
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
}
END_TEST

/* Revoked for itself, the certificate to encrypt to is handed out no more. */
START_TEST(revoked_encryption_certificate)
{
    char serial[64];
    create();
    issue(ALICE, "--separate");
    get_serial(0, serial);
    expect_run("revoke", SMIMECTL("ca", "revoke", "--serial", serial), 0, NULL);
    expect_state(ALICE, "active", 2);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    char *sent = read_file(in_dir("sent.pem"), NULL);
    char *first = strstr(sent, "BEGIN CERTIFICATE");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "BEGIN CERTIFICATE"));
    free(sent);
}
END_TEST

START_TEST(renewal)
{
    create();
    issue(ALICE, NULL);
    export_key(ALICE, 0, "first");
    issue(ALICE, NULL);
    expect_state(ALICE, "active", 2);
    expect_decrypted("first.pem");
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    char *signer = read_file(in_dir("signer.pem"), NULL);
    char *first = read_file(in_dir("first.pem"), NULL);
    ck_assert_ptr_null(strstr(first, signer));
    free(signer);
    free(first);
    expect_count("valid", 2);
}
END_TEST

/* ---- Many ---- */

START_TEST(bulk)
{
    create();
    issue(ALICE, NULL);
    json_t *report = report_of(SMIMECTL("ca", "issue", "*@example.com", "--key", "ec:P-256",
                                        "--state", "inactive", "--json"),
                               0);
    expect_number(report, "issued", 1);
    expect_number(report, "passed over", 1);
    expect_number(report, "failed", 0);
    json_decref(report);
    expect_state(BOB, "active", 1);
    expect_state(ALICE, "active", 1);
    report = report_of(SMIMECTL("ca", "issue", BOB, "nobody@example.com", "bob@partner.test",
                                "*@no.test", "--key", "ec:P-256", "--json"),
                       3);
    expect_number(report, "issued", 1);
    expect_number(report, "failed", 3);
    ck_assert_uint_eq(json_array_size(json_object_get(report, "failures")), 3);
    json_decref(report);
    write_text(in_dir("staff.csv"), "address\n" ALICE "\n" BOB "\nno address\n");
    report = report_of(SMIMECTL("ca", "issue", "--from-file", in_dir("staff.csv"), "--separate",
                                "--key", "ec:P-256", "--json"),
                       3);
    expect_number(report, "issued", 2);
    expect_number(json_array_get(json_object_get(report, "failures"), 0), "line", 4);
    json_decref(report);
    expect_count(NULL, 7);
    expect_run("carol", SMIMECTL("mailbox", "add", "carol@example.com"), 0, NULL);
    report =
        report_of(SMIMECTL("ca", "revoke", "*@example.com", "nobody@example.com", "--json"), 3);
    expect_number(report, "revoked", 2);
    expect_number(report, "unchanged", 1);
    expect_number(report, "failed", 1);
    json_decref(report);
    expect_run("nobody", SMIMECTL("ca", "revoke", "nobody@example.com"), 1, "was issued here");
    expect_count("revoked", 7);
    expect_count("valid", 0);
}
END_TEST

/* ---- Wrong usage ---- */

static const struct refused_case {
    const char *name;
    const char *words[10];
    int code;
    const char *err;
} refused_cases[] = {
    {"no name", {"create"}, 2, "--name NAME"},
    {"two names", {"create", "--name", "x", "--subject", "CN=x"}, 2, "either --name"},
    {"empty name", {"create", "--name", ""}, 1, "1 to 64 characters"},
    {"long name",
     {"create", "--name", "12345678901234567890123456789012345678901234567890123456789012345"},
     1,
     "1 to 64 characters"},
    {"no days", {"create", "--name", "x", "--days", "0"}, 2, "1 to 9132"},
    {"too many days", {"create", "--name", "x", "--days", "9133"}, 2, "1 to 9132"},
    {"weak key", {"create", "--name", "x", "--key", "rsa:1024"}, 1, "no kind of key"},
    {"https",
     {"create", "--name", "x", "--key", "ec:P-256", "--crl-url", "https://x.test/"},
     1,
     "http://HOST"},
    {"no host",
     {"create", "--name", "x", "--key", "ec:P-256", "--crl-url", "http:///x"},
     1,
     "HOST"},
    {"blank",
     {"create", "--name", "x", "--key", "ec:P-256", "--crl-url", "http://x.test/a b"},
     1,
     "%XX"},
    {"no CA to show", {"show"}, 1, "ca create"},
    {"no CA to export", {"export"}, 1, "ca create"},
    {"no CA that issues", {"issue", ALICE}, 1, "ca create"},
    {"no CA for a CRL", {"crl"}, 1, "there is no CA yet"},
    {"issue to nobody", {"issue"}, 2, "either addresses"},
    {"too long", {"issue", ALICE, "--days", "826"}, 2, "1 to 825"},
    {"a file and an address", {"issue", ALICE, "--from-file", "x"}, 2, "either addresses"},
    {"request and key", {"issue", ALICE, "--csr", "x", "--key", "ec:P-256"}, 2, "--csr FILE"},
    {"request for two", {"issue", ALICE, BOB, "--csr", "x"}, 2, "--csr FILE"},
    {"output without request", {"issue", ALICE, "--output", "x"}, 2, "go with --csr"},
    {"other state", {"issue", ALICE, "--state", "active"}, 2, "inactive"},
    {"revoke nothing", {"revoke"}, 2, "either addresses"},
    {"revoke twice over", {"revoke", ALICE, "--serial", "1"}, 2, "either addresses"},
    {"hold", {"revoke", ALICE, "--reason", "certificateHold"}, 2, "is no reason"},
    {"no state", {"list", "--state", "good"}, 2, "is no state"},
    {"two formats", {"crl", "--der", "--pem"}, 2, "exclude each other"},
    {"long CRL", {"crl", "--days", "367"}, 2, "1 to 366"},
    {"no id", {"crl", "--id", "x"}, 2, "no id of a CA"},
};

START_TEST(refusals)
{
    const struct refused_case *c = &refused_cases[_i];
    const char *argv[16] = {run_program, "-c", run_config, "ca"};
    for (size_t i = 0; c->words[i]; i++) {
        argv[i + 4] = c->words[i];
    }
    expect_run(c->name, run_argv(NULL, argv), c->code, c->err);
    expect_run("no CA", SMIMECTL("ca", "show"), 1, "there is no CA yet");
    expect_state(ALICE, "inactive", 0);
}
END_TEST

/* ---- Two administrators ---- */

static pid_t start(const char *const *argv)
{
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
        redirect("/dev/null", O_WRONLY, STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    return child;
}

/* How many of `count` processes, begun together, end with 0. */
static int run_together(const char *const *argv, size_t count)
{
    pid_t children[16];
    int good = 0;
    for (size_t i = 0; i < count; i++) {
        children[i] = start(argv);
    }
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return good;
}

START_TEST(at_once)
{
    const char *const make[] = {run_program, "-c",  run_config, "ca",       "create",
                                "--name",    "One", "--key",    "ec:P-256", NULL};
    ck_assert_int_eq(run_together(make, 6), 1);
    const char *const give[] = {run_program, "-c", run_config, "ca",       "issue",
                                ALICE,       BOB,  "--key",    "ec:P-256", NULL};
    ck_assert_int_eq(run_together(give, 8), 8);
    expect_count("valid", 16);
    expect_state(ALICE, "active", 8);
    expect_state(BOB, "active", 8);
    const char *const list[] = {run_program, "-c", run_config, "ca", "crl", NULL};
    ck_assert_int_eq(run_together(list, 5), 5);
    json_t *shown = expect_json("show", SMIMECTL("ca", "show", "--json"));
    expect_number(shown, "crl_number", 5);
    expect_number(shown, "issued", 16);
    json_decref(shown);
    char serial[64];
    get_serial(3, serial);
    const char *const take[] = {run_program, "-c",       run_config, "ca",
                                "revoke",    "--serial", serial,     NULL};
    ck_assert_int_eq(run_together(take, 4), 1);
}
END_TEST

/* ---- Watching and saving ---- */

START_TEST(audited)
{
    static const char *const actions[] = {
        "CA made",           "trust anchor imported", "certificate issued",
        "mailbox activated", "certificate revoked",   "mailbox deactivated",
        "CRL made"};
    create();
    issue(ALICE, NULL);
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "superseded"), 0, NULL);
    make_crl();
    struct run run = SMIMECTL("audit");
    for (size_t i = 0; i < COUNT(actions); i++) {
        ck_assert_msg(strstr(run.out, actions[i]) != NULL, "no \"%s\" in\n%s", actions[i], run.out);
    }
    ck_assert_ptr_null(strstr(run.out, "changed "));
    run_clear(&run);
}
END_TEST

START_TEST(backed_up)
{
    create();
    issue(ALICE, NULL);
    issue(BOB, NULL);
    export_key(ALICE, 0, "alice");
    export_key(BOB, 0, "bob");
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE), 0, NULL);
    make_crl();
    expect_run("backup", SMIMECTL("backup", in_dir("b.p7m"), "--password-file", in_dir("pw")), 0,
               NULL);
    static const char *const files[] = {"lib/store.db", "lib/store.db-wal", "lib/store.db-shm",
                                        "etc/master.secret"};
    for (size_t i = 0; i < COUNT(files); i++) {
        unlink(in_dir(files[i]));
    }
    expect_run("restore", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("pw")), 0,
               NULL);
    json_t *report = expect_json("crl", SMIMECTL("ca", "crl", "--json"));
    expect_number(report, "number", 2);
    write_text(in_dir("crl.pem"), text_at(report, "crl"));
    json_decref(report);
    expect_crl_check("alice.pem", 2, "certificate revoked");
    expect_crl_check("bob.pem", 0, NULL);
    issue(ALICE, NULL);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
}
END_TEST

START_TEST(listed_for_people)
{
    create();
    expect_output("nothing yet", SMIMECTL("ca", "list", "--json"), "[]");
    issue(ALICE, NULL);
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "superseded"), 0, NULL);
    issue(ALICE, "--separate");
    struct run run = SMIMECTL("ca", "list");
    static const char *const parts[] = {
        "SERIAL ",     "MAILBOX", "USE",   "EXPIRES",  "STATE",
        "REASON",      "both ",   "sign ", "encrypt ", "revoked  superseded\n",
        "valid    -\n"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        ck_assert_msg(strstr(run.out, parts[i]) != NULL, "no \"%s\" in\n%s", parts[i], run.out);
    }
    run_clear(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl ca");
    TCase *tests = tcase_create("ca");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, created);
    tcase_add_test(tests, subject_and_days);
    tcase_add_test(tests, replaced);
    tcase_add_loop_test(tests, issued, 0, COUNT(issue_cases));
    tcase_add_test(tests, serials_are_random);
    tcase_add_loop_test(tests, separate_keys, 0, 2);
    tcase_add_test(tests, revoked_encryption_certificate);
    tcase_add_test(tests, renewal);
    tcase_add_test(tests, bulk);
    tcase_add_loop_test(tests, refusals, 0, COUNT(refused_cases));
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, audited);
    tcase_add_test(tests, backed_up);
    tcase_add_test(tests, listed_for_people);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
