/* Messages whose recipients need different bodies (daemon/flow.h): who gets which copy, and what is
 * in it, as `openssl cms` reads it. Nothing is sent here. */
#include <check.h>

#include "flow_world.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define LISTENER "reinject = \"unix:/nonexistent\";\n"
#define RULE(more) "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; " more " } );"

#define TEXT                                                                                       \
    "From: alice@example.com\nTo: bob@partner.test, carol@partner.test, hans@example.com\n"        \
    "Subject: hi\n\nThe secret text\n"

static struct world world;
static struct pki alice, bert, bob, eve;
static struct transaction transaction;
static struct outcome outcome;

static void begin(const char *config)
{
    cli_begin();
    world = world_open(config);
    alice = world_mailbox(&world, "alice@example.com", NULL);
    bert = world_mailbox(&world, "bert@example.com", NULL);
    bob = world_partner(&world, "bob@partner.test");
    eve = world_partner(&world, "eve@partner.test");
    cli_write_pki("alice", &alice);
    cli_write_pki("bert", &bert);
    cli_write_pki("bob", &bob);
    cli_write_pki("eve", &eve);
    cli_write_pki("ca", &world.ca);
}

static void end(void)
{
    world_forget(&transaction, &outcome);
    pki_clear(&alice);
    pki_clear(&bert);
    pki_clear(&bob);
    pki_clear(&eve);
    world_close(&world);
    cli_end();
}

static void send_text(const char *text, const char *const *recipients)
{
    transaction =
        world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com", text);
    for (; *recipients; recipients++)
        ck_assert_int_eq(world_recipient(&world, &transaction, *recipients), 0);
    outcome = world_end(&world, &transaction);
}

static void receive(const char *text, const char *const *recipients)
{
    transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    for (; *recipients; recipients++)
        ck_assert_int_eq(world_recipient(&world, &transaction, *recipients), 0);
    outcome = world_end(&world, &transaction);
}

/* What `address` gets: the copy that he is a member of, or the message in hand if he is of none. */
static const struct outcome *part_of(const char *address)
{
    const struct outcome *found = &outcome;
    size_t times = 0;
    for (size_t c = 0; c < outcome.copy_count; c++)
        for (size_t i = 0; i < outcome.copies[c].count; i++) {
            size_t member = outcome.copies[c].members[i];
            ck_assert_uint_lt(member, transaction.recipient_count);
            if (strcmp(transaction.recipients[member].text, address) == 0) {
                found = outcome.copies[c].outcome;
                times++;
            }
        }
    ck_assert_msg(times <= 1, "%s gets %zu copies", address, times);
    return found;
}

/* Write what `address` gets to the file `name`. */
static const struct outcome *save_part(const char *address, const char *name)
{
    const struct outcome *part = part_of(address);
    char *text = world_text(&transaction, part);
    cli_write(name, text, strlen(text));
    free(text);
    return part;
}

static int decrypts(const char *name, const char *who)
{
    return cli_run("openssl cms -decrypt -in %s -recip %s -inkey %s.key -out %s", cli_path(name),
                   cli_path(who), cli_path(who), cli_path("decrypted")) == 0;
}

static int verifies(const char *name)
{
    return cli_run("openssl cms -verify -in %s -CAfile %s -no_check_time -out %s", cli_path(name),
                   cli_path("ca"), cli_path("verified")) == 0;
}

/* RecipientInfos of an encrypted message. */
static int infos(const char *name)
{
    char line[600];
    FILE *in;
    int count = -1;
    snprintf(line, sizeof line,
             "openssl cms -cmsout -print -noout -in %s | grep -c -e d.ktri -e d.kari",
             cli_path(name));
    in = popen(line, "r");
    ck_assert(in != NULL && fscanf(in, "%d", &count) == 1);
    pclose(in);
    return count;
}

START_TEST(each_recipient_gets_what_his_rule_says)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test", "hans@example.com",
                                     NULL};
    begin(LISTENER RULE("outgoing = \"encrypt-optional\";"));
    send_text(TEXT, to);
    ck_assert_int_ne(outcome.action, FLOW_REPLY);
    ck_assert_uint_eq(outcome.copy_count, 2);

    ck_assert_int_eq(save_part("bob@partner.test", "to-bob")->transform, TRANSFORM_SIGN_ENCRYPT);
    ck_assert(!cli_contains("to-bob", "secret"));
    ck_assert(decrypts("to-bob", "bob"));
    ck_assert(verifies("decrypted"));
    ck_assert(cli_contains("verified", "The secret text"));

    ck_assert_int_eq(save_part("carol@partner.test", "to-carol")->transform, TRANSFORM_SIGN);
    ck_assert(verifies("to-carol"));

    ck_assert_int_eq(save_part("hans@example.com", "to-hans")->action, FLOW_PASS);
    ck_assert(cli_contains("to-hans", "\r\n\r\nThe secret text\r\n"));
    end();
}
END_TEST

