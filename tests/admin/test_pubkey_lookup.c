/* smimectl pubkey lookup against a real slapd, and pubkey smimea read by BIND. */
#include "daemon/directory/ldap_people.h"

#define BOB "bob@partner.test"

static struct slapd slapd;
static struct pki ca, bob, old_bob;

static void write_directories(const char *url, const char *more)
{
    char *text = NULL;
    ck_assert_int_gt(
        asprintf(&text,
                 "directories = ( { url = \"%s\"; base = \"" PEOPLE_BASE "\"; ca_file = \"%s\";\n"
                 "    domains = [ \"partner.test\" ]; } );\ndirectory_timeout_ms = 2000;\n%s",
                 url, in_dir("directory-ca.pem"), more),
        0);
    write_config(text);
    free(text);
}

static void setup(void)
{
    struct people people;
    time_t now = time(NULL);
    make_store();
    ca = pki_ca("Partner CA");
    bob = pki_leaf(&ca, BOB);
    old_bob = pki_make(
        &(struct pki_spec){.addresses = {BOB}, .not_before = now - PKI_YEAR, .not_after = now - 60},
        &ca);
    people_begin(&people);
    people_add(&people, "bob", BOB);
    people_certificate(&people, bob.certificate);
    people_certificate(&people, old_bob.certificate);
    people_add(&people, "eve", "eve@partner.test");
    people_certificate(&people, bob.certificate);
    people_start(&people, &slapd);
    write_directories(slapd.tls_uri, "");
    write_pki("ca", &ca);
}

static void teardown(void)
{
    if (slapd.child > 0)
        slapd_stop(&slapd);
    pki_clear(&ca);
    pki_clear(&bob);
    pki_clear(&old_bob);
    remove_directory();
}

static void trust_ca(void)
{
    expect_run("trust import", SMIMECTL("trust", "import", in_dir("ca.pem")), 0, NULL);
}

static json_t *lookup_json(const char *what, int code, const char *address, const char *option)
{
    struct run run = SMIMECTL("pubkey", "lookup", address, "--json", option);
    ck_assert_msg(run.code == code, "%s: exit code %d\n%s%s", what, run.code, run.out, run.err);
    json_t *report = parse_json(what, run.out);
    run_clear(&run);
    return report;
}

static const json_t *first(const json_t *report, const char *key)
{
    const json_t *list = json_object_get(report, key);
    ck_assert_uint_gt(json_array_size(list), 0);
    return json_array_get(list, 0);
}

START_TEST(shows_what_is_taken_and_why_not)
{
    json_t *report = lookup_json("without trust", 1, BOB, NULL);
    ck_assert_str_eq(text_at(report, "status"), "nothing");
    ck_assert_str_eq(text_at(first(report, "directories"), "source"), slapd.tls_uri);
    json_decref(report);
    trust_ca();
    report = lookup_json("remembered", 1, BOB, NULL);
    ck_assert(json_is_true(json_object_get(report, "remembered")));
    ck_assert_uint_eq(json_array_size(json_object_get(report, "directories")), 0);
    json_decref(report);
    report = lookup_json("asked again", 0, BOB, "--no-cache");
    ck_assert(json_is_false(json_object_get(report, "remembered")));
    ck_assert_str_eq(text_at(report, "status"), "found");
    ck_assert_str_eq(text_at(report, "source"), slapd.tls_uri);
    const json_t *list = json_object_get(first(report, "directories"), "certificates");
    ck_assert_uint_eq(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *row = json_array_get(list, i);
        if (json_is_true(json_object_get(row, "taken")))
            ck_assert(json_is_null(json_object_get(row, "reason")));
        else
            ck_assert_ptr_nonnull(strstr(text_at(row, "reason"), "expired"));
    }
    json_decref(report);
    /* It is a public key now, from a directory, and the daemon would use it. */
    json_t *keys = expect_json("pubkey list", SMIMECTL("pubkey", "list", BOB, "--json"));
    ck_assert_uint_eq(json_array_size(keys), 1);
    ck_assert_str_eq(text_at(json_array_get(keys, 0), "source"), "directory");
    json_decref(keys);
    expect_output("audit", SMIMECTL("audit"), "public key found in a directory");
}
END_TEST

