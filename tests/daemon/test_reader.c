/* What a reader gets of an incoming message: ciphertext that could have been altered, summaries,
 * tags, removed signatures (DESIGN section 5). Messages come from `openssl cms`. */
#include <check.h>
#include <time.h>

#include "flow_world.h"
#include "summary.h"
#include "test_run.h"

#define FIELDS                                                                                     \
    "From: Bob <bob@partner.test>\nTo: alice@example.com\nSubject: hi\nMIME-Version: 1.0\n"

static struct world world;
static struct pki alice;
static struct pki bert;
static struct pki bob;

static void write_pem(const struct pki *pki, const char *name)
{
    char path[128];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", world.directory, name);
    file = fopen(path, "w");
    ck_assert(file != NULL && PEM_write_X509(file, pki->certificate) == 1 &&
              PEM_write_PrivateKey(file, pki->key, NULL, NULL, 0, NULL, NULL) == 1);
    ck_assert_int_eq(fclose(file), 0);
}

static void begin(const char *config)
{
    world = world_open(config);
    alice = pki_make(&(struct pki_spec){.addresses = {"alice@example.com"}, .key = PKI_RSA_2048},
                     &world.ca);
    bob = pki_make(&(struct pki_spec){.addresses = {"info@partner.test", "bob@partner.test"},
                                      .key = PKI_RSA_2048},
                   &world.ca);
    bert = world_mailbox(&world, "bert@example.com", NULL);
    world_need(store_mailbox_add(world.gateway->store, "alice@example.com", NULL, 0, NULL) ==
                       STORE_OK &&
                   store_mailbox_activate(world.gateway->store, "alice@example.com", alice.key,
                                          alice.certificate, NULL, PKI_NOW, NULL) == STORE_OK,
               "a mailbox", NULL);
    write_pem(&alice, "alice.pem");
    write_pem(&bert, "bert.pem");
    write_pem(&bob, "bob.pem");
    world_file(&world, "html",
               "Content-Type: text/html\r\n\r\n"
               "<p>The secret text<img src=\"http://evil.test/?\"></p>\r\n");
}

static void end(void)
{
    pki_clear(&alice);
    pki_clear(&bert);
    pki_clear(&bob);
    world_close(&world);
}

/* Standard output of a shell command in the world's directory, without CR. */
static char *output_of(const char *command)
{
    char line[1024];
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    FILE *in;
    int c;
    snprintf(line, sizeof line, "cd '%s' && { %s; } 2>errors || { cat errors >&2; false; }",
             world.directory, command);
    in = popen(line, "r");
    ck_assert(in != NULL && out != NULL);
    while ((c = getc(in)) != EOF)
        if (c != '\r')
            putc(c, out);
    ck_assert_msg(pclose(in) == 0, "%s", command);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* What `command` writes, with the fields of a message in front. */
static char *message_of(const char *fields, const char *command)
{
    char *entity = output_of(command);
    char *text = NULL;
    ck_assert_int_ge(asprintf(&text, "%s%s", fields, entity), 0);
    free(entity);
    return text;
}

static struct outcome receive(struct transaction *transaction, const char *text)
{
    *transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    ck_assert_int_eq(world_recipient(&world, transaction, "alice@example.com"), 0);
    return world_end(&world, transaction);
}

/* The same for both of our users. */
static struct outcome receive_both(struct transaction *transaction, const char *text)
{
    *transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    ck_assert_int_eq(world_recipient(&world, transaction, "alice@example.com"), 0);
    ck_assert_int_eq(world_recipient(&world, transaction, "bert@example.com"), 0);
    return world_end(&world, transaction);
}

static void done(struct transaction *transaction, struct outcome *outcome)
{
    outcome_clear(outcome);
    transaction_clear(transaction);
}

/* The message that alice gets. */
static char *received(const char *text)
{
    struct transaction transaction;
    struct outcome outcome = receive(&transaction, text);
    char *result;
    ck_assert_msg(outcome.action != FLOW_REPLY, "%s", outcome.reply.english);
    result = world_text(&transaction, &outcome);
    done(&transaction, &outcome);
    return result;
}

static void assert_has(const char *text, const char *wanted)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "'%s' is not in:\n%s", wanted, text);
}

