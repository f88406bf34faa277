/* Reading PKCS#12 files (RFC 7292).
 *
 * PKCS12_parse() takes the first of several keys, cannot tell a wrong password from an algorithm it
 * does not know, and derives keys however long the file asks for; so the bags are walked here, with
 * OpenSSL's functions for each. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "credential.h"
#include "password_based.h"
#include "why.h"

#define MAX_NESTING 4 /* of bags of bags */
#define MAX_KEYS 16

struct contents {
    EVP_PKEY *keys[MAX_KEYS];
    size_t key_count;
    STACK_OF(X509) * certificates;
};

struct reading {
    PKCS12 *file;
    const char *password; /* as it worked for the MAC */
    int password_length;
    bool verified; /* the MAC says that the password is right */
    OSSL_LIB_CTX *context;
    bool have_legacy;
    struct kdf_budget budget;
    bool unsupported; /* out: an algorithm is not known in `context` */
    char **why;
    struct contents contents;
};

static void contents_clear(struct contents *contents)
{
    for (size_t i = 0; i < contents->key_count; i++) {
        EVP_PKEY_free(contents->keys[i]);
    }
    sk_X509_pop_free(contents->certificates, X509_free);
    *contents = (struct contents){.key_count = 0};
}

static enum credential_status no_memory(char **why)
{
    why_set(why, "out of memory");
    return CREDENTIAL_ERROR;
}

static enum credential_status malformed(char **why)
{
    ERR_clear_error();
    why_set(why, "the PKCS#12 file is malformed");
    return CREDENTIAL_REFUSED;
}

static enum credential_status too_dear(char **why)
{
    why_set(why, "the PKCS#12 file asks for more than %d iterations of key derivation",
            CREDENTIAL_MAX_KDF_ITERATIONS);
    return CREDENTIAL_REFUSED;
}

static enum credential_status wrong_password(const char *password, char **why)
{
    if (!password || !*password) {
        why_set(why, "the PKCS#12 file is encrypted: a password is needed");
    } else {
        why_set(why, "the password of the PKCS#12 file is wrong");
    }
    return CREDENTIAL_PASSWORD;
}

/* What a failed decryption means. */
static enum credential_status decryption_failed(struct reading *reading,
                                                const X509_ALGOR *algorithm)
{
    char name[80];
    bool unsupported = errors_say_unsupported();
    if (!unsupported && !reading->verified) {
        return wrong_password(reading->password, reading->why);
    }
    reading->unsupported = unsupported;
    why_set(reading->why,
            "the PKCS#12 file holds something encrypted with %s, which cannot be read%s",
            algorithm_name(algorithm, name, sizeof name),
            !unsupported           ? ": the data are damaged"
            : reading->have_legacy ? ""
                                   : " (OpenSSL's legacy provider is not installed)");
    return CREDENTIAL_REFUSED;
}

/* ---- Bags ---- */

static enum credential_status add_key(struct reading *reading, const PKCS8_PRIV_KEY_INFO *plain)
{
    if (reading->contents.key_count == MAX_KEYS) {
        why_set(reading->why, "the PKCS#12 file holds more than %d private keys", MAX_KEYS);
        return CREDENTIAL_REFUSED;
    }
    EVP_PKEY *key = EVP_PKCS82PKEY(plain);
    if (!key) {
        ERR_clear_error();
        why_set(reading->why,
                "the private key in the PKCS#12 file is of a kind that cannot be read");
        return CREDENTIAL_REFUSED;
    }
    reading->contents.keys[reading->contents.key_count++] = key;
    return CREDENTIAL_OK;
}

static enum credential_status read_shrouded_key(struct reading *reading, const PKCS12_SAFEBAG *bag)
{
    const X509_ALGOR *algorithm = NULL;
    const X509_SIG *shrouded = PKCS12_SAFEBAG_get0_pkcs8(bag);
    if (!shrouded) {
        return malformed(reading->why);
    }
    X509_SIG_get0(shrouded, &algorithm, NULL);
    if (kdf_budget_take(&reading->budget, algorithm) != 0) {
        return too_dear(reading->why);
    }
    ERR_clear_error();
    PKCS8_PRIV_KEY_INFO *plain = PKCS12_decrypt_skey_ex(
        bag, reading->password, reading->password_length, reading->context, NULL);
    if (!plain) {
        return decryption_failed(reading, algorithm);
    }
    enum credential_status status = add_key(reading, plain);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return status;
}

