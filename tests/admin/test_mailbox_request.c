/* smimectl mailbox request, install, export, with openssl as the CA and as the owner's program. */
#include <pty.h>
#include <termios.h>

#include "smimectl_run.h"

static struct pki root, middle;

static void setup(void)
{
    make_store();
    root = pki_ca("Test Root");
    middle = pki_intermediate(&root, "Test Issuing");
    write_pki("root", &root);
    write_pki("middle", &middle);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("root.pem")), 0, NULL);
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com", "--alias", "a.s@example.com"),
               0, NULL);
    write_text(in_dir("ca.ext"), "[leaf]\nbasicConstraints=critical,CA:FALSE\n"
                                 "extendedKeyUsage=emailProtection\n"
                                 "keyUsage=critical,digitalSignature,keyAgreement\n"
                                 "subjectAltName=email:alice@example.com,email:a.s@example.com\n");
    write_text(in_dir("password"), "correct horse\n");
}

static void teardown(void)
{
    pki_clear(&middle);
    pki_clear(&root);
    remove_directory();
}

/* Ask for a certificate; the CSR is the file alice.csr. */
static void request(const char *option)
{
    struct run run =
        option ? SMIMECTL("mailbox", "request", "alice@example.com", "--key", "ec:P-256", option)
               : SMIMECTL("mailbox", "request", "alice@example.com", "--key", "ec:P-256");
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.err, "mailbox install alice@example.com"));
    write_text(in_dir("alice.csr"), run.out);
    run_clear(&run);
}

/* openssl as the CA. */
static void sign(const char *csr, const char *certificate)
{
    expect_run("openssl x509 -req",
               OPENSSL("x509", "-req", "-in", in_dir(csr), "-CA", in_dir("middle.pem"), "-CAkey",
                       in_dir("middle.key"), "-extfile", in_dir("ca.ext"), "-extensions", "leaf",
                       "-days", "30", "-out", in_dir(certificate)),
               0, NULL);
}

static json_t *show(void)
{
    return expect_json("show", SMIMECTL("mailbox", "show", "alice@example.com", "--json"));
}

static void expect_state(const char *state, bool pending, size_t keys)
{
    json_t *mailbox = show();
    ck_assert_str_eq(text_at(mailbox, "state"), state);
    ck_assert(!strcmp(text_at(mailbox, "requested"), "(null)") == !pending);
    ck_assert_uint_eq(json_array_size(json_object_get(mailbox, "keys")), keys);
    json_decref(mailbox);
}

