/* Header protection on the way of a message (RFC 9788): what each recipient of outgoing mail gets
 * to see, what the reader of incoming mail does. Messages are made and taken apart by `openssl
 * cms`. */
#include <check.h>

#include "flow_world.h"
#include "header_edits.h"
#include "report.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define SPLIT "reinject = \"unix:/nonexistent\";\n"
#define OPTIONAL                                                                                   \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-optional\"; } "   \
    ");\n"
#define FORCED                                                                                     \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-forced\"; } );\n"

#define TEXT                                                                                       \
    "Received: from client\n"                                                                      \
    "From: alice@example.com\n"                                                                    \
    "To: bob@partner.test, carol@partner.test\n"                                                   \
    "Bcc: dave@partner.test\n"                                                                     \
    "Subject: the merger\n"                                                                        \
    "Keywords: merger\n"                                                                           \
    "X-Other: x\n"                                                                                 \
    "Keywords: shares\n"                                                                           \
    "Comments: the merger, again\n"                                                                \
    "Message-ID: <1@example.com>\n"                                                                \
    "Content-Type: text/plain\n\nThe secret text\n"

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

static void submit(const char *text, const char *const *recipients)
{
    transaction =
        world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com", text);
    for (; *recipients != NULL; recipients++)
        ck_assert_int_eq(world_recipient(&world, &transaction, *recipients), 0);
    outcome = world_end(&world, &transaction);
}

/* What `address` gets, in the file `name` as well; free(). */
static char *text_for(const char *address, const char *name)
{
    const struct outcome *part = &outcome;
    char *text;
    for (size_t c = 0; c < outcome.copy_count; c++)
        for (size_t i = 0; i < outcome.copies[c].count; i++)
            if (strcmp(transaction.recipients[outcome.copies[c].members[i]].text, address) == 0)
                part = outcome.copies[c].outcome;
    text = world_text(&transaction, part);
    cli_write(name, text, strlen(text));
    return text;
}

static void decrypt(const char *from, const char *to)
{
    ck_assert_int_eq(
        cli_run("openssl cms -decrypt -in %s -recip bob -inkey bob.key -out %s", from, to), 0);
}

static void verify(const char *from, const char *to)
{
    ck_assert_int_eq(
        cli_run("openssl cms -verify -in %s -CAfile ca -no_check_time -out %s", from, to), 0);
}