static void assert_lacks(const char *text, const char *unwanted)
{
    ck_assert_msg(strstr(text, unwanted) == NULL, "'%s' is in:\n%s", unwanted, text);
}

#define ENCRYPT "openssl cms -encrypt -aes256 -in html alice.pem"
#define ENCRYPT_GCM "openssl cms -encrypt -aes-256-gcm -in html alice.pem"
#define SIGN "openssl cms -sign -signer bob.pem -in html"
#define SIGN_AND_ENCRYPT SIGN " -out s && openssl cms -encrypt -aes256 -in s alice.pem"
#define DOUBT "what was encrypted could have been altered on its way"

/* ---- Ciphertext that could have been altered ---- */

static const struct {
    const char *setting;
    const char *make;
    bool told;
    bool inert;
} settings[] = {
    {"accept", ENCRYPT, false, false},
    {"tag", ENCRYPT, true, false},
    {"defang", ENCRYPT, true, true},
    {"tag", ENCRYPT_GCM, false, false},
    {"defang", ENCRYPT_GCM, false, false},
    {"reject", ENCRYPT_GCM, false, false},
    {"tag", SIGN_AND_ENCRYPT, false, false},
    {"defang", SIGN_AND_ENCRYPT, false, false},
    {"reject", SIGN_AND_ENCRYPT, false, false},
    {"reject", "cat html", false, false},
    {"reject", SIGN, false, false},
};

START_TEST(each_setting)
{
    char config[128];
    char *text;
    char *result;
    snprintf(config, sizeof config, "subject_tags = true; unauthenticated_ciphertext = \"%s\";",
             settings[_i].setting);
    begin(config);
    text = message_of(FIELDS, settings[_i].make);
    result = received(text);
    assert_has(result, "The secret text");
    ck_assert_int_eq(strstr(result, "X-Smimed-Ciphertext: unauthenticated") != NULL,
                     settings[_i].told);
    ck_assert_int_eq(strstr(result, "reason=\"" DOUBT "\"") != NULL, settings[_i].told);
    ck_assert_int_eq(strstr(result, "[encrypted] [unauthenticated] hi") != NULL, settings[_i].told);
    ck_assert_int_eq(strstr(result, "Ciphertext: unauthenticated, defanged") != NULL,
                     settings[_i].inert);
    ck_assert_int_eq(strstr(result, "http://evil.test") == NULL, settings[_i].inert);
    free(result);
    free(text);
    end();
}
END_TEST

/* Ciphertext of alice's, altered here and there: what an attacker would send to learn what comes of
 * it. */
enum alteration { UNALTERED, FIRST_BLOCK, PADDING, LAST_BLOCK, KEY, CUT, ALTERATIONS };

static const char *const alteration_names[] = {"unaltered",  "first block", "padding",
                                               "last block", "key",         "cut"};

static char *altered(enum alteration alteration)
{
    char path[128];
    char *text =
        output_of("openssl cms -encrypt -aes256 -in html -outform DER -out e.der bert.pem alice.pem"
                  " && stat -c %s e.der");
    long size = strtol(text, NULL, 10);
    long at = 0;
    FILE *file;
    int c;
    free(text);
    snprintf(path, sizeof path, "%s/e.der", world.directory);
    switch (alteration) {
    case FIRST_BLOCK:
        at = size - 90; /* of some 96 octets of ciphertext */
        break;
    case PADDING:
        at = size - 17;
        break;
    case LAST_BLOCK:
        at = size - 1;
        break;
    case KEY:
        at = size - 250;
        break;
    case CUT:
        ck_assert_int_eq(truncate(path, size - 16), 0); /* a malformed structure */
        break;
    default:
        break;
    }
    if (at > 0) {
        file = fopen(path, "r+");
        ck_assert(file != NULL && fseek(file, at, SEEK_SET) == 0 && (c = getc(file)) != EOF &&
                  fseek(file, at, SEEK_SET) == 0 && putc(c ^ 0x5a, file) != EOF);
        ck_assert_int_eq(fclose(file), 0);
    }
    return message_of(FIELDS "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n"
                             "Content-Transfer-Encoding: base64\n\n",
                      "base64 e.der");
}

