/* A sender's own choice for a message (daemon/choice.h, flow.h), and mail that is left unsigned.
 * What goes out is read by `openssl cms`. */
#include <check.h>

#include "choice.h"
#include "flow_world.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define LISTENER "reinject = \"unix:/nonexistent\";\n"
#define RULE(more) "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; " more " } );\n"
#define NO_RULE ""

static struct world world;
static struct pki alice, bob;
static struct transaction transaction;
static struct outcome outcome;

static void begin(const char *config)
{
    cli_begin();
    world = world_open(config);
    alice = world_mailbox(&world, "alice@example.com", NULL);
    bob = world_partner(&world, "bob@partner.test");
    cli_write_pki("alice", &alice);
    cli_write_pki("bob", &bob);
    cli_write_pki("ca", &world.ca);
}

static void end_message(void)
{
    world_forget(&transaction, &outcome);
}

static void end(void)
{
    end_message();
    pki_clear(&alice);
    pki_clear(&bob);
    world_close(&world);
    cli_end();
}

/* `fields` and a body from `from`@example.com, who has logged in as `login`. */
static void send_as(const char *login, const char *from, const char *fields,
                    const char *const *recipients)
{
    char *text = NULL;
    char sender[64];
    snprintf(sender, sizeof sender, "%s@example.com", from);
    ck_assert_int_gt(asprintf(&text,
                              "From: %s\nTo: bob@partner.test, carol@partner.test,\n "
                              "hans@example.com\n%s\nThe secret text\n",
                              sender, fields),
                     0);
    transaction = world_message(&world, ROLE_SUBMISSION, login, sender, text);
    free(text);
    for (; *recipients; recipients++)
        ck_assert_int_eq(world_recipient(&world, &transaction, *recipients), 0);
    outcome = world_end(&world, &transaction);
}

static void send_one(const char *from, const char *fields, const char *to)
{
    const char *const recipients[] = {to, NULL};
    char login[64];
    snprintf(login, sizeof login, "%s@example.com", from);
    send_as(login, from, fields, recipients);
}

#define BOB "bob@partner.test"     /* whose key is known */
#define CAROL "carol@partner.test" /* whose is not */
#define HANS "hans@example.com"    /* one of ours */
#define FREE RULE("outgoing = \"sign\"; choice = \"free\";")
#define OPTIONAL RULE("outgoing = \"encrypt-optional\";")
#define FORCED RULE("outgoing = \"encrypt-forced\";")
#define NONE RULE("outgoing = \"none\";")