/* Bob's copy hides what Carol's, which cannot be encrypted, shows; both sign what they are. */
START_TEST(each_copy_shows_what_it_may)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test", "dave@partner.test",
                                     NULL};
    char *text;
    begin(SPLIT OPTIONAL);
    submit(TEXT, to);
    ck_assert_int_ne(outcome.action, FLOW_REPLY);
    text = text_for(to[0], "bob.eml");
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: [...]\r\n"));
    ck_assert_ptr_null(strstr(text, "merger"));
    ck_assert_ptr_null(strstr(text, "Keywords"));
    ck_assert_ptr_null(strstr(text, "Comments"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nX-Other: x\r\n"));
    free(text);
    decrypt("bob.eml", "bob.signed");
    verify("bob.signed", "bob.payload");
    ck_assert(cli_contains("bob.payload", "\nSubject: the merger"));
    ck_assert(cli_contains("bob.payload", "\nKeywords: merger"));
    ck_assert(cli_contains("bob.payload", "\nKeywords: shares"));
    ck_assert(cli_contains("bob.payload", "\nHP-Outer: Subject: [...]"));
    ck_assert(!cli_contains("bob.payload", "HP-Outer: Keywords"));
    ck_assert(cli_contains("bob.payload", "hp=\"cipher\""));
    ck_assert(!cli_contains("bob.payload", "dave"));
    ck_assert(!cli_contains("bob.payload", "Received"));
    text = text_for(to[1], "carol.eml");
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: the merger\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nKeywords: shares\r\n"));
    free(text);
    verify("carol.eml", "carol.payload");
    ck_assert(cli_contains("carol.payload", "Subject: the merger"));
    ck_assert(cli_contains("carol.payload", "hp=\"clear\""));
    ck_assert(!cli_contains("carol.payload", "HP-Outer"));
    ck_assert(!cli_contains("carol.payload", "dave"));
    end();
}
END_TEST

static const struct {
    const char *name;
    const char *config;
    const char *outside; /* a field that is seen */
    const char *inside;  /* and one in the payload; NULL: no mark is there */
} settings[] = {
    {"default", "", "\r\nSubject: [...]\r\n", "HP-Outer: Subject: [...]"},
    {"nothing hidden", "header_confidentiality = \"none\";\n", "\r\nSubject: the merger\r\n",
     "HP-Outer: Subject: the merger"},
    {"off", "header_protection = false;\n", "\r\nSubject: the merger\r\n", NULL},
    {"nothing hidden by the profile",
     "legacy_display = true;\nprofile = \"open\";\n"
     "profiles = ( { name = \"open\"; header_confidentiality = \"none\"; } );\n",
     "\r\nSubject: the merger\r\n", "HP-Outer: Subject: the merger"},
    {"hidden by the profile",
     "header_confidentiality = \"none\";\nprofile = \"closed\";\n"
     "profiles = ( { name = \"closed\"; header_confidentiality = \"baseline\"; } );\n",
     "\r\nSubject: [...]\r\n", "HP-Outer: Subject: [...]"},
};

START_TEST(settings_decide)
{
    static const char *const to[] = {"bob@partner.test", NULL};
    char config[512];
    char *text;
    snprintf(config, sizeof config, "%s" OPTIONAL, settings[_i].config);
    begin(config);
    submit(TEXT, to);
    text = text_for(to[0], "bob.eml");
    ck_assert_msg(strstr(text, settings[_i].outside) != NULL, "%s:\n%s", settings[_i].name, text);
    free(text);
    decrypt("bob.eml", "bob.signed");
    verify("bob.signed", "bob.payload");
    if (settings[_i].inside != NULL)
        ck_assert(cli_contains("bob.payload", settings[_i].inside));
    else
        ck_assert(!cli_contains("bob.payload", "hp=") && !cli_contains("bob.payload", "Subject"));
    ck_assert(!cli_contains("bob.payload", "hp-legacy-display"));
    end();
}
END_TEST

/* Who share a ciphertext share what stands in the open around it. */
START_TEST(profiles_part_recipients)
{
    static const char *const to[] = {"bob@partner.test", "carol@other.test", NULL};
    struct pki carol;
    char *text;
    begin(SPLIT
          "profiles = ( { name = \"open\"; header_confidentiality = \"none\"; } );\n"
          "rules = ( { managed = [ \"*\" ]; external = [ \"other.test\" ]; profile = \"open\"; },"
          " { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-forced\"; } );\n");
    carol = world_partner(&world, to[1]);
    submit(TEXT, to);
    ck_assert_int_eq(outcome.action, FLOW_REPLACE);
    ck_assert_uint_eq(outcome.copy_count, 1);
    text = text_for(to[0], "bob.eml");
    ck_assert_ptr_null(strstr(text, "merger"));
    free(text);
    text = text_for(to[1], "carol.eml");
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: the merger\r\n"));
    free(text);
    ck_assert(header_edits_hides(&world.gateway->config->settings, &transaction));
    pki_clear(&carol);
    end();
}
END_TEST

/* Some programs show the first of two Subjects, some the last: neither tells. */
START_TEST(all_subjects_are_hidden)
{
    static const char *const to[] = {"bob@partner.test", NULL};
    char *text;
    begin(OPTIONAL);
    submit("From: alice@example.com\nTo: bob@partner.test\nSubject: the merger\n"
           "Keywords: merger\nSubject: one more merger\nKeywords: merger\n\nThe secret text\n",
           to);
    text = text_for(to[0], "bob.eml");
    ck_assert_ptr_null(strstr(text, "merger"));
    free(text);
    end();
}
END_TEST

/* Who is told of a message in the clear sees its Subject only where its way hides it from nobody.
 */
START_TEST(hides_from_notices)
{
    static const struct {
        const char *name;
        enum role role;
        enum transform transform;
        bool insecure;
        bool off;
        enum header_confidentiality confidentiality;
        bool hides;
    } cases[] = {
        {"encrypted", ROLE_SUBMISSION, TRANSFORM_ENCRYPT, false, false,
         HEADER_CONFIDENTIALITY_BASELINE, true},
        {"signed and encrypted", ROLE_SUBMISSION, TRANSFORM_SIGN_ENCRYPT, false, false,
         HEADER_CONFIDENTIALITY_BASELINE, true},
        {"refused, as it cannot be encrypted", ROLE_SUBMISSION, TRANSFORM_REFUSE, false, false,
         HEADER_CONFIDENTIALITY_BASELINE, true},
        {"refused for want of TLS", ROLE_SUBMISSION, TRANSFORM_REFUSE, true, false,
         HEADER_CONFIDENTIALITY_BASELINE, false},
        {"signed", ROLE_SUBMISSION, TRANSFORM_SIGN, false, false, HEADER_CONFIDENTIALITY_BASELINE,
         false},
        {"nothing is hidden", ROLE_SUBMISSION, TRANSFORM_ENCRYPT, false, false,
         HEADER_CONFIDENTIALITY_NONE, false},
        {"switched off", ROLE_SUBMISSION, TRANSFORM_ENCRYPT, false, true,
         HEADER_CONFIDENTIALITY_BASELINE, false},
        {"from outside", ROLE_INBOUND, TRANSFORM_REFUSE, false, false,
         HEADER_CONFIDENTIALITY_BASELINE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct settings set = {.header_protection = !cases[i].off,
                                     .header_confidentiality = cases[i].confidentiality};
        struct recipient recipients[] = {
            {.transform = TRANSFORM_NONE},
            {.transform = cases[i].transform, .insecure = cases[i].insecure}};
        const struct transaction message = {
            .role = cases[i].role, .recipients = recipients, .recipient_count = 2};
        ck_assert_msg(header_edits_hides(&set, &message) == cases[i].hides, "%s", cases[i].name);
    }
}
END_TEST

/* For programs that decrypt, and know nothing of a protected header. */
START_TEST(hidden_fields_lead_the_text)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test", NULL};
    char *text;
    begin(SPLIT "legacy_display = true;\n" OPTIONAL);
    submit(TEXT, to);
    text = text_for(to[0], "bob.eml");
    ck_assert_ptr_null(strstr(text, "merger"));
    free(text);
    decrypt("bob.eml", "bob.signed");
    verify("bob.signed", "bob.payload");
    text = cli_read("bob.payload", NULL);
    ck_assert_ptr_nonnull(
        strstr(text, "\r\n\r\nSubject: the merger\r\nKeywords: merger\r\nKeywords: shares\r\n"
                     "Comments: the merger, again\r\n\r\nThe secret text"));
    ck_assert_ptr_nonnull(strstr(text, "hp-legacy-display=\"1\";\r\n\thp=\"cipher\""));
    free(text);
    text = text_for(to[1], "carol.eml");
    ck_assert_ptr_null(strstr(text, "hp-legacy-display"));
    ck_assert_ptr_null(strstr(text, "\r\n\r\nSubject"));
    free(text);
    end();
}
END_TEST

/* A signature that everybody can read is worth more than one over a header that is not clean. */
START_TEST(unclean_header_is_signed_in_the_clear)
{
    static const char *const to[] = {"carol@partner.test", NULL};
    char *text;
    begin(SPLIT OPTIONAL);
    submit("From: alice@example.com\nTo: \xc3\x9c <carol@partner.test>\nSubject: x\n\nbody\n", to);
    text = text_for(to[0], "carol.eml");
    ck_assert_ptr_nonnull(strstr(text, "multipart/signed"));
    ck_assert_ptr_null(strstr(text, "hp="));
    ck_assert_ptr_nonnull(strstr(outcome.note, "header is not protected"));
    free(text);
    verify("carol.eml", "payload");
    end();
}
END_TEST

/* To what a user's program has signed nothing can be added, so nothing is hidden either. */
START_TEST(signed_by_the_sender_stays_as_it_is)
{
    static const char *const to[] = {"bob@partner.test", NULL};
    static const char plain[] = "Content-Type: text/plain\r\n\r\nbody\r\n";
    char *text, *mail = NULL;
    begin(OPTIONAL);
    cli_write("plain", plain, sizeof plain - 1);
    ck_assert_int_eq(cli_run("openssl cms -sign -in plain -signer alice -inkey alice.key -out s "
                             "&& tr -d '\\r' < s > signed"),
                     0);
    text = cli_read("signed", NULL);
    ck_assert_int_gt(
        asprintf(&mail, "From: alice@example.com\nTo: bob@partner.test\nSubject: seen\n%s", text),
        0);
    submit(mail, to);
    free(mail);
    free(text);
    text = text_for(to[0], "bob.eml");
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: seen\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "enveloped-data"));
    free(text);
    decrypt("bob.eml", "inner");
    ck_assert(!cli_contains("inner", "hp="));
    verify("inner", "payload");
    end();
}
END_TEST

