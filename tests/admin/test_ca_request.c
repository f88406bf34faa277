/* smimectl ca issue --csr, with requests that openssl writes. */
#include "ca_run.h"

/* ---- Requests of others ---- */

/* openssl makes a key and a request, NAME.key and NAME.csr, with these lines of configuration. */
static void make_request(const char *name, const char *subject, const char *extensions)
{
    char key[64], csr[64], config[64], text[1024];
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(csr, sizeof csr, "%s.csr", name);
    snprintf(config, sizeof config, "%s.cnf", name);
    snprintf(
        text, sizeof text,
        "[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n%s\n[dn]\n%s\n"
        "[ext]\n%s\n",
        extensions ? "req_extensions=ext" : "", subject, extensions ? extensions : "");
    write_text(in_dir(config), text);
    expect_run("openssl genpkey",
               OPENSSL("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                       in_dir(key)),
               0, NULL);
    expect_run(
        "openssl req",
        OPENSSL("req", "-new", "-config", in_dir(config), "-key", in_dir(key), "-out", in_dir(csr)),
        0, NULL);
}

static struct run certify(const char *address, const char *csr)
{
    return SMIMECTL("ca", "issue", address, "--csr", in_dir(csr));
}

START_TEST(request_is_certified)
{
    create();
    make_request("r", "CN=Chief of everything\nO=Partner\nemailAddress=ceo@partner.test",
                 "subjectAltName=email:" ALIAS "\nbasicConstraints=critical,CA:TRUE\n"
                 "keyUsage=keyCertSign\nextendedKeyUsage=serverAuth,codeSigning");
    struct run run = certify(ALICE, "r.csr");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_text(in_dir("r.pem"), run.out);
    run_clear(&run);
    expect_text("r.pem", (const char *const[]){
                             "Subject: CN=" ALIAS "\n", "CA:FALSE", "email:" ALIAS "\n",
                             "Digital Signature, Key Agreement", "E-mail Protection\n", NULL});
    run = OPENSSL("x509", "-in", in_dir("r.pem"), "-noout", "-text");
    ck_assert_ptr_null(strstr(run.out, "partner.test"));
    ck_assert_ptr_null(strstr(run.out, "Server"));
    ck_assert_ptr_null(strstr(run.out, "Chief"));
    run_clear(&run);
    expect_verified("r.pem", "smimesign", 0, NULL);
    run = OPENSSL("x509", "-in", in_dir("r.pem"), "-noout", "-pubkey");
    struct run asked = OPENSSL("req", "-in", in_dir("r.csr"), "-noout", "-pubkey");
    ck_assert_str_eq(run.out, asked.out);
    run_clear(&run);
    run_clear(&asked);
    /* The key is not ours: the mailbox stays as it was. */
    expect_state(ALICE, "inactive", 0);
    expect_count("valid", 1);
    /* DER, to a file as DER. */
    expect_run("openssl",
               OPENSSL("req", "-in", in_dir("r.csr"), "-outform", "DER", "-out", in_dir("r.der")),
               0, NULL);
    expect_run("der",
               SMIMECTL("ca", "issue", ALICE, "--csr", in_dir("r.der"), "--der", "--output",
                        in_dir("r2.der")),
               0, NULL);
    expect_run("openssl", OPENSSL("x509", "-inform", "DER", "-in", in_dir("r2.der"), "-noout"), 0,
               NULL);
    json_t *report =
        expect_json("json", SMIMECTL("ca", "issue", ALICE, "--csr", in_dir("r.csr"), "--json"));
    ck_assert_str_eq(text_at(report, "mailbox"), ALICE);
    ck_assert_str_eq(text_at(report, "subject"), "CN=" ALIAS);
    json_decref(report);
    /* A key that was compromised is certified no more. */
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "keyCompromise"), 0, NULL);
    expect_run("compromised", certify(ALICE, "r.csr"), 1, "a new key is needed");
    expect_count("valid", 0);
}
END_TEST

START_TEST(request_without_names)
{
    create();
    make_request("r", "CN=Alice", NULL);
    struct run run = certify(ALICE, "r.csr");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_text(in_dir("r.pem"), run.out);
    run_clear(&run);
    expect_text("r.pem", (const char *const[]){"Subject: CN=" ALICE "\n",
                                               "email:" ALICE ", email:" ALIAS, NULL});
}
END_TEST

/* The keys of this very store, by way of a request. */
START_TEST(request_of_our_own)
{
    create();
    struct run run = SMIMECTL("mailbox", "request", ALICE, "--key", "ec:P-384");
    write_text(in_dir("r.csr"), run.out);
    run_clear(&run);
    run = certify(ALICE, "r.csr");
    write_text(in_dir("r.pem"), run.out);
    run_clear(&run);
    expect_run("install", SMIMECTL("mailbox", "install", ALICE, "--cert", in_dir("r.pem")), 0,
               NULL);
    expect_state(ALICE, "active", 1);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
}
END_TEST

