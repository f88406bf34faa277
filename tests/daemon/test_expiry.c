/* Which certificates that run out are noted for the administrator, and when. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "enrolment.h"
#include "expiry.h"
#include "flow_world.h"
#include "notice.h"
#include "test_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct world world;

static void mailbox(const char *address, time_t not_after)
{
    const struct pki_spec spec = {.addresses = {address}, .not_after = not_after};
    struct pki leaf = pki_make(&spec, &world.ca);
    struct mailbox *found = NULL;
    char *why = NULL;
    enum store_status status = store_mailbox_find(world.gateway->store, address, &found, &why);

    if (status == STORE_NONE)
        status = store_mailbox_add(world.gateway->store, address, NULL, 0, &why);
    if (status == STORE_OK)
        status = store_mailbox_activate(world.gateway->store, address, leaf.key, leaf.certificate,
                                        NULL, PKI_NOW, &why);
    ck_assert_msg(status == STORE_OK, "%s", why_text(&why));
    mailbox_free(&found);
    pki_clear(&leaf);
}

/* The details of all notices: "30 14 expired". */
static void ck_details(const char *wanted)
{
    struct notice_list list = {0};
    char said[400] = "";

    ck_assert_int_eq(store_notice_list(world.gateway->store, &list, NULL), STORE_OK);
    for (size_t i = 0; i < list.count; i++)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", i > 0 ? " " : "",
                 list.items[i].detail);
    ck_assert_str_eq(said, wanted);
    notice_list_clear(&list);
}

/* Days before the end when we look, and what was noted then altogether. */
static const struct {
    const char *config;
    double looks[8]; /* ended by 99 */
    const char *wanted;
} thresholds[] = {
    {"", {40, 30.1, 99}, ""},          {"", {30, 99}, "30"},
    {"", {30, 30, 29, 15, 99}, "30"},  {"", {30, 14, 7, 1, 0.5, 0, -1, 99}, "30 14 7 1 expired"},
    {"", {5, 4, 3, 99}, "7"},          {"", {25, 5, -3, -40, 99}, "30 7 expired"},
    {"", {-400, -401, 99}, "expired"}, {"expiry_notice_days = [ 3, 60 ];", {59, 30, 2, 99}, "60 3"},
};

START_TEST(each_threshold_once)
{
    world = world_open(thresholds[_i].config);
    mailbox("alice@example.com", PKI_NOW + 500 * PKI_DAY);
    for (const double *look = thresholds[_i].looks; *look < 98; look++)
        expiry_note(world.gateway, PKI_NOW + 500 * PKI_DAY - (time_t)(*look * (double)PKI_DAY));
    ck_details(thresholds[_i].wanted);
    world_close(&world);
}
END_TEST

/* What was renewed is no matter any more; who does not sign, either. */
START_TEST(renewed_and_inactive_ones)
{
    char *why = NULL;

    world = world_open("");
    mailbox("alice@example.com", PKI_NOW + 5 * PKI_DAY);
    mailbox("alice@example.com", PKI_NOW + 500 * PKI_DAY);
    mailbox("bob@example.com", PKI_NOW + 5 * PKI_DAY);
    ck_assert_msg(store_mailbox_deactivate(world.gateway->store, "bob@example.com", &why) ==
                      STORE_OK,
                  "%s", why_text(&why));
    expiry_note(world.gateway, PKI_NOW);
    ck_details("");
    world_close(&world);
}
END_TEST

START_TEST(anchors_and_cas)
{
    const struct pki_spec spec = {
        .common_name = "Old Root", .ca = true, .not_after = PKI_NOW + 12 * PKI_DAY};
    struct pki old = pki_make(&spec, NULL);
    struct notice_list list = {0};
    char *why = NULL;

    world = world_open("");
    ck_assert_msg(store_anchor_import(world.gateway->store, old.certificate, PKI_NOW, NULL, &why) ==
                      STORE_OK,
                  "%s", why_text(&why));
    expiry_note(world.gateway, PKI_NOW);
    expiry_note(world.gateway, PKI_NOW + PKI_DAY);
    ck_assert_int_eq(store_notice_list(world.gateway->store, &list, NULL), STORE_OK);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].kind, NOTICE_ANCHOR_EXPIRES);
    ck_assert_str_eq(list.items[0].object, "CN = Old Root");
    notice_list_clear(&list);
    pki_clear(&old);
    world_close(&world);
}
END_TEST

