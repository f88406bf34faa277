/* Judging revocation: one pass of OpenSSL's CRL check over the chain, OCSP for each certificate,
 * and the two put together. */
#include "chain_revocation.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "ocsp_answer.h"
#include "trust_chain.h"
#include "why.h"

void revocation_evidence_clear(struct revocation_evidence *evidence)
{
    sk_X509_CRL_pop_free(evidence->crls, X509_CRL_free);
    OCSP_RESPONSE_free(evidence->ocsp);
    why_free(&evidence->trouble);
    *evidence = (struct revocation_evidence){0};
}

void revocation_finding_clear(struct revocation_finding *finding)
{
    why_free(&finding->sentence);
    *finding = (struct revocation_finding){0};
}

const char *revocation_reason_name(int reason)
{
    return reason > CRL_REASON_UNSPECIFIED ? OCSP_crl_reason_str(reason) : NULL;
}

int revocation_time(const ASN1_TIME *time, time_t *out)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return -1;
    *out = timegm(&tm);
    return 0;
}

/* ---- CRLs ---- */

/* What the CRLs say of one certificate. */
struct crl_result {
    bool reached;
    int fault;     /* X509_V_ERR_...; the first thing that is wrong with a CRL; X509_V_OK: none */
    X509_CRL *old; /* the CRL that was last found to be out of date */
    X509_CRL *bad; /* the CRL that was last found not to be believable */
    bool revoked;
    time_t revoked_at;
    int reason;
};

struct crl_pass {
    const struct revocation_chain *chain;
    STACK_OF(X509_CRL) * crls;
    struct crl_result *results;
    int count; /* of certificates below the anchor */
};

/* OpenSSL forgets which CRL it is at once it has told that it is out of date. */
static X509_CRL *current_crl(X509_STORE_CTX *context, const struct crl_result *result)
{
    X509_CRL *crl = X509_STORE_CTX_get0_current_crl(context);
    return crl != NULL ? crl : result->old;
}

/* The entry that revokes: in the CRL itself, or in one of its deltas, which OpenSSL does not name.
 */
static X509_REVOKED *find_entry(const struct crl_pass *pass, X509_CRL *crl, X509 *certificate)
{
    X509_REVOKED *entry = NULL;
    if (X509_CRL_get0_by_cert(crl, &entry, certificate) == 1)
        return entry;
    for (int i = 0; i < sk_X509_CRL_num(pass->crls); i++) {
        X509_CRL *delta = sk_X509_CRL_value(pass->crls, i);
        if (X509_CRL_get_ext_by_NID(delta, NID_delta_crl, -1) >= 0 &&
            X509_NAME_cmp(X509_CRL_get_issuer(delta), X509_CRL_get_issuer(crl)) == 0 &&
            X509_CRL_get0_by_cert(delta, &entry, certificate) == 1)
            return entry;
    }
    return NULL;
}

static void take_revoked(X509_STORE_CTX *context, const struct crl_pass *pass,
                         struct crl_result *result)
{
    X509_CRL *crl = current_crl(context, result);
    X509_REVOKED *entry = NULL;
    ASN1_ENUMERATED *reason = NULL;
    /* From a CRL that somebody may have forged nothing follows. */
    if (crl == NULL || crl == result->bad || result->revoked)
        return;
    result->revoked = true;
    result->reason = REVOCATION_NO_REASON;
    entry = find_entry(pass, crl, X509_STORE_CTX_get_current_cert(context));
    if (entry == NULL ||
        revocation_time(X509_REVOKED_get0_revocationDate(entry), &result->revoked_at) != 0) {
        (void)revocation_time(X509_CRL_get0_lastUpdate(crl), &result->revoked_at);
        return;
    }
    reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    if (reason != NULL)
        result->reason = (int)ASN1_ENUMERATED_get(reason);
    ASN1_ENUMERATED_free(reason);
}

static bool is_certificate_time(int error)
{
    return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

static bool is_crl_error(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
    case X509_V_ERR_CERT_REVOKED:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
        return true;
    default:
        return false;
    }
}

/* The path of somebody who signs CRLs in an issuer's place. It is no chain of ours: what is wrong
 * with it makes the CRL worthless. Only that there is no CRL on its anchor, and unless `hard` on
 * the others, has to do. */
