/* A CA that is asked by CMP: its credentials read, and contexts made of them. */
#include "cmp_ca.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cmp_reason.h"
#include "credential.h"
#include "credential_file.h"
#include "distinguished_name.h"
#include "why.h"

struct cmp_ca {
    const struct cmp_setting *setting;
    unsigned char *secret; /* with `secret_length` bytes; NULL: a certificate it is */
    size_t secret_length;
    struct identity credential;
    X509 *server;             /* NULL: anchors it is, or nothing */
    STACK_OF(X509) * anchors; /* NULL: none */
    X509_NAME *recipient;     /* NULL: that of `server`, or nobody in particular */
};

static bool is_set(const char *text)
{
    return text[0] != '\0';
}

/* ---- Reading ---- */

/* The first line of the file. */
static int read_secret(struct cmp_ca *ca, char **why)
{
    const char *path = ca->setting->secret_file;
    unsigned char *bytes = NULL;
    size_t length = 0;
    size_t line;
    int rc = -1;

    if (credential_file_read(path, true, CMP_MAX_SECRET_BYTES, &bytes, &length, why) != 0)
        return -1;
    line = strcspn((const char *)bytes, "\r\n");
    if (line == 0) {
        why_set(why, "%s has no secret in its first line", path);
        goto out;
    }
    ca->secret = OPENSSL_memdup(bytes, line);
    if (!ca->secret) {
        why_set(why, "out of memory");
        goto out;
    }
    ca->secret_length = line;
    rc = 0;
out:
    OPENSSL_clear_free(bytes, length + 1);
    return rc;
}

static int read_certificates(const char *path, STACK_OF(X509) * *out, char **why)
{
    unsigned char *bytes = NULL;
    size_t length = 0;
    int rc = -1;

    if (credential_file_read(path, false, CREDENTIAL_MAX_BYTES, &bytes, &length, why) != 0)
        return -1;
    if (certificates_read(bytes, length, out, why) == CREDENTIAL_OK)
        rc = 0;
    else
        why_prefix(why, "%s", path);
    OPENSSL_clear_free(bytes, length + 1);
    return rc;
}

static int read_key(const char *path, EVP_PKEY **out, char **why)
{
    unsigned char *bytes = NULL;
    size_t length = 0;
    int rc = -1;

    if (credential_file_read(path, true, CREDENTIAL_MAX_BYTES, &bytes, &length, why) != 0)
        return -1;
    if (private_key_read(bytes, length, NULL, out, why) == CREDENTIAL_OK)
        rc = 0;
    else
        why_prefix(why, "%s", path);
    OPENSSL_clear_free(bytes, length + 1);
    return rc;
}

static int read_credential(struct cmp_ca *ca, char **why)
{
    const struct cmp_setting *setting = ca->setting;
    STACK_OF(X509) *certificates = NULL;
    int rc = -1;

    if (is_set(setting->secret_file))
        return read_secret(ca, why);
    if (read_key(setting->key_file, &ca->credential.key, why) == 0 &&
        read_certificates(setting->certificate_file, &certificates, why) == 0) {
        rc = certificates_split(certificates, ca->credential.key, &ca->credential.certificate,
                                &ca->credential.chain, why) == CREDENTIAL_OK
                 ? 0
                 : -1;
        if (rc != 0)
            why_prefix(why, "%s", setting->certificate_file);
    }
    sk_X509_pop_free(certificates, X509_free);
    return rc;
}

static int read_server(struct cmp_ca *ca, char **why)
{
    const struct cmp_setting *setting = ca->setting;
    STACK_OF(X509) *certificates = NULL;

    if (is_set(setting->recipient) &&
        !(ca->recipient = distinguished_name_read(setting->recipient, why))) {
        why_prefix(why, "recipient");
        return -1;
    }
    if (is_set(setting->trust_file))
        return read_certificates(setting->trust_file, &ca->anchors, why);
    if (!is_set(setting->server_certificate))
        return 0;
    if (read_certificates(setting->server_certificate, &certificates, why) != 0)
        return -1;
    ca->server = sk_X509_shift(certificates);
    sk_X509_pop_free(certificates, X509_free);
    return 0;
}

struct cmp_ca *cmp_ca_open(const struct cmp_setting *setting, char **why)
{
    struct cmp_ca *ca = calloc(1, sizeof *ca);

