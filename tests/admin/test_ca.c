/* smimectl ca, as an administrator runs it. openssl judges the certificates, the CRLs, the signed
 * mail, and writes the requests. */
#include "smimectl_run.h"

#define ALICE "alice@example.com"
#define ALIAS "a.smith@example.com"
#define JUERGEN "j\xc3\xbcrgen@example.com"
#define BOB "bob@example.com"
#define STRANGER "x@partner.test"
#define URL "http://pki.example.com/mail,1.crl"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void setup(void)
{
    make_store();
    expect_run("alice", SMIMECTL("mailbox", "add", ALICE, "--alias", ALIAS, "--alias", JUERGEN), 0,
               NULL);
    expect_run("bob", SMIMECTL("mailbox", "add", BOB), 0, NULL);
    write_text(in_dir("pw"), "correct horse\n");
    write_text(in_dir("plain.eml"),
               "From: " ALICE "\nTo: " STRANGER "\nSubject: s\n\nThe word is Birnbaum.\n");
}

static void teardown(void)
{
    remove_directory();
}

static void export_ca(const char *file)
{
    expect_run("export", SMIMECTL("ca", "export", "--output", in_dir(file)), 0, NULL);
}

static void create(void)
{
    expect_run("create",
               SMIMECTL("ca", "create", "--name", "Example CA", "--key", "ec:P-384", "--crl-url",
                        URL, "--trust"),
               0, "smimectl ca export");
    export_ca("ca.pem");
}

static void issue(const char *address, const char *option)
{
    struct run run = option ? SMIMECTL("ca", "issue", address, "--key", "ec:P-256", option)
                            : SMIMECTL("ca", "issue", address, "--key", "ec:P-256");
    expect_run("issue", run, 0, NULL);
}

/* ---- What there is ---- */

static json_t *listed(const char *state)
{
    return expect_json("list", state ? SMIMECTL("ca", "list", "--state", state, "--json")
                                     : SMIMECTL("ca", "list", "--json"));
}

static void expect_count(const char *state, size_t count)
{
    json_t *list = listed(state);
    ck_assert_msg(json_array_size(list) == count, "%s: %zu certificates, wanted %zu",
                  state ? state : "all", json_array_size(list), count);
    json_decref(list);
}

/* The serial number of the certificate number `index`. */
static void get_serial(size_t index, char out[64])
{
    json_t *list = listed(NULL);
    snprintf(out, 64, "%s", text_at(json_array_get(list, index), "serial"));
    json_decref(list);
}

static json_t *mailbox(const char *address)
{
    return expect_json("show", SMIMECTL("mailbox", "show", address, "--json"));
}

static void expect_state(const char *address, const char *state, size_t keys)
{
    json_t *shown = mailbox(address);
    ck_assert_str_eq(text_at(shown, "state"), state);
    ck_assert_uint_eq(json_array_size(json_object_get(shown, "keys")), keys);
    json_decref(shown);
}

/* The id of the key of a mailbox whose certificate is `index` from the newest. */
static void export_key(const char *address, size_t index, const char *name)
{
    char id[32], p12[64], pem[64];
    json_t *shown = mailbox(address);
    const json_t *key = json_array_get(json_object_get(shown, "keys"), index);
    snprintf(id, sizeof id, "%lld",
             (long long)json_integer_value(json_object_get(key, "certificate_id")));
    json_decref(shown);
    snprintf(p12, sizeof p12, "%s.p12", name);
    snprintf(pem, sizeof pem, "%s.pem", name);
    unlink(in_dir(p12));
    expect_run("export",
               SMIMECTL("mailbox", "export", address, "--id", id, "--output", in_dir(p12),
                        "--password-file", in_dir("pw")),
               0, NULL);
    expect_run("openssl pkcs12",
               OPENSSL("pkcs12", "-in", in_dir(p12), "-passin", "pass:correct horse", "-nodes",
                       "-out", in_dir(pem)),
               0, NULL);
}

/* The text that openssl prints of NAME.pem. */
static void expect_text(const char *name, const char *const *parts)
{
    struct run run = OPENSSL("x509", "-in", in_dir(name), "-noout", "-text", "-nameopt",
                             "RFC2253,-esc_msb,utf8");
    ck_assert_msg(run.code == 0, "%s", run.err);
    for (size_t i = 0; parts[i]; i++) {
        ck_assert_msg(strstr(run.out, parts[i]) != NULL, "\"%s\" is not in:\n%s", parts[i],
                      run.out);
    }
    run_clear(&run);
}

static void expect_verified(const char *name, const char *purpose, int code, const char *err)
{
    expect_run(name,
               OPENSSL("verify", "-x509_strict", "-purpose", purpose, "-CAfile", in_dir("ca.pem"),
                       in_dir(name)),
               code, err);
}

static void sign_mail(const char *output)
{
    struct run run = SMIMECTL_READS(in_dir("plain.eml"), "process", "--outgoing", "--from", ALICE,
                                    "--to", STRANGER);
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_file(in_dir(output), run.out, run.out_length);
    run_clear(&run);
}