START_TEST(text_for_people)
{
    trust_ca();
    struct run run = SMIMECTL("pubkey", "lookup", BOB);
    ck_assert_int_eq(run.code, 0);
    ck_assert_msg(strstr(run.out, slapd.tls_uri) && strstr(run.out, ": taken\n") &&
                      strstr(run.out, "not taken: ") && strstr(run.out, "found in ldaps://"),
                  "%s", run.out);
    run_clear(&run);
    expect_output("remembered", SMIMECTL("pubkey", "lookup", BOB), "as remembered");
    expect_run("for another", SMIMECTL("pubkey", "lookup", "eve@partner.test"), 1, NULL);
}
END_TEST

START_TEST(trouble_has_a_code_of_its_own)
{
    char url[64];
    expect_run("managed", SMIMECTL("pubkey", "lookup", "alice@example.com"), 1,
               "is a managed address");
    expect_run("not asked", SMIMECTL("pubkey", "lookup", "bob@other.test"), 1,
               "no directory is configured");
    expect_run("no address", SMIMECTL("pubkey", "lookup", "bob"), 1, "is no mail address");
    snprintf(url, sizeof url, "ldaps://127.0.0.1:%d", slapd_free_port());
    write_directories(url, "");
    struct run run = SMIMECTL("pubkey", "lookup", BOB);
    ck_assert_int_eq(run.code, 75);
    ck_assert_msg(strstr(run.out, "unavailable: no connection") != NULL, "%s", run.out);
    run_clear(&run);
}
END_TEST

/* `process` does as the daemon; `rules explain` says what it would do, and asks nobody. */
START_TEST(process_and_explain_agree)
{
    struct pki alice = pki_leaf(&ca, "alice@example.com");
    write_directories(slapd.tls_uri,
                      "rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\" ]; "
                      "outgoing = \"encrypt-forced\"; } );\n");
    trust_ca();
    write_pki("alice", &alice);
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com"), 0, NULL);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--cert", in_dir("alice.pem"),
                        "--key", in_dir("alice.key")),
               0, NULL);
    write_text(in_dir("mail"),
               "From: alice@example.com\nTo: bob@partner.test\nSubject: hi\n\nverabredet\n");
    expect_output("explain before",
                  SMIMECTL("rules", "explain", "--from", "alice@example.com", "--to", BOB),
                  "would be asked: ldaps://");
    json_t *none = expect_json("none yet", SMIMECTL("pubkey", "list", "--json"));
    ck_assert_uint_eq(json_array_size(none), 0);
    json_decref(none);
    struct run run = SMIMECTL_READS(in_dir("mail"), "process", "--outgoing", "--from",
                                    "alice@example.com", "--to", BOB);
    ck_assert_msg(run.code == 0, "%s%s", run.out, run.err);
    ck_assert_msg(strstr(run.err, "directories: " BOB ": found in ldaps://") != NULL, "%s",
                  run.err);
    write_file(in_dir("out.eml"), run.out, run.out_length);
    run_clear(&run);
    write_pki("bob", &bob);
    expect_run("openssl cms",
               OPENSSL("cms", "-decrypt", "-in", in_dir("out.eml"), "-recip", in_dir("bob.pem"),
                       "-inkey", in_dir("bob.key"), "-out", in_dir("inner")),
               0, NULL);
    char *inner = read_file(in_dir("inner"), NULL);
    ck_assert_ptr_nonnull(strstr(inner, "verabredet"));
    free(inner);
    expect_output("explain after",
                  SMIMECTL("rules", "explain", "--from", "alice@example.com", "--to", BOB),
                  "found in ldaps://");
    json_t *explained =
        expect_json("explain --json", SMIMECTL("rules", "explain", "--from", "alice@example.com",
                                               "--to", BOB, "--json"));
    const json_t *encryption =
        json_object_get(json_object_get(explained, "outgoing"), "encryption");
    ck_assert_str_eq(text_at(encryption, "source"), "directory");
    json_decref(explained);
    pki_clear(&alice);
}
END_TEST

/* ---- smimea ---- */

static void make_alice(struct pki *alice)
{
    *alice =
        pki_make(&(struct pki_spec){.addresses = {"alice@example.com", "a.lias@example.com"}}, &ca);
    write_pki("alice", alice);
    expect_run("add",
               SMIMECTL("mailbox", "add", "alice@example.com", "--alias", "a.lias@example.com"), 0,
               NULL);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--cert", in_dir("alice.pem"),
                        "--key", in_dir("alice.key")),
               0, NULL);
}

