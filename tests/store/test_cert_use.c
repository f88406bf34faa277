/* What a certificate may be used for, and which addresses it has. */
#include "store_fixture.h"

#include "cert_use.h"

static struct pki ca;

static void set_up(void)
{
    ca = pki_ca("Test CA");
}

static void tear_down(void)
{
    pki_clear(&ca);
}

/* ---- Addresses ---- */

static const struct {
    const char *name;
    struct pki_spec spec;
    const char *wanted; /* joined by blanks */
} address_cases[] = {
    {"rfc822Name", {.addresses = {"alice@example.com"}}, "alice@example.com"},
    {"canonical form", {.addresses = {"Alice@EXAMPLE.com"}}, "alice@example.com"},
    {"several", {.addresses = {"b@example.com", "a@example.org"}}, "b@example.com a@example.org"},
    {"each once",
     {.addresses = {"a@example.com", "A@example.com", "a@EXAMPLE.com"}},
     "a@example.com"},
    {"SmtpUTF8Mailbox",
     {.smtp_utf8 = {"\xe8\x80\x81\xe5\xb8\xab@example.com"}},
     "\xe8\x80\x81\xe5\xb8\xab@example.com"},
    {"both kinds",
     {.addresses = {"a@example.com"}, .smtp_utf8 = {"\xc3\xbc@example.com"}},
     "a@example.com \xc3\xbc@example.com"},
    {"subject", {.common_name = "Alice", .email = "alice@example.com"}, "alice@example.com"},
    {"subject only as fallback",
     {.addresses = {"alice@example.com"}, .email = "boss@example.com"},
     "alice@example.com"},
    {"no fallback beside an unusable rfc822Name",
     {.addresses = {"example.com"}, .email = "boss@example.com"},
     ""},
    {"fallback beside a dNSName",
     {.dns_names = {"example.com"}, .email = "alice@example.com"},
     "alice@example.com"},
    {"address in the common name does not count", {.common_name = "alice@example.com"}, ""},
    {"control character",
     {.addresses = {"alice\t@example.com", "bob@example.com"}},
     "bob@example.com"},
    {"line end", {.addresses = {"alice@example.com\r\nBcc: eve@example.com"}}, ""},
    {"not ASCII in rfc822Name", {.addresses = {"\xc3\xbc@example.com"}}, ""},
    {"no local part", {.addresses = {"@example.com"}}, ""},
    {"wildcard", {.addresses = {"*@example.com"}}, ""},
    {"empty", {.common_name = "Nobody", .addresses = {""}}, ""},
};

static void ck_addresses(X509 *certificate, const char *wanted)
{
    char joined[1024] = "";
    struct cert_addresses addresses;
    ck_assert_int_eq(cert_addresses(certificate, &addresses), 0);
    for (size_t i = 0; i < addresses.count; i++) {
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s%s", i > 0 ? " " : "", addresses.items[i]);
        ck_assert(cert_names_address(certificate, addresses.items[i]));
    }
    cert_addresses_clear(&addresses);
    ck_assert_ptr_null(addresses.items);
    ck_assert_str_eq(joined, wanted);
}

START_TEST(reads_addresses)
{
    struct pki pair = pki_make(&address_cases[_i].spec, &ca);
    ck_addresses(pair.certificate, address_cases[_i].wanted);
    ck_assert(!cert_names_address(pair.certificate, "nobody@example.com"));
    pki_clear(&pair);
}
END_TEST

/* A NUL makes two readers see two addresses: "alice@example.com" and what follows. */
START_TEST(passes_over_nul)
{
    static const unsigned char raw[] = "alice@example.com\0.evil.test";
    X509 *certificate = X509_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    ck_assert(certificate && names && name && text);
    ck_assert_int_eq(ASN1_STRING_set(text, raw, sizeof raw - 1), 1);
    GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
    ck_assert_int_eq(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
    ck_assert_int_eq(X509_NAME_add_entry_by_NID(
                         X509_get_subject_name(certificate), NID_pkcs9_emailAddress, MBSTRING_ASC,
                         (const unsigned char *)"boss@example.com", -1, -1, 0),
                     1);
    ck_addresses(certificate, "");
    GENERAL_NAMES_free(names);
    X509_free(certificate);

    certificate = X509_new();
    ck_assert_ptr_nonnull(certificate);
    ck_assert_int_eq(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate),
                                                NID_pkcs9_emailAddress, V_ASN1_IA5STRING, raw,
                                                sizeof raw - 1, -1, 0),
                     1);
    ck_addresses(certificate, "");
    X509_free(certificate);
}
END_TEST

