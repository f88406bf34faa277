/* OpenSSL's legacy provider is a file that smimed loads in the middle of its life, long after it
 * became another user, changed its directory and closed what it had open: RC2 is read all the same,
 * and where the file is missing, what is said does not tell. */
#include <check.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_run.h"
#include "milter_client.h"
#include "test_openssl_cli.h"
#include "test_run.h"

static struct site site;
static struct daemon_run run;
static char path[128]; /* of the socket */

/* Alice has a key, and smimed, started by root, becomes nobody. */
static void make_site(struct pki *alice)
{
    struct pki ca = pki_ca("CA");
    struct gateway *gateway;
    char text[1024];
    char *why = NULL;

    site_make(&site, "");
    snprintf(path, sizeof path, "%s/inbound", site.dir);
    snprintf(text, sizeof text,
             "sockets = ( { address = \"unix:%s\"; role = \"inbound\"; } );\n"
             "pid_file = \"%s/pid\";\nlog = \"stderr\";\nweak_algorithms = [ \"rc2\" ];\n",
             path, site.dir);
    site_configure(&site, text);
    gateway = site_gateway(&site);
    *alice = pki_leaf_rsa(&ca, "alice@example.com");
    ck_assert_msg(store_mailbox_add(gateway->store, "alice@example.com", NULL, 0, &why) == STORE_OK,
                  "%s", why_text(&why));
    ck_assert_msg(store_mailbox_activate(gateway->store, "alice@example.com", alice->key,
                                         alice->certificate, NULL, PKI_NOW, &why) == STORE_OK,
                  "%s", why_text(&why));
    gateway_release(&gateway);
    pki_clear(&ca);
    if (geteuid() == 0 && getpwnam("nobody") != NULL) {
        char command[500];

        snprintf(command, sizeof command,
                 "sed -i 's/user = \"\"/user = \"nobody\"/' %s && chown -R nobody %s && chmod 0755 "
                 "%s",
                 site.config, site.dir, site.dir);
        ck_assert_int_eq(system(command), 0);
    }
}

/* From the openssl command: a message to alice in RC2. */
static char *encrypted(const struct pki *alice)
{
    char *text;

    pki_write_certificate(cli_path("alice"), alice->certificate);
    cli_write("plain", "Content-Type: text/plain\r\n\r\nThe text\r\n", 38);
    ck_assert_int_eq(cli_run("{ printf 'From: bob@partner.test\nTo: alice@example.com\n'; openssl "
                             "cms -encrypt -provider legacy -provider default -rc2-40 -in plain "
                             "alice; } | tr -d '\\r' >message"),
                     0);
    text = cli_read("message", NULL);
    return text;
}

static void send_to_alice(const char *text, struct milter_client *mc)
{
    const struct milter_mail mail = {.from = "<bob@partner.test>",
                                     .to = {"<alice@example.com>"},
                                     .text = text,
                                     .length = strlen(text)};
    char address[160];

    snprintf(address, sizeof address, "unix:%s", path);
    ck_assert_msg(milter_connect(mc, address) == 0, "%s", mc->error);
    ck_assert_int_eq(milter_open_session(mc, "192.0.2.1"), MILTER_CONTINUE);
    ck_assert_int_eq(milter_send(mc, &mail), MILTER_ACCEPT);
}

static void assert_field(const struct milter_client *mc, const char *name, const char *wanted)
{
    const char *value = milter_field(mc, name, 0);

    ck_assert_msg(value != NULL && strstr(value, wanted) != NULL, "%s: %s", name,
                  value != NULL ? value : "is not there");
}

static void stop_background(void)
{
    char command[200];

    snprintf(
        command, sizeof command,
        "pid=$(cat %s/pid) && kill $pid && while kill -0 $pid 2>/dev/null; do sleep 0.05; done",
        site.dir);
    ck_assert_int_eq(system(command), 0);
}

static const struct {
    bool background;
    const char *modules; /* where to look for the file; NULL: where it is */
} cases[] = {{false, NULL}, {true, NULL}, {false, "/nonexistent"}};

START_TEST(loaded_when_needed)
{
    const char *const background[] = {"-c", site.config, NULL};
    struct milter_client mc;
    struct pki alice;
    char *text;

    cli_begin();
    make_site(&alice);
    text = encrypted(&alice);
    if (cases[_i].modules != NULL)
        ck_assert_int_eq(setenv("OPENSSL_MODULES", cases[_i].modules, 1), 0);
    if (cases[_i].background)
        ck_assert_int_eq(daemon_run_once(&run, &site, background), 0);
    else
        daemon_start(&run, &site);
    send_to_alice(text, &mc);
    assert_field(&mc, "X-Smimed-Weak", "RC2");
    if (cases[_i].modules == NULL) {
        assert_field(&mc, "X-Smimed-Encryption", "decrypted");
        ck_assert_ptr_nonnull(strstr(mc.message, "The text"));
    } else {
        assert_field(&mc, "X-Smimed-Encryption", "not-decrypted");
        assert_field(&mc, "X-Smimed-Encryption-Reason", "the message could not be decrypted");
        daemon_wait_log(&run, "legacy provider", 1);
        ck_assert_ptr_null(strstr(mc.message, "legacy provider"));
    }
    milter_close(&mc);
    if (cases[_i].background)
        stop_background();
    else
        daemon_stop(&run);
    free(text);
    pki_clear(&alice);
    site_remove(&site);
    cli_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("legacy_module");
    TCase *tests = tcase_create("legacy_module");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, loaded_when_needed, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
