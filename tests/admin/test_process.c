/* smimectl process: outgoing messages through the flow of the daemon, judged by openssl; line ends,
 * ceilings, failures. */
#include "process_run.h"

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* ---- outgoing ---- */

START_TEST(test_outgoing_is_signed)
{
    json_t *report =
        expect_report("sign", OUTGOING("plain.eml", "--from", ALICE, "--to", BOB), 0, "signed.eml");
    ck_assert_str_eq(text_at(report, "action"), "accepted");
    ck_assert_str_eq(text_at(report, "direction"), "outgoing");
    ck_assert_str_eq(text_at(report, "transform"), "sign");
    ck_assert_str_eq(text_at(report, "signer"), ALICE);
    const json_t *recipient = json_array_get(json_object_get(report, "recipients"), 0);
    ck_assert_str_eq(text_at(recipient, "address"), BOB);
    ck_assert_str_eq(text_at(recipient, "mode"), "sign");
    ck_assert_int_eq(json_integer_value(json_object_get(recipient, "rule")), 0);
    json_decref(report);
    expect_signed_by_alice("signed.eml");
    char *text = read_file(in_dir("signed.eml"), NULL);
    ck_assert_msg(strchr(text, '\r') == NULL, "LF came in, CR went out");
    ck_assert_ptr_nonnull(strstr(text, "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"));
    ck_assert_ptr_nonnull(strstr(text, "multipart/signed"));
    free(text);
}
END_TEST

START_TEST(test_outgoing_is_encrypted)
{
    import_bob();
    write_config("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ];"
                 " outgoing = \"encrypt-forced\"; } );\n");
    json_t *report =
        expect_report("encrypt", OUTGOING("plain.eml", "--from", ALICE, "--to", BOB), 0, "out.eml");
    ck_assert_str_eq(text_at(report, "transform"), "sign+encrypt");
    json_decref(report);
    char *text = read_file(in_dir("out.eml"), NULL);
    ck_assert_ptr_null(strstr(text, "Birnbaum"));
    free(text);
    expect_run("openssl cms -decrypt",
               OPENSSL("cms", "-decrypt", "-in", in_dir("out.eml"), "-recip", in_dir("bob.pem"),
                       "-inkey", in_dir("bob.key"), "-out", in_dir("inner.eml")),
               0, NULL);
    expect_signed_by_alice("inner.eml");
}
END_TEST

START_TEST(test_outgoing_without_a_key_is_refused)
{
    write_config("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ];"
                 " outgoing = \"encrypt-forced\"; } );\n");
    json_t *report =
        expect_report("refuse", OUTGOING("plain.eml", "--from", ALICE, "--to", BOB), 1, NULL);
    ck_assert_str_eq(text_at(report, "action"), "refused");
    ck_assert_int_eq(reply_code(report), 550);
    ck_assert_ptr_nonnull(strstr(text_at(json_object_get(report, "reply"), "text"), BOB));
    const json_t *recipient = json_array_get(json_object_get(report, "recipients"), 0);
    ck_assert_str_eq(text_at(recipient, "transform"), "refuse");
    ck_assert_int_eq(json_integer_value(json_object_get(recipient, "rule")), 1);
    json_decref(report);
}
END_TEST

START_TEST(test_recipients_that_differ)
{
    import_bob();
    write_config("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ];"
                 " outgoing = \"encrypt-optional\"; } );\n");
    json_t *report = expect_report(
        "two plans",
        OUTGOING("plain.eml", "--from", ALICE, "--to", BOB, "--to", "eve@partner.test"), 3,
        "out.eml");
    const json_t *recipients = json_object_get(report, "recipients");
    ck_assert_uint_eq(json_array_size(recipients), 2);
    const json_t *refused = json_array_get(recipients, 1);
    ck_assert(json_is_false(json_object_get(refused, "accepted")));
    ck_assert_str_eq(text_at(refused, "address"), "eve@partner.test");
    ck_assert_int_eq(reply_code(refused), 452);
    ck_assert_str_eq(text_at(report, "transform"), "sign+encrypt");
    json_decref(report);
}
END_TEST

