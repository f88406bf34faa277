/* smimectl pubkey pin, pending, approve, reject, and expiring and audit, as an administrator runs
 * them. */
#include "smimectl_run.h"

#include "store.h"
#include "why.h"

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

static struct pki make(const char *name, const char *address, time_t not_before, time_t not_after)
{
    struct pki made = pki_make(&(struct pki_spec){.addresses = {address},
                                                  .not_before = not_before,
                                                  .not_after = not_after},
                               &root);
    write_pki(name, &made);
    return made;
}

static void import(const char *file)
{
    expect_run("import", SMIMECTL("pubkey", "import", in_dir(file)), 0, NULL);
}

static struct store *store_of_smimectl(void)
{
    struct store_options options = {.path = in_dir("lib/store.db"),
                                    .secret_path = in_dir("etc/master.secret"),
                                    .timeout_ms = 5000};
    struct store *store = NULL;
    char *why = NULL;
    ck_assert_msg(store_open(&options, &store, &why) == STORE_OK, "%s", why_text(&why));
    return store;
}

/* As the daemon does it when harvest = "approve". */
static void hold(const struct pki *pair, const char *address)
{
    struct store *store = store_of_smimectl();
    char *why = NULL;
    ck_assert_msg(store_harvest_held(store, address, pair->certificate, NULL, now, NULL, &why) ==
                      STORE_OK,
                  "%s", why_text(&why));
    store_close(&store);
}

