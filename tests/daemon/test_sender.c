/* Who may have messages signed (daemon/sender.h): every way to be refused is a case. */
#include <check.h>

#include "flow_world.h"
#include "sender.h"
#include "test_run.h"

static const struct {
    const char *name;
    const char *config;
    enum role role;
    const char *login;
    const char *client; /* NULL: none */
    const char *sender;
    const char *header;
    bool authorised;
} cases[] = {
    {"login is the address", "", ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com",
     "From: Alice <alice@example.com>\n", true},
    {"login in capitals", "", ROLE_SUBMISSION, "Alice@Example.COM", NULL, "alice@example.com",
     "From: alice@example.com\n", true},
    {"From is the alias", "", ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com",
     "From: a.miller@example.com\n", true},
    {"tagged envelope sender", "", ROLE_SUBMISSION, "alice@example.com", NULL,
     "alice+bounces@example.com", "From: alice@example.com\n", true},
    {"no login", "", ROLE_SUBMISSION, NULL, NULL, "alice@example.com", "From: alice@example.com\n",
     false},
    {"login of another", "", ROLE_SUBMISSION, "mallory@example.com", NULL, "alice@example.com",
     "From: alice@example.com\n", false},
    {"From of another, envelope one's own", "", ROLE_SUBMISSION, "mallory@example.com", NULL,
     "mallory@example.com", "From: alice@example.com\n", false},
    {"two From fields", "", ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com",
     "From: alice@example.com\nFrom: alice@example.com\n", false},
    {"two addresses in From", "", ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com",
     "From: alice@example.com, bob@example.com\n", false},
    {"display name looks like an address", "", ROLE_SUBMISSION, "alice@example.com", NULL,
     "alice@example.com", "From: \"alice@example.com\" <mallory@other.test>\n", false},
    {"no From", "", ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com", "Subject: x\n",
     false},
    {"From outside", "", ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com",
     "From: x@other.test\n", false},
    {"null sender with login", "", ROLE_SUBMISSION, "alice@example.com", NULL, "",
     "From: alice@example.com\n", true},
    {"table grants",
     "sender_logins = ( { login = \"amiller\"; addresses = [ \"alice@example.com\" ]; } );",
     ROLE_SUBMISSION, "amiller", NULL, "alice@example.com", "From: alice@example.com\n", true},
    {"table replaces the name rule",
     "sender_logins = ( { login = \"amiller\"; addresses = [ \"alice@example.com\" ]; } );",
     ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com", "From: alice@example.com\n",
     false},
    {"the MTA vouches", "sender_logins = \"mta\";", ROLE_SUBMISSION, "whoever", NULL,
     "alice@example.com", "From: alice@example.com\n", true},
    {"the MTA vouches for the envelope only", "sender_logins = \"mta\";", ROLE_SUBMISSION,
     "mallory", NULL, "mallory@example.com", "From: alice@example.com\n", false},
    {"the MTA cannot vouch for a null sender", "sender_logins = \"mta\";", ROLE_SUBMISSION,
     "mallory", NULL, "", "From: alice@example.com\n", false},
    /* Anybody can write an address that looks rewritten, and own it as far as the MTA knows. */
    {"the MTA vouches for what stands there, not for what SRS would undo",
     "sender_logins = \"mta\";", ROLE_SUBMISSION, "mallory", NULL,
     "SRS0=aaaa=bb=example.com=alice@example.com", "From: alice@example.com\n", false},
    {"the MTA vouches for a tag", "sender_logins = \"mta\";", ROLE_SUBMISSION, "alice", NULL,
     "alice+bob=partner.test@example.com", "From: alice@example.com\n", true},
    {"trusted network",
     "trusted_networks = ( { network = \"192.0.2.0/24\"; addresses = [ \"example.com\" ]; } );",
     ROLE_SUBMISSION, NULL, "192.0.2.7", "alice@example.com", "From: alice@example.com\n", true},
    {"outside the trusted network",
     "trusted_networks = ( { network = \"192.0.2.0/24\"; addresses = [ \"example.com\" ]; } );",
     ROLE_SUBMISSION, NULL, "198.51.100.7", "alice@example.com", "From: alice@example.com\n",
     false},
    {"trusted network, another address",
     "trusted_networks = ( { network = \"192.0.2.0/24\"; addresses = [ \"fax@example.com\" ]; } );",
     ROLE_SUBMISSION, NULL, "192.0.2.7", "alice@example.com", "From: alice@example.com\n", false},
    {"local program listed", "local_senders = [ \"alice@example.com\" ];", ROLE_LOCAL, NULL, NULL,
     "alice@example.com", "From: alice@example.com\n", true},
    {"local program not listed", "local_senders = [ \"cron@example.com\" ];", ROLE_LOCAL, NULL,
     NULL, "alice@example.com", "From: alice@example.com\n", false},
    {"a login means nothing to role local", "", ROLE_LOCAL, "alice@example.com", NULL,
     "alice@example.com", "From: alice@example.com\n", false},
    {"shared mailbox granted",
     "shared_mailboxes = ( { from = \"info@example.com\"; senders = [ \"alice@example.com\" ]; } "
     ");",
     ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com",
     "From: info@example.com\nSender: alice@example.com\n", true},
    {"shared mailbox without Sender",
     "shared_mailboxes = ( { from = \"info@example.com\"; senders = [ \"alice@example.com\" ]; } "
     ");",
     ROLE_SUBMISSION, "alice@example.com", NULL, "alice@example.com", "From: info@example.com\n",
     false},
    {"shared mailbox, Sender of another",
     "shared_mailboxes = ( { from = \"info@example.com\"; senders = [ \"alice@example.com\" ]; } "
     ");",
     ROLE_SUBMISSION, "mallory@example.com", NULL, "mallory@example.com",
     "From: info@example.com\nSender: alice@example.com\n", false},
    {"Sender without a grant", "", ROLE_SUBMISSION, "mallory@example.com", NULL,
     "mallory@example.com", "From: alice@example.com\nSender: mallory@example.com\n", false},
    {"two Sender fields",
     "shared_mailboxes = ( { from = \"info@example.com\"; senders = [ \"alice@example.com\" ]; } "
     ");",
     ROLE_SUBMISSION, "mallory@example.com", NULL, "mallory@example.com",
     "From: info@example.com\nSender: mallory@example.com\nSender: alice@example.com\n", false},
};

