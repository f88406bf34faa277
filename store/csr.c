/* Making keys and certification requests. */
#include "csr.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "mailbox_names.h"
#include "why.h"

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

static int push_names(STACK_OF(X509_EXTENSION) * list, const char *const *addresses, size_t count,
                      bool critical)
{
    X509_EXTENSION *extension = mailbox_names_extension(addresses, count, critical);
    if (!extension || sk_X509_EXTENSION_push(list, extension) <= 0) {
        X509_EXTENSION_free(extension);
        return -1;
    }
    return 0;
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
    return mailbox_names_subject(X509_REQ_get_subject_name(request), address);
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
