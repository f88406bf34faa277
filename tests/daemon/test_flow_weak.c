/* Weak algorithms of incoming mail (setting weak_algorithms): what becomes of a message that the
 * openssl command made with one, and what is told. */
#include <check.h>

#include "flow_world.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define MODE(mode)                                                                                 \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; incoming = \"" mode "\"; } );"
#define OPTIONAL MODE("decrypt-optional")
#define ALWAYS MODE("decrypt-always")
#define HEADER "printf 'From: bob@partner.test\nTo: alice@example.com\nSubject: hi\n'; "
#define SIGN(digest) HEADER "openssl cms -sign -signer bob -inkey bob.key -in plain -md " digest
#define SHORT HEADER "openssl cms -sign -signer short -inkey short.key -in plain -md sha256"
#define ENCRYPT(cipher) HEADER "openssl cms -encrypt -" cipher " -in plain alice"
#define RC2 "provider default -provider legacy -rc2-"

static const struct {
    const char *name;
    const char *config;
    const char *make;
    const char *field; /* of the result; NULL: refused */
    const char *weak;  /* X-Smimed-Weak; NULL: none */
    const char *text;  /* in the result, or in the cause of the refusal */
} cases[] = {
    {"SHA-1", OPTIONAL, SIGN("sha1"), "X-Smimed-Signature: untrusted", "SHA-1",
     "weak algorithms that are not accepted (SHA-1)"},
    {"SHA-1 in Authentication-Results", OPTIONAL, SIGN("sha1"), "smime=policy", "SHA-1", "reason="},
    {"SHA-1 allowed", OPTIONAL "weak_algorithms = [ \"sha1\" ];", SIGN("sha1"),
     "X-Smimed-Signature: valid", "SHA-1", "smime=pass"},
    {"another one allowed", OPTIONAL "weak_algorithms = [ \"3des\", \"rsa-1024\" ];", SIGN("sha1"),
     "X-Smimed-Signature: untrusted", "SHA-1", "SHA-1"},
    {"RSA of 1024 bits", OPTIONAL, SHORT, "X-Smimed-Signature: untrusted",
     "an RSA or DSA key of less than 2048 bits", "weak algorithms that are not accepted (an RSA"},
    {"RSA of 1024 bits, allowed", OPTIONAL "weak_algorithms = [ \"rsa-1024\" ];", SHORT,
     "X-Smimed-Signature: valid", "an RSA or DSA key of less than 2048 bits", "smime=pass"},
    {"nothing weak", OPTIONAL, SIGN("sha256"), "X-Smimed-Signature: valid", NULL, "smime=pass"},
    {"3DES", OPTIONAL, ENCRYPT("des3"), "X-Smimed-Encryption: not-decrypted", "triple DES",
     "weak algorithms that are not accepted (triple DES)"},
    {"3DES allowed", OPTIONAL "weak_algorithms = [ \"3des\" ];", ENCRYPT("des3"),
     "X-Smimed-Encryption: decrypted", "triple DES", "The text"},
    {"3DES under decrypt-always", ALWAYS, ENCRYPT("des3"), NULL, NULL, "triple DES"},
    {"RC2", OPTIONAL "weak_algorithms = [ \"3des\" ];", ENCRYPT(RC2 "128"),
     "X-Smimed-Encryption: not-decrypted", "RC2", "weak algorithms that are not accepted (RC2)"},
    {"RC2 allowed", OPTIONAL "weak_algorithms = [ \"rc2\" ];", ENCRYPT(RC2 "128"),
     "X-Smimed-Encryption: decrypted", "RC2", "The text"},
    {"RC2 under decrypt-always", ALWAYS, ENCRYPT(RC2 "128"), NULL, NULL, "RC2"},
    {"AES", ALWAYS, ENCRYPT("aes128"), "X-Smimed-Encryption: decrypted", NULL, "The text"},
};

START_TEST(weak_algorithms)
{
    struct world world = world_open(cases[_i].config);
    struct pki alice;
    struct pki bob;
    struct pki weak_key;
    struct transaction transaction;
    struct outcome outcome;
    char *message;
    cli_begin();
    alice = world_mailbox(&world, "alice@example.com", NULL);
    bob = pki_leaf_rsa(&world.ca, "bob@partner.test");
    pki_write_certificate(cli_path("alice"), alice.certificate);
    cli_write_pki("bob", &bob);
    weak_key = pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"}, .key = PKI_RSA_1024},
                        &world.ca);
    cli_write_pki("short", &weak_key);
    cli_write("plain", "Content-Type: text/plain\r\n\r\nThe text\r\n", 38);
    ck_assert_int_eq(cli_run("{ %s; } | tr -d '\\r' >message", cases[_i].make), 0);
    message = cli_read("message", NULL);
    transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", message);
    ck_assert_int_eq(world_recipient(&world, &transaction, "alice@example.com"), 0);
    outcome = world_end(&world, &transaction);
    if (cases[_i].field == NULL) {
        ck_assert_int_eq(outcome.action, FLOW_REPLY);
        ck_assert_msg(outcome.cause != NULL && strstr(outcome.cause, cases[_i].text) != NULL,
                      "%s: %s", cases[_i].name, outcome.cause);
    } else {
        char *text = world_text(&transaction, &outcome);
        char *weak = NULL;
        ck_assert_int_gt(asprintf(&weak, "\r\nX-Smimed-Weak: %s\r\n",
                                  cases[_i].weak != NULL ? cases[_i].weak : ""),
                         0);
        ck_assert_msg(strstr(text, cases[_i].field) != NULL, "%s:\n%s", cases[_i].name, text);
        ck_assert_msg(strstr(text, cases[_i].text) != NULL, "%s:\n%s", cases[_i].name, text);
        if (cases[_i].weak != NULL)
            ck_assert_msg(strstr(text, weak) != NULL, "%s:\n%s", cases[_i].name, text);
        else
            ck_assert_msg(strstr(text, "X-Smimed-Weak") == NULL, "%s:\n%s", cases[_i].name, text);
        free(weak);
        free(text);
    }
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    free(message);
    pki_clear(&alice);
    pki_clear(&bob);
    pki_clear(&weak_key);
    world_close(&world);
    cli_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_weak");
    TCase *tests = tcase_create("flow_weak");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, weak_algorithms, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