static const struct {
    const char *name;
    const char *config;
    const char *from; /* alice can sign, dora cannot */
    const char *fields;
    const char *to;
    enum transform transform;
    enum choice_effect effect;
    const char *choice; /* as it is logged; NULL: none */
} cases[] = {
    {"nothing is asked", NO_RULE, "alice", "Subject: hi\n", BOB, TRANSFORM_SIGN, CHOICE_UNASKED,
     NULL},
    {"X-Smimed: encrypt", NO_RULE, "alice", "X-Smimed: encrypt\n", BOB, TRANSFORM_SIGN_ENCRYPT,
     CHOICE_STRENGTHENED, "encrypt"},
    {"X-Smimed in capitals", NONE, "alice", "x-smimed: SIGN,Encrypt\n", BOB, TRANSFORM_SIGN_ENCRYPT,
     CHOICE_STRENGTHENED, "sign, encrypt"},
    {"X-Smimed folded", NONE, "alice", "X-Smimed: sign,\n encrypt\n", BOB, TRANSFORM_SIGN_ENCRYPT,
     CHOICE_STRENGTHENED, "sign, encrypt"},
    {"X-Smimed empty", NONE, "alice", "X-Smimed:\n", BOB, TRANSFORM_NONE, CHOICE_UNASKED, NULL},
    {"encrypt alone where nothing is signed", NONE, "alice", "X-Smimed: encrypt\n", BOB,
     TRANSFORM_ENCRYPT, CHOICE_STRENGTHENED, "encrypt"},
    {"sign alone", NONE, "alice", "X-Smimed: sign\n", BOB, TRANSFORM_SIGN, CHOICE_STRENGTHENED,
     "sign"},
    {"in two fields", NONE, "alice", "X-Smimed: sign\nX-Smimed: encrypt\n", BOB,
     TRANSFORM_SIGN_ENCRYPT, CHOICE_STRENGTHENED, "sign, encrypt"},
    {"[encrypt]", NO_RULE, "alice", "Subject: [encrypt] hi\n", BOB, TRANSFORM_SIGN_ENCRYPT,
     CHOICE_STRENGTHENED, "encrypt"},
    {"[sign]", NONE, "alice", "Subject: [SIGN] hi\n", BOB, TRANSFORM_SIGN, CHOICE_STRENGTHENED,
     "sign"},
    {"[encrypt] in a reply to a stranger", NO_RULE, "alice", "Subject: Re: [encrypt] hi\n", CAROL,
     TRANSFORM_SIGN, CHOICE_UNASKED, NULL},
    {"another word", "encrypt_words = \"[geheim] [verschlüsseln]\";", "alice",
     "Subject: =?utf-8?q?[Verschl=C3=BCsseln]?= hi\n", BOB, TRANSFORM_SIGN_ENCRYPT,
     CHOICE_STRENGTHENED, "encrypt"},
    {"a word that is none any more", "encrypt_words = \"[geheim]\";", "alice",
     "Subject: [encrypt] hi\n", BOB, TRANSFORM_SIGN, CHOICE_UNASKED, NULL},
    {"Sensitivity", NO_RULE, "alice", "Sensitivity: company-confidential\n", BOB,
     TRANSFORM_SIGN_ENCRYPT, CHOICE_STRENGTHENED, "encrypt"},
    {"another Sensitivity", NO_RULE, "alice", "Sensitivity: Personal\n", BOB, TRANSFORM_SIGN,
     CHOICE_UNASKED, NULL},
    {"Sensitivity that does not count", "confidential_encrypts = false;", "alice",
     "Sensitivity: Company-Confidential\n", BOB, TRANSFORM_SIGN, CHOICE_UNASKED, NULL},
    {"encrypt, and no key", NO_RULE, "alice", "X-Smimed: encrypt\n", CAROL, TRANSFORM_REFUSE,
     CHOICE_UNMET, "encrypt"},
    {"encrypt, no key, encrypt-optional", OPTIONAL, "alice", "Subject: [encrypt] hi\n", CAROL,
     TRANSFORM_REFUSE, CHOICE_UNMET, "encrypt"},
    {"encrypt, and no certificate", NO_RULE, "dora", "X-Smimed: encrypt\n", BOB, TRANSFORM_ENCRYPT,
     CHOICE_STRENGTHENED, "encrypt"},
    {"sign, and no certificate", NO_RULE, "dora", "X-Smimed: sign\n", BOB, TRANSFORM_NONE,
     CHOICE_UNMET, "sign"},
    {"as the rule has it", OPTIONAL, "alice", "X-Smimed: sign, encrypt\n", BOB,
     TRANSFORM_SIGN_ENCRYPT, CHOICE_SATISFIED, "sign, encrypt"},
    {"for one of ours", NO_RULE, "alice", "X-Smimed: sign, encrypt\n", HANS, TRANSFORM_NONE,
     CHOICE_UNASKED, "sign, encrypt"},
    /* weakening */
    {"[plain] is not free by default", NO_RULE, "alice", "Subject: [plain] hi\n", BOB,
     TRANSFORM_SIGN, CHOICE_DENIED, "plain"},
    {"[plain] where the rule is free", FREE, "alice", "Subject: [plain] hi\n", BOB, TRANSFORM_NONE,
     CHOICE_WEAKENED, "plain"},
    {"plain by the setting", "sender_choice = \"free\";" OPTIONAL, "alice", "X-Smimed: plain\n",
     BOB, TRANSFORM_NONE, CHOICE_WEAKENED, "plain"},
    {"the setting does not weaken encrypt-forced", "sender_choice = \"free\";" FORCED, "alice",
     "X-Smimed: plain\n", BOB, TRANSFORM_SIGN_ENCRYPT, CHOICE_DENIED, "plain"},
    {"the rule itself may", RULE("outgoing = \"encrypt-forced\"; choice = \"free\";"), "alice",
     "X-Smimed: plain\n", CAROL, TRANSFORM_NONE, CHOICE_WEAKENED, "plain"},
    {"plain and encrypt", FREE, "alice", "Subject: [plain] hi\nX-Smimed: encrypt\n", BOB,
     TRANSFORM_SIGN_ENCRYPT, CHOICE_STRENGTHENED, "encrypt"},
    {"plain where nothing is done", NONE, "alice", "X-Smimed: plain\n", BOB, TRANSFORM_NONE,
     CHOICE_SATISFIED, "plain"},
    /* where senders may not choose */
    {"the rule lets nobody choose", RULE("outgoing = \"sign\"; choice = \"none\";"), "alice",
     "X-Smimed: encrypt\n", BOB, TRANSFORM_SIGN, CHOICE_DENIED, "encrypt"},
    {"nobody may choose at all", "sender_choice = \"none\";", "alice", "X-Smimed: encrypt\n", BOB,
     TRANSFORM_SIGN, CHOICE_UNASKED, NULL},
    {"a rule alone lets choose",
     "sender_choice = \"none\";" RULE("outgoing = \"sign\"; choice = \"strengthen\";"), "alice",
     "X-Smimed: encrypt\n", BOB, TRANSFORM_SIGN_ENCRYPT, CHOICE_STRENGTHENED, "encrypt"},
};

