/* All incoming modes, whose keys are used, what the reader is told (daemon/flow.h). Messages come
 * from `openssl cms`. */
#include <check.h>
#include <openssl/cms.h>

#include "flow_world.h"
#include "test_run.h"

struct setup {
    struct world world;
    struct pki alice;
    struct pki bert; /* ours as well */
    struct pki bob;  /* the partner who writes */
};

static void write_pem(const struct world *world, const struct pki *pki, const char *name)
{
    char path[128];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", world->directory, name);
    file = fopen(path, "w");
    ck_assert(file != NULL && PEM_write_X509(file, pki->certificate) == 1 &&
              PEM_write_PrivateKey(file, pki->key, NULL, NULL, 0, NULL, NULL) == 1);
    ck_assert_int_eq(fclose(file), 0);
}

static struct setup open_setup(const char *config)
{
    struct setup setup = {.world = world_open(config)};
    setup.alice = world_mailbox(&setup.world, "alice@example.com", NULL);
    setup.bert = world_mailbox(&setup.world, "bert@example.com", NULL);
    setup.bob = pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"}, .key = PKI_RSA_2048},
                         &setup.world.ca);
    write_pem(&setup.world, &setup.alice, "alice.pem");
    write_pem(&setup.world, &setup.bert, "bert.pem");
    write_pem(&setup.world, &setup.bob, "bob.pem");
    world_file(&setup.world, "plain.txt", "Content-Type: text/plain\r\n\r\nThe secret text\r\n");
    return setup;
}

static void close_setup(struct setup *setup)
{
    pki_clear(&setup->alice);
    pki_clear(&setup->bert);
    pki_clear(&setup->bob);
    world_close(&setup->world);
}

