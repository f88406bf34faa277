/* Judging an OCSP response. OpenSSL verifies the signature and whether the signer may answer; the
 * times are compared here, because OCSP_check_validity() reads the clock. */
#include "ocsp_answer.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "chain_revocation.h"
#include "why.h"

/* The delegated responder's own certificate: only a revocation that is known spoils it (RFC 6960
 * section 4.2.2.2.1 leaves that to us). */
static int on_responder(int ok, X509_STORE_CTX *context)
{
    return ok || X509_STORE_CTX_get_error(context) == X509_V_ERR_UNABLE_TO_GET_CRL;
}

/* With the issuer as the only anchor, a responder is the issuer or was certified by it. */
static X509_STORE *trust_issuer(X509 *issuer, STACK_OF(X509_CRL) * crls, time_t now)
{
    X509_STORE *store = X509_STORE_new();
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    if (store == NULL || X509_STORE_add_cert(store, issuer) != 1)
        goto failed;
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), now);
    for (int i = 0; i < sk_X509_CRL_num(crls); i++)
        if (X509_STORE_add_crl(store, sk_X509_CRL_value(crls, i)) != 1)
            goto failed;
    if (sk_X509_CRL_num(crls) > 0)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_USE_DELTAS | X509_V_FLAG_EXTENDED_CRL_SUPPORT;
    if (X509_STORE_set_flags(store, flags) != 1)
        goto failed;
    X509_STORE_set_verify_cb(store, on_responder);
    return store;
failed:
    X509_STORE_free(store);
    return NULL;
}

static void unknown(struct ocsp_answer *out, const char *sentence)
{
    out->finding.state = REVOCATION_UNKNOWN;
    why_set(&out->finding.sentence, "%s", sentence);
}

/* Returns 1 when the signature is right and its signer may answer, 0, or -1 out of memory. */
static int verify(OCSP_BASICRESP *basic, X509 *issuer, STACK_OF(X509_CRL) * crls, time_t now)
{
    X509_STORE *store = trust_issuer(issuer, crls, now);
    STACK_OF(X509) *issuers = sk_X509_new_null();
    int rc = -1;
    if (store != NULL && issuers != NULL && sk_X509_push(issuers, issuer) > 0)
        rc = OCSP_basic_verify(basic, issuers, store, OCSP_NOEXPLICIT | OCSP_PARTIAL_CHAIN) == 1;
    sk_X509_free(issuers);
    X509_STORE_free(store);
    return rc;
}

static bool read_times(const ASN1_GENERALIZEDTIME *this_update,
                       const ASN1_GENERALIZEDTIME *next_update, struct ocsp_answer *out)
{
    if (this_update == NULL || revocation_time(this_update, &out->this_update) != 0)
        return false;
    out->until = out->this_update + OCSP_MOMENT_S;
    return next_update == NULL ||
           (revocation_time(next_update, &out->until) == 0 && out->until >= out->this_update);
}

/* The single answer on this certificate. Returns 0, or -1 out of memory. */
static int read_answer(OCSP_BASICRESP *basic, X509 *certificate, X509 *issuer, time_t now,
                       struct ocsp_answer *out)
{
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, certificate, issuer); /* SHA-1, which everyone takes */
    ASN1_GENERALIZEDTIME *revoked_at = NULL;
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    int status = 0;
    int reason = REVOCATION_NO_REASON;
    int found;
    if (id == NULL)
        return -1;
    found =
        OCSP_resp_find_status(basic, id, &status, &reason, &revoked_at, &this_update, &next_update);
    OCSP_CERTID_free(id);
    if (found != 1)
        unknown(out, "the OCSP answer is about other certificates");
    else if (!read_times(this_update, next_update, out) ||
             out->this_update > now + OCSP_CLOCK_SKEW_S)
        unknown(out, "the OCSP answer has no sensible time");
    else if (status == V_OCSP_CERTSTATUS_REVOKED) {
        out->finding.state = REVOCATION_REVOKED;
        out->finding.reason = reason;
        if (revoked_at == NULL || revocation_time(revoked_at, &out->finding.revoked_at) != 0)
            out->finding.revoked_at = out->this_update;
        if (reason == CRL_REASON_CERTIFICATE_HOLD && now > out->until + OCSP_CLOCK_SKEW_S)
            unknown(out, "the OCSP answer is out of date");
    } else if (now > out->until + OCSP_CLOCK_SKEW_S)
        unknown(out, "the OCSP answer is out of date");
    else if (status == V_OCSP_CERTSTATUS_GOOD)
        out->finding.state = REVOCATION_GOOD;
    else
        unknown(out, "the OCSP responder does not know the certificate");
    return 0;
}

int ocsp_answer_judge(OCSP_RESPONSE *response, X509 *certificate, X509 *issuer,
                      STACK_OF(X509_CRL) * crls, time_t now, struct ocsp_answer *out)
{
    OCSP_BASICRESP *basic = NULL;
    int status = OCSP_response_status(response);
    int rc = 0;
    *out = (struct ocsp_answer){
        .finding = {.state = REVOCATION_UNKNOWN, .reason = REVOCATION_NO_REASON}};
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        why_set(&out->finding.sentence, "the OCSP responder says \"%s\"",
                OCSP_response_status_str(status));
        return 0;
    }
    basic = OCSP_response_get1_basic(response);
    if (basic == NULL) {
        unknown(out, "the OCSP answer is of a type that nobody knows");
        goto out;
    }
    rc = verify(basic, issuer, crls, now);
    if (rc == 0)
        unknown(out, "the OCSP answer is not signed by the issuer or on its behalf");
    else if (rc > 0)
        rc = read_answer(basic, certificate, issuer, now, out);
out:
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
    return rc;
}