START_TEST(chosen)
{
    const char *told;
    begin(cases[_i].config);
    send_one(cases[_i].from, cases[_i].fields, cases[_i].to);
    told = outcome.choice;
    ck_assert_msg(transaction.recipients[0].transform == cases[_i].transform, "%s: %s",
                  cases[_i].name, transform_name(transaction.recipients[0].transform));
    ck_assert_msg(transaction.recipients[0].choice == cases[_i].effect, "%s: %s", cases[_i].name,
                  choice_effect_name(transaction.recipients[0].choice));
    ck_assert_msg((told == NULL) == (cases[_i].choice == NULL) &&
                      (told == NULL || strcmp(told, cases[_i].choice) == 0),
                  "%s: told %s", cases[_i].name, told != NULL ? told : "nothing");
    if (cases[_i].transform == TRANSFORM_REFUSE) {
        ck_assert_int_eq(outcome.action, FLOW_REPLY);
        ck_assert_int_eq(outcome.reply.code, 550);
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, cases[_i].to));
        ck_assert_ptr_nonnull(strstr(outcome.reply.german, cases[_i].to));
        ck_assert_ptr_null(outcome.body);
    } else {
        ck_assert_int_ne(outcome.action, FLOW_REPLY);
    }
    end();
}
END_TEST

/* What `address` gets. */
static char *text_for(const char *address)
{
    const struct outcome *part = &outcome;
    for (size_t c = 0; c < outcome.copy_count; c++)
        for (size_t i = 0; i < outcome.copies[c].count; i++)
            if (strcmp(transaction.recipients[outcome.copies[c].members[i]].text, address) == 0)
                part = outcome.copies[c].outcome;
    return world_text(&transaction, part);
}

/* No copy shows what was asked for, nor does what was signed or encrypted. */
START_TEST(the_words_go_in_every_copy)
{
    static const char *const to[] = {BOB, HANS, NULL};
    char *text;
    begin(LISTENER);
    send_as("alice@example.com", "alice",
            "Subject: [encrypt] [sign] =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-Smimed: sign\n"
            "Sensitivity: Company-Confidential\nx-SMIMED: encrypt\n",
            to);
    ck_assert_int_ne(outcome.action, FLOW_REPLY);
    ck_assert_uint_eq(outcome.copy_count, 1);
    ck_assert_str_eq(outcome.choice_by, "Subject, X-Smimed, Sensitivity");
    for (size_t i = 0; i < 2; i++) {
        text = text_for(to[i]);
        ck_assert_ptr_null(strcasestr(text, "x-smimed"));
        ck_assert_ptr_null(strstr(text, "[encrypt]"));
        ck_assert_ptr_null(strstr(text, "[sign]"));
        ck_assert_ptr_nonnull(strstr(text, i == 0 ? "\nSubject: [...]\r\n" : "\nSubject: =?"));
        ck_assert_ptr_nonnull(strstr(text, "\nSensitivity: Company-Confidential\r\n"));
        ck_assert((strstr(text, "The secret text") == NULL) == (i == 0));
        cli_write(i == 0 ? "to-bob" : "to-hans", text, strlen(text));
        free(text);
    }
    ck_assert_int_eq(cli_run("openssl cms -decrypt -in %s -recip %s -inkey %s.key -out %s",
                             cli_path("to-bob"), cli_path("bob"), cli_path("bob"),
                             cli_path("decrypted")),
                     0);
    ck_assert_int_eq(cli_run("openssl cms -verify -in %s -CAfile %s -no_check_time -out %s",
                             cli_path("decrypted"), cli_path("ca"), cli_path("verified")),
                     0);
    ck_assert(cli_contains("verified", "The secret text"));
    ck_assert(!cli_contains("decrypted", "[encrypt]"));
    ck_assert(cli_contains("verified", "\nSubject: =?"));
    ck_assert(!cli_contains("verified", "[sign]") && !cli_contains("verified", "X-S"));
    ck_assert(cli_contains("verified", "\nSensitivity: Company-Confidential"));
    end();
}
END_TEST

