/* All outgoing modes, for each recipient (daemon/flow.h). What goes out is handed to `openssl cms`.
 */
#include <check.h>
#include <openssl/cms.h>

#include "flow_world.h"
#include "test_run.h"

#define TEXT                                                                                       \
    "From: alice@example.com\nTo: bob@partner.test, carol@partner.test\nSubject: "                 \
    "hi\n\nGr\xc3\xbc\xc3\x9f dich, und dazu genug schlichter Text\n"

struct setup {
    struct world world;
    struct pki alice;
    struct pki bob;
};

static struct setup open_setup(const char *config)
{
    struct setup setup = {.world = world_open(config)};
    setup.alice = world_mailbox(&setup.world, "alice@example.com", NULL);
    setup.bob = world_partner(&setup.world, "bob@partner.test");
    return setup;
}

static void close_setup(struct setup *setup)
{
    pki_clear(&setup->alice);
    pki_clear(&setup->bob);
    world_close(&setup->world);
}

static const struct {
    const char *mode;
    const char *from; /* alice has a certificate, dora has none */
    const char *to;   /* bob's key is known, carol's is not */
    enum flow_action action;
    enum transform transform;
} modes[] = {
    {"none", "alice", "bob", FLOW_PASS, TRANSFORM_NONE},
    {"none", "dora", "carol", FLOW_PASS, TRANSFORM_NONE},
    {"sign", "alice", "bob", FLOW_REPLACE, TRANSFORM_SIGN},
    {"sign", "alice", "carol", FLOW_REPLACE, TRANSFORM_SIGN},
    {"sign", "dora", "bob", FLOW_PASS, TRANSFORM_NONE},
    {"encrypt-optional", "alice", "bob", FLOW_REPLACE, TRANSFORM_SIGN_ENCRYPT},
    {"encrypt-optional", "alice", "carol", FLOW_REPLACE, TRANSFORM_SIGN},
    {"encrypt-optional", "dora", "bob", FLOW_REPLACE, TRANSFORM_ENCRYPT},
    {"encrypt-optional", "dora", "carol", FLOW_PASS, TRANSFORM_NONE},
    {"encrypt-forced", "alice", "bob", FLOW_REPLACE, TRANSFORM_SIGN_ENCRYPT},
    {"encrypt-forced", "alice", "carol", FLOW_REPLY, TRANSFORM_REFUSE},
    {"encrypt-forced", "dora", "bob", FLOW_REPLY, TRANSFORM_REFUSE},
    {"undefined", "alice", "bob", FLOW_REPLACE, TRANSFORM_SIGN},
    {"undefined", "dora", "bob", FLOW_PASS, TRANSFORM_NONE},
};

START_TEST(each_mode)
{
    char config[256];
    char sender[64];
    char recipient[64];
    char text[256];
    struct setup setup;
    struct transaction transaction;
    struct outcome outcome;
    snprintf(config, sizeof config,
             "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"%s\"; } );",
             modes[_i].mode);
    snprintf(sender, sizeof sender, "%s@example.com", modes[_i].from);
    snprintf(recipient, sizeof recipient, "%s@partner.test", modes[_i].to);
    snprintf(text, sizeof text, "From: %s\nTo: %s\n\nhello\n", sender, recipient);
    setup = open_setup(config);
    transaction = world_message(&setup.world, ROLE_SUBMISSION, sender, sender, text);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, recipient), 0);
    outcome = world_end(&setup.world, &transaction);
    ck_assert_msg(outcome.action == modes[_i].action, "%s %s->%s: action %d, %s", modes[_i].mode,
                  modes[_i].from, modes[_i].to, (int)outcome.action,
                  outcome.cause != NULL ? outcome.cause : "");
    ck_assert_int_eq(transaction.recipients[0].transform, modes[_i].transform);
    if (outcome.action == FLOW_REPLY) {
        ck_assert_int_eq(outcome.reply.code, 550);
        ck_assert_ptr_null(outcome.body);
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, recipient));
        ck_assert_ptr_nonnull(strstr(outcome.reply.german, recipient));
    }
    world_forget(&transaction, &outcome);
    close_setup(&setup);
}
END_TEST

#define RULE(mode)                                                                                 \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"" mode "\"; } );"