START_TEST(the_largest_group_rides_on_the_message)
{
    static const char *const to[] = {"hans@example.com", "bob@partner.test", "eve@partner.test",
                                     NULL};
    begin(LISTENER RULE("outgoing = \"encrypt-forced\";"));
    send_text("From: alice@example.com\nTo: hans@example.com, bob@partner.test, eve@partner.test\n"
              "\nThe secret text\n",
              to);
    ck_assert_int_eq(outcome.transform, TRANSFORM_SIGN_ENCRYPT);
    ck_assert_uint_eq(outcome.copy_count, 1);
    ck_assert_uint_eq(outcome.copies[0].count, 1);
    ck_assert_uint_eq(outcome.copies[0].members[0], 0);
    save_part("eve@partner.test", "main");
    ck_assert(decrypts("main", "eve") && decrypts("main", "bob"));
    end();
}
END_TEST

START_TEST(blind_recipients_get_ciphertext_of_their_own)
{
    static const char *const to[] = {"bob@partner.test", "eve@partner.test", NULL};
    begin(LISTENER RULE("outgoing = \"encrypt-forced\";"));
    send_text("From: alice@example.com\nTo: bob@partner.test\n\nThe secret text\n", to);
    ck_assert_uint_eq(outcome.copy_count, 1);
    save_part("bob@partner.test", "to-bob");
    save_part("eve@partner.test", "to-eve");
    ck_assert_int_eq(infos("to-bob"), 1);
    ck_assert_int_eq(infos("to-eve"), 1);
    ck_assert(decrypts("to-bob", "bob") && !decrypts("to-bob", "eve"));
    ck_assert(decrypts("to-eve", "eve") && !decrypts("to-eve", "bob"));
    end();
}
END_TEST

/* The MTA takes a recipient off by his address: whoever is named twice must be in one group. */
START_TEST(the_same_blind_recipient_twice)
{
    static const char *const to[] = {"eve@partner.test", "eve@partner.test", "EVE@partner.test",
                                     "bob@partner.test", NULL};
    begin(LISTENER RULE("outgoing = \"encrypt-forced\";"));
    send_text("From: alice@example.com\nTo: bob@partner.test\n\nThe secret text\n", to);
    ck_assert_uint_eq(outcome.copy_count, 1);
    ck_assert_uint_eq(outcome.copies[0].count, 1);
    ck_assert_uint_eq(outcome.copies[0].members[0], 3);
    end();
}
END_TEST

START_TEST(local_programs_are_split_for_too)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test"};
    begin(LISTENER RULE(
        "outgoing = \"encrypt-optional\";") "local_senders = [ \"alice@example.com\" ];");
    transaction = world_message(&world, ROLE_LOCAL, NULL, "alice@example.com", TEXT);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(world_recipient(&world, &transaction, to[i]), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    ck_assert_uint_eq(outcome.copy_count, 1);
    end();
}
END_TEST

/* Whom Postfix does not find when he is to leave a program's message gets what rides on it. */
START_TEST(what_is_in_the_clear_does_not_ride)
{
    static const struct {
        const char *mode;
        const char *to[4];
        enum transform rides; /* TRANSFORM_REFUSE: nobody gets anything */
        size_t copies;
    } cases[] = {
        {"encrypt-optional",
         {"carol@partner.test", "dan@partner.test", "bob@partner.test"},
         TRANSFORM_SIGN_ENCRYPT,
         1},
        {"encrypt-optional",
         {"carol@partner.test", "hans@example.com", "hugo@example.com"},
         TRANSFORM_NONE,
         1},
        {"encrypt-forced",
         {"carol@partner.test", "hans@example.com", "bob@partner.test"},
         TRANSFORM_SIGN_ENCRYPT,
         2},
        {"encrypt-forced", {"carol@partner.test", "hans@example.com"}, TRANSFORM_REFUSE, 0},
    };
    char config[512];
    snprintf(config, sizeof config,
             LISTENER "local_senders = [ \"alice@example.com\" ];\n" RULE("outgoing = \"%s\";"),
             cases[_i].mode);
    begin(config);
    transaction =
        world_message(&world, ROLE_LOCAL, NULL, "alice@example.com",
                      "From: alice@example.com\nTo: bob@partner.test, carol@partner.test\n"
                      "\nsecret\n");
    for (size_t i = 0; cases[_i].to[i]; i++)
        ck_assert_int_eq(world_recipient(&world, &transaction, cases[_i].to[i]), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.transform, cases[_i].rides);
    ck_assert_int_eq(outcome.action == FLOW_REPLY, cases[_i].rides == TRANSFORM_REFUSE);
    ck_assert_uint_eq(outcome.copy_count, cases[_i].copies);
    end();
}
END_TEST

