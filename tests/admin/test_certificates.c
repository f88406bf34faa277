/* smimectl pubkey and trust: certificates of other people and of CAs. */
#include "smimectl_run.h"

static struct pki root;
static time_t now;

static void setup(void)
{
    make_store();
    now = time(NULL);
    root = pki_ca("Test CA");
    write_pki("ca", &root);
}

static void teardown(void)
{
    pki_clear(&root);
    remove_directory();
}

static void make(const char *name, const struct pki_spec *spec)
{
    struct pki made = pki_make(spec, &root);
    write_pki(name, &made);
    pki_clear(&made);
}

/* `target` gets the text of `first` and `second`. */
static void concatenate(const char *first, const char *second, const char *target)
{
    char *a = read_file(in_dir(first), NULL), *b = read_file(in_dir(second), NULL), *both = NULL;
    ck_assert_int_gt(asprintf(&both, "Some text before\n%s%s", a, b), 0);
    write_text(in_dir(target), both);
    free(a);
    free(b);
    free(both);
}

static size_t count_keys(void)
{
    json_t *list = expect_json("pubkey list", SMIMECTL("pubkey", "list", "--json"));
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

/* ---- pubkey import ---- */

static const struct import_case {
    const char *name;
    struct pki_spec spec;
    int before_days; /* from now; 0 and 0: the usual validity */
    int after_days;
    const char *err; /* NULL: imported */
} import_cases[] = {
    {"good", {.addresses = {"bob@partner.test"}}, 0, 0, NULL},
    {"good, RSA", {.addresses = {"bob@partner.test"}, .key = PKI_RSA_2048}, 0, 0, NULL},
    {"address in the subject only",
     {.common_name = "Bob", .email = "bob@partner.test"},
     0,
     0,
     NULL},
    {"expired", {.addresses = {"bob@partner.test"}}, -20, -10, "expired"},
    {"not yet valid", {.addresses = {"bob@partner.test"}}, 10, 20, "not yet valid"},
    {"CA alone", {.addresses = {"bob@partner.test"}, .ca = true}, 0, 0, "CA"},
    {"domain", {.common_name = "partner.test", .dns_names = {"partner.test"}}, 0, 0, "domain"},
    {"no address at all", {.common_name = "Bob"}, 0, 0, "address"},
    {"managed address", {.addresses = {"carol@example.com"}}, 0, 0, "is a managed address"},
    {"managed among others",
     {.addresses = {"bob@partner.test", "carol@example.com"}},
     0,
     0,
     "mailbox activate carol@example.com"},
    {"managed in capitals", {.addresses = {"carol@EXAMPLE.com"}}, 0, 0, "is a managed address"},
    {"signing only",
     {.addresses = {"bob@partner.test"}, .key_usage = "critical,digitalSignature"},
     0,
     0,
     "key usage"},
    {"not for mail",
     {.addresses = {"bob@partner.test"}, .extended_key_usage = "serverAuth"},
     0,
     0,
     "extended key usage"},
    {"weak", {.addresses = {"bob@partner.test"}, .key = PKI_RSA_1024}, 0, 0, "1024"},
};

START_TEST(test_import)
{
    const struct import_case *c = &import_cases[_i];
    struct pki_spec spec = c->spec;
    if (c->before_days || c->after_days) {
        spec.not_before = now + c->before_days * PKI_DAY;
        spec.not_after = now + c->after_days * PKI_DAY;
    }
    make("bob", &spec);
    expect_run(c->name, SMIMECTL("pubkey", "import", in_dir("bob.pem")), c->err ? 1 : 0, c->err);
    ck_assert_msg(count_keys() == (c->err ? 0 : 1), "%s: wrong number of keys", c->name);
}
END_TEST

START_TEST(test_import_goes_on_after_a_refusal)
{
    make("bob", &(struct pki_spec){.addresses = {"bob@partner.test"}});
    make("old", &(struct pki_spec){.addresses = {"old@partner.test"},
                                   .not_before = now - 20 * PKI_DAY,
                                   .not_after = now - 10 * PKI_DAY});
    make("eve", &(struct pki_spec){.addresses = {"eve@partner.test"}});
    concatenate("old.pem", "bob.pem", "two.pem");
    write_text(in_dir("garbage.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n");
    struct run run = SMIMECTL("pubkey", "import", in_dir("two.pem"), in_dir("garbage.pem"),
                              in_dir("none.pem"), in_dir("eve.pem"), "--json");
    ck_assert_int_eq(run.code, 3);
    json_t *report = parse_json("import", run.out);
    static const struct {
        const char *result;
        const char *file;
        int number;
    } rows[] = {
        {"refused", "two.pem", 1},  {"imported", "two.pem", 2}, {"refused", "garbage.pem", 0},
        {"refused", "none.pem", 0}, {"imported", "eve.pem", 1},
    };
    ck_assert_uint_eq(json_array_size(report), sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *row = json_array_get(report, i);
        ck_assert_str_eq(text_at(row, "result"), rows[i].result);
        ck_assert_str_eq(text_at(row, "file"), in_dir(rows[i].file));
        ck_assert_int_eq(json_integer_value(json_object_get(row, "number")), rows[i].number);
        bool imported = !strcmp(rows[i].result, "imported");
        ck_assert(json_is_null(json_object_get(row, "reason")) == imported);
        ck_assert((json_integer_value(json_object_get(row, "id")) > 0) == imported);
    }
    json_decref(report);
    run_clear(&run);
    ck_assert_uint_eq(count_keys(), 2);
}
END_TEST

START_TEST(test_import_bundle_with_ca)
{
    make("bob", &(struct pki_spec){.addresses = {"bob@partner.test"}});
    concatenate("bob.pem", "ca.pem", "bundle.pem");
    expect_run("bundle", SMIMECTL("pubkey", "import", in_dir("bundle.pem")), 0,
               "smimectl trust import");
    ck_assert_uint_eq(count_keys(), 1);
    json_t *own = expect_json("trust list", SMIMECTL("trust", "list", "--own", "--json"));
    ck_assert_uint_eq(json_array_size(own), 0);
    json_decref(own);
}
END_TEST

START_TEST(test_import_formats)
{
    make("bob", &(struct pki_spec){.addresses = {"bob@partner.test"}});
    make("eve", &(struct pki_spec){.addresses = {"eve@partner.test"}});
    expect_run(
        "der",
        OPENSSL("x509", "-in", in_dir("bob.pem"), "-outform", "DER", "-out", in_dir("bob.cer")), 0,
        NULL);
    expect_run("p7b",
               OPENSSL("crl2pkcs7", "-nocrl", "-certfile", in_dir("eve.pem"), "-outform", "DER",
                       "-out", in_dir("eve.p7b")),
               0, NULL);
    expect_run("import DER", SMIMECTL("pubkey", "import", in_dir("bob.cer")), 0, NULL);
    expect_run("import PKCS#7", SMIMECTL("pubkey", "import", in_dir("eve.p7b")), 0, NULL);
    expect_run("again, from standard input",
               SMIMECTL_READS(in_dir("bob.pem"), "pubkey", "import", "-"), 0, NULL);
    ck_assert_uint_eq(count_keys(), 2);
}
END_TEST

/* ---- pubkey list, export, delete ---- */

static json_int_t import_bob(void)
{
    make("bob",
         &(struct pki_spec){.addresses = {"bob@partner.test", "b@partner.test"}, .serial = 0x1a2b});
    json_t *report =
        expect_json("import", SMIMECTL("pubkey", "import", in_dir("bob.pem"), "--json"));
    json_int_t id = json_integer_value(json_object_get(json_array_get(report, 0), "id"));
    json_decref(report);
    ck_assert_int_gt(id, 0);
    return id;
}

START_TEST(test_list)
{
    json_int_t id = import_bob();
    make("eve", &(struct pki_spec){.addresses = {"eve@partner.test"}});
    expect_run("import", SMIMECTL("pubkey", "import", in_dir("eve.pem")), 0, NULL);
    expect_output("list", SMIMECTL("pubkey", "list"), "b@partner.test");
    expect_output("list", SMIMECTL("pubkey", "list"), "imported  no      2035-12-30  ");
    json_t *list = expect_json("list one", SMIMECTL("pubkey", "list", "B@partner.test", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    const json_t *bob = json_array_get(list, 0);
    ck_assert_int_eq(json_integer_value(json_object_get(bob, "id")), id);
    ck_assert_str_eq(text_at(bob, "serial"), "1a2b");
    ck_assert_str_eq(text_at(bob, "source"), "imported");
    ck_assert_str_eq(text_at(bob, "issuer"), "CN=Test CA");
    ck_assert_str_eq(text_at(bob, "not_after"), "2035-12-30T00:00:00Z");
    ck_assert_uint_eq(json_array_size(json_object_get(bob, "addresses")), 2);
    json_decref(list);
    struct run none = SMIMECTL("pubkey", "list", "nobody@partner.test");
    ck_assert_int_eq(none.code, 0);
    ck_assert_str_eq(none.out, "");
    run_clear(&none);
}
END_TEST

START_TEST(test_list_is_harmless_for_a_terminal)
{
    make("bob", &(struct pki_spec){.addresses = {"bob@partner.test"}});
    struct pki bad = pki_make(
        &(struct pki_spec){.common_name = "\033]0;owned\007\033[2J\xe2\x80\xae", .ca = true}, NULL);
    struct pki eve = pki_leaf(&bad, "eve@partner.test");
    write_pki("eve", &eve);
    write_pki("bad", &bad);
    pki_clear(&eve);
    pki_clear(&bad);
    setenv("LC_ALL", "C.UTF-8", 1);
    struct run runs[] = {
        SMIMECTL("pubkey", "import", in_dir("eve.pem")),
        SMIMECTL("pubkey", "list"),
        SMIMECTL("pubkey", "list", "--json"),
        SMIMECTL("trust", "import", in_dir("bad.pem")),
        SMIMECTL("trust", "list"),
        SMIMECTL("pubkey", "import", in_dir("bad.pem")),
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        ck_assert_int_eq(runs[i].code, i == 5 ? 1 : 0);
        ck_assert_msg(!strpbrk(runs[i].out, "\033\007\xe2"), "%zu: %s", i, runs[i].out);
        ck_assert_msg(!strpbrk(runs[i].err, "\033\007\xe2"), "%zu: %s", i, runs[i].err);
        run_clear(&runs[i]);
    }
}
END_TEST

START_TEST(test_export)
{
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)import_bob());
    char *pem = read_file(in_dir("bob.pem"), NULL);
    static const char *const ways[] = {NULL, "b@partner.test", "--pem"};
    for (size_t i = 0; i < 3; i++) {
        struct run run = i == 2   ? SMIMECTL("pubkey", "export", id, "--pem")
                         : i == 1 ? SMIMECTL("pubkey", "export", ways[1])
                                  : SMIMECTL("pubkey", "export", id);
        ck_assert_int_eq(run.code, 0);
        ck_assert_str_eq(run.out, pem);
        run_clear(&run);
    }
    struct run der = SMIMECTL("pubkey", "export", id, "--der");
    ck_assert_int_eq(der.code, 0);
    write_file(in_dir("out.cer"), der.out, der.out_length);
    run_clear(&der);
    struct run back =
        OPENSSL("x509", "-inform", "DER", "-in", in_dir("out.cer"), "-outform", "PEM");
    ck_assert_str_eq(back.out, pem);
    run_clear(&back);
    free(pem);
    expect_run("both", SMIMECTL("pubkey", "export", id, "--der", "--pem"), 2, "exclude");
    expect_run("no id", SMIMECTL("pubkey", "export", "999999"), 1, "no public key with the id");
    expect_run("unknown", SMIMECTL("pubkey", "export", "eve@partner.test"), 1, "no public key for");
    expect_run("neither", SMIMECTL("pubkey", "export", "-1x"), 2, NULL);
}
END_TEST

START_TEST(test_delete)
{
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)import_bob());
    expect_run("no number", SMIMECTL("pubkey", "delete", "bob@partner.test"), 1, "is no id");
    expect_run("too large", SMIMECTL("pubkey", "delete", "99999999999999999999999"), 1, "is no id");
    ck_assert_uint_eq(count_keys(), 1);
    expect_run("one of two", SMIMECTL("pubkey", "delete", "999999", id), 3, "999999");
    ck_assert_uint_eq(count_keys(), 0);
    expect_run("again", SMIMECTL("pubkey", "delete", id), 1, "no public key");
}
END_TEST

