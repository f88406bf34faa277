/* Revocation end to end: a running smimed, messages through its milter, CRLs from a server.
 * Messages are signed by `openssl cms`, CRLs made by `openssl ca`. */
#include "authority_run.h"
#include "daemon_run.h"
#include "http_run.h"
#include "milter_client.h"
#include "revocation.h"
#include "test_run.h"

static struct site site;
static struct daemon_run run;
static struct authority root;
static struct http_run server;
static struct pki bob;   /* a partner, whose CRL is on the server */
static struct pki alice; /* ours */
static char inbound[128], submission[128];

static void configure(const char *more)
{
    char text[2048];
    snprintf(text, sizeof text,
             "sockets = ( { address = \"%s\"; role = \"inbound\"; },\n"
             "  { address = \"%s\"; role = \"submission\"; mode = \"0600\"; } );\n"
             "revocation_networks = [ \"127.0.0.0/8\" ];\nrevocation_timeout_ms = 500;\n%s",
             inbound, submission, more);
    site_configure(&site, text);
}

/* `crl`: where on the server bob's CRL is. */
static void begin(const char *crl, const char *more)
{
    char url[128];
    struct gateway *gateway;
    time_t now = time(NULL);
    char *why = NULL;
    site_make(&site, "");
    snprintf(inbound, sizeof inbound, "unix:%s/inbound", site.dir);
    snprintf(submission, sizeof submission, "unix:%s/submission", site.dir);
    server = http_start(site.dir);
    root = authority_make(site.dir, "root");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", server.port, crl);
    bob = authority_issue(&root, "bob",
                          &(struct pki_spec){.common_name = "bob",
                                             .addresses = {"bob@partner.test"},
                                             .key = PKI_RSA_2048,
                                             .crl_url = url});
    alice = authority_issue(&root, "alice",
                            &(struct pki_spec){.common_name = "alice",
                                               .addresses = {"alice@example.com"},
                                               .crl_url = url});
    configure(more);
    gateway = site_gateway(&site);
    ck_assert_int_eq(store_anchor_import(gateway->store, root.pki.certificate, now, NULL, &why),
                     STORE_OK);
    ck_assert_int_eq(store_mailbox_add(gateway->store, "alice@example.com", NULL, 0, &why),
                     STORE_OK);
    ck_assert_int_eq(store_mailbox_activate(gateway->store, "alice@example.com", alice.key,
                                            alice.certificate, NULL, now, &why),
                     STORE_OK);
    gateway_release(&gateway);
}

static void end(void)
{
    if (run.pid > 0)
        daemon_stop(&run);
    http_stop(&server);
    pki_clear(&bob);
    pki_clear(&alice);
    authority_clear(&root);
    site_remove(&site);
}

static size_t count_keys(void)
{
    struct gateway *gateway = site_gateway(&site);
    X509 *certificate = NULL;
    char *why = NULL;
    size_t count = store_encryption_certificate(gateway->store, "bob@partner.test", time(NULL),
                                                &certificate, NULL, &why) == STORE_OK;
    X509_free(certificate);
    why_free(&why);
    gateway_release(&gateway);
    return count;
}

static void import_bob(void)
{
    struct gateway *gateway = site_gateway(&site);
    char *why = NULL;
    ck_assert_int_eq(store_pubkey_import(gateway->store, bob.certificate, time(NULL), NULL, &why),
                     STORE_OK);
    gateway_release(&gateway);
}

/* ---- Incoming ---- */

static const struct {
    const char *name;
    const char *policy;
    const char *crl;
    bool revoked;
    const char *signature; /* X-Smimed-Signature */
    const char *result;    /* in Authentication-Results */
    const char *reason;
    size_t learned;
} incoming[] = {
    {"good", "soft", "root.crl", false, "valid", "smime=pass", "signed by", 1},
    {"good", "hard", "root.crl", false, "valid", "smime=pass", "signed by", 1},
    {"revoked", "soft", "root.crl", true, "revoked", "smime=fail", "keyCompromise", 0},
    {"revoked", "hard", "root.crl", true, "revoked", "smime=fail", "keyCompromise", 0},
    {"revoked", "off", "root.crl", true, "valid", "smime=pass", "signed by", 1},
    {"silent server", "soft", "slow/crl", false, "valid", "smime=pass",
     "revocation could not be checked", 1},
    {"silent server", "hard", "slow/crl", false, "untrusted", "smime=policy",
     "revocation could not be checked", 0},
};