START_TEST(addresses_are_bounded)
{
    X509 *certificate = X509_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    char text[64];
    ck_assert(certificate && names);
    for (int i = 0; i < CERT_MAX_ADDRESSES + 10; i++) {
        snprintf(text, sizeof text, "user%d@example.com", i);
        pki_add_string_name(names, GEN_EMAIL, text);
    }
    ck_assert_int_eq(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
    struct cert_addresses addresses;
    ck_assert_int_eq(cert_addresses(certificate, &addresses), 0);
    ck_assert_uint_eq(addresses.count, CERT_MAX_ADDRESSES);
    cert_addresses_clear(&addresses);
    GENERAL_NAMES_free(names);
    X509_free(certificate);
}
END_TEST

/* Two subjectAltName extensions: what they say together is unknown, so the subject cannot stand in.
 */
START_TEST(repeated_extension_says_nothing)
{
    struct pki pair = pki_make(
        &(struct pki_spec){.addresses = {"alice@example.com"}, .email = "boss@example.com"}, &ca);
    X509_EXTENSION *extension = X509_get_ext(
        pair.certificate, X509_get_ext_by_NID(pair.certificate, NID_subject_alt_name, -1));
    ck_assert_int_eq(X509_add_ext(pair.certificate, extension, -1), 1);
    ck_assert_int_gt(X509_sign(pair.certificate, ca.key, EVP_sha256()), 0);
    unsigned char *der = NULL;
    int length = i2d_X509(pair.certificate, &der);
    const unsigned char *at = der;
    X509 *again = d2i_X509(NULL, &at, length);
    ck_assert_ptr_nonnull(again);
    ck_addresses(again, "");
    char *why = NULL;
    ck_assert_int_eq(cert_check_use(again, CERT_USE_SIGN, PKI_NOW, &why), -1);
    ck_assert_ptr_nonnull(strstr(why, "malformed"));
    why_free(&why);
    X509_free(again);
    OPENSSL_free(der);
    pki_clear(&pair);
}
END_TEST

/* ---- Use ---- */

#define A_NAME .addresses = {"alice@example.com"}
#define DOMAIN_REASON "certificate for a domain, not for a mailbox"

static const struct {
    const char *name;
    struct pki_spec spec;
    const char *sign;    /* NULL: allowed; else what the refusal says */
    const char *encrypt; /* the same */
} use_cases[] = {
    {"EC", {A_NAME}, NULL, NULL},
    {"RSA", {A_NAME, .key = PKI_RSA_2048}, NULL, NULL},
    {"P-384", {A_NAME, .key = PKI_EC_P384}, NULL, NULL},
    {"P-521", {A_NAME, .key = PKI_EC_P521}, NULL, NULL},
    {"RSA-1024", {A_NAME, .key = PKI_RSA_1024}, "1024 bits, at least 2048", "1024 bits"},
    {"Ed25519",
     {A_NAME, .key = PKI_ED25519},
     "ED25519 key, which the CMS of this OpenSSL",
     "ED25519"},
    {"X25519", {A_NAME, .key = PKI_X25519}, "X25519 key, which the CMS of this OpenSSL", "X25519"},
    {"no key usage", {A_NAME, .key_usage = PKI_NO_USAGE}, NULL, NULL},
    {"no extended key usage", {A_NAME, .extended_key_usage = PKI_NO_USAGE}, NULL, NULL},
    {"any extended key usage", {A_NAME, .extended_key_usage = "anyExtendedKeyUsage"}, NULL, NULL},
    {"mail among others", {A_NAME, .extended_key_usage = "clientAuth,emailProtection"}, NULL, NULL},
    {"for TLS servers",
     {A_NAME, .extended_key_usage = "serverAuth,clientAuth"},
     "extended key usage of the certificate excludes mail",
     "extended key usage of the certificate excludes mail"},
    {"signs only, EC",
     {A_NAME, .key_usage = "digitalSignature,nonRepudiation"},
     NULL,
     "excludes encryption: keyAgreement"},
    {"signs only, RSA",
     {A_NAME, .key = PKI_RSA_2048, .key_usage = "critical,digitalSignature"},
     NULL,
     "excludes encryption: keyEncipherment"},
    {"nonRepudiation only", {A_NAME, .key_usage = "nonRepudiation"}, NULL, "keyAgreement"},
    {"encrypts only, EC",
     {A_NAME, .key_usage = "keyAgreement"},
     "excludes signing: digitalSignature or nonRepudiation",
     NULL},
    {"encrypts only, RSA",
     {A_NAME, .key = PKI_RSA_2048, .key_usage = "keyEncipherment"},
     "excludes signing",
     NULL},
    {"RSA with the bit of EC",
     {A_NAME, .key = PKI_RSA_2048, .key_usage = "digitalSignature,keyAgreement"},
     NULL,
     "keyEncipherment"},
    {"data encipherment is not enough",
     {A_NAME, .key = PKI_RSA_2048, .key_usage = "digitalSignature,dataEncipherment"},
     NULL,
     "keyEncipherment"},
    {"CA", {A_NAME, .ca = true}, "belongs to a CA", "belongs to a CA"},
    {"expired",
     {A_NAME, .not_after = PKI_NOW - 1},
     "has expired: not after 2025-12-31 23:59:59 UTC",
     "has expired"},
    {"last second", {A_NAME, .not_after = PKI_NOW}, NULL, NULL},
    {"first second", {A_NAME, .not_before = PKI_NOW}, NULL, NULL},
    {"not yet valid",
     {A_NAME, .not_before = PKI_NOW + 1},
     "not yet valid: not before 2026-01-01 00:00:01 UTC",
     "not yet valid"},
    {"no address",
     {.common_name = "Alice Smith"},
     "names no mail address",
     "names no mail address"},
    {"unusable address", {.addresses = {"a b@example.com"}}, "names no mail address", "no mail"},
    {"domain as rfc822Name", {.addresses = {"example.com"}}, DOMAIN_REASON, DOMAIN_REASON},
    {"no local part", {.addresses = {"@example.com"}}, DOMAIN_REASON, DOMAIN_REASON},
    {"wildcard", {.addresses = {"*@example.com"}}, DOMAIN_REASON, DOMAIN_REASON},
    {"dNSName only",
     {.common_name = "Mail", .dns_names = {"example.com"}},
     DOMAIN_REASON,
     DOMAIN_REASON},
    {"domain as common name", {.common_name = "mail.example.com"}, DOMAIN_REASON, DOMAIN_REASON},
    {"RFC 3183 confidentiality",
     {.addresses = {"domain-confidentiality-authority@example.com"}},
     DOMAIN_REASON,
     DOMAIN_REASON},
    {"RFC 3183 signing, upper case",
     {.addresses = {"Domain-Signing-Authority@example.com"}},
     DOMAIN_REASON,
     DOMAIN_REASON},
    {"gateway in the subject",
     {.common_name = "Gateway", .email = "smime-gateway@example.com"},
     DOMAIN_REASON,
     DOMAIN_REASON},
    {"gateway as common name beside an address",
     {.common_name = "domain-confidentiality-authority", A_NAME},
     DOMAIN_REASON,
     DOMAIN_REASON},
    {"gateway beside a mailbox",
     {.addresses = {"alice@example.com", "domain-confidentiality-authority@example.com"}},
     DOMAIN_REASON,
     DOMAIN_REASON},
    {"mailbox with a dNSName beside", {A_NAME, .dns_names = {"example.com"}}, NULL, NULL},
    {"mailbox that is called gateway", {.addresses = {"gateway@example.com"}}, NULL, NULL},
    {"mailbox whose common name is a host",
     {.common_name = "mail.example.com", A_NAME},
     NULL,
     NULL},
};

static void ck_use(X509 *certificate, enum cert_use use, const char *name, const char *reason)
{
    char *why = NULL;
    int result = cert_check_use(certificate, use, PKI_NOW, &why);
    ck_assert_msg(result == (reason ? -1 : 0), "%s, %s: %d %s", name,
                  use == CERT_USE_SIGN ? "sign" : "encrypt", result, why_text(&why));
    ck_assert_msg(!reason || strstr(why_text(&why), reason), "%s: says \"%s\", wanted \"%s\"", name,
                  why_text(&why), reason);
    why_free(&why);
    /* Nobody need ask why. */
    ck_assert_int_eq(cert_check_use(certificate, use, PKI_NOW, NULL), result);
}

START_TEST(checks_use)
{
    struct pki pair = pki_make(&use_cases[_i].spec, &ca);
    ck_use(pair.certificate, CERT_USE_SIGN, use_cases[_i].name, use_cases[_i].sign);
    ck_use(pair.certificate, CERT_USE_ENCRYPT, use_cases[_i].name, use_cases[_i].encrypt);
    pki_clear(&pair);
}
END_TEST

static const struct {
    const char *curve;
    const char *reason;
} curve_cases[] = {
    {"brainpoolP256r1", NULL},
    {"brainpoolP384r1", NULL},
    {"secp256k1", "on the curve secp256k1"},
    {"P-224", "on the curve"},
};

START_TEST(checks_curves)
{
    EVP_PKEY *key = EVP_EC_gen(curve_cases[_i].curve);
    ck_assert_ptr_nonnull(key);
    struct pki pair = pki_make(&(struct pki_spec){A_NAME, .use_key = key}, &ca);
    ck_use(pair.certificate, CERT_USE_SIGN, curve_cases[_i].curve, curve_cases[_i].reason);
    ck_use(pair.certificate, CERT_USE_ENCRYPT, curve_cases[_i].curve, curve_cases[_i].reason);
    pki_clear(&pair);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(pss_and_dsa_keys_are_refused)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;
    ck_assert_int_eq(EVP_PKEY_keygen_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    ck_assert_int_eq(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    struct pki pair = pki_make(&(struct pki_spec){A_NAME, .use_key = key}, &ca);
    ck_use(pair.certificate, CERT_USE_SIGN, "RSA-PSS", "id-RSASSA-PSS");
    ck_use(pair.certificate, CERT_USE_ENCRYPT, "RSA-PSS", "id-RSASSA-PSS");
    pki_clear(&pair);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(unknown_critical_extension_is_refused)
{
    struct pki pair = pki_leaf(&ca, "alice@example.com");
    ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ck_assert(object && value &&
              ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2) == 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
    ck_assert_int_eq(X509_add_ext(pair.certificate, extension, -1), 1);
    ck_assert_int_gt(X509_sign(pair.certificate, ca.key, EVP_sha256()), 0);
    ck_use(pair.certificate, CERT_USE_SIGN, "critical", "critical extension");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
    pki_clear(&pair);
}
END_TEST

/* The oracle: the openssl program. */
START_TEST(fingerprint_is_that_of_openssl)
{
    char path[] = "/tmp/smimed-cert-XXXXXX";
    char command[256];
    char line[256] = "";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    struct pki pair = pki_leaf(&ca, "alice@example.com");
    pki_write_certificate(path, pair.certificate);
    snprintf(command, sizeof command,
             "openssl x509 -in %s -outform DER | openssl dgst -sha256 -r | cut -c1-64", path);
    FILE *program = popen(command, "re");
    ck_assert_ptr_nonnull(program);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, program));
    ck_assert_int_eq(pclose(program), 0);
    line[strcspn(line, "\n")] = '\0';
    char *fingerprint = cert_fingerprint(pair.certificate);
    ck_assert_str_eq(fingerprint, line);
    free(fingerprint);
    unlink(path);
    pki_clear(&pair);
}
END_TEST

START_TEST(validity_in_seconds)
{
    /* UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
    time_t far = (time_t)253402300799; /* 9999-12-31 23:59:59 */
    struct pki pair = pki_make(
        &(struct pki_spec){A_NAME, .not_before = (time_t)946684800, .not_after = far}, &ca);
    time_t not_before = 0;
    time_t not_after = 0;
    ck_assert_int_eq(cert_validity(pair.certificate, &not_before, &not_after), 0);
    ck_assert_int_eq(not_before, 946684800);
    ck_assert_int_eq(not_after, far);
    pki_clear(&pair);
}
END_TEST

/* ---- Certificates from elsewhere ---- */

#define JUDGED_AT ((time_t)1780000000) /* May 2026 */

static const struct {
    const char *path;
    time_t now;
    const char *addresses;
    const char *sign;
    const char *encrypt;
} corpus_cases[] = {
    {"derived-pem/comm-central/smime/Alice.crt.pem", JUDGED_AT, "alice@example.com", NULL, NULL},
    {"derived-pem/comm-central/smime/Alice-ec.crt.pem", JUDGED_AT, "alice-ec@example.com", NULL,
     NULL},
    {"derived-pem/comm-central/smime/Fran.crt.pem", JUDGED_AT, "fran@example.com", NULL, NULL},
    {"derived-pem/comm-central-2023/Bob.crt.pem", JUDGED_AT, "bob@example.com", NULL, NULL},
    {"derived-pem/mimekit/ec/smime.crt.pem", JUDGED_AT, "ec@mimekit.net", NULL, NULL},
    {"derived-pem/mimekit/dsa/smime.crt.pem", JUDGED_AT, "dsa@mimekit.net", "neither RSA",
     "neither RSA"},
    {"derived-pem/gmime/smime.crt.pem", JUDGED_AT, "mimekit@example.com", "has expired",
     "has expired"},
    {"derived-pem/rfc9216/alice.crt.pem", JUDGED_AT, "alice@smime.example", "excludes signing",
     NULL},
    {"derived-pem/rfc9216/carlos.crt.pem", JUDGED_AT, "carlos@smime.example", "X25519", "X25519"},
    {"derived-pem/rfc9216/alice.ca.pem", JUDGED_AT, "", "belongs to a CA", "belongs to a CA"},
    {"comm-central/smime/TestCA.pem", JUDGED_AT, NULL, "belongs to a CA", "belongs to a CA"},
    {"mimekit/smec1.pem", (time_t)1600000000, "", "names no mail address", "names no mail address"},
};

START_TEST(judges_certificates_from_elsewhere)
{
    const char *corpus = getenv("SMIMED_CORPUS");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", corpus ? corpus : "../shared/corpus",
             corpus_cases[_i].path);
    FILE *file = fopen(path, "re");
    if (!file) {
        printf("skipped: no %s\n", path);
        return;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    ck_assert_msg(certificate != NULL, "%s holds no certificate", path);
    if (corpus_cases[_i].addresses) {
        ck_addresses(certificate, corpus_cases[_i].addresses);
    }
    const char *reasons[] = {corpus_cases[_i].sign, corpus_cases[_i].encrypt};
    enum cert_use uses[] = {CERT_USE_SIGN, CERT_USE_ENCRYPT};
    for (size_t i = 0; i < 2; i++) {
        char *why = NULL;
        int result = cert_check_use(certificate, uses[i], corpus_cases[_i].now, &why);
        ck_assert_msg(result == (reasons[i] ? -1 : 0), "%s: %s", path, why_text(&why));
        ck_assert_msg(!reasons[i] || strstr(why_text(&why), reasons[i]), "%s: %s", path,
                      why_text(&why));
        why_free(&why);
    }
    X509_free(certificate);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("store/cert_use");
    TCase *tests = tcase_create("cert_use");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, reads_addresses, 0, COUNT(address_cases));
    tcase_add_test(tests, passes_over_nul);
    tcase_add_test(tests, addresses_are_bounded);
    tcase_add_test(tests, repeated_extension_says_nothing);
    tcase_add_loop_test(tests, checks_use, 0, COUNT(use_cases));
    tcase_add_loop_test(tests, checks_curves, 0, COUNT(curve_cases));
    tcase_add_test(tests, pss_and_dsa_keys_are_refused);
    tcase_add_test(tests, unknown_critical_extension_is_refused);
    tcase_add_test(tests, fingerprint_is_that_of_openssl);
    tcase_add_test(tests, validity_in_seconds);
    tcase_add_loop_test(tests, judges_certificates_from_elsewhere, 0, COUNT(corpus_cases));
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
