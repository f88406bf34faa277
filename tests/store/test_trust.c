/* Trust anchors: own ones, Mozilla's, and what the chain builder is given. */
#include "store_fixture.h"

#include <malloc.h>

#include <openssl/x509_vfy.h>

#define MODULE "libnssckbi.so"
#define MODULE_MAIL_ROOTS 108 /* of Debian 12; counted with p11tool */

static struct fixture fixture;

static void set_up(void)
{
    fixture_open(&fixture);
}

static void tear_down(void)
{
    fixture_close(&fixture);
}

static int verify(const struct trust *trust, X509 *certificate)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(
        X509_STORE_CTX_init(context, trust->anchors, certificate, trust->intermediates), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), PKI_NOW);
    X509_verify_cert(context);
    int error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    return error;
}

static int verify_now(X509 *certificate)
{
    struct trust trust;
    ck_ok(&fixture, store_trust(fixture.store, &trust, &fixture.why));
    int error = verify(&trust, certificate);
    store_trust_clear(&trust);
    ck_assert_ptr_null(trust.anchors);
    return error;
}

START_TEST(own_anchor_comes_and_goes)
{
    struct pki ca = pki_ca("Own CA");
    struct pki leaf = pki_leaf(&ca, "alice@example.com");
    int64_t id = 0;
    int64_t again = 0;
    ck_assert_int_eq(verify_now(leaf.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    int64_t before = fixture_generation(&fixture);
    ck_ok(&fixture, store_anchor_import(fixture.store, ca.certificate, PKI_NOW, &id, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_assert_int_eq(verify_now(leaf.certificate), X509_V_OK);

    /* Once more is no change. */
    ck_ok(&fixture,
          store_anchor_import(fixture.store, ca.certificate, PKI_NOW + 5, &again, &fixture.why));
    ck_assert_int_eq(again, id);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);

    struct anchor_list list;
    ck_ok(&fixture, store_anchor_list(fixture.store, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].id, id);
    ck_assert_int_eq(list.items[0].origin, ANCHOR_OWN);
    ck_assert_int_eq(list.items[0].added, PKI_NOW);
    ck_assert_uint_eq(strlen(list.items[0].fingerprint), 64);
    ck_assert_int_eq(X509_cmp(list.items[0].certificate, ca.certificate), 0);
    anchor_list_clear(&list);

    ck_ok(&fixture, store_anchor_delete(fixture.store, id, &fixture.why));
    ck_assert_int_eq(verify_now(leaf.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 0);
    ck_status(&fixture, store_anchor_delete(fixture.store, id, &fixture.why), STORE_REFUSED,
              "there is no own trust anchor");
    pki_clear(&leaf);
    pki_clear(&ca);
}
END_TEST

START_TEST(anchors_of_one_name_both_count)
{
    struct pki old_ca = pki_ca("Renewed CA");
    struct pki new_ca = pki_ca("Renewed CA");
    struct pki old_leaf = pki_leaf(&old_ca, "alice@example.com");
    struct pki new_leaf = pki_leaf(&new_ca, "bob@example.com");
    ck_ok(&fixture,
          store_anchor_import(fixture.store, old_ca.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture,
          store_anchor_import(fixture.store, new_ca.certificate, PKI_NOW, NULL, &fixture.why));
    struct trust trust;
    ck_ok(&fixture, store_trust(fixture.store, &trust, &fixture.why));
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(trust.anchors);
    ck_assert_int_eq(sk_X509_num(all), 2);
    sk_X509_pop_free(all, X509_free);
    ck_assert_int_eq(verify(&trust, old_leaf.certificate), X509_V_OK);
    ck_assert_int_eq(verify(&trust, new_leaf.certificate), X509_V_OK);
    store_trust_clear(&trust);
    pki_clear(&old_leaf);
    pki_clear(&new_leaf);
    pki_clear(&old_ca);
    pki_clear(&new_ca);
}
END_TEST

START_TEST(subordinate_ca_can_be_an_anchor)
{
    struct pki root = pki_ca("Root");
    struct pki middle = pki_intermediate(&root, "Middle");
    struct pki leaf = pki_leaf(&middle, "alice@example.com");
    ck_ok(&fixture,
          store_anchor_import(fixture.store, middle.certificate, PKI_NOW, NULL, &fixture.why));
    ck_assert_int_eq(verify_now(leaf.certificate), X509_V_OK);
    pki_clear(&leaf);
    pki_clear(&middle);
    pki_clear(&root);
}
END_TEST

static const struct {
    const char *name;
    struct pki_spec spec;
    const char *reason;
} refusals[] = {
    {"leaf", {.addresses = {"a@example.com"}}, "does not belong to a CA"},
    {"expired",
     {.common_name = "CA", .ca = true, .not_after = PKI_NOW - 1},
     "expired: not after 2025-12-31 23:59:59 UTC"},
    {"not yet valid",
     {.common_name = "CA", .ca = true, .not_before = PKI_NOW + 1},
     "not yet valid: not before 2026-01-01 00:00:01 UTC"},
};

START_TEST(refuses_what_is_no_anchor)
{
    struct pki pair = pki_make(&refusals[_i].spec, NULL);
    ck_status(&fixture,
              store_anchor_import(fixture.store, pair.certificate, PKI_NOW, NULL, &fixture.why),
              STORE_REFUSED, refusals[_i].reason);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM anchor"), 0);
    pki_clear(&pair);
}
END_TEST

START_TEST(trust_is_shared_until_it_changes)
{
    struct pki ca = pki_ca("Own CA");
    struct trust first;
    struct trust second;
    struct trust third;
    ck_ok(&fixture, store_trust(fixture.store, &first, &fixture.why));
    ck_ok(&fixture, store_trust(fixture.store, &second, &fixture.why));
    ck_assert_ptr_eq(first.anchors, second.anchors);
    ck_ok(&fixture,
          store_anchor_import(fixture.store, ca.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture, store_trust(fixture.store, &third, &fixture.why));
    ck_assert_ptr_ne(first.anchors, third.anchors);
    /* What was handed out is as it was. */
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(first.anchors);
    ck_assert_int_eq(sk_X509_num(all), 0);
    sk_X509_pop_free(all, X509_free);
    store_trust_clear(&first);
    store_trust_clear(&second);
    store_trust_clear(&third);
    pki_clear(&ca);
}
END_TEST

START_TEST(remembers_intermediates)
{
    struct pki root = pki_ca("Root");
    struct pki middle = pki_intermediate(&root, "Middle");
    struct pki leaf = pki_leaf(&middle, "alice@example.com");
    ck_ok(&fixture,
          store_anchor_import(fixture.store, root.certificate, PKI_NOW, NULL, &fixture.why));
    ck_assert_int_eq(verify_now(leaf.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);

    /* Leaf and root come along and are not kept. */
    X509 *all[] = {leaf.certificate, middle.certificate, root.certificate};
    STACK_OF(X509) *chain = pki_chain(all, 3);
    int64_t before = fixture_generation(&fixture);
    ck_ok(&fixture, store_remember_intermediates(fixture.store, chain, PKI_NOW, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM intermediate"), 1);
    ck_assert_int_eq(verify_now(leaf.certificate), X509_V_OK);

    /* Seen again: no change, and a note only after a day. */
    ck_ok(&fixture, store_remember_intermediates(fixture.store, chain, PKI_NOW + 9, &fixture.why));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT last_seen FROM intermediate"), PKI_NOW);
    ck_ok(&fixture,
          store_remember_intermediates(fixture.store, chain, PKI_NOW + 2 * PKI_DAY, &fixture.why));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT last_seen FROM intermediate"),
                     PKI_NOW + 2 * PKI_DAY);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);

    /* An intermediate is help, not trust. */
    struct anchor_list anchors;
    ck_ok(&fixture, store_anchor_list(fixture.store, &anchors, &fixture.why));
    ck_ok(&fixture, store_anchor_delete(fixture.store, anchors.items[0].id, &fixture.why));
    anchor_list_clear(&anchors);
    ck_assert_int_ne(verify_now(leaf.certificate), X509_V_OK);
    sk_X509_pop_free(chain, X509_free);
    pki_clear(&leaf);
    pki_clear(&middle);
    pki_clear(&root);
}
END_TEST

START_TEST(intermediates_are_bounded)
{
    struct pki root = pki_ca("Root");
    char name[32];
    for (int i = 0; i < 520; i++) {
        snprintf(name, sizeof name, "Middle %d", i);
        struct pki middle = pki_intermediate(&root, name);
        STACK_OF(X509) *chain = pki_chain(&middle.certificate, 1);
        ck_ok(&fixture,
              store_remember_intermediates(fixture.store, chain, PKI_NOW + i, &fixture.why));
        sk_X509_pop_free(chain, X509_free);
        pki_clear(&middle);
    }
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM intermediate"), 512);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 512);
    /* The oldest went. */
    ck_assert_int_eq(fixture_query(&fixture, "SELECT min(last_seen) FROM intermediate"),
                     PKI_NOW + 8);
    pki_clear(&root);
}
END_TEST

/* ---- Mozilla's roots ---- */

static size_t count_system(struct store *store)
{
    struct anchor_list list;
    size_t count = 0;
    ck_ok(&fixture, store_anchor_list(store, &list, &fixture.why));
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].origin == ANCHOR_SYSTEM) {
            ck_assert_int_eq(list.items[i].id, 0);
            ck_assert_int_eq(list.items[i].added, 0);
            count++;
        }
    }
    anchor_list_clear(&list);
    return count;
}

START_TEST(reads_mozilla_roots)
{
    static const char *const modules[] = {MODULE, "/usr/lib/x86_64-linux-gnu/" MODULE};
    fixture.options.mozilla_roots = modules[_i];
    if (strchr(modules[_i], '/') && access(modules[_i], R_OK) != 0) {
        printf("skipped: no %s here\n", modules[_i]);
        return;
    }
    store_close(&fixture.store);
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    size_t count = count_system(fixture.store);
    ck_assert_msg(count >= 50, "only %zu mail roots", count);
    if (count != MODULE_MAIL_ROOTS) {
        printf("note: %zu mail roots, Debian 12 has %d\n", count, MODULE_MAIL_ROOTS);
    }

    struct trust trust;
    ck_ok(&fixture, store_trust(fixture.store, &trust, &fixture.why));
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(trust.anchors);
    ck_assert_int_eq(sk_X509_num(all), (int)count);
    sk_X509_pop_free(all, X509_free);

    ck_ok(&fixture, store_reload_anchors(fixture.store, &fixture.why));
    ck_assert_uint_eq(count_system(fixture.store), count);
    struct trust reloaded;
    ck_ok(&fixture, store_trust(fixture.store, &reloaded, &fixture.why));
    ck_assert_ptr_ne(trust.anchors, reloaded.anchors);
    store_trust_clear(&trust);
    store_trust_clear(&reloaded);
}
END_TEST

/* NSS believes some roots only for what they issued until a day. */
START_TEST(knows_roots_that_were_given_up)
{
    static const char root[] = "TrustCor RootCert CA-1";
    store_close(&fixture.store);
    fixture.options.mozilla_roots = MODULE;
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    struct trust trust;
    ck_ok(&fixture, store_trust(fixture.store, &trust, &fixture.why));
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(trust.anchors);
    int given_up = 0;
    for (int i = 0; i < sk_X509_num(all); i++) {
        X509 *anchor = sk_X509_value(all, i);
        int length = 0;
        const unsigned char *alias = X509_alias_get0(anchor, &length);
        char name[100] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(anchor), NID_commonName, name, sizeof name);
        if (strcmp(name, root) == 0) {
            /* Since the end of 2022. */
            static const char until[] = TRUST_UNTIL_ALIAS "221130000000Z";
            ck_assert_int_eq(length, (int)sizeof until - 1);
            ck_assert_mem_eq(alias, until, sizeof until - 1);
        }
        given_up += alias != NULL;
    }
    printf("note: %d of %d mail roots were given up\n", given_up, sk_X509_num(all));
    ck_assert_int_lt(given_up, sk_X509_num(all) / 2);
    sk_X509_pop_free(all, X509_free);
    store_trust_clear(&trust);
}
END_TEST

/* SIGHUP as often as one likes. */
START_TEST(reloading_takes_no_memory)
{
    size_t used = 0;
    store_close(&fixture.store);
    fixture.options.mozilla_roots = MODULE;
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    for (int i = 0; i < 40; i++) {
        struct trust trust;
        ck_ok(&fixture, store_reload_anchors(fixture.store, &fixture.why));
        ck_ok(&fixture, store_trust(fixture.store, &trust, &fixture.why));
        store_trust_clear(&trust);
        if (i == 9) {
            used = mallinfo2().uordblks;
        }
    }
    size_t now_used = mallinfo2().uordblks;
    ck_assert_msg(now_used < used + 64 * 1024, "%zu bytes, then %zu", used, now_used);
}
END_TEST

/* ---- A module that an update of the system replaces ---- */

static char *module_bytes(size_t *length_out)
{
    struct system_anchors about;
    struct store *store = NULL;
    struct store_options options = fixture.options;
    options.mozilla_roots = MODULE;
    ck_ok(&fixture, store_open(&options, &store, &fixture.why));
    ck_ok(&fixture, store_system_anchors(store, &about, &fixture.why));
    ck_assert_uint_eq(about.count, count_system(store));
    ck_assert_int_gt(about.modified, 0);
    FILE *file = fopen(about.path, "re");
    ck_assert_msg(file != NULL, "%s", about.path);
    free(about.path);
    store_close(&store);
    struct stat status;
    ck_assert_int_eq(fstat(fileno(file), &status), 0);
    *length_out = (size_t)status.st_size;
    char *bytes = malloc(*length_out);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, *length_out, file), *length_out);
    fclose(file);
    return bytes;
}

/* As package managers do: a new file takes the name. */
static void replace_module(const char *path, const char *bytes, size_t length)
{
    char new[128];
    snprintf(new, sizeof new, "%s.new", path);
    FILE *file = fopen(new, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(rename(new, path), 0);
}

/* SHA-256 of the first root, as the store lists it. */
static char *first_root(void)
{
    struct anchor_list list;
    ck_ok(&fixture, store_anchor_list(fixture.store, &list, &fixture.why));
    char *fingerprint = strdup(list.items[0].fingerprint);
    anchor_list_clear(&list);
    return fingerprint;
}

/* Another certificate in the place of the first root: its signature, which nobody verifies, has one
 * bit more or less. */
static void alter(char *bytes, size_t length)
{
    struct anchor_list list;
    unsigned char *der = NULL;
    ck_ok(&fixture, store_anchor_list(fixture.store, &list, &fixture.why));
    int der_length = i2d_X509(list.items[0].certificate, &der);
    ck_assert_int_gt(der_length, 0);
    char *at = memmem(bytes, length, der, (size_t)der_length);
    ck_assert_ptr_nonnull(at);
    at[der_length - 1] ^= 1;
    OPENSSL_free(der);
    anchor_list_clear(&list);
}

static void expect_root(const char *fingerprint, bool same)
{
    char *now = first_root();
    ck_assert_int_eq(strcmp(now, fingerprint) == 0, same);
    free(now);
}

static void expect_notice(const char *part)
{
    char *notice = store_take_notice(fixture.store);
    ck_assert_msg(part ? notice && strstr(notice, part) : !notice, "%s: %s", part ? part : "none",
                  notice ? notice : "none");
    free(notice);
}

START_TEST(follows_a_replaced_module)
{
    char path[128];
    size_t length = 0;
    char *bytes = module_bytes(&length);
    struct trust before, after;
    struct system_anchors about;
    snprintf(path, sizeof path, "%s/roots.so", fixture.directory);
    replace_module(path, bytes, length);
    fixture.options.mozilla_roots = path;
    store_close(&fixture.store);
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    char *original = first_root();
    ck_ok(&fixture, store_trust(fixture.store, &before, &fixture.why));
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    expect_notice(NULL);

    alter(bytes, length);
    replace_module(path, bytes, length);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    expect_notice("read anew");
    expect_notice(NULL);
    expect_root(original, false);
    ck_ok(&fixture, store_trust(fixture.store, &after, &fixture.why));
    ck_assert_ptr_ne(before.anchors, after.anchors);
    store_trust_clear(&before);
    store_trust_clear(&after);

    /* What cannot be read changes nothing, and is tried once. */
    char *altered = first_root();
    replace_module(path, "no library", 10);
    for (int i = 0; i < 3; i++) {
        ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
        expect_root(altered, true);
        expect_notice(i == 0 ? "former ones stay" : NULL);
    }
    ck_assert_int_eq(unlink(path), 0);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    expect_root(altered, true);
    expect_notice(NULL);

    alter(bytes, length); /* back to the original */
    replace_module(path, bytes, length);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    expect_root(original, true);
    expect_notice("read anew");
    ck_ok(&fixture, store_system_anchors(fixture.store, &about, &fixture.why));
    ck_assert_str_eq(about.path, path);
    ck_assert_uint_eq(about.count, count_system(fixture.store));
    free(about.path);

    /* A handle that is opened later (SIGHUP) sees the file of now, too. */
    alter(bytes, length);
    replace_module(path, bytes, length);
    store_close(&fixture.store);
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    expect_root(original, false);
    free(original);
    free(altered);
    free(bytes);
}
END_TEST

START_TEST(unreadable_modules_are_errors)
{
    static const char *const modules[] = {"libno-such-module.so", "/nonexistent/module.so",
                                          "/etc/passwd", "libcrypto.so.3"};
    fixture.options.mozilla_roots = modules[_i];
    struct store *store = NULL;
    ck_status(&fixture, store_open(&fixture.options, &store, &fixture.why), STORE_ERROR,
              "(setting mozilla_roots)");
    ck_assert_ptr_null(store);
    ck_assert_ptr_nonnull(strstr(why_text(&fixture.why), modules[_i]));
}
END_TEST

START_TEST(empty_setting_means_none)
{
    store_close(&fixture.store);
    fixture.options.mozilla_roots = "";
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    ck_assert_uint_eq(count_system(fixture.store), 0);
    ck_ok(&fixture, store_reload_anchors(fixture.store, &fixture.why));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/trust");
    TCase *tests = tcase_create("trust");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, own_anchor_comes_and_goes);
    tcase_add_test(tests, anchors_of_one_name_both_count);
    tcase_add_test(tests, subordinate_ca_can_be_an_anchor);
    tcase_add_loop_test(tests, refuses_what_is_no_anchor, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tests, trust_is_shared_until_it_changes);
    tcase_add_test(tests, remembers_intermediates);
    tcase_add_test(tests, intermediates_are_bounded);
    tcase_add_loop_test(tests, reads_mozilla_roots, 0, 2);
    tcase_add_test(tests, knows_roots_that_were_given_up);
    tcase_add_test(tests, reloading_takes_no_memory);
    tcase_add_test(tests, follows_a_replaced_module);
    tcase_add_loop_test(tests, unreadable_modules_are_errors, 0, 4);
    tcase_add_test(tests, empty_setting_means_none);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
