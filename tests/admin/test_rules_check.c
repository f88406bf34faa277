/* smimectl rules check, and its exit codes. */
#include "smimectl_run.h"

#define R(managed, external, modes)                                                                \
    "{ managed = [ \"" managed "\" ]; external = [ " external " ]; " modes " }"

static struct pki root;

/* Alice has a key, a further address and a tag; bob has nothing; eve may never decrypt. */
static void make_mailboxes(void)
{
    make_store();
    root = pki_ca("Test CA");
    static const char *const names[] = {"alice", "eve"};
    for (size_t i = 0; i < 2; i++) {
        char address[64], key[64], certificate[64];
        snprintf(address, sizeof address, "%s@example.com", names[i]);
        snprintf(key, sizeof key, "%s.key", names[i]);
        snprintf(certificate, sizeof certificate, "%s.pem", names[i]);
        struct pki made = pki_leaf(&root, address);
        write_pki(names[i], &made);
        pki_clear(&made);
        expect_run("add", SMIMECTL("mailbox", "add", address), 0, NULL);
        expect_run("activate",
                   SMIMECTL("mailbox", "activate", address, "--key", in_dir(key), "--cert",
                            in_dir(certificate)),
                   0, NULL);
    }
    expect_run("never", SMIMECTL("mailbox", "never-decrypt", "eve@example.com", "on"), 0, NULL);
    expect_run("add", SMIMECTL("mailbox", "add", "bob@example.com", "--alias", "rob@example.com"),
               0, NULL);
}

static void remove_mailboxes(void)
{
    pki_clear(&root);
    remove_directory();
}

static const struct check_case {
    const char *name;
    const char *rules;
    const char *map; /* NULL: none */
    /* "rule kind direction about" of each finding, "-" for null */
    const char *findings[8];
} check_cases[] = {
    {"no rules", "", NULL, {NULL}},
    {"good rules",
     R("alice@example.com", "\"x.test\"", "outgoing = \"encrypt-forced\";") ",\n" R(
         "*", "\"*\"", "outgoing = \"sign\"; incoming = \"none\";"),
     NULL,
     {NULL}},
    {"a rule below a wider one",
     R("*", "\"*\"", "outgoing = \"sign\";") ",\n" R("example.com", "\"x.test\"",
                                                     "outgoing = \"none\"; incoming = \"none\";"),
     NULL,
     {"2 never-decides outgoing -"}},
    {"both directions",
     R("*", "\"*\"", "outgoing = \"sign\"; incoming = \"none\";") ",\n" R(
         "example.com", "\"x.test\", \"y.test\"", "outgoing = \"none\"; incoming = \"none\";"),
     NULL,
     {"2 never-decides incoming -", "2 never-decides outgoing -"}},
    {"one pattern",
     R("*", "\"x.test\"", "outgoing = \"sign\";") ",\n" R("example.com", "\"x.test\", \"y.test\"",
                                                          "outgoing = \"none\";"),
     NULL,
     {"2 pattern-never-decides - x.test"}},
    {"TLS below a wider rule",
     R("*", "\"*\"", "require_tls = true;") ",\n" R("*", "\"x.test\"",
                                                    "require_tls = false; outgoing = \"sign\";"),
     NULL,
     {"2 never-decides tls -"}},
    {"TLS alone", R("*", "\"x.test\"", "require_tls = true;"), NULL, {NULL}},
    {"a profile alone", R("*", "\"x.test\"", "profile = \"strict\";"), NULL, {NULL}},
    {"a profile below another",
     R("*", "\"*\"", "profile = \"strict\";") ",\n" R(
         "*", "\"x.test\"", "profile = \"default\"; outgoing = \"sign\";"),
     NULL,
     {"2 never-decides profile -"}},
    {"a choice without a mode",
     R("*", "\"x.test\"", "choice = \"free\"; incoming = \"none\";"),
     NULL,
     {"1 choice-without-mode outgoing -"}},
    {"no mode", R("*", "\"*\"", ""), NULL, {"1 decides-nothing - -"}},
    {"forced without a certificate, without a key, without a mailbox",
     R("bob@example.com", "\"x.test\"", "outgoing = \"encrypt-forced\";") ",\n" R(
         "*", "\"y.test\"", "incoming = \"decrypt-forced\";") ",\n" R("nobody@example.com",
                                                                      "\"z.test\"",
                                                                      "outgoing = "
                                                                      "\"encrypt-forced\";"),
     NULL,
     {"1 no-certificate outgoing bob@example.com", "2 no-key incoming bob@example.com",
      "2 no-key incoming eve@example.com", "3 no-certificate outgoing nobody@example.com"}},
    {"a forced mode that a rule above keeps away",
     R("bob@example.com\", \"rob@example.com", "\"*\"",
       "outgoing = \"none\";") ",\n" R("*", "\"*\"", "outgoing = \"encrypt-forced\";"),
     NULL,
     {NULL}},
    {"forced for a further address",
     R("rob@example.com", "\"*\"", "outgoing = \"encrypt-forced\";"),
     NULL,
     {"1 no-certificate outgoing rob@example.com"}},
    {"forced for a tag",
     R("alice+news@example.com", "\"*\"", "incoming = \"decrypt-forced\";"),
     NULL,
     {NULL}},
    {"redirects",
     "",
     "alice@example.com alice@example.com, al@out.test\n"
     "bob@example.com b@out.test\neve@example.com e@out.test\n",
     {"0 leads-outside incoming alice@example.com"}},
    {"redirects inside", "", "alice@example.com bob@example.com\n", {NULL}},
    {"redirects of what is not decrypted",
     R("*", "\"*\"", "incoming = \"none\";"),
     "alice@example.com al@out.test\n",
     {NULL}},
};