/* One message from alice to those named; returns what became of it. */
static struct outcome send_text(struct setup *setup, struct transaction *transaction,
                                const char *login, const char *sender, const char *text,
                                const char *const *recipients)
{
    *transaction = world_message(&setup->world, ROLE_SUBMISSION, login, sender, text);
    for (; *recipients != NULL; recipients++)
        ck_assert_int_eq(world_recipient(&setup->world, transaction, *recipients), 0);
    return world_end(&setup->world, transaction);
}

static void end(struct setup *setup, struct transaction *transaction, struct outcome *outcome)
{
    world_forget(transaction, outcome);
    close_setup(setup);
}

START_TEST(differing_recipient_is_asked_to_come_again)
{
    struct setup setup = open_setup(RULE("encrypt-optional"));
    struct transaction transaction = world_message(&setup.world, ROLE_SUBMISSION,
                                                   "alice@example.com", "alice@example.com", TEXT);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "bob@partner.test"), 0);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "carol@partner.test"), 452);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "colleague@example.com"), 452);
    ck_assert_uint_eq(transaction.recipient_count, 1);
    transaction_clear(&transaction);
    free(transaction.login);
    close_setup(&setup);
}
END_TEST

START_TEST(local_recipients_are_never_refused_at_rcpt)
{
    struct setup setup =
        open_setup(RULE("encrypt-optional") "local_senders = [ \"alice@example.com\" ];");
    struct transaction transaction =
        world_message(&setup.world, ROLE_LOCAL, NULL, "alice@example.com", TEXT);
    struct outcome outcome;
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "bob@partner.test"), 0);
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "carol@partner.test"), 0);
    outcome = world_end(&setup.world, &transaction);
    /* One body cannot be right for both: refused as a whole, nothing goes out weaker. */
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    end(&setup, &transaction, &outcome);
}
END_TEST

START_TEST(blind_recipient_is_not_named_to_others)
{
    struct setup setup = open_setup(RULE("encrypt-forced"));
    struct pki dan = world_partner(&setup.world, "dan@partner.test");
    const char *const both[] = {"bob@partner.test", "dan@partner.test", NULL};
    const char *const one[] = {"dan@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome =
        send_text(&setup, &transaction, "alice@example.com", "alice@example.com", TEXT, both);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_ptr_nonnull(strstr(outcome.reply.english, "Bcc"));
    world_forget(&transaction, &outcome);
    outcome = send_text(&setup, &transaction, "alice@example.com", "alice@example.com", TEXT, one);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    pki_clear(&dan);
    end(&setup, &transaction, &outcome);
}
END_TEST

/* From decides, and a From that is not the client's cannot talk its way out of encryption. */
START_TEST(unauthorised_from_gets_the_stricter_rule)
{
    struct setup setup = open_setup(
        "rules = ( { managed = [ \"alice@example.com\" ]; external = [ \"*\" ]; outgoing = "
        "\"none\"; },"
        "          { managed = [ \"mallory@example.com\" ]; external = [ \"*\" ]; outgoing = "
        "\"encrypt-forced\"; } );");
    const char *const to[] = {"bob@partner.test", NULL};
    struct transaction transaction = world_message(
        &setup.world, ROLE_SUBMISSION, "mallory@example.com", "mallory@example.com", TEXT);
    struct outcome outcome;
    (void)to;
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "bob@partner.test"), 0);
    outcome = world_end(&setup.world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    end(&setup, &transaction, &outcome);
}
END_TEST

