/* The keeper of a running smimed, by what it logs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_run.h"
#include "test_pki.h"
#include "test_run.h"
#include "test_site.h"

static struct site site;
static struct daemon_run run;

static void make_site(void)
{
    char text[300];

    site_make(&site, "");
    snprintf(text, sizeof text,
             "sockets = ( { address = \"unix:%s/inbound\"; role = \"inbound\"; } );\n", site.dir);
    site_configure(&site, text);
}

static void check(enum store_status status, char **why)
{
    ck_assert_msg(status == STORE_OK, "%s", why_text(why));
}

/* A mailbox whose certificate was made when `now` was right and runs out at `not_after`. */
static void add_mailbox(struct store *store, const struct pki *ca, const char *address,
                        time_t not_after)
{
    const time_t before = time(NULL) - 10 * PKI_DAY;
    const struct pki_spec spec = {
        .addresses = {address}, .not_before = before - PKI_DAY, .not_after = not_after};
    struct pki leaf = pki_make(&spec, ca);
    char *why = NULL;

    check(store_mailbox_add(store, address, NULL, 0, &why), &why);
    check(store_mailbox_activate(store, address, leaf.key, leaf.certificate, NULL, before, &why),
          &why);
    pki_clear(&leaf);
}

static void add_certificates(void)
{
    const struct store_options options = {
        .path = site.store, .secret_path = site.secret, .timeout_ms = 5000};
    const time_t now = time(NULL);
    const struct pki_spec soon = {.common_name = "Old Root",
                                  .ca = true,
                                  .not_before = now - PKI_YEAR,
                                  .not_after = now + 3 * PKI_DAY + 3600};
    struct pki ca = pki_ca("Test Root");
    struct pki old_ca = pki_make(&soon, NULL);
    struct store *store = NULL;
    char *why = NULL;

    check(store_open(&options, &store, &why), &why);
    add_mailbox(store, &ca, "soon@example.com", now + 12 * PKI_DAY + 3600);
    add_mailbox(store, &ca, "late@example.com", now - PKI_DAY);
    add_mailbox(store, &ca, "fine@example.com", now + PKI_YEAR);
    check(store_anchor_import(store, ca.certificate, now, NULL, &why), &why);
    check(store_anchor_import(store, old_ca.certificate, now, NULL, &why), &why);
    store_close(&store);
    pki_clear(&ca);
    pki_clear(&old_ca);
}

START_TEST(warns_of_what_expires)
{
    make_site();
    add_certificates();
    daemon_start(&run, &site);
    daemon_wait_log(&run, "keeper: the trust anchor CN = Old Root expires in 3 days", 1);
    ck_assert_uint_eq(
        daemon_log_count(&run, "keeper: the certificate of soon@example.com expires in 12 days"),
        1);
    ck_assert_uint_eq(
        daemon_log_count(&run, "keeper: the certificate of late@example.com has expired"), 1);
    ck_assert_uint_eq(daemon_log_count(&run, "fine@example.com"), 0);
    ck_assert_uint_eq(daemon_log_count(&run, "Test Root"), 0);
    daemon_stop(&run);
    site_remove(&site);
}
END_TEST

START_TEST(reload_makes_everything_due)
{
    make_site();
    add_certificates();
    daemon_start(&run, &site);
    daemon_wait_log(&run, "late@example.com has expired", 1);
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "keeper: reloaded configuration", 1);
    daemon_wait_log(&run, "late@example.com has expired", 2);
    daemon_stop(&run);
    site_remove(&site);
}
END_TEST

/* A database that is lost for a while is an error of the moment. */
START_TEST(goes_on_after_an_error)
{
    char away[120];

    make_site();
    add_certificates();
    daemon_start(&run, &site);
    daemon_wait_log(&run, "late@example.com has expired", 1);
    snprintf(away, sizeof away, "%s.away", site.store);
    ck_assert_int_eq(rename(site.store, away), 0);
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "keeper: not reloaded: the former configuration stays", 1);
    ck_assert_int_eq(rename(away, site.store), 0);
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "keeper: reloaded configuration", 1);
    daemon_wait_log(&run, "late@example.com has expired", 2);
    daemon_stop(&run);
    site_remove(&site);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper");
    TCase *cases = tcase_create("running");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, warns_of_what_expires);
    tcase_add_test(cases, reload_makes_everything_due);
    tcase_add_test(cases, goes_on_after_an_error);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