static const char *const modes[] = {"decrypt-optional", "decrypt-always", "decrypt-forced"};

/* Under `reject` whoever sends altered ciphertext is told the same of all that uses the key, in
 * every mode that decrypts. */
START_TEST(refusals_are_alike)
{
    char config[256];
    struct reply first = {0};
    snprintf(config, sizeof config,
             "unauthenticated_ciphertext = \"reject\"; rules = ( { managed = [ \"*\" ]; external = "
             "[ \"*\" ]; incoming = \"%s\"; } );",
             modes[_i]);
    begin(config);
    for (enum alteration alteration = UNALTERED; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        struct transaction transaction;
        struct outcome outcome = receive(&transaction, text);
        ck_assert_msg(outcome.action == FLOW_REPLY, "%s", alteration_names[alteration]);
        ck_assert_int_eq(outcome.return_headers_only, 0);
        if (alteration == UNALTERED)
            reply_set(&first, outcome.reply.code, outcome.reply.enhanced, outcome.reply.english,
                      outcome.reply.german);
        ck_assert_int_eq(outcome.reply.code, 550);
        ck_assert_msg(outcome.reply.code == first.code &&
                          strcmp(outcome.reply.enhanced, first.enhanced) == 0 &&
                          strcmp(outcome.reply.english, first.english) == 0 &&
                          strcmp(outcome.reply.german, first.german) == 0,
                      "%s: %s", alteration_names[alteration], outcome.reply.english);
        free(text);
        done(&transaction, &outcome);
    }
    reply_clear(&first);
    end();
}
END_TEST

/* Without `reject` a failure is told from a success, but no failure from another. */
START_TEST(failures_are_alike)
{
    char *english = NULL;
    begin("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; incoming = \"decrypt-always\"; } "
          ");");
    for (enum alteration alteration = PADDING; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        struct transaction transaction;
        struct outcome outcome = receive(&transaction, text);
        /* One time in 256 a random last block has a padding. */
        if (outcome.action == FLOW_REPLY) {
            if (english == NULL)
                english = strdup(outcome.reply.english);
            ck_assert_str_eq(outcome.reply.english, english);
            ck_assert_str_eq(outcome.opened.encryption_reason,
                             "the message could not be decrypted");
        }
        free(text);
        done(&transaction, &outcome);
    }
    ck_assert_ptr_nonnull(english);
    free(english);
    end();
}
END_TEST

/* A message that was not for us is no failure of a key: it is delivered as it came. */
START_TEST(others_ciphertext_passes)
{
    char *text;
    char *result;
    begin("unauthenticated_ciphertext = \"reject\";");
    text = message_of(FIELDS, "openssl cms -encrypt -aes256 -in html bob.pem");
    result = received(text);
    assert_has(result, "X-Smimed-Encryption: not-decrypted");
    free(result);
    free(text);
    end();
}
END_TEST

/* Where messages are split those who can read one are found by trying; not here. */
START_TEST(several_recipients_are_refused_together)
{
    begin("unauthenticated_ciphertext = \"reject\"; reinject = \"unix:/nonexistent\";");
    for (enum alteration alteration = UNALTERED; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        struct transaction transaction;
        struct outcome outcome = receive_both(&transaction, text);
        ck_assert_msg(outcome.action == FLOW_REPLY, "%s", alteration_names[alteration]);
        ck_assert_uint_eq(outcome.copy_count, 0);
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, "alice@example.com"));
        free(text);
        done(&transaction, &outcome);
    }
    end();
}
END_TEST

static double cpu_seconds(const char *text, bool both)
{
    double best = 1e9;
    for (int i = 0; i < 15; i++) {
        struct transaction transaction;
        clock_t began = clock();
        struct outcome outcome =
            both ? receive_both(&transaction, text) : receive(&transaction, text);
        double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
        best = seconds < best ? seconds : best;
        done(&transaction, &outcome);
    }
    return best;
}

/* The least time of several, which a busy machine does not change. Fails on gross differences only:
 * an order of magnitude. SMIMED_TIMES=1 has them printed. */