static int on_signer_path(X509_STORE_CTX *context, bool hard)
{
    int last = sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
    int error = X509_STORE_CTX_get_error(context);
    if (X509_STORE_CTX_get_error_depth(context) == last)
        return is_crl_error(error);
    return error == X509_V_ERR_UNABLE_TO_GET_CRL && !hard;
}

/* Called for each thing that is wrong. Goes on, so that one bad CRL does not hide what others say
 * of other certificates. */
static int on_crl(int ok, X509_STORE_CTX *context)
{
    X509_STORE_CTX *top = context;
    X509_STORE_CTX *parent;
    const struct crl_pass *pass;
    struct crl_result *result;
    int error = X509_STORE_CTX_get_error(context);
    int depth = X509_STORE_CTX_get_error_depth(context);
    if (ok)
        return 1;
    while ((parent = X509_STORE_CTX_get0_parent_ctx(top)) != NULL)
        top = parent;
    pass = X509_STORE_CTX_get_app_data(top);
    if (top != context)
        return on_signer_path(context, pass->chain->hard);
    if (is_certificate_time(error))
        return 1;
    if (!is_crl_error(error))
        return 0;
    if (depth < 0 || depth >= pass->count)
        return 1; /* the anchor is believed as it is */
    result = &pass->results[depth];
    if (error == X509_V_ERR_CERT_REVOKED) {
        take_revoked(context, pass, result);
        return 1;
    }
    if (result->fault == X509_V_OK)
        result->fault = error;
    /* An old CRL is no forgery: what it revoked stays so. */
    if (error == X509_V_ERR_CRL_HAS_EXPIRED)
        result->old = X509_STORE_CTX_get0_current_crl(context);
    else
        result->bad = current_crl(context, result);
    return 1;
}

/* The chain without its anchor, then the helpers: issuers are looked for in this order. */
static STACK_OF(X509) * untrusted_of(const struct revocation_chain *chain)
{
    STACK_OF(X509) *out = sk_X509_new_null();
    int below = sk_X509_num(chain->certificates) - 1;
    if (out == NULL)
        return NULL;
    for (int i = 1; i < below; i++)
        if (sk_X509_push(out, sk_X509_value(chain->certificates, i)) == 0)
            goto failed;
    for (int i = 0; i < sk_X509_num(chain->helpers); i++)
        if (sk_X509_push(out, sk_X509_value(chain->helpers, i)) == 0)
            goto failed;
    return out;
failed:
    sk_X509_free(out);
    return NULL;
}

/* Does the context's chain agree with the one that is judged? */
static bool is_same_chain(X509_STORE_CTX *context, const struct revocation_chain *chain)
{
    STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(context);
    if (sk_X509_num(built) != sk_X509_num(chain->certificates))
        return false;
    for (int i = 0; i < sk_X509_num(built); i++)
        if (X509_cmp(sk_X509_value(built, i), sk_X509_value(chain->certificates, i)) != 0)
            return false;
    return true;
}

static int prepare(X509_STORE_CTX *context, const struct crl_pass *pass, STACK_OF(X509) * untrusted,
                   STACK_OF(X509) * anchor)
{
    const struct revocation_chain *chain = pass->chain;
    X509_VERIFY_PARAM *param;
    if (X509_STORE_CTX_init(context, chain->anchors, sk_X509_value(chain->certificates, 0),
                            untrusted) != 1)
        return -1;
    X509_STORE_CTX_set0_trusted_stack(context, anchor);
    X509_STORE_CTX_set0_crls(context, pass->crls);
    X509_STORE_CTX_set_verify_cb(context, on_crl);
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, chain->now);
    X509_VERIFY_PARAM_set_depth(param, chain->max_depth);
    if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK |
                                               X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_USE_DELTAS |
                                               X509_V_FLAG_EXTENDED_CRL_SUPPORT) != 1)
        return -1;
    return X509_STORE_CTX_set_app_data(context, (void *)(uintptr_t)pass) == 1 ? 0 : -1;
}