    if (!ca) {
        why_set(why, "out of memory");
        return NULL;
    }
    ca->setting = setting;
    if (read_credential(ca, why) != 0 || read_server(ca, why) != 0) {
        why_prefix(why, "CA \"%s\"", setting->name);
        cmp_ca_free(&ca);
    }
    return ca;
}

void cmp_ca_free(struct cmp_ca **ca)
{
    if (!*ca)
        return;
    OPENSSL_clear_free((*ca)->secret, (*ca)->secret_length);
    identity_clear(&(*ca)->credential);
    X509_free((*ca)->server);
    sk_X509_pop_free((*ca)->anchors, X509_free);
    X509_NAME_free((*ca)->recipient);
    free(*ca);
    *ca = NULL;
}

const struct cmp_setting *cmp_ca_setting(const struct cmp_ca *ca)
{
    return ca->setting;
}

X509 *cmp_ca_credential(const struct cmp_ca *ca)
{
    return ca->credential.certificate;
}

/* ---- Contexts ---- */

/* Failures are told by their results; OpenSSL would write them to standard error. */
static int be_silent(const char *function, const char *file, int line, OSSL_CMP_severity level,
                     const char *message)
{
    (void)function, (void)file, (void)line, (void)level, (void)message;
    return 1;
}

static bool set_who_we_are(OSSL_CMP_CTX *context, const struct cmp_ca *ca,
                           const struct identity *own)
{
    const char *reference = ca->setting->reference;

    if (!own && ca->secret)
        return OSSL_CMP_CTX_set1_referenceValue(context, (const unsigned char *)reference,
                                                (int)strlen(reference)) == 1 &&
               OSSL_CMP_CTX_set1_secretValue(context, ca->secret, (int)ca->secret_length) == 1;
    if (!own)
        own = &ca->credential;
    if (OSSL_CMP_CTX_set1_cert(context, own->certificate) != 1 ||
        OSSL_CMP_CTX_set1_pkey(context, own->key) != 1)
        return false;
    /* Setting none takes away the list that OpenSSL 3.0 counts on. */
    return sk_X509_num(own->chain) <= 0 || OSSL_CMP_CTX_set1_untrusted(context, own->chain) == 1;
}

/* NULL when out of memory. */
static X509_STORE *make_trust(const struct cmp_ca *ca, time_t now)
{
    X509_STORE *store = X509_STORE_new();
    bool made = store != NULL && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;

    for (int i = 0; made && i < sk_X509_num(ca->anchors); i++)
        made = X509_STORE_add_cert(store, sk_X509_value(ca->anchors, i)) == 1;
    if (!made) {
        X509_STORE_free(store);
        return NULL;
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), now);
    return store;
}

/* Somebody whom an anchor certifies is not the CA yet: the name has to be its own. */
static bool set_whom_we_believe(OSSL_CMP_CTX *context, const struct cmp_ca *ca, time_t now)
{
    X509_STORE *trust;

    if (ca->recipient && OSSL_CMP_CTX_set1_recipient(context, ca->recipient) != 1)
        return false;
    if (ca->server)
        return OSSL_CMP_CTX_set1_srvCert(context, ca->server) == 1 &&
               OSSL_CMP_CTX_set1_expected_sender(context, X509_get_subject_name(ca->server)) == 1;
    if (!ca->anchors)
        return true;
    trust = make_trust(ca, now);
    if (!trust)
        return false;
    if (OSSL_CMP_CTX_set0_trustedStore(context, trust) != 1) {
        X509_STORE_free(trust);
        return false;
    }
    return OSSL_CMP_CTX_set1_expected_sender(context, ca->recipient) == 1;
}

OSSL_CMP_CTX *cmp_ca_context(const struct cmp_ca *ca, const struct identity *own, time_t now,
                             char **why)
{
    OSSL_CMP_CTX *context = OSSL_CMP_CTX_new(NULL, NULL);
    struct cmp_errors errors;

    if (!context || OSSL_CMP_CTX_set_log_cb(context, be_silent) != 1 ||
        OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_LOG_VERBOSITY, OSSL_CMP_LOG_EMERG) != 1 ||
        !set_who_we_are(context, ca, own) || !set_whom_we_believe(context, ca, now)) {
        cmp_reason_take("making ready to ask the CA", &errors, why);
        OSSL_CMP_CTX_free(context);
        return NULL;
    }
    return context;
}
