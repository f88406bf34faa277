/* What the tests of smimectl ca share: mailboxes, a CA, and openssl as the judge. */
#ifndef TESTS_ADMIN_CA_RUN_H
#define TESTS_ADMIN_CA_RUN_H

#include "smimectl_run.h"

#define ALICE "alice@example.com"
#define ALIAS "a.smith@example.com"
#define JUERGEN "j\xc3\xbcrgen@example.com"
#define BOB "bob@example.com"
#define STRANGER "x@partner.test"
#define URL "http://pki.example.com/mail,1.crl"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline void setup(void)
{
    make_store();
    expect_run("alice", SMIMECTL("mailbox", "add", ALICE, "--alias", ALIAS, "--alias", JUERGEN), 0,
               NULL);
    expect_run("bob", SMIMECTL("mailbox", "add", BOB), 0, NULL);
    write_text(in_dir("pw"), "correct horse\n");
    write_text(in_dir("plain.eml"),
               "From: " ALICE "\nTo: " STRANGER "\nSubject: s\n\nThe word is Birnbaum.\n");
}

static inline void teardown(void)
{
    remove_directory();
}

static inline void export_ca(const char *file)
{
    expect_run("export", SMIMECTL("ca", "export", "--output", in_dir(file)), 0, NULL);
}

static inline void create(void)
{
    expect_run("create",
               SMIMECTL("ca", "create", "--name", "Example CA", "--key", "ec:P-384", "--crl-url",
                        URL, "--trust"),
               0, "smimectl ca export");
    export_ca("ca.pem");
}

static inline void issue(const char *address, const char *option)
{
    struct run run = option ? SMIMECTL("ca", "issue", address, "--key", "ec:P-256", option)
                            : SMIMECTL("ca", "issue", address, "--key", "ec:P-256");
    expect_run("issue", run, 0, NULL);
}

/* ---- What there is ---- */

static inline json_t *listed(const char *state)
{
    return expect_json("list", state ? SMIMECTL("ca", "list", "--state", state, "--json")
                                     : SMIMECTL("ca", "list", "--json"));
}

static inline void expect_count(const char *state, size_t count)
{
    json_t *list = listed(state);
    ck_assert_msg(json_array_size(list) == count, "%s: %zu certificates, wanted %zu",
                  state ? state : "all", json_array_size(list), count);
    json_decref(list);
}

/* The serial number of the certificate number `index`. */
static inline void get_serial(size_t index, char out[64])
{
    json_t *list = listed(NULL);
    snprintf(out, 64, "%s", text_at(json_array_get(list, index), "serial"));
    json_decref(list);
}

static inline json_t *mailbox(const char *address)
{
    return expect_json("show", SMIMECTL("mailbox", "show", address, "--json"));
}

static inline void expect_state(const char *address, const char *state, size_t keys)
{
    json_t *shown = mailbox(address);
    ck_assert_str_eq(text_at(shown, "state"), state);
    ck_assert_uint_eq(json_array_size(json_object_get(shown, "keys")), keys);
    json_decref(shown);
}

/* The id of the key of a mailbox whose certificate is `index` from the newest. */
static inline void export_key(const char *address, size_t index, const char *name)
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
static inline void expect_text(const char *name, const char *const *parts)
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

static inline void expect_verified(const char *name, const char *purpose, int code, const char *err)
{
    expect_run(name,
               OPENSSL("verify", "-x509_strict", "-purpose", purpose, "-CAfile", in_dir("ca.pem"),
                       in_dir(name)),
               code, err);
}

static inline void sign_mail(const char *output)
{
    struct run run = SMIMECTL_READS(in_dir("plain.eml"), "process", "--outgoing", "--from", ALICE,
                                    "--to", STRANGER);
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_file(in_dir(output), run.out, run.out_length);
    run_clear(&run);
}

static inline void expect_good_signature(const char *mail)
{
    expect_run("openssl cms -verify",
               OPENSSL("cms", "-verify", "-in", in_dir(mail), "-CAfile", in_dir("ca.pem"),
                       "-certsout", in_dir("sent.pem"), "-signer", in_dir("signer.pem"), "-out",
                       in_dir("verified")),
               0, "successful");
}

/* openssl encrypts to a certificate, and the flow of the daemon decrypts. */
static inline void expect_decrypted(const char *certificate)
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

static inline json_t *report_of(struct run run, int code)
{
    ck_assert_msg(run.code == code, "exit code %d\n%s%s", run.code, run.out, run.err);
    json_t *report = parse_json("report", run.out);
    run_clear(&run);
    return report;
}

static inline void expect_number(const json_t *report, const char *key, int number)
{
    ck_assert_msg(json_integer_value(json_object_get(report, key)) == number, "%s is not %d", key,
                  number);
}

static inline void make_crl(void)
{
    expect_run("crl", SMIMECTL("ca", "crl", "--output", in_dir("crl.pem")), 0, NULL);
}

static inline void expect_crl_check(const char *name, int code, const char *err)
{
    expect_run(name,
               OPENSSL("verify", "-x509_strict", "-crl_check", "-CRLfile", in_dir("crl.pem"),
                       "-purpose", "smimesign", "-CAfile", in_dir("ca.pem"), in_dir(name)),
               code, err);
}

#endif