static void expect_good_signature(const char *mail)
{
    expect_run("openssl cms -verify",
               OPENSSL("cms", "-verify", "-in", in_dir(mail), "-CAfile", in_dir("ca.pem"),
                       "-certsout", in_dir("sent.pem"), "-signer", in_dir("signer.pem"), "-out",
                       in_dir("verified")),
               0, "successful");
}

/* openssl encrypts to a certificate, and the flow of the daemon decrypts. */
static void expect_decrypted(const char *certificate)
{
    expect_run("openssl cms -encrypt",
               OPENSSL("cms", "-encrypt", "-aes256", "-in", in_dir("plain.eml"), "-out",
                       in_dir("secret.eml"), "-from", STRANGER, "-to", ALICE, "-subject", "s",
                       in_dir(certificate)),
               0, NULL);
    expect_output("decrypted",
                  SMIMECTL_READS(in_dir("secret.eml"), "process", "--incoming", "--from", STRANGER,
                                 "--to", ALICE),
                  "The word is Birnbaum.");
}

/* ---- Creating ---- */

START_TEST(created)
{
    static const char *const parts[] = {"Version: 3",
                                        "Issuer: CN=Example CA",
                                        "Subject: CN=Example CA",
                                        "Basic Constraints: critical\n"
                                        "                CA:TRUE, pathlen:0",
                                        "Key Usage: critical\n"
                                        "                Certificate Sign, CRL Sign",
                                        "X509v3 Subject Key Identifier",
                                        "X509v3 Authority Key Identifier",
                                        "ecdsa-with-SHA384",
                                        NULL};
    create();
    expect_text("ca.pem", parts);
    expect_run("a CA",
               OPENSSL("verify", "-x509_strict", "-check_ss_sig", "-CAfile", in_dir("ca.pem"),
                       in_dir("ca.pem")),
               0, NULL);
    json_t *shown = expect_json("show", SMIMECTL("ca", "show", "--json"));
    ck_assert_str_eq(text_at(shown, "subject"), "CN=Example CA");
    ck_assert_str_eq(text_at(shown, "crl_url"), URL);
    ck_assert(json_is_true(json_object_get(shown, "trusted")));
    ck_assert_int_eq(json_integer_value(json_object_get(shown, "issued")), 0);
    json_decref(shown);
    /* DER and JSON are the same certificate. */
    expect_run("der", SMIMECTL("ca", "export", "--der", "--output", in_dir("ca.der")), 0, NULL);
    struct run run = OPENSSL("x509", "-inform", "DER", "-in", in_dir("ca.der"));
    char *pem = read_file(in_dir("ca.pem"), NULL);
    json_t *exported = expect_json("export", SMIMECTL("ca", "export", "--json"));
    ck_assert_str_eq(run.out, pem);
    ck_assert_str_eq(text_at(exported, "certificate"), pem);
    json_decref(exported);
    free(pem);
    run_clear(&run);
    expect_output("expiring", SMIMECTL("expiring", "--json"), "[]");
    struct run soon = SMIMECTL("expiring", "--days", "4000", "--json");
    ck_assert_int_eq(soon.code, 4);
    ck_assert_msg(strstr(soon.out, "\"kind\": \"ca\"") != NULL, "%s", soon.out);
    run_clear(&soon);
}
END_TEST

START_TEST(subject_and_days)
{
    expect_run("create",
               SMIMECTL("ca", "create", "--subject", "CN=Mail CA,O=Example AG,C=DE", "--key",
                        "rsa:2048", "--days", "10"),
               0, "nobody will notice");
    export_ca("ca.pem");
    expect_text("ca.pem", (const char *const[]){"Subject: CN=Mail CA,O=Example AG,C=DE",
                                                "sha256WithRSAEncryption", NULL});
    expect_run("in nine days", OPENSSL("x509", "-in", in_dir("ca.pem"), "-checkend", "777600"), 0,
               NULL);
    expect_run("in ten days", OPENSSL("x509", "-in", in_dir("ca.pem"), "-checkend", "864000"), 1,
               NULL);
    /* What it issues runs out with it, and has no place for CRLs. */
    expect_run("issue", SMIMECTL("ca", "issue", ALICE, "--key", "ec:P-256"), 0,
               "runs out with the CA");
    export_key(ALICE, 0, "alice");
    struct run run = OPENSSL("x509", "-in", in_dir("alice.pem"), "-noout", "-text", "-enddate");
    struct run ca = OPENSSL("x509", "-in", in_dir("ca.pem"), "-noout", "-enddate");
    ck_assert_msg(strstr(run.out, ca.out) != NULL, "%s%s", run.out, ca.out);
    ck_assert_ptr_null(strstr(run.out, "CRL Distribution"));
    run_clear(&run);
    run_clear(&ca);
    expect_verified("alice.pem", "smimesign", 0, NULL);
}
END_TEST