static void sign_by_bob(char *text, size_t size)
{
    char path[160];
    FILE *in;
    authority_run(site.dir, "printf 'Content-Type: text/plain\\r\\n\\r\\nHello\\r\\n' >plain.txt;"
                            "{ printf 'From: bob@partner.test\\nTo: alice@example.com\\n"
                            "Subject: hi\\n'; openssl cms -sign -signer bob.pem -inkey bob.key"
                            " -in plain.txt; } | tr -d '\\r' >signed.eml");
    snprintf(path, sizeof path, "%s/signed.eml", site.dir);
    in = fopen(path, "re");
    ck_assert_ptr_nonnull(in);
    text[fread(text, 1, size - 1, in)] = '\0';
    fclose(in);
}

START_TEST(signatures)
{
    static char text[65536];
    char more[64];
    struct milter_client mc;
    struct milter_mail mail = {
        .from = "<bob@partner.test>", .to = {"<alice@example.com>"}, .text = text};
    const char *reason;
    snprintf(more, sizeof more, "revocation = \"%s\";\n", incoming[_i].policy);
    begin(incoming[_i].crl, more);
    if (incoming[_i].revoked)
        authority_revoke(&root, "bob", "keyCompromise");
    authority_crl(&root, "root", "");
    sign_by_bob(text, sizeof text);
    mail.length = strlen(text);
    sleep(1); /* thisUpdate is in whole seconds */
    daemon_start(&run, &site);
    ck_assert_int_eq(milter_connect(&mc, inbound), 0);
    ck_assert_int_eq(milter_open_session(&mc, "192.0.2.1"), MILTER_CONTINUE);
    ck_assert_msg(milter_send(&mc, &mail) == MILTER_ACCEPT, "%s %s", mc.reply, mc.error);
    ck_assert_ptr_nonnull(milter_field(&mc, "X-Smimed-Signature", 0));
    ck_assert_msg(strstr(milter_field(&mc, "X-Smimed-Signature", 0), incoming[_i].signature) !=
                      NULL,
                  "%s, %s: %s", incoming[_i].name, incoming[_i].policy,
                  milter_field(&mc, "X-Smimed-Signature", 0));
    ck_assert_ptr_nonnull(
        strstr(milter_field(&mc, "Authentication-Results", 0), incoming[_i].result));
    reason = milter_field(&mc, "X-Smimed-Signature-Reason", 0);
    ck_assert_msg(reason != NULL && strstr(reason, incoming[_i].reason) != NULL, "%s, %s: %s",
                  incoming[_i].name, incoming[_i].policy, reason);
    milter_close(&mc);
    daemon_wait_log(&run, incoming[_i].reason, 1);
    ck_assert_msg(count_keys() == incoming[_i].learned, "%s, %s", incoming[_i].name,
                  incoming[_i].policy);
    end();
}
END_TEST

/* ---- Outgoing ---- */

#define RULE(mode)                                                                                 \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"" mode "\"; } );\n"

static const struct {
    const char *name;
    const char *more;
    const char *crl;
    bool revoked;
    int answer;       /* MILTER_ACCEPT, or MILTER_REPLYCODE with `text` in the reply */
    const char *text; /* in the message or the reply */
    const char *logged;
} outgoing[] = {
    {"good", RULE("encrypt-optional"), "root.crl", false, MILTER_ACCEPT, "enveloped-data", NULL},
    {"revoked, optional", RULE("encrypt-optional"), "root.crl", true, MILTER_ACCEPT,
     "multipart/signed", "not encrypted to bob@partner.test: the certificate of"},
    {"revoked, forced", RULE("encrypt-forced"), "root.crl", true, MILTER_REPLYCODE, "550",
     "not encrypted to bob@partner.test: the certificate of"},
    {"revoked, off", RULE("encrypt-forced") "revocation = \"off\";\n", "root.crl", true,
     MILTER_ACCEPT, "enveloped-data", NULL},
    {"silent, soft", RULE("encrypt-optional"), "slow/crl", false, MILTER_ACCEPT, "enveloped-data",
     NULL},
    /* Never the weaker outcome. */
    {"silent, hard", RULE("encrypt-optional") "revocation = \"hard\";\n", "slow/crl", false,
     MILTER_REPLYCODE, "451", "revocation could not be checked"},
};

