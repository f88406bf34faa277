/* Looking up certificates in a real LDAP directory: what is taken and what is not, the cache, and
 * directories that fail. Certificates come from test_pki.h, the answers from slapd. */
#include <pthread.h>

#include "fake_server.h"
#include "ldap_people.h"

#include "deadline.h"
#include "directory.h"
#include "why.h"

#define HOUR 3600

static struct slapd slapd;
static bool slapd_runs;
static struct store *store;
static struct settings settings;
static struct pki ca, intermediate, bob, old_carol, carol, dan, eve, gina, self, barred, hans;

static void add_people(struct people *people)
{
    people_add(people, "bob", "bob@partner.test");
    people_certificate(people, bob.certificate);
    people_add(people, "carol", "carol@partner.test");
    people_certificate(people, old_carol.certificate);
    people_certificate(people, carol.certificate);
    people_add(people, "dan", "dan@partner.test");
    people_bundle(people, intermediate.certificate, dan.certificate);
    people_add(people, "eve", "eve@partner.test");
    people_certificate(people, bob.certificate);
    people_add(people, "frank", "frank@partner.test");
    people_add(people, "gina", "gina@partner.test");
    people_value(people, "userSMIMECertificate", (const unsigned char *)"rubbish", 7);
    people_add(people, "self", "self@partner.test");
    people_certificate(people, self.certificate);
    people_add(people, "hans", "hans@partner.test");
    people_bundle(people, barred.certificate, hans.certificate);
    people_add(people, "twin 1", "twin@partner.test");
    people_certificate(people, bob.certificate);
    people_add(people, "twin 2", "twin@partner.test");
}

static void make_people(void)
{
    struct people people;
    people_begin(&people);
    ca = pki_ca("Partner CA");
    intermediate = pki_intermediate(&ca, "Partner intermediate CA");
    bob = pki_leaf(&ca, "bob@partner.test");
    carol = pki_leaf(&ca, "carol@partner.test");
    old_carol = pki_make(
        &(struct pki_spec){.addresses = {"carol@partner.test"}, .not_after = PKI_NOW - PKI_DAY},
        &ca);
    dan = pki_leaf(&intermediate, "dan@partner.test");
    eve = pki_leaf(&ca, "eve@partner.test");
    self = pki_leaf(NULL, "self@partner.test");
    barred =
        pki_make(&(struct pki_spec){.common_name = "CA of others",
                                    .ca = true,
                                    .name_constraints = "critical,excluded;email:partner.test"},
                 &ca);
    hans = pki_leaf(&barred, "hans@partner.test."); /* for OpenSSL another domain */
    add_people(&people);
    people_start(&people, &slapd);
    slapd_runs = true;
}

static void make_settings(void)
{
    struct directory_setting *directory = calloc(1, sizeof *directory);
    char *why = NULL;
    ck_assert_int_eq(settings_init(&settings, &why), 0);
    *directory = (struct directory_setting){.url = strdup(slapd.tls_uri),
                                            .base = strdup(PEOPLE_BASE),
                                            .filter = strdup("(mail=%s)"),
                                            .ca_file = strdup(in_dir("directory-ca.pem")),
                                            .anchored = true};
    directory->attributes.items = calloc(2, sizeof(char *));
    directory->attributes.items[0] = strdup("userCertificate;binary");
    directory->attributes.items[1] = strdup("userSMIMECertificate;binary");
    directory->attributes.count = 2;
    settings.directories = directory;
    settings.directory_count = 1;
    settings.directory_timeout_ms = 2000;
}

static void setup(void)
{
    char *why = NULL;
    make_directory();
    make_people();
    make_settings();
    ck_assert_int_eq(mkdir(in_dir("lib"), 0700), 0);
    struct store_options options = {
        .path = in_dir("lib/store.db"), .secret_path = in_dir("lib/secret"), .timeout_ms = 1000};
    ck_assert_msg(store_create(&options, &why) == STORE_OK &&
                      store_open(&options, &store, &why) == STORE_OK &&
                      store_anchor_import(store, ca.certificate, PKI_NOW, NULL, &why) == STORE_OK,
                  "%s", why_text(&why));
}