START_TEST(replaced)
{
    char serial[64];
    create();
    issue(ALICE, NULL);
    get_serial(0, serial);
    expect_run("a second", SMIMECTL("ca", "create", "--name", "Other CA"), 1, "--replace");
    expect_run("same name",
               SMIMECTL("ca", "create", "--name", "Example CA", "--key", "ec:P-256", "--replace"),
               1, "a name of its own");
    expect_run("replace",
               SMIMECTL("ca", "create", "--name", "Other CA", "--key", "ec:P-256", "--replace"), 0,
               NULL);
    export_ca("other.pem");
    issue(BOB, NULL);
    json_t *list = listed("valid");
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, 0), "ca")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, 1), "ca")), 2);
    json_decref(list);
    /* The former one revokes, and its CRL is its own. */
    expect_run("revoke", SMIMECTL("ca", "revoke", "--serial", serial), 0, NULL);
    expect_run("crl", SMIMECTL("ca", "crl", "--id", "1", "--output", in_dir("1.crl")), 0, NULL);
    expect_run("crl", SMIMECTL("ca", "crl", "--output", in_dir("2.crl")), 0, NULL);
    expect_run("of the first", OPENSSL("crl", "-in", in_dir("1.crl"), "-CAfile", in_dir("ca.pem")),
               0, "verify OK");
    expect_run("of the second",
               OPENSSL("crl", "-in", in_dir("2.crl"), "-CAfile", in_dir("other.pem")), 0,
               "verify OK");
    expect_output("no entry", OPENSSL("crl", "-in", in_dir("2.crl"), "-noout", "-text"),
                  "No Revoked Certificates");
    expect_output("the former", SMIMECTL("ca", "show", "--id", "1"), "issues: no");
    expect_run("the new one", SMIMECTL("ca", "show"), 0, "former CAs");
    expect_run("no third", SMIMECTL("ca", "show", "--id", "3"), 1, "there is no CA 3");
}
END_TEST

/* ---- Issuing ---- */

static const struct issue_case {
    const char *kind;
    const char *usage;
} issue_cases[] = {
    {"ec:P-256", "Digital Signature, Key Agreement"},
    {"rsa:2048", "Digital Signature, Key Encipherment"},
};

START_TEST(issued)
{
    const struct issue_case *c = &issue_cases[_i];
    char usage[128];
    snprintf(usage, sizeof usage, "Key Usage: critical\n                %s\n", c->usage);
    const char *const parts[] = {"Version: 3",
                                 "Subject: CN=" ALICE "\n",
                                 "Issuer: CN=Example CA",
                                 "Basic Constraints: critical\n                CA:FALSE",
                                 usage,
                                 "Extended Key Usage: \n                E-mail Protection\n",
                                 "Policy: 2.23.140.1.5.1.3\n",
                                 "email:" ALICE ", email:" ALIAS ", othername: SmtpUTF8Mailbox:",
                                 "URI:" URL,
                                 "X509v3 Subject Key Identifier",
                                 "X509v3 Authority Key Identifier",
                                 NULL};
    create();
    expect_run("issue", SMIMECTL("ca", "issue", ALICE, "--key", c->kind, "--days", "825"), 0, NULL);
    expect_state(ALICE, "active", 1);
    export_key(ALICE, 0, "alice");
    expect_text("alice.pem", parts);
    expect_run("openssl asn1parse",
               OPENSSL("x509", "-in", in_dir("alice.pem"), "-checkemail", ALICE), 0, NULL);
    expect_verified("alice.pem", "smimesign", 0, NULL);
    expect_verified("alice.pem", "sslserver", 2, "unsuitable certificate purpose");
    if (c->kind[0] == 'r') { /* openssl asks every key for keyEncipherment */
        expect_verified("alice.pem", "smimeencrypt", 0, NULL);
    }
    /* 825 days, of which an hour lies behind us. */
    expect_run("valid", OPENSSL("x509", "-in", in_dir("alice.pem"), "-checkend", "71276000"), 0,
               NULL);
    expect_run("not longer", OPENSSL("x509", "-in", in_dir("alice.pem"), "-checkend", "71276400"),
               1, NULL);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    expect_decrypted("alice.pem");
    json_t *list = listed("valid");
    const json_t *item = json_array_get(list, 0);
    ck_assert_str_eq(text_at(item, "mailbox"), ALICE);
    ck_assert_str_eq(text_at(item, "use"), "both");
    ck_assert_uint_eq(json_array_size(json_object_get(item, "addresses")), 3);
    ck_assert_uint_eq(strlen(text_at(item, "serial")), 32);
    json_decref(list);
}
END_TEST

START_TEST(serials_are_random)
{
    char one[64], other[64];
    int differences = 0;
    create();
    issue(ALICE, NULL);
    issue(ALICE, NULL);
    get_serial(0, one);
    get_serial(1, other);
    for (size_t i = 0; i < 32; i++) {
        differences += one[i] != other[i];
    }
    ck_assert_int_gt(differences, 12); /* of 32 hexadecimal digits, two are alike by chance */
}
END_TEST

