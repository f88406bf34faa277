/* smimectl ca revoke and crl, judged by openssl and NSS. */
#include "ca_run.h"

/* ---- Revoking ---- */

START_TEST(revoked)
{
    create();
    issue(ALICE, NULL);
    issue(BOB, NULL);
    export_key(ALICE, 0, "alice");
    export_key(BOB, 0, "bob");
    make_crl();
    expect_crl_check("alice.pem", 0, NULL);
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "KEYcompromise"), 0,
               "inactive now");
    make_crl();
    expect_crl_check("alice.pem", 2, "certificate revoked");
    expect_crl_check("bob.pem", 0, NULL);
    expect_state(ALICE, "inactive", 1);
    expect_state(BOB, "active", 1);
    /* It cannot sign again, by no way; it decrypts still. */
    expect_run("reactivate", SMIMECTL("mailbox", "activate", ALICE), 1, "was revoked");
    expect_run("upload",
               SMIMECTL("mailbox", "activate", ALICE, "--pkcs12", in_dir("alice.p12"),
                        "--password-file", in_dir("pw")),
               1, "was revoked");
    expect_state(ALICE, "inactive", 1);
    expect_decrypted("alice.pem");
    json_t *list = listed("revoked");
    const json_t *item = json_array_get(list, 0);
    ck_assert_str_eq(text_at(item, "mailbox"), ALICE);
    ck_assert_str_eq(text_at(item, "reason"), "keyCompromise");
    ck_assert_str_ne(text_at(item, "revoked"), "(null)");
    json_decref(list);
    expect_run("again", SMIMECTL("ca", "revoke", ALICE), 0, "already");
    issue(ALICE, NULL);
    expect_state(ALICE, "active", 2);
}
END_TEST

START_TEST(revoked_by_serial)
{
    char serial[64], written[128];
    char *at = written;
    create();
    issue(ALICE, NULL);
    issue(ALICE, NULL);
    get_serial(0, serial);
    /* As openssl x509 -text prints it, and in the other case. */
    for (size_t i = 0; serial[i]; i++) {
        *at++ = (char)(serial[i] >= 'a' ? serial[i] - 'a' + 'A' : serial[i]);
        if (i % 2 && serial[i + 1]) {
            *at++ = ':';
        }
    }
    *at = '\0';
    json_t *done = expect_json("revoke", SMIMECTL("ca", "revoke", "--serial", written, "--reason",
                                                  "superseded", "--json"));
    ck_assert(json_is_false(json_object_get(done, "deactivated")));
    json_decref(done);
    expect_state(ALICE, "active", 2);
    expect_run("twice", SMIMECTL("ca", "revoke", "--serial", serial), 1, "revoked before");
    expect_run("unknown", SMIMECTL("ca", "revoke", "--serial", "1234"), 1, "was issued here");
    expect_run("none", SMIMECTL("ca", "revoke", "--serial", "zz"), 1, "hexadecimal");
    expect_run("long",
               SMIMECTL("ca", "revoke", "--serial", "123456789012345678901234567890123456789012"),
               1, "more than 40");
    get_serial(1, serial);
    expect_run("the other", SMIMECTL("ca", "revoke", "--serial", serial), 0, "inactive now");
    expect_state(ALICE, "inactive", 2);
}
END_TEST

static const struct reason_case {
    const char *name;
    const char *text; /* of openssl; NULL: no such field */
} reason_cases[] = {
    {"unspecified", NULL},
    {"keyCompromise", "Key Compromise"},
    {"affiliationChanged", "Affiliation Changed"},
    {"superseded", "Superseded"},
    {"cessationOfOperation", "Cessation Of Operation"},
    {"privilegeWithdrawn", "Privilege Withdrawn"},
};

START_TEST(reasons)
{
    create();
    for (size_t i = 0; i < COUNT(reason_cases); i++) {
        const struct reason_case *c = &reason_cases[i];
        issue(ALICE, NULL);
        expect_run(c->name, SMIMECTL("ca", "revoke", ALICE, "--reason", c->name), 0, NULL);
    }
    make_crl();
    struct run run = OPENSSL("crl", "-in", in_dir("crl.pem"), "-noout", "-text");
    for (size_t i = 0; i < COUNT(reason_cases); i++) {
        const char *text = reason_cases[i].text;
        ck_assert_msg(!text || strstr(run.out, text), "no %s in\n%s", text, run.out);
    }
    ck_assert_ptr_null(strstr(run.out, "Unspecified"));
    run_clear(&run);
}
END_TEST

/* ---- CRLs ---- */

