/* A CA that speaks CMP, for tests: OpenSSL's CMP server, with the decisions of a CA behind it.
 *
 * Header only. It issues for the key, subject and extensions of a request, lets applicants wait,
 * refuses some, revokes, and can be told to issue what it should not. cmp_ca_run.h puts it behind
 * HTTP. What cannot be done aborts. */
#ifndef TESTS_CMP_CA_H
#define TESTS_CMP_CA_H

#include <openssl/cmp.h>
#include <openssl/err.h>

#include "test_pki.h"

#define CMP_CA_UNUSED __attribute__((unused))
#define CMP_CA_MAX_TRANSACTIONS 64
#define CMP_CA_MAX_CERTIFICATES 64
#define CMP_CA_LOG_BYTES 16384

enum cmp_ca_issue {
    CMP_CA_ISSUE_RIGHT,
    CMP_CA_ISSUE_OTHER_KEY,
    CMP_CA_ISSUE_OTHER_ADDRESS,
    CMP_CA_ISSUE_CA,
    CMP_CA_ISSUE_EXPIRED,
    CMP_CA_ISSUE_NO_MAIL_USE,
};

/* What a test says to the CA and hears from it; shared with its process, and altered at any time.
 */
struct cmp_ca_orders {
    volatile int waits;         /* polls of an applicant that have to wait */
    volatile int check_after;   /* seconds that these are told */
    volatile int valid_after_s; /* what is issued begins then */
    volatile int valid_days;    /* of what is issued */
    volatile enum cmp_ca_issue issue;
    volatile bool implicit_confirm; /* granted if asked for */
    volatile bool waits_for_ever;   /* and says so by the answer to a request, at every poll */
    volatile bool nonce_of_request; /* decisions after polls answer to it (RFC 9483 section 4.4) */
    volatile bool no_confirm;       /* a confirmation is answered by an error */
    volatile bool busy;             /* requests are rejected with systemUnavail */
    volatile char rejected[64];     /* subjects that have this in them are rejected */
    volatile int fault;             /* enum cmp_ca_fault of cmp_ca_run.h */
    volatile int issued;            /* certificates */
    volatile int requests;          /* HTTP requests */
    char log[CMP_CA_LOG_BYTES];     /* one line each: "ir", "pollReq", "certConf accepted" */
    volatile size_t log_length;
};

struct cmp_ca_transaction {
    unsigned char id[64];
    size_t id_length;
    OSSL_CMP_SRV_CTX *server;
    OSSL_CMP_MSG *request; /* that waits */
    int waits;
    unsigned char nonce[64]; /* of the request */
    size_t nonce_length;
    struct cmp_ca *ca;
};

struct cmp_ca {
    struct pki issuer;  /* issues */
    struct pki server;  /* signs messages; issuer's own where that is so */
    X509_STORE *trust;  /* whose signatures are believed; NULL: those below the issuer */
    const char *secret; /* NULL: none */
    struct cmp_ca_orders *orders;
    struct cmp_ca_transaction transactions[CMP_CA_MAX_TRANSACTIONS];
    size_t transaction_count;
    struct {
        ASN1_INTEGER *serial;
        bool revoked;
    } certificates[CMP_CA_MAX_CERTIFICATES];
    size_t certificate_count;
};

