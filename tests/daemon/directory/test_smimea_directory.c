/* SMIMEA records in real zones, signed by BIND's tools and served by BIND: what DNSSEC proves is
 * used, nothing else. `dig` and `named-checkzone` read what we print. */
#include "fake_server.h"
#include "named_run.h"

#include "deadline.h"
#include "directory.h"
#include "dns_query.h"
#include "smimea.h"
#include "why.h"

static struct named named;
static bool named_runs;
static struct store *store;
static struct settings settings;
static struct pki ca, bob, big, old, anchored, eve, mallory;

/* A record of `local` in a zone: usage, selector, matching, content in hexadecimal digits. */
static void add_record(FILE *zone, const char *local, unsigned usage, unsigned selector,
                       unsigned matching, X509 *certificate)
{
    char *why = NULL;
    char *owner = smimea_owner(local, strlen(local), "x", &why);
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    ck_assert_ptr_nonnull(owner);
    ck_assert_int_gt(length, 0);
    owner[strlen(owner) - 2] = '\0'; /* relative to the zone */
    fprintf(zone, "%s IN SMIMEA %u %u %u ", owner, usage, selector, matching);
    for (int i = 0; i < (matching ? 32 : length); i++)
        fprintf(zone, "%02x", der[i]);
    fputc('\n', zone);
    OPENSSL_free(der);
    free(owner);
}

static FILE *begin_zone(char **text, size_t *length)
{
    FILE *zone = open_memstream(text, length);
    ck_assert_ptr_nonnull(zone);
    return zone;
}

static void end_zone(const char *name, FILE *zone, char **text)
{
    ck_assert_int_eq(fclose(zone), 0);
    named_zone(name, *text);
    free(*text);
    *text = NULL;
}

static void write_partner(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *zone = begin_zone(&text, &length);
    add_record(zone, "bob", SMIMEA_DANE_EE, 0, 0, bob.certificate);
    add_record(zone, "Capital", SMIMEA_DANE_EE, 0, 0, bob.certificate);
    add_record(zone, "several", SMIMEA_DANE_TA, 0, 0, ca.certificate);
    add_record(zone, "several", SMIMEA_DANE_EE, 0, 1, big.certificate);
    add_record(zone, "several", SMIMEA_DANE_EE, 0, 0, old.certificate);
    add_record(zone, "several", SMIMEA_DANE_EE, 0, 0, big.certificate);
    add_record(zone, "ta", SMIMEA_DANE_TA, 0, 0, ca.certificate);
    add_record(zone, "digest", SMIMEA_DANE_EE, 0, 1, bob.certificate);
    add_record(zone, "pkix", SMIMEA_PKIX_EE, 0, 0, anchored.certificate);
    add_record(zone, "self", SMIMEA_PKIX_EE, 0, 0, eve.certificate);
    add_record(zone, "wrong", SMIMEA_DANE_EE, 0, 0, bob.certificate);
    end_zone("partner.example", zone, &text);
}

static void write_bogus(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *zone = begin_zone(&text, &length);
    add_record(zone, "bob", SMIMEA_DANE_EE, 0, 0, mallory.certificate);
    end_zone("bogus.example", zone, &text);
    /* Usage 3 becomes usage 1 in the signed zone. */
    write_text(in_dir("bogus.from"), "SMIMEA\\(.*\\)3 0 0");
    write_text(in_dir("bogus.to"), "SMIMEA\\11 0 0");
}

static void write_plain(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *zone = begin_zone(&text, &length);
    add_record(zone, "bob", SMIMEA_DANE_EE, 0, 0, mallory.certificate);
    end_zone("plain.example", zone, &text);
}

static void make_certificates(void)
{
    ca = pki_ca("Partner CA");
    bob = pki_make(
        &(struct pki_spec){.addresses = {"bob@partner.example", "capital@partner.example"}}, NULL);
    /* Too large for UDP: the answer comes by TCP. */
    big = pki_make(
        &(struct pki_spec){.addresses = {"several@partner.example"}, .key = PKI_RSA_2048}, &ca);
    old = pki_make(&(struct pki_spec){.addresses = {"several@partner.example"},
                                      .not_after = PKI_NOW - PKI_DAY},
                   &ca);
    anchored = pki_leaf(&ca, "pkix@partner.example");
    eve = pki_leaf(NULL, "self@partner.example");
    mallory =
        pki_make(&(struct pki_spec){.addresses = {"bob@plain.example", "bob@bogus.example"}}, NULL);
}

