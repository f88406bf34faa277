/* Mail to recipients whose certificates stand in a real LDAP directory, through the whole flow of a
 * message. What goes out is read by `openssl cms`. */
#include "flow_world.h"
#include "ldap_people.h"

#include "deadline.h"
#include "fake_server.h"
#include "lookup.h"

#define ALICE "alice@example.com"
#define BOB "bob@partner.test"
#define NOBODY "nobody@partner.test"

static struct slapd slapd;
static bool slapd_runs;
static struct pki partner_ca, bob, carol;
static struct world world;
static struct pki alice;

static void setup(void)
{
    struct people people;
    make_directory();
    partner_ca = pki_ca("Partner CA");
    bob = pki_leaf(&partner_ca, BOB);
    carol = pki_leaf(&partner_ca, "carol@partner.test");
    people_begin(&people);
    people_add(&people, "bob", BOB);
    people_certificate(&people, bob.certificate);
    people_add(&people, "carol", "carol@partner.test");
    people_certificate(&people, carol.certificate);
    people_start(&people, &slapd);
    slapd_runs = true;
}

static void stop_slapd(void)
{
    if (slapd_runs)
        slapd_stop(&slapd);
    slapd_runs = false;
}

static void teardown(void)
{
    stop_slapd();
    if (world.gateway)
        world_close(&world);
    pki_clear(&alice);
    pki_clear(&partner_ca);
    pki_clear(&bob);
    pki_clear(&carol);
    remove_directory();
}

/* A gateway with this rule that asks the directory at `url`. */
static void open_world(const char *mode, const char *url, const char *more)
{
    char config[2048];
    snprintf(config, sizeof config,
             "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"%s\"; } );\n"
             "directories = ( { url = \"%s\"; base = \"" PEOPLE_BASE "\"; ca_file = \"%s\";\n"
             "    domains = [ \"partner.test\" ]; anchored = false; %s } );\n"
             "directory_timeout_ms = 1500;\n%s\n",
             mode, url, in_dir("directory-ca.pem"),
             strncmp(url, "ldap://", 7) == 0 ? "starttls = \"off\";" : "", more);
    world = world_open(config);
    alice = world_mailbox(&world, ALICE, NULL);
}

struct sent {
    struct transaction transaction;
    struct outcome outcome;
};

static struct sent send_as(const char *login, const char *from, const char *const *recipients)
{
    struct sent sent;
    char text[256];
    snprintf(text, sizeof text, "From: %s\nTo: %s%s%s\nSubject: hi\n\nwie verabredet\n", from,
             recipients[0], recipients[1] ? ", " : "", recipients[1] ? recipients[1] : "");
    sent.transaction = world_message(&world, ROLE_SUBMISSION, login, from, text);
    for (; *recipients; recipients++)
        ck_assert_int_eq(world_recipient(&world, &sent.transaction, *recipients), 0);
    sent.outcome = world_end(&world, &sent.transaction);
    return sent;
}

static struct sent send_to(const char *recipient)
{
    return send_as(ALICE, ALICE, (const char *const[]){recipient, NULL});
}

static void sent_clear(struct sent *sent)
{
    world_forget(&sent->transaction, &sent->outcome);
}

/* Was anybody asked about the address, and what did he say? */
static enum lookup_need asked(const char *address)
{
    struct lookup lookup;
    enum lookup_need need = LOOKUP_NEEDLESS;
    char *why = NULL;
    ck_assert_int_eq(
        store_lookup_need(world.gateway->store, address, false, PKI_NOW, &need, &lookup, &why),
        STORE_OK);
    lookup_clear(&lookup);
    return need;
}

/* Does openssl get the text out of it with this key? */
static void expect_readable(struct sent *sent, const struct pki *reader)
{
    char *text = world_text(&sent->transaction, &sent->outcome);
    ck_assert_ptr_null(strstr(text, "verabredet"));
    write_text(in_dir("out.eml"), text);
    write_pki("reader", reader);
    expect_run("openssl cms",
               OPENSSL("cms", "-decrypt", "-in", in_dir("out.eml"), "-recip", in_dir("reader.pem"),
                       "-inkey", in_dir("reader.key"), "-out", in_dir("inner.eml")),
               0, NULL);
    char *inner = read_file(in_dir("inner.eml"), NULL);
    ck_assert_ptr_nonnull(strstr(inner, "wie verabredet"));
    free(inner);
    free(text);
}