CMP_CA_UNUSED static void cmp_ca_log(struct cmp_ca *ca, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
CMP_CA_UNUSED static void cmp_ca_log(struct cmp_ca *ca, const char *format, ...)
{
    struct cmp_ca_orders *orders = ca->orders;
    size_t room = sizeof orders->log - orders->log_length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(orders->log + orders->log_length, room, format, arguments);
    va_end(arguments);
    pki_need(length >= 0 && (size_t)length < room, "room in the log of the CA");
    orders->log_length = orders->log_length + (size_t)length;
}

/* ---- Issuing ---- */

/* OpenSSL 3.0 has no function for the public key of a template: it is its field [6] (RFC 4211
 * section 5), an implicitly tagged SubjectPublicKeyInfo. */
static inline EVP_PKEY *cmp_ca_public_key(const OSSL_CRMF_MSG *request)
{
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    int length = i2d_OSSL_CRMF_CERTTEMPLATE(OSSL_CRMF_MSG_get0_tmpl(request), &der);
    const unsigned char *at = der;
    long size = 0;
    int tag = 0, class = 0;
    pki_need(length > 0, "a template");
    ASN1_get_object(&at, &size, &tag, &class, length);
    const unsigned char *end = at + size;
    while (!key && at < end) {
        const unsigned char *start = at;
        ASN1_get_object(&at, &size, &tag, &class, end - at);
        at += size;
        if (class == V_ASN1_CONTEXT_SPECIFIC && tag == 6) {
            der[start - der] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
            key = d2i_PUBKEY(NULL, &start, at - start);
        }
    }
    OPENSSL_free(der);
    pki_need(key != NULL, "the public key of a template");
    return key;
}

static inline void cmp_ca_add_wishes(X509 *certificate, const OSSL_CRMF_CERTTEMPLATE *template)
{
    const X509_EXTENSIONS *wishes = OSSL_CRMF_CERTTEMPLATE_get0_extensions(template);
    for (int i = 0; i < sk_X509_EXTENSION_num(wishes); i++) {
        pki_need(X509_add_ext(certificate, sk_X509_EXTENSION_value(wishes, i), -1) == 1,
                 "an extension that was asked for");
    }
}

/* What was asked for. */
static inline X509 *cmp_ca_issue_right(struct cmp_ca *ca, const OSSL_CRMF_MSG *request)
{
    OSSL_CRMF_CERTTEMPLATE *template = OSSL_CRMF_MSG_get0_tmpl(request);
    EVP_PKEY *key = cmp_ca_public_key(request);
    X509 *made = X509_new();
    X509 *issuer = ca->issuer.certificate;
    pki_need(made && X509_set_version(made, X509_VERSION_3) == 1, "a certificate");
    pki_set_serial(made, 0);
    pki_need(X509_set_subject_name(made, OSSL_CRMF_CERTTEMPLATE_get0_subject(template)) == 1 &&
                 X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1 &&
                 X509_set_pubkey(made, key) == 1,
             "names and a key");
    pki_need(X509_gmtime_adj(X509_getm_notBefore(made), ca->orders->valid_after_s) &&
                 X509_time_adj_ex(X509_getm_notAfter(made), ca->orders->valid_days, 0, NULL),
             "a validity");
    pki_add_extension(made, issuer, NID_basic_constraints, "critical,CA:FALSE");
    pki_add_extension(made, issuer, NID_subject_key_identifier, "hash");
    pki_add_extension(made, issuer, NID_authority_key_identifier, "keyid");
    cmp_ca_add_wishes(made, template);
    pki_need(X509_sign(made, ca->issuer.key, EVP_sha256()) > 0, "a signature");
    EVP_PKEY_free(key);
    return pki_decoded(made);
}

static inline X509 *cmp_ca_issue(struct cmp_ca *ca, const OSSL_CRMF_MSG *request)
{
    enum cmp_ca_issue issue = ca->orders->issue;
    if (issue == CMP_CA_ISSUE_RIGHT) {
        return cmp_ca_issue_right(ca, request);
    }
    struct pki_spec spec = {
        .addresses = {issue == CMP_CA_ISSUE_OTHER_ADDRESS ? "mallory@example.com"
                                                          : "alice@example.com"},
        .ca = issue == CMP_CA_ISSUE_CA,
        .extended_key_usage = issue == CMP_CA_ISSUE_NO_MAIL_USE ? "serverAuth" : NULL,
        .not_after = issue == CMP_CA_ISSUE_EXPIRED ? PKI_NOW - PKI_DAY : 0,
    };
    if (issue != CMP_CA_ISSUE_OTHER_KEY) {
        spec.use_key = cmp_ca_public_key(request);
    }
    struct pki made = pki_make(&spec, &ca->issuer);
    EVP_PKEY_free(made.key);
    EVP_PKEY_free(spec.use_key);
    return made.certificate;
}

static inline void cmp_ca_remember(struct cmp_ca *ca, X509 *certificate)
{
    pki_need(ca->certificate_count < CMP_CA_MAX_CERTIFICATES, "room for a certificate");
    ca->certificates[ca->certificate_count++].serial =
        ASN1_INTEGER_dup(X509_get0_serialNumber(certificate));
    ca->orders->issued++;
}

/* ---- What OpenSSL's server asks ---- */

static inline OSSL_CMP_PKISI *cmp_ca_decide(struct cmp_ca_transaction *transaction,
                                            const OSSL_CRMF_MSG *request)
{
    struct cmp_ca *ca = transaction->ca;
    const char *rejected = (const char *)(uintptr_t)ca->orders->rejected;
    char *subject = X509_NAME_oneline(
        OSSL_CRMF_CERTTEMPLATE_get0_subject(OSSL_CRMF_MSG_get0_tmpl(request)), NULL, 0);
    bool no = *rejected && strstr(subject, rejected);
    OPENSSL_free(subject);
    if (no) {
        cmp_ca_log(ca, "rejected\n");
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection,
                                       1 << OSSL_CMP_PKIFAILUREINFO_notAuthorized,
                                       "not one of ours");
    }
    if (ca->orders->busy) {
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection,
                                       1 << OSSL_CMP_PKIFAILUREINFO_systemUnavail, "come back");
    }
    return NULL;
}