static void set_client(struct transaction *transaction, const char *text)
{
    unsigned v4[4];
    ck_assert_int_eq(sscanf(text, "%u.%u.%u.%u", &v4[0], &v4[1], &v4[2], &v4[3]), 4);
    memset(transaction->client, 0, 10);
    memset(transaction->client + 10, 0xff, 2);
    for (int i = 0; i < 4; i++)
        transaction->client[12 + i] = (unsigned char)v4[i];
    transaction->client_known = true;
}

START_TEST(authorisation)
{
    struct world world = world_open(cases[_i].config);
    struct pki alice = world_mailbox(&world, "alice@example.com", "a.miller@example.com");
    struct transaction transaction =
        world_message(&world, cases[_i].role, cases[_i].login, cases[_i].sender, cases[_i].header);
    struct authority authority;
    char *why = NULL;
    if (cases[_i].client != NULL)
        set_client(&transaction, cases[_i].client);
    ck_assert_int_eq(sender_authorise(world.gateway, &transaction, &authority, &why), 0);
    ck_assert_msg(authority.authorised == cases[_i].authorised, "%s: %s", cases[_i].name,
                  why_text(&authority.reason));
    ck_assert_msg(authority.authorised == (authority.reason == NULL), "%s: a refusal has a reason",
                  cases[_i].name);
    authority_clear(&authority);
    transaction_clear(&transaction);
    free(transaction.login);
    pki_clear(&alice);
    world_close(&world);
}
END_TEST

/* The MTA has checked that the client is alice-smith: with '-' as delimiter she is not alice. */
START_TEST(another_mailbox_is_no_tag)
{
    struct world world = world_open("sender_logins = \"mta\"; recipient_delimiter = \"-\";");
    struct pki alice = world_mailbox(&world, "alice@example.com", NULL);
    struct pki smith = world_mailbox(&world, "alice-smith@example.com", "alice-jones@example.com");
    static const struct {
        const char *sender;
        bool authorised;
    } senders[] = {{"alice@example.com", true},
                   {"alice-list@example.com", true},
                   {"alice-smith@example.com", false},
                   {"alice-jones@example.com", false}};
    struct transaction transaction = world_message(&world, ROLE_SUBMISSION, "whoever",
                                                   senders[_i].sender, "From: alice@example.com\n");
    struct authority authority;
    char *why = NULL;
    ck_assert_int_eq(sender_authorise(world.gateway, &transaction, &authority, &why), 0);
    ck_assert_msg(authority.authorised == senders[_i].authorised, "%s", senders[_i].sender);
    ck_assert(authority.authorised == (authority.reason == NULL));
    authority_clear(&authority);
    transaction_clear(&transaction);
    free(transaction.login);
    pki_clear(&alice);
    pki_clear(&smith);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sender");
    TCase *tests = tcase_create("authorisation");
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, authorisation, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tests, another_mailbox_is_no_tag, 0, 4);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