/* Let OpenSSL check the chain. Returns 0, or -1 out of memory. */
static int check_crls(const struct crl_pass *pass)
{
    STACK_OF(X509) *untrusted = untrusted_of(pass->chain);
    STACK_OF(X509) *anchor = sk_X509_new_null();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int rc = -1;
    if (untrusted == NULL || anchor == NULL || context == NULL ||
        sk_X509_push(anchor, sk_X509_value(pass->chain->certificates, pass->count)) == 0 ||
        prepare(context, pass, untrusted, anchor) != 0)
        goto out;
    if (X509_verify_cert(context) == 1 && is_same_chain(context, pass->chain))
        for (int i = 0; i < pass->count; i++)
            pass->results[i].reached = true;
    rc = X509_STORE_CTX_get_error(context) == X509_V_ERR_OUT_OF_MEM ? -1 : 0;
out:
    X509_STORE_CTX_free(context);
    sk_X509_free(untrusted);
    sk_X509_free(anchor);
    ERR_clear_error();
    return rc;
}

/* All that was handed over: a CRL may speak of several certificates, and of those who sign CRLs. */
static STACK_OF(X509_CRL) * all_crls(const struct revocation_evidence *evidence, int count)
{
    STACK_OF(X509_CRL) *all = sk_X509_CRL_new_null();
    for (int i = 0; all != NULL && i < count; i++)
        for (int k = 0; k < sk_X509_CRL_num(evidence[i].crls); k++) {
            X509_CRL *crl = sk_X509_CRL_value(evidence[i].crls, k);
            if (sk_X509_CRL_find(all, crl) < 0 && sk_X509_CRL_push(all, crl) == 0) {
                sk_X509_CRL_free(all);
                return NULL;
            }
        }
    return all;
}

/* ---- Putting together ---- */

static void say_revoked(struct revocation_finding *finding)
{
    char *subject = chain_subject(finding->certificate);
    const char *reason = revocation_reason_name(finding->reason);
    struct tm day = {0};
    char date[sizeof "2026-01-02"] = "?";
    if (gmtime_r(&finding->revoked_at, &day) != NULL)
        (void)strftime(date, sizeof date, "%Y-%m-%d", &day);
    why_set(&finding->sentence, "the certificate of %s was %s on %s%s%s%s",
            subject != NULL ? subject : "?",
            finding->reason == CRL_REASON_CERTIFICATE_HOLD ? "put on hold" : "revoked", date,
            reason != NULL ? " (" : "", reason != NULL ? reason : "", reason != NULL ? ")" : "");
    free(subject);
}

static void say_unknown(struct revocation_finding *finding, const struct crl_result *crl,
                        const struct revocation_evidence *evidence, const char *ocsp)
{
    char *subject = chain_subject(finding->certificate);
    const char *about = evidence->trouble;
    if (crl->fault != X509_V_OK && crl->fault != X509_V_ERR_UNABLE_TO_GET_CRL)
        about = X509_verify_cert_error_string(crl->fault);
    if (about == NULL && ocsp == NULL)
        about = "there is no CRL and no OCSP answer on it";
    why_set(&finding->sentence, "certificate of %s: %s%s%s", subject != NULL ? subject : "?",
            about != NULL ? about : "", about != NULL && ocsp != NULL ? "; " : "",
            ocsp != NULL ? ocsp : "");
    free(subject);
}

/* Returns 0, or -1 out of memory. */
static int judge_one(const struct revocation_chain *chain, int at, const struct crl_result *crl,
                     const struct revocation_evidence *evidence, STACK_OF(X509_CRL) * crls,
                     struct revocation_finding *out)
{
    struct ocsp_answer ocsp = {.finding = {.state = REVOCATION_UNKNOWN}};
    *out = (struct revocation_finding){.state = REVOCATION_UNKNOWN,
                                       .certificate = sk_X509_value(chain->certificates, at),
                                       .reason = REVOCATION_NO_REASON};
    if (evidence->ocsp != NULL &&
        ocsp_answer_judge(evidence->ocsp, out->certificate,
                          sk_X509_value(chain->certificates, at + 1), crls, chain->now, &ocsp) != 0)
        return -1;
    if (crl->revoked) {
        out->state = REVOCATION_REVOKED;
        out->revoked_at = crl->revoked_at;
        out->reason = crl->reason;
    } else if (ocsp.finding.state == REVOCATION_REVOKED) {
        out->state = REVOCATION_REVOKED;
        out->revoked_at = ocsp.finding.revoked_at;
        out->reason = ocsp.finding.reason;
    } else if ((crl->reached && crl->fault == X509_V_OK) || ocsp.finding.state == REVOCATION_GOOD) {
        out->state = REVOCATION_GOOD;
    }
    if (out->state == REVOCATION_REVOKED)
        say_revoked(out);
    else if (out->state == REVOCATION_UNKNOWN)
        say_unknown(out, crl, evidence, ocsp.finding.sentence);
    revocation_finding_clear(&ocsp.finding);
    return 0;
}