static OSSL_CMP_PKISI *cmp_ca_on_request(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *message,
                                         int id, const OSSL_CRMF_MSG *request, const X509_REQ *p10,
                                         X509 **certificate_out, STACK_OF(X509) * *chain_out,
                                         STACK_OF(X509) * *ca_out)
{
    struct cmp_ca_transaction *transaction = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
    struct cmp_ca *ca = transaction->ca;
    (void)id, (void)p10, (void)ca_out;
    pki_need(request != NULL, "a request that is no PKCS#10");
    OSSL_CMP_PKISI *decided = cmp_ca_decide(transaction, request);
    if (decided) {
        return decided;
    }
    if (transaction->request && ca->orders->waits_for_ever) {
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, "still");
    }
    if (!transaction->request && ca->orders->waits > 0) {
        transaction->waits = ca->orders->waits;
        transaction->request = OSSL_CMP_MSG_dup(message);
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, "an officer has to see it");
    }
    *certificate_out = cmp_ca_issue(ca, request);
    cmp_ca_remember(ca, *certificate_out);
    *chain_out = pki_chain(&ca->issuer.certificate, 1);
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

static int cmp_ca_on_poll(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *message, int id,
                          OSSL_CMP_MSG **request_out, int64_t *check_after)
{
    struct cmp_ca_transaction *transaction = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
    (void)message, (void)id;
    *request_out = NULL;
    *check_after = transaction->ca->orders->check_after;
    if (transaction->waits-- <= 0) {
        *request_out = OSSL_CMP_MSG_dup(transaction->request);
    }
    return 1;
}

static int cmp_ca_on_confirm(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *message, int id,
                             const ASN1_OCTET_STRING *hash, const OSSL_CMP_PKISI *status)
{
    struct cmp_ca_transaction *transaction = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
    char text[OSSL_CMP_PKISI_BUFLEN] = "accepted";
    (void)message, (void)id, (void)hash;
    if (status) {
        OSSL_CMP_snprint_PKIStatusInfo(status, text, sizeof text);
    }
    cmp_ca_log(transaction->ca, "certConf %s\n",
               strncmp(text, "PKIStatus: ", 11) ? text : text + 11);
    return !transaction->ca->orders->no_confirm;
}

static OSSL_CMP_PKISI *cmp_ca_on_revocation(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *message,
                                            const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    struct cmp_ca_transaction *transaction = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
    struct cmp_ca *ca = transaction->ca;
    (void)message, (void)issuer;
    for (size_t i = 0; i < ca->certificate_count; i++) {
        if (ASN1_INTEGER_cmp(ca->certificates[i].serial, serial) != 0) {
            continue;
        }
        if (ca->certificates[i].revoked) {
            return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection,
                                           1 << OSSL_CMP_PKIFAILUREINFO_certRevoked, "twice");
        }
        ca->certificates[i].revoked = true;
        cmp_ca_log(ca, "revoked\n");
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
    }
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection,
                                   1 << OSSL_CMP_PKIFAILUREINFO_badCertId, "not issued here");
}