START_TEST(the_refused_are_reported_the_others_get_theirs)
{
    static const char *const to[] = {BOB, CAROL, NULL};
    char *text;
    begin(LISTENER);
    send_as("alice@example.com", "alice", "Subject: [encrypt] hi\n", to);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    ck_assert_int_eq(outcome.transform, TRANSFORM_SIGN_ENCRYPT);
    ck_assert_int_eq(transaction.recipients[1].reply.code, 550);
    text = text_for(BOB);
    ck_assert_ptr_null(strstr(text, "The secret text"));
    free(text);
    end();
}
END_TEST

/* Encryption that was asked for waits for a directory, as where a rule forces it. */
START_TEST(a_directory_is_waited_for)
{
    static const char *const config = "directory_unavailable = \"continue\"; directories = ( { url "
                                      "= \"ldap://127.0.0.1:1\"; base = "
                                      "\"dc=test\"; starttls = \"off\"; } );\n" OPTIONAL;
    begin(config);
    send_one("alice", "Subject: hi\n", CAROL);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    ck_assert_int_eq(outcome.transform, TRANSFORM_SIGN);
    end_message();
    send_one("alice", "Subject: [encrypt] hi\n", CAROL);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 451);
    end();
}
END_TEST

/* Whoever may not sign as From chooses nothing; what he wanted encrypted does not go in the clear.
 */
START_TEST(a_client_without_authority_chooses_nothing)
{
    static const char *const to[] = {BOB, NULL};
    static const struct {
        const char *fields;
        int code; /* 0: sent */
        const char *subject;
    } asked[] = {
        {"Subject: [plain] hi\n", 0, "\nSubject: [plain] hi\r\n"},
        {"Subject: [sign] hi\n", 0, "\nSubject: [sign] hi\r\n"},
        {"Subject: [encrypt] hi\n", 550, NULL},
        {"Sensitivity: Company-Confidential\n", 550, NULL},
    };
    begin(FREE);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        send_as("mallory", "alice", asked[i].fields, to);
        ck_assert_int_eq(outcome.reply.code, asked[i].code);
        ck_assert_int_eq(transaction.recipients[0].transform,
                         asked[i].code != 0 ? TRANSFORM_REFUSE : TRANSFORM_NONE);
        if (asked[i].subject != NULL) {
            char *text = text_for(BOB);
            ck_assert_ptr_nonnull(strstr(text, asked[i].subject));
            free(text);
        }
        end_message();
    }
    end();
}
END_TEST

START_TEST(a_field_that_nobody_understands_is_refused)
{
    begin(NO_RULE);
    send_one("alice", "X-Smimed: sign, enrcypt\n", BOB);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    ck_assert_ptr_nonnull(strstr(outcome.reply.english, "enrcypt"));
    end();
}
END_TEST

