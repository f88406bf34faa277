/* Trying messages with smimectl process: a site where alice can sign and bob is outside, and what
 * is expected of a run. */
#ifndef TESTS_ADMIN_PROCESS_RUN_H
#define TESTS_ADMIN_PROCESS_RUN_H

#include "json_members.h"
#include "smimectl_run.h"

#define ALICE "alice@example.com"
#define BOB "bob@partner.test"
#define AT "2026-01-01T00:00:00Z" /* PKI_NOW */

static struct pki root, alice, bob;

static const char *const plain_text = "From: Alice <alice@example.com>\n"
                                      "To: bob@partner.test\n"
                                      "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"
                                      "Message-ID: <1@example.com>\n"
                                      "\n"
                                      "Dear Bob,\n"
                                      "the secret word is Birnbaum.\n";

static inline void setup(void)
{
    make_store();
    root = pki_ca("Test CA");
    alice = pki_leaf(&root, ALICE);
    bob = pki_leaf_rsa(&root, BOB);
    write_pki("ca", &root);
    write_pki("alice", &alice);
    write_pki("bob", &bob);
    write_text(in_dir("plain.eml"), plain_text);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("ca.pem")), 0, NULL);
    expect_run("add", SMIMECTL("mailbox", "add", ALICE), 0, NULL);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", ALICE, "--key", in_dir("alice.key"), "--cert",
                        in_dir("alice.pem")),
               0, NULL);
}

static inline void teardown(void)
{
    pki_clear(&root);
    pki_clear(&alice);
    pki_clear(&bob);
    remove_directory();
}

static inline void import_bob(void)
{
    expect_run("import", SMIMECTL("pubkey", "import", in_dir("bob.pem")), 0, NULL);
}

/* Expect an exit code; standard output goes to `output` (NULL: must be empty), the report is
 * returned. */
static inline json_t *expect_report(const char *what, struct run run, int code, const char *output)
{
    ck_assert_msg(run.code == code, "%s: exit code %d, expected %d\n%s", what, run.code, code,
                  run.err);
    json_t *report = parse_json(what, run.err);
    expect_documented(what, report);
    ck_assert_msg(output || run.out_length == 0, "%s: a message was written:\n%s", what, run.out);
    if (output) {
        write_file(in_dir(output), run.out, run.out_length);
    }
    run_clear(&run);
    return report;
}

#define OUTGOING(input, ...)                                                                       \
    SMIMECTL_READS(in_dir(input), "process", "--outgoing", "--json", "--at", AT, __VA_ARGS__)
#define INCOMING(input, ...)                                                                       \
    SMIMECTL_READS(in_dir(input), "process", "--incoming", "--json", "--at", AT, __VA_ARGS__)

static inline const char *verdict(const json_t *report, const char *what)
{
    return text_at(json_object_get(report, what), "verdict");
}

static inline int reply_code(const json_t *report)
{
    return (int)json_integer_value(json_object_get(json_object_get(report, "reply"), "code"));
}

/* Does openssl find Alice's good signature on `signed_mail`, over the text? */
static inline void expect_signed_by_alice(const char *signed_mail)
{
    expect_run("openssl cms -verify",
               OPENSSL("cms", "-verify", "-in", in_dir(signed_mail), "-CAfile", in_dir("ca.pem"),
                       "-out", in_dir("verified"), "-signer", in_dir("signer.pem")),
               0, "successful");
    char *content = read_file(in_dir("verified"), NULL);
    ck_assert_msg(strstr(content, "secret word is Birnbaum") != NULL, "%s", content);
    free(content);
    char *signer = read_file(in_dir("signer.pem"), NULL);
    char *expected = read_file(in_dir("alice.pem"), NULL);
    ck_assert_str_eq(signer, expected);
    free(signer);
    free(expected);
}

#endif