static void stop_slapd(void)
{
    if (slapd_runs)
        slapd_stop(&slapd);
    slapd_runs = false;
}

static void teardown(void)
{
    struct pki *const all[] = {&ca,  &intermediate, &bob,  &old_carol, &carol, &dan,
                               &eve, &gina,         &self, &barred,    &hans};
    stop_slapd();
    store_close(&store);
    settings_clear(&settings);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pki_clear(all[i]);
    remove_directory();
}

static enum directory_status look_up(const char *address, time_t now,
                                     struct directory_report *report)
{
    char *why = NULL;
    const struct directory_request request = {.settings = &settings,
                                              .store = store,
                                              .address = address,
                                              .now = now,
                                              .timeout_ms = settings.directory_timeout_ms};
    enum directory_status status = directory_lookup(&request, report, &why);
    ck_assert_msg(status != DIRECTORY_ERROR, "%s: %s", address, why_text(&why));
    return status;
}

/* A look-up has this status, and its sentence says this. */
static void expect(const char *address, time_t now, enum directory_status wanted, bool remembered,
                   const char *says)
{
    struct directory_report report = {0};
    enum directory_status status = look_up(address, now, &report);
    char *sentence = directory_sentence(address, &report);
    ck_assert_msg(status == wanted && report.remembered == remembered, "%s: status %d: %s", address,
                  (int)status, sentence ? sentence : "-");
    ck_assert_msg(!says || strstr(sentence ? sentence : "", says), "%s: \"%s\" lacks \"%s\"",
                  address, sentence ? sentence : "-", says);
    free(sentence);
    directory_report_clear(&report);
}

/* The certificate that mail to the address is encrypted with; NULL: none. */
static void expect_certificate(const char *address, time_t now, const X509 *wanted)
{
    X509 *found = NULL;
    char *why = NULL;
    ck_assert_int_eq(store_encryption_certificate(store, address, now, &found, NULL, &why),
                     wanted ? STORE_OK : STORE_NONE);
    ck_assert_msg(wanted ? X509_cmp(found, wanted) == 0 : found == NULL, "%s", address);
    X509_free(found);
    why_free(&why);
}

static const struct person_case {
    const char *address;
    bool anchored;
    enum directory_status status;
    const struct pki *certificate;
    const char *says;
} people_cases[] = {
    {"bob@partner.test", true, DIRECTORY_FOUND, &bob, "found in ldaps://127.0.0.1:"},
    {"carol@partner.test", true, DIRECTORY_FOUND, &carol, "found in"},
    {"dan@partner.test", true, DIRECTORY_FOUND, &dan, "found in"},
    {"dan@partner.test", false, DIRECTORY_FOUND, &dan, "found in"},
    {"eve@partner.test", true, DIRECTORY_NOTHING, NULL, "does not name eve@partner.test"},
    {"frank@partner.test", true, DIRECTORY_NOTHING, NULL, "its entry has no certificate"},
    {"gina@partner.test", true, DIRECTORY_NOTHING, NULL, "gina@partner.test: nothing: "},
    {"self@partner.test", true, DIRECTORY_NOTHING, NULL, "nothing: "},
    {"self@partner.test", false, DIRECTORY_FOUND, &self, "found in"},
    {"hans@partner.test", true, DIRECTORY_NOTHING, NULL, "name constraints"},
    {"nobody@partner.test", true, DIRECTORY_NOTHING, NULL, "no entry matches"},
    {"*@partner.test", true, DIRECTORY_NOTHING, NULL, "no entry matches"},
    {"\"x)(mail=bob@partner.test\"@partner.test", true, DIRECTORY_NOTHING, NULL,
     "no entry matches"},
};