static size_t rows(struct run run)
{
    json_t *list = expect_json("list", run);
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

static void ck_exported(const char *address, const char *file)
{
    struct run run = SMIMECTL("pubkey", "export", address);
    char *wanted = read_file(in_dir(file), NULL);
    ck_assert_str_eq(run.out, wanted);
    free(wanted);
    run_clear(&run);
}

START_TEST(test_pin)
{
    struct pki old = make("old", "bob@partner.test", now - 9 * PKI_DAY, now + 9 * PKI_DAY);
    struct pki new = make("new", "bob@partner.test", now - PKI_DAY, now + 90 * PKI_DAY);
    import("old.pem");
    expect_run("pin", SMIMECTL("pubkey", "pin", "1"), 0, NULL);
    import("new.pem");
    ck_exported("bob@partner.test", "old.pem");
    json_t *one = expect_json("show", SMIMECTL("pubkey", "show", "Bob@partner.test", "--json"));
    ck_assert_int_eq(json_integer_value(json_object_get(one, "id")), 1);
    ck_assert(json_is_true(json_object_get(one, "pinned")));
    ck_assert_str_eq(text_at(one, "subject"), "CN=bob@partner.test");
    ck_assert_str_eq(text_at(one, "source"), "imported");
    json_decref(one);
    expect_output("show", SMIMECTL("pubkey", "show", "1"), "pinned: yes\n");
    expect_run("second", SMIMECTL("pubkey", "pin", "2"), 1, "is pinned for bob@partner.test");
    expect_run("delete", SMIMECTL("pubkey", "delete", "1"), 1, "unpin it first");
    expect_run("two", SMIMECTL("pubkey", "unpin", "1", "77"), 3, "no public key 77");
    ck_exported("bob@partner.test", "new.pem");
    expect_run("unknown", SMIMECTL("pubkey", "show", "77"), 1, "no public key with the id");
    expect_run("unknown", SMIMECTL("pubkey", "show", "eve@partner.test"), 1, "no public key for");
    pki_clear(&old);
    pki_clear(&new);
}
END_TEST

/* What the last signed mail of Edda declared: DER by hand (RFC 8551 section 2.5.2, RFC 5753
 * section 6). */
#define AES_256_CBC "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a"
#define ECDH_SHA384                                                                                \
    "\x30\x15\x06\x06\x2b\x81\x04\x01\x0b\x02\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x19"
#define UNKNOWN "\x30\x05\x06\x03\x2a\x03\x04"

START_TEST(test_declared)
{
    static const char der[] = "\x30\x2b" AES_256_CBC UNKNOWN ECDH_SHA384;
    struct capabilities capabilities = {.der = (unsigned char *)(uintptr_t)der,
                                        .length = sizeof der - 1};
    struct pki edda = make("edda", "edda@ec.test", 0, 0);
    struct pki bob = make("bob", "bob@partner.test", 0, 0);
    struct store *store = store_of_smimectl();
    char *why = NULL;
    ck_assert_msg(store_harvest(store, "edda@ec.test", edda.certificate, &capabilities, now, NULL,
                                &why) == STORE_OK,
                  "%s", why_text(&why));
    store_close(&store);
    expect_output("show", SMIMECTL("pubkey", "show", "edda@ec.test"),
                  "declared: aes-256-cbc, ecdh sha384 aes-192-wrap\n");
    json_t *one = expect_json("show", SMIMECTL("pubkey", "show", "1", "--json"));
    json_t *declared = json_object_get(one, "declared");
    ck_assert_uint_eq(json_array_size(declared), 2);
    ck_assert_str_eq(json_string_value(json_array_get(declared, 1)), "ecdh sha384 aes-192-wrap");
    json_decref(one);
    import("bob.pem");
    one = expect_json("nothing", SMIMECTL("pubkey", "show", "bob@partner.test", "--json"));
    ck_assert(json_is_array(json_object_get(one, "declared")));
    ck_assert_uint_eq(json_array_size(json_object_get(one, "declared")), 0);
    json_decref(one);
    pki_clear(&edda);
    pki_clear(&bob);
}
END_TEST

START_TEST(test_pending)
{
    struct pki bob = make("bob", "bob@partner.test", 0, 0);
    struct pki eve = make("eve", "eve@partner.test", 0, 0);
    hold(&bob, "bob@partner.test");
    hold(&eve, "eve@partner.test");
    expect_output("pending", SMIMECTL("pubkey", "pending"), "eve@partner.test  pending  ");
    ck_assert_uint_eq(rows(SMIMECTL("pubkey", "pending", "--json")), 2);
    ck_assert_uint_eq(rows(SMIMECTL("pubkey", "list", "--json")), 0);
    expect_run("export", SMIMECTL("pubkey", "export", "bob@partner.test"), 1, "no public key for");
    expect_run("approve", SMIMECTL("pubkey", "approve", "1", "9"), 3, "pubkey pending");
    ck_exported("bob@partner.test", "bob.pem");
    expect_run("reject", SMIMECTL("pubkey", "reject", "2"), 0, NULL);
    ck_assert_uint_eq(rows(SMIMECTL("pubkey", "pending", "--json")), 0);
    expect_output("rejected", SMIMECTL("pubkey", "pending", "--rejected"),
                  "eve@partner.test  rejected  ");
    hold(&eve, "eve@partner.test");
    ck_assert_uint_eq(rows(SMIMECTL("pubkey", "pending", "--json")), 0);
    expect_run("changed mind", SMIMECTL("pubkey", "approve", "2"), 0, NULL);
    ck_exported("eve@partner.test", "eve.pem");
    pki_clear(&bob);
    pki_clear(&eve);
}
END_TEST

/* ---- expiring ---- */

static void activate_alice(time_t not_after)
{
    struct pki alice = make("alice", "alice@example.com", now - 9 * PKI_DAY, not_after);
    struct run added = SMIMECTL("mailbox", "add", "alice@example.com");
    run_clear(&added);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
    pki_clear(&alice);
}

START_TEST(test_expiring)
{
    struct pki bob = make("bob", "bob@partner.test", now - PKI_DAY, now + 20 * PKI_DAY);
    struct pki eve = make("eve", "eve@partner.test", now - PKI_DAY, now + 20 * PKI_DAY);
    struct pki ca = pki_make(&(struct pki_spec){.common_name = "Short CA",
                                                .ca = true,
                                                .not_before = now - PKI_DAY,
                                                .not_after = now + 50 * PKI_DAY},
                             NULL);
    struct run none = SMIMECTL("expiring");
    ck_assert_int_eq(none.code, 0);
    ck_assert_str_eq(none.out, "");
    run_clear(&none);
    write_pki("short", &ca);
    import("bob.pem");
    import("eve.pem"); /* not pinned: not ours to watch */
    expect_run("pin", SMIMECTL("pubkey", "pin", "1"), 0, NULL);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("short.pem"), in_dir("ca.pem")), 0,
               NULL);
    activate_alice(now + 10 * PKI_DAY);
    static const struct {
        const char *days;
        int code;
        size_t count;
    } cases[] = {{"0", 0, 0}, {"9", 0, 0}, {"11", 4, 1}, {"30", 4, 2}, {"60", 4, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run = SMIMECTL("expiring", "--json", "--days", cases[i].days);
        ck_assert_msg(run.code == cases[i].code, "%s: %d", cases[i].days, run.code);
        json_t *list = parse_json("expiring", run.out);
        ck_assert_uint_eq(json_array_size(list), cases[i].count);
        if (cases[i].count == 3) {
            ck_assert_str_eq(text_at(json_array_get(list, 0), "name"), "alice@example.com");
            ck_assert_str_eq(text_at(json_array_get(list, 1), "name"), "CN=Short CA");
            ck_assert_str_eq(text_at(json_array_get(list, 2), "name"), "bob@partner.test");
            ck_assert_str_eq(text_at(json_array_get(list, 2), "state"), "expiring");
        }
        json_decref(list);
        run_clear(&run);
    }
    expect_run("default", SMIMECTL("expiring"), 4, NULL);
    expect_run("no number", SMIMECTL("expiring", "--days", "soon"), 2, "must be a number");
    expect_run("too many", SMIMECTL("expiring", "--days", "36501"), 2, "must be a number");
    pki_clear(&bob);
    pki_clear(&eve);
    pki_clear(&ca);
}
END_TEST