START_TEST(failures_take_alike)
{
    double times[ALTERATIONS];
    begin("unauthenticated_ciphertext = \"reject\"; reinject = \"unix:/nonexistent\";");
    for (enum alteration alteration = UNALTERED; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        times[alteration] = cpu_seconds(text, _i == 1);
        if (getenv("SMIMED_TIMES") != NULL)
            fprintf(stderr, "%d recipients, %-12s %.3f ms\n", _i + 1, alteration_names[alteration],
                    1000 * times[alteration]);
        free(text);
    }
    for (enum alteration alteration = FIRST_BLOCK; alteration < CUT; alteration++)
        ck_assert_msg(times[alteration] < 10 * times[UNALTERED] + 0.02 &&
                          times[UNALTERED] < 10 * times[alteration] + 0.02,
                      "%s: %.4f s, unaltered %.4f s", alteration_names[alteration],
                      times[alteration], times[UNALTERED]);
    end();
}
END_TEST

/* ---- Tags ---- */

START_TEST(german_tags)
{
    char *text;
    char *result;
    begin("subject_tags = true; tag_signed = \"[signiert]\"; tag_encrypted = \"[verschlüsselt]\"; "
          "tag_invalid = \"[Signatur ungültig]\";");
    text =
        message_of("From: bob@partner.test\nSubject: [signed] =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n an "
                   "[SIGNATUR UNG=?utf-8?q?=C3=9CLTIG=5D?= alle\n [unauthenticated]\nMIME-Version:"
                   " 1.0\n",
                   SIGN_AND_ENCRYPT);
    result = received(text);
    assert_has(result, "X-Smimed-Signature: valid");
    assert_lacks(result, "[signed]");
    assert_lacks(result, "unauth");
    /* As Python reads it. */
    {
        char path[128];
        FILE *file;
        char *subject;
        snprintf(path, sizeof path, "%s/result", world.directory);
        file = fopen(path, "w");
        ck_assert(file != NULL && fputs(result, file) >= 0 && fclose(file) == 0);
        subject = output_of("python3 -c \"import email, email.policy; print(ascii(str("
                            "email.message_from_binary_file(open('result', 'rb'), "
                            "policy=email.policy.default)['subject'])))\"");
        assert_has(subject, "'[verschl\\xfcsselt] [signiert] Gr\\xfc\\xdfe an");
        assert_lacks(subject, "UNG");
        free(subject);
    }
    free(result);
    free(text);
    end();
}
END_TEST

/* RFC 7281: of the addresses in the certificate the one that the message is from. */
START_TEST(identifier_is_the_sender)
{
    char *text;
    char *result;
    begin("");
    text = message_of(FIELDS, SIGN);
    result = received(text);
    assert_has(result, "; smime=pass\r\n\tbody.smime-identifier=bob@partner.test"
                       "\r\n\tbody.smime-part=2\r\n\tbody.smime-serial=");
    free(result);
    free(text);
    end();
}
END_TEST

/* ---- The summary ---- */

static const struct {
    const char *config;
    const char *make;
    bool there;
    const char *wanted;
} summaries[] = {
    {"", ENCRYPT, false, NULL},
    {"summary = true;", ENCRYPT, true, "Encryption: yes, but whether the message was altered"},
    {"summary = true;", ENCRYPT_GCM, true, "Encryption: yes\r\n"},
    {"summary = true; unauthenticated_ciphertext = \"accept\";", ENCRYPT, true,
     "Encryption: yes\r\n"},
    {"summary = true;", "cat html", false, NULL},
    /* With something in front the signature would be that of a part. */
    {"summary = true;", SIGN, false, NULL},
    {"summary = true;", SIGN_AND_ENCRYPT, false, NULL},
    {"summary = true;", SIGN " -nodetach", false, NULL},
    {"summary = true; remove_signature = true;", SIGN, true, "Certificate issued by: World CA"},
    {"summary = true; remove_signature = true;", SIGN_AND_ENCRYPT, true, "Signature: valid\r\n"},
    {"summary = true; remove_signature = true;", SIGN " -nodetach", true, "Signature: valid\r\n"},
    {"summary = true; unauthenticated_ciphertext = \"defang\";", ENCRYPT, true,
     "Signature: none\r\n"},
    {"summary = true; weak_algorithms = [ \"rc2\" ];",
     "openssl cms -encrypt -binary -provider legacy -provider default -rc2-40 -in html alice.pem",
     true, "  Weak algorithms: RC2\r\n"},
    {"summary = true; weak_algorithms = [ \"3des\" ];",
     "openssl cms -encrypt -binary -des3 -in html alice.pem", true,
     "  Schwache Verfahren: Triple-DES\r\n"},
};

