/* Mail is signed only with a certificate that names its From (RFC 8550 section 3): readers say of
 * any other that somebody else has signed. */
#include <check.h>

#include "flow_world.h"
#include "test_run.h"

static const struct {
    const char *name;
    const char *mode;
    const char *from;
    enum transform transform;
} cases[] = {
    {"the mailbox", "sign", "alice@example.com", TRANSFORM_SIGN},
    {"in capitals", "sign", "Alice@EXAMPLE.com", TRANSFORM_SIGN},
    {"an address that the certificate has", "sign", "miller@example.com", TRANSFORM_SIGN},
    {"an address that it has not", "sign", "desk@example.com", TRANSFORM_NONE},
    {"by default", "undefined", "desk@example.com", TRANSFORM_NONE},
    {"encrypted all the same", "encrypt-optional", "desk@example.com", TRANSFORM_ENCRYPT},
    {"not under encrypt-forced", "encrypt-forced", "desk@example.com", TRANSFORM_REFUSE},
    {"encrypted and signed", "encrypt-forced", "miller@example.com", TRANSFORM_SIGN_ENCRYPT},
};

/* Who has signed, as `openssl cms` says: its certificate is for this address. */
static void check_signer(const struct world *world, const char *sent, const char *address)
{
    char command[512];
    world_file(world, "sent.eml", sent);
    snprintf(
        command, sizeof command,
        "cd '%s' && openssl cms -verify -noverify -in sent.eml -signer signer.pem -out /dev/null"
        " 2>/dev/null && openssl x509 -in signer.pem -noout -ext subjectAltName |"
        " grep -qi 'email:%s'",
        world->directory, address);
    ck_assert_msg(system(command) == 0, "the signer is not %s", address);
}

START_TEST(the_certificate_names_the_author)
{
    char config[160];
    char text[256];
    struct world world;
    struct pki alice, bob;
    struct transaction transaction;
    struct outcome outcome;
    char *why = NULL;
    snprintf(config, sizeof config,
             "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"%s\"; } );",
             cases[_i].mode);
    snprintf(text, sizeof text, "From: %s\nTo: bob@partner.test\n\nhello\n", cases[_i].from);
    world = world_open(config);
    alice = world_mailbox(&world, "alice@example.com", "miller@example.com");
    bob = world_partner(&world, "bob@partner.test");
    ck_assert_int_eq(store_mailbox_add_alias(world.gateway->store, "alice@example.com",
                                             "desk@example.com", &why),
                     STORE_OK);
    transaction =
        world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com", text);
    ck_assert_int_eq(world_recipient(&world, &transaction, "bob@partner.test"), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_msg(transaction.recipients[0].transform == cases[_i].transform, "%s: %s",
                  cases[_i].name, transform_name(transaction.recipients[0].transform));
    if (cases[_i].transform == TRANSFORM_SIGN) {
        char *sent = world_text(&transaction, &outcome);
        check_signer(&world, sent, cases[_i].from);
        free(sent);
    }
    if (cases[_i].transform == TRANSFORM_ENCRYPT)
        ck_assert_ptr_nonnull(strstr(outcome.note, "does not name desk@example.com"));
    world_forget(&transaction, &outcome);
    pki_clear(&alice);
    pki_clear(&bob);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer_name");
    TCase *tests = tcase_create("signer_name");
    tcase_add_loop_test(tests, the_certificate_names_the_author, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
