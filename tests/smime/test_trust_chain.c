/* Roots that are believed only for what they issued until a day (smime/trust_chain.h). */
#include "incoming_fixture.h"
#include "trust_chain.h"

/* Alice's certificate is valid since a year before PKI_NOW. */
static const struct {
    const char *alias; /* of the root; NULL: none */
    enum signature_verdict wanted;
} cases[] = {
    {NULL, SIGNATURE_VALID},
    {"a name", SIGNATURE_VALID},
    {CHAIN_UNTIL_ALIAS "250101000000Z", SIGNATURE_VALID},
    {CHAIN_UNTIL_ALIAS "241231235959Z", SIGNATURE_UNTRUSTED},
    {CHAIN_UNTIL_ALIAS "20241231235959Z", SIGNATURE_UNTRUSTED},
    {CHAIN_UNTIL_ALIAS "221130000000Z", SIGNATURE_UNTRUSTED},
    {CHAIN_UNTIL_ALIAS "300101000000Z", SIGNATURE_VALID},
    {CHAIN_UNTIL_ALIAS, SIGNATURE_UNTRUSTED},
    {CHAIN_UNTIL_ALIAS "some day", SIGNATURE_UNTRUSTED},
};

static struct opened open_under(X509_STORE *anchors)
{
    struct open_request request = default_request();
    request.anchors = anchors;
    return open_with(message_of("alice@example.com", signed_entity(TEXT_ENTITY, SIGN_ALICE)),
                     &request);
}

START_TEST(roots_that_were_given_up)
{
    X509 *root = X509_dup(world.ca.certificate);
    X509_STORE *anchors = X509_STORE_new();
    struct opened opened;
    ck_assert(root != NULL && anchors != NULL);
    if (cases[_i].alias != NULL)
        ck_assert_int_eq(X509_alias_set1(root, (const unsigned char *)cases[_i].alias, -1), 1);
    ck_assert_int_eq(X509_STORE_add_cert(anchors, root), 1);
    opened = open_under(anchors);
    assert_signature(&opened, cases[_i].wanted);
    if (cases[_i].wanted != SIGNATURE_VALID) {
        assert_contains(opened.signature_reason, "only for what it issued before");
        ck_assert_ptr_null(opened.harvest.certificate);
    }
    opened_clear(&opened);
    X509_STORE_free(anchors);
    X509_free(root);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trust_chain");
    TCase *tcase = tcase_create("roots");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_add_loop_test(tcase, roots_that_were_given_up, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