START_TEST(separate_keys)
{
    const char *kind = _i ? "rsa:2048" : "ec:P-256";
    create();
    expect_run("issue", SMIMECTL("ca", "issue", ALICE, "--key", kind, "--separate"), 0, NULL);
    expect_state(ALICE, "active", 2);
    export_key(ALICE, 0, "sign");
    export_key(ALICE, 1, "encrypt");
    expect_text("sign.pem", (const char *const[]){"critical\n                Digital Signature\n",
                                                  "email:" ALIAS, NULL});
    expect_text("encrypt.pem", (const char *const[]){_i ? "critical\n                Key "
                                                          "Encipherment\n"
                                                        : "critical\n                Key "
                                                          "Agreement\n",
                                                     "email:" ALIAS, NULL});
    expect_verified("sign.pem", "smimesign", 0, NULL);
    expect_verified("sign.pem", "smimeencrypt", 2, "unsuitable certificate purpose");
    expect_verified("encrypt.pem", "smimesign", 2, "unsuitable certificate purpose");
    if (_i) {
        expect_verified("encrypt.pem", "smimeencrypt", 0, NULL);
    }
    /* Both certificates travel, and the signature names the one to encrypt to. */
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    char *sent = read_file(in_dir("sent.pem"), NULL);
    size_t certificates = 0;
    for (const char *at = sent; (at = strstr(at, "BEGIN CERTIFICATE")); at++) {
        certificates++;
    }
    ck_assert_uint_eq(certificates, 2);
    free(sent);
    json_t *list = listed("valid");
    char preferred[96];
    for (size_t i = 0; i < 2; i++) {
        const json_t *item = json_array_get(list, i);
        if (!strcmp(text_at(item, "use"), "encrypt")) {
            snprintf(preferred, sizeof preferred, ":%s", text_at(item, "serial"));
        }
    }
    json_decref(list);
    struct run run = OPENSSL("cms", "-cmsout", "-print", "-in", in_dir("signed.eml"));
    const char *preference = strstr(run.out, "id-smime-aa-encrypKeyPref");
    ck_assert_ptr_nonnull(preference);
    ck_assert_msg(strcasestr(preference, preferred) != NULL, "%s lacks %s", preference, preferred);
    run_clear(&run);
    expect_decrypted("encrypt.pem");
    /* A former key of one purpose goes on decrypting after the renewal to one for both. */
    issue(ALICE, NULL);
    expect_state(ALICE, "active", 3);
    expect_decrypted("encrypt.pem");
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
}
END_TEST

/* Revoked for itself, the certificate to encrypt to is handed out no more. */
START_TEST(revoked_encryption_certificate)
{
    char serial[64];
    create();
    issue(ALICE, "--separate");
    get_serial(0, serial);
    expect_run("revoke", SMIMECTL("ca", "revoke", "--serial", serial), 0, NULL);
    expect_state(ALICE, "active", 2);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    char *sent = read_file(in_dir("sent.pem"), NULL);
    char *first = strstr(sent, "BEGIN CERTIFICATE");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "BEGIN CERTIFICATE"));
    free(sent);
}
END_TEST

START_TEST(renewal)
{
    create();
    issue(ALICE, NULL);
    export_key(ALICE, 0, "first");
    issue(ALICE, NULL);
    expect_state(ALICE, "active", 2);
    expect_decrypted("first.pem");
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
    char *signer = read_file(in_dir("signer.pem"), NULL);
    char *first = read_file(in_dir("first.pem"), NULL);
    ck_assert_ptr_null(strstr(first, signer));
    free(signer);
    free(first);
    expect_count("valid", 2);
}
END_TEST

/* ---- Many ---- */

static json_t *report_of(struct run run, int code)
{
    ck_assert_msg(run.code == code, "exit code %d\n%s%s", run.code, run.out, run.err);
    json_t *report = parse_json("report", run.out);
    run_clear(&run);
    return report;
}

static void expect_number(const json_t *report, const char *key, int number)
{
    ck_assert_msg(json_integer_value(json_object_get(report, key)) == number, "%s is not %d", key,
                  number);
}