/* OpenPGP has a payload of its own. */
START_TEST(openpgp_stays_as_it_is)
{
    static const char *const types[] = {"multipart/encrypted", "multipart/signed"};
    static const char *const to[] = {"bob@partner.test", NULL};
    begin(OPTIONAL);
    for (size_t i = 0; i < 2; i++) {
        char mail[512];
        char *text;
        snprintf(mail, sizeof mail,
                 "From: alice@example.com\nTo: bob@partner.test\nSubject: seen\n"
                 "Content-Type: %s; protocol=\"application/pgp\"; boundary=b\n\n"
                 "--b\nContent-Type: application/pgp\n\nx\n--b\n\ny\n--b--\n",
                 types[i]);
        submit(mail, to);
        text = text_for(to[0], "bob.eml");
        ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: seen\r\n"));
        free(text);
        decrypt("bob.eml", "bob.signed");
        verify("bob.signed", "bob.payload");
        ck_assert(cli_contains("bob.payload", "protocol="));
        ck_assert(!cli_contains("bob.payload", "hp="));
        end_message();
    }
    end();
}
END_TEST

/* A report travels in the clear. */
START_TEST(report_does_not_tell_the_subject)
{
    static const char *const to[] = {"bob@partner.test", "carol@partner.test", NULL};
    static const size_t members[] = {1};
    struct entity report = {0};
    size_t length;
    char *text;
    begin(SPLIT FORCED);
    submit(TEXT, to);
    ck_assert_int_eq(transaction.recipients[1].reply.code, 550);
    ck_assert_int_eq(
        report_make(world.gateway, &transaction, members, 1, "id", PKI_NOW, &report, NULL), 0);
    text = entity_text(&report, &length);
    ck_assert_ptr_nonnull(strstr(text, "[...]"));
    ck_assert_ptr_nonnull(strstr(text, "<1@example.com>"));
    ck_assert_ptr_null(strstr(text, "merger"));
    free(text);
    entity_clear(&report);
    end();
}
END_TEST

