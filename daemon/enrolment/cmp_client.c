/* Exchanges with a CA by CMP, which OpenSSL does: what is asked for, and what the outcome means. */
#include "cmp_client.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cmperr.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cmp_reason.h"
#include "cmp_transfer.h"
#include "why.h"

#define MAX_CHAIN_CANDIDATES 64 /* certificates that come along with an answer */
#define BIT(number) (1 << (number))

/* What the CA cannot do now, but perhaps later. */
#define PASSING_FAILURES                                                                           \
    (BIT(OSSL_CMP_PKIFAILUREINFO_systemUnavail) | BIT(OSSL_CMP_PKIFAILUREINFO_systemFailure) |     \
     BIT(OSSL_CMP_PKIFAILUREINFO_timeNotAvailable) |                                               \
     BIT(OSSL_CMP_PKIFAILUREINFO_transactionIdInUse))

/* One exchange under way; what the confirmation callback is given. */
struct exchange {
    const struct cmp_order *order;
    struct cmp_transfer transfer;
    enum cmp_verdict verdict;
    char *reason; /* of a verdict that is not CMP_TAKE */
};

/* ---- What is asked for ---- */

static bool set_wishes(OSSL_CMP_CTX *context, const struct cmp_ca *ca,
                       const struct cmp_order *order)
{
    /* A new stack, which the context takes. */
    X509_EXTENSIONS *extensions = X509_REQ_get_extensions((X509_REQ *)(uintptr_t)order->csr);
    bool implicit = cmp_ca_setting(ca)->implicit_confirm;

    if (!extensions)
        return false;
    if (OSSL_CMP_CTX_set0_reqExtensions(context, extensions) != 1) {
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        return false;
    }
    if (OSSL_CMP_CTX_set1_subjectName(context, X509_REQ_get_subject_name(order->csr)) != 1 ||
        OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_IMPLICIT_CONFIRM, implicit) != 1 ||
        OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_SUBJECTALTNAME_NODEFAULT, 1) != 1)
        return false;
    if (order->kind == ENROLMENT_UPDATE &&
        OSSL_CMP_CTX_set1_oldCert(context, order->own->certificate) != 1)
        return false;
    EVP_PKEY_up_ref(order->key);
    if (OSSL_CMP_CTX_set0_newPkey(context, 1, order->key) != 1) {
        EVP_PKEY_free(order->key);
        return false;
    }
    return true;
}

static int request_type(const struct cmp_ca *ca, const struct cmp_order *order)
{
    if (order->kind == ENROLMENT_UPDATE)
        return OSSL_CMP_KUR;
    return cmp_ca_setting(ca)->request == CMP_REQUEST_CR ? OSSL_CMP_CR : OSSL_CMP_IR;
}

/* ---- What comes ---- */

/* Called by OpenSSL before the CA is told whether we take the certificate. */
static int confirm(OSSL_CMP_CTX *context, X509 *certificate, int fail_info, const char **text)
{
    struct exchange *exchange = OSSL_CMP_CTX_get_certConf_cb_arg(context);
    struct enrolment_messages messages = {0};

    if (fail_info != 0) {
        exchange->verdict = CMP_REFUSE;
        why_set(&exchange->reason, "%s", *text ? *text : "it is not what was asked for");
    } else if (cmp_transfer_messages(&exchange->transfer, &messages) != 0) {
        exchange->verdict = CMP_FAIL;
        why_set(&exchange->reason, "out of memory");
    } else {
        exchange->verdict = exchange->order->judge(exchange->order->context, certificate, &messages,
                                                   &exchange->reason);
    }
    enrolment_messages_clear(&messages);
    if (exchange->verdict == CMP_TAKE)
        return 0;
    exchange->transfer.stopped = exchange->verdict != CMP_REFUSE;
    *text = why_text(&exchange->reason);
    return fail_info != 0 ? fail_info : BIT(OSSL_CMP_PKIFAILUREINFO_incorrectData);
}