START_TEST(bulk)
{
    create();
    issue(ALICE, NULL);
    json_t *report = report_of(SMIMECTL("ca", "issue", "*@example.com", "--key", "ec:P-256",
                                        "--state", "inactive", "--json"),
                               0);
    expect_number(report, "issued", 1);
    expect_number(report, "passed over", 1);
    expect_number(report, "failed", 0);
    json_decref(report);
    expect_state(BOB, "active", 1);
    expect_state(ALICE, "active", 1);
    report = report_of(SMIMECTL("ca", "issue", BOB, "nobody@example.com", "bob@partner.test",
                                "*@no.test", "--key", "ec:P-256", "--json"),
                       3);
    expect_number(report, "issued", 1);
    expect_number(report, "failed", 3);
    ck_assert_uint_eq(json_array_size(json_object_get(report, "failures")), 3);
    json_decref(report);
    write_text(in_dir("staff.csv"), "address\n" ALICE "\n" BOB "\nno address\n");
    report = report_of(SMIMECTL("ca", "issue", "--from-file", in_dir("staff.csv"), "--separate",
                                "--key", "ec:P-256", "--json"),
                       3);
    expect_number(report, "issued", 2);
    expect_number(json_array_get(json_object_get(report, "failures"), 0), "line", 4);
    json_decref(report);
    expect_count(NULL, 7);
    expect_run("carol", SMIMECTL("mailbox", "add", "carol@example.com"), 0, NULL);
    report =
        report_of(SMIMECTL("ca", "revoke", "*@example.com", "nobody@example.com", "--json"), 3);
    expect_number(report, "revoked", 2);
    expect_number(report, "unchanged", 1);
    expect_number(report, "failed", 1);
    json_decref(report);
    expect_run("nobody", SMIMECTL("ca", "revoke", "nobody@example.com"), 1, "was issued here");
    expect_count("revoked", 7);
    expect_count("valid", 0);
}
END_TEST

/* ---- Revoking ---- */

static void make_crl(void)
{
    expect_run("crl", SMIMECTL("ca", "crl", "--output", in_dir("crl.pem")), 0, NULL);
}

static void expect_crl_check(const char *name, int code, const char *err)
{
    expect_run(name,
               OPENSSL("verify", "-x509_strict", "-crl_check", "-CRLfile", in_dir("crl.pem"),
                       "-purpose", "smimesign", "-CAfile", in_dir("ca.pem"), in_dir(name)),
               code, err);
}

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

/* ---- Requests of others ---- */

/* openssl makes a key and a request, NAME.key and NAME.csr, with these lines of configuration. */
static void make_request(const char *name, const char *subject, const char *extensions)
{
    char key[64], csr[64], config[64], text[1024];
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(csr, sizeof csr, "%s.csr", name);
    snprintf(config, sizeof config, "%s.cnf", name);
    snprintf(
        text, sizeof text,
        "[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n%s\n[dn]\n%s\n"
        "[ext]\n%s\n",
        extensions ? "req_extensions=ext" : "", subject, extensions ? extensions : "");
    write_text(in_dir(config), text);
    expect_run("openssl genpkey",
               OPENSSL("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                       in_dir(key)),
               0, NULL);
    expect_run(
        "openssl req",
        OPENSSL("req", "-new", "-config", in_dir(config), "-key", in_dir(key), "-out", in_dir(csr)),
        0, NULL);
}

static struct run certify(const char *address, const char *csr)
{
    return SMIMECTL("ca", "issue", address, "--csr", in_dir(csr));
}

START_TEST(request_is_certified)
{
    create();
    make_request("r", "CN=Chief of everything\nO=Partner\nemailAddress=ceo@partner.test",
                 "subjectAltName=email:" ALIAS "\nbasicConstraints=critical,CA:TRUE\n"
                 "keyUsage=keyCertSign\nextendedKeyUsage=serverAuth,codeSigning");
    struct run run = certify(ALICE, "r.csr");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_text(in_dir("r.pem"), run.out);
    run_clear(&run);
    expect_text("r.pem", (const char *const[]){
                             "Subject: CN=" ALIAS "\n", "CA:FALSE", "email:" ALIAS "\n",
                             "Digital Signature, Key Agreement", "E-mail Protection\n", NULL});
    run = OPENSSL("x509", "-in", in_dir("r.pem"), "-noout", "-text");
    ck_assert_ptr_null(strstr(run.out, "partner.test"));
    ck_assert_ptr_null(strstr(run.out, "Server"));
    ck_assert_ptr_null(strstr(run.out, "Chief"));
    run_clear(&run);
    expect_verified("r.pem", "smimesign", 0, NULL);
    run = OPENSSL("x509", "-in", in_dir("r.pem"), "-noout", "-pubkey");
    struct run asked = OPENSSL("req", "-in", in_dir("r.csr"), "-noout", "-pubkey");
    ck_assert_str_eq(run.out, asked.out);
    run_clear(&run);
    run_clear(&asked);
    /* The key is not ours: the mailbox stays as it was. */
    expect_state(ALICE, "inactive", 0);
    expect_count("valid", 1);
    /* DER, to a file as DER. */
    expect_run("openssl",
               OPENSSL("req", "-in", in_dir("r.csr"), "-outform", "DER", "-out", in_dir("r.der")),
               0, NULL);
    expect_run("der",
               SMIMECTL("ca", "issue", ALICE, "--csr", in_dir("r.der"), "--der", "--output",
                        in_dir("r2.der")),
               0, NULL);
    expect_run("openssl", OPENSSL("x509", "-inform", "DER", "-in", in_dir("r2.der"), "-noout"), 0,
               NULL);
    json_t *report =
        expect_json("json", SMIMECTL("ca", "issue", ALICE, "--csr", in_dir("r.csr"), "--json"));
    ck_assert_str_eq(text_at(report, "mailbox"), ALICE);
    ck_assert_str_eq(text_at(report, "subject"), "CN=" ALIAS);
    json_decref(report);
    /* A key that was compromised is certified no more. */
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "keyCompromise"), 0, NULL);
    expect_run("compromised", certify(ALICE, "r.csr"), 1, "a new key is needed");
    expect_count("valid", 0);
}
END_TEST