enum smime_status chain_revocation_judge(const struct revocation_chain *chain,
                                         const struct revocation_evidence *evidence,
                                         struct revocation_finding *findings_out, char **why)
{
    struct crl_pass pass = {.chain = chain, .count = sk_X509_num(chain->certificates) - 1};
    STACK_OF(X509_CRL) *crls = NULL;
    enum smime_status status = SMIME_ERROR;
    int done = 0;
    if (pass.count <= 0)
        return SMIME_OK;
    pass.results = calloc((size_t)pass.count, sizeof *pass.results);
    crls = all_crls(evidence, pass.count);
    if (pass.results == NULL || crls == NULL)
        goto out;
    pass.crls = crls;
    if (sk_X509_CRL_num(crls) > 0 && check_crls(&pass) != 0)
        goto out;
    for (; done < pass.count; done++)
        if (judge_one(chain, done, &pass.results[done], &evidence[done], crls,
                      &findings_out[done]) != 0)
            goto out;
    status = SMIME_OK;
out:
    if (status != SMIME_OK) {
        why_set(why, "cannot judge revocation: out of memory");
        while (done > 0)
            revocation_finding_clear(&findings_out[--done]);
    }
    sk_X509_CRL_free(crls);
    free(pass.results);
    return status;
}

/* ---- Asking ---- */

static STACK_OF(X509) * join(STACK_OF(X509) * bundle, STACK_OF(X509) * intermediates)
{
    STACK_OF(X509) *both = bundle != NULL ? sk_X509_dup(bundle) : sk_X509_new_null();
    for (int i = 0; both != NULL && i < sk_X509_num(intermediates); i++)
        if (sk_X509_push(both, sk_X509_value(intermediates, i)) == 0) {
            sk_X509_free(both);
            return NULL;
        }
    return both;
}

/* The worst of them; of equals the one nearest to the leaf. */
static void take_worst(struct revocation_finding *findings, int count,
                       struct revocation_finding *out)
{
    int worst = 0;
    for (int i = 1; i < count; i++)
        if (findings[i].state > findings[worst].state)
            worst = i;
    *out = findings[worst];
    findings[worst].sentence = NULL;
}

enum smime_status chain_revocation_check(STACK_OF(X509) * certificates, STACK_OF(X509) * bundle,
                                         const struct open_request *request,
                                         struct revocation_finding *out, char **why)
{
    const struct revocation_source *source = &request->revocation;
    struct revocation_chain chain = {.certificates = certificates,
                                     .anchors = request->anchors,
                                     .now = request->now,
                                     .max_depth = (int)request->limits.max_chain,
                                     .hard = source->hard};
    int count = sk_X509_num(certificates) - 1;
    struct revocation_evidence *evidence = NULL;
    struct revocation_finding *findings = NULL;
    enum smime_status status = SMIME_ERROR;
    *out = (struct revocation_finding){.state = REVOCATION_GOOD};
    if (count <= 0)
        return SMIME_OK; /* an anchor by itself */
    evidence = calloc((size_t)count, sizeof *evidence);
    findings = calloc((size_t)count, sizeof *findings);
    chain.helpers = join(bundle, request->intermediates);
    if (evidence == NULL || findings == NULL || chain.helpers == NULL) {
        why_set(why, "cannot judge revocation: out of memory");
        goto out;
    }
    status = SMIME_OK;
    for (int i = 0; status == SMIME_OK && i < count; i++)
        status = source->find(source->context, certificates, i, chain.helpers, &evidence[i], why);
    if (status == SMIME_OK)
        status = chain_revocation_judge(&chain, evidence, findings, why);
    if (status != SMIME_OK)
        goto out;
    take_worst(findings, count, out);
    if (out->state == REVOCATION_REVOKED && source->revoked != NULL)
        source->revoked(source->context, sk_X509_value(certificates, 0), out);
out:
    for (int i = 0; i < count; i++) {
        if (evidence != NULL)
            revocation_evidence_clear(&evidence[i]);
        if (findings != NULL)
            revocation_finding_clear(&findings[i]);
    }
    free(evidence);
    free(findings);
    sk_X509_free(chain.helpers);
    return status;
}