START_TEST(each_person)
{
    const struct person_case *c = &people_cases[_i];
    settings.directories[0].anchored = c->anchored;
    expect(c->address, PKI_NOW, c->status, false, c->says);
    expect_certificate(c->address, PKI_NOW, c->certificate ? c->certificate->certificate : NULL);
    expect(c->address, PKI_NOW, c->status, true, "as remembered");
}
END_TEST

START_TEST(report_tells_of_each_certificate)
{
    struct directory_report report = {0};
    size_t taken = 0, refused = 0;
    ck_assert_int_eq(look_up("carol@partner.test", PKI_NOW, &report), DIRECTORY_FOUND);
    ck_assert_uint_eq(report.count, 1);
    ck_assert_str_eq(report.answers[0].source, slapd.tls_uri);
    for (size_t i = 0; i < report.answers[0].count; i++) {
        const struct finding *finding = &report.answers[0].findings[i];
        if (finding->taken && X509_cmp(finding->certificate, carol.certificate) == 0)
            taken++;
        if (!finding->taken && strstr(finding->reason, "expired"))
            refused++;
    }
    ck_assert_uint_eq(taken, 1);
    ck_assert_uint_eq(refused, 1);
    directory_report_clear(&report);
}
END_TEST

START_TEST(answers_are_remembered)
{
    expect("bob@partner.test", PKI_NOW, DIRECTORY_FOUND, false, NULL);
    expect("nobody@partner.test", PKI_NOW, DIRECTORY_NOTHING, false, NULL);
    stop_slapd();
    expect("bob@partner.test", PKI_NOW + settings.directory_cache_s, DIRECTORY_FOUND, true, NULL);
    expect("nobody@partner.test", PKI_NOW + settings.directory_negative_cache_s, DIRECTORY_NOTHING,
           true, NULL);
    /* After that the directory is asked, and cannot be: what it had is used as before. */
    time_t later = PKI_NOW + settings.directory_cache_s + 1;
    expect("bob@partner.test", later, DIRECTORY_UNAVAILABLE, false,
           "cannot be asked: no connection");
    expect_certificate("bob@partner.test", later, bob.certificate);
    expect("nobody@partner.test", later, DIRECTORY_UNAVAILABLE, false, "no connection");
    expect("nobody@partner.test", later + settings.directory_failure_cache_s, DIRECTORY_UNAVAILABLE,
           true, "as remembered");
    expect("nobody@partner.test", later + settings.directory_failure_cache_s + 1,
           DIRECTORY_UNAVAILABLE, false, NULL);
}
END_TEST

static void ldap_modify(const char *change)
{
    write_text(in_dir("change.ldif"), change);
    expect_run("ldapmodify",
               RUN(NULL, "env", SLAPD_PATH, "slapmodify", "-f", in_dir("slapd.conf"), "-l",
                   in_dir("change.ldif")),
               0, NULL);
}

START_TEST(vanishes_from_the_store_with_the_directory)
{
    expect("bob@partner.test", PKI_NOW, DIRECTORY_FOUND, false, NULL);
    ldap_modify("dn: cn=bob," PEOPLE_BASE "\nchangetype: modify\ndelete: userCertificate;binary\n");
    expect("bob@partner.test", PKI_NOW + HOUR, DIRECTORY_FOUND, true, NULL);
    time_t later = PKI_NOW + settings.directory_cache_s + 1;
    expect("bob@partner.test", later, DIRECTORY_NOTHING, false, NULL);
    expect_certificate("bob@partner.test", later, NULL);
}
END_TEST