static void cmp_ca_on_error(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *message,
                            const OSSL_CMP_PKISI *status, const ASN1_INTEGER *code,
                            const OSSL_CMP_PKIFREETEXT *details)
{
    struct cmp_ca_transaction *transaction = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
    (void)message, (void)status, (void)code, (void)details;
    cmp_ca_log(transaction->ca, "error from the client\n");
}

/* ---- Transactions ---- */

static inline X509_STORE *cmp_ca_trust(const struct cmp_ca *ca)
{
    X509_STORE *trust = ca->trust;
    if (trust) {
        X509_STORE_up_ref(trust);
        return trust;
    }
    trust = X509_STORE_new();
    pki_need(trust && X509_STORE_add_cert(trust, ca->issuer.certificate) == 1, "trust");
    return trust;
}

static inline void cmp_ca_begin(struct cmp_ca *ca, struct cmp_ca_transaction *transaction,
                                const ASN1_OCTET_STRING *id)
{
    OSSL_CMP_SRV_CTX *server = OSSL_CMP_SRV_CTX_new(NULL, NULL);
    OSSL_CMP_CTX *context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(server);
    *transaction = (struct cmp_ca_transaction){.ca = ca, .server = server};
    transaction->id_length = (size_t)ASN1_STRING_length(id);
    pki_need(transaction->id_length <= sizeof transaction->id, "a short transaction id");
    memcpy(transaction->id, ASN1_STRING_get0_data(id), transaction->id_length);
    pki_need(OSSL_CMP_SRV_CTX_init(server, transaction, cmp_ca_on_request, cmp_ca_on_revocation,
                                   NULL, cmp_ca_on_error, cmp_ca_on_confirm, cmp_ca_on_poll) == 1,
             "a CMP server");
    pki_need(OSSL_CMP_CTX_set1_cert(context, ca->server.certificate) == 1 &&
                 OSSL_CMP_CTX_set1_pkey(context, ca->server.key) == 1 &&
                 OSSL_CMP_CTX_set0_trustedStore(context, cmp_ca_trust(ca)) == 1 &&
                 OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_LOG_VERBOSITY, 0) == 1,
             "credentials");
    pki_need(!ca->secret ||
                 OSSL_CMP_CTX_set1_secretValue(context, (const unsigned char *)ca->secret,
                                               (int)strlen(ca->secret)) == 1,
             "a secret");
}

static inline struct cmp_ca_transaction *cmp_ca_transaction(struct cmp_ca *ca,
                                                            const ASN1_OCTET_STRING *id)
{
    size_t length = (size_t)ASN1_STRING_length(id);
    for (size_t i = 0; i < ca->transaction_count; i++) {
        struct cmp_ca_transaction *known = &ca->transactions[i];
        if (known->id_length == length &&
            memcmp(known->id, ASN1_STRING_get0_data(id), length) == 0) {
            return known;
        }
    }
    pki_need(ca->transaction_count < CMP_CA_MAX_TRANSACTIONS, "room for a transaction");
    struct cmp_ca_transaction *made = &ca->transactions[ca->transaction_count++];
    cmp_ca_begin(ca, made, id);
    return made;
}

static inline const char *cmp_ca_type(const OSSL_CMP_MSG *message)
{
    static const struct {
        int type;
        const char *name;
    } types[] = {{0, "ir"},  {2, "cr"},     {4, "p10cr"},     {7, "kur"},
                 {11, "rr"}, {23, "error"}, {24, "certConf"}, {25, "pollReq"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == OSSL_CMP_MSG_get_bodytype(message)) {
            return types[i].name;
        }
    }
    return "?";
}

