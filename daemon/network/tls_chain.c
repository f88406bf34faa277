/* Chains of TLS servers, through OpenSSL's verifier. */
#include "tls_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "why.h"

#define AUTH_LEVEL 2   /* 112 bits of security: what mail programs of today ask for */
#define MAX_DEPTH 10   /* intermediate certificates */
#define NAME_ROOM 256  /* of a subject in a sentence */
#define NAMES_ROOM 512 /* of the names of a host in a sentence */
#define MAX_NAMES_TOLD 5

struct tls_anchors {
    char *pem;
    size_t length;
    X509_STORE *store;
};

static const char *const fault_names[TLS_FAULT_COUNT] = {
    [TLS_FAULT_EXPIRED] = "expired",         [TLS_FAULT_NOT_YET_VALID] = "not-yet-valid",
    [TLS_FAULT_SELF_SIGNED] = "self-signed", [TLS_FAULT_UNKNOWN_ISSUER] = "unknown-issuer",
    [TLS_FAULT_WRONG_NAME] = "wrong-name",   [TLS_FAULT_WEAK] = "weak",
    [TLS_FAULT_OTHER] = "invalid",
};

const char *tls_fault_name(enum tls_fault fault)
{
    return (size_t)fault < TLS_FAULT_COUNT ? fault_names[fault] : "unknown";
}

/* ---- anchors ---- */