START_TEST(nobody_is_asked_in_vain)
{
    char *why = NULL;
    expect("bob@partner.test", PKI_NOW, DIRECTORY_FOUND, false, NULL);
    /* Imported since. */
    ck_assert_int_eq(store_pubkey_import(store, bob.certificate, PKI_NOW, NULL, &why), STORE_OK);
    expect("bob@partner.test", PKI_NOW + 30 * PKI_DAY, DIRECTORY_NEEDLESS, false, NULL);
    /* Not this directory's domain. */
    ck_assert_int_eq(pattern_list_add(&settings.directories[0].domains, "other.test", &why), 0);
    ck_assert(!directory_applies(&settings, "carol@partner.test"));
    ck_assert(directory_applies(&settings, "carol@other.test"));
    expect("carol@partner.test", PKI_NOW, DIRECTORY_NEEDLESS, false, NULL);
    settings.directory_count = 0;
    expect("carol@other.test", PKI_NOW, DIRECTORY_NEEDLESS, false, NULL);
    settings.directory_count = 1;
}
END_TEST

START_TEST(limits_hold)
{
    /* Two entries where one is allowed: whose certificate is it? */
    settings.max_directory_entries = 1;
    expect("twin@partner.test", PKI_NOW, DIRECTORY_UNAVAILABLE, false, "max_directory_entries");
    expect_certificate("twin@partner.test", PKI_NOW, NULL);
    settings.max_directory_certificates = 1;
    expect("carol@partner.test", PKI_NOW, DIRECTORY_NOTHING, false, "");
    settings.max_directory_certificate_bytes = 100;
    expect("bob@partner.test", PKI_NOW, DIRECTORY_NOTHING, false,
           "max_directory_certificate_bytes");
}
END_TEST

/* Another directory, before or behind slapd. */
static void add_directory(const char *url, bool before)
{
    struct directory_setting *both = calloc(2, sizeof *both);
    struct directory_setting *other = &both[before ? 0 : 1];
    both[before ? 1 : 0] = settings.directories[0];
    *other = (struct directory_setting){.url = strdup(url),
                                        .base = strdup(""),
                                        .filter = strdup("(mail=%s)"),
                                        .starttls = STARTTLS_OFF};
    other->attributes.items = calloc(1, sizeof(char *));
    other->attributes.items[0] = strdup("userCertificate;binary");
    other->attributes.count = 1;
    free(settings.directories);
    settings.directories = both;
    settings.directory_count = 2;
}

START_TEST(several_in_order)
{
    char url[64];
    snprintf(url, sizeof url, "ldap://127.0.0.1:%d", slapd_free_port());
    add_directory(url, true);
    /* A dead one does not hide what another has, but that nobody has it is not known. */
    expect("bob@partner.test", PKI_NOW, DIRECTORY_FOUND, false, slapd.tls_uri);
    expect("nobody@partner.test", PKI_NOW, DIRECTORY_UNAVAILABLE, false, url);
    char *names = directory_names(&settings, "bob@partner.test");
    char wanted[160];
    snprintf(wanted, sizeof wanted, "%s, %s", url, slapd.tls_uri);
    ck_assert_str_eq(names, wanted);
    free(names);
}
END_TEST

START_TEST(first_is_enough)
{
    struct directory_report report = {0};
    add_directory("ldap://127.0.0.1:1", false);
    ck_assert_int_eq(look_up("bob@partner.test", PKI_NOW, &report), DIRECTORY_FOUND);
    ck_assert_uint_eq(report.count, 1);
    directory_report_clear(&report);
}
END_TEST

START_TEST(silence_ends_in_time)
{
    struct fake_server server = fake_server_start(NULL, 0, 0);
    struct deadline patience = deadline_in_ms(10000);
    char url[64];
    snprintf(url, sizeof url, "ldap://127.0.0.1:%d", server.port);
    settings.directory_timeout_ms = 500;
    add_directory(url, true);
    expect("bob@partner.test", PKI_NOW, DIRECTORY_UNAVAILABLE, false, "not answered in time");
    ck_assert_int_lt(10000 - deadline_left_ms(&patience), 1200);
    fake_server_stop(&server);
}
END_TEST