static void setup(void)
{
    char *why = NULL;
    make_directory();
    make_certificates();
    write_partner();
    write_bogus();
    write_plain();
    named_start(&named);
    named_runs = true;
    ck_assert_int_eq(settings_init(&settings, &why), 0);
    settings.smimea = true;
    settings.directory_timeout_ms = 4000;
    settings.dns_resolvers.items = calloc(1, sizeof(char *));
    settings.dns_resolvers.items[0] = strdup(named.address);
    settings.dns_resolvers.count = 1;
    free(settings.dns_trust_anchor);
    settings.dns_trust_anchor = strdup(in_dir("anchor.key"));
    ck_assert_int_eq(mkdir(in_dir("lib"), 0700), 0);
    struct store_options options = {
        .path = in_dir("lib/store.db"), .secret_path = in_dir("lib/secret"), .timeout_ms = 1000};
    ck_assert_msg(store_create(&options, &why) == STORE_OK &&
                      store_open(&options, &store, &why) == STORE_OK &&
                      store_anchor_import(store, ca.certificate, PKI_NOW, NULL, &why) == STORE_OK,
                  "%s", why_text(&why));
}

static void stop_named(void)
{
    if (named_runs)
        named_stop(&named);
    named_runs = false;
}

static void teardown(void)
{
    struct pki *const all[] = {&ca, &bob, &big, &old, &anchored, &eve, &mallory};
    stop_named();
    store_close(&store);
    settings_clear(&settings);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pki_clear(all[i]);
    remove_directory();
}

static void expect(const char *address, const char *written, time_t now,
                   enum directory_status wanted, const char *says)
{
    struct directory_report report = {0};
    char *why = NULL;
    const struct directory_request request = {.settings = &settings,
                                              .store = store,
                                              .address = address,
                                              .written = written,
                                              .now = now,
                                              .timeout_ms = settings.directory_timeout_ms};
    enum directory_status status = directory_lookup(&request, &report, &why);
    char *sentence = directory_sentence(address, &report);
    ck_assert_msg(status == wanted, "%s: status %d: %s %s", address, (int)status,
                  sentence ? sentence : "-", why_text(&why));
    ck_assert_msg(!says || strstr(sentence ? sentence : "", says), "%s: \"%s\" lacks \"%s\"",
                  address, sentence ? sentence : "-", says);
    free(sentence);
    why_free(&why);
    directory_report_clear(&report);
}

static void expect_certificate(const char *address, const X509 *wanted)
{
    X509 *found = NULL;
    char *why = NULL;
    ck_assert_int_eq(store_encryption_certificate(store, address, PKI_NOW, &found, NULL, &why),
                     wanted ? STORE_OK : STORE_NONE);
    ck_assert_msg(wanted ? X509_cmp(found, wanted) == 0 : found == NULL, "%s", address);
    X509_free(found);
    why_free(&why);
}

static const struct address_case {
    const char *address;
    const char *written;
    enum directory_status status;
    const struct pki *certificate;
    const char *says;
} addresses[] = {
    {"bob@partner.example", NULL, DIRECTORY_FOUND, &bob, "found in SMIMEA"},
    {"bob@partner.example", "BOB@partner.example", DIRECTORY_FOUND, &bob, "found in SMIMEA"},
    {"bob@partner.example", "<\"bob\"@Partner.Example>", DIRECTORY_FOUND, &bob, NULL},
    {"capital@partner.example", "Capital@partner.example", DIRECTORY_FOUND, &bob, NULL},
    {"capital@partner.example", NULL, DIRECTORY_NOTHING, NULL, "there is no record"},
    {"several@partner.example", NULL, DIRECTORY_FOUND, &big, NULL},
    {"ta@partner.example", NULL, DIRECTORY_NOTHING, NULL, "names a CA"},
    {"digest@partner.example", NULL, DIRECTORY_NOTHING, NULL, "is a digest"},
    {"pkix@partner.example", NULL, DIRECTORY_FOUND, &anchored, NULL},
    {"self@partner.example", NULL, DIRECTORY_NOTHING, NULL, "nothing: "},
    {"wrong@partner.example", NULL, DIRECTORY_NOTHING, NULL, "does not name wrong@"},
    {"nobody@partner.example", NULL, DIRECTORY_NOTHING, NULL, "there is no record"},
    {"bob@plain.example", NULL, DIRECTORY_NOTHING, NULL, "not signed with DNSSEC"},
    {"bob@bogus.example", NULL, DIRECTORY_UNAVAILABLE, NULL, "is bogus"},
    {"bob@[127.0.0.1]", NULL, DIRECTORY_NOTHING, NULL, "is no domain"},
};

START_TEST(each_address)
{
    const struct address_case *c = &addresses[_i];
    expect(c->address, c->written, PKI_NOW, c->status, c->says);
    expect_certificate(c->address, c->certificate ? c->certificate->certificate : NULL);
}
END_TEST