/* A message from Bob to Alice: this payload, signed and encrypted. */
static char *incoming_payload(const char *payload, const char *outside)
{
    char *mail = NULL;
    char *cms;
    cli_write("payload", payload, strlen(payload));
    ck_assert_int_eq(cli_run("openssl cms -sign -in payload -signer bob -inkey bob.key -out signed "
                             "&& openssl cms -encrypt -aes256 -in signed -out e alice "
                             "&& tr -d '\\r' < e > encrypted"),
                     0);
    cms = cli_read("encrypted", NULL);
    ck_assert_int_gt(asprintf(&mail, "%s%s", outside, cms), 0);
    free(cms);
    return mail;
}

static char *incoming_text(const char *fields, const char *outside)
{
    char *payload = NULL;
    char *mail;
    ck_assert_int_gt(
        asprintf(&payload, "%sContent-Type: text/plain; hp=\"cipher\"\r\n\r\nThe text\r\n", fields),
        0);
    mail = incoming_payload(payload, outside);
    free(payload);
    return mail;
}

static char *receive(const char *mail)
{
    transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", mail);
    ck_assert_int_eq(world_recipient(&world, &transaction, "alice@example.com"), 0);
    outcome = world_end(&world, &transaction);
    return world_text(&transaction, &outcome);
}

#define FROM_BOB "From: bob@partner.test\nTo: alice@example.com\nSubject: [...]\n"

START_TEST(reader_sees_the_protected_header)
{
    char *mail, *text;
    begin("subject_tags = true;\n");
    mail = incoming_text(
        "From: bob@partner.test\r\nTo: alice@example.com\r\nCc: carol@x.test\r\n"
        "Subject: [signed] real\r\nKeywords: one\r\nKeywords: two\r\n"
        "X-Smimed-Signature: invalid\r\nAuthentication-Results: mx.example.com; dkim=pass\r\n"
        "Received: inside\r\nBcc: eve@x.test\r\nHP-Outer: Subject: [...]\r\n"
        "HP-Outer: Cc: carol@x.test\r\nHP-Outer: To: alice@example.com\r\n",
        "X-Smimed-Header-Protection: forged\n" FROM_BOB
        "Reply-To: mallory@x.test\nCc: carol@x.test\nKeywords: other\nSubject: [encrypted] more\n");
    text = receive(mail);
    ck_assert_int_eq(outcome.opened.signature, SIGNATURE_VALID);
    /* The payload itself stays within its signature; nothing of it is in the header. */
    *strstr(text, "\r\n\r\n") = '\0';
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: [encrypted] [signed] real\r\n"));
    ck_assert_ptr_null(strstr(strstr(text, "\r\nSubject: ") + 4, "\r\nSubject: "));
    ck_assert_ptr_nonnull(strstr(text, "\r\nKeywords: one\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nKeywords: two"));
    ck_assert_ptr_null(strstr(text, "Keywords: other"));
    ck_assert_ptr_null(strstr(text, "mallory"));
    ck_assert_ptr_nonnull(
        strstr(text, "\r\nX-Smimed-Header-Protection: cipher; "
                     "restored=Subject,Keywords,Reply-To; confidential=Subject,Keywords\r\n"));
    ck_assert_ptr_null(strstr(text, "forged"));
    ck_assert_ptr_null(strstr(text, "eve@x.test"));
    ck_assert_ptr_null(strstr(text, "inside"));
    ck_assert_ptr_null(strstr(text, "dkim=pass"));
    ck_assert_ptr_null(strstr(text, "X-Smimed-Signature: invalid"));
    free(text);
    free(mail);
    end();
}
END_TEST