/* What comes in has nothing to say. */
START_TEST(strangers_choose_nothing)
{
    char *text;
    begin("sender_choice = \"free\";");
    transaction = world_message(&world, ROLE_INBOUND, NULL, BOB,
                                "From: bob@partner.test\nTo: alice@example.com\n"
                                "X-Smimed: encrypt, nonsense\nSubject: [encrypt] hi\n\ntext\n");
    ck_assert_int_eq(world_recipient(&world, &transaction, "alice@example.com"), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    ck_assert_ptr_null(outcome.choice);
    text = world_text(&transaction, &outcome);
    ck_assert_ptr_null(strstr(text, "X-Smimed:"));
    ck_assert_ptr_nonnull(strstr(text, "\nSubject: [encrypt] hi\r\n"));
    free(text);
    end();
}
END_TEST

/* A choice that is no word of ours leaves the subject byte for byte. */
START_TEST(a_subject_without_words_stays)
{
    char *text;
    begin(NO_RULE);
    send_one("alice", "X-Smimed: sign\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\n [sign]\n", BOB);
    text = text_for(BOB);
    ck_assert_ptr_nonnull(strstr(text, "\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n [sign]\r\n"));
    free(text);
    end();
}
END_TEST

#define INVITATION                                                                                 \
    "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nCome\n--b\n"     \
    "Content-Type: TEXT/Calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n--b--\n"

static const struct {
    const char *name;
    const char *config;
    const char *fields;
    enum transform transform;
    bool exempt;
} exemptions[] = {
    {"invitations are signed", NO_RULE, INVITATION, TRANSFORM_SIGN, false},
    {"unless the setting says no", "unsigned_calendar = true;", INVITATION, TRANSFORM_NONE, true},
    {"an invitation that is the whole message", "unsigned_calendar = true;",
     "Content-Type: text/calendar\n", TRANSFORM_NONE, true},
    {"no invitation", "unsigned_calendar = true;", "Content-Type: text/plain\n", TRANSFORM_SIGN,
     false},
    {"auto-submitted is signed", NO_RULE, "Auto-Submitted: auto-generated\n", TRANSFORM_SIGN,
     false},
    {"unless it is not", "unsigned_auto_submitted = true;", "Auto-Submitted: auto-replied; x=y\n",
     TRANSFORM_NONE, true},
    {"no is no", "unsigned_auto_submitted = true;", "Auto-Submitted: No (really)\n", TRANSFORM_SIGN,
     false},
    {"a named sender", "unsigned_senders = [ \"alice@example.com\" ];", "", TRANSFORM_NONE, true},
    {"another sender", "unsigned_senders = [ \"bert@example.com\" ];", "", TRANSFORM_SIGN, false},
    {"still encrypted", "unsigned_senders = [ \"*\" ];" OPTIONAL, "", TRANSFORM_ENCRYPT, true},
    {"forced is forced", "unsigned_senders = [ \"*\" ];" FORCED, "", TRANSFORM_SIGN_ENCRYPT, false},
    {"signed if the sender says so", "unsigned_senders = [ \"*\" ];", "X-Smimed: sign\n",
     TRANSFORM_SIGN, false},
};

START_TEST(left_unsigned)
{
    begin(exemptions[_i].config);
    send_one("alice", exemptions[_i].fields, BOB);
    ck_assert_msg(transaction.recipients[0].transform == exemptions[_i].transform, "%s: %s",
                  exemptions[_i].name, transform_name(transaction.recipients[0].transform));
    ck_assert_msg((outcome.exemption != NULL) == exemptions[_i].exempt, "%s", exemptions[_i].name);
    ck_assert_msg(outcome.note == NULL, "%s: %s", exemptions[_i].name, outcome.note);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("choice");
    TCase *tests = tcase_create("choice");
    TCase *without = tcase_create("unsigned");
    tcase_set_timeout(tests, 60);
    tcase_set_timeout(without, 60);
    tcase_add_loop_test(tests, chosen, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tests, the_words_go_in_every_copy);
    tcase_add_test(tests, the_refused_are_reported_the_others_get_theirs);
    tcase_add_test(tests, a_directory_is_waited_for);
    tcase_add_test(tests, a_client_without_authority_chooses_nothing);
    tcase_add_test(tests, a_field_that_nobody_understands_is_refused);
    tcase_add_test(tests, strangers_choose_nothing);
    tcase_add_test(tests, a_subject_without_words_stays);
    tcase_add_loop_test(without, left_unsigned, 0, (int)(sizeof exemptions / sizeof exemptions[0]));
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, without);
    return test_run(suite);
}