START_TEST(request_without_names)
{
    create();
    make_request("r", "CN=Alice", NULL);
    struct run run = certify(ALICE, "r.csr");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_text(in_dir("r.pem"), run.out);
    run_clear(&run);
    expect_text("r.pem", (const char *const[]){"Subject: CN=" ALICE "\n",
                                               "email:" ALICE ", email:" ALIAS, NULL});
}
END_TEST

/* The keys of this very store, by way of a request. */
START_TEST(request_of_our_own)
{
    create();
    struct run run = SMIMECTL("mailbox", "request", ALICE, "--key", "ec:P-384");
    write_text(in_dir("r.csr"), run.out);
    run_clear(&run);
    run = certify(ALICE, "r.csr");
    write_text(in_dir("r.pem"), run.out);
    run_clear(&run);
    expect_run("install", SMIMECTL("mailbox", "install", ALICE, "--cert", in_dir("r.pem")), 0,
               NULL);
    expect_state(ALICE, "active", 1);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
}
END_TEST

static const struct request_case {
    const char *name;
    const char *subject;
    const char *extensions;
    const char *err;
} request_cases[] = {
    {"foreign address", "CN=x", "subjectAltName=email:ceo@partner.test", "ceo@partner.test"},
    {"somebody else's", "CN=x", "subjectAltName=email:" BOB, "bob@example.com, which is no"},
    {"one of two", "CN=x", "subjectAltName=email:" ALICE ",email:" BOB, "bob@example.com"},
    {"foreign subject", "emailAddress=ceo@partner.test", NULL, "ceo@partner.test"},
    {"a server", "CN=x", "subjectAltName=DNS:mail.example.com", "for a domain"},
    {"a server besides", "CN=x", "subjectAltName=email:" ALICE ",DNS:mail.example.com",
     "for a domain"},
    {"a whole domain", "CN=x", "subjectAltName=email:example.com", "for a domain"},
    {"a URI", "CN=x", "subjectAltName=URI:http://x.test/", "names no mail address"},
};

START_TEST(request_for_others)
{
    const struct request_case *c = &request_cases[_i];
    create();
    make_request("r", c->subject, c->extensions);
    expect_run(c->name, certify(ALICE, "r.csr"), 1, c->err);
    expect_count(NULL, 0);
}
END_TEST

START_TEST(broken_requests)
{
    size_t length = 0;
    create();
    make_request("r", "CN=x", "subjectAltName=email:" ALICE);
    make_request("s", "CN=x", "subjectAltName=email:" ALICE);
    expect_run("openssl",
               OPENSSL("req", "-in", in_dir("r.csr"), "-outform", "DER", "-out", in_dir("r.der")),
               0, NULL);
    char *der = read_file(in_dir("r.der"), &length);
    /* A name altered after the signature was made. */
    char *address = memmem(der, length, "alice", 5);
    ck_assert_ptr_nonnull(address);
    memcpy(address, "malic", 5);
    write_file(in_dir("altered.der"), der, length);
    expect_run("altered", certify(ALICE, "altered.der"), 1, "not signed by its own key");
    memcpy(address, "alice", 5);
    /* Something behind it; too short; nothing. */
    der = realloc(der, length + 1);
    ck_assert_ptr_nonnull(der);
    der[length] = 'x';
    write_file(in_dir("longer.der"), der, length + 1);
    expect_run("longer", certify(ALICE, "longer.der"), 1, "not one certification request");
    write_file(in_dir("shorter.der"), der, length - 1);
    expect_run("shorter", certify(ALICE, "shorter.der"), 1, "not one certification request");
    write_file(in_dir("empty.der"), der, 0);
    expect_run("empty", certify(ALICE, "empty.der"), 1, "empty.der");
    expect_run("a certificate", certify(ALICE, "ca.pem"), 1, "not one certification request");
    expect_run("no file", certify(ALICE, "none"), 1, "none");
    free(der);
    /* Two of them. */
    char *one = read_file(in_dir("r.csr"), NULL), *two = read_file(in_dir("s.csr"), NULL);
    char *both = NULL;
    ck_assert_int_gt(asprintf(&both, "%s%s", one, two), 0);
    write_text(in_dir("both.csr"), both);
    expect_run("both", certify(ALICE, "both.csr"), 1, "not one certification request");
    free(one);
    free(two);
    free(both);
    /* Keys that nobody should have. */
    static const char *const algorithms[][3] = {{"RSA", "rsa_keygen_bits:1024", "1024 bits"},
                                                {"EC", "ec_paramgen_curve:P-224", "on the curve"},
                                                {"ED25519", NULL, "neither RSA nor"}};
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        struct run run =
            algorithms[i][1]
                ? OPENSSL("req", "-new", "-newkey", algorithms[i][0], "-pkeyopt", algorithms[i][1],
                          "-nodes", "-keyout", in_dir("w.key"), "-subj", "/CN=x", "-out",
                          in_dir("w.csr"))
                : OPENSSL("req", "-new", "-newkey", algorithms[i][0], "-nodes", "-keyout",
                          in_dir("w.key"), "-subj", "/CN=x", "-out", in_dir("w.csr"));
        expect_run("openssl req", run, 0, NULL);
        expect_run(algorithms[i][0], certify(ALICE, "w.csr"), 1, algorithms[i][2]);
    }
    expect_count(NULL, 0);
}
END_TEST