/* The recipients that are refused by a report. */
static size_t refused_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < outcome.copy_count; i++)
        if (outcome.copies[i].outcome->action == FLOW_REPLY)
            count += outcome.copies[i].count;
    return count;
}

/* One recipient who must be refused does not keep the mail from the others. */
START_TEST(the_refused_are_reported)
{
    static const char *const to[] = {"carol@partner.test", "bob@partner.test", "dan@partner.test",
                                     "hans@example.com", NULL};
    begin(LISTENER RULE("outgoing = \"encrypt-forced\";"));
    send_text(TEXT, to);
    ck_assert_int_ne(outcome.action, FLOW_REPLY);
    ck_assert_uint_eq(refused_count(), 2);
    for (size_t i = 0; i < 3; i += 2) {
        const struct recipient *recipient = &transaction.recipients[i];
        ck_assert_int_eq(part_of(to[i])->action, FLOW_REPLY);
        ck_assert_int_eq(recipient->reply.code, 550);
        ck_assert_ptr_nonnull(strstr(recipient->reply.english, to[i]));
    }
    save_part("bob@partner.test", "to-bob");
    ck_assert(decrypts("to-bob", "bob"));
    ck_assert_int_eq(part_of("hans@example.com")->action, FLOW_PASS);
    end();
}
END_TEST

/* No report to nobody: then one refusal is everybody's. */
START_TEST(refused_for_one_is_refused_for_all)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test", "hans@example.com"};
    static const struct {
        const char *config;
        const char *sender;
    } cases[] = {
        {LISTENER RULE("outgoing = \"encrypt-forced\";") "sender_logins = \"mta\";", ""},
        {RULE("outgoing = \"encrypt-forced\";") "local_senders = [ \"alice@example.com\" ];",
         "alice@example.com"},
    };
    begin(cases[_i].config);
    transaction = world_message(&world, _i == 0 ? ROLE_SUBMISSION : ROLE_LOCAL, "alice@example.com",
                                cases[_i].sender, TEXT);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(world_recipient(&world, &transaction, to[i]), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    /* nobody is authorised as the null sender: bob, who comes first, cannot be written to either */
    ck_assert_ptr_nonnull(
        strstr(outcome.reply.english, _i == 0 ? "bob@partner.test" : "carol@partner.test"));
    ck_assert_uint_eq(outcome.copy_count, 0);
    ck_assert_ptr_null(outcome.body);
    end();
}
END_TEST

/* What may be better later is no failure to report: all come again. */
START_TEST(deferred_for_one_is_deferred_for_all)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test", "dan@dead.test",
                                     NULL};
    begin(LISTENER RULE(
        "outgoing = \"encrypt-forced\";") "directories = ( { url = \"ldap://127.0.0.1:1\"; domains "
                                          "= [ \"dead.test\" ];"
                                          " base = \"dc=dead\"; starttls = \"off\"; } );");
    send_text(TEXT, to);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 451);
    ck_assert_uint_eq(outcome.copy_count, 0);
    end();
}
END_TEST

START_TEST(refused_all_are_refused)
{
    static const char *const to[] = {"carol@partner.test", "dan@partner.test", NULL};
    begin(LISTENER RULE("outgoing = \"encrypt-forced\";"));
    send_text(TEXT, to);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    ck_assert_uint_eq(outcome.copy_count, 0);
    end();
}
END_TEST

START_TEST(a_copy_that_is_too_large_is_reported)
{
    static const char *const to[] = {"bob@partner.test", "hans@example.com", NULL};
    char *text = NULL;
    begin(LISTENER RULE("outgoing = \"encrypt-optional\";") "message_size_limit = 100000;");
    ck_assert_int_gt(
        asprintf(&text, "From: alice@example.com\nTo: bob@partner.test\n\n%0*d\n", 90000, 7), 0);
    send_text(text, to);
    free(text);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    ck_assert_uint_eq(refused_count(), 1);
    ck_assert_int_eq(part_of("bob@partner.test")->reply.code, 552);
    ck_assert_int_eq(transaction.recipients[0].reply.code, 552);
    end();
}
END_TEST