static const struct {
    const char *config;
    const char *body;
    bool marked;
} once[] = {{"remove_signature = true;\n", "\r\n\r\nThe text\r\n", false},
            {"", "\r\n\r\nSubject: real\r\n\r\nThe text\r\n", true}};

/* What was hidden stands in the header, and in the text no more; but a signed text stays. */
START_TEST(reader_sees_the_subject_once)
{
    static const char payload[] =
        "From: bob@partner.test\r\nTo: alice@example.com\r\nSubject: real\r\n"
        "HP-Outer: From: bob@partner.test\r\nHP-Outer: To: alice@example.com\r\n"
        "HP-Outer: Subject: [...]\r\n"
        "Content-Type: text/plain; hp-legacy-display=\"1\"; hp=\"cipher\"\r\n\r\n"
        "Subject: real\r\n\r\nThe text\r\n";
    char *mail, *text;
    begin(once[_i].config);
    mail = incoming_payload(payload, FROM_BOB);
    text = receive(mail);
    ck_assert_int_eq(outcome.opened.signature, SIGNATURE_VALID);
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: real\r\n"));
    ck_assert_msg(strstr(text, once[_i].body) != NULL, "%s", text);
    ck_assert_int_eq(strstr(text, "hp-legacy-display") != NULL, once[_i].marked);
    free(text);
    free(mail);
    end();
}
END_TEST

START_TEST(restoring_can_be_switched_off)
{
    char *mail, *text;
    begin("restore_headers = false;\n");
    mail = incoming_text("Subject: real\r\nHP-Outer: Subject: [...]\r\n", FROM_BOB);
    text = receive(mail);
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: [...]\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nX-Smimed-Header-Protection: cipher; "
                                       "confidential=Subject; differing=Subject\r\n"));
    free(text);
    free(mail);
    end();
}
END_TEST

START_TEST(another_from_is_a_mismatch)
{
    char *mail, *text;
    begin("");
    mail = incoming_text("From: boss@partner.test\r\nSubject: real\r\n", FROM_BOB);
    text = receive(mail);
    ck_assert_ptr_nonnull(strstr(text, "\r\nFrom: bob@partner.test\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nSubject: [...]\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "X-Smimed-Signature: mismatch\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "X-Smimed-Header-Protection: cipher; from=differs"));
    free(text);
    free(mail);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("header_protection");
    TCase *tcase = tcase_create("header_protection");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_copy_shows_what_it_may);
    tcase_add_loop_test(tcase, settings_decide, 0, sizeof settings / sizeof *settings);
    tcase_add_test(tcase, profiles_part_recipients);
    tcase_add_test(tcase, all_subjects_are_hidden);
    tcase_add_test(tcase, hides_from_notices);
    tcase_add_test(tcase, hidden_fields_lead_the_text);
    tcase_add_test(tcase, unclean_header_is_signed_in_the_clear);
    tcase_add_test(tcase, signed_by_the_sender_stays_as_it_is);
    tcase_add_test(tcase, openpgp_stays_as_it_is);
    tcase_add_test(tcase, report_does_not_tell_the_subject);
    tcase_add_test(tcase, reader_sees_the_protected_header);
    tcase_add_loop_test(tcase, reader_sees_the_subject_once, 0, sizeof once / sizeof *once);
    tcase_add_test(tcase, restoring_can_be_switched_off);
    tcase_add_test(tcase, another_from_is_a_mismatch);
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