/* Certificates that may lead from the new one upwards; of `more` only as many as there is room for.
 */
static bool add_candidates(STACK_OF(X509) * chain, STACK_OF(X509) * more)
{
    bool added = true;

    for (int i = 0; added && i < sk_X509_num(more) && sk_X509_num(chain) < MAX_CHAIN_CANDIDATES;
         i++)
        added = X509_add_cert(chain, sk_X509_value(more, i),
                              X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
    sk_X509_pop_free(more, X509_free);
    return added;
}

static bool take_certificate(OSSL_CMP_CTX *context, struct cmp_answer *out)
{
    X509 *certificate = OSSL_CMP_CTX_get0_newCert(context);

    out->chain = sk_X509_new_null();
    if (!certificate || !out->chain || X509_up_ref(certificate) != 1)
        return false;
    out->certificate = certificate;
    return add_candidates(out->chain, OSSL_CMP_CTX_get1_extraCertsIn(context)) &&
           add_candidates(out->chain, OSSL_CMP_CTX_get1_caPubs(context));
}

/* The CA said no, in words that can be believed. */
static enum cmp_result rejection(const OSSL_CMP_CTX *context, const struct exchange *exchange,
                                 const struct cmp_errors *errors, char **why)
{
    int failures = OSSL_CMP_CTX_get_failInfoCode(context);

    if (exchange->transfer.confirming)
        return CMP_UNCONFIRMED;
    /* It does not know the transaction any more, or does not go on with it. */
    if (errors->received_error && exchange->transfer.repeated > 0)
        return CMP_ENDED;
    if (errors->rejected)
        cmp_reason_status(context, why);
    return failures > 0 && (failures & PASSING_FAILURES) ? CMP_UNAVAILABLE : CMP_REJECTED;
}

static enum cmp_result failure(const OSSL_CMP_CTX *context, struct exchange *exchange, char **why)
{
    const struct cmp_transfer *transfer = &exchange->transfer;
    struct cmp_errors errors;

    cmp_reason_take("CMP", &errors, why);
    if (exchange->verdict == CMP_FAIL || exchange->verdict == CMP_LATER) {
        why_set(why, "%s", why_text(&exchange->reason));
        return exchange->verdict == CMP_FAIL ? CMP_ERROR : CMP_POSTPONED;
    }
    if (exchange->verdict == CMP_REFUSE) {
        why_set(why, "the certificate that the CA issued is refused: %s%s",
                why_text(&exchange->reason),
                transfer->confirming ? ""
                                     : "; the CA wants no confirmation and does not know, so it "
                                       "has to be asked to revoke it");
        return CMP_REFUSED;
    }
    if (transfer->failed) {
        why_set(why, "%s", why_text(&transfer->why));
        return transfer->ours ? CMP_ERROR : CMP_UNAVAILABLE;
    }
    if (errors.received_error || errors.rejected)
        return rejection(context, exchange, &errors, why);
    /* Of this alone OpenSSL 3.0 says nothing. */
    if (!errors.any)
        why_set(why, "the sender of an answer is not the CA that was asked");
    return transfer->asked == 0 && transfer->repeated > 0 ? CMP_ENDED : CMP_UNCLEAR;
}

/* OpenSSL returns after each answer that has to wait: those that are given again are passed over
 * without asking, then the CA is asked once. */
static enum cmp_result run(OSSL_CMP_CTX *context, struct exchange *exchange, int type,
                           struct cmp_answer *out, char **why)
{
    int rc;

    do
        rc = OSSL_CMP_try_certreq(context, type, NULL, &out->check_after_s);
    while (rc == -1 && exchange->transfer.asked == 0);
    if (rc == 0) {
        enum cmp_result result = failure(context, exchange, why);

        if (result != CMP_UNCONFIRMED || take_certificate(context, out))
            return result;
    } else if (rc == -1 ? cmp_transfer_messages(&exchange->transfer, &out->messages) == 0
                        : take_certificate(context, out)) {
        return rc == -1 ? CMP_WAITING : CMP_GRANTED;
    }
    why_set(why, "out of memory");
    return CMP_ERROR;
}

enum cmp_result cmp_enrol(const struct cmp_ca *ca, const struct cmp_order *order,
                          struct cmp_answer *out, char **why)
{
    struct exchange exchange = {
        .order = order,
        .transfer = {.setting = cmp_ca_setting(ca), .former = order->former},
    };
    bool own =
        order->kind == ENROLMENT_UPDATE && cmp_ca_setting(ca)->update_by == CMP_UPDATE_BY_MAILBOX;
    enum cmp_result result = CMP_ERROR;
    OSSL_CMP_CTX *context;
    struct cmp_errors errors;

    *out = (struct cmp_answer){0};
    ERR_clear_error();
    context = cmp_ca_context(ca, own ? order->own : NULL, order->now, why);
    if (!context)
        goto out;
    if (!set_wishes(context, ca, order) || OSSL_CMP_CTX_set_certConf_cb(context, confirm) != 1 ||
        OSSL_CMP_CTX_set_certConf_cb_arg(context, &exchange) != 1 ||
        cmp_transfer_set(context, &exchange.transfer) != 0) {
        cmp_reason_take("making a request to the CA", &errors, why);
        goto out;
    }
    result = run(context, &exchange, request_type(ca, order), out, why);
out:
    OSSL_CMP_CTX_free(context);
    cmp_transfer_clear(&exchange.transfer);
    why_free(&exchange.reason);
    ERR_clear_error();
    return result;
}

void cmp_answer_clear(struct cmp_answer *answer)
{
    X509_free(answer->certificate);
    sk_X509_pop_free(answer->chain, X509_free);
    enrolment_messages_clear(&answer->messages);
    *answer = (struct cmp_answer){0};
}

/* ---- Revoking ---- */

static enum cmp_result revocation_failure(const OSSL_CMP_CTX *context, struct exchange *exchange,
                                          char **why)
{
    int failures = OSSL_CMP_CTX_get_failInfoCode(context);
    int status = OSSL_CMP_CTX_get_status(context);
    enum cmp_result result = failure(context, exchange, why);

    if (result == CMP_UNAVAILABLE || result == CMP_ERROR)
        return result;
    /* The status is that of an answer only where there was one that could be believed. */
    if (status != OSSL_CMP_PKISTATUS_rejection)
        return CMP_UNCLEAR;
    if (failures > 0 && (failures & BIT(OSSL_CMP_PKIFAILUREINFO_certRevoked)))
        return CMP_GRANTED;
    cmp_reason_status(context, why);
    return failures > 0 && (failures & PASSING_FAILURES) ? CMP_UNAVAILABLE : CMP_REJECTED;
}

enum cmp_result cmp_revoke(const struct cmp_ca *ca, const struct identity *own, int reason,
                           time_t now, char **why)
{
    struct exchange exchange = {.transfer = {.setting = cmp_ca_setting(ca)}};
    bool by_own = cmp_ca_setting(ca)->update_by == CMP_UPDATE_BY_MAILBOX;
    enum cmp_result result = CMP_ERROR;
    OSSL_CMP_CTX *context;
    struct cmp_errors errors;

    ERR_clear_error();
    context = cmp_ca_context(ca, by_own ? own : NULL, now, why);
    if (!context)
        goto out;
    if (OSSL_CMP_CTX_set1_oldCert(context, own->certificate) != 1 ||
        OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_REVOCATION_REASON, reason) != 1 ||
        cmp_transfer_set(context, &exchange.transfer) != 0) {
        cmp_reason_take("making a request to the CA", &errors, why);
        goto out;
    }
    result = OSSL_CMP_exec_RR_ses(context) == 1 ? CMP_GRANTED
                                                : revocation_failure(context, &exchange, why);
out:
    OSSL_CMP_CTX_free(context);
    cmp_transfer_clear(&exchange.transfer);
    ERR_clear_error();
    return result;
}