/* ---- Wrong usage ---- */

static const struct refused_case {
    const char *name;
    const char *words[10];
    int code;
    const char *err;
} refused_cases[] = {
    {"no name", {"create"}, 2, "--name NAME"},
    {"two names", {"create", "--name", "x", "--subject", "CN=x"}, 2, "either --name"},
    {"empty name", {"create", "--name", ""}, 1, "1 to 64 characters"},
    {"long name",
     {"create", "--name", "12345678901234567890123456789012345678901234567890123456789012345"},
     1,
     "1 to 64 characters"},
    {"no days", {"create", "--name", "x", "--days", "0"}, 2, "1 to 9132"},
    {"too many days", {"create", "--name", "x", "--days", "9133"}, 2, "1 to 9132"},
    {"weak key", {"create", "--name", "x", "--key", "rsa:1024"}, 1, "no kind of key"},
    {"https",
     {"create", "--name", "x", "--key", "ec:P-256", "--crl-url", "https://x.test/"},
     1,
     "http://HOST"},
    {"no host",
     {"create", "--name", "x", "--key", "ec:P-256", "--crl-url", "http:///x"},
     1,
     "HOST"},
    {"blank",
     {"create", "--name", "x", "--key", "ec:P-256", "--crl-url", "http://x.test/a b"},
     1,
     "%XX"},
    {"no CA to show", {"show"}, 1, "ca create"},
    {"no CA to export", {"export"}, 1, "ca create"},
    {"no CA that issues", {"issue", ALICE}, 1, "ca create"},
    {"no CA for a CRL", {"crl"}, 1, "there is no CA yet"},
    {"issue to nobody", {"issue"}, 2, "either addresses"},
    {"too long", {"issue", ALICE, "--days", "826"}, 2, "1 to 825"},
    {"a file and an address", {"issue", ALICE, "--from-file", "x"}, 2, "either addresses"},
    {"request and key", {"issue", ALICE, "--csr", "x", "--key", "ec:P-256"}, 2, "--csr FILE"},
    {"request for two", {"issue", ALICE, BOB, "--csr", "x"}, 2, "--csr FILE"},
    {"output without request", {"issue", ALICE, "--output", "x"}, 2, "go with --csr"},
    {"other state", {"issue", ALICE, "--state", "active"}, 2, "inactive"},
    {"revoke nothing", {"revoke"}, 2, "either addresses"},
    {"revoke twice over", {"revoke", ALICE, "--serial", "1"}, 2, "either addresses"},
    {"hold", {"revoke", ALICE, "--reason", "certificateHold"}, 2, "is no reason"},
    {"no state", {"list", "--state", "good"}, 2, "is no state"},
    {"two formats", {"crl", "--der", "--pem"}, 2, "exclude each other"},
    {"long CRL", {"crl", "--days", "367"}, 2, "1 to 366"},
    {"no id", {"crl", "--id", "x"}, 2, "no id of a CA"},
};

START_TEST(refusals)
{
    const struct refused_case *c = &refused_cases[_i];
    const char *argv[16] = {run_program, "-c", run_config, "ca"};
    for (size_t i = 0; c->words[i]; i++) {
        argv[i + 4] = c->words[i];
    }
    expect_run(c->name, run_argv(NULL, argv), c->code, c->err);
    expect_run("no CA", SMIMECTL("ca", "show"), 1, "there is no CA yet");
    expect_state(ALICE, "inactive", 0);
}
END_TEST

/* ---- Two administrators ---- */