/* Where messages are split: each his own, and who is refused by a report is not "accepted". */
START_TEST(test_recipients_are_split)
{
    import_bob();
    write_config("reinject = \"unix:/nowhere\";\n"
                 "rules = ( { managed = [ \"*\" ]; external = [ \"forced.test\" ];"
                 " outgoing = \"encrypt-forced\"; },"
                 " { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-optional\"; } "
                 ");\n");
    json_t *report = expect_report(
        "two bodies",
        OUTGOING("plain.eml", "--from", ALICE, "--to", BOB, "--to", "eve@partner.test"), 0,
        "out.eml");
    const json_t *copies = json_object_get(report, "copies");
    ck_assert_uint_eq(json_array_size(copies), 1);
    ck_assert_str_eq(text_at(json_array_get(copies, 0), "action"), "accepted");
    json_decref(report);
    report = expect_report(
        "one is refused",
        OUTGOING("plain.eml", "--from", ALICE, "--to", BOB, "--to", "eve@forced.test"), 3,
        "out.eml");
    copies = json_object_get(report, "copies");
    ck_assert_uint_eq(json_array_size(copies), 1);
    ck_assert_str_eq(text_at(json_array_get(copies, 0), "action"), "refused");
    ck_assert_int_eq(
        reply_code(json_array_get(json_object_get(json_array_get(copies, 0), "recipients"), 0)),
        550);
    json_decref(report);
}
END_TEST