/* Standard output of a shell command in the world's directory. */
static char *output_of(const struct world *world, const char *command)
{
    char line[1024];
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    FILE *in;
    int c;
    snprintf(line, sizeof line, "cd '%s' && %s", world->directory, command);
    in = popen(line, "r");
    ck_assert(in != NULL && out != NULL);
    while ((c = getc(in)) != EOF)
        if (c != '\r')
            putc(c, out);
    ck_assert_int_eq(pclose(in), 0);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

#define HEADER "printf 'From: Bob <bob@partner.test>\\nTo: alice@example.com\\nSubject: hi\\n'; "
#define ENCRYPT_TO(who) "openssl cms -encrypt -aes256 -in plain.txt " who
#define SIGN "openssl cms -sign -signer bob.pem -in plain.txt"

static const struct {
    const char *name;
    const char *make;
} messages[] = {
    {"plain", HEADER "cat plain.txt"},
    {"to alice", HEADER ENCRYPT_TO("alice.pem")},
    {"to bert", HEADER ENCRYPT_TO("bert.pem")},
    {"to both", HEADER ENCRYPT_TO("alice.pem bert.pem")},
    {"signed", HEADER SIGN},
    {"to strangers", HEADER ENCRYPT_TO("bob.pem")},
};

enum { PLAIN, TO_ALICE, TO_BERT, TO_BOTH, SIGNED, TO_STRANGERS };

static const struct {
    const char *mode;
    int message;
    enum flow_action action;
    enum encryption_verdict verdict;
} modes[] = {
    {"none", PLAIN, FLOW_PASS, ENCRYPTION_NONE},
    {"none", TO_ALICE, FLOW_PASS, ENCRYPTION_NOT_DECRYPTED},
    {"decrypt-optional", PLAIN, FLOW_PASS, ENCRYPTION_NONE},
    {"decrypt-optional", TO_ALICE, FLOW_REPLACE, ENCRYPTION_DECRYPTED},
    {"decrypt-optional", TO_STRANGERS, FLOW_PASS, ENCRYPTION_NOT_DECRYPTED},
    /* A private key serves only mail whose envelope is addressed to its mailbox. */
    {"decrypt-optional", TO_BERT, FLOW_PASS, ENCRYPTION_NOT_DECRYPTED},
    {"decrypt-always", PLAIN, FLOW_PASS, ENCRYPTION_NONE},
    {"decrypt-always", TO_ALICE, FLOW_REPLACE, ENCRYPTION_DECRYPTED},
    {"decrypt-always", TO_STRANGERS, FLOW_REPLY, ENCRYPTION_NOT_DECRYPTED},
    {"decrypt-always", TO_BERT, FLOW_REPLY, ENCRYPTION_NOT_DECRYPTED},
    {"decrypt-forced", PLAIN, FLOW_REPLY, ENCRYPTION_NONE},
    {"decrypt-forced", SIGNED, FLOW_REPLY, ENCRYPTION_NONE},
    {"decrypt-forced", TO_ALICE, FLOW_REPLACE, ENCRYPTION_DECRYPTED},
    {"decrypt-forced", TO_STRANGERS, FLOW_REPLY, ENCRYPTION_NOT_DECRYPTED},
    {"undefined", TO_ALICE, FLOW_REPLACE, ENCRYPTION_DECRYPTED},
    {"undefined", TO_STRANGERS, FLOW_PASS, ENCRYPTION_NOT_DECRYPTED},
};

static struct outcome receive(struct setup *setup, struct transaction *transaction,
                              const char *sender, const char *text, const char *const *recipients)
{
    *transaction = world_message(&setup->world, ROLE_INBOUND, NULL, sender, text);
    for (; *recipients != NULL; recipients++)
        ck_assert_int_eq(world_recipient(&setup->world, transaction, *recipients), 0);
    return world_end(&setup->world, transaction);
}

static const char *const to_alice[] = {"alice@example.com", NULL};
static const char *const to_both[] = {"alice@example.com", "bert@example.com", NULL};

START_TEST(each_mode)
{
    char config[256];
    struct setup setup;
    struct transaction transaction;
    struct outcome outcome;
    char *text;
    snprintf(config, sizeof config,
             "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; incoming = \"%s\"; } );",
             modes[_i].mode);
    setup = open_setup(config);
    text = output_of(&setup.world, messages[modes[_i].message].make);
    outcome = receive(&setup, &transaction, "bob@partner.test", text, to_alice);
    ck_assert_msg(outcome.action == modes[_i].action, "%s, %s: action %d", modes[_i].mode,
                  messages[modes[_i].message].name, (int)outcome.action);
    ck_assert(outcome.opened_set);
    ck_assert_int_eq(outcome.opened.encryption, modes[_i].verdict);
    ck_assert_int_eq(outcome.return_headers_only, modes[_i].verdict == ENCRYPTION_DECRYPTED);
    if (outcome.action == FLOW_REPLY) {
        ck_assert_int_eq(outcome.reply.code, 550);
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, "alice@example.com"));
    } else {
        char *result = world_text(&transaction, &outcome);
        bool clear = strstr(result, "The secret text") != NULL;
        ck_assert_int_eq(clear, modes[_i].verdict != ENCRYPTION_NOT_DECRYPTED);
        ck_assert_ptr_nonnull(strstr(result, "Authentication-Results: mx.example.com; smime=none"));
        free(result);
    }
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* Until messages are split: decrypted only when all its recipients may read it. */
START_TEST(several_recipients)
{
    static const struct {
        int message;
        enum encryption_verdict verdict;
    } cases[] = {
        {TO_BOTH, ENCRYPTION_DECRYPTED},
        {TO_ALICE, ENCRYPTION_NOT_DECRYPTED},
        {TO_BERT, ENCRYPTION_NOT_DECRYPTED},
    };
    struct setup setup = open_setup("");
    char *text = output_of(&setup.world, messages[cases[_i].message].make);
    struct transaction transaction;
    struct outcome outcome = receive(&setup, &transaction, "bob@partner.test", text, to_both);
    ck_assert_int_eq(outcome.opened.encryption, cases[_i].verdict);
    ck_assert_int_eq(outcome.action,
                     cases[_i].verdict == ENCRYPTION_DECRYPTED ? FLOW_REPLACE : FLOW_PASS);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

static CMS_ContentInfo *read_cms(const struct world *world, const char *name)
{
    char path[128];
    BIO *in;
    CMS_ContentInfo *cms;
    snprintf(path, sizeof path, "%s/%s", world->directory, name);
    in = BIO_new_file(path, "rb");
    cms = in != NULL ? d2i_CMS_bio(in, NULL) : NULL;
    ck_assert_ptr_nonnull(cms);
    BIO_free(in);
    return cms;
}

/* What was encrypted to alice, with a RecipientInfo for bert taken from another message: nothing
 * protects that list. */
static char *with_foreign_recipient(const struct world *world, const char *cipher)
{
    char command[256];
    char path[128];
    CMS_ContentInfo *mail;
    CMS_ContentInfo *other;
    BIO *out;
    snprintf(command, sizeof command,
             "openssl cms -encrypt %s -in plain.txt -outform DER -out a.der alice.pem && "
             "echo else | openssl cms -encrypt %s -outform DER -out b.der bert.pem",
             cipher, cipher);
    free(output_of(world, command));
    mail = read_cms(world, "a.der");
    other = read_cms(world, "b.der");
    ck_assert_int_gt(
        sk_CMS_RecipientInfo_push(CMS_get0_RecipientInfos(mail),
                                  sk_CMS_RecipientInfo_pop(CMS_get0_RecipientInfos(other))),
        0);
    snprintf(path, sizeof path, "%s/forged.der", world->directory);
    out = BIO_new_file(path, "wb");
    ck_assert(out != NULL && i2d_CMS_bio(out, mail) == 1);
    BIO_free(out);
    CMS_ContentInfo_free(mail);
    CMS_ContentInfo_free(other);
    return output_of(world, HEADER
                     "printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\\n"
                     "Content-Transfer-Encoding: base64\\n\\n'; base64 forged.der");
}

/* Whoever adds a colleague to the envelope and to the RecipientInfos of a message must not have it
 * decrypted for the colleague: each recipient's own key has to open it. */
START_TEST(a_recipient_info_is_no_proof)
{
    static const char *const ciphers[] = {"-aes256", "-aes-256-gcm"};
    static const char *const bert_first[] = {"bert@example.com", "alice@example.com", NULL};
    for (int order = 0; order < 2; order++) {
        struct setup setup = open_setup("");
        char *text = with_foreign_recipient(&setup.world, ciphers[_i]);
        struct transaction transaction;
        struct outcome outcome = receive(&setup, &transaction, "mallory@other.test", text,
                                         order == 0 ? to_both : bert_first);
        ck_assert_int_eq(outcome.action, FLOW_PASS);
        ck_assert_int_eq(outcome.opened.encryption, ENCRYPTION_NOT_DECRYPTED);
        outcome_clear(&outcome);
        transaction_clear(&transaction);
        /* Alone, alice may read it. */
        outcome = receive(&setup, &transaction, "mallory@other.test", text, to_alice);
        ck_assert_int_eq(outcome.opened.encryption, ENCRYPTION_DECRYPTED);
        free(text);
        outcome_clear(&outcome);
        transaction_clear(&transaction);
        close_setup(&setup);
    }
}
END_TEST

START_TEST(recipient_outside_keeps_it_encrypted)
{
    static const char *const mixed[] = {"alice@example.com", NULL};
    struct setup setup = open_setup("");
    char *text = output_of(&setup.world, messages[TO_ALICE].make);
    struct transaction transaction =
        world_message(&setup.world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    struct outcome outcome;
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, mixed[0]), 0);
    /* Relayed to somebody who is not ours: another plan, another transaction. */
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "eve@other.test"), 452);
    outcome = world_end(&setup.world, &transaction);
    ck_assert_int_eq(outcome.opened.encryption, ENCRYPTION_DECRYPTED);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* The MTA delivers alice+news@ to alice where the delimiter says so, and only there. */
