/* Judging who has signed: From, and what certificates and their chains say. */
#include "incoming_fixture.h"

#include "signer_address.h"

static const char *const alice = "alice@example.com";

static struct opened open_from(const char *from, const char *arguments,
                               const struct open_request *request)
{
    return open_with(message_of(from, signed_entity(TEXT_ENTITY, arguments)), request);
}

/* ---- Which certificate ---- */

START_TEST(missing_certificate)
{
    struct open_request request = default_request();
    struct opened opened = open_from(alice, SIGN_ALICE " -nocerts", &request);
    assert_signature(&opened, SIGNATURE_UNKNOWN_SIGNER);
    assert_contains(opened.signature_reason, "certificate for verification");
    opened_clear(&opened);
    /* Another certificate of Alice's with the same key is not the one that the SignerInfo names. */
    opened = open_from(alice, SIGN_ALICE " -nocerts -certfile bob.pem", &request);
    assert_signature(&opened, SIGNATURE_UNKNOWN_SIGNER);
    opened_clear(&opened);
    request.intermediates = pki_chain(&world.people[ALICE].certificate, 1);
    opened = open_from(alice, SIGN_ALICE " -nocerts", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    sk_X509_pop_free(request.intermediates, X509_free);
}
END_TEST

/* Eve puts a certificate with Alice's issuer and serial number, and Eve's key, in front. */
START_TEST(forged_issuer_and_serial)
{
    struct pki forged_ca = pki_ca("Test CA");
    long serial = 4711;
    struct pki real = pki_make(
        &(struct pki_spec){.addresses = {"alice@example.com"}, .serial = serial}, &world.ca);
    struct pki forged = pki_make(
        &(struct pki_spec){.addresses = {"alice@example.com"}, .serial = serial}, &forged_ca);
    struct open_request request = default_request();
    struct opened opened;
    write_pki("real", &real);
    write_pki("forged", &forged);
    /* Eve signs: her certificate is found, and no anchor stands behind it. */
    opened =
        open_from(alice, "-sign -signer forged.pem -inkey forged.key -certfile real.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    /* Alice signs, and Eve adds hers on the way: it harms nobody. */
    opened =
        open_from(alice, "-sign -signer real.pem -inkey real.key -certfile forged.pem", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    pki_clear(&forged_ca);
    pki_clear(&real);
    pki_clear(&forged);
}
END_TEST

/* ---- From ---- */

/* Alice has signed. Where her name must not stand for it, why. */
#define SHOWN "programs show the display name alone, and it names somebody else"
#define UNSEEN "a character that nobody sees breaks the address for us and not for the reader"
#define ENDED "a character ends the address for us and not for the reader"

static const struct {
    const char *from;    /* field and what may follow it */
    const char *because; /* why it must be a mismatch; NULL: it is valid */
} froms[] = {
    {"alice@example.com", NULL},
    {"\"alice@example.com\" <alice@example.com>", NULL},
    {"\"Alice @work.de, max@work\" <alice@example.com>", NULL},
    {"\"bob@\r\n partner.test\" <alice@example.com>", NULL},
    {"\"'alice@example.com'\" <alice@example.com>", NULL},
    {"alice@example.com\r\nSender: bob@partner.test", NULL},
    {"alice@example.com\r\nReply-To: bob@partner.test", NULL},
    {"\"bob@partner.test\" <alice@example.com>", SHOWN},
    {"\"Bob (bob@partner.test)\" <alice@example.com>", SHOWN},
    {"\"alice@example.com bob@partner.test\" <alice@example.com>", SHOWN},
    {"=?utf-8?q?bob=40partner=2Etest?= <alice@example.com>", SHOWN},
    {"=?utf-8?q?bob=40par?= =?utf-8?q?tner=2Etest?= <alice@example.com>", SHOWN},
    {"\"=?utf-8?q?bob=40partner=2Etest?=\" <alice@example.com>",
     "encoded words do not belong in quotes, and many programs read them there"},
    {"=?utf-8?q?bob=EF=BC=A0partner=2Etest?= <alice@example.com>", "a full-width @ looks like one"},
    {"=?utf-8?q?bob=40part=E2=80=8Bner=2Etest?= <alice@example.com>", UNSEEN},
    {"\"'bob@partner.test'\" <alice@example.com>", SHOWN},
    {"\"bob@partner.test!\" <alice@example.com>", ENDED},
    {"\"Boss {bob@partner.test}\" <alice@example.com>", ENDED},
    {"\"CEO|bob@partner.test|\" <alice@example.com>", ENDED},
    {"\"mailto:bob@partner.test?\" <alice@example.com>", ENDED},
    {"=?utf-8?q?bob=40partner.test=E2=80=99s?= mail <alice@example.com>", ENDED},
    {"=?utf-8?q?bob=40partner.test=E2=A0=80?= <alice@example.com>", UNSEEN},
    {"=?utf-8?q?bob=40part=F3=A0=87=B0ner.test?= <alice@example.com>", UNSEEN},
    {"=?utf-8?q?bob=40part=E2=81=A5ner.test?= <alice@example.com>", UNSEEN},
    {"=?utf-8?q?bob=40partner.test=01?= <alice@example.com>", UNSEEN},
    {"=?utf-8?q?bob=E2=80=8A=40partner.test?= <alice@example.com>", UNSEEN},
    {"bob@partner.test", "From is another person"},
    {"\"alice@example.com\" <bob@partner.test>",
     "the signer stands in the display name only, and answers go to another"},
    {"alice@example.com, bob@partner.test", "of two authors each program shows the one it likes"},
    {"bob@partner.test, alice@example.com", "the same, the other way round"},
    {"alice@example.com\r\nFrom: bob@partner.test",
     "of two From fields programs show the first or the last (RFC 5322 allows one)"},
    {"bob@partner.test\r\nFrom: alice@example.com", "the same, the other way round"},
    {"alice@example.com\r\nFrom: alice@example.com",
     "two fields are malformed, and DMARC judges neither"},
    {"friends: alice@example.com;", "a group has no author: its name is what is shown"},
    {"bob@partner.test: alice@example.com;", "a group whose name is another address"},
    {"alice@example.com (bob@partner.test)", "some programs show a comment as the name"},
    {"bob@partner.test\r\nSender: alice@example.com",
     "who sent it for another is not its author, though RFC 8550 section 3 would take him"},
    {"bob@partner.test\r\nReply-To: alice@example.com", "whoever gets the answers has not written"},
    {"bob@partner.test\r\nResent-From: alice@example.com", "who passed it on has not written"},
    {"alice@example.com.evil.test", "another domain that begins like hers"},
    {"xalice@example.com", "another mailbox that ends like hers"},
    {"", "nobody is named"},
};

START_TEST(from_decides)
{
    enum signature_verdict wanted =
        froms[_i].because != NULL ? SIGNATURE_MISMATCH : SIGNATURE_VALID;
    struct opened opened =
        open_message(message_of(froms[_i].from, signed_entity(TEXT_ENTITY, SIGN_ALICE)));
    ck_assert_msg(opened.signature == wanted, "%s: %s (%s); but %s", froms[_i].from,
                  signature_verdict_name(opened.signature), opened.signature_reason,
                  froms[_i].because != NULL ? froms[_i].because : "nothing is wrong");
    ck_assert((opened.harvest.certificate != NULL) == (wanted == SIGNATURE_VALID));
    opened_clear(&opened);
}
END_TEST

/* A From among what is signed must be the message's. */
START_TEST(signed_from)
{
    static const struct {
        const char *content;
        enum signature_verdict wanted;
    } inner[] = {
        {"From: Alice <ALICE@example.com>\r\nSubject: x\r\n" TEXT_ENTITY, SIGNATURE_VALID},
        {"From: eve@evil.test\r\n" TEXT_ENTITY, SIGNATURE_MISMATCH},
        {"From: alice@example.com\r\nFrom: eve@evil.test\r\n" TEXT_ENTITY, SIGNATURE_MISMATCH},
    };
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        struct opened opened =
            open_message(message_of(alice, signed_entity(inner[i].content, SIGN_ALICE)));
        assert_signature(&opened, inner[i].wanted);
        opened_clear(&opened);
        opened = open_message(message_of(alice, opaque_entity(inner[i].content, SIGN_ALICE)));
        assert_signature(&opened, inner[i].wanted);
        opened_clear(&opened);
    }
}
END_TEST

/* ---- What a certificate may be ---- */

#define DORA "dora@example.com"

static const struct {
    const char *name;
    struct pki_spec spec;
    enum signature_verdict wanted;
    const char *reason;
} certificates[] = {
    {"as usual", {.addresses = {DORA}}, SIGNATURE_VALID, "signed by"},
    {"several addresses", {.addresses = {"x@y.test", "Dora@EXAMPLE.com"}}, SIGNATURE_VALID, NULL},
    {"subject's address", {.common_name = "Dora", .email = DORA}, SIGNATURE_VALID, NULL},
    {"subject's address beside another one",
     {.addresses = {"other@example.com"}, .email = DORA},
     SIGNATURE_MISMATCH,
     "other@example.com"},
    {"subject's address beside DNS names",
     {.dns_names = {"example.com"}, .email = DORA, .common_name = "Dora"},
     SIGNATURE_VALID,
     NULL},
    {"common name is no address",
     {.common_name = DORA, .dns_names = {"example.com"}},
     SIGNATURE_MISMATCH,
     "without an address"},
    {"SmtpUTF8Mailbox", {.smtp_utf8 = {DORA}, .common_name = "D"}, SIGNATURE_VALID, NULL},
    {"SmtpUTF8Mailbox of somebody else",
     {.smtp_utf8 = {"other@example.com"}, .email = DORA, .common_name = "D"},
     SIGNATURE_MISMATCH,
     NULL},
    {"angle brackets", {.addresses = {"<" DORA ">"}}, SIGNATURE_MISMATCH, NULL},
    {"a control character", {.addresses = {DORA "\n"}}, SIGNATURE_MISMATCH, NULL},
    {"domain", {.addresses = {"example.com"}}, SIGNATURE_MISMATCH, NULL},
    {"no usage at all",
     {.addresses = {DORA}, .key_usage = PKI_NO_USAGE, .extended_key_usage = PKI_NO_USAGE},
     SIGNATURE_VALID,
     NULL},
    {"nonRepudiation only",
     {.addresses = {DORA}, .key_usage = "critical,nonRepudiation"},
     SIGNATURE_VALID,
     NULL},
    {"encryption only",
     {.addresses = {DORA}, .key_usage = "critical,keyAgreement"},
     SIGNATURE_UNTRUSTED,
     "purpose"},
    {"any extended usage",
     {.addresses = {DORA}, .extended_key_usage = "anyExtendedKeyUsage"},
     SIGNATURE_VALID,
     NULL},
    {"for servers only",
     {.addresses = {DORA}, .extended_key_usage = "serverAuth"},
     SIGNATURE_UNTRUSTED,
     "purpose"},
    {"expired",
     {.addresses = {DORA}, .not_after = PKI_NOW - PKI_DAY},
     SIGNATURE_EXPIRED,
     "expired"},
    {"not yet valid",
     {.addresses = {DORA}, .not_before = PKI_NOW + PKI_DAY},
     SIGNATURE_EXPIRED,
     "not yet valid"},
    {"expired and for servers",
     {.addresses = {DORA}, .not_after = PKI_NOW - PKI_DAY, .extended_key_usage = "serverAuth"},
     SIGNATURE_UNTRUSTED,
     "purpose"},
    {"expired and of somebody else",
     {.addresses = {"other@example.com"}, .not_after = PKI_NOW - PKI_DAY},
     SIGNATURE_MISMATCH,
     NULL},
    {"RSA of 1024 bits", {.addresses = {DORA}, .key = PKI_RSA_1024}, SIGNATURE_VALID, NULL},
};

START_TEST(certificate_decides)
{
    struct pki dora = pki_make(&certificates[_i].spec, &world.ca);
    struct open_request request = default_request();
    struct opened opened;
    write_pki("dora", &dora);
    opened = open_from(DORA, "-sign -md sha256 -signer dora.pem -inkey dora.key", &request);
    ck_assert_msg(opened.signature == certificates[_i].wanted, "%s: %s (%s)", certificates[_i].name,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    if (certificates[_i].reason != NULL)
        assert_contains(opened.signature_reason, certificates[_i].reason);
    opened_clear(&opened);
    pki_clear(&dora);
}
END_TEST

/* Each address that From shows must be the signer's, not only one of them. */
START_TEST(all_that_is_shown_is_judged)
{
    static const struct {
        const char *name;
        enum signature_verdict wanted;
    } names[] = {{"other@example.com", SIGNATURE_VALID},
                 {"bob@partner.test", SIGNATURE_MISMATCH},
                 {"other@example.com bob@partner.test", SIGNATURE_MISMATCH},
                 {"bob@partner.test other@example.com", SIGNATURE_MISMATCH}};
    struct pki dora =
        pki_make(&(struct pki_spec){.addresses = {DORA, "other@example.com"}}, &world.ca);
    struct open_request request = default_request();
    write_pki("dora", &dora);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[100];
        struct opened opened;
        (void)snprintf(from, sizeof from, "\"%s\" <" DORA ">", names[i].name);
        opened = open_from(from, "-sign -md sha256 -signer dora.pem -inkey dora.key", &request);
        ck_assert_msg(opened.signature == names[i].wanted, "%s: %s", from, opened.signature_reason);
        opened_clear(&opened);
    }
    pki_clear(&dora);
}
END_TEST

/* ---- Chains ---- */

static struct opened open_dora(const struct pki *dora, const char *more,
                               const struct open_request *request)
{
    char *arguments = NULL;
    struct opened opened;
    write_pki("dora", dora);
    ck_assert_int_gt(
        asprintf(&arguments, "-sign -md sha256 -signer dora.pem -inkey dora.key %s", more), 0);
    opened = open_from(DORA, arguments, request);
    free(arguments);
    return opened;
}

START_TEST(unknown_issuer)
{
    struct pki dora = pki_leaf(&world.foreign_ca, DORA);
    struct pki alone = pki_leaf(NULL, DORA);
    struct open_request request = default_request();
    struct opened opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    /* The foreign root travels along: that makes it no anchor. */
    write_pki("foreign", &world.foreign_ca);
    opened = open_dora(&dora, "-certfile foreign.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    request.intermediates = pki_chain(&world.foreign_ca.certificate, 1);
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    opened = open_dora(&alone, "", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    sk_X509_pop_free(request.intermediates, X509_free);
    pki_clear(&dora);
    pki_clear(&alone);
}
END_TEST

START_TEST(intermediates)
{
    struct pki middle = pki_intermediate(&world.ca, "Middle");
    struct pki lower = pki_intermediate(&middle, "Lower");
    struct pki dora = pki_leaf(&lower, DORA);
    X509 *both[] = {middle.certificate, lower.certificate};
    struct open_request request = default_request();
    struct opened opened;
    write_pki("middle", &middle);
    write_pki("lower", &lower);
    run("cat lower.pem middle.pem > both.pem");
    opened = open_dora(&dora, "-certfile lower.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    opened = open_dora(&dora, "-certfile both.pem", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_int_eq(sk_X509_num(opened.harvest.intermediates), 2);
    opened_clear(&opened);
    request.limits.max_chain = 1;
    opened = open_dora(&dora, "-certfile both.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    request.limits.max_chain = 10;
    request.intermediates = pki_chain(both, 2);
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    sk_X509_pop_free(request.intermediates, X509_free);
    pki_clear(&middle);
    pki_clear(&lower);
    pki_clear(&dora);
}
END_TEST

/* A CA may bind what is below it to a policy (RFC 5280 section 4.2.1.11). `openssl verify` says the
 * same of each. */
START_TEST(policies_are_processed)
{
    static const struct {
        const char *ca;
        const char *leaf;
        bool valid;
    } policies[] = {
        {"", "", true},
        {"certificatePolicies=1.2.3.4\n", "", true},
        {"certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n",
         "certificatePolicies=1.2.3.4\n", true},
        {"certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n",
         "certificatePolicies=1.2.3.5\n", false},
        {"certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n", "",
         false},
    };
    struct open_request request = default_request();
    char text[256];
    request.now = time(NULL) + PKI_DAY; /* `openssl x509 -req` takes no other time */
    run("{ for k in bound dora; do openssl req -new -newkey rsa:2048 -nodes -keyout $k.key -subj "
        "/CN=$k -out $k.csr; done; }");
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct opened opened;
        bool valid;
        (void)snprintf(text, sizeof text, "basicConstraints=critical,CA:TRUE\n%s", policies[i].ca);
        write_file("bound.ext", text, strlen(text));
        (void)snprintf(text, sizeof text, "subjectAltName=email:" DORA "\n%s", policies[i].leaf);
        write_file("dora.ext", text, strlen(text));
        run("{ sign() { openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial "
            "-days 900 -extfile $1.ext -sha256 -out $1.pem; } && sign bound ca && sign dora bound; "
            "}");
        run("{ openssl verify -policy_check -policy anyPolicy -attime %lld -CAfile ca.pem "
            "-untrusted bound.pem "
            "dora.pem 2>&1 && echo yes || echo no; } > said",
            (long long)request.now);
        char *path = world_path("said");
        struct bytes said = read_file(path);
        valid = strstr(said.data, "yes") != NULL;
        ck_assert_msg(valid == policies[i].valid, "%zu: openssl says %s", i, said.data);
        opened =
            open_from(DORA, "-sign -md sha256 -signer dora.pem -inkey dora.key -certfile bound.pem",
                      &request);
        assert_signature(&opened, valid ? SIGNATURE_VALID : SIGNATURE_UNTRUSTED);
        opened_clear(&opened);
        bytes_free(&said);
        free(path);
    }
}
END_TEST

/* A leaf that signs certificates. */
START_TEST(a_leaf_is_no_issuer)
{
    struct pki dora = pki_leaf(&world.people[EVE], DORA);
    struct open_request request = default_request();
    struct opened opened = open_dora(&dora, "-certfile eve.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    pki_clear(&dora);
}
END_TEST

/* The issuer has expired and the leaf was not even signed by it: expired is not all that is
 * wrong. */
START_TEST(expired_does_not_hide_worse)
{
    struct pki old = pki_make(
        &(struct pki_spec){.common_name = "Old CA", .ca = true, .not_after = PKI_NOW - PKI_DAY},
        &world.ca);
    struct pki twin = pki_make(&(struct pki_spec){.common_name = "Old CA", .ca = true}, NULL);
    struct pki forged = pki_leaf(&twin, DORA);
    struct pki real = pki_leaf(&old, DORA);
    struct open_request request = default_request();
    struct opened opened;
    write_pki("old", &old);
    opened = open_dora(&real, "-certfile old.pem", &request);
    assert_signature(&opened, SIGNATURE_EXPIRED);
    opened_clear(&opened);
    opened = open_dora(&forged, "-certfile old.pem", &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    opened_clear(&opened);
    pki_clear(&old);
    pki_clear(&twin);
    pki_clear(&forged);
    pki_clear(&real);
}
END_TEST

/* A CA without key identifiers: only its name says which it is. */
static struct pki nameless_ca(void)
{
    struct pki ca = pki_ca("Twin CA");
    int at = X509_get_ext_by_NID(ca.certificate, NID_subject_key_identifier, -1);
    X509_EXTENSION_free(X509_delete_ext(ca.certificate, at));
    ck_assert_int_gt(X509_sign(ca.certificate, ca.key, EVP_sha256()), 0);
    return ca;
}

static struct pki nameless_leaf(const struct pki *ca)
{
    struct pki leaf = pki_make(&(struct pki_spec){.addresses = {DORA}}, NULL);
    ck_assert_int_eq(X509_set_issuer_name(leaf.certificate, X509_get_subject_name(ca->certificate)),
                     1);
    ck_assert_int_gt(X509_sign(leaf.certificate, ca->key, EVP_sha256()), 0);
    return leaf;
}

START_TEST(anchors_of_one_name)
{
    struct pki cas[3] = {nameless_ca(), nameless_ca(), nameless_ca()};
    X509_STORE *anchors = X509_STORE_new();
    struct open_request request = default_request();
    request.anchors = anchors;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(X509_STORE_add_cert(anchors, cas[i].certificate), 1);
    for (int i = 0; i < 3; i++) {
        struct pki dora = nameless_leaf(&cas[i]);
        struct opened opened = open_dora(&dora, "", &request);
        assert_signature(&opened, i < 2 ? SIGNATURE_VALID : SIGNATURE_UNTRUSTED);
        opened_clear(&opened);
        pki_clear(&dora);
    }
    for (int i = 0; i < 3; i++)
        pki_clear(&cas[i]);
    X509_STORE_free(anchors);
}
END_TEST

/* An intermediate that an administrator believes without its root. */
START_TEST(intermediate_as_anchor)
{
    struct pki middle = pki_intermediate(&world.foreign_ca, "Foreign Middle");
    struct pki dora = pki_leaf(&middle, DORA);
    X509_STORE *anchors = X509_STORE_new();
    struct open_request request = default_request();
    struct opened opened;
    ck_assert_int_eq(X509_STORE_add_cert(anchors, middle.certificate), 1);
    request.anchors = anchors;
    opened = open_dora(&dora, "", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    X509_STORE_free(anchors);
    pki_clear(&middle);
    pki_clear(&dora);
}
END_TEST

START_TEST(revoked_certificate)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_adj(NULL, PKI_NOW - PKI_DAY, 0, 0);
    X509_STORE *anchors = X509_STORE_new();
    struct open_request request = default_request();
    struct opened opened;
    ck_assert(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(world.ca.certificate)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, time) == 1);
    ck_assert_ptr_nonnull(ASN1_TIME_adj(time, PKI_NOW + PKI_DAY, 0, 0));
    ck_assert(X509_CRL_set1_nextUpdate(crl, time) == 1 &&
              X509_REVOKED_set_serialNumber(
                  revoked, X509_get_serialNumber(world.people[ALICE].certificate)) == 1 &&
              X509_REVOKED_set_revocationDate(revoked, time) == 1 &&
              X509_CRL_add0_revoked(crl, revoked) == 1 &&
              X509_CRL_sign(crl, world.ca.key, EVP_sha256()) > 0);
    ck_assert(X509_STORE_add_cert(anchors, world.ca.certificate) == 1 &&
              X509_STORE_add_crl(anchors, crl) == 1 &&
              X509_STORE_set_flags(anchors, X509_V_FLAG_CRL_CHECK) == 1);
    request.anchors = anchors;
    opened = open_from(alice, SIGN_ALICE, &request);
    assert_signature(&opened, SIGNATURE_REVOKED);
    ck_assert_ptr_null(opened.harvest.certificate);
    opened_clear(&opened);
    opened = open_from("carol@example.com", "-sign -signer carol.pem -inkey carol.key", &request);
    assert_signature(&opened, SIGNATURE_VALID);
    opened_clear(&opened);
    X509_CRL_free(crl);
    ASN1_TIME_free(time);
    X509_STORE_free(anchors);
}
END_TEST

/* Names that no tool makes, in certificates of a careless CA. */
static GENERAL_NAMES *one_name(const char *text, size_t length)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    ck_assert_int_eq(ASN1_STRING_set(string, text, (int)length), 1);
    GENERAL_NAME_set0_value(name, GEN_EMAIL, string);
    ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
    return names;
}

static void add_names(X509 *certificate, const char *text, size_t length)
{
    GENERAL_NAMES *names = one_name(text, length);
    ck_assert_int_eq(
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
    GENERAL_NAMES_free(names);
}

#define NUL_TRICK DORA "\0.evil.test"

static void nul_in_an_alternative_name(X509 *certificate)
{
    add_names(certificate, NUL_TRICK, sizeof NUL_TRICK - 1);
}

static void nul_in_the_subject(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_ENTRY_free(
        X509_NAME_delete_entry(name, X509_NAME_get_index_by_NID(name, NID_pkcs9_emailAddress, -1)));
    ck_assert_int_eq(X509_NAME_add_entry_by_NID(name, NID_pkcs9_emailAddress, V_ASN1_IA5STRING,
                                                (const unsigned char *)NUL_TRICK,
                                                sizeof NUL_TRICK - 1, -1, 0),
                     1);
}

static void alternative_names_twice(X509 *certificate)
{
    add_names(certificate, "other@example.com", 17);
    add_names(certificate, DORA, sizeof DORA - 1);
}

static void unreadable_alternative_names(X509 *certificate)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;
    ck_assert_int_eq(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x30\x03\x81\x05x", 5),
                     1);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
    ck_assert(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
}

static const struct {
    void (*spoil)(X509 *certificate); /* of Dora, whose address is in the subject */
    const char *because;
} spoilt[] = {
    {nul_in_an_alternative_name, "whoever stops at the NUL reads another address"},
    {nul_in_the_subject, "the same in the subject"},
    {alternative_names_twice, "which of the two extensions counts is anybody's guess"},
    {unreadable_alternative_names, "a broken extension does not bring the subject back"},
};

START_TEST(names_that_name_nobody)
{
    struct pki dora = pki_make(&(struct pki_spec){.common_name = "Dora", .email = DORA}, &world.ca);
    struct open_request request = default_request();
    struct signer_addresses addresses;
    struct opened opened;
    spoilt[_i].spoil(dora.certificate);
    ck_assert_int_gt(X509_sign(dora.certificate, world.ca.key, EVP_sha256()), 0);
    dora.certificate = pki_decoded(dora.certificate);
    ck_assert_int_eq(signer_addresses(dora.certificate, &addresses), 0);
    ck_assert_msg(addresses.count == 0, "%s", spoilt[_i].because);
    signer_addresses_clear(&addresses);
    opened = open_dora(&dora, "", &request);
    ck_assert_msg(opened.signature != SIGNATURE_VALID, "%s", spoilt[_i].because);
    opened_clear(&opened);
    pki_clear(&dora);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("signer");
    TCase *tcase = tcase_create("signers");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, missing_certificate);
    tcase_add_test(tcase, forged_issuer_and_serial);
    LOOP(tcase, from_decides, froms);
    tcase_add_test(tcase, signed_from);
    LOOP(tcase, certificate_decides, certificates);
    tcase_add_test(tcase, all_that_is_shown_is_judged);
    tcase_add_test(tcase, unknown_issuer);
    tcase_add_test(tcase, intermediates);
    tcase_add_test(tcase, policies_are_processed);
    tcase_add_test(tcase, a_leaf_is_no_issuer);
    tcase_add_test(tcase, expired_does_not_hide_worse);
    tcase_add_test(tcase, anchors_of_one_name);
    tcase_add_test(tcase, intermediate_as_anchor);
    tcase_add_test(tcase, revoked_certificate);
    LOOP(tcase, names_that_name_nobody, spoilt);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