static const struct request_case {
    const char *name;
    const char *subject;
    const char *extensions;
    const char *err;
} request_cases[] = {
    {"foreign address", "CN=x", "subjectAltName=email:ceo@partner.test", "ceo@partner.test"},
    {"somebody else's", "CN=x", "subjectAltName=email:" BOB, "bob@example.com, which is no"},
    {"one of two", "CN=x", "subjectAltName=email:" ALICE ",email:" BOB, "bob@example.com"},
    {"foreign subject", "emailAddress=ceo@partner.test", NULL, "ceo@partner.test"},
    {"a server", "CN=x", "subjectAltName=DNS:mail.example.com", "for a domain"},
    {"a server besides", "CN=x", "subjectAltName=email:" ALICE ",DNS:mail.example.com",
     "for a domain"},
    {"a whole domain", "CN=x", "subjectAltName=email:example.com", "for a domain"},
    {"a URI", "CN=x", "subjectAltName=URI:http://x.test/", "names no mail address"},
};

START_TEST(request_for_others)
{
    const struct request_case *c = &request_cases[_i];
    create();
    make_request("r", c->subject, c->extensions);
    expect_run(c->name, certify(ALICE, "r.csr"), 1, c->err);
    expect_count(NULL, 0);
}
END_TEST

START_TEST(broken_requests)
{
    size_t length = 0;
    create();
    make_request("r", "CN=x", "subjectAltName=email:" ALICE);
    make_request("s", "CN=x", "subjectAltName=email:" ALICE);
    expect_run("openssl",
               OPENSSL("req", "-in", in_dir("r.csr"), "-outform", "DER", "-out", in_dir("r.der")),
               0, NULL);
    char *der = read_file(in_dir("r.der"), &length);
    /* A name altered after the signature was made. */
    char *address = memmem(der, length, "alice", 5);
    ck_assert_ptr_nonnull(address);
    memcpy(address, "malic", 5);
    write_file(in_dir("altered.der"), der, length);
    expect_run("altered", certify(ALICE, "altered.der"), 1, "not signed by its own key");
    memcpy(address, "alice", 5);
    /* Something behind it; too short; nothing. */
    der = realloc(der, length + 1);
    ck_assert_ptr_nonnull(der);
    der[length] = 'x';
    write_file(in_dir("longer.der"), der, length + 1);
    expect_run("longer", certify(ALICE, "longer.der"), 1, "not one certification request");
    write_file(in_dir("shorter.der"), der, length - 1);
    expect_run("shorter", certify(ALICE, "shorter.der"), 1, "not one certification request");
    write_file(in_dir("empty.der"), der, 0);
    expect_run("empty", certify(ALICE, "empty.der"), 1, "empty.der");
    expect_run("a certificate", certify(ALICE, "ca.pem"), 1, "not one certification request");
    expect_run("no file", certify(ALICE, "none"), 1, "none");
    free(der);
    /* Two of them. */
    char *one = read_file(in_dir("r.csr"), NULL), *two = read_file(in_dir("s.csr"), NULL);
    char *both = NULL;
    ck_assert_int_gt(asprintf(&both, "%s%s", one, two), 0);
    write_text(in_dir("both.csr"), both);
    expect_run("both", certify(ALICE, "both.csr"), 1, "not one certification request");
    free(one);
    free(two);
    free(both);
    /* Keys that nobody should have. */
    static const char *const algorithms[][3] = {{"RSA", "rsa_keygen_bits:1024", "1024 bits"},
                                                {"EC", "ec_paramgen_curve:P-224", "on the curve"},
                                                {"ED25519", NULL, "neither RSA nor"}};
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        struct run run =
            algorithms[i][1]
                ? OPENSSL("req", "-new", "-newkey", algorithms[i][0], "-pkeyopt", algorithms[i][1],
                          "-nodes", "-keyout", in_dir("w.key"), "-subj", "/CN=x", "-out",
                          in_dir("w.csr"))
                : OPENSSL("req", "-new", "-newkey", algorithms[i][0], "-nodes", "-keyout",
                          in_dir("w.key"), "-subj", "/CN=x", "-out", in_dir("w.csr"));
        expect_run("openssl req", run, 0, NULL);
        expect_run(algorithms[i][0], certify(ALICE, "w.csr"), 1, algorithms[i][2]);
    }
    expect_count(NULL, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl ca issue --csr");
    TCase *tests = tcase_create("ca");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, request_is_certified);
    tcase_add_test(tests, request_without_names);
    tcase_add_test(tests, request_of_our_own);
    tcase_add_loop_test(tests, request_for_others, 0, COUNT(request_cases));
    tcase_add_test(tests, broken_requests);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