/* The default of a mailbox with a certificate is to sign, whoever claims to be it. */
START_TEST(unauthorised_sender_is_refused_by_default_rule)
{
    struct setup setup = open_setup("unauthorised_sender = \"refuse\";");
    const char *const to[] = {"bob@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome =
        send_text(&setup, &transaction, "mallory@example.com", "mallory@example.com", TEXT, to);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    end(&setup, &transaction, &outcome);
}
END_TEST

START_TEST(unauthorised_sender_is_unsigned_or_refused)
{
    for (int refuse = 0; refuse < 2; refuse++) {
        struct setup setup =
            open_setup(refuse ? "unauthorised_sender = \"refuse\";" RULE("sign") : RULE("sign"));
        const char *const to[] = {"bob@partner.test", NULL};
        struct transaction transaction;
        struct outcome outcome =
            send_text(&setup, &transaction, "mallory@example.com", "mallory@example.com", TEXT, to);
        ck_assert_int_eq(outcome.action, refuse ? FLOW_REPLY : FLOW_PASS);
        ck_assert_ptr_null(outcome.signer);
        if (!refuse)
            ck_assert_ptr_nonnull(strstr(outcome.note, "not signed"));
        end(&setup, &transaction, &outcome);
    }
}
END_TEST

/* A postmaster who wonders why a mail went unsigned finds it in the log, also where only the
 * default decided. */
START_TEST(default_rule_says_why_unsigned)
{
    struct setup setup = open_setup("");
    const char *const to[] = {"bob@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome =
        send_text(&setup, &transaction, "mallory@example.com", "alice@example.com", TEXT, to);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    ck_assert_ptr_nonnull(outcome.note);
    ck_assert_ptr_nonnull(
        strstr(outcome.note, "mallory@example.com does not own alice@example.com"));
    end(&setup, &transaction, &outcome);
}
END_TEST

START_TEST(strangers_get_nothing)
{
    struct setup setup = open_setup(RULE("encrypt-optional"));
    struct transaction transaction =
        world_message(&setup.world, ROLE_INBOUND, "alice@example.com", "alice@example.com", TEXT);
    struct outcome outcome;
    ck_assert_int_eq(world_recipient(&setup.world, &transaction, "bob@partner.test"), 0);
    outcome = world_end(&setup.world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    ck_assert_int_eq(outcome.direction, DIRECTION_NONE);
    ck_assert_uint_eq(outcome.edit_count, 0);
    end(&setup, &transaction, &outcome);
}
END_TEST

/* ---- What goes out, by an independent judge ---- */

static void write_pem(const struct world *world, const struct pki *pki, const char *name)
{
    char path[128];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", world->directory, name);
    file = fopen(path, "w");
    ck_assert(
        file != NULL && PEM_write_X509(file, pki->certificate) == 1 &&
        (pki->key == NULL || PEM_write_PrivateKey(file, pki->key, NULL, NULL, 0, NULL, NULL)));
    ck_assert_int_eq(fclose(file), 0);
}

static int shell(const struct world *world, const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd '%s' && %s", world->directory, command);
    return system(line);
}

START_TEST(openssl_reads_what_goes_out)
{
    struct setup setup = open_setup(RULE("encrypt-optional"));
    const char *const to[] = {"bob@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome =
        send_text(&setup, &transaction, "alice@example.com", "alice@example.com", TEXT, to);
    char *text = world_text(&transaction, &outcome);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    ck_assert_str_eq(outcome.signer, "alice@example.com");
    ck_assert_ptr_null(strstr(text, "dich"));
    ck_assert_ptr_nonnull(strstr(text, "Subject: [...]\r\n"));
    world_file(&setup.world, "out.eml", text);
    write_pem(&setup.world, &setup.bob, "bob.pem");
    write_pem(&setup.world, &setup.alice, "alice.pem");
    write_pem(&setup.world, &setup.world.ca, "ca.pem");
    ck_assert_int_eq(
        shell(&setup.world, "openssl cms -decrypt -in out.eml -recip bob.pem -out inner.eml"), 0);
    ck_assert_int_eq(shell(&setup.world,
                           "openssl cms -verify -in inner.eml -CAfile ca.pem -attime 1767225600 "
                           "-signer signer.pem -out content.txt 2>/dev/null"),
                     0);
    ck_assert_int_eq(shell(&setup.world, "grep -q 'Gr=C3=BC=C3=9F dich' content.txt"), 0);
    ck_assert_int_eq(shell(&setup.world, "grep -q '^Subject: hi' content.txt"), 0);
    ck_assert_int_eq(shell(&setup.world,
                           "test \"$(openssl x509 -in signer.pem -noout -fingerprint)\" = "
                           "\"$(openssl x509 -in alice.pem -noout -fingerprint)\""),
                     0);
    free(text);
    end(&setup, &transaction, &outcome);
}
END_TEST

/* What the sender did itself is neither undone nor done twice. */
START_TEST(signed_and_encrypted_mail_is_not_done_again)
{
    struct setup setup = open_setup(RULE("encrypt-forced"));
    const char *const bob[] = {"bob@partner.test", NULL};
    const char *const carol[] = {"carol@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome =
        send_text(&setup, &transaction, "alice@example.com", "alice@example.com", TEXT, bob);
    char *encrypted = world_text(&transaction, &outcome);
    char *lf = calloc(1, strlen(encrypted) + 1);
    char *q = lf;
    for (const char *p = encrypted; *p != '\0'; p++)
        if (*p != '\r')
            *q++ = *p;
    world_forget(&transaction, &outcome);
    /* Encrypted by its sender: satisfies encrypt-forced even for one whose key we do not have. */
    outcome = send_text(&setup, &transaction, "alice@example.com", "alice@example.com", lf, carol);
    ck_assert_int_eq(outcome.action, FLOW_PASS);
    free(encrypted);
    free(lf);
    end(&setup, &transaction, &outcome);
}
END_TEST

START_TEST(label_alone_is_no_encryption)
{
    struct setup setup = open_setup(RULE("encrypt-forced"));
    const char *const carol[] = {"carol@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome =
        send_text(&setup, &transaction, "alice@example.com", "alice@example.com",
                  "From: alice@example.com\nTo: carol@partner.test\nMIME-Version: 1.0\n"
                  "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n"
                  "Content-Transfer-Encoding: base64\n\nc2VjcmV0IHBsYWluIHRleHQK\n",
                  carol);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    end(&setup, &transaction, &outcome);
}
END_TEST

/* EnvelopedData that nobody could open: the text lies in it as it is. */
START_TEST(structure_alone_is_no_encryption)
{
    /* ContentInfo, EnvelopedData, then RecipientInfos and EncryptedContentInfo of each case. */
    static const char *const bodies[] = {
        /* no recipients; aes-256-cbc; "secret" */
        "MDgGCSqGSIb3DQEHA6ArMCkCAQAxADAiBgkqhkiG9w0BBwEwDQYJYIZIAWUDBAEqBACABnNlY3JldA==",
        /* a recipient that is none; aes-256-cbc; "secret" */
        "MDoGCSqGSIb3DQEHA6AtMCsCAQAxAjAAMCIGCSqGSIb3DQEHATANBglghkgBZQMEASoEAIAGc2VjcmV0",
        /* the same; the cipher is 1.2.3 */
        "MDIGCSqGSIb3DQEHA6AlMCMCAQAxAjAAMBoGCSqGSIb3DQEHATAFBgEqBQCABnNlY3JldA==",
    };
    struct setup setup = open_setup(RULE("encrypt-forced"));
    const char *const carol[] = {"carol@partner.test", NULL};
    struct transaction transaction;
    struct outcome outcome;
    char text[512];
    snprintf(text, sizeof text,
             "From: alice@example.com\nTo: carol@partner.test\nMIME-Version: 1.0\n"
             "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n"
             "Content-Transfer-Encoding: base64\n\n%s\n",
             bodies[_i]);
    outcome =
        send_text(&setup, &transaction, "alice@example.com", "alice@example.com", text, carol);
    ck_assert_msg(outcome.action == FLOW_REPLY, "case %d", _i);
    ck_assert_int_eq(outcome.reply.code, 550);
    end(&setup, &transaction, &outcome);
}
END_TEST

/* The same of one that OpenSSL made, with a cipher that there is not. */
START_TEST(unknown_cipher_is_no_encryption)
{
    static const unsigned char aes[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a};
    struct setup setup = open_setup(RULE("encrypt-forced"));
    const char *const carol[] = {"carol@partner.test", NULL};
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *in = BIO_new_mem_buf("secret", -1);
    struct transaction transaction;
    struct outcome outcome;
    unsigned char *der = NULL;
    unsigned char *at;
    char text[8192];
    CMS_ContentInfo *cms;
    int length;
    ck_assert_int_gt(sk_X509_push(to, setup.bob.certificate), 0);
    cms = CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY);
    length = i2d_CMS_ContentInfo(cms, &der);
    ck_assert_int_gt(length, 0);
    at = memmem(der, (size_t)length, aes, sizeof aes);
    ck_assert_ptr_nonnull(at);
    for (int known = 1; known >= 0; known--) {
        if (!known)
            at[sizeof aes - 1] = 0x63;
        strcpy(text, "From: alice@example.com\nTo: carol@partner.test\nMIME-Version: 1.0\n"
                     "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n"
                     "Content-Transfer-Encoding: base64\n\n");
        EVP_EncodeBlock((unsigned char *)text + strlen(text), der, length);
        strcat(text, "\n");
        outcome =
            send_text(&setup, &transaction, "alice@example.com", "alice@example.com", text, carol);
        ck_assert_int_eq(outcome.action, known ? FLOW_PASS : FLOW_REPLY);
        world_forget(&transaction, &outcome);
    }
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    sk_X509_free(to);
    close_setup(&setup);
}
END_TEST

/* What Postfix makes of them is bob@partner.test, where the rule for him does not look. */
START_TEST(route_does_not_lead_past_a_rule)
{
    static const struct {
        const char *recipient;
        bool refused;
    } cases[] = {
        {"bob%partner.test@example.com", true},
        {"partner.test!bob@example.com", true},
        {"\"bob@partner.test\"@example.com", true},
        {"bob%partner.test%example.com@example.com", true},
        {"example.com!partner.test!bob@example.com", true},
        {"bob%partner.test@localhost", true},
        {"bob%a%b%c%d%e%f@example.com", true},
        {"bob%other.test@example.com", false},
        {"50%@example.com", false},
        {"wow!@example.com", false},
        {"dora@example.com", false},
    };
    struct setup setup =
        open_setup("rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\" ]; outgoing = "
                   "\"encrypt-forced\"; }, { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = "
                   "\"none\"; } );");
    const char *const to[] = {cases[_i].recipient, NULL};
    struct transaction transaction;
    struct outcome outcome = send_text(&setup, &transaction, "alice@example.com",
                                       "alice@example.com", "From: alice@example.com\n\nhi\n", to);
    ck_assert_msg(outcome.action == (cases[_i].refused ? FLOW_REPLY : FLOW_PASS), "%s",
                  cases[_i].recipient);
    if (cases[_i].refused)
        ck_assert_int_eq(outcome.reply.code, 550);
    end(&setup, &transaction, &outcome);
}
END_TEST

START_TEST(too_large_for_what_comes_after)
{
    struct setup setup = open_setup("message_size_limit = 40000;" RULE("sign"));
    const char *const bob[] = {"bob@partner.test", NULL};
    char *text = calloc(1, 41000);
    struct transaction transaction;
    struct outcome outcome;
    strcpy(text, "From: alice@example.com\nTo: bob@partner.test\n\n");
    for (size_t i = strlen(text); i < 38000; i++)
        text[i] = i % 70 == 0 ? '\n' : 'a';
    outcome = send_text(&setup, &transaction, "alice@example.com", "alice@example.com", text, bob);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 552);
    free(text);
    end(&setup, &transaction, &outcome);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_outgoing");
    TCase *tests = tcase_create("outgoing");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_mode, 0, (int)(sizeof modes / sizeof modes[0]));
    tcase_add_test(tests, differing_recipient_is_asked_to_come_again);
    tcase_add_test(tests, local_recipients_are_never_refused_at_rcpt);
    tcase_add_test(tests, blind_recipient_is_not_named_to_others);
    tcase_add_test(tests, unauthorised_from_gets_the_stricter_rule);
    tcase_add_test(tests, unauthorised_sender_is_unsigned_or_refused);
    tcase_add_test(tests, unauthorised_sender_is_refused_by_default_rule);
    tcase_add_test(tests, default_rule_says_why_unsigned);
    tcase_add_test(tests, strangers_get_nothing);
    tcase_add_test(tests, openssl_reads_what_goes_out);
    tcase_add_test(tests, signed_and_encrypted_mail_is_not_done_again);
    tcase_add_test(tests, label_alone_is_no_encryption);
    tcase_add_loop_test(tests, structure_alone_is_no_encryption, 0, 3);
    tcase_add_test(tests, unknown_cipher_is_no_encryption);
    tcase_add_loop_test(tests, route_does_not_lead_past_a_rule, 0, 11);
    tcase_add_test(tests, too_large_for_what_comes_after);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