static const char letter[] = "From: alice@example.com\nTo: bob@partner.test\nSubject: x\n\nHello\n";

static int send_letter(struct milter_client *mc)
{
    struct milter_mail mail = {.from = "<alice@example.com>",
                               .to = {"<bob@partner.test>"},
                               .login = "alice@example.com",
                               .text = letter,
                               .length = strlen(letter)};
    ck_assert_int_eq(milter_connect(mc, submission), 0);
    ck_assert_int_eq(milter_open_session(mc, "192.0.2.1"), MILTER_CONTINUE);
    return (int)milter_send(mc, &mail);
}

START_TEST(recipients)
{
    struct milter_client mc;
    int answer;
    begin(outgoing[_i].crl, outgoing[_i].more);
    import_bob();
    if (outgoing[_i].revoked)
        authority_revoke(&root, "bob", "keyCompromise");
    authority_crl(&root, "root", "");
    sleep(1);
    daemon_start(&run, &site);
    answer = send_letter(&mc);
    ck_assert_msg(answer == outgoing[_i].answer, "%s: %d %s", outgoing[_i].name, answer, mc.reply);
    ck_assert_msg(strstr(answer == MILTER_ACCEPT ? mc.message : mc.reply, outgoing[_i].text) !=
                      NULL,
                  "%s: %s", outgoing[_i].name, answer == MILTER_ACCEPT ? mc.message : mc.reply);
    milter_close(&mc);
    if (outgoing[_i].logged)
        daemon_wait_log(&run, outgoing[_i].logged, 1);
    end();
}
END_TEST

/* An own certificate that was revoked signs no longer. */
START_TEST(own_certificates)
{
    struct milter_client mc;
    struct gateway *gateway;
    char *why = NULL;
    begin("root.crl", RULE("sign"));
    authority_crl(&root, "root", "");
    gateway = site_gateway(&site);
    ck_assert_int_eq(store_revoked_mark(gateway->store, alice.certificate, time(NULL),
                                        CRL_REASON_KEY_COMPROMISE, "it was revoked yesterday",
                                        time(NULL), NULL, &why),
                     STORE_OK);
    gateway_release(&gateway);
    daemon_start(&run, &site);
    ck_assert_int_eq(send_letter(&mc), MILTER_ACCEPT);
    ck_assert(!mc.body_replaced);
    milter_close(&mc);
    daemon_wait_log(&run, "it was revoked yesterday", 1);
    end();
}
END_TEST

/* The keeper finds it out, with nobody's help. */
START_TEST(keeper_looks_after_own_certificates)
{
    struct milter_client mc;
    begin("root.crl", RULE("sign"));
    authority_revoke(&root, "alice", "keyCompromise");
    authority_crl(&root, "root", "");
    sleep(1);
    daemon_start(&run, &site);
    daemon_wait_log(&run, "a mailbox of ours does not sign any more", 1);
    ck_assert_int_eq(send_letter(&mc), MILTER_ACCEPT);
    ck_assert(!mc.body_replaced);
    milter_close(&mc);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon/revocation flow");
    TCase *tests = tcase_create("flow");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, signatures, 0, sizeof incoming / sizeof *incoming);
    tcase_add_loop_test(tests, recipients, 0, sizeof outgoing / sizeof *outgoing);
    tcase_add_test(tests, own_certificates);
    tcase_add_test(tests, keeper_looks_after_own_certificates);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