/* Without a listener, or switched off, every transaction is uniform. */
START_TEST(uniform_where_nothing_is_split)
{
    static const char *const configs[] = {
        RULE("outgoing = \"encrypt-optional\";"),
        LISTENER "split = false;" RULE("outgoing = \"encrypt-optional\";"),
    };
    begin(configs[_i]);
    transaction =
        world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com", TEXT);
    ck_assert_int_eq(world_recipient(&world, &transaction, "bob@partner.test"), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, "carol@partner.test"), 452);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    ck_assert_uint_eq(outcome.copy_count, 0);
    end();
}
END_TEST

/* ---- Incoming ---- */

static char *encrypted_to(const char *who)
{
    static const char plain[] = "Content-Type: text/plain\r\n\r\nThe secret text\r\n";
    size_t length = 0;
    cli_write("plain", plain, sizeof plain - 1);
    ck_assert_int_eq(cli_run("openssl cms -encrypt -aes256 -from bob@partner.test"
                             " -to alice@example.com -in %s -out %s %s",
                             cli_path("plain"), cli_path("mail"), who),
                     0);
    return cli_read("mail", &length);
}

static const char *before_mail = ""; /* fields that come first */

static void receive_encrypted(const char *who, const char *const *to)
{
    char *mail = encrypted_to(who);
    char *text = NULL;
    char *put;
    ck_assert_int_gt(asprintf(&text, "%s%s", before_mail, mail), 0);
    free(mail);
    put = text;
    for (const char *p = text; *p; p++) /* LF, as world_message() takes it */
        if (*p != '\r')
            *put++ = *p;
    *put = '\0';
    receive(text, to);
    free(text);
}

static void expect_decrypted(const char *address, bool decrypted)
{
    const struct outcome *part = save_part(address, "part");
    ck_assert_int_eq(part->opened.encryption,
                     decrypted ? ENCRYPTION_DECRYPTED : ENCRYPTION_NOT_DECRYPTED);
    ck_assert_int_eq(part->return_headers_only, decrypted);
    ck_assert_int_eq(cli_contains("part", "The secret text"), decrypted);
    ck_assert_int_eq(cli_contains("part", decrypted ? "X-Smimed-Encryption: decrypted"
                                                    : "X-Smimed-Encryption: not-decrypted"),
                     1);
}

START_TEST(alices_copy_is_decrypted_berts_is_not)
{
    static const char *const to[] = {"bert@example.com", "alice@example.com", NULL};
    begin(LISTENER);
    receive_encrypted(cli_path("alice"), to);
    ck_assert_uint_eq(outcome.copy_count, 1);
    expect_decrypted("alice@example.com", true);
    expect_decrypted("bert@example.com", false);
    ck_assert_ptr_nonnull(
        strstr(part_of("bert@example.com")->opened.encryption_reason, "bert@example.com"));
    end();
}
END_TEST

START_TEST(those_who_can_read_share_a_copy)
{
    static const char *const to[] = {"nobody@example.com", "alice@example.com", "bert@example.com",
                                     "other@elsewhere.test", NULL};
    char who[600];
    begin(LISTENER);
    snprintf(who, sizeof who, "%s %s", cli_path("alice"), cli_path("bert"));
    receive_encrypted(who, to);
    ck_assert_uint_eq(outcome.copy_count, 2);
    ck_assert_ptr_eq(part_of("alice@example.com"), &outcome);
    ck_assert_ptr_eq(part_of("bert@example.com"), &outcome);
    expect_decrypted("alice@example.com", true);
    expect_decrypted("nobody@example.com", false);
    /* whoever is none of ours gets what was sent */
    ck_assert(!part_of("other@elsewhere.test")->opened_set);
    ck_assert_uint_eq(part_of("other@elsewhere.test")->edit_count, 0);
    end();
}
END_TEST

START_TEST(none_is_not_decrypted_for_those_with_another_rule)
{
    static const char *const to[] = {"alice@example.com", "bert@example.com", NULL};
    char who[600];
    begin(LISTENER "rules = ( { managed = [ \"bert@example.com\" ]; external = [ \"*\" ];"
                   " incoming = \"none\"; } );");
    snprintf(who, sizeof who, "%s %s", cli_path("alice"), cli_path("bert"));
    receive_encrypted(who, to);
    ck_assert_uint_eq(outcome.copy_count, 1);
    expect_decrypted("alice@example.com", true);
    expect_decrypted("bert@example.com", false);
    end();
}
END_TEST