static enum credential_status read_certificate(struct reading *reading, PKCS12_SAFEBAG *bag)
{
    STACK_OF(X509) *certificates = reading->contents.certificates;
    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) {
        return CREDENTIAL_OK; /* an SDSI certificate */
    }
    if (sk_X509_num(certificates) >= CREDENTIAL_MAX_CERTIFICATES) {
        why_set(reading->why, "the PKCS#12 file holds more than %d certificates",
                CREDENTIAL_MAX_CERTIFICATES);
        return CREDENTIAL_REFUSED;
    }
    X509 *certificate = PKCS12_SAFEBAG_get1_cert(bag);
    if (!certificate) {
        return malformed(reading->why);
    }
    if (sk_X509_push(certificates, certificate) <= 0) {
        X509_free(certificate);
        return no_memory(reading->why);
    }
    return CREDENTIAL_OK;
}

static enum credential_status read_bags(struct reading *reading,
                                        const STACK_OF(PKCS12_SAFEBAG) * bags, int nesting)
{
    enum credential_status status = CREDENTIAL_OK;
    if (nesting > MAX_NESTING) {
        return malformed(reading->why);
    }
    for (int i = 0; status == CREDENTIAL_OK && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        switch (PKCS12_SAFEBAG_get_nid(bag)) {
        case NID_keyBag:
            status = add_key(reading, PKCS12_SAFEBAG_get0_p8inf(bag));
            break;
        case NID_pkcs8ShroudedKeyBag:
            status = read_shrouded_key(reading, bag);
            break;
        case NID_certBag:
            status = read_certificate(reading, bag);
            break;
        case NID_safeContentsBag:
            status = read_bags(reading, PKCS12_SAFEBAG_get0_safes(bag), nesting + 1);
            break;
        default: /* CRLs, secrets: not asked for */
            break;
        }
    }
    return status;
}

static enum credential_status read_safe(struct reading *reading, PKCS7 *safe)
{
    const X509_ALGOR *algorithm = NULL;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    ERR_clear_error();
    if (PKCS7_type_is_data(safe)) {
        bags = PKCS12_unpack_p7data(safe);
    } else if (PKCS7_type_is_encrypted(safe) && safe->d.encrypted) {
        algorithm = safe->d.encrypted->enc_data->algorithm;
        if (kdf_budget_take(&reading->budget, algorithm) != 0) {
            return too_dear(reading->why);
        }
        bags = PKCS12_unpack_p7encdata(safe, reading->password, reading->password_length);
    } else {
        why_set(reading->why,
                "the PKCS#12 file is encrypted for a certificate, not with a password");
        return CREDENTIAL_REFUSED;
    }
    if (!bags) {
        return algorithm ? decryption_failed(reading, algorithm) : malformed(reading->why);
    }
    enum credential_status status = read_bags(reading, bags, 0);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return status;
}

/* ---- The file ---- */

/* Without a password two encodings are in use: none at all, and an empty string. */
static enum credential_status verify(struct reading *reading, const char *password)
{
    const ASN1_INTEGER *iterations = NULL;
    const X509_ALGOR *algorithm = NULL;
    char name[80];
    int64_t count = 1;

    reading->password = password;
    reading->password_length = password ? (int)strlen(password) : 0;
    if (!PKCS12_mac_present(reading->file)) {
        return CREDENTIAL_OK;
    }
    PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, reading->file);
    if (iterations && ASN1_INTEGER_get_int64(&count, iterations) != 1) {
        return too_dear(reading->why);
    }
    if (!EVP_get_digestbyobj(algorithm->algorithm)) {
        why_set(reading->why, "the PKCS#12 file is protected with %s, which cannot be checked",
                algorithm_name(algorithm, name, sizeof name));
        return CREDENTIAL_REFUSED;
    }
    bool twice = !password || !*password;
    if (kdf_budget_take_iterations(&reading->budget, twice ? 2 * count : count) != 0 ||
        count > CREDENTIAL_MAX_KDF_ITERATIONS) {
        return too_dear(reading->why);
    }
    if (twice && PKCS12_verify_mac(reading->file, NULL, 0) == 1) {
        reading->password = NULL;
        reading->password_length = 0;
    } else if (PKCS12_verify_mac(reading->file, twice ? "" : password, reading->password_length) ==
               1) {
        reading->password = twice ? "" : password;
    } else {
        ERR_clear_error();
        return wrong_password(password, reading->why);
    }
    reading->verified = true;
    return CREDENTIAL_OK;
}