/* Give a message the nonce of the transaction's request: what is made of it is an answer to that.
 * The senderNonce is field [5] of the header (RFC 4210 section 5.1.1). */
static inline void cmp_ca_put_nonce(const struct cmp_ca_transaction *transaction,
                                    unsigned char *der, size_t length)
{
    const unsigned char *at = der;
    long size = 0;
    int tag = 0, class = 0;
    ASN1_get_object(&at, &size, &tag, &class, (long)length); /* PKIMessage */
    ASN1_get_object(&at, &size, &tag, &class, size);         /* PKIHeader */
    const unsigned char *end = at + size;
    while (at < end) {
        ASN1_get_object(&at, &size, &tag, &class, end - at);
        if (class == V_ASN1_CONTEXT_SPECIFIC && tag == 5) {
            ASN1_get_object(&at, &size, &tag, &class, end - at);
            pki_need((size_t)size == transaction->nonce_length, "nonces of one length");
            memcpy(der + (at - der), transaction->nonce, transaction->nonce_length);
            return;
        }
        at += size;
    }
    pki_need(false, "a nonce");
}

/* Before a request is processed: the protection of one whose nonce is replaced does not hold. */
static inline OSSL_CMP_MSG *cmp_ca_renonce(struct cmp_ca *ca,
                                           const struct cmp_ca_transaction *transaction,
                                           OSSL_CMP_MSG *request, const unsigned char *der,
                                           size_t length)
{
    bool wanted = ca->orders->nonce_of_request && strcmp(cmp_ca_type(request), "pollReq") == 0 &&
                  transaction->waits <= 0;
    OSSL_CMP_SRV_CTX_set_accept_unprotected(transaction->server, wanted);
    if (!wanted) {
        return request;
    }
    unsigned char *copy = OPENSSL_memdup(der, length);
    const unsigned char *at = copy;
    cmp_ca_put_nonce(transaction, copy, length);
    OSSL_CMP_MSG_free(request);
    request = d2i_OSSL_CMP_MSG(NULL, &at, (long)length);
    pki_need(request != NULL, "a message with another nonce");
    OPENSSL_free(copy);
    return request;
}

/* The nonce that the first answer is for. */
static inline void cmp_ca_keep_nonce(struct cmp_ca_transaction *transaction,
                                     const OSSL_CMP_MSG *answer)
{
    const ASN1_OCTET_STRING *nonce = OSSL_CMP_HDR_get0_recipNonce(OSSL_CMP_MSG_get0_header(answer));
    size_t length = nonce ? (size_t)ASN1_STRING_length(nonce) : 0;
    if (transaction->nonce_length == 0 && length <= sizeof transaction->nonce) {
        memcpy(transaction->nonce, ASN1_STRING_get0_data(nonce), length);
        transaction->nonce_length = length;
    }
}

/* The answer to a request in DER: OPENSSL_free(). NULL when there is none. */
static inline unsigned char *cmp_ca_answer(struct cmp_ca *ca, const unsigned char *der,
                                           size_t length, size_t *length_out)
{
    const unsigned char *at = der;
    unsigned char *out = NULL;
    OSSL_CMP_MSG *request = d2i_OSSL_CMP_MSG(NULL, &at, (long)length);
    if (!request) {
        cmp_ca_log(ca, "no CMP\n");
        return NULL;
    }
    cmp_ca_log(ca, "%s\n", cmp_ca_type(request));
    struct cmp_ca_transaction *transaction =
        cmp_ca_transaction(ca, OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(request)));
    OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(transaction->server, ca->orders->implicit_confirm);
    request = cmp_ca_renonce(ca, transaction, request, der, length);
    OSSL_CMP_MSG *answer = OSSL_CMP_SRV_process_request(transaction->server, request);
    if (answer) {
        cmp_ca_keep_nonce(transaction, answer);
    }
    int size = answer ? i2d_OSSL_CMP_MSG(answer, &out) : 0;
    *length_out = size > 0 ? (size_t)size : 0;
    OSSL_CMP_MSG_free(answer);
    OSSL_CMP_MSG_free(request);
    ERR_clear_error();
    return out;
}

#endif