START_TEST(request_and_install)
{
    request(NULL);
    expect_state("activating", true, 0);
    expect_output("openssl req", OPENSSL("req", "-in", in_dir("alice.csr"), "-noout", "-text"),
                  "email:alice@example.com, email:a.s@example.com");
    expect_output("the signature", OPENSSL("req", "-in", in_dir("alice.csr"), "-noout", "-subject"),
                  "CN = alice@example.com");
    json_t *list =
        expect_json("list", SMIMECTL("mailbox", "list", "--state", "activating", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    json_decref(list);
    sign("alice.csr", "alice.pem");
    struct run run = SMIMECTL("mailbox", "install", "alice@example.com", "--cert",
                              in_dir("alice.pem"), "--chain", in_dir("middle.pem"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_msg(!strstr(run.err, "chain"), "%s", run.err);
    run_clear(&run);
    expect_state("active", false, 1);
}
END_TEST

START_TEST(incomplete_chain_is_told)
{
    request(NULL);
    sign("alice.csr", "alice.pem");
    expect_run("without the CA",
               SMIMECTL("mailbox", "install", "alice@example.com", "--cert", in_dir("alice.pem")),
               0, "the chain is incomplete: the CA CN=Test Issuing");
    expect_state("active", false, 1);
}
END_TEST

/* A request that nobody saw, on a full disk say, is not lost. */
START_TEST(request_that_cannot_be_written)
{
    struct run run =
        RUN(NULL, "sh", "-c", "exec \"$0\" -c \"$1\" mailbox request alice@example.com >/dev/full",
            run_program, run_config);
    ck_assert_int_eq(run.code, 1);
    ck_assert_msg(strstr(run.err, "mailbox request alice@example.com --again"), "%s", run.err);
    run_clear(&run);
    expect_state("activating", true, 0);
    expect_output("again", SMIMECTL("mailbox", "request", "alice@example.com", "--again"),
                  "BEGIN CERTIFICATE REQUEST");
}
END_TEST

START_TEST(one_request_at_a_time)
{
    request(NULL);
    size_t length;
    char *first = read_file(in_dir("alice.csr"), &length);
    expect_run("a second", SMIMECTL("mailbox", "request", "alice@example.com"), 1,
               "pending already");
    expect_output("again", SMIMECTL("mailbox", "request", "alice@example.com", "--again"), first);
    request("--replace");
    char *second = read_file(in_dir("alice.csr"), &length);
    ck_assert_str_ne(first, second);
    /* The answer to the first is of no use any more. */
    write_text(in_dir("first.csr"), first);
    sign("first.csr", "first.pem");
    expect_run("install",
               SMIMECTL("mailbox", "install", "alice@example.com", "--cert", in_dir("first.pem")),
               1, "none of the certificates belongs");
    expect_state("activating", true, 0);
    json_t *mailbox = expect_json(
        "withdraw", SMIMECTL("mailbox", "request", "alice@example.com", "--withdraw", "--json"));
    ck_assert_str_eq(text_at(mailbox, "state"), "inactive");
    json_decref(mailbox);
    expect_run("nothing to show", SMIMECTL("mailbox", "request", "alice@example.com", "--again"), 1,
               "no request is pending");
    expect_run("nothing to install",
               SMIMECTL("mailbox", "install", "alice@example.com", "--cert", in_dir("first.pem")),
               1, "no request is pending");
    free(first);
    free(second);
}
END_TEST

static const struct refused_case {
    const char *name;
    const char *words[8];
    int code;
    const char *err;
} refused_cases[] = {
    {"unknown mailbox", {"request", "bob@example.com"}, 1, "there is no mailbox"},
    {"not managed", {"request", "bob@partner.test"}, 1, "not in a managed domain"},
    {"weak key", {"request", "alice@example.com", "--key", "rsa:1024"}, 1, "rsa:3072"},
    {"no subject", {"request", "alice@example.com", "--subject", "Alice"}, 1, "no subject"},
    {"no attribute",
     {"request", "alice@example.com", "--subject", "CN=a,PLANET=b"},
     1,
     "\"PLANET\" is no attribute"},
    {"country", {"request", "alice@example.com", "--subject", "C=Germany"}, 1, "value of C"},
    {"again with a key", {"request", "alice@example.com", "--again", "--replace"}, 2, "alone"},
    {"install nothing", {"install", "alice@example.com"}, 2, "--cert FILE is needed"},
    {"export nowhere", {"export", "alice@example.com"}, 2, "--output FILE is needed"},
    {"export no id", {"export", "alice@example.com", "--output", "x", "--id", "y"}, 2, "no id"},
    {"export without a key",
     {"export", "alice@example.com", "--output", "/nonexistent/x"},
     1,
     "no key that signs"},
};

START_TEST(refusals)
{
    const struct refused_case *c = &refused_cases[_i];
    const char *argv[16] = {run_program, "-c", run_config, "mailbox"};
    for (size_t i = 0; c->words[i]; i++) {
        argv[i + 4] = c->words[i];
    }
    expect_run(c->name, run_argv(NULL, argv), c->code, c->err);
    expect_state("inactive", false, 0);
}
END_TEST

START_TEST(subject_as_in_rfc_4514)
{
    struct run run = SMIMECTL("mailbox", "request", "alice@example.com", "--key", "ec:P-256",
                              "--subject", "CN=Alice M\xc3\xbcller,O=Ex\\, Inc.,C=DE");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_text(in_dir("alice.csr"), run.out);
    run_clear(&run);
    expect_output("openssl",
                  OPENSSL("req", "-in", in_dir("alice.csr"), "-noout", "-subject", "-nameopt",
                          "RFC2253,-esc_msb,utf8"),
                  "CN=Alice M\xc3\xbcller,O=Ex\\, Inc.,C=DE");
    expect_output("in the order of the certificate",
                  OPENSSL("req", "-in", in_dir("alice.csr"), "-noout", "-subject", "-nameopt",
                          "oneline,-esc_msb,utf8"),
                  "C = DE, O = \"Ex, Inc.\", CN = Alice M\xc3\xbcller");
}
END_TEST

/* The former key signs until the answer is there, and decrypts ever after. */
START_TEST(renewal)
{
    struct pki former = pki_make(&(struct pki_spec){.addresses = {"alice@example.com"}}, &root);
    write_pki("former", &former);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("former.key"),
                        "--cert", in_dir("former.pem")),
               0, NULL);
    request(NULL);
    expect_state("active", true, 1);
    sign("alice.csr", "alice.pem");
    expect_run("install",
               SMIMECTL("mailbox", "install", "alice@example.com", "--cert", in_dir("alice.pem")),
               0, NULL);
    json_t *mailbox = show();
    const json_t *keys = json_object_get(mailbox, "keys");
    ck_assert_uint_eq(json_array_size(keys), 2);
    size_t signing = 0;
    for (size_t i = 0; i < 2; i++) {
        const json_t *key = json_array_get(keys, i);
        bool signs = json_is_true(json_object_get(key, "signs"));
        signing += signs;
        ck_assert_str_eq(text_at(key, "issuer"), signs ? "CN=Test Issuing" : "CN=Test Root");
    }
    ck_assert_uint_eq(signing, 1);
    json_decref(mailbox);
    struct run run = SMIMECTL("mailbox", "show", "alice@example.com");
    ck_assert_msg(strstr(run.out, "SIGNS  CERTIFICATE  ADDED") != NULL, "%s", run.out);
    ck_assert_msg(strstr(run.out, "\nno   ") && strstr(run.out, "\nyes  "), "%s", run.out);
    run_clear(&run);
    pki_clear(&former);
}
END_TEST

/* ---- export ---- */

static void make_active(void)
{
    request(NULL);
    sign("alice.csr", "alice.pem");
    expect_run("install",
               SMIMECTL("mailbox", "install", "alice@example.com", "--cert", in_dir("alice.pem"),
                        "--chain", in_dir("middle.pem")),
               0, NULL);
}

START_TEST(export_for_openssl)
{
    make_active();
    umask(0); /* the mode must not hang on it */
    expect_run("export",
               SMIMECTL("mailbox", "export", "alice@example.com", "--output", in_dir("out.p12"),
                        "--password-file", in_dir("password")),
               0, NULL);
    struct stat about;
    ck_assert_int_eq(stat(in_dir("out.p12"), &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    expect_run("openssl pkcs12",
               OPENSSL("pkcs12", "-in", in_dir("out.p12"), "-passin", "pass:correct horse",
                       "-nodes", "-out", in_dir("all.pem")),
               0, NULL);
    char *all = read_file(in_dir("all.pem"), NULL);
    ck_assert_ptr_nonnull(strstr(all, "PRIVATE KEY"));
    ck_assert_ptr_nonnull(strstr(all, "CN = Test Issuing"));
    free(all);
    /* The key is the one that the CA certified. */
    struct run from_key = OPENSSL("pkey", "-in", in_dir("all.pem"), "-pubout");
    struct run from_csr = OPENSSL("req", "-in", in_dir("alice.csr"), "-noout", "-pubkey");
    ck_assert_str_eq(from_key.out, from_csr.out);
    run_clear(&from_key);
    run_clear(&from_csr);
    expect_run("a wrong password",
               OPENSSL("pkcs12", "-in", in_dir("out.p12"), "-passin", "pass:x", "-noout"), 1, NULL);
}
END_TEST

START_TEST(export_refuses)
{
    make_active();
    write_text(in_dir("there.p12"), "somebody's only copy");
    write_text(in_dir("short"), "1234567\n");
    expect_run("there already",
               SMIMECTL("mailbox", "export", "alice@example.com", "--output", in_dir("there.p12"),
                        "--password-file", in_dir("password")),
               1, "never overwritten");
    char *kept = read_file(in_dir("there.p12"), NULL);
    ck_assert_str_eq(kept, "somebody's only copy");
    free(kept);
    expect_run("short password",
               SMIMECTL("mailbox", "export", "alice@example.com", "--output", in_dir("new.p12"),
                        "--password-file", in_dir("short")),
               1, "less than 8");
    expect_run("nobody to ask",
               SMIMECTL("mailbox", "export", "alice@example.com", "--output", in_dir("new.p12")), 1,
               "no terminal");
    expect_run("no such key",
               SMIMECTL("mailbox", "export", "alice@example.com", "--output", in_dir("new.p12"),
                        "--password-file", in_dir("password"), "--id", "999"),
               1, "no key with the certificate 999");
    ck_assert_int_eq(symlink("elsewhere", in_dir("link.p12")), 0);
    expect_run("a link",
               SMIMECTL("mailbox", "export", "alice@example.com", "--output", in_dir("link.p12"),
                        "--password-file", in_dir("password")),
               1, "link.p12");
    ck_assert_int_ne(access(in_dir("new.p12"), F_OK), 0);
    ck_assert_int_ne(access(in_dir("elsewhere"), F_OK), 0);
}
END_TEST

/* Answer each question on the terminal when it no longer echoes. */
static char *answer_terminal(int terminal, const char *const *answers, size_t count)
{
    char *seen = calloc(1, 65536);
    ck_assert_ptr_nonnull(seen);
    size_t length = 0, answered = 0;
    struct termios state;
    ssize_t got;
    while ((got = read(terminal, seen + length, 65535 - length)) > 0) {
        length += (size_t)got;
        size_t asked = 0;
        for (const char *at = seen; (at = strstr(at, "New password of ")); at++) {
            asked++;
        }
        while (answered < asked && answered < count) {
            for (int i = 0; i < 1000; i++) {
                ck_assert_int_eq(tcgetattr(terminal, &state), 0);
                if (!(state.c_lflag & (tcflag_t)ECHO)) {
                    break;
                }
                usleep(10000);
            }
            ck_assert(!(state.c_lflag & (tcflag_t)ECHO));
            ck_assert_int_gt(write(terminal, answers[answered], strlen(answers[answered])), 0);
            answered++;
        }
    }
    return seen;
}

static int export_on_terminal(const char *first, const char *second)
{
    int terminal = -1, status = 0;
    fflush(NULL);
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        execl(run_program, run_program, "-c", run_config, "mailbox", "export", "alice@example.com",
              "--output", in_dir("out.p12"), (char *)NULL);
        _exit(127);
    }
    char *seen = answer_terminal(terminal, (const char *const[]){first, second}, 2);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(!strstr(seen, "horse"), "the password was echoed: %s", seen);
    free(seen);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(export_asks_twice)
{
    make_active();
    ck_assert_int_eq(export_on_terminal("correct horse\n", "another horse\n"), 1);
    ck_assert_int_ne(access(in_dir("out.p12"), F_OK), 0);
    ck_assert_int_eq(export_on_terminal("correct horse\n", "correct horse\n"), 0);
    expect_run(
        "openssl pkcs12",
        OPENSSL("pkcs12", "-in", in_dir("out.p12"), "-passin", "pass:correct horse", "-noout"), 0,
        NULL);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    Suite *suite = suite_create("smimectl mailbox request");
    TCase *tests = tcase_create("request");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, request_and_install);
    tcase_add_test(tests, incomplete_chain_is_told);
    tcase_add_test(tests, request_that_cannot_be_written);
    tcase_add_test(tests, one_request_at_a_time);
    tcase_add_loop_test(tests, refusals, 0, COUNT(refused_cases));
    tcase_add_test(tests, subject_as_in_rfc_4514);
    tcase_add_test(tests, renewal);
    tcase_add_test(tests, export_for_openssl);
    tcase_add_test(tests, export_refuses);
    tcase_add_test(tests, export_asks_twice);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