START_TEST(encrypted_to_what_the_directory_has)
{
    open_world("encrypt-forced", slapd.tls_uri, "");
    struct sent sent = send_to(BOB);
    ck_assert_msg(sent.outcome.action == FLOW_REPLACE, "%s",
                  sent.transaction.lookups ? sent.transaction.lookups : "nobody was asked");
    ck_assert_int_eq(sent.outcome.transform, TRANSFORM_SIGN_ENCRYPT);
    ck_assert_ptr_nonnull(strstr(sent.transaction.lookups, BOB ": found in ldaps://"));
    expect_readable(&sent, &bob);
    sent_clear(&sent);
    /* And again, when nobody can be asked any more. */
    stop_slapd();
    sent = send_to(BOB);
    ck_assert_int_eq(sent.outcome.action, FLOW_REPLACE);
    ck_assert_ptr_null(sent.transaction.lookups);
    expect_readable(&sent, &bob);
    sent_clear(&sent);
}
END_TEST

/* A key that is known and does not fit is as none: who may have another one is asked, once; but not
 * where the one that does not fit is pinned. */
START_TEST(asked_for_one_that_fits)
{
    static const bool pins[] = {false, true};
    bool pinned = pins[_i];
    struct pki known = pki_make(&(struct pki_spec){.addresses = {BOB}, .key = PKI_RSA_2048}, NULL);
    int64_t id = 0;
    char *why = NULL;
    open_world("encrypt-forced", slapd.tls_uri,
               "profiles = ( { name = \"curves\"; key_encryption = [ \"ecdh\" ]; } );"
               "profile = \"curves\";");
    ck_assert_int_eq(
        store_pubkey_import(world.gateway->store, known.certificate, PKI_NOW, &id, &why), STORE_OK);
    if (pinned)
        ck_assert_int_eq(store_pubkey_pin(world.gateway->store, id, PKI_NOW, &why), STORE_OK);
    for (int i = 0; i < 2; i++) {
        struct sent sent = send_to(BOB);
        ck_assert_int_eq(sent.outcome.transform,
                         pinned ? TRANSFORM_REFUSE : TRANSFORM_SIGN_ENCRYPT);
        ck_assert((sent.transaction.lookups != NULL) == (!pinned && i == 0));
        if (!pinned)
            expect_readable(&sent, &bob);
        sent_clear(&sent);
    }
    pki_clear(&known);
}
END_TEST

START_TEST(several_recipients_at_once)
{
    open_world("encrypt-optional", slapd.tls_uri, "");
    struct sent sent =
        send_as(ALICE, ALICE, (const char *const[]){BOB, "carol@partner.test", NULL});
    ck_assert_int_eq(sent.outcome.transform, TRANSFORM_SIGN_ENCRYPT);
    expect_readable(&sent, &bob);
    expect_readable(&sent, &carol);
    /* Who has none gets a message of its own, as ever. */
    struct transaction transaction =
        world_message(&world, ROLE_SUBMISSION, ALICE, ALICE, "From: " ALICE "\n\nx\n");
    ck_assert_int_eq(world_recipient(&world, &transaction, BOB), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, NOBODY), 452);
    transaction_clear(&transaction);
    free(transaction.login);
    sent_clear(&sent);
}
END_TEST

static const struct outcome_case {
    const char *name;
    const char *mode;
    const char *more;
    const char *to;
    bool dead; /* the directory */
    int code;  /* 0: sent */
    enum transform transform;
} outcomes[] = {
    {"nothing, forced", "encrypt-forced", "", NOBODY, false, 550, TRANSFORM_REFUSE},
    {"nothing, optional", "encrypt-optional", "", NOBODY, false, 0, TRANSFORM_SIGN},
    {"dead, forced", "encrypt-forced", "", BOB, true, 451, TRANSFORM_REFUSE},
    {"dead, optional", "encrypt-optional", "", BOB, true, 451, TRANSFORM_REFUSE},
    {"dead, optional, continue", "encrypt-optional", "directory_unavailable = \"continue\";", BOB,
     true, 0, TRANSFORM_SIGN},
    {"dead, forced, continue", "encrypt-forced", "directory_unavailable = \"continue\";", BOB, true,
     451, TRANSFORM_REFUSE},
    {"dead, but not asked about this domain", "encrypt-optional", "", "bob@other.test", true, 0,
     TRANSFORM_SIGN},
    {"dead, signing only", "sign", "", BOB, true, 0, TRANSFORM_SIGN},
};