START_TEST(crl_formats)
{
    create();
    issue(ALICE, NULL);
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE), 0, NULL);
    struct run run = SMIMECTL("ca", "crl");
    ck_assert_int_eq(run.code, 0);
    write_text(in_dir("crl.pem"), run.out);
    run_clear(&run);
    umask(077); /* the mode must not hang on it: a web server reads it */
    write_text(in_dir("crl.der"), "what was there before");
    json_t *report = expect_json("der", SMIMECTL("ca", "crl", "--der", "--days", "3", "--output",
                                                 in_dir("crl.der"), "--json"));
    expect_number(report, "number", 2);
    expect_number(report, "entries", 1);
    ck_assert_str_eq(text_at(report, "file"), in_dir("crl.der"));
    struct stat about;
    ck_assert_int_eq(stat(in_dir("crl.der"), &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0644);
    expect_run("openssl", OPENSSL("crl", "-in", in_dir("crl.pem"), "-CAfile", in_dir("ca.pem")), 0,
               "verify OK");
    run = OPENSSL("crl", "-inform", "DER", "-in", in_dir("crl.der"), "-CAfile", in_dir("ca.pem"),
                  "-text");
    ck_assert_msg(strstr(run.err, "verify OK") != NULL, "%s", run.err);
    static const char *const parts[] = {"Version 2", "CRL Number: \n                2\n",
                                        "X509v3 Authority Key Identifier", "ecdsa-with-SHA384",
                                        "Issuer: CN = Example CA"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        ck_assert_msg(strstr(run.out, parts[i]) != NULL, "no %s in\n%s", parts[i], run.out);
    }
    ck_assert_ptr_nonnull(strstr(run.out, text_at(report, "crl")));
    run_clear(&run);
    json_decref(report);
    /* What cannot be written leaves what is there; the number is used up. */
    ck_assert_int_eq(mkdir(in_dir("folder"), 0700), 0);
    expect_run("a folder", SMIMECTL("ca", "crl", "--output", in_dir("folder")), 1, "cannot be");
    expect_run("nowhere", SMIMECTL("ca", "crl", "--output", in_dir("no/crl")), 1, "cannot be made");
    report = expect_json("json", SMIMECTL("ca", "crl", "--json"));
    expect_number(report, "number", 5);
    ck_assert_str_eq(text_at(report, "file"), "(null)");
    json_decref(report);
    json_t *shown = expect_json("show", SMIMECTL("ca", "show", "--json"));
    expect_number(shown, "crl_number", 5);
    expect_number(shown, "revoked", 1);
    json_decref(shown);
}
END_TEST

/* ---- NSS, as in Thunderbird ---- */

static void expect_nss(const char *name, const char *usage, const char *text)
{
    struct run run = RUN(NULL, "certutil", "-V", "-d", in_dir("nss"), "-n", name, "-u", usage);
    ck_assert_msg(strstr(run.out, text) || strstr(run.err, text), "%s for %s: %s%s", name, usage,
                  run.out, run.err);
    ck_assert_int_eq(run.code == 0, !strcmp(text, "is valid"));
    run_clear(&run);
}

static void give_nss(const char *name, const char *trust, const char *file)
{
    expect_run("certutil -A",
               RUN(NULL, "certutil", "-A", "-d", in_dir("nss"), "-n", name, "-t", trust, "-a", "-i",
                   in_dir(file)),
               0, NULL);
}

START_TEST(judged_by_nss)
{
    create();
    issue(ALICE, "--separate");
    issue(BOB, NULL);
    export_key(ALICE, 0, "sign");
    export_key(ALICE, 1, "encrypt");
    export_key(BOB, 0, "both");
    ck_assert_int_eq(mkdir(in_dir("nss"), 0700), 0);
    expect_run("certutil -N", RUN(NULL, "certutil", "-N", "-d", in_dir("nss"), "--empty-password"),
               0, NULL);
    give_nss("ca", ",C,", "ca.pem");
    give_nss("sign", ",,", "sign.pem");
    give_nss("encrypt", ",,", "encrypt.pem");
    give_nss("both", ",,", "both.pem");
    expect_nss("both", "S", "is valid");
    expect_nss("both", "R", "is valid");
    expect_nss("sign", "S", "is valid");
    expect_nss("encrypt", "S", "key usage inadequate");
    expect_nss("encrypt", "R", "is valid");
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE), 0, NULL);
    expect_run("crl", SMIMECTL("ca", "crl", "--der", "--output", in_dir("crl.der")), 0, NULL);
    expect_run("crlutil", RUN(NULL, "crlutil", "-I", "-d", in_dir("nss"), "-i", in_dir("crl.der")),
               0, NULL);
    expect_nss("sign", "S", "has been revoked");
    expect_nss("encrypt", "R", "has been revoked");
    expect_nss("both", "S", "is valid");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl ca revoke");
    TCase *tests = tcase_create("ca");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, revoked);
    tcase_add_test(tests, revoked_by_serial);
    tcase_add_test(tests, reasons);
    tcase_add_test(tests, crl_formats);
    tcase_add_test(tests, judged_by_nss);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
