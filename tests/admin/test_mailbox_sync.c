/* smimectl mailbox sync: from Postfix maps by postmap and as text, and from a real directory. */
#include "slapd_run.h"

static void setup(void)
{
    make_store();
}

static void teardown(void)
{
    remove_directory();
}

static json_t *report_of(const char *what, struct run run, int code)
{
    ck_assert_msg(run.code == code, "%s: exit code %d\n%s%s", what, run.code, run.out, run.err);
    json_t *report = parse_json(what, run.out);
    run_clear(&run);
    return report;
}

static void expect_counts(const char *what, json_t *report, long added, long changed,
                          long unchanged, long refused)
{
    const char *const keys[] = {"added", "changed", "unchanged", "refused"};
    const long wanted[] = {added, changed, unchanged, refused};
    for (size_t i = 0; i < 4; i++) {
        long found = (long)json_integer_value(json_object_get(report, keys[i]));
        ck_assert_msg(found == wanted[i], "%s: %s is %ld, not %ld", what, keys[i], found,
                      wanted[i]);
    }
}

/* "mailbox:alias,alias mailbox:" of all mailboxes, aliases in the order of adding. */
static void expect_mailboxes(const char *what, const char *wanted)
{
    char found[4096] = "";
    json_t *list = expect_json(what, SMIMECTL("mailbox", "list", "--json"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *mailbox = json_array_get(list, i);
        const json_t *aliases = json_object_get(mailbox, "aliases");
        strcat(strcat(strcat(found, i ? " " : ""), text_at(mailbox, "mailbox")), ":");
        for (size_t k = 0; k < json_array_size(aliases); k++) {
            strcat(strcat(found, k ? "," : ""), json_string_value(json_array_get(aliases, k)));
        }
    }
    json_decref(list);
    ck_assert_msg(!strcmp(found, wanted), "%s: \"%s\" instead of \"%s\"", what, found, wanted);
}

static const char *first_text(const json_t *report, const char *key)
{
    const json_t *list = json_object_get(report, key);
    ck_assert_uint_eq(json_array_size(list), 1);
    return json_string_value(json_array_get(list, 0));
}

/* ---- Postfix ---- */

static const struct map_case {
    const char *name;
    const char *text;
    const char *domain; /* NULL: none */
    int code;
    const char *err; /* NULL: anything */
    const char *mailboxes;
} map_cases[] = {
    {"virtual mailboxes",
     "# comment\nalice@example.com  example.com/alice/\n\nBOB@Example.com\texample.com/bob/\n",
     NULL, 0, NULL, "alice@example.com: bob@example.com:"},
    {"aliases", "alice@example.com alice@example.com\na.s@example.com alice@example.com\n", NULL, 0,
     NULL, "alice@example.com:a.s@example.com"},
    {"aliases of what another map has",
     "a1@example.com alice@example.com\nb1@example.com bob@example.com\n"
     "a2@example.com alice@example.com\n",
     NULL, 0, NULL,
     "alice@example.com:a1@example.com,a2@example.com bob@example.com:b1@example.com"},
    {"an alias of an alias",
     "alice@example.com x/\na1@example.com alice@example.com\na2@example.com a1@example.com\n",
     NULL, 0, NULL, "alice@example.com:a1@example.com,a2@example.com"},
    {"a circle", "a@example.com b@example.com\nb@example.com a@example.com\nc@example.com x/\n",
     NULL, 3, "in a circle", "c@example.com:"},
    {"passed over",
     "alice@example.com x/\n@example.com alice@example.com\nteam@example.com alice@example.com, "
     "bob@example.com\nout@example.com me@partner.test\ncarol@partner.test x/\nlocal x/\n",
     NULL, 0, "5 passed over", "alice@example.com:"},
    {"continued lines",
     "alice@example.com\n  x/\n# between\nteam@example.com alice@example.com,\n  "
     "bob@example.com\nbob@example.com\n\n   y/\n",
     NULL, 0, "1 passed over", "alice@example.com: bob@example.com:"},
    {"quoted keys", "\"a b\"@example.com x/\n", NULL, 0, NULL, "\"a b\"@example.com:"},
    {"keys without a domain", "alice x/\nbob@example.com x/\n", "example.com", 0, NULL,
     "alice@example.com: bob@example.com:"},
    {"another domain", "bob@example.com x/\n", "example.org", 0, "1 passed over", ""},
    {"broken keys", "a@@example.com x/\nb@example.com x/\n", NULL, 3,
     "map:1: \"a@@example.com\" is no mail address", "b@example.com:"},
    {"twice", "a@example.com x/\na@example.com y/\n", NULL, 0, NULL, "a@example.com:"},
    {"empty", "", NULL, 0, NULL, ""},
};

START_TEST(reads_the_text_of_a_map)
{
    const struct map_case *c = &map_cases[_i];
    write_text(in_dir("map"), c->text);
    expect_run(c->name,
               c->domain
                   ? SMIMECTL("mailbox", "sync", "--text", in_dir("map"), "--domain", c->domain)
                   : SMIMECTL("mailbox", "sync", "--text", in_dir("map")),
               c->code, c->err);
    expect_mailboxes(c->name, c->mailboxes);
    /* Idempotent. */
    struct run run =
        c->domain ? SMIMECTL("mailbox", "sync", "--text", in_dir("map"), "--domain", c->domain)
                  : SMIMECTL("mailbox", "sync", "--text", in_dir("map"));
    ck_assert_msg(!strncmp(run.out, "added: 0\nchanged: 0\n", 20), "%s: %s", c->name, run.out);
    run_clear(&run);
}
END_TEST

START_TEST(reports_what_is_gone)
{
    write_text(in_dir("map"),
               "alice@example.com x/\nbob@example.com x/\n"
               "a1@example.com alice@example.com\na2@example.com alice@example.com\n");
    expect_run("first", SMIMECTL("mailbox", "sync", "--text", in_dir("map")), 0, NULL);
    write_text(in_dir("map"), "alice@example.com x/\ncarol@example.com x/\n"
                              "a1@example.com alice@example.com\n");
    json_t *report =
        report_of("second", SMIMECTL("mailbox", "sync", "--text", in_dir("map"), "--json"), 0);
    expect_counts("second", report, 1, 0, 1, 0);
    ck_assert_str_eq(first_text(report, "gone"), "bob@example.com");
    ck_assert_str_eq(first_text(report, "gone_aliases"), "a2@example.com");
    json_decref(report);
    expect_mailboxes("all are kept", "alice@example.com:a1@example.com,a2@example.com "
                                     "bob@example.com: carol@example.com:");
    expect_output("for people", SMIMECTL("mailbox", "sync", "--text", in_dir("map")),
                  "no longer there: bob@example.com\n");
}
END_TEST

static struct run sync_map(const char *map)
{
    char config[RUN_PATH_BYTES * 2];
    snprintf(config, sizeof config, "MAIL_CONFIG=%s/postfix", run_directory);
    return RUN(NULL, "env", config, run_program, "-c", run_config, "mailbox", "sync",
               "--postfix-map", map, "--json");
}

START_TEST(lists_maps_with_postmap)
{
    char map[RUN_PATH_BYTES * 2 + 16], config[RUN_PATH_BYTES * 2];
    ck_assert_int_eq(mkdir(in_dir("postfix"), 0755), 0);
    write_text(in_dir("postfix/main.cf"), "compatibility_level = 3.6\n");
    write_text(in_dir("map"), "alice@example.com x/\nas@example.com alice@example.com\n");
    snprintf(config, sizeof config, "MAIL_CONFIG=%s/postfix", run_directory);
    snprintf(map, sizeof map, "hash:%s", in_dir("map"));
    expect_run("postmap", RUN(NULL, "env", config, "PATH=/usr/sbin:/usr/bin:/bin", "postmap", map),
               0, NULL);
    json_t *report = report_of("hash", sync_map(map), 0);
    expect_counts("hash", report, 1, 0, 0, 0);
    json_decref(report);
    expect_mailboxes("hash", "alice@example.com:as@example.com");
    snprintf(map, sizeof map, "hash:%s", in_dir("none"));
    expect_run("no such map", sync_map(map), 1, "postmap cannot list");
    snprintf(map, sizeof map, "regexp:%s", in_dir("map"));
    expect_run("not listable", sync_map(map), 1, "not supported");
    expect_run("no type", sync_map("/etc/postfix/virtual"), 1, "is no map");
    expect_run("an option", sync_map("-d:x"), 1, "is no map");
}
END_TEST

START_TEST(usage)
{
    expect_run("nothing", SMIMECTL("mailbox", "sync"), 2, "one of --postfix-map");
    expect_run("two", SMIMECTL("mailbox", "sync", "--text", "x", "--ldap", "ldap://x"), 2,
               "one of --postfix-map");
    expect_run("LDAP's option", SMIMECTL("mailbox", "sync", "--text", "x", "--base", "y"), 2,
               "belongs to --ldap");
    expect_run("no base", SMIMECTL("mailbox", "sync", "--ldap", "ldap://x"), 2, "--base DN");
    expect_run("no such file", SMIMECTL("mailbox", "sync", "--text", in_dir("none")), 1,
               "No such file");
    write_file(in_dir("map"), "a\0b", 3);
    expect_run("no text", SMIMECTL("mailbox", "sync", "--text", in_dir("map")), 1, "NUL");
}
END_TEST

/* ---- LDAP ---- */

#define BASE "dc=example,dc=com"
#define MANY 1200 /* more than two pages, and than slapd gives to strangers */

static const char people[] =
    "dn: dc=example,dc=com\nobjectClass: organization\nobjectClass: dcObject\ndc: example\n"
    "o: Example\n\n"
    "dn: cn=smimed,dc=example,dc=com\nobjectClass: person\ncn: smimed\nsn: smimed\n"
    "userPassword: correct horse\n\n"
    "dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n"
    "dn: ou=hidden,dc=example,dc=com\nobjectClass: organizationalUnit\nou: hidden\n\n"
    "dn: ou=many,dc=example,dc=com\nobjectClass: organizationalUnit\nou: many\n\n"
    /* Exchange: the first address is marked, in whatever place it stands */
    "dn: cn=Alice,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\n"
    "objectClass: testPerson\ncn: Alice\nsn: A\nmail: a.smith@example.com\n"
    "proxyAddresses: smtp:as@Example.COM\nproxyAddresses: SMTP:alice@example.com\n"
    "proxyAddresses: X500:/o=Example/cn=alice\nproxyAddresses: sip:alice@example.com\n"
    "proxyAddresses: smtp:alice@partner.test\n\n"
    "dn: cn=Bob,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\n"
    "objectClass: testPerson\ncn: Bob\nsn: B\nmail: bob@example.com\n"
    "mailAlternateAddress: b@example.com\n\n"
    "dn: cn=Eve,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: Eve\nsn: E\n"
    "mail: eve@partner.test\n\n"
    "dn: cn=Mallory,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: Mallory\nsn: M\n"
    "mail: not an address\n\n"
    "dn: cn=Carol,ou=hidden,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: Carol\nsn: C\n"
    "mail: carol@example.com\n\n";

static struct slapd slapd;

static void setup_ldap(void)
{
    char *ldif = NULL;
    size_t length = 0;
    make_store();
    FILE *out = open_memstream(&ldif, &length);
    ck_assert_ptr_nonnull(out);
    fputs(people, out);
    for (int i = 0; i < MANY; i++) {
        fprintf(out,
                "dn: cn=u%d,ou=many,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: u%d\n"
                "sn: u\nmail: u%d@example.com\n\n",
                i, i, i);
    }
    ck_assert_int_eq(fclose(out), 0);
    slapd_start(&slapd, ldif);
    free(ldif);
    write_text(in_dir("password"), "correct horse\n");
    write_text(in_dir("wrong"), "incorrect horse\n");
    write_text(in_dir("empty"), "\n");
}

static void teardown_ldap(void)
{
    slapd_stop(&slapd);
    remove_directory();
}

#define LDAP(uri, ...) SMIMECTL("mailbox", "sync", "--json", "--ldap", (uri), __VA_ARGS__)
#define PEOPLE "--base", "ou=people," BASE

START_TEST(reads_a_directory)
{
    json_t *report =
        report_of("anonymous",
                  LDAP(slapd.uri, PEOPLE, "--filter", "(objectClass=inetOrgPerson)", "--alias-attr",
                       "proxyAddresses", "--alias-attr", "mailAlternateAddress"),
                  3);
    expect_counts("anonymous", report, 2, 0, 0, 1);
    const json_t *failure = json_array_get(json_object_get(report, "failures"), 0);
    ck_assert_ptr_nonnull(strstr(text_at(failure, "address"), "cn=Mallory"));
    ck_assert_ptr_nonnull(strstr(text_at(failure, "reason"), "\"not an address\""));
    json_decref(report);
    expect_mailboxes("anonymous", "alice@example.com:as@example.com,a.smith@example.com "
                                  "bob@example.com:b@example.com");
    /* Another attribute for the address, and a filter. */
    report = report_of(
        "bob",
        LDAP(slapd.uri, PEOPLE, "--address-attr", "mailAlternateAddress", "--filter", "(cn=Bob)"),
        1);
    expect_counts("bob", report, 0, 0, 0, 1); /* it is a further address */
    json_decref(report);
}
END_TEST

START_TEST(secures_the_password)
{
    static const char *const dn = "cn=smimed," BASE;
    char ca[RUN_PATH_BYTES * 2]; /* outlives what in_dir() gives */
    snprintf(ca, sizeof ca, "%s", in_dir("directory-ca.pem"));
    expect_run(
        "in the clear",
        LDAP(slapd.uri, "--base", BASE, "--bind-dn", dn, "--password-file", in_dir("password")), 1,
        "sent in the clear");
    expect_run("STARTTLS with a CA that is not known",
               LDAP(slapd.uri, "--base", BASE, "--start-tls", "--bind-dn", dn, "--password-file",
                    in_dir("password")),
               1, "STARTTLS: ");
    expect_run("STARTTLS: what may help",
               LDAP(slapd.uri, "--base", BASE, "--start-tls", "--bind-dn", dn, "--password-file",
                    in_dir("password")),
               1, "its certificate may be at fault");
    expect_run(
        "ldaps with a CA that is not known",
        LDAP(slapd.tls_uri, "--base", BASE, "--bind-dn", dn, "--password-file", in_dir("password")),
        1, "is given with --tls-ca");
    char by_name[64];
    snprintf(by_name, sizeof by_name, "ldaps://localhost:%d", slapd.tls_port);
    expect_run("another name than the certificate's", LDAP(by_name, "--base", BASE, "--tls-ca", ca),
               1, by_name);
    expect_run("wrong password",
               LDAP(slapd.tls_uri, "--base", BASE, "--tls-ca", ca, "--bind-dn", dn,
                    "--password-file", in_dir("wrong")),
               1, "Invalid credentials");
    expect_run("empty password",
               LDAP(slapd.tls_uri, "--base", BASE, "--tls-ca", ca, "--bind-dn", dn,
                    "--password-file", in_dir("empty")),
               1, "is empty");
    expect_mailboxes("nothing was changed", "");
    const char *const hidden = "ou=hidden," BASE;
    json_t *report = report_of("ldaps",
                               LDAP(slapd.tls_uri, "--base", hidden, "--tls-ca", ca, "--bind-dn",
                                    dn, "--password-file", in_dir("password")),
                               0);
    expect_counts("ldaps", report, 1, 0, 0, 0);
    json_decref(report);
    report = report_of("STARTTLS",
                       LDAP(slapd.uri, "--base", hidden, "--start-tls", "--tls-ca", ca, "--bind-dn",
                            dn, "--password-file", in_dir("password")),
                       0);
    expect_counts("STARTTLS", report, 0, 0, 1, 0);
    json_decref(report);
    report = report_of("ldapi",
                       LDAP(slapd.local_uri, "--base", hidden, "--bind-dn", dn, "--password-file",
                            in_dir("password")),
                       0);
    expect_counts("ldapi", report, 0, 0, 1, 0);
    json_decref(report);
}
END_TEST

START_TEST(reads_page_by_page)
{
    const char *const many = "ou=many," BASE;
    expect_run("a part only", LDAP(slapd.uri, "--base", many), 1,
               "gives only a part of its entries");
    expect_mailboxes("nothing was changed", "");
    json_t *report =
        report_of("all",
                  LDAP(slapd.tls_uri, "--base", many, "--tls-ca", in_dir("directory-ca.pem"),
                       "--bind-dn", "cn=smimed," BASE, "--password-file", in_dir("password")),
                  0);
    expect_counts("all", report, MANY, 0, 0, 0);
    json_decref(report);
}
END_TEST

START_TEST(tells_what_is_wrong)
{
    char nobody[64];
    snprintf(nobody, sizeof nobody, "ldap://localhost:%d", slapd_free_port());
    expect_run("nobody listens", LDAP(nobody, "--base", BASE), 1, "Can't contact LDAP server");
    expect_run("no URI", LDAP("localhost", "--base", BASE), 1, "localhost");
    expect_run("no such base", LDAP(slapd.uri, "--base", "dc=nowhere"), 1, "No such object");
    expect_run("no filter", LDAP(slapd.uri, PEOPLE, "--filter", "(("), 1, "Bad search filter");
    expect_run("no CA", LDAP(slapd.tls_uri, PEOPLE, "--tls-ca", in_dir("none.pem")), 1,
               "none.pem cannot be used");
    expect_mailboxes("nothing was changed", "");
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    Suite *suite = suite_create("smimectl mailbox sync");
    TCase *maps = tcase_create("maps");
    tcase_add_checked_fixture(maps, setup, teardown);
    tcase_set_timeout(maps, 120);
    tcase_add_loop_test(maps, reads_the_text_of_a_map, 0, COUNT(map_cases));
    tcase_add_test(maps, reports_what_is_gone);
    tcase_add_test(maps, lists_maps_with_postmap);
    tcase_add_test(maps, usage);
    suite_add_tcase(suite, maps);
    TCase *directory = tcase_create("directory");
    tcase_add_checked_fixture(directory, setup_ldap, teardown_ldap);
    tcase_set_timeout(directory, 120);
    tcase_add_test(directory, reads_a_directory);
    tcase_add_test(directory, secures_the_password);
    tcase_add_test(directory, reads_page_by_page);
    tcase_add_test(directory, tells_what_is_wrong);
    suite_add_tcase(suite, directory);
    return run_suite(suite);
}