START_TEST(each_outcome)
{
    const struct outcome_case *c = &outcomes[_i];
    char dead[64];
    snprintf(dead, sizeof dead, "ldap://127.0.0.1:%d", slapd_free_port());
    open_world(c->mode, c->dead ? dead : slapd.tls_uri, c->more);
    struct sent sent = send_to(c->to);
    ck_assert_msg(sent.outcome.reply.code == c->code, "%s: %d", c->name, sent.outcome.reply.code);
    ck_assert_msg(sent.transaction.recipients[0].transform == c->transform, "%s: %s", c->name,
                  transform_name(sent.transaction.recipients[0].transform));
    if (c->code == 451) {
        ck_assert_str_eq(sent.outcome.reply.enhanced, "4.4.3");
        ck_assert_ptr_nonnull(strstr(sent.outcome.reply.english, c->to));
        ck_assert_ptr_nonnull(strstr(sent.outcome.reply.german, c->to));
        ck_assert_ptr_nonnull(strstr(sent.transaction.lookups, "cannot be asked"));
    }
    sent_clear(&sent);
}
END_TEST

/* A stranger, or a user who writes as somebody else, must not make us tell a directory anything. */
START_TEST(only_for_senders_with_the_right_to)
{
    open_world("encrypt-optional", slapd.tls_uri, "");
    struct sent sent = send_as("mallory@example.com", ALICE, (const char *const[]){BOB, NULL});
    ck_assert_ptr_null(sent.transaction.lookups);
    ck_assert_int_eq(asked(BOB), LOOKUP_DUE);
    sent_clear(&sent);
    sent = send_as(NULL, ALICE, (const char *const[]){BOB, NULL});
    ck_assert_int_eq(asked(BOB), LOOKUP_DUE);
    sent_clear(&sent);
    struct transaction stranger =
        world_message(&world, ROLE_INBOUND, NULL, ALICE, "From: " ALICE "\nTo: " BOB "\n\nx\n");
    ck_assert_int_eq(world_recipient(&world, &stranger, BOB), 0);
    struct outcome outcome = world_end(&world, &stranger);
    ck_assert_int_eq(asked(BOB), LOOKUP_DUE);
    outcome_clear(&outcome);
    transaction_clear(&stranger);
    sent = send_to(BOB);
    ck_assert_int_eq(asked(BOB), LOOKUP_KNOWN);
    sent_clear(&sent);
}
END_TEST

/* The null sender of a receipt: who writes is known with the header only. */
START_TEST(asked_at_the_end_for_a_null_sender)
{
    open_world("encrypt-optional", slapd.tls_uri, "");
    struct transaction transaction = world_message(&world, ROLE_SUBMISSION, ALICE, "",
                                                   "From: " ALICE "\nTo: " BOB "\n\nverabredet\n");
    ck_assert_int_eq(world_recipient(&world, &transaction, BOB), 0);
    ck_assert_int_eq(asked(BOB), LOOKUP_DUE);
    struct outcome outcome = world_end(&world, &transaction);
    ck_assert_int_eq(asked(BOB), LOOKUP_KNOWN);
    ck_assert_int_eq(outcome.transform, TRANSFORM_SIGN_ENCRYPT);
    world_forget(&transaction, &outcome);
}
END_TEST

START_TEST(one_message_has_one_budget)
{
    struct fake_server server = fake_server_start(NULL, 0, 0);
    struct deadline patience = deadline_in_ms(20000);
    char url[64];
    snprintf(url, sizeof url, "ldap://127.0.0.1:%d", server.port);
    open_world("encrypt-optional", url, "");
    struct sent sent =
        send_as(ALICE, ALICE, (const char *const[]){BOB, "carol@partner.test", NOBODY, NULL});
    ck_assert_int_eq(sent.outcome.reply.code, 451);
    ck_assert_int_lt(20000 - deadline_left_ms(&patience), 2300);
    ck_assert_int_le(sent.transaction.lookup_ms, 1700);
    /* Only the first could be asked about; nothing is remembered of the others. */
    ck_assert_int_eq(asked(BOB), LOOKUP_KNOWN);
    ck_assert_int_eq(asked("carol@partner.test"), LOOKUP_DUE);
    sent_clear(&sent);
    fake_server_stop(&server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow with directories");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, encrypted_to_what_the_directory_has);
    tcase_add_loop_test(all, asked_for_one_that_fits, 0, 2);
    tcase_add_test(all, several_recipients_at_once);
    tcase_add_loop_test(all, each_outcome, 0, sizeof outcomes / sizeof *outcomes);
    tcase_add_test(all, only_for_senders_with_the_right_to);
    tcase_add_test(all, asked_at_the_end_for_a_null_sender);
    tcase_add_test(all, one_message_has_one_budget);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