/* "rule kind direction about" of a finding: free() it. */
static char *summary(const json_t *finding)
{
    const json_t *direction = json_object_get(finding, "direction");
    const json_t *about = json_object_get(finding, "about");
    char *text = NULL;
    ck_assert_int_gt(asprintf(&text, "%lld %s %s %s",
                              (long long)json_integer_value(json_object_get(finding, "rule")),
                              text_at(finding, "kind"),
                              json_is_null(direction) ? "-" : json_string_value(direction),
                              json_is_null(about) ? "-" : json_string_value(about)),
                     0);
    return text;
}

START_TEST(test_check)
{
    const struct check_case *c = &check_cases[_i];
    char *more = NULL;
    size_t expected = 0;
    ck_assert_int_gt(asprintf(&more, "rules = (\n%s\n);\n", c->rules), 0);
    write_config(more);
    write_text(in_dir("virtual"), c->map ? c->map : "");
    struct run run = c->map ? SMIMECTL("rules", "check", "--json", "--alias-map", in_dir("virtual"))
                            : SMIMECTL("rules", "check", "--json");
    while (c->findings[expected]) {
        expected++;
    }
    ck_assert_msg(run.code == (expected > 0 ? 6 : 0), "%s: exit code %d\n%s%s", c->name, run.code,
                  run.out, run.err);
    json_t *findings = parse_json(c->name, run.out);
    for (size_t i = 0; i < json_array_size(findings); i++) {
        char *found = summary(json_array_get(findings, i));
        ck_assert_msg(i < expected && !strcmp(found, c->findings[i]), "%s: %s\n%s", c->name, found,
                      run.out);
        free(found);
    }
    ck_assert_msg(json_array_size(findings) == expected, "%s: %s", c->name, run.out);
    json_decref(findings);
    run_clear(&run);
    free(more);
}
END_TEST

START_TEST(test_text)
{
    write_config("rules = (\n" R("*", "\"x.test\"", "outgoing = \"sign\";") ",\n" R(
        "*", "\".y.test\"", "outgoing = \"sign\";") ",\n" R("alice@example.com",
                                                            "\"x.test\", \"a.y.test\"",
                                                            "outgoing = \"none\";") " );\n");
    struct run run = SMIMECTL("rules", "check");
    ck_assert_int_eq(run.code, 6);
    ck_assert_msg(strstr(run.out, "RULE  KIND ") == run.out, "%s", run.out);
    ck_assert_msg(strstr(run.out, "   3  never-decides  outgoing   -      never decides outgoing "
                                  "mail: rules 1 and 2 above it decide for all of it\n") != NULL,
                  "%s", run.out);
    run_clear(&run);
    expect_run("delete", SMIMECTL("rules", "delete", "3"), 0, NULL);
    expect_output("check", SMIMECTL("rules", "check"), "nothing found in 2 rules\n");
}
END_TEST

START_TEST(test_maps)
{
    expect_run("no file", SMIMECTL("rules", "check", "--alias-map", in_dir("none")), 1,
               "No such file");
    write_text(in_dir("aliases"), "# local\nroot: alice@out.test\n");
    expect_run("aliases(5)", SMIMECTL("rules", "check", "--alias-map", in_dir("aliases")), 1,
               "aliases:2: \"root:\"");
    write_text(in_dir("virtual"), "alice a@out.test\n");
    struct run run = SMIMECTL_READS(in_dir("virtual"), "rules", "check", "--alias-map", "-");
    ck_assert_int_eq(run.code, 6);
    ck_assert_msg(strstr(run.out, "is sent on to a@out.test, outside") != NULL, "%s", run.out);
    run_clear(&run);
}
END_TEST

/* Postfix's own tool writes what is read. */
START_TEST(test_postmap)
{
    if (access("/usr/sbin/postmap", X_OK)) {
        return;
    }
    char *command = NULL;
    write_text(in_dir("virtual"), "Alice@Example.Com  a@out.test,\n   b@out.test\n");
    ck_assert_int_gt(asprintf(&command,
                              "postmap -s texthash:%s | %s -c %s rules check "
                              "--alias-map -",
                              in_dir("virtual"), run_program, run_config),
                     0);
    struct run run = RUN(NULL, "sh", "-c", command);
    ck_assert_msg(run.code == 6, "%s%s", run.out, run.err);
    run_clear(&run);
    free(command);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules check");
    TCase *check = tcase_create("check");
    tcase_add_checked_fixture(check, make_mailboxes, remove_mailboxes);
    tcase_set_timeout(check, 120);
    tcase_add_loop_test(check, test_check, 0, sizeof check_cases / sizeof *check_cases);
    tcase_add_test(check, test_text);
    tcase_add_test(check, test_maps);
    tcase_add_test(check, test_postmap);
    suite_add_tcase(suite, check);
    return run_suite(suite);
}
