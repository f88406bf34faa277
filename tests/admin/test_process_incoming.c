/* smimectl process: incoming messages, made by openssl, and the report as JSON. */
#include "process_run.h"

/* signed.p7m by Bob, then encrypted to Alice: in.eml. */
static void make_incoming(const char *cipher)
{
    expect_run("openssl cms -sign",
               OPENSSL("cms", "-sign", "-in", in_dir("body.txt"), "-text", "-signer",
                       in_dir("bob.pem"), "-inkey", in_dir("bob.key"), "-out", in_dir("signed")),
               0, NULL);
    expect_run("openssl cms -encrypt",
               OPENSSL("cms", "-encrypt", cipher, "-in", in_dir("signed"), "-from", BOB, "-to",
                       ALICE, "-subject", "Secret", "-out", in_dir("in.eml"), in_dir("alice.pem")),
               0, NULL);
}

START_TEST(test_incoming_is_decrypted_verified_and_learned)
{
    static const char *const ciphers[] = {"-aes-256-cbc", "-aes-256-gcm"};
    write_text(in_dir("body.txt"), "the secret word is Apfelbaum.\n");
    make_incoming(ciphers[_i]);
    json_t *report =
        expect_report("incoming", INCOMING("in.eml", "--from", BOB, "--to", ALICE), 0, "out.eml");
    ck_assert_str_eq(text_at(report, "direction"), "incoming");
    ck_assert_str_eq(verdict(report, "encryption"), "decrypted");
    ck_assert_str_eq(verdict(report, "signature"), "valid");
    ck_assert_str_eq(text_at(report, "cipher"), ciphers[_i] + 1);
    ck_assert(json_is_true(json_object_get(report, "return_headers_only")));
    const json_t *layers = json_object_get(report, "layers");
    ck_assert_uint_eq(json_array_size(layers), 2);
    const json_t *inner = json_array_get(layers, 1);
    ck_assert_str_eq(text_at(inner, "kind"), "signed");
    ck_assert_str_eq(text_at(json_object_get(inner, "signer"), "subject"), "CN=" BOB);
    json_decref(report);
    char *text = read_file(in_dir("out.eml"), NULL);
    ck_assert_ptr_nonnull(strstr(text, "Apfelbaum"));
    ck_assert_ptr_nonnull(strstr(text, "Authentication-Results: mail.example.com"));
    free(text);
    json_t *list = expect_json("learned", SMIMECTL("pubkey", "list", BOB, "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_str_eq(text_at(json_array_get(list, 0), "source"), "harvested");
    json_decref(list);
}
END_TEST

/* Nobody signed what is inside: only AES-GCM shows whether it was altered. */
START_TEST(test_alterable_ciphertext_is_told)
{
    static const char *const ciphers[] = {"-aes-256-cbc", "-aes-256-gcm"};
    write_text(in_dir("body.txt"), "the secret word is Apfelbaum.\n");
    make_incoming(ciphers[_i]);
    expect_run("openssl cms -encrypt",
               OPENSSL("cms", "-encrypt", ciphers[_i], "-in", in_dir("body.txt"), "-text", "-from",
                       BOB, "-to", ALICE, "-out", in_dir("in.eml"), in_dir("alice.pem")),
               0, NULL);
    json_t *report =
        expect_report("incoming", INCOMING("in.eml", "--from", BOB, "--to", ALICE), 0, "out.eml");
    ck_assert_str_eq(verdict(report, "encryption"), "decrypted");
    ck_assert_int_eq(json_is_true(json_object_get(report, "unauthenticated_ciphertext")), _i == 0);
    ck_assert(json_is_false(json_object_get(report, "defanged")));
    json_decref(report);
}
END_TEST

/* Its subject was hidden on its way (RFC 9788). */
START_TEST(test_protected_header_is_told)
{
    write_text(in_dir("body.txt"), "Subject: real\r\nReply-To: " BOB "\r\n"
                                   "HP-Outer: Subject: Secret\r\n"
                                   "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nhello\r\n");
    expect_run("openssl cms -sign",
               OPENSSL("cms", "-sign", "-in", in_dir("body.txt"), "-signer", in_dir("bob.pem"),
                       "-inkey", in_dir("bob.key"), "-out", in_dir("signed")),
               0, NULL);
    expect_run("openssl cms -encrypt",
               OPENSSL("cms", "-encrypt", "-aes-256-cbc", "-in", in_dir("signed"), "-from", BOB,
                       "-to", ALICE, "-subject", "Secret", "-out", in_dir("in.eml"),
                       in_dir("alice.pem")),
               0, NULL);
    json_t *report =
        expect_report("incoming", INCOMING("in.eml", "--from", BOB, "--to", ALICE), 0, "out.eml");
    const json_t *told = json_object_get(report, "header_protection");
    const json_t *restored = json_object_get(told, "restored");
    ck_assert_str_eq(text_at(told, "form"), "cipher");
    ck_assert(json_is_false(json_object_get(told, "from_differs")));
    ck_assert_uint_eq(json_array_size(restored), 3); /* To was not there: taken out */
    ck_assert_str_eq(json_string_value(json_array_get(restored, 0)), "Subject");
    ck_assert_str_eq(text_at(told, "confidential"), "Subject,Reply-To");
    ck_assert(json_is_null(json_object_get(told, "differing")));
    json_decref(report);
    char *text = read_file(in_dir("out.eml"), NULL);
    ck_assert_ptr_nonnull(strstr(text, "\nSubject: real\n"));
    ck_assert_ptr_null(strstr(text, "\nSubject: Secret"));
    free(text);
    struct run run = SMIMECTL_READS(in_dir("in.eml"), "process", "--incoming", "--from", BOB,
                                    "--to", ALICE, "--at", AT);
    ck_assert_ptr_nonnull(strstr(run.err,
                                 "header protection: cipher; restored=Subject,To,Reply-To; "
                                 "confidential=Subject,Reply-To\n"));
    run_clear(&run);
}
END_TEST

START_TEST(test_incoming_is_no_decryption_oracle)
{
    write_text(in_dir("body.txt"), "the secret word is Apfelbaum.\n");
    make_incoming("-aes-256-cbc");
    expect_run("add", SMIMECTL("mailbox", "add", "carol@example.com"), 0, NULL);
    json_t *report = expect_report(
        "to Carol", INCOMING("in.eml", "--from", BOB, "--to", "carol@example.com"), 0, "out.eml");
    ck_assert_str_eq(verdict(report, "encryption"), "not-decrypted");
    json_decref(report);
    char *text = read_file(in_dir("out.eml"), NULL);
    ck_assert_ptr_null(strstr(text, "Apfelbaum"));
    free(text);
    write_config("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ];"
                 " incoming = \"decrypt-always\"; } );\n");
    report = expect_report("refused",
                           INCOMING("in.eml", "--from", BOB, "--to", "carol@example.com"), 1, NULL);
    ck_assert_int_eq(reply_code(report), 550);
    ck_assert_str_eq(verdict(report, "encryption"), "not-decrypted");
    json_decref(report);
}
END_TEST

START_TEST(test_incoming_verdicts)
{
    write_text(in_dir("body.txt"), "the secret word is Apfelbaum.\n");
    expect_run("openssl cms -sign",
               OPENSSL("cms", "-sign", "-in", in_dir("body.txt"), "-text", "-signer",
                       in_dir("bob.pem"), "-inkey", in_dir("bob.key"), "-from", BOB, "-to", ALICE,
                       "-out", in_dir("good.eml")),
               0, NULL);
    char *text = read_file(in_dir("good.eml"), NULL);
    char *word = strstr(text, "Apfel");
    ck_assert_ptr_nonnull(word);
    memcpy(word, "Birnb", 5);
    write_text(in_dir("bad.eml"), text);
    free(text);
    static const struct {
        const char *file;
        const char *signature;
    } cases[] = {{"good.eml", "valid"}, {"bad.eml", "invalid"}, {"plain.eml", "none"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *report = expect_report(
            cases[i].file, INCOMING(cases[i].file, "--from", BOB, "--to", ALICE), 0, "out.eml");
        ck_assert_str_eq(verdict(report, "encryption"), "none");
        ck_assert_str_eq(verdict(report, "signature"), cases[i].signature);
        ck_assert_str_ne(text_at(json_object_get(report, "signature"), "reason"), "");
        json_decref(report);
    }
}
END_TEST

/* ---- the manual ---- */

/* It names no member that there is not; expect_report() looks for those that it should name. */
START_TEST(test_manual_names_no_other_members)
{
    struct members manual = {0};
    struct members found = {0};
    import_bob();
    write_text(in_dir("body.txt"), "the secret word is Apfelbaum.\n");
    make_incoming("-aes-256-cbc");
    write_config("reinject = \"unix:/nowhere\";\n"
                 "rules = ( { managed = [ \"*\" ]; external = [ \"tls.test\" ];"
                 " require_tls = true; },"
                 " { managed = [ \"*\" ]; external = [ \"*\" ];"
                 " outgoing = \"encrypt-optional\"; } );\n");
    json_t *reports[] = {
        expect_report("outgoing",
                      OUTGOING("plain.eml", "--from", ALICE, "--to", BOB, "--to",
                               "eve@partner.test", "--to", "eve@tls.test", "--no-tls"),
                      3, "out.eml"),
        expect_report("incoming", INCOMING("in.eml", "--from", BOB, "--to", ALICE), 0, "out.eml"),
        expect_json("explain", SMIMECTL("rules", "explain", "--json", "--from", ALICE, "--to", BOB,
                                        "--message", in_dir("plain.eml"))),
    };
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        members_of_json(&found, reports[i]);
        json_decref(reports[i]);
    }
    members_of_manual(&manual);
    for (size_t i = 0; i < manual.count; i++) {
        ck_assert_msg(members_has(&found, manual.names[i]), "the manual names \"%s\"",
                      manual.names[i]);
    }
    members_clear(&manual);
    members_clear(&found);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl process --incoming");
    TCase *tests = tcase_create("process");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, test_protected_header_is_told);
    tcase_add_loop_test(tests, test_incoming_is_decrypted_verified_and_learned, 0, 2);
    tcase_add_loop_test(tests, test_alterable_ciphertext_is_told, 0, 2);
    tcase_add_test(tests, test_incoming_is_no_decryption_oracle);
    tcase_add_test(tests, test_incoming_verdicts);
    tcase_add_test(tests, test_manual_names_no_other_members);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