START_TEST(summary)
{
    char *text;
    char *result;
    begin(summaries[_i].config);
    text = message_of(FIELDS, summaries[_i].make);
    result = received(text);
    ck_assert_int_eq(strstr(result, "mx.example.com has checked this message") != NULL,
                     summaries[_i].there);
    if (summaries[_i].there) {
        const char *part = strstr(result, "\r\n\r\n--=_smimed_");
        ck_assert_ptr_nonnull(part);
        assert_has(result, "\r\nContent-Type: multipart/mixed; boundary=\"=_smimed_");
        assert_has(result, summaries[_i].wanted);
        assert_has(result, "hat diese Nachricht gepr=C3=BCft:");
        assert_has(strstr(part, "has checked"), "The secret text");
        ck_assert_int_eq(strstr(part, "Signed by: bob@partner.test") != NULL ||
                             strstr(part, "Signed by: ") != NULL,
                         strstr(result, "X-Smimed-Signature: valid") != NULL);
        ck_assert_int_eq(strstr(part, "Weak algorithms: ") != NULL,
                         strstr(result, "X-Smimed-Weak: ") != NULL);
    }
    free(result);
    free(text);
    end();
}
END_TEST

/* A line that has nothing to say is left out; what is not known stays; a broken file is not used.
 */
START_TEST(summary_template)
{
    static const struct {
        const char *file;
        const char *wanted;
    } cases[] = {
        {"Von {host}: {signature_de} {unknown}\r\n{signer}\r\nCipher {cipher}\n",
         "Von mx.example.com: keine {unknown}\r\nCipher aes-256-cbc\r\n"},
        {"\xff", "has checked this message"},
        {NULL, "has checked this message"},
    };
    char config[128];
    char path[64] = "/tmp/smimed-summary.XXXXXX";
    int fd = mkstemp(path);
    char *text;
    char *result;
    ck_assert_int_ge(fd, 0);
    if (cases[_i].file != NULL)
        ck_assert_int_gt(write(fd, cases[_i].file, strlen(cases[_i].file)), 0);
    else
        unlink(path);
    close(fd);
    snprintf(config, sizeof config, "summary = true; summary_template = \"%s\";", path);
    begin(config);
    text = message_of(FIELDS, ENCRYPT);
    result = received(text);
    assert_has(result, cases[_i].wanted);
    free(result);
    free(text);
    unlink(path);
    end();
}
END_TEST

START_TEST(shipped_summary_is_the_one_built_in)
{
    char *why = NULL;
    char *text = summary_load("etc/summary.txt", &why);
    char *built_in = summary_load("", &why);
    ck_assert_msg(text != NULL && built_in != NULL, "%s", why_text(&why));
    ck_assert_str_eq(text, built_in);
    free(text);
    free(built_in);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *tests = tcase_create("reader");
    tcase_set_timeout(tests, 60);
    LOOP(tests, each_setting, settings);
    LOOP(tests, refusals_are_alike, modes);
    tcase_add_test(tests, failures_are_alike);
    tcase_add_test(tests, others_ciphertext_passes);
    tcase_add_test(tests, several_recipients_are_refused_together);
    tcase_add_loop_test(tests, failures_take_alike, 0, 2);
    tcase_add_test(tests, german_tags);
    tcase_add_test(tests, identifier_is_the_sender);
    LOOP(tests, summary, summaries);
    tcase_add_loop_test(tests, summary_template, 0, 3);
    tcase_add_test(tests, shipped_summary_is_the_one_built_in);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