/* A stranger is told by a report only where the MTA says that he is who he says. */
START_TEST(who_must_refuse_refuses_for_all)
{
    static const char *const to[] = {"alice@example.com", "bert@example.com", NULL};
    static const char *const results[] = {
        "",
        "Authentication-Results: mx.example.com; spf=fail smtp.mailfrom=partner.test\n",
        "Authentication-Results: mx.elsewhere.test; spf=pass smtp.mailfrom=partner.test\n",
        "Authentication-Results: mx.example.com; dkim=pass header.d=other.test\n",
        "Authentication-Results: mx.example.com; dkim=pass header.d=partner.test\n",
        ("Authentication-Results: mx.example.com; none\n"
         "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=bob@partner.test\n"),
    };
    bool genuine = _i >= 4;
    begin(LISTENER RULE("incoming = \"decrypt-always\";"));
    before_mail = results[_i];
    receive_encrypted(cli_path("alice"), to);
    if (genuine) {
        expect_decrypted("alice@example.com", true);
        ck_assert_uint_eq(refused_count(), 1);
        ck_assert_int_eq(part_of("bert@example.com")->reply.code, 550);
        ck_assert_ptr_nonnull(strstr(transaction.recipients[1].reply.english, "bert@example.com"));
    } else {
        ck_assert_int_eq(outcome.action, FLOW_REPLY);
        ck_assert_int_eq(outcome.reply.code, 550);
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, "bert@example.com"));
        ck_assert_uint_eq(outcome.copy_count, 0);
    }
    end();
}
END_TEST

/* A RecipientInfo alone proves nothing: it is named for gerd's certificate, but his key does not
 * open it. Alice reads hers all the same, and gerd gets what was sent. Whoever is named twice gets
 * one copy then too: the MTA takes a recipient off by his address. */
START_TEST(a_recipient_info_that_lies)
{
    static const char *const to[][5] = {
        {"alice@example.com", "gerd@example.com"},
        {"alice@example.com", "gerd@example.com", "alice@example.com", "ALICE@example.com"},
        {"gerd@example.com", "gerd@example.com", "alice@example.com"},
    };
    const struct pki_spec spec = {.addresses = {"gerd@example.com"}, .serial = 4711};
    struct pki gerd, liar;
    char who[600];
    char *why = NULL;
    begin(LISTENER);
    gerd = pki_make(&spec, &world.ca);
    liar = pki_make(&spec, &world.ca);
    cli_write_pki("liar", &liar);
    ck_assert(store_mailbox_add(world.gateway->store, "gerd@example.com", NULL, 0, &why) ==
                  STORE_OK &&
              store_mailbox_activate(world.gateway->store, "gerd@example.com", gerd.key,
                                     gerd.certificate, NULL, PKI_NOW, &why) == STORE_OK);
    snprintf(who, sizeof who, "%s %s", cli_path("alice"), cli_path("liar"));
    receive_encrypted(who, to[_i]);
    ck_assert_uint_eq(outcome.copy_count, 1);
    expect_decrypted("alice@example.com", true);
    expect_decrypted("gerd@example.com", false);
    pki_clear(&gerd);
    pki_clear(&liar);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_split");
    TCase *outgoing = tcase_create("outgoing");
    TCase *incoming = tcase_create("incoming");
    tcase_set_timeout(outgoing, 60);
    tcase_set_timeout(incoming, 60);
    tcase_add_test(outgoing, each_recipient_gets_what_his_rule_says);
    tcase_add_test(outgoing, the_largest_group_rides_on_the_message);
    tcase_add_test(outgoing, blind_recipients_get_ciphertext_of_their_own);
    tcase_add_test(outgoing, the_same_blind_recipient_twice);
    tcase_add_test(outgoing, local_programs_are_split_for_too);
    tcase_add_loop_test(outgoing, what_is_in_the_clear_does_not_ride, 0, 4);
    tcase_add_test(outgoing, the_refused_are_reported);
    tcase_add_loop_test(outgoing, refused_for_one_is_refused_for_all, 0, 2);
    tcase_add_test(outgoing, deferred_for_one_is_deferred_for_all);
    tcase_add_test(outgoing, refused_all_are_refused);
    tcase_add_test(outgoing, a_copy_that_is_too_large_is_reported);
    tcase_add_loop_test(outgoing, uniform_where_nothing_is_split, 0, 2);
    tcase_add_test(incoming, alices_copy_is_decrypted_berts_is_not);
    tcase_add_test(incoming, those_who_can_read_share_a_copy);
    tcase_add_test(incoming, none_is_not_decrypted_for_those_with_another_rule);
    tcase_add_loop_test(incoming, who_must_refuse_refuses_for_all, 0, 6);
    tcase_add_loop_test(incoming, a_recipient_info_that_lies, 0, 3);
    suite_add_tcase(suite, outgoing);
    suite_add_tcase(suite, incoming);
    return test_run(suite);
}
