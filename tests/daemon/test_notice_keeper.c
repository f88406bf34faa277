/* The notices of a running smimed: once, over restarts, kills and a mail server that is away. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_run.h"
#include "notice.h"
#include "notice_reader.h"
#include "smtp_server_run.h"
#include "test_pki.h"
#include "test_run.h"
#include "test_site.h"

static struct site site;
static struct daemon_run run;
static struct smtp_test_server server;

/* With an administrator, or without one. */
static void configure(bool told)
{
    char text[700];

    snprintf(text, sizeof text,
             "sockets = ( { address = \"unix:%s/inbound\"; role = \"inbound\"; } );\n"
             "mail_server = \"inet:%d@127.0.0.1\";\nwork_timeout_s = 1;\n"
             "administrator = \"%s\";\nnotice_interval_s = 1;\n",
             site.dir, server.port, told ? "postmaster@example.com" : "");
    site_configure(&site, text);
}

static void begin(const struct smtp_script *script)
{
    smtp_server_start(&server, script);
    site_make(&site, "");
    configure(true);
}

static void end(void)
{
    daemon_stop(&run);
    smtp_server_stop(&server);
    site_remove(&site);
}

static struct store *open_store(void)
{
    const struct store_options options = {
        .path = site.store, .secret_path = site.secret, .timeout_ms = 5000};
    struct store *store = NULL;
    char *why = NULL;

    ck_assert_msg(store_open(&options, &store, &why) == STORE_OK, "%s", why_text(&why));
    return store;
}

/* A mailbox whose certificate runs out after `days`. */
static void add_mailbox(const char *address, int days)
{
    const time_t now = time(NULL);
    const struct pki_spec spec = {.addresses = {address},
                                  .not_before = now - PKI_DAY,
                                  .not_after = now + days * PKI_DAY + 3600};
    struct store *store = open_store();
    struct pki ca = pki_ca("Test Root");
    struct pki leaf = pki_make(&spec, &ca);
    char *why = NULL;

    ck_assert_msg(store_mailbox_add(store, address, NULL, 0, &why) == STORE_OK &&
                      store_mailbox_activate(store, address, leaf.key, leaf.certificate, NULL, now,
                                             &why) == STORE_OK,
                  "%s", why_text(&why));
    pki_clear(&leaf);
    pki_clear(&ca);
    store_close(&store);
}

static void wait_for_contents(size_t wanted)
{
    for (int waited = 0; smtp_server_contents(&server) < wanted; waited += DAEMON_STEP_MS) {
        ck_assert_msg(waited < 3 * DAEMON_PATIENCE_MS, "%zu contents and no more",
                      smtp_server_contents(&server));
        daemon_step();
    }
    ck_assert_uint_eq(smtp_server_contents(&server), wanted);
}

/* As a power failure: all of it, at once. */
static void kill_all(void)
{
    pid_t children[DAEMON_MAX_CHILDREN];
    size_t count = daemon_children(&run, children);

    ck_assert_uint_gt(count, 0);
    ck_assert_int_eq(kill(run.pid, SIGKILL), 0);
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    ck_assert_int_eq(daemon_wait(&run), 128 + SIGKILL);
}

static char *mail_of(const char *name)
{
    char *seen = smtp_server_saw(&server, name, NULL);
    char *content = reader_content(seen);
    char *said;

    ck_assert_ptr_nonnull(content);
    said = reader_read(content);
    free(content);
    free(seen);
    return said;
}

START_TEST(once_over_restarts)
{
    static const char *const wanted[] = {"To-addresses: postmaster@example.com\n",
                                         "(2) (mx.example.com)\n",
                                         "mailbox soon@example.com\n",
                                         "expires in 12 days",
                                         "mailbox late@example.com\n",
                                         "expires in 3 days",
                                         "defects: 0",
                                         NULL};
    char *said;

    begin(&(struct smtp_script){0});
    add_mailbox("soon@example.com", 12);
    add_mailbox("late@example.com", 3);
    add_mailbox("fine@example.com", 300);
    daemon_start(&run, &site);
    wait_for_contents(1);
    daemon_wait_log(&run, "keeper: notice sent to the administrator: 2 in one", 1);
    said = mail_of("1");
    reader_expect(said, wanted);
    ck_assert_ptr_null(strstr(said, "fine@example.com"));
    free(said);
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "keeper: reloaded configuration", 1);
    daemon_stop(&run);
    daemon_start(&run, &site);
    kill_all();
    /* Something new shows that the old would have come by then. */
    add_mailbox("next@example.com", 20);
    daemon_start(&run, &site);
    wait_for_contents(2);
    said = mail_of("2");
    ck_assert_ptr_nonnull(strstr(said, "next@example.com"));
    ck_assert_ptr_null(strstr(said, "soon@example.com"));
    free(said);
    end();
}
END_TEST

/* It was taken, nobody could write that down, and all of us are gone: the same mail again, and once
 * that is known never more. */
START_TEST(killed_in_the_middle)
{
    static const struct smtp_answer answers[] = {{".", "", SMTP_HANGS, 1}, {0}};
    char *first, *second;

    begin(&(struct smtp_script){.answers = answers});
    add_mailbox("soon@example.com", 12);
    daemon_start(&run, &site);
    wait_for_contents(1);
    kill_all();
    daemon_start(&run, &site);
    wait_for_contents(2);
    daemon_wait_log(&run, "keeper: notice sent to the administrator: 1 in one", 1);
    first = mail_of("1");
    second = mail_of("2");
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
    daemon_stop(&run);
    add_mailbox("next@example.com", 20);
    daemon_start(&run, &site);
    wait_for_contents(3);
    end();
}
END_TEST

/* Nobody to send to: the log has it, once. */
START_TEST(logged_without_an_administrator)
{
    begin(&(struct smtp_script){0});
    configure(false);
    add_mailbox("soon@example.com", 12);
    daemon_start(&run, &site);
    daemon_wait_log(&run,
                    "keeper: notice for no administrator: The certificate of the mailbox "
                    "soon@example.com expires in 12 days",
                    1);
    daemon_stop(&run);
    daemon_start(&run, &site);
    daemon_wait_log(&run, "certificate of soon@example.com expires in 12 days", 2);
    ck_assert_uint_eq(daemon_log_count(&run, "notice for no administrator"), 1);
    ck_assert_uint_eq(smtp_server_contents(&server), 0);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notice keeper");
    TCase *cases = tcase_create("running");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, once_over_restarts);
    tcase_add_test(cases, killed_in_the_middle);
    tcase_add_test(cases, logged_without_an_administrator);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
