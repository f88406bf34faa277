/* What a reader gets of an incoming message: summaries, tags, removed signatures (DESIGN section
 * 5). */
#include "reader_fixture.h"
#include "summary.h"

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

/* In both languages, and in a person's words: signer, issuer, validity and algorithms, as the
 * openssl command knows them. */
static const struct {
    const char *sign;
    const char *algorithms;
} signers[] = {
    {SIGN, "RSA, SHA-256"},
    {SIGN " -md sha512", "RSA, SHA-512"},
    {SIGN " -keyopt rsa_padding_mode:pss -md sha384", "RSA-PSS, SHA-384"},
    {"openssl cms -sign -signer ecdsa.pem -in html", "ECDSA, SHA-256"},
};

START_TEST(summary_tells_the_signer)
{
    char *text;
    char *result;
    char *shown;
    struct pki ecdsa;
    begin("summary = true; remove_signature = true;");
    ecdsa = pki_make(
        &(struct pki_spec){.common_name = "Bob \xc3\x84", .addresses = {"bob@partner.test"}},
        &world.ca);
    write_pem(&ecdsa, "ecdsa.pem");
    text = message_of(FIELDS, signers[_i].sign);
    result = received(text);
    world_file(&world, "result", result);
    free(output_of("python3 -c \"import email, email.policy; print(next(email.message_from_file("
                   "open('result'), policy=email.policy.default).iter_parts()).get_content())\" "
                   ">summary"));
    free(output_of(_i == 3 ? "ln -s ecdsa.pem signer" : "ln -s bob.pem signer"));
    shown =
        output_of("x() { openssl x509 -in signer -noout -nameopt multiline,utf8,-esc_msb \"$@\"; };"
                  "date() { x -$1 -dateopt iso_8601 | sed 's/.*=//; s/ .*//'; };"
                  "name() { x -$1 | sed -n 's/^ *commonName *= //p'; };"
                  "f=$(date startdate) t=$(date enddate) s=$(name subject) i=$(name issuer);"
                  "for l in \"Signed by: $s\" \"Unterschrieben von: $s\" "
                  "\"Certificate issued by: $i\" \"Zertifikat ausgestellt von: $i\" "
                  "\"Certificate valid from $f to $t\" \"Zertifikat gültig vom $f bis $t\"; "
                  "do grep -qxF \"  $l\" summary || echo \"no $l\"; done; cat summary");
    assert_lacks(shown, "no Signed");
    assert_lacks(shown, "no Unter");
    assert_lacks(shown, "no Cert");
    assert_lacks(shown, "no Zert");
    snprintf(text, strlen(text), "  Algorithms of the signature: %s\n", signers[_i].algorithms);
    assert_has(shown, text);
    snprintf(text, strlen(text), "  Verfahren der Unterschrift: %s\n", signers[_i].algorithms);
    assert_has(shown, text);
    free(shown);
    free(result);
    free(text);
    pki_clear(&ecdsa);
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

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *tests = tcase_create("reader");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, german_tags);
    tcase_add_test(tests, identifier_is_the_sender);
    LOOP(tests, summary, summaries);
    LOOP(tests, summary_tells_the_signer, signers);
    tcase_add_loop_test(tests, summary_template, 0, 3);
    tcase_add_test(tests, shipped_summary_is_the_one_built_in);
    suite_add_tcase(suite, tests);
    return run_with_keys(suite);
}