START_TEST(test_expired)
{
    activate_alice(now + 1);
    sleep(2);
    struct run run = SMIMECTL("expiring", "--days", "0");
    ck_assert_int_eq(run.code, 5);
    ck_assert_ptr_nonnull(strstr(run.out, "alice@example.com"));
    ck_assert_ptr_nonnull(strstr(run.out, "expired"));
    run_clear(&run);
}
END_TEST

/* ---- audit ---- */

START_TEST(test_audit)
{
    struct pki bob = make("bob", "bob@partner.test", 0, 0);
    setenv("SUDO_USER", "carol", 1);
    import("bob.pem");
    unsetenv("SUDO_USER");
    expect_run("delete", SMIMECTL("pubkey", "delete", "1"), 0, NULL);
    json_t *list = expect_json("audit", SMIMECTL("audit", "--json"));
    ck_assert_uint_eq(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    char uid[24], command[RUN_PATH_BYTES * 2 + 32];
    snprintf(uid, sizeof uid, "%lld", (long long)getuid());
    snprintf(command, sizeof command, "pubkey import %s", in_dir("bob.pem"));
    ck_assert_str_eq(text_at(first, "action"), "public key imported");
    ck_assert_str_eq(text_at(first, "object"), "bob@partner.test");
    ck_assert_str_eq(text_at(first, "sudo_user"), "carol");
    ck_assert_str_eq(text_at(first, "uid"), uid);
    ck_assert_str_eq(text_at(first, "command"), command);
    ck_assert_str_eq(text_at(second, "action"), "public key deleted");
    ck_assert_str_eq(text_at(second, "sudo_user"), "(null)");
    ck_assert_str_eq(text_at(second, "command"), "pubkey delete 1");
    json_decref(list);
    ck_assert_uint_eq(rows(SMIMECTL("audit", "--json", "--since", "2020-01-01")), 2);
    ck_assert_uint_eq(rows(SMIMECTL("audit", "--json", "--since", "2200-01-01")), 0);
    expect_output("audit", SMIMECTL("audit"), "public key deleted");
    expect_run("no time", SMIMECTL("audit", "--since", "yesterday"), 2, "is no time");
    pki_clear(&bob);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl pubkey, expiring, audit");
    TCase *tests = tcase_create("pubkey");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, test_pin);
    tcase_add_test(tests, test_declared);
    tcase_add_test(tests, test_pending);
    tcase_add_test(tests, test_expiring);
    tcase_add_test(tests, test_expired);
    tcase_add_test(tests, test_audit);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