/* The daemon has a thread for each connection, all with one store. */
static void *look_up_in_thread(void *argument)
{
    static const struct {
        const char *address;
        enum directory_status status;
    } wanted[] = {{"bob@partner.test", DIRECTORY_FOUND},
                  {"dan@partner.test", DIRECTORY_FOUND},
                  {"eve@partner.test", DIRECTORY_NOTHING},
                  {"nobody@partner.test", DIRECTORY_NOTHING}};
    size_t wrong = 0;
    for (time_t round = 0; round < 8; round++) {
        struct directory_report report = {0};
        /* Each round after what the former one had has run out. */
        time_t now = PKI_NOW + round * 2 * settings.directory_cache_s;
        size_t i = ((size_t)round + *(const size_t *)argument) % 4;
        wrong += look_up(wanted[i].address, now, &report) != wanted[i].status;
        directory_report_clear(&report);
    }
    return wrong == 0 ? argument : NULL;
}

START_TEST(threads_at_once)
{
    static size_t numbers[] = {0, 1, 2, 3, 4, 5};
    pthread_t threads[6];
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look_up_in_thread, &numbers[i]), 0);
    for (size_t i = 0; i < 6; i++) {
        void *result = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_nonnull(result);
    }
}
END_TEST

/* SearchResultEntry that promises 16 MB; entries without end; no LDAP at all. */
static const unsigned char huge[] = {0x30, 0x84, 0x01, 0x00, 0x00, 0x00, 0x02, 0x01, 0x01};
static const unsigned char rubbish[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

START_TEST(hostile_bytes_are_refused)
{
    const struct {
        const unsigned char *bytes;
        size_t length;
    } answers[] = {{huge, sizeof huge}, {rubbish, sizeof rubbish - 1}};
    struct fake_server server = fake_server_start(answers[_i].bytes, answers[_i].length, 0);
    char url[64];
    snprintf(url, sizeof url, "ldap://127.0.0.1:%d", server.port);
    add_directory(url, true);
    settings.directory_count = 1;
    settings.directory_timeout_ms = 1000;
    expect("bob@partner.test", PKI_NOW, DIRECTORY_UNAVAILABLE, false, "the search failed");
    settings.directory_count = 2;
    fake_server_stop(&server);
}
END_TEST

static const struct password_case {
    const char *password; /* NULL: no such file */
    mode_t mode;
    enum directory_status status;
    const char *says;
} passwords[] = {
    {"s3cret\n", 0600, DIRECTORY_FOUND, "found"},
    {"wrong\n", 0600, DIRECTORY_UNAVAILABLE, "Invalid credentials"},
    {"\n", 0600, DIRECTORY_UNAVAILABLE, "is empty"},
    {"s3cret\n", 0644, DIRECTORY_UNAVAILABLE, "chmod o=,g-w"},
    {NULL, 0, DIRECTORY_UNAVAILABLE, "cannot be opened"},
};

START_TEST(each_password)
{
    const struct password_case *c = &passwords[_i];
    struct directory_setting *directory = &settings.directories[0];
    directory->bind_dn = strdup("cn=smimed," PEOPLE_BASE);
    directory->password_file = strdup(in_dir("ldap.password"));
    if (c->password) {
        write_text(in_dir("ldap.password"), c->password);
        ck_assert_int_eq(chmod(in_dir("ldap.password"), c->mode), 0);
    }
    expect("bob@partner.test", PKI_NOW, c->status, false, c->says);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("directories");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_loop_test(all, each_person, 0, sizeof people_cases / sizeof *people_cases);
    tcase_add_test(all, report_tells_of_each_certificate);
    tcase_add_test(all, answers_are_remembered);
    tcase_add_test(all, vanishes_from_the_store_with_the_directory);
    tcase_add_test(all, nobody_is_asked_in_vain);
    tcase_add_test(all, limits_hold);
    tcase_add_test(all, several_in_order);
    tcase_add_test(all, first_is_enough);
    tcase_add_test(all, silence_ends_in_time);
    tcase_add_test(all, threads_at_once);
    tcase_add_loop_test(all, hostile_bytes_are_refused, 0, 2);
    tcase_add_loop_test(all, each_password, 0, sizeof passwords / sizeof *passwords);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