/* Append the file to the text. */
static int append_file(struct tls_anchors *anchors, const char *path, char **why)
{
    struct stat status;
    size_t got = 0;
    int rc = -1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return 0;
    if (file < 0 || fstat(file, &status) != 0) {
        why_set(why, "%s cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (status.st_size < 0 || (size_t)status.st_size > TLS_ANCHORS_MAX_BYTES) {
        why_set(why, "%s is larger than %zu bytes", path, TLS_ANCHORS_MAX_BYTES);
        goto out;
    }
    size_t size = (size_t)status.st_size;
    char *grown = realloc(anchors->pem, anchors->length + size + 1);
    if (grown == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    anchors->pem = grown;
    while (got < size) {
        ssize_t n = read(file, anchors->pem + anchors->length + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            why_set(why, "%s cannot be read: %s", path, strerror(errno));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (got < size)
        goto out;
    anchors->length += size;
    anchors->pem[anchors->length++] = '\n'; /* whatever the last line ends with */
    rc = 0;
out:
    if (file >= 0)
        close(file);
    return rc;
}

/* Append a certificate, to the text and to the store. Returns 0, -1 when out of memory. */
static int append_certificate(struct tls_anchors *anchors, X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL, *grown;
    int rc = -1;
    if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
        goto out;
    size_t length = (size_t)BIO_get_mem_data(bio, &bytes);
    grown = realloc(anchors->pem, anchors->length + length);
    if (grown == NULL)
        goto out;
    anchors->pem = grown;
    memcpy(anchors->pem + anchors->length, bytes, length);
    anchors->length += length;
    rc = X509_STORE_add_cert(anchors->store, certificate) == 1 ? 0 : -1;
out:
    BIO_free(bio);
    return rc;
}

/* Add what stands in the PEM text to the store. Returns 0, -1 when out of memory. */
static int fill_store(X509_STORE *store, const char *pem, size_t length)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    STACK_OF(X509_INFO) *entries = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    int rc = entries ? 0 : -1;
    for (int i = 0; rc == 0 && i < sk_X509_INFO_num(entries); i++) {
        X509 *certificate = sk_X509_INFO_value(entries, i)->x509;
        if (certificate != NULL && X509_STORE_add_cert(store, certificate) != 1)
            rc = -1;
    }
    sk_X509_INFO_pop_free(entries, X509_INFO_free);
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}

struct tls_anchors *tls_anchors_load(const STACK_OF(X509) * more, char **why)
{
    struct tls_anchors *anchors = calloc(1, sizeof *anchors);
    const char *system = curl_version_info(CURLVERSION_NOW)->cainfo;
    bool done = false;
    if (anchors == NULL || (anchors->store = X509_STORE_new()) == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    if (system != NULL && append_file(anchors, system, why) != 0)
        goto out;
    if (anchors->length > 0 && fill_store(anchors->store, anchors->pem, anchors->length) != 0) {
        why_set(why, "the authorities of %s cannot be loaded", system);
        goto out;
    }
    for (int i = 0; i < sk_X509_num(more); i++) {
        if (append_certificate(anchors, sk_X509_value(more, i)) != 0) {
            why_set(why, "out of memory");
            goto out;
        }
    }
    done = true;
out:
    if (!done)
        tls_anchors_free(&anchors);
    return anchors;
}

const char *tls_anchors_pem(const struct tls_anchors *anchors, size_t *length_out)
{
    *length_out = anchors->length;
    return anchors->pem != NULL ? anchors->pem : "";
}

void tls_anchors_free(struct tls_anchors **anchors)
{
    if (*anchors == NULL)
        return;
    X509_STORE_free((*anchors)->store);
    free((*anchors)->pem);
    free(*anchors);
    *anchors = NULL;
}

/* ---- judgement ---- */

struct judgement {
    struct tls_faults *faults;
    const char *host;
    bool no_memory;
};

static enum tls_fault fault_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FAULT_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_FAULT_NOT_YET_VALID;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return TLS_FAULT_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return TLS_FAULT_UNKNOWN_ISSUER;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TLS_FAULT_WRONG_NAME;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return TLS_FAULT_WEAK;
    default:
        return TLS_FAULT_OTHER;
    }
}

/* "mail.example.com, 192.0.2.1": what the certificate is for. A new string, NULL when out of
 * memory. */
static char *names_text(const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes = NULL, *text = NULL;
    int told = 0;
    for (int i = 0; out && names && i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        if (told++ == MAX_NAMES_TOLD) {
            BIO_puts(out, ", ...");
            break;
        }
        if (told > 1)
            BIO_puts(out, ", ");
        GENERAL_NAME_print(out, name);
    }
    if (out) {
        if (told == 0)
            BIO_puts(out, "no host at all");
        long length = BIO_get_mem_data(out, &bytes);
        text = strndup(bytes, length > NAMES_ROOM ? NAMES_ROOM : (size_t)length);
    }
    GENERAL_NAMES_free(names);
    BIO_free(out);
    return text;
}

static char *time_text(const ASN1_TIME *time)
{
    struct tm parts;
    char *text = NULL;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return strdup("an unreadable time");
    if (asprintf(&text, "%04d-%02d-%02d %02d:%02d UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                 parts.tm_mday, parts.tm_hour, parts.tm_min) < 0)
        return NULL;
    return text;
}

/* Which certificate a sentence is about. */
static void name_certificate(const X509 *certificate, int depth, char *out, size_t size)
{
    if (depth == 0 || certificate == NULL) {
        snprintf(out, size, "the certificate");
        return;
    }
    char subject[NAME_ROOM] = "";
    X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
    snprintf(out, size, "the CA certificate %s", subject);
}

static char *sentence_of(const struct judgement *judgement, enum tls_fault fault, int error,
                         const X509 *certificate, int depth)
{
    char which[NAME_ROOM + 32], issuer[NAME_ROOM] = "";
    char *detail = NULL, *text = NULL;
    int rc = -1;
    name_certificate(certificate, depth, which, sizeof which);
    if (certificate != NULL)
        X509_NAME_oneline(X509_get_issuer_name(certificate), issuer, sizeof issuer);
    switch (fault) {
    case TLS_FAULT_EXPIRED:
        detail = certificate ? time_text(X509_get0_notAfter(certificate)) : strdup("?");
        rc = detail ? asprintf(&text, "%s ran out on %s", which, detail) : -1;
        break;
    case TLS_FAULT_NOT_YET_VALID:
        detail = certificate ? time_text(X509_get0_notBefore(certificate)) : strdup("?");
        rc = detail ? asprintf(&text, "%s is not valid before %s", which, detail) : -1;
        break;
    case TLS_FAULT_SELF_SIGNED:
        rc = asprintf(&text, "the certificate is signed by itself and by no authority");
        break;
    case TLS_FAULT_UNKNOWN_ISSUER:
        rc = asprintf(&text,
                      "the issuer %s is not known here and not sent by the server: it is no "
                      "trusted authority, or an intermediate certificate is missing",
                      issuer);
        break;
    case TLS_FAULT_WRONG_NAME:
        detail = certificate ? names_text(certificate) : strdup("?");
        rc = detail ? asprintf(&text, "the certificate is not for %s but for %s", judgement->host,
                               detail)
                    : -1;
        break;
    case TLS_FAULT_WEAK:
        rc = asprintf(&text, "%s is weak: %s", which, X509_verify_cert_error_string(error));
        break;
    default:
        rc = asprintf(&text, "%s: %s", which, X509_verify_cert_error_string(error));
        break;
    }
    free(detail);
    return rc < 0 ? NULL : text;
}

/* OpenSSL goes on after each mistake, so that all are found. The first of each kind is told. */
static int note_fault(int good, X509_STORE_CTX *context)
{
    struct judgement *judgement = X509_STORE_CTX_get_app_data(context);
    int error = X509_STORE_CTX_get_error(context);
    enum tls_fault fault = fault_of(error);
    char **sentence = &judgement->faults->sentences[fault];
    if (good)
        return 1;
    /* A fault that is left in the context keeps OpenSSL from telling some that come later. */
    X509_STORE_CTX_set_error(context, X509_V_OK);
    if (*sentence != NULL)
        return 1;
    *sentence = sentence_of(judgement, fault, error, X509_STORE_CTX_get_current_cert(context),
                            X509_STORE_CTX_get_error_depth(context));
    if (*sentence == NULL)
        judgement->no_memory = true;
    return 1;
}

static bool set_wishes(X509_STORE_CTX *context, const char *host, time_t now)
{
    X509_VERIFY_PARAM *wishes = X509_STORE_CTX_get0_param(context);
    if (X509_STORE_CTX_set_default(context, "ssl_server") != 1)
        return false;
    X509_VERIFY_PARAM_set_time(wishes, now);
    X509_VERIFY_PARAM_set_depth(wishes, MAX_DEPTH);
    X509_VERIFY_PARAM_set_auth_level(wishes, AUTH_LEVEL);
    X509_VERIFY_PARAM_set_flags(wishes, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(wishes, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                                X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(wishes, host) == 1)
        return true;
    return X509_VERIFY_PARAM_set1_host(wishes, host, 0) == 1;
}

static bool any_fault(const struct tls_faults *faults)
{
    for (size_t i = 0; i < TLS_FAULT_COUNT; i++) {
        if (faults->sentences[i] != NULL)
            return true;
    }
    return false;
}

int tls_chain_judge(STACK_OF(X509) * chain, const struct tls_anchors *anchors, const char *host,
                    time_t now, struct tls_faults *out, char **why)
{
    struct judgement judgement = {.faults = out, .host = host};
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int rc = -1;
    *out = (struct tls_faults){{NULL}};
    if (context == NULL ||
        X509_STORE_CTX_init(context, anchors->store, sk_X509_value(chain, 0), chain) != 1 ||
        X509_STORE_CTX_set_app_data(context, &judgement) != 1 || !set_wishes(context, host, now)) {
        goto out;
    }
    X509_STORE_CTX_set_verify_cb(context, note_fault);
    /* Every fault was passed over; what fails still is what OpenSSL cannot judge. */
    if (X509_verify_cert(context) != 1 && !any_fault(out)) {
        out->sentences[TLS_FAULT_OTHER] = strdup("the certificates cannot be judged");
        judgement.no_memory = out->sentences[TLS_FAULT_OTHER] == NULL;
    }
    rc = judgement.no_memory ? -1 : 0;
out:
    if (rc != 0) {
        why_set(why, "out of memory");
        tls_faults_clear(out);
    }
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return rc;
}

void tls_faults_clear(struct tls_faults *faults)
{
    for (size_t i = 0; i < TLS_FAULT_COUNT; i++) {
        free(faults->sentences[i]);
        faults->sentences[i] = NULL;
    }
}