/* ---- trust ---- */

START_TEST(test_trust)
{
    make("bob", &(struct pki_spec){.addresses = {"bob@partner.test"}});
    struct pki old = pki_make(&(struct pki_spec){.common_name = "Old CA",
                                                 .ca = true,
                                                 .not_before = now - 20 * PKI_DAY,
                                                 .not_after = now - 10 * PKI_DAY},
                              NULL);
    write_pki("old", &old);
    pki_clear(&old);
    expect_run("leaf", SMIMECTL("trust", "import", in_dir("bob.pem")), 1, "CA");
    expect_run("expired", SMIMECTL("trust", "import", in_dir("old.pem")), 1, "expired");
    expect_run("good and bad", SMIMECTL("trust", "import", in_dir("bob.pem"), in_dir("ca.pem")), 3,
               NULL);
    expect_output("list", SMIMECTL("trust", "list"), "own     2035-12-30  CN=Test CA\n");
    json_t *list = expect_json("list", SMIMECTL("trust", "list", "--own", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    char id[32];
    snprintf(id, sizeof id, "%lld",
             (long long)json_integer_value(json_object_get(json_array_get(list, 0), "id")));
    ck_assert_str_eq(text_at(json_array_get(list, 0), "origin"), "own");
    json_decref(list);
    json_t *system = expect_json("system", SMIMECTL("trust", "list", "--system", "--json"));
    ck_assert_uint_eq(json_array_size(system), 0);
    json_decref(system);
    expect_run("both", SMIMECTL("trust", "list", "--own", "--system"), 2, "exclude");
    expect_run("system ones have no id", SMIMECTL("trust", "delete", "0"), 1, "mozilla_roots");
    expect_run("delete", SMIMECTL("trust", "delete", id), 0, NULL);
    expect_run("again", SMIMECTL("trust", "delete", id), 1, "smimectl trust list --own");
}
END_TEST

START_TEST(test_trust_lists_mozilla)
{
    if (access("/usr/lib/x86_64-linux-gnu/nss/libnssckbi.so", F_OK) &&
        access("/usr/lib/x86_64-linux-gnu/libnssckbi.so", F_OK)) {
        puts("skipped: Mozilla's roots are not installed here (package libnss3)");
        return;
    }
    size_t length;
    char *text = read_file(run_config, &length), *with = NULL;
    char *empty = strstr(text, "mozilla_roots = \"\"");
    ck_assert_ptr_nonnull(empty);
    ck_assert_int_gt(asprintf(&with, "%.*s%s", (int)(empty - text), text, strchr(empty, '\n') + 1),
                     0);
    write_text(run_config, with);
    free(with);
    free(text);
    json_t *list = expect_json("system", SMIMECTL("trust", "list", "--system", "--json"));
    ck_assert_uint_gt(json_array_size(list), 50);
    ck_assert_str_eq(text_at(json_array_get(list, 0), "origin"), "system");
    json_decref(list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl pubkey, trust");
    TCase *tests = tcase_create("certificates");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_import, 0, sizeof import_cases / sizeof *import_cases);
    tcase_add_test(tests, test_import_goes_on_after_a_refusal);
    tcase_add_test(tests, test_import_bundle_with_ca);
    tcase_add_test(tests, test_import_formats);
    tcase_add_test(tests, test_list);
    tcase_add_test(tests, test_list_is_harmless_for_a_terminal);
    tcase_add_test(tests, test_export);
    tcase_add_test(tests, test_delete);
    tcase_add_test(tests, test_trust);
    tcase_add_test(tests, test_trust_lists_mozilla);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
