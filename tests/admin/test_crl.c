/* smimectl crl, trust check, and what other commands say of revocation. CRLs come from `openssl
 * ca`.
 */
#include "smimectl_run.h"

#include "authority_run.h"
#include "http_run.h"

static struct authority root;
static struct http_run server;

#define BOB "bob@partner.test"

static void setup(void)
{
    make_store();
    root = authority_make(run_directory, "root");
}

static void teardown(void)
{
    http_stop(&server);
    authority_clear(&root);
    remove_directory();
}

/* NAME.pem for bob, whose CRL is on the server if there is one. */
static void issue(const char *name)
{
    char url[64];
    struct pki_spec spec = {.common_name = name, .addresses = {BOB}};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/root.crl", server.port);
    spec.crl_url = server.pid ? url : NULL;
    struct pki pki = authority_issue(&root, name, &spec);
    pki_clear(&pki);
}

static void believe_root(void)
{
    expect_run("trust import", SMIMECTL("trust", "import", in_dir("root.pem")), 0, NULL);
}

static size_t count_crls(void)
{
    json_t *list = expect_json("crl list", SMIMECTL("crl", "list", "--json"));
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

/* ---- import, list, show, delete ---- */

START_TEST(test_import_wants_a_known_ca)
{
    authority_crl(&root, "root", "");
    expect_run("unknown CA", SMIMECTL("crl", "import", in_dir("root.crl")), 1,
               "not signed by a CA that we believe");
    expect_run("--ca", SMIMECTL("crl", "import", in_dir("root.crl"), "--ca", in_dir("root.pem")), 0,
               NULL);
    ck_assert_uint_eq(count_crls(), 1);
    expect_run("delete", SMIMECTL("crl", "delete", "1"), 0, NULL);
    ck_assert_uint_eq(count_crls(), 0);
    expect_run("delete again", SMIMECTL("crl", "delete", "1"), 1, "there is no CRL 1");
    believe_root();
    expect_run("an anchor", SMIMECTL("crl", "import", in_dir("crl.pem")), 0, NULL);
    ck_assert_uint_eq(count_crls(), 1);
}
END_TEST

START_TEST(test_import_refusals)
{
    struct authority twin = authority_of(run_directory, "twin", pki_ca("root"));
    believe_root();
    authority_crl(&root, "first", "");
    authority_crl(&root, "second", "");
    authority_crl(&twin, "twin", "");
    write_text(in_dir("garbage.crl"), "-----BEGIN X509 CRL-----\nAAAA\n");
    expect_run("second", SMIMECTL("crl", "import", in_dir("second.crl")), 0, NULL);
    expect_run("older", SMIMECTL("crl", "import", in_dir("first.crl")), 1, "a newer CRL");
    expect_run("the same", SMIMECTL("crl", "import", in_dir("second.crl")), 0, NULL);
    expect_run("forged", SMIMECTL("crl", "import", in_dir("twin.crl")), 1, "not signed by a CA");
    expect_run("garbage", SMIMECTL("crl", "import", in_dir("garbage.crl")), 1, "it is no CRL");
    expect_run("no file", SMIMECTL("crl", "import", in_dir("none.crl")), 1, "none.crl");
    expect_run("some", SMIMECTL("crl", "import", in_dir("second.crl"), in_dir("twin.crl")), 3,
               NULL);
    expect_run("no file at all", SMIMECTL("crl", "import"), 2, NULL);
    ck_assert_uint_eq(count_crls(), 1);
    authority_clear(&twin);
}
END_TEST

START_TEST(test_list_and_show)
{
    issue("bob");
    believe_root();
    authority_revoke(&root, "bob", "keyCompromise");
    authority_crl(&root, "root", "");
    expect_run("import", SMIMECTL("crl", "import", in_dir("root.crl")), 0, NULL);
    expect_output("list", SMIMECTL("crl", "list"), "imported");
    json_t *list = expect_json("list", SMIMECTL("crl", "list", "--json"));
    const json_t *row = json_array_get(list, 0);
    ck_assert_str_eq(text_at(row, "source"), "imported");
    ck_assert_str_eq(text_at(row, "kind"), "complete");
    ck_assert_str_eq(text_at(row, "number"), "1000");
    ck_assert_str_eq(text_at(row, "entries"), "1");
    ck_assert_str_eq(text_at(row, "issuer"), "CN=root");
    json_decref(list);
    expect_output("show", SMIMECTL("crl", "show", "1"), "keyCompromise");
    json_t *record = expect_json("show", SMIMECTL("crl", "show", "1", "--json"));
    const json_t *entry = json_array_get(json_object_get(record, "revoked"), 0);
    ck_assert_str_eq(text_at(entry, "reason"), "keyCompromise");
    /* The serial number as `openssl x509` has it. */
    struct run serial = OPENSSL("x509", "-in", in_dir("bob.pem"), "-noout", "-serial");
    char *hex = strchr(serial.out, '=') + 1;
    hex[strcspn(hex, "\n")] = '\0';
    ck_assert_int_eq(strcasecmp(text_at(entry, "serial"), hex), 0);
    run_clear(&serial);
    json_decref(record);
    expect_run("show none", SMIMECTL("crl", "show", "9"), 1, "there is no CRL 9");
    expect_output("audit", SMIMECTL("audit"), "CRL imported");
}
END_TEST

/* ---- fetch ---- */

START_TEST(test_fetch)
{
    char url[64];
    server = http_start(run_directory);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/root.crl", server.port);
    authority_crl(&root, "root", "");
    expect_run("unknown CA", SMIMECTL("crl", "fetch", url), 1, "not signed by a CA");
    believe_root();
    /* An administrator's word, so it may be any address. */
    expect_output("fetch", SMIMECTL("crl", "fetch", url), "fetched");
    ck_assert_uint_eq(count_crls(), 1);
    expect_run("both", SMIMECTL("crl", "fetch", "--all", url), 2, "exclude each other");
    ck_assert_int_eq(http_count(&server, "root.crl"), 2);
    /* What is named by a certificate has to be in a network that may be asked. */
    expect_run("--all", SMIMECTL("crl", "fetch", "--all"), 1, "private network");
    write_config("revocation_networks = [ \"127.0.0.0/8\" ];\n");
    authority_crl(&root, "root", "");
    expect_output("--all", SMIMECTL("crl", "fetch", "--all"), "fetched");
    ck_assert_int_eq(http_count(&server, "root.crl"), 3);
    expect_run("not due", SMIMECTL("crl", "fetch"), 0, NULL);
    ck_assert_int_eq(http_count(&server, "root.crl"), 3);
    json_t *list = expect_json("list", SMIMECTL("crl", "list", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_str_eq(text_at(json_array_get(list, 0), "number"), "1001");
    ck_assert_str_eq(text_at(json_array_get(list, 0), "url"), url);
    json_decref(list);
    expect_run("no URL", SMIMECTL("crl", "fetch", "file:///etc/passwd"), 1, "no http");
}
END_TEST

/* ---- trust check ---- */

static void expect_check(const char *what, int code, const char *chain, const char *revocation,
                         const char *reason)
{
    struct run run = SMIMECTL("trust", "check", in_dir("bob.pem"), "--json");
    ck_assert_msg(run.code == code, "%s: %d %s%s", what, run.code, run.out, run.err);
    json_t *answer = parse_json(what, run.out);
    run_clear(&run);
    ck_assert_str_eq(text_at(answer, "chain"), chain);
    ck_assert_str_eq(text_at(answer, "revocation"), revocation);
    ck_assert_msg(reason == NULL || strstr(text_at(answer, "reason"), reason), "%s: %s", what,
                  text_at(answer, "reason"));
    ck_assert_int_eq(json_is_true(json_object_get(answer, "accepted")), code == 0);
    json_decref(answer);
}

START_TEST(test_trust_check)
{
    static const char networks[] = "revocation_networks = [ \"127.0.0.0/8\" ];\n";
    char config[256];
    server = http_start(run_directory);
    issue("bob");
    expect_check("no anchor", 1, "untrusted", "not checked", NULL);
    believe_root();
    expect_check("not to be asked", 0, "valid", "unknown", "private network");
    snprintf(config, sizeof config, "%srevocation = \"hard\";\n", networks);
    write_config(config);
    expect_check("hard", 1, "valid", "unknown", "private network"); /* remembered */
    write_config("revocation_networks = [ \"127.0.0.0/8\" ];\nrevocation = \"off\";\n");
    expect_check("off", 0, "valid", "not checked", "nobody is asked");
    write_config(networks);
    authority_crl(&root, "root", "");
    /* The failure from before has to pass; meanwhile an administrator can fetch. */
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/root.crl", server.port);
    expect_run("fetch", SMIMECTL("crl", "fetch", url), 0, NULL);
    expect_check("good", 0, "valid", "good", NULL);
    expect_output("text", SMIMECTL("trust", "check", in_dir("bob.pem")), "revocation: good");
    authority_revoke(&root, "bob", "cessationOfOperation");
    authority_crl(&root, "root", "");
    expect_run("fetch", SMIMECTL("crl", "fetch", url), 0, NULL);
    expect_check("revoked", 1, "valid", "revoked", "cessationOfOperation");
    expect_run("no certificate", SMIMECTL("trust", "check", in_dir("root.key")), 1, NULL);
}
END_TEST

/* ---- what others say ---- */

START_TEST(test_keys_that_are_known_to_be_revoked)
{
    issue("bob");
    issue("second");
    believe_root();
    expect_run("pubkey import", SMIMECTL("pubkey", "import", in_dir("bob.pem")), 0, NULL);
    authority_revoke(&root, "bob", "keyCompromise");
    authority_revoke(&root, "second", "superseded");
    authority_crl(&root, "root", "");
    expect_run("crl import", SMIMECTL("crl", "import", in_dir("root.crl")), 0,
               "mail is not encrypted with it any more");
    expect_run("revoked", SMIMECTL("pubkey", "import", in_dir("second.pem")), 1, "superseded");
    expect_output("pubkey list", SMIMECTL("pubkey", "list"), "keyCompromise");
    json_t *list = expect_json("pubkey list", SMIMECTL("pubkey", "list", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_ptr_nonnull(strstr(text_at(json_array_get(list, 0), "revoked"), "keyCompromise"));
    json_decref(list);
    expect_output("pubkey show", SMIMECTL("pubkey", "show", "1"), "keyCompromise");
    write_config("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ];"
                 " outgoing = \"encrypt-optional\"; } );\n");
    expect_output("explain",
                  SMIMECTL("rules", "explain", "--from", "alice@example.com", "--to", BOB),
                  "keyCompromise");
    expect_output("audit", SMIMECTL("audit"), "certificate found revoked");
}
END_TEST

START_TEST(test_off_is_told)
{
    believe_root();
    authority_crl(&root, "root", "");
    write_config("revocation = \"off\";\n");
    expect_run("import", SMIMECTL("crl", "import", in_dir("root.crl")), 0, "is \"off\"");
}
END_TEST

/* ---- the age of system anchors ---- */

START_TEST(test_trust_list_says_the_age)
{
    struct run run = SMIMECTL("trust", "list");
    ck_assert_int_eq(run.code, 0);
    ck_assert_msg(strstr(run.err, "no system anchors") != NULL, "%s", run.err);
    run_clear(&run);
    write_config("");
    char *text = read_file(run_config, NULL);
    char *at = strstr(text, "mozilla_roots = \"\";");
    ck_assert_ptr_nonnull(at);
    memcpy(at, "                   ", strlen("mozilla_roots = \"\";")); /* the default */
    write_text(run_config, text);
    free(text);
    run = SMIMECTL("trust", "list");
    if (run.code != 0) {
        printf("skipped: %s\n", run.err);
    } else {
        ck_assert_msg(strstr(run.err, "system anchors from /") && strstr(run.err, "days old"), "%s",
                      run.err);
        json_t *list = expect_json("trust list", SMIMECTL("trust", "list", "--system", "--json"));
        ck_assert_uint_gt(json_array_size(list), 50);
        ck_assert_int_eq(text_at(json_array_get(list, 0), "module")[0], '/');
        ck_assert_uint_eq(strlen(text_at(json_array_get(list, 0), "module_modified")), 20);
        json_decref(list);
    }
    run_clear(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admin/crl");
    TCase *tests = tcase_create("crl");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_import_wants_a_known_ca);
    tcase_add_test(tests, test_import_refusals);
    tcase_add_test(tests, test_list_and_show);
    tcase_add_test(tests, test_fetch);
    tcase_add_test(tests, test_trust_check);
    tcase_add_test(tests, test_keys_that_are_known_to_be_revoked);
    tcase_add_test(tests, test_off_is_told);
    tcase_add_test(tests, test_trust_list_says_the_age);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