/* The record is what dig says it is, whatever we make of it. */
START_TEST(dig_sees_the_tampered_record)
{
    char *why = NULL;
    char *owner = smimea_owner("bob", 3, "bogus.example", &why);
    char port[16];
    snprintf(port, sizeof port, "%d", named.port);
    expect_output("dig", RUN(NULL, "dig", "+short", "@127.0.0.1", "-p", port, owner, "SMIMEA"),
                  "1 0 0 ");
    free(owner);
}
END_TEST

START_TEST(remembered_when_the_server_is_gone)
{
    expect("bob@partner.example", NULL, PKI_NOW, DIRECTORY_FOUND, NULL);
    expect("nobody@partner.example", NULL, PKI_NOW, DIRECTORY_NOTHING, NULL);
    stop_named();
    settings.directory_timeout_ms = 1000;
    expect("bob@partner.example", NULL, PKI_NOW + 60, DIRECTORY_FOUND, "as remembered");
    expect("nobody@partner.example", NULL, PKI_NOW + 60, DIRECTORY_NOTHING, "as remembered");
    expect("bob@partner.example", NULL, PKI_NOW + settings.directory_cache_s + 1,
           DIRECTORY_UNAVAILABLE, "SMIMEA cannot be asked");
    expect_certificate("bob@partner.example", bob.certificate);
}
END_TEST

/* A name server that takes everything and answers nothing. */
START_TEST(silence_ends_in_time)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int hole = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct deadline patience = deadline_in_ms(10000);
    ck_assert(hole >= 0 && bind(hole, (struct sockaddr *)&address, size) == 0 &&
              getsockname(hole, (struct sockaddr *)&address, &size) == 0);
    free(settings.dns_resolvers.items[0]);
    ck_assert_int_gt(
        asprintf(&settings.dns_resolvers.items[0], "127.0.0.1@%d", ntohs(address.sin_port)), 0);
    settings.directory_timeout_ms = 700;
    expect("bob@partner.example", NULL, PKI_NOW, DIRECTORY_UNAVAILABLE, "in time");
    ck_assert_int_lt(10000 - deadline_left_ms(&patience), 1500);
    close(hole);
}
END_TEST

START_TEST(without_an_anchor_nothing_is_believed)
{
    free(settings.dns_trust_anchor);
    settings.dns_trust_anchor = strdup(in_dir("none.key"));
    expect("bob@partner.example", NULL, PKI_NOW, DIRECTORY_UNAVAILABLE, "dns_trust_anchor");
    /* Under another anchor everything is insecure. */
    free(settings.dns_trust_anchor);
    settings.dns_trust_anchor = strdup(in_dir("other.key"));
    expect_run("other anchor",
               RUN(NULL, "sh", "-c", "cd \"$1\" && sed s/^example./other./ anchor.key > other.key",
                   "sh", run_directory),
               0, NULL);
    expect("bob@partner.example", NULL, PKI_NOW + settings.directory_failure_cache_s + 1,
           DIRECTORY_NOTHING, "not signed");
    expect_certificate("bob@partner.example", NULL);
}
END_TEST

START_TEST(zone_lines_are_read_by_bind)
{
    char *why = NULL;
    char *owner = smimea_owner("bob", 3, "partner.example", &why);
    char *line = smimea_zone_line(owner, bob.certificate, false);
    char *generic = smimea_zone_line(owner, bob.certificate, true);
    char *text = NULL;
    ck_assert(owner && line && generic);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_gt(asprintf(&text, "%s\n", i == 0 ? line : generic), 0);
        named_zone("check", text);
        free(text);
        expect_run("named-checkzone",
                   RUN(NULL, "env", SLAPD_PATH, "named-compilezone", "-q", "-o",
                       in_dir(i == 0 ? "first" : "second"), "partner.example", in_dir("check")),
                   0, NULL);
    }
    /* Both forms are the same record to BIND, the one that it serves for bob. */
    char *first = read_file(in_dir("first"), NULL);
    char *second = read_file(in_dir("second"), NULL);
    ck_assert_str_eq(first, second);
    ck_assert_ptr_nonnull(strstr(first, "IN SMIMEA"));
    free(first);
    free(second);
    free(generic);
    free(line);
    free(owner);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("SMIMEA in the DNS");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_loop_test(all, each_address, 0, sizeof addresses / sizeof *addresses);
    tcase_add_test(all, dig_sees_the_tampered_record);
    tcase_add_test(all, remembered_when_the_server_is_gone);
    tcase_add_test(all, silence_ends_in_time);
    tcase_add_test(all, without_an_anchor_nothing_is_believed);
    tcase_add_test(all, zone_lines_are_read_by_bind);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