/* No content could satisfy this one: said at RCPT, so that others get their mail. */
START_TEST(encryption_demanded_without_a_key_is_refused_early)
{
    struct setup setup = open_setup("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; "
                                    "incoming = \"decrypt-forced\"; } );");
    struct transaction transaction =
        world_message(&setup.world, ROLE_INBOUND, NULL, "bob@partner.test", "From: x\n\nhi\n");
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "alice@example.com"), 0);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "nobody@example.com"), 550);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "alice+tag@example.com"), 0);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "other@elsewhere.test"), 452);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(tagged_recipient)
{
    static const struct {
        const char *config;
        const char *recipient;
        bool never;
        enum encryption_verdict verdict;
    } cases[] = {
        {"", "alice+news@example.com", false, ENCRYPTION_DECRYPTED},
        {"", "bert+alice@example.com", false, ENCRYPTION_NOT_DECRYPTED},
        {"", "alice-news@example.com", false, ENCRYPTION_NOT_DECRYPTED},
        {"recipient_delimiter = \"\";", "alice+news@example.com", false, ENCRYPTION_NOT_DECRYPTED},
        {"recipient_delimiter = \"-\";", "alice-news@example.com", false, ENCRYPTION_DECRYPTED},
        {"", "alice+news@example.com", true, ENCRYPTION_NOT_DECRYPTED},
    };
    const char *const to[] = {cases[_i].recipient, NULL};
    struct setup setup = open_setup(cases[_i].config);
    char *text = output_of(&setup.world, messages[TO_ALICE].make);
    struct transaction transaction;
    struct outcome outcome;
    char *why = NULL;
    ck_assert_int_eq(store_mailbox_set_never_decrypt(setup.world.gateway->store,
                                                     "alice@example.com", cases[_i].never, &why),
                     STORE_OK);
    outcome = receive(&setup, &transaction, "bob@partner.test", text, to);
    ck_assert_msg(outcome.opened.encryption == cases[_i].verdict, "%s", cases[_i].recipient);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(never_decrypt)
{
    struct setup setup = open_setup("");
    char *text = output_of(&setup.world, messages[TO_ALICE].make);
    struct transaction transaction;
    struct outcome outcome;
    char *why = NULL;
    ck_assert_int_eq(store_mailbox_set_never_decrypt(setup.world.gateway->store,
                                                     "alice@example.com", true, &why),
                     STORE_OK);
    outcome = receive(&setup, &transaction, "bob@partner.test", text, to_alice);
    ck_assert_int_eq(outcome.opened.encryption, ENCRYPTION_NOT_DECRYPTED);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(deactivated_mailbox_still_reads)
{
    struct setup setup = open_setup("");
    char *text = output_of(&setup.world, messages[TO_ALICE].make);
    struct transaction transaction;
    struct outcome outcome;
    char *why = NULL;
    ck_assert_int_eq(
        store_mailbox_deactivate(setup.world.gateway->store, "alice@example.com", &why), STORE_OK);
    outcome = receive(&setup, &transaction, "bob@partner.test", text, to_alice);
    ck_assert_int_eq(outcome.opened.encryption, ENCRYPTION_DECRYPTED);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* The rule is looked up for the envelope sender and for From; the stricter one wins, and a claim to
 * be one of us does not lead past it. */
START_TEST(stricter_of_sender_and_from)
{
    static const struct {
        const char *sender;
        const char *external;
    } cases[] = {
        {"bob@partner.test", "partner.test"},
        {"x@elsewhere.test", "partner.test"},
        {"bob@partner.test", "*"},
        {"alice@example.com", "*"},
        {"", "partner.test"},
        {"", "*"},
    };
    char config[256];
    struct setup setup;
    struct transaction transaction;
    struct outcome outcome;
    char *text;
    snprintf(config, sizeof config,
             "rules = ( { managed = [ \"*\" ]; external = [ \"%s\" ]; incoming = "
             "\"decrypt-forced\"; } );",
             cases[_i].external);
    setup = open_setup(config);
    text = output_of(&setup.world, messages[PLAIN].make);
    outcome = receive(&setup, &transaction, cases[_i].sender, text, to_alice);
    ck_assert_msg(outcome.action == FLOW_REPLY, "<%s>", cases[_i].sender);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* Anybody can claim to be one of us; a rule for others in the same top-level domain is none for
 * him.
 */
START_TEST(no_claim_to_be_one_of_us_leads_past_a_rule)
{
    struct setup setup =
        open_setup("rules = ( { managed = [ \"*\" ]; external = [ \".com\" ]; incoming = "
                   "\"none\"; }, { managed = [ \"*\" ]; external = [ \"*\" ]; incoming = "
                   "\"decrypt-forced\"; } );");
    struct transaction transaction;
    struct outcome outcome =
        receive(&setup, &transaction, "alice@example.com",
                "From: alice@example.com\nTo: alice@example.com\n\nhello\n", to_alice);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* A From that cannot be trusted still shows the reader somebody: each address in it counts. */
START_TEST(no_from_leads_past_a_rule)
{
    static const char *const fields[] = {
        "From: bob@partner.test, mallory@other.test\n",
        "From: mallory@other.test, bob@partner.test\n",
        "From: mallory@other.test\nFrom: bob@partner.test\n",
        "From: bob@partner.test\nFrom: mallory@other.test\n",
        "From: bob@partner.test (x), mallory@[192.0.2.1]\n",
        "From: Bob <bob@partner.test> (me@home)\n",
        "From: Bob <bob@partner.test> and more\n",
        "From: =?utf-8?q?Bob?= <bob@partner.test\n",
        "From: friends: bob@partner.test;\n",
    };
    struct setup setup =
        open_setup("rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\" ]; incoming = "
                   "\"decrypt-forced\"; } );");
    struct transaction transaction;
    struct outcome outcome;
    char text[256];
    snprintf(text, sizeof text, "%sTo: alice@example.com\n\nhello\n", fields[_i]);
    outcome = receive(&setup, &transaction, "mallory@other.test", text, to_alice);
    ck_assert_msg(outcome.action == FLOW_REPLY, "%s", fields[_i]);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(long_malformed_from_is_refused)
{
    struct setup setup = open_setup("");
    struct transaction transaction;
    struct outcome outcome;
    char text[8192] = "From: bob@partner.test";
    for (size_t used = strlen(text); used < 5000; used += 8)
        strcat(text, ", a@b.cde");
    strcat(text, "\n\nhello\n");
    outcome = receive(&setup, &transaction, "mallory@other.test", text, to_alice);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(bounces_are_exempt_where_configured)
{
    struct setup setup =
        open_setup("null_sender_exempt = true; rules = ( { managed = [ \"*\" ]; external = [ \"*\" "
                   "]; incoming = \"decrypt-forced\"; } );");
    char *text = output_of(&setup.world, messages[PLAIN].make);
    struct transaction transaction;
    struct outcome outcome = receive(&setup, &transaction, "", text, to_alice);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    outcome = receive(&setup, &transaction, "bob@partner.test", text, to_alice);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
        n++;
    return n;
}

START_TEST(valid_signature_is_told_and_learned)
{
    struct setup setup = open_setup("subject_tags = true;");
    char *text = output_of(&setup.world, messages[SIGNED].make);
    struct transaction transaction;
    struct outcome outcome = receive(&setup, &transaction, "bob@partner.test", text, to_alice);
    char *result = world_text(&transaction, &outcome);
    struct pubkey_list keys = {0};
    char *why = NULL;
    ck_assert_msg(outcome.opened.signature == SIGNATURE_VALID, "%s",
                  outcome.opened.signature_reason);
    ck_assert_ptr_nonnull(strstr(result, "Authentication-Results: mx.example.com; smime=pass\r\n\t"
                                         "body.smime-identifier=bob@partner.test"));
    ck_assert_ptr_nonnull(strstr(result, "\r\nX-Smimed-Signature: valid\r\n"));
    ck_assert_ptr_nonnull(strstr(result, "\r\nSubject: [signed] hi\r\n"));
    ck_assert_int_eq(store_pubkey_list(setup.world.gateway->store, NULL, &keys, &why), STORE_OK);
    ck_assert_uint_eq(keys.count, 1);
    ck_assert_str_eq(keys.items[0].addresses[0], "bob@partner.test");
    ck_assert_int_eq(keys.items[0].source, PUBKEY_HARVESTED);
    ck_assert_int_eq(X509_cmp(keys.items[0].certificate, setup.bob.certificate), 0);
    pubkey_list_clear(&keys);
    free(result);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(nothing_is_learned)
{
    static const struct {
        const char *config;
        const char *make;
        const char *sender;
    } cases[] = {
        {"harvest = false;", HEADER SIGN, "bob@partner.test"},
        {"harvest = \"off\";", HEADER SIGN, "bob@partner.test"},
        {"harvest = \"approve\";", HEADER SIGN, "bob@partner.test"},
        /* signed by bob, said to be from carl */
        {"", "printf 'From: carl@partner.test\\n'; " SIGN, "carl@partner.test"},
        /* altered on the way */
        {"", HEADER SIGN " | sed 's/The secret text/The other text/'", "bob@partner.test"},
        /* alice's own certificate from outside */
        {"",
         "printf 'From: alice@example.com\\n'; openssl cms -sign -signer alice.pem -in plain.txt",
         "alice@example.com"},
    };
    struct setup setup = open_setup(cases[_i].config);
    char *text = output_of(&setup.world, cases[_i].make);
    struct transaction transaction;
    struct outcome outcome = receive(&setup, &transaction, cases[_i].sender, text, to_alice);
    struct pubkey_list keys = {0};
    char *why = NULL;
    ck_assert_int_eq(store_pubkey_list(setup.world.gateway->store, NULL, &keys, &why), STORE_OK);
    ck_assert_uint_eq(keys.count, 0);
    pubkey_list_clear(&keys);
    free(text);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

START_TEST(learning_waits_for_approval)
{
    struct setup setup = open_setup("harvest = \"approve\";");
    struct store *store = setup.world.gateway->store;
    char *text = output_of(&setup.world, HEADER SIGN);
    struct candidate_list held = {0};
    X509 *certificate = NULL;
    char *why = NULL;
    for (int round = 0; round < 3; round++) {
        struct transaction transaction;
        struct outcome outcome = receive(&setup, &transaction, "bob@partner.test", text, to_alice);
        outcome_clear(&outcome);
        transaction_clear(&transaction);
        ck_assert_int_eq(store_candidate_list(store, &held, &why), STORE_OK);
        ck_assert_uint_eq(held.count, round < 2 ? 1 : 0);
        ck_assert_int_eq(store_encryption_certificate(store, "bob@partner.test", PKI_NOW,
                                                      &certificate, NULL, &why),
                         round < 2 ? STORE_NONE : STORE_OK);
        if (round == 1) {
            ck_assert_str_eq(held.items[0].address, "bob@partner.test");
            ck_assert_int_eq(store_candidate_approve(store, held.items[0].id, PKI_NOW, NULL, &why),
                             STORE_OK);
        }
        candidate_list_clear(&held);
    }
    ck_assert_int_eq(X509_cmp(certificate, setup.bob.certificate), 0);
    X509_free(certificate);
    why_free(&why);
    free(text);
    close_setup(&setup);
}
END_TEST

START_TEST(forged_verdicts_are_removed)
{
    struct setup setup = open_setup("subject_tags = true;");
    struct transaction transaction;
    struct outcome outcome = receive(
        &setup, &transaction, "mallory@other.test",
        "Authentication-Results: mx.example.com; smime=pass\n"
        "Authentication-Results: mx.example.com; dkim=pass; smime=pass body.smime-identifier=a@b\n"
        "Authentication-Results: other.test; smime=pass\n"
        "X-Smimed-Signature: valid\nx-smimed-SIGNATURE: valid\nX-SMIMED-Signer: The boss\n"
        "X-Smimed-Whatever: x\nFrom: mallory@other.test\nTo: alice@example.com\n"
        "Subject: =?utf-8?b?W3NpZ25lZF0gSGVsbG8=?=\n\nhello\n",
        to_alice);
    char *result = world_text(&transaction, &outcome);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    ck_assert_ptr_null(strstr(result, "smime=pass body"));
    ck_assert_uint_eq(occurrences(result, "smime=pass"), 1); /* the other host's */
    ck_assert_ptr_nonnull(strstr(result, "Authentication-Results: mx.example.com; dkim=pass\r\n"));
    ck_assert_ptr_nonnull(strstr(result, "Authentication-Results: other.test; smime=pass\r\n"));
    ck_assert_uint_eq(occurrences(result, ": valid"), 0);
    ck_assert_ptr_null(strstr(result, "The boss"));
    ck_assert_ptr_null(strstr(result, "Whatever"));
    ck_assert_ptr_nonnull(strstr(result, "\r\nSubject: Hello\r\n"));
    free(result);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* Which of several Subject fields is shown depends on the program. */
START_TEST(tags_are_removed_from_every_subject)
{
    struct setup setup = open_setup("subject_tags = true;");
    struct transaction transaction;
    struct outcome outcome = receive(&setup, &transaction, "mallory@other.test",
                                     "Subject: one\nFrom: mallory@other.test\n"
                                     "Subject: [signed] two\nSubject: [encrypted] three\n\nhello\n",
                                     to_alice);
    char *result = world_text(&transaction, &outcome);
    ck_assert_ptr_nonnull(strstr(result, "\r\nSubject: one\r\n"));
    ck_assert_ptr_nonnull(strstr(result, "\r\nSubject: two\r\n"));
    ck_assert_ptr_nonnull(strstr(result, "\r\nSubject: three\r\n"));
    free(result);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

/* Nobody but us speaks in our name: not to recipients that we open nothing for, and not our own
 * users either. */
START_TEST(forged_verdicts_are_removed_everywhere)
{
    static const struct {
        enum role role;
        const char *sender;
        const char *recipient;
    } cases[] = {
        {ROLE_INBOUND, "mallory@other.test", "alice@[192.0.2.1]"},
        {ROLE_SUBMISSION, "bert@example.com", "alice@example.com"},
        {ROLE_SUBMISSION, "mallory@other.test", "alice@example.com"},
        {ROLE_LOCAL, "bert@example.com", "alice@example.com"},
    };
    struct setup setup = open_setup("");
    struct transaction transaction = world_message(
        &setup.world, cases[_i].role, NULL, cases[_i].sender,
        "Authentication-Results: mx.example.com; smime=pass\nX-Smimed-Signature: valid\n"
        "From: boss@example.com\n\nhello\n");
    struct outcome outcome;
    char *result;
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, cases[_i].recipient), 0);
    outcome = world_end(&setup.world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    result = world_text(&transaction, &outcome);
    ck_assert_ptr_null(strstr(result, "X-Smimed"));
    ck_assert_ptr_null(strstr(result, "smime=pass"));
    free(result);
    outcome_clear(&outcome);
    transaction_clear(&transaction);
    close_setup(&setup);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_incoming");
    TCase *tests = tcase_create("incoming");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_mode, 0, (int)(sizeof modes / sizeof modes[0]));
    tcase_add_loop_test(tests, several_recipients, 0, 3);
    tcase_add_loop_test(tests, a_recipient_info_is_no_proof, 0, 2);
    tcase_add_test(tests, recipient_outside_keeps_it_encrypted);
    tcase_add_test(tests, encryption_demanded_without_a_key_is_refused_early);
    tcase_add_loop_test(tests, tagged_recipient, 0, 6);
    tcase_add_test(tests, never_decrypt);
    tcase_add_test(tests, deactivated_mailbox_still_reads);
    tcase_add_loop_test(tests, stricter_of_sender_and_from, 0, 6);
    tcase_add_test(tests, no_claim_to_be_one_of_us_leads_past_a_rule);
    tcase_add_loop_test(tests, no_from_leads_past_a_rule, 0, 9);
    tcase_add_test(tests, long_malformed_from_is_refused);
    tcase_add_test(tests, bounces_are_exempt_where_configured);
    tcase_add_test(tests, valid_signature_is_told_and_learned);
    tcase_add_loop_test(tests, nothing_is_learned, 0, 6);
    tcase_add_test(tests, learning_waits_for_approval);
    tcase_add_test(tests, forged_verdicts_are_removed);
    tcase_add_test(tests, tags_are_removed_from_every_subject);
    tcase_add_loop_test(tests, forged_verdicts_are_removed_everywhere, 0, 4);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