/* The context must be known before decoding: it hangs on the PKCS#7 structures inside. */
static PKCS12 *decode(const unsigned char *bytes, size_t length, OSSL_LIB_CTX *context)
{
    PKCS12 *file = PKCS12_init_ex(NID_pkcs7_data, context, NULL);
    const unsigned char *at = bytes;
    if (file && !d2i_PKCS12(&file, &at, (long)length)) {
        return NULL; /* d2i has released it */
    }
    if (file && at != bytes + length) {
        PKCS12_free(file);
        return NULL;
    }
    return file;
}

static enum credential_status read_file(struct reading *reading, const unsigned char *bytes,
                                        size_t length, const char *password)
{
    STACK_OF(PKCS7) *safes = NULL;
    kdf_budget_init(&reading->budget);
    reading->contents.certificates = sk_X509_new_null();
    if (!reading->contents.certificates) {
        return no_memory(reading->why);
    }
    reading->file = decode(bytes, length, reading->context);
    if (!reading->file) {
        ERR_clear_error();
        why_set(reading->why, "this is not a PKCS#12 file");
        return CREDENTIAL_REFUSED;
    }
    enum credential_status status = verify(reading, password);
    if (status == CREDENTIAL_OK) {
        safes = PKCS12_unpack_authsafes(reading->file);
        status = safes ? CREDENTIAL_OK : malformed(reading->why);
    }
    for (int i = 0; status == CREDENTIAL_OK && i < sk_PKCS7_num(safes); i++) {
        status = read_safe(reading, sk_PKCS7_value(safes, i));
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    PKCS12_free(reading->file);
    reading->file = NULL;
    return status;
}

static enum credential_status pick(const struct contents *contents, EVP_PKEY **key_out,
                                   X509 **certificate_out, STACK_OF(X509) * *chain_out, char **why)
{
    if (contents->key_count == 0) {
        why_set(why, "the PKCS#12 file holds no private key");
        return CREDENTIAL_REFUSED;
    }
    if (contents->key_count > 1) {
        why_set(why, "the PKCS#12 file holds %zu private keys: hand them over one by one",
                contents->key_count);
        return CREDENTIAL_REFUSED;
    }
    enum credential_status status = certificates_split(contents->certificates, contents->keys[0],
                                                       certificate_out, chain_out, why);
    if (status == CREDENTIAL_OK) {
        EVP_PKEY_up_ref(contents->keys[0]);
        *key_out = contents->keys[0];
    }
    return status;
}

enum credential_status credential_read_pkcs12(const unsigned char *bytes, size_t length,
                                              const char *password, EVP_PKEY **key_out,
                                              X509 **certificate_out, STACK_OF(X509) * *chain_out,
                                              char **why)
{
    struct legacy_context *legacy = NULL;
    *key_out = NULL;
    *certificate_out = NULL;
    *chain_out = NULL;
    if (length > CREDENTIAL_MAX_BYTES) {
        why_set(why, "the file has more than %d bytes", CREDENTIAL_MAX_BYTES);
        return CREDENTIAL_REFUSED;
    }
    if (password && strlen(password) > CREDENTIAL_MAX_PASSWORD_BYTES) {
        why_set(why, "the password has more than %d bytes", CREDENTIAL_MAX_PASSWORD_BYTES);
        return CREDENTIAL_PASSWORD;
    }
    struct reading reading = {.why = why, .have_legacy = true};
    enum credential_status status = read_file(&reading, bytes, length, password);
    if (status == CREDENTIAL_REFUSED && reading.unsupported) {
        legacy = legacy_context_new();
        reading.have_legacy = legacy != NULL;
        reading.context = legacy_context_get(legacy);
        reading.unsupported = false;
        contents_clear(&reading.contents);
        status = read_file(&reading, bytes, length, password);
    }
    if (status == CREDENTIAL_OK) {
        status = pick(&reading.contents, key_out, certificate_out, chain_out, why);
    }
    contents_clear(&reading.contents);
    legacy_context_free(&legacy);
    ERR_clear_error();
    return status;
}