static pid_t start(const char *const *argv)
{
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
        redirect("/dev/null", O_WRONLY, STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    return child;
}

/* How many of `count` processes, begun together, end with 0. */
static int run_together(const char *const *argv, size_t count)
{
    pid_t children[16];
    int good = 0;
    for (size_t i = 0; i < count; i++) {
        children[i] = start(argv);
    }
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return good;
}

START_TEST(at_once)
{
    const char *const make[] = {run_program, "-c",  run_config, "ca",       "create",
                                "--name",    "One", "--key",    "ec:P-256", NULL};
    ck_assert_int_eq(run_together(make, 6), 1);
    const char *const give[] = {run_program, "-c", run_config, "ca",       "issue",
                                ALICE,       BOB,  "--key",    "ec:P-256", NULL};
    ck_assert_int_eq(run_together(give, 8), 8);
    expect_count("valid", 16);
    expect_state(ALICE, "active", 8);
    expect_state(BOB, "active", 8);
    const char *const list[] = {run_program, "-c", run_config, "ca", "crl", NULL};
    ck_assert_int_eq(run_together(list, 5), 5);
    json_t *shown = expect_json("show", SMIMECTL("ca", "show", "--json"));
    expect_number(shown, "crl_number", 5);
    expect_number(shown, "issued", 16);
    json_decref(shown);
    char serial[64];
    get_serial(3, serial);
    const char *const take[] = {run_program, "-c",       run_config, "ca",
                                "revoke",    "--serial", serial,     NULL};
    ck_assert_int_eq(run_together(take, 4), 1);
}
END_TEST

/* ---- Watching and saving ---- */

START_TEST(audited)
{
    static const char *const actions[] = {
        "CA made",           "trust anchor imported", "certificate issued",
        "mailbox activated", "certificate revoked",   "mailbox deactivated",
        "CRL made"};
    create();
    issue(ALICE, NULL);
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "superseded"), 0, NULL);
    make_crl();
    struct run run = SMIMECTL("audit");
    for (size_t i = 0; i < COUNT(actions); i++) {
        ck_assert_msg(strstr(run.out, actions[i]) != NULL, "no \"%s\" in\n%s", actions[i], run.out);
    }
    ck_assert_ptr_null(strstr(run.out, "changed "));
    run_clear(&run);
}
END_TEST

START_TEST(backed_up)
{
    create();
    issue(ALICE, NULL);
    issue(BOB, NULL);
    export_key(ALICE, 0, "alice");
    export_key(BOB, 0, "bob");
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE), 0, NULL);
    make_crl();
    expect_run("backup", SMIMECTL("backup", in_dir("b.p7m"), "--password-file", in_dir("pw")), 0,
               NULL);
    static const char *const files[] = {"lib/store.db", "lib/store.db-wal", "lib/store.db-shm",
                                        "etc/master.secret"};
    for (size_t i = 0; i < COUNT(files); i++) {
        unlink(in_dir(files[i]));
    }
    expect_run("restore", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("pw")), 0,
               NULL);
    json_t *report = expect_json("crl", SMIMECTL("ca", "crl", "--json"));
    expect_number(report, "number", 2);
    write_text(in_dir("crl.pem"), text_at(report, "crl"));
    json_decref(report);
    expect_crl_check("alice.pem", 2, "certificate revoked");
    expect_crl_check("bob.pem", 0, NULL);
    issue(ALICE, NULL);
    sign_mail("signed.eml");
    expect_good_signature("signed.eml");
}
END_TEST

START_TEST(listed_for_people)
{
    create();
    expect_output("nothing yet", SMIMECTL("ca", "list", "--json"), "[]");
    issue(ALICE, NULL);
    expect_run("revoke", SMIMECTL("ca", "revoke", ALICE, "--reason", "superseded"), 0, NULL);
    issue(ALICE, "--separate");
    struct run run = SMIMECTL("ca", "list");
    static const char *const parts[] = {
        "SERIAL ",     "MAILBOX", "USE",   "EXPIRES",  "STATE",
        "REASON",      "both ",   "sign ", "encrypt ", "revoked  superseded\n",
        "valid    -\n"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        ck_assert_msg(strstr(run.out, parts[i]) != NULL, "no \"%s\" in\n%s", parts[i], run.out);
    }
    run_clear(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl ca");
    TCase *tests = tcase_create("ca");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, created);
    tcase_add_test(tests, subject_and_days);
    tcase_add_test(tests, replaced);
    tcase_add_loop_test(tests, issued, 0, COUNT(issue_cases));
    tcase_add_test(tests, serials_are_random);
    tcase_add_loop_test(tests, separate_keys, 0, 2);
    tcase_add_test(tests, revoked_encryption_certificate);
    tcase_add_test(tests, renewal);
    tcase_add_test(tests, bulk);
    tcase_add_test(tests, revoked);
    tcase_add_test(tests, revoked_by_serial);
    tcase_add_test(tests, reasons);
    tcase_add_test(tests, crl_formats);
    tcase_add_test(tests, request_is_certified);
    tcase_add_test(tests, request_without_names);
    tcase_add_test(tests, request_of_our_own);
    tcase_add_loop_test(tests, request_for_others, 0, COUNT(request_cases));
    tcase_add_test(tests, broken_requests);
    tcase_add_loop_test(tests, refusals, 0, COUNT(refused_cases));
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, audited);
    tcase_add_test(tests, backed_up);
    tcase_add_test(tests, listed_for_people);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