/* The first `length` hexadecimal digits of what `sha256sum` says of the text. */
static void digest_of(const char *text, char out[57])
{
    write_text(in_dir("local"), text);
    struct run run = RUN(in_dir("local"), "sha256sum");
    ck_assert_int_eq(run.code, 0);
    snprintf(out, 57, "%.56s", run.out);
    run_clear(&run);
}

/* What BIND makes of a zone with these lines. */
static char *compiled(const char *records)
{
    char *zone = NULL;
    ck_assert_int_gt(asprintf(&zone,
                              "$TTL 300\n@ IN SOA ns root 1 3600 600 86400 60\n@ IN NS ns\n"
                              "ns IN A 127.0.0.1\n%s",
                              records),
                     0);
    write_text(in_dir("zone"), zone);
    free(zone);
    expect_run("named-compilezone",
               RUN(NULL, "env", SLAPD_PATH, "named-compilezone", "-q", "-o", in_dir("zone.out"),
                   "example.com", in_dir("zone")),
               0, NULL);
    return read_file(in_dir("zone.out"), NULL);
}

START_TEST(prints_records_that_bind_reads)
{
    struct pki alice;
    char digest[57];
    unsigned char *der = NULL;
    make_alice(&alice);
    struct run run = SMIMECTL("pubkey", "smimea", "--mailbox", "Alice@Example.com");
    ck_assert_msg(run.code == 0, "%s", run.err);
    digest_of("alice", digest);
    ck_assert_msg(strncmp(run.out, digest, 56) == 0 &&
                      strncmp(run.out + 56, "._smimecert.example.com. IN SMIMEA 3 0 0 ", 41) == 0,
                  "%s", run.out);
    int length = i2d_X509(alice.certificate, &der);
    ck_assert_uint_eq(strlen(run.out), 56 + 41 + (size_t)length * 2 + 1);
    for (int i = 0; i < length; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", der[i]);
        ck_assert_int_eq(strncmp(run.out + 97 + 2 * i, hex, 2), 0);
    }
    char *plain = compiled(run.out);
    run_clear(&run);
    run = SMIMECTL("pubkey", "smimea", "--mailbox", "alice@example.com", "--generic");
    ck_assert_ptr_nonnull(strstr(run.out, " IN TYPE53 \\# "));
    char *generic = compiled(run.out);
    ck_assert_str_eq(plain, generic);
    ck_assert_ptr_nonnull(strstr(plain, "SMIMEA"));
    free(plain);
    free(generic);
    run_clear(&run);
    OPENSSL_free(der);
    pki_clear(&alice);
}
END_TEST

START_TEST(prints_all_and_json)
{
    struct pki alice;
    char digest[57];
    make_alice(&alice);
    digest_of("a.lias", digest);
    struct run run = SMIMECTL("pubkey", "smimea", "--mailbox", "alice@example.com", "--all");
    ck_assert_ptr_nonnull(strstr(run.out, digest));
    ck_assert_ptr_eq(strchr(strchr(run.out, '\n') + 1, '\n') + 1, run.out + strlen(run.out));
    run_clear(&run);
    json_t *list = expect_json(
        "alias", SMIMECTL("pubkey", "smimea", "--mailbox", "a.lias@example.com", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_int_eq(strncmp(text_at(json_array_get(list, 0), "owner"), digest, 56), 0);
    json_decref(list);
    expect_run("nobody", SMIMECTL("pubkey", "smimea", "--mailbox", "dora@example.com"), 1,
               "there is no mailbox");
    expect_run("without a certificate", SMIMECTL("mailbox", "add", "dora@example.com"), 0, NULL);
    expect_run("without a certificate",
               SMIMECTL("pubkey", "smimea", "--mailbox", "dora@example.com"), 1,
               "has no certificate that others could encrypt to");
    expect_run("without --mailbox", SMIMECTL("pubkey", "smimea"), 2, "--mailbox ADDRESS is needed");
    pki_clear(&alice);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl pubkey lookup and smimea");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, shows_what_is_taken_and_why_not);
    tcase_add_test(all, text_for_people);
    tcase_add_test(all, trouble_has_a_code_of_its_own);
    tcase_add_test(all, process_and_explain_agree);
    tcase_add_test(all, prints_records_that_bind_reads);
    tcase_add_test(all, prints_all_and_json);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
