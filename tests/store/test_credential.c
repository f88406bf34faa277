/* Credentials as files. The files are made by the openssl program, not by us; those of the corpus
 * come from NSS, Windows, BouncyCastle and GnuTLS. */
#include "store_fixture.h"

#include <openssl/pkcs12.h>

#include "credential.h"
#include "password_based.h"

#define PASSWORD "correct horse"

static char directory[64];
static struct pki root;
static struct pki middle;
static struct pki leaf_rsa;
static struct pki leaf_ec;
static char *why;

static const char *in_directory(const char *name)
{
    static char path[2][160];
    static int turn;
    turn = 1 - turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

/* Run the openssl program in the directory. */
static void openssl_run(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && openssl %s >/dev/null 2>err", directory, arguments);
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

static unsigned char *slurp(const char *path, size_t *length_out)
{
    FILE *file = fopen(path, "rbe");
    ck_assert_msg(file != NULL, "no file %s", path);
    unsigned char *bytes = malloc(CREDENTIAL_MAX_BYTES + 2);
    ck_assert_ptr_nonnull(bytes);
    *length_out = fread(bytes, 1, CREDENTIAL_MAX_BYTES + 2, file);
    fclose(file);
    return bytes;
}

static void set_up(void)
{
    snprintf(directory, sizeof directory, "/tmp/smimed-credential-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    root = pki_ca("Root");
    middle = pki_intermediate(&root, "Middle");
    leaf_rsa = pki_leaf_rsa(&middle, "alice@example.com");
    leaf_ec = pki_leaf(&middle, "alice@example.com");
    pki_write_certificate(in_directory("root.pem"), root.certificate);
    pki_write_certificate(in_directory("middle.pem"), middle.certificate);
    pki_write_certificate(in_directory("rsa.pem"), leaf_rsa.certificate);
    pki_write_certificate(in_directory("ec.pem"), leaf_ec.certificate);
    pki_write_key(in_directory("rsa.key"), leaf_rsa.key);
    pki_write_key(in_directory("ec.key"), leaf_ec.key);
    char command[256];
    /* The root first: the order of the file must not matter. */
    snprintf(command, sizeof command, "cd %s && cat root.pem middle.pem > chain.pem", directory);
    ck_assert_int_eq(system(command), 0);
    why = NULL;
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    pki_clear(&root);
    pki_clear(&middle);
    pki_clear(&leaf_rsa);
    pki_clear(&leaf_ec);
    why_free(&why);
}

#define ck_says(part)                                                                              \
    ck_assert_msg(strstr(why_text(&why), part), "says \"%s\", wanted \"%s\"", why_text(&why), part)

/* ---- PKCS#12 ---- */

static enum credential_status read_p12(const char *path, const char *password, EVP_PKEY **key,
                                       X509 **certificate, STACK_OF(X509) * *chain)
{
    size_t length = 0;
    unsigned char *bytes = slurp(path, &length);
    enum credential_status status =
        credential_read_pkcs12(bytes, length, password, key, certificate, chain, &why);
    free(bytes);
    ck_assert(status == CREDENTIAL_OK || (!*key && !*certificate && !*chain));
    return status;
}

static enum credential_status try_p12(const char *path, const char *password)
{
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    enum credential_status status = read_p12(path, password, &key, &certificate, &chain);
    EVP_PKEY_free(key);
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    return status;
}

static const struct {
    const char *name;
    const char *arguments; /* of openssl pkcs12 -export */
    const char *password;
    const char *wrong; /* NULL: the file has no encryption that could tell */
} p12_kinds[] = {
    {"modern", "", PASSWORD, "wrong"},
    {"legacy RC2 and 3DES", "-legacy", PASSWORD, "wrong"},
    {"RC2 for the key too", "-legacy -keypbe PBE-SHA1-RC2-40 -certpbe PBE-SHA1-RC2-40", PASSWORD,
     "wrong"},
    {"RC4", "-legacy -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-128", PASSWORD, "wrong"},
    {"3DES", "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", PASSWORD, "wrong"},
    {"AES-128, SHA-512", "-keypbe AES-128-CBC -certpbe AES-128-CBC -macalg sha512", PASSWORD,
     "wrong"},
    {"certificates in the clear", "-certpbe NONE", PASSWORD, "wrong"},
    {"no MAC", "-nomac", PASSWORD, "wrong"},
    {"no MAC, legacy", "-nomac -legacy", PASSWORD, "wrong"},
    {"empty password", "", "", "wrong"},
    {"password beyond ASCII", "", "p\xc3\xa4ssw\xc3\xb6rt \xe2\x82\xac", "passwort"},
    {"nothing encrypted", "-keypbe NONE -certpbe NONE -nomac", "", NULL},
};

START_TEST(reads_pkcs12)
{
    char arguments[512];
    snprintf(arguments, sizeof arguments,
             "pkcs12 -export -inkey rsa.key -in rsa.pem -certfile chain.pem -out a.p12"
             " -passout 'pass:%s' %s",
             p12_kinds[_i].password, p12_kinds[_i].arguments);
    openssl_run(arguments);
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    enum credential_status status =
        read_p12(in_directory("a.p12"), p12_kinds[_i].password, &key, &certificate, &chain);
    ck_assert_msg(status == CREDENTIAL_OK, "%s: %s", p12_kinds[_i].name, why_text(&why));
    ck_assert_int_eq(EVP_PKEY_eq(key, leaf_rsa.key), 1);
    ck_assert_int_eq(X509_cmp(certificate, leaf_rsa.certificate), 0);
    ck_assert_int_eq(sk_X509_num(chain), 2);
    ck_assert_int_eq(X509_cmp(sk_X509_value(chain, 0), middle.certificate), 0);
    ck_assert_int_eq(X509_cmp(sk_X509_value(chain, 1), root.certificate), 0);
    EVP_PKEY_free(key);
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    if (p12_kinds[_i].wrong) {
        ck_assert_int_eq(try_p12(in_directory("a.p12"), p12_kinds[_i].wrong), CREDENTIAL_PASSWORD);
        ck_says("the password of the PKCS#12 file is wrong");
        bool empty = p12_kinds[_i].password[0] == '\0';
        ck_assert_int_eq(try_p12(in_directory("a.p12"), NULL),
                         empty ? CREDENTIAL_OK : CREDENTIAL_PASSWORD);
        if (!empty) {
            ck_says("a password is needed");
        }
    }
}
END_TEST

START_TEST(pkcs12_without_key_or_with_two)
{
    openssl_run("pkcs12 -export -nokeys -in rsa.pem -out a.p12 -passout 'pass:" PASSWORD "'");
    ck_assert_int_eq(try_p12(in_directory("a.p12"), PASSWORD), CREDENTIAL_REFUSED);
    ck_says("holds no private key");

    openssl_run("pkcs12 -export -inkey rsa.key -in rsa.pem -out a.p12 -passout 'pass:" PASSWORD
                "' -macalg sha256 -iter 1000");
    /* Somebody else's certificate. */
    openssl_run("pkcs12 -export -inkey ec.key -in ec.pem -out b.p12 -passout 'pass:" PASSWORD "'");
    ck_assert_int_eq(try_p12(in_directory("b.p12"), PASSWORD), CREDENTIAL_OK);
}
END_TEST

/* Written with the low-level API: the program refuses to make these. */
static void write_p12(const char *path, EVP_PKEY *const *keys, int key_count, int iterations,
                      int mac_iterations)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    STACK_OF(PKCS7) *safes = NULL;
    for (int i = 0; i < key_count; i++) {
        ck_assert_ptr_nonnull(PKCS12_add_key(&bags, keys[i], 0, iterations,
                                             NID_pbe_WithSHA1And3_Key_TripleDES_CBC, PASSWORD));
    }
    ck_assert_ptr_nonnull(PKCS12_add_cert(&bags, leaf_rsa.certificate));
    ck_assert_int_eq(PKCS12_add_safe(&safes, bags, -1, 0, NULL), 1);
    PKCS12 *file = PKCS12_add_safes(safes, 0);
    ck_assert_ptr_nonnull(file);
    if (mac_iterations > 0) {
        ck_assert_int_eq(PKCS12_set_mac(file, PASSWORD, -1, NULL, 0, mac_iterations, EVP_sha256()),
                         1);
    }
    FILE *out = fopen(path, "wbe");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(i2d_PKCS12_fp(out, file), 1);
    ck_assert_int_eq(fclose(out), 0);
    PKCS12_free(file);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

START_TEST(pkcs12_with_two_keys)
{
    EVP_PKEY *keys[] = {leaf_rsa.key, leaf_ec.key};
    write_p12(in_directory("two.p12"), keys, 2, 1000, 1000);
    ck_assert_int_eq(try_p12(in_directory("two.p12"), PASSWORD), CREDENTIAL_REFUSED);
    ck_says("holds 2 private keys");
    write_p12(in_directory("other.p12"), keys + 1, 1, 1000, 1000);
    ck_assert_int_eq(try_p12(in_directory("other.p12"), PASSWORD), CREDENTIAL_REFUSED);
    ck_says("none of the certificates belongs to the private key");
}
END_TEST

/* The count in the file is raised after it was made: nobody can make one that long. */
static void raise_iterations(const char *path)
{
    size_t length = 0;
    unsigned char *bytes = slurp(path, &length);
    const unsigned char marker[] = {0x02, 0x03, 0x01, 0x00, 0x01}; /* INTEGER 65537 */
    unsigned char *found = memmem(bytes, length, marker, sizeof marker);
    int raised = 0;
    while (found) {
        memset(found + 2, 0x7f, 3);
        raised++;
        found = memmem(bytes, length, marker, sizeof marker);
    }
    ck_assert_int_gt(raised, 0);
    FILE *out = fopen(path, "wbe");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, length, out), length);
    ck_assert_int_eq(fclose(out), 0);
    free(bytes);
}

START_TEST(key_derivation_is_bounded)
{
    /* An EC key holds no 65537 of its own, unlike an RSA one. */
    write_p12(in_directory("mac.p12"), &leaf_ec.key, 1, 1000, 65537);
    raise_iterations(in_directory("mac.p12"));
    ck_assert_int_eq(try_p12(in_directory("mac.p12"), PASSWORD), CREDENTIAL_REFUSED);
    ck_says("iterations of key derivation");

    write_p12(in_directory("bag.p12"), &leaf_ec.key, 1, 65537, 0);
    raise_iterations(in_directory("bag.p12"));
    ck_assert_int_eq(try_p12(in_directory("bag.p12"), PASSWORD), CREDENTIAL_REFUSED);
    ck_says("iterations of key derivation");

    openssl_run(
        "pkcs8 -topk8 -in ec.key -outform DER -out long.p8 -iter 65537 -passout 'pass:" PASSWORD
        "'");
    raise_iterations(in_directory("long.p8"));
    size_t length = 0;
    unsigned char *bytes = slurp(in_directory("long.p8"), &length);
    EVP_PKEY *key = NULL;
    ck_assert_int_eq(private_key_read(bytes, length, PASSWORD, &key, &why), CREDENTIAL_REFUSED);
    ck_says("iterations of key derivation");
    free(bytes);
}
END_TEST

START_TEST(damaged_pkcs12)
{
    openssl_run("pkcs12 -export -inkey ec.key -in ec.pem -out a.p12 -passout 'pass:" PASSWORD
                "' -iter 10 -maciter");
    size_t length = 0;
    unsigned char *bytes = slurp(in_directory("a.p12"), &length);
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    /* Truncated anywhere: refused or a wrong password, never accepted. */
    for (size_t cut = 0; cut < length; cut += 7) {
        enum credential_status status =
            credential_read_pkcs12(bytes, cut, PASSWORD, &key, &certificate, &chain, &why);
        ck_assert_msg(status == CREDENTIAL_REFUSED || status == CREDENTIAL_PASSWORD,
                      "cut at %zu: %d", cut, status);
    }
    /* Something after the end. */
    bytes[length] = 0;
    ck_assert_int_eq(
        credential_read_pkcs12(bytes, length + 1, PASSWORD, &key, &certificate, &chain, &why),
        CREDENTIAL_REFUSED);
    free(bytes);
    ck_says("not a PKCS#12 file");
    unsigned char *large = calloc(1, CREDENTIAL_MAX_BYTES + 1);
    ck_assert_ptr_nonnull(large);
    ck_assert_int_eq(credential_read_pkcs12(large, CREDENTIAL_MAX_BYTES + 1, PASSWORD, &key,
                                            &certificate, &chain, &why),
                     CREDENTIAL_REFUSED);
    ck_says("more than");
    ck_assert_int_eq(private_key_read(large, CREDENTIAL_MAX_BYTES + 1, NULL, &key, &why),
                     CREDENTIAL_REFUSED);
    ck_assert_int_eq(certificates_read(large, CREDENTIAL_MAX_BYTES + 1, &chain, &why),
                     CREDENTIAL_REFUSED);
    free(large);
}
END_TEST

/* ---- Private keys ---- */

static const struct {
    const char *name;
    const char *make; /* writes "key" */
    bool encrypted;
    bool rsa;
} key_kinds[] = {
    {"PKCS#8 PEM", "pkcs8 -topk8 -nocrypt -in rsa.key -out key", false, true},
    {"PKCS#8 DER", "pkcs8 -topk8 -nocrypt -in rsa.key -outform DER -out key", false, true},
    {"encrypted PKCS#8 PEM", "pkcs8 -topk8 -in rsa.key -out key -passout 'pass:" PASSWORD "'", true,
     true},
    {"encrypted PKCS#8 DER",
     "pkcs8 -topk8 -in ec.key -outform DER -out key -passout 'pass:" PASSWORD "'", true, false},
    {"scrypt", "pkcs8 -topk8 -scrypt -in ec.key -out key -passout 'pass:" PASSWORD "'", true,
     false},
    {"3DES PKCS#8",
     "pkcs8 -topk8 -v1 PBE-SHA1-3DES -in ec.key -out key -passout 'pass:" PASSWORD "'", true,
     false},
    {"RC2 PKCS#8",
     "pkcs8 -topk8 -v1 PBE-SHA1-RC2-40 -provider legacy -provider default -in ec.key -out key"
     " -passout 'pass:" PASSWORD "'",
     true, false},
    {"traditional RSA", "rsa -traditional -in rsa.key -out key", false, true},
    {"traditional RSA, encrypted",
     "rsa -traditional -aes256 -in rsa.key -out key -passout 'pass:" PASSWORD "'", true, true},
    {"traditional RSA DER", "rsa -traditional -in rsa.key -outform DER -out key", false, true},
    {"traditional EC", "ec -in ec.key -out key", false, false},
    {"traditional EC, encrypted", "ec -aes128 -in ec.key -out key -passout 'pass:" PASSWORD "'",
     true, false},
    {"traditional EC DER", "ec -in ec.key -outform DER -out key", false, false},
};

START_TEST(reads_private_keys)
{
    openssl_run(key_kinds[_i].make);
    size_t length = 0;
    unsigned char *bytes = slurp(in_directory("key"), &length);
    EVP_PKEY *key = NULL;
    enum credential_status status = private_key_read(bytes, length, PASSWORD, &key, &why);
    ck_assert_msg(status == CREDENTIAL_OK, "%s: %s", key_kinds[_i].name, why_text(&why));
    ck_assert_int_eq(EVP_PKEY_eq(key, key_kinds[_i].rsa ? leaf_rsa.key : leaf_ec.key), 1);
    EVP_PKEY_free(key);
    key = NULL;
    const char *others[] = {"wrong", "", NULL};
    for (size_t i = 0; i < 3; i++) {
        status = private_key_read(bytes, length, others[i], &key, &why);
        ck_assert_msg(status == (key_kinds[_i].encrypted ? CREDENTIAL_PASSWORD : CREDENTIAL_OK),
                      "%s: %d %s", key_kinds[_i].name, status, why_text(&why));
        if (key_kinds[_i].encrypted) {
            ck_assert_ptr_null(key);
            ck_says(others[i] ? "the password of the private key is wrong"
                              : "a password is needed");
        }
        EVP_PKEY_free(key);
        key = NULL;
    }
    free(bytes);
}
END_TEST

static const struct {
    const char *name;
    const char *text;
    const char *reason;
} bad_keys[] = {
    {"empty", "", "holds no private key"},
    {"noise", "hello", "holds no private key"},
    {"no key in PEM", "-----BEGIN X-----\nAAAA\n-----END X-----\n", "holds no private key"},
    {"malformed", "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n",
     "malformed"},
    {"malformed, encrypted",
     "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAMCAQA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
     "malformed"},
    {"cut", "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n", "damaged PEM"},
};

START_TEST(refuses_bad_keys)
{
    EVP_PKEY *key = NULL;
    const char *text = bad_keys[_i].text;
    ck_assert_int_eq(private_key_read((const unsigned char *)text, strlen(text), NULL, &key, &why),
                     CREDENTIAL_REFUSED);
    ck_assert_ptr_null(key);
    ck_says(bad_keys[_i].reason);
}
END_TEST

START_TEST(key_beside_certificates)
{
    char command[256];
    size_t length = 0;
    EVP_PKEY *key = NULL;
    STACK_OF(X509) *all = NULL;
    snprintf(command, sizeof command,
             "cd %s && (echo Some text; cat root.pem rsa.key middle.pem rsa.pem) > both.pem",
             directory);
    ck_assert_int_eq(system(command), 0);
    unsigned char *bytes = slurp(in_directory("both.pem"), &length);
    ck_assert_int_eq(private_key_read(bytes, length, NULL, &key, &why), CREDENTIAL_OK);
    ck_assert_int_eq(certificates_read(bytes, length, &all, &why), CREDENTIAL_OK);
    free(bytes);
    ck_assert_int_eq(sk_X509_num(all), 3);

    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    ck_assert_int_eq(certificates_split(all, key, &certificate, &chain, &why), CREDENTIAL_OK);
    ck_assert_int_eq(X509_cmp(certificate, leaf_rsa.certificate), 0);
    ck_assert_int_eq(sk_X509_num(chain), 2);
    ck_assert_int_eq(X509_cmp(sk_X509_value(chain, 0), middle.certificate), 0);
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    ck_assert_int_eq(certificates_split(all, leaf_ec.key, &certificate, &chain, &why),
                     CREDENTIAL_REFUSED);
    ck_says("none of the certificates belongs to the private key");
    ck_assert_ptr_null(certificate);
    ck_assert_ptr_null(chain);
    sk_X509_pop_free(all, X509_free);
    EVP_PKEY_free(key);

    snprintf(command, sizeof command, "cd %s && cat rsa.key ec.key > keys.pem", directory);
    ck_assert_int_eq(system(command), 0);
    bytes = slurp(in_directory("keys.pem"), &length);
    key = NULL;
    ck_assert_int_eq(private_key_read(bytes, length, NULL, &key, &why), CREDENTIAL_REFUSED);
    ck_assert_ptr_null(key);
    ck_says("more than one private key");
    free(bytes);
}
END_TEST

START_TEST(renewed_certificate_is_preferred)
{
    struct pki former = pki_make(&(struct pki_spec){.addresses = {"alice@example.com"},
                                                    .use_key = leaf_ec.key,
                                                    .not_after = PKI_NOW + PKI_DAY},
                                 &middle);
    struct pki renewed = pki_make(&(struct pki_spec){.addresses = {"alice@example.com"},
                                                     .use_key = leaf_ec.key,
                                                     .not_after = PKI_NOW + 99 * PKI_YEAR},
                                  &middle);
    X509 *orders[][3] = {{former.certificate, renewed.certificate, leaf_ec.certificate},
                         {renewed.certificate, leaf_ec.certificate, former.certificate}};
    for (size_t i = 0; i < 2; i++) {
        X509 *certificate = NULL;
        STACK_OF(X509) *chain = NULL;
        STACK_OF(X509) *all = pki_chain(orders[i], 3);
        ck_assert_int_eq(certificates_split(all, leaf_ec.key, &certificate, &chain, &why),
                         CREDENTIAL_OK);
        ck_assert_int_eq(X509_cmp(certificate, renewed.certificate), 0);
        X509_free(certificate);
        sk_X509_pop_free(chain, X509_free);
        sk_X509_pop_free(all, X509_free);
    }
    pki_clear(&former);
    pki_clear(&renewed);
}
END_TEST

/* ---- Certificates ---- */

static const struct {
    const char *name;
    const char *make; /* writes "out" */
    int count;
} certificate_kinds[] = {
    {"PEM", "x509 -in rsa.pem -out out", 1},
    {"PEM with text", "x509 -in rsa.pem -text -out out", 1},
    {"DER", "x509 -in rsa.pem -outform DER -out out", 1},
    {"trusted", "x509 -in rsa.pem -trustout -addtrust emailProtection -out out", 1},
    {"PKCS#7 PEM", "crl2pkcs7 -nocrl -certfile chain.pem -out out", 2},
    {"PKCS#7 DER", "crl2pkcs7 -nocrl -certfile chain.pem -outform DER -out out", 2},
};

START_TEST(reads_certificates)
{
    openssl_run(certificate_kinds[_i].make);
    size_t length = 0;
    STACK_OF(X509) *list = NULL;
    unsigned char *bytes = slurp(in_directory("out"), &length);
    ck_assert_int_eq(certificates_read(bytes, length, &list, &why), CREDENTIAL_OK);
    ck_assert_int_eq(sk_X509_num(list), certificate_kinds[_i].count);
    X509 *wanted = certificate_kinds[_i].count == 1 ? leaf_rsa.certificate : root.certificate;
    bool found = false;
    for (int i = 0; i < sk_X509_num(list); i++) {
        found = found || X509_cmp(sk_X509_value(list, i), wanted) == 0;
    }
    ck_assert(found);
    sk_X509_pop_free(list, X509_free);
    free(bytes);
}
END_TEST

START_TEST(refuses_what_is_no_certificate)
{
    STACK_OF(X509) *list = NULL;
    const char *texts[] = {"", "hello",
                           "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n",
                           "-----BEGIN PKCS7-----\nMAMCAQA=\n-----END PKCS7-----\n",
                           "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n"};
    ck_assert_int_eq(
        certificates_read((const unsigned char *)texts[_i], strlen(texts[_i]), &list, &why),
        CREDENTIAL_REFUSED);
    ck_assert_ptr_null(list);
    ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(certificates_are_counted)
{
    size_t length = 0;
    STACK_OF(X509) *list = NULL;
    unsigned char *one = slurp(in_directory("ec.pem"), &length);
    unsigned char *many = malloc(length * 257);
    ck_assert_ptr_nonnull(many);
    for (size_t i = 0; i < 257; i++) {
        memcpy(many + i * length, one, length);
    }
    ck_assert_int_eq(certificates_read(many, length * 256, &list, &why), CREDENTIAL_OK);
    ck_assert_int_eq(sk_X509_num(list), 256);
    sk_X509_pop_free(list, X509_free);
    ck_assert_int_eq(certificates_read(many, length * 257, &list, &why), CREDENTIAL_REFUSED);
    ck_says("more than 256 certificates");
    free(one);
    free(many);
}
END_TEST

/* ---- What others made ---- */

static const struct {
    const char *path;
    const char *password;
} corpus_files[] = {
    {"comm-central/smime/Alice.p12", "nss"},     {"comm-central/smime/Bob.p12", "nss"},
    {"comm-central/smime/Alice-ec.p12", "nss"},  {"comm-central/smime/Fran-ec.p12", "nss"},
    {"comm-central-2023/Dave.p12", "nss"},       {"gmime/smime.p12", "no.secret"},
    {"mimekit/rsa/smime.pfx", "no.secret"},      {"mimekit/ec/smime.pfx", "no.secret"},
    {"mimekit/dnsnames/smime.pfx", "no.secret"},
};

START_TEST(reads_what_others_made)
{
    const char *corpus = getenv("SMIMED_CORPUS");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", corpus ? corpus : "../shared/corpus",
             corpus_files[_i].path);
    if (access(path, R_OK) != 0) {
        printf("skipped: no %s\n", path);
        return;
    }
    enum credential_status status = try_p12(path, corpus_files[_i].password);
    ck_assert_msg(status == CREDENTIAL_OK, "%s: %s", path, why_text(&why));
    ck_assert_int_eq(try_p12(path, "wrong"), CREDENTIAL_PASSWORD);
}
END_TEST

START_TEST(legacy_algorithms_stay_inside)
{
    struct legacy_context *legacy = legacy_context_new();
    ck_assert_ptr_nonnull(legacy);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(legacy_context_get(legacy), "RC2-40-CBC", NULL);
    ck_assert_ptr_nonnull(cipher);
    EVP_CIPHER_free(cipher);
    ck_assert_ptr_null(EVP_CIPHER_fetch(NULL, "RC2-40-CBC", NULL));
    legacy_context_free(&legacy);
    ck_assert_ptr_null(legacy);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("store/credential");
    TCase *tests = tcase_create("credential");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, reads_pkcs12, 0, COUNT(p12_kinds));
    tcase_add_test(tests, pkcs12_without_key_or_with_two);
    tcase_add_test(tests, pkcs12_with_two_keys);
    tcase_add_test(tests, key_derivation_is_bounded);
    tcase_add_test(tests, damaged_pkcs12);
    tcase_add_loop_test(tests, reads_private_keys, 0, COUNT(key_kinds));
    tcase_add_loop_test(tests, refuses_bad_keys, 0, COUNT(bad_keys));
    tcase_add_test(tests, key_beside_certificates);
    tcase_add_test(tests, renewed_certificate_is_preferred);
    tcase_add_loop_test(tests, reads_certificates, 0, COUNT(certificate_kinds));
    tcase_add_loop_test(tests, refuses_what_is_no_certificate, 0, 5);
    tcase_add_test(tests, certificates_are_counted);
    tcase_add_loop_test(tests, reads_what_others_made, 0, COUNT(corpus_files));
    tcase_add_test(tests, legacy_algorithms_stay_inside);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
