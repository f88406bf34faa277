/* Making keys and certification requests. */
#include "csr.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "why.h"

#define MAX_COMMON_NAME_BYTES 64                  /* ub-common-name, RFC 5280 appendix A.1 */
#define SMTP_UTF8_MAILBOX_OID "1.3.6.1.5.5.7.8.9" /* id-on-SmtpUTF8Mailbox, RFC 9598 */

static const struct key_kind {
    const char *name;
    unsigned bits;     /* of RSA */
    const char *curve; /* of EC */
} key_kinds[] = {
    {"rsa:2048", 2048, NULL}, {"rsa:3072", 3072, NULL}, {"rsa:4096", 4096, NULL},
    {"ec:P-256", 0, "P-256"}, {"ec:P-384", 0, "P-384"},
};

enum store_status new_key_make(const char *kind, EVP_PKEY **key_out, char **why)
{
    const struct key_kind *found = NULL;
    *key_out = NULL;
    for (size_t i = 0; i < sizeof key_kinds / sizeof *key_kinds; i++) {
        if (strcasecmp(key_kinds[i].name, kind) == 0) {
            found = &key_kinds[i];
        }
    }
    if (!found) {
        why_set(why,
                "\"%s\" is no kind of key; there are rsa:2048, rsa:3072, rsa:4096, ec:P-256 and "
                "ec:P-384",
                kind);
        return STORE_REFUSED;
    }
    *key_out = found->curve ? EVP_EC_gen(found->curve) : EVP_RSA_gen(found->bits);
    if (!*key_out) {
        ERR_clear_error();
        why_set(why, "OpenSSL cannot make a key");
        return STORE_ERROR;
    }
    return STORE_OK;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text > 0x7f) {
            return false;
        }
    }
    return true;
}

/* ---- Names ---- */

static int set_rfc822_name(GENERAL_NAME *name, const char *address)
{
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (!text || ASN1_STRING_set(text, address, -1) != 1) {
        ASN1_IA5STRING_free(text);
        return -1;
    }
    GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    return 0;
}

static int set_utf8_mailbox(GENERAL_NAME *name, const char *address)
{
    ASN1_OBJECT *type = OBJ_txt2obj(SMTP_UTF8_MAILBOX_OID, 1);
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();
    if (type && value && text && ASN1_STRING_set(text, address, -1) == 1) {
        ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
        text = NULL;
        if (GENERAL_NAME_set0_othername(name, type, value) == 1) {
            return 0;
        }
    }
    ASN1_UTF8STRING_free(text);
    ASN1_TYPE_free(value);
    ASN1_OBJECT_free(type);
    return -1;
}

/* NULL when out of memory. */
static GENERAL_NAMES *make_names(const char *const *addresses, size_t count)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; names && i < count; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        int rc = -1;
        if (name) {
            rc = is_ascii(addresses[i]) ? set_rfc822_name(name, addresses[i])
                                        : set_utf8_mailbox(name, addresses[i]);
        }
        if (rc || sk_GENERAL_NAME_push(names, name) <= 0) {
            GENERAL_NAME_free(name);
            GENERAL_NAMES_free(names);
            names = NULL;
        }
    }
    return names;
}

/* ---- The request ---- */

static int push_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    if (!extension || sk_X509_EXTENSION_push(list, extension) <= 0) {
        X509_EXTENSION_free(extension);
        return -1;
    }
    return 0;
}

/* RFC 5280 section 4.2.1.6: critical where the subject is empty. */
static int push_names(STACK_OF(X509_EXTENSION) * list, const char *const *addresses, size_t count,
                      bool critical)
{
    X509_EXTENSION *extension = NULL;
    GENERAL_NAMES *names = make_names(addresses, count);
    int rc = -1;
    if (names) {
        extension = X509V3_EXT_i2d(NID_subject_alt_name, critical, names);
    }
    if (extension && sk_X509_EXTENSION_push(list, extension) > 0) {
        extension = NULL;
        rc = 0;
    }
    X509_EXTENSION_free(extension);
    GENERAL_NAMES_free(names);
    return rc;
}

static int add_extensions(X509_REQ *request, EVP_PKEY *key, const char *const *addresses,
                          size_t count)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;
    bool nameless = X509_NAME_entry_count(X509_REQ_get_subject_name(request)) == 0;
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    int rc = -1;
    if (list &&
        push_extension(list, NID_key_usage,
                       rsa ? "critical,digitalSignature,keyEncipherment"
                           : "critical,digitalSignature,keyAgreement") == 0 &&
        push_extension(list, NID_ext_key_usage, "emailProtection") == 0 &&
        push_names(list, addresses, count, nameless) == 0 &&
        X509_REQ_add_extensions(request, list) == 1) {
        rc = 0;
    }
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return rc;
}

static int set_subject(X509_REQ *request, const X509_NAME *subject, const char *address)
{
    if (subject) {
        return X509_REQ_set_subject_name(request, subject) == 1 ? 0 : -1;
    }
    if (strlen(address) > MAX_COMMON_NAME_BYTES) {
        return 0;
    }
    return X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName,
                                      MBSTRING_UTF8, (const unsigned char *)address, -1, -1, 0) == 1
               ? 0
               : -1;
}

enum store_status csr_make(EVP_PKEY *key, const X509_NAME *subject, const char *const *addresses,
                           size_t count, unsigned char **der_out, size_t *length_out, char **why)
{
    enum store_status status = STORE_ERROR;
    X509_REQ *request = X509_REQ_new();
    *der_out = NULL;
    *length_out = 0;
    if (request && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
        set_subject(request, subject, addresses[0]) == 0 &&
        X509_REQ_set_pubkey(request, key) == 1 &&
        add_extensions(request, key, addresses, count) == 0 &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0) {
        int length = i2d_X509_REQ(request, der_out);
        if (length > 0) {
            *length_out = (size_t)length;
            status = STORE_OK;
        }
    }
    if (status != STORE_OK) {
        why_set(why, "OpenSSL cannot make the certification request");
    }
    ERR_clear_error();
    X509_REQ_free(request);
    return status;
}