/* The certificate by which a CA knows us, from a file; another one there is another matter. */
START_TEST(credentials)
{
    char path[4][100];
    char config[900];
    struct pki leaf;
    struct notice_list list = {0};

    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "/tmp/smimed-credential.%d.%d", (int)getpid(), i);
    snprintf(config, sizeof config,
             "cmp = ( { name = \"good\"; url = \"http://127.0.0.1:1/\"; certificate_file = "
             "\"%s\"; key_file = \"%s\"; server_certificate = \"%s\"; },\n"
             "{ name = \"gone\"; url = \"http://127.0.0.1:1/\"; certificate_file = "
             "\"%s\"; key_file = \"%s\"; server_certificate = \"%s\"; } );\n",
             path[0], path[1], path[2], path[3], path[3], path[3]);
    world = world_open(config);
    umask(077);
    for (int days = 20; days >= 10; days -= 10) {
        leaf =
            pki_make(&(struct pki_spec){.common_name = "RA", .not_after = PKI_NOW + days * PKI_DAY},
                     &world.ca);
        pki_write_certificate(path[0], leaf.certificate);
        pki_write_key(path[1], leaf.key);
        pki_write_certificate(path[2], world.ca.certificate);
        pki_clear(&leaf);
        expiry_note(world.gateway, PKI_NOW);
        expiry_note(world.gateway, PKI_NOW + PKI_DAY);
    }
    ck_details("30 14");
    ck_assert_int_eq(store_notice_list(world.gateway->store, &list, NULL), STORE_OK);
    ck_assert_int_eq(list.items[0].kind, NOTICE_CREDENTIAL_EXPIRES);
    ck_assert_str_eq(list.items[0].object, "good");
    notice_list_clear(&list);
    for (int i = 0; i < 3; i++)
        unlink(path[i]);
    world_close(&world);
}
END_TEST

#define CMP                                                                                        \
    "cmp = ( { name = \"ca\"; url = \"http://127.0.0.1:1/\"; reference = \"x\"; secret_file = "    \
    "\"/nonexistent\"; update_by = \"credential\"; renew_before_days = %d; } );\n"

/* What the keeper renews by itself is told of in the last week. */
START_TEST(what_renews_itself)
{
    const int renew_before_days = _i == 0 ? 30 : 0;
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    const struct pki_spec spec = {
        .addresses = {"alice@example.com"}, .use_key = key, .not_after = PKI_NOW + 20 * PKI_DAY};
    char config[400];
    struct pki leaf;
    struct store *store;
    char *why = NULL;

    snprintf(config, sizeof config, CMP, renew_before_days);
    world = world_open(config);
    store = world.gateway->store;
    leaf = pki_make(&spec, &world.ca);
    ck_assert_msg(store_mailbox_add(store, "alice@example.com", NULL, 0, &why) == STORE_OK &&
                      store_enrolment_begin(store, "alice@example.com", "ca", ENROLMENT_NEW, key,
                                            (const unsigned char *)"csr", 3, PKI_NOW + PKI_DAY,
                                            PKI_NOW, &why) == STORE_OK &&
                      store_enrolment_received(store, "alice@example.com", NULL, PKI_NOW, &why) ==
                          STORE_OK &&
                      store_mailbox_install(store, "alice@example.com", leaf.certificate, NULL,
                                            PKI_NOW, &why) == STORE_OK,
                  "%s", why_text(&why));
    expiry_note(world.gateway, PKI_NOW);
    ck_details(_i == 0 ? "ca" : "ca 30");
    expiry_note(world.gateway, PKI_NOW + 14 * PKI_DAY);
    ck_details(_i == 0 ? "ca 7" : "ca 30 7");
    pki_clear(&leaf);
    EVP_PKEY_free(key);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expiry");
    TCase *cases = tcase_create("notices");

    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, each_threshold_once, 0, COUNT(thresholds));
    tcase_add_test(cases, renewed_and_inactive_ones);
    tcase_add_test(cases, anchors_and_cas);
    tcase_add_test(cases, credentials);
    tcase_add_loop_test(cases, what_renews_itself, 0, 2);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