/* The same as in the daemon: told, and taken off. */
START_TEST(test_sender_chooses)
{
    import_bob();
    write_text(in_dir("chosen.eml"), "From: alice@example.com\nTo: bob@partner.test\n"
                                     "X-Smimed: encrypt\nSubject: [sign] x\n\nhello\n");
    struct run run = SMIMECTL_READS(in_dir("chosen.eml"), "process", "--outgoing", "--from", ALICE,
                                    "--to", BOB, "--to", "carol@example.com", "--at", AT);
    ck_assert_int_eq(run.code, 3); /* one body cannot be both: Carol has to wait */
    run_clear(&run);
    run = SMIMECTL_READS(in_dir("chosen.eml"), "process", "--outgoing", "--from", ALICE, "--to",
                         BOB, "--at", AT);
    ck_assert_int_eq(run.code, 0);
    ck_assert_ptr_nonnull(
        strstr(run.err, "the sender chose: sign, encrypt, by X-Smimed, Subject\n"));
    ck_assert_ptr_nonnull(
        strstr(run.err, ": sign, by default, strengthened by the sender: sign+encrypt\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "\nSubject: [...]\n"));
    ck_assert_ptr_null(strcasestr(run.out, "X-Smimed"));
    run_clear(&run);
}
END_TEST

START_TEST(test_tls_is_required)
{
    write_config("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; require_tls = true;"
                 " outgoing = \"encrypt-optional\"; } );\n");
    import_bob();
    json_decref(expect_report("by TLS", OUTGOING("plain.eml", "--from", ALICE, "--to", BOB), 0,
                              "signed.eml"));
    json_t *report = expect_report(
        "in the clear",
        OUTGOING("plain.eml", "--from", ALICE, "--to", "eve@partner.test", "--no-tls"), 1, NULL);
    ck_assert_int_eq(reply_code(report), 530);
    /* nothing is said of a key, which is not what is missing */
    ck_assert(json_is_null(
        json_object_get(json_array_get(json_object_get(report, "recipients"), 0), "reason")));
    json_decref(report);
}
END_TEST

static const struct login_case {
    const char *name;
    const char *config;
    const char *options[4];
    const char *signer; /* "(null)": unsigned */
} login_cases[] = {
    {"granted by default", "", {NULL}, ALICE},
    {"granted although nobody is configured",
     "sender_logins = ( { login = \"x\"; addresses = [ \"x@example.com\" ]; } );\n",
     {NULL},
     ALICE},
    {"granted although the MTA decides", "sender_logins = \"mta\";\n", {NULL}, ALICE},
    {"her login", "", {"--login", ALICE}, ALICE},
    {"another login", "", {"--login", "mallory"}, "(null)"},
    {"a login that is configured",
     "sender_logins = ( { login = \"al\"; addresses = [ \"alice@example.com\" ]; } );\n",
     {"--login", "al"},
     ALICE},
    {"a stranger's client", "", {"--client", "192.0.2.1"}, "(null)"},
    {"a trusted client",
     "trusted_networks = ( { network = \"192.0.2.0/24\"; addresses = [ \"example.com\" ]; } );\n",
     {"--client", "192.0.2.1"},
     ALICE},
    {"a trusted IPv6 client",
     "trusted_networks = ( { network = \"2001:db8::/32\"; addresses = [ \"example.com\" ]; } );\n",
     {"--client", "2001:db8::1"},
     ALICE},
    {"a local program without a grant", "", {"--role", "local"}, "(null)"},
    {"a local program with a grant",
     "local_senders = [ \"alice@example.com\" ];\n",
     {"--role", "local"},
     ALICE},
};

START_TEST(test_who_may_sign)
{
    const struct login_case *c = &login_cases[_i];
    char config[512];
    snprintf(config, sizeof config,
             "%srules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"sign\"; } );\n",
             c->config);
    write_config(config);
    struct run run = c->options[0] ? OUTGOING("plain.eml", "--from", ALICE, "--to", BOB,
                                              c->options[0], c->options[1])
                                   : OUTGOING("plain.eml", "--from", ALICE, "--to", BOB);
    bool is_signed = strstr(run.out, "multipart/signed") != NULL;
    json_t *report = expect_report(c->name, run, 0, "out.eml");
    ck_assert_msg(!strcmp(text_at(report, "signer"), c->signer), "%s: signer is %s", c->name,
                  text_at(report, "signer"));
    ck_assert_msg(is_signed == (*c->signer != '('), "%s: signed or not?", c->name);
    if (*c->signer == '(') {
        ck_assert_str_ne(text_at(report, "note"), "(null)");
    }
    json_decref(report);
}
END_TEST

START_TEST(test_null_sender_is_signed_as_from)
{
    json_t *report = expect_report(
        "null sender", OUTGOING("plain.eml", "--from", "<>", "--to", BOB), 0, "signed.eml");
    ck_assert_str_eq(text_at(report, "signer"), ALICE);
    json_decref(report);
    expect_signed_by_alice("signed.eml");
}
END_TEST

START_TEST(test_clock)
{
    struct run run = SMIMECTL_READS(in_dir("plain.eml"), "process", "--outgoing", "--json", "--at",
                                    "2040-06-01", "--from", ALICE, "--to", BOB);
    json_t *report = expect_report("after the expiry", run, 0, "out.eml");
    ck_assert_str_eq(text_at(report, "transform"), "none");
    ck_assert_str_eq(text_at(report, "signer"), "(null)");
    json_decref(report);
    /* signingTime is the time that was given. */
    json_decref(expect_report("sign", OUTGOING("plain.eml", "--from", ALICE, "--to", BOB), 0,
                              "signed.eml"));
    struct run shown = OPENSSL("cms", "-cmsout", "-print", "-in", in_dir("signed.eml"));
    ck_assert_msg(strstr(shown.out, "UTCTIME:Jan  1 00:00:00 2026 GMT") != NULL, "%s", shown.out);
    run_clear(&shown);
}
END_TEST

/* ---- text, line ends, ceilings, failures ---- */

START_TEST(test_report_in_text)
{
    struct run run = SMIMECTL_READS(in_dir("plain.eml"), "process", "--outgoing", "--from", ALICE,
                                    "--to", BOB, "--at", AT);
    static const char *const expected[] = {
        "accepted: outgoing, sign\n",
        "recipient bob@partner.test: sign, by default: sign\n",
        "signed as: alice@example.com\n",
    };
    ck_assert_int_eq(run.code, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_msg(strstr(run.err, expected[i]) != NULL, "\"%s\" is missing in:\n%s",
                      expected[i], run.err);
    }
    run_clear(&run);
}
END_TEST

/* What passes untouched comes out byte for byte. */
START_TEST(test_foreign_mail_is_untouched)
{
    static const char *const mails[] = {
        "From: a@other.test\n\nbody\n",
        "From: a@other.test\r\nX: 1\r\n\r\nbody\r\nwith a bare\nLF and \r CR\r\n",
        "From: a@other.test\n\n\n\nno end of line",
        "From: a@other.test\n",
        "Subject: folded\n\tline\n and more\n\n.\nFrom here\n",
    };
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        write_text(in_dir("foreign.eml"), mails[i]);
        struct run run = OUTGOING("foreign.eml", "--from", "a@other.test", "--to", BOB);
        ck_assert_int_eq(run.code, 0);
        bool no_body = i == 3; /* the empty line is written, where the input ended before it */
        ck_assert_uint_eq(run.out_length, strlen(mails[i]) + no_body);
        ck_assert_mem_eq(run.out, mails[i], strlen(mails[i]));
        json_t *report = parse_json("foreign", run.err);
        ck_assert_str_eq(text_at(report, "direction"), "none");
        json_decref(report);
        run_clear(&run);
    }
}
END_TEST

START_TEST(test_line_ends)
{
    write_text(in_dir("lf.eml"), "From: a@other.test\n\nbody\n");
    struct run crlf = OUTGOING("lf.eml", "--from", "a@other.test", "--to", BOB, "--crlf");
    ck_assert_str_eq(crlf.out, "From: a@other.test\r\n\r\nbody\r\n");
    write_file(in_dir("crlf.eml"), crlf.out, crlf.out_length);
    run_clear(&crlf);
    struct run lf = OUTGOING("crlf.eml", "--from", "a@other.test", "--to", BOB, "--lf");
    ck_assert_str_eq(lf.out, "From: a@other.test\n\nbody\n");
    run_clear(&lf);
    expect_run("both", OUTGOING("lf.eml", "--from", "a@b.test", "--to", BOB, "--lf", "--crlf"), 2,
               "exclude");
    write_text(in_dir("mbox"), "From a@other.test Thu Jan  1 00:00:00 2026\nFrom: a@other.test\n"
                               "\nbody\n");
    struct run mbox = OUTGOING("mbox", "--from", "a@other.test", "--to", BOB);
    ck_assert_str_eq(mbox.out, "From: a@other.test\n\nbody\n");
    run_clear(&mbox);
}
END_TEST

/* A message of `megabytes` in big.eml. */
static void make_big(size_t megabytes)
{
    FILE *file = fopen(in_dir("big.eml"), "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(plain_text, file), 0);
    for (size_t i = 0; i < megabytes * 1024 * 1024 / 64; i++) {
        fputs("012345678901234567890123456789012345678901234567890123456789012\n", file);
    }
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(test_too_large_is_refused)
{
    make_big(2);
    write_config("max_message_bytes = 1048576;\n");
    json_t *report =
        expect_report("large message", OUTGOING("big.eml", "--from", ALICE, "--to", BOB), 1, NULL);
    ck_assert_int_eq(reply_code(report), 552);
    json_decref(report);
    char *header = malloc(1024 * 1024 + 100);
    ck_assert_ptr_nonnull(header);
    memset(header, 'x', 1024 * 1024 + 99);
    memcpy(header, "Subject: ", 9);
    memcpy(header + 1024 * 1024 + 90, "\n\nbody\n", 8);
    write_text(in_dir("header.eml"), header);
    free(header);
    write_config("max_header_bytes = 65536;\n");
    report = expect_report("large header", OUTGOING("header.eml", "--from", ALICE, "--to", BOB), 1,
                           NULL);
    ck_assert_int_eq(reply_code(report), 552);
    json_decref(report);
}
END_TEST

START_TEST(test_without_a_spool_it_is_deferred)
{
    make_big(2);
    ck_assert_int_eq(rmdir(in_dir("spool")), 0);
    json_t *report =
        expect_report("no spool", OUTGOING("big.eml", "--from", ALICE, "--to", BOB), 75, NULL);
    ck_assert_str_eq(text_at(report, "action"), "deferred");
    ck_assert_int_eq(reply_code(report), 451);
    ck_assert_ptr_nonnull(strstr(text_at(report, "cause"), "spool"));
    json_decref(report);
}
END_TEST

START_TEST(test_without_a_store_nothing_goes_out)
{
    ck_assert_int_eq(unlink(in_dir("lib/store.db")), 0);
    struct run run =
        SMIMECTL_READS(in_dir("plain.eml"), "process", "--outgoing", "--from", ALICE, "--to", BOB);
    ck_assert_uint_eq(run.out_length, 0);
    expect_run("no store", run, 1, "store");
}
END_TEST

START_TEST(test_memory_does_not_grow)
{
    if (SANITIZED) {
        return; /* the sanitizer's own memory grows */
    }
    make_big(48);
    char *out = in_dir("out.eml");
    struct run run =
        RUN(NULL, "sh", "-c",
            "\"$0\" -c \"$1\" process --outgoing --from " ALICE " --to " BOB " < \"$2\" > \"$3\"",
            run_program, run_config, in_dir("big.eml"), out);
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_msg(run.max_rss_kb < 48 * 1024, "%ld kB", run.max_rss_kb);
    run_clear(&run);
    expect_signed_by_alice("out.eml");
}
END_TEST

START_TEST(test_envelope_must_be_addresses)
{
    struct run sender = OUTGOING("plain.eml", "--from", "alice", "--to", BOB);
    expect_run("sender", sender, 1, "not a mail address");
    struct run recipient = OUTGOING("plain.eml", "--from", ALICE, "--to", "bob");
    expect_run("recipient", recipient, 1, "\"bob\" is no mail address");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl process");
    TCase *tests = tcase_create("process");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, test_outgoing_is_signed);
    tcase_add_test(tests, test_outgoing_is_encrypted);
    tcase_add_test(tests, test_outgoing_without_a_key_is_refused);
    tcase_add_test(tests, test_recipients_that_differ);
    tcase_add_test(tests, test_recipients_are_split);
    tcase_add_test(tests, test_sender_chooses);
    tcase_add_test(tests, test_tls_is_required);
    tcase_add_loop_test(tests, test_who_may_sign, 0, sizeof login_cases / sizeof *login_cases);
    tcase_add_test(tests, test_null_sender_is_signed_as_from);
    tcase_add_test(tests, test_clock);
    tcase_add_test(tests, test_report_in_text);
    tcase_add_test(tests, test_foreign_mail_is_untouched);
    tcase_add_test(tests, test_line_ends);
    tcase_add_test(tests, test_too_large_is_refused);
    tcase_add_test(tests, test_without_a_spool_it_is_deferred);
    tcase_add_test(tests, test_without_a_store_nothing_goes_out);
    tcase_add_test(tests, test_memory_does_not_grow);
    tcase_add_test(tests, test_envelope_must_be_addresses);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
