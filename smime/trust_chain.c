/* Chains from a certificate to a trust anchor.
 *
 * OpenSSL builds and checks them. Three things it leaves to us: a chain that is good but for the
 * time is "expired" only if nothing else is wrong with it; of several anchors with one name it
 * tries one; and its S/MIME purpose knows neither anyExtendedKeyUsage nor key agreement. */
#include "trust_chain.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "chain_revocation.h"
#include "why.h"

struct attempt {
    enum chain_use use;
    bool expired;
    enum signature_verdict verdict;
    char *reason;
    STACK_OF(X509) * chain; /* as far as it came */
};

char *chain_subject(const X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    long length;
    char *out = NULL;
    if (bio == NULL)
        return NULL;
    if (X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                           XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        length = BIO_get_mem_data(bio, &bytes);
        out = strndup(length > 0 ? bytes : "", length > 0 ? (size_t)length : 0);
    }
    BIO_free(bio);
    return out;
}

bool chain_usage_allows(X509 *certificate, enum chain_use use)
{
    uint32_t allowed = use == CHAIN_SIGN ? KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION
                                         : KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;
    uint32_t flags = X509_get_extension_flags(certificate);
    if (flags & EXFLAG_INVALID)
        return false;
    if ((flags & EXFLAG_KUSAGE) && (X509_get_key_usage(certificate) & allowed) == 0)
        return false;
    return (flags & EXFLAG_XKUSAGE) == 0 ||
           (X509_get_extended_key_usage(certificate) & (XKU_SMIME | XKU_ANYEKU)) != 0;
}

/* Is what OpenSSL calls a wrong purpose right for us? */
static bool purpose_is_fine(X509 *certificate, int depth, enum chain_use use)
{
    if (depth == 0)
        return chain_usage_allows(certificate, use);
    return X509_check_ca(certificate) == 1 &&
           (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0 &&
           (X509_get_extended_key_usage(certificate) & XKU_ANYEKU) != 0;
}

static bool is_time_error(int error)
{
    return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

static void set_reason(struct attempt *attempt, const char *text, const X509 *certificate)
{
    char *subject = certificate != NULL ? chain_subject(certificate) : NULL;
    why_set(&attempt->reason, "%s%s%s%s", text, subject != NULL ? " (certificate of " : "",
            subject != NULL ? subject : "", subject != NULL ? ")" : "");
    free(subject);
}

/* Time alone does not stop the check: something worse may come behind it. */
static int on_error(int ok, X509_STORE_CTX *context)
{
    struct attempt *attempt = X509_STORE_CTX_get_app_data(context);
    int error = X509_STORE_CTX_get_error(context);
    X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    if (ok)
        return 1;
    if (is_time_error(error)) {
        if (!attempt->expired)
            set_reason(attempt, X509_verify_cert_error_string(error), certificate);
        attempt->expired = true;
        return 1;
    }
    return error == X509_V_ERR_INVALID_PURPOSE &&
           purpose_is_fine(certificate, X509_STORE_CTX_get_error_depth(context), attempt->use);
}

/* Below the anchor, which is believed whatever its signature is, nothing may be signed with a
 * broken digest or a short key. */
static void judge_strength(struct attempt *attempt)
{
    int last = sk_X509_num(attempt->chain) - 1;
    for (int i = 0; i <= last; i++) {
        X509 *certificate = sk_X509_value(attempt->chain, i);
        EVP_PKEY *key = X509_get0_pubkey(certificate);
        int digest = NID_undef;
        const char *fault = NULL;
        if (key == NULL || EVP_PKEY_get_security_bits(key) < CHAIN_MIN_SECURITY_BITS)
            fault = "the key is too short";
        (void)X509_get_signature_info(certificate, &digest, NULL, NULL, NULL);
        if (i < last && (digest == NID_md5 || digest == NID_md4 || digest == NID_md2))
            fault = "it is signed with a broken digest";
        if (fault != NULL) {
            attempt->verdict = SIGNATURE_UNTRUSTED;
            set_reason(attempt, fault, certificate);
            return;
        }
    }
}

/* The day in the alias of `anchor`: 1 with *day_out (ASN1_TIME_free()), 0 when there is none, -1
 * when it cannot be read. */
static int read_until(X509 *anchor, ASN1_TIME **day_out)
{
    static const char prefix[] = CHAIN_UNTIL_ALIAS;
    int length = 0;
    const unsigned char *alias = X509_alias_get0(anchor, &length);
    char *text;
    bool read;
    if (alias == NULL || length < (int)sizeof prefix - 1 ||
        memcmp(alias, prefix, sizeof prefix - 1) != 0)
        return 0;
    text = strndup((const char *)alias + sizeof prefix - 1, (size_t)length - (sizeof prefix - 1));
    *day_out = ASN1_TIME_new();
    read = text != NULL && *day_out != NULL && ASN1_TIME_set_string_X509(*day_out, text) == 1;
    free(text);
    if (read)
        return 1;
    ASN1_TIME_free(*day_out);
    return -1;
}

/* Whoever gives a CA up goes on believing what it had issued. */
static void judge_issued(struct attempt *attempt)
{
    int last = sk_X509_num(attempt->chain) - 1;
    X509 *leaf = sk_X509_value(attempt->chain, 0);
    ASN1_TIME *day = NULL;
    int rc = last > 0 ? read_until(sk_X509_value(attempt->chain, last), &day) : 0;
    int order = rc > 0 ? ASN1_TIME_compare(X509_get0_notBefore(leaf), day) : -1;
    if (rc < 0 || order > 0 || order < -1) {
        attempt->verdict = SIGNATURE_UNTRUSTED;
        set_reason(attempt, "its root is believed only for what it issued before", leaf);
    }
    if (rc > 0)
        ASN1_TIME_free(day);
}

static void judge_attempt(struct attempt *attempt, int ok, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context);
    if (ok == 1) {
        attempt->verdict = attempt->expired ? SIGNATURE_EXPIRED : SIGNATURE_VALID;
        judge_strength(attempt);
        judge_issued(attempt);
        return;
    }
    attempt->verdict = error == X509_V_ERR_CERT_REVOKED ? SIGNATURE_REVOKED : SIGNATURE_UNTRUSTED;
    set_reason(attempt, X509_verify_cert_error_string(error),
               X509_STORE_CTX_get_current_cert(context));
}

/* Any policy will do for us, but a CA may bind those below it to have one of its own (RFC 5280
 * section 6.1; the user-initial-policy-set is any-policy). */
static bool process_policies(X509_VERIFY_PARAM *param)
{
    ASN1_OBJECT *any = OBJ_nid2obj(NID_any_policy);
    return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK) == 1 &&
           X509_VERIFY_PARAM_add0_policy(param, any) == 1;
}

/* `anchor`: only this one instead of all of request->anchors; NULL: all. *same_name_out (may be
 * NULL) gets the anchors that have the name of an issuer in the chain. */
static enum smime_status try_chain(X509 *leaf, STACK_OF(X509) * untrusted,
                                   const struct open_request *request, X509 *anchor,
                                   struct attempt *attempt, STACK_OF(X509) * same_name_out)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *only = sk_X509_new_null();
    enum smime_status status = SMIME_ERROR;
    X509_VERIFY_PARAM *param;
    int ok;
    if (context == NULL || only == NULL || (anchor != NULL && sk_X509_push(only, anchor) == 0) ||
        X509_STORE_CTX_init(context, request->anchors, leaf, untrusted) != 1)
        goto out;
    if (anchor != NULL)
        X509_STORE_CTX_set0_trusted_stack(context, only);
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, request->now);
    X509_VERIFY_PARAM_set_depth(param, (int)request->limits.max_chain);
    /* An administrator may believe an intermediate CA without its root. */
    if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) != 1 ||
        !process_policies(param) ||
        X509_STORE_CTX_set_purpose(context, attempt->use == CHAIN_SIGN
                                                ? X509_PURPOSE_SMIME_SIGN
                                                : X509_PURPOSE_SMIME_ENCRYPT) != 1 ||
        X509_STORE_CTX_set_app_data(context, attempt) != 1)
        goto out;
    X509_STORE_CTX_set_verify_cb(context, on_error);
    ok = X509_verify_cert(context);
    if (ok != 1 && (X509_STORE_CTX_get_error(context) == X509_V_ERR_OUT_OF_MEM ||
                    X509_STORE_CTX_get_error(context) == X509_V_ERR_STORE_LOOKUP))
        goto out;
    attempt->chain = X509_STORE_CTX_get1_chain(context);
    judge_attempt(attempt, ok, context);
    for (int i = 0; same_name_out != NULL && i < sk_X509_num(attempt->chain); i++) {
        STACK_OF(X509) *named = X509_STORE_CTX_get1_certs(
            context, X509_get_issuer_name(sk_X509_value(attempt->chain, i)));
        X509 *certificate;
        while ((certificate = sk_X509_pop(named)) != NULL) {
            ok = X509_add_cert(same_name_out, certificate,
                               X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP);
            X509_free(certificate);
            if (ok != 1)
                break;
        }
        sk_X509_pop_free(named, X509_free);
    }
    status = SMIME_OK;
out:
    X509_STORE_CTX_free(context);
    sk_X509_free(only);
    ERR_clear_error();
    return status;
}

static void attempt_clear(struct attempt *attempt)
{
    why_free(&attempt->reason);
    sk_X509_pop_free(attempt->chain, X509_free);
    attempt->chain = NULL;
}

/* Better than the attempt before? Valid, expired, revoked, untrusted. Revoked stays: another way to
 * an anchor does not undo it. */
static bool is_better(enum signature_verdict a, enum signature_verdict b)
{
    return b != SIGNATURE_REVOKED && a < b;
}

/* The first attempt, and where it failed one for each anchor that has the name of an issuer in the
 * chain: which of them OpenSSL took was chance. */
static enum smime_status try_anchors(X509 *leaf, STACK_OF(X509) * untrusted,
                                     const struct open_request *request, struct attempt *best)
{
    STACK_OF(X509) *named = sk_X509_new_null();
    enum smime_status status = SMIME_ERROR;
    if (named == NULL)
        return SMIME_ERROR;
    status = try_chain(leaf, untrusted, request, NULL, best, named);
    for (int i = 0; status == SMIME_OK && best->verdict != SIGNATURE_VALID &&
                    sk_X509_num(named) > 1 && i < sk_X509_num(named) && i < CHAIN_MAX_RETRIES;
         i++) {
        struct attempt attempt = {.use = best->use};
        status = try_chain(leaf, untrusted, request, sk_X509_value(named, i), &attempt, NULL);
        if (status == SMIME_OK && is_better(attempt.verdict, best->verdict)) {
            struct attempt former = *best;
            *best = attempt;
            attempt = former;
        }
        attempt_clear(&attempt);
    }
    sk_X509_pop_free(named, X509_free);
    return status;
}

/* Without the intermediates of the store first: one of them could have the name of an issuer and
 * another key. */
static enum smime_status try_bundles(X509 *leaf, STACK_OF(X509) * bundle,
                                     const struct open_request *request, struct attempt *best)
{
    STACK_OF(X509) *both = NULL;
    struct attempt attempt = {.use = best->use};
    enum smime_status status = try_anchors(leaf, bundle, request, best);
    if (status != SMIME_OK || best->verdict == SIGNATURE_VALID ||
        sk_X509_num(request->intermediates) <= 0)
        return status;
    both = bundle != NULL ? sk_X509_dup(bundle) : sk_X509_new_null();
    if (both == NULL)
        return SMIME_ERROR;
    for (int i = 0; i < sk_X509_num(request->intermediates); i++)
        if (sk_X509_push(both, sk_X509_value(request->intermediates, i)) == 0) {
            sk_X509_free(both);
            return SMIME_ERROR;
        }
    status = try_anchors(leaf, both, request, &attempt);
    if (status == SMIME_OK && is_better(attempt.verdict, best->verdict)) {
        struct attempt former = *best;
        *best = attempt;
        attempt = former;
    }
    attempt_clear(&attempt);
    sk_X509_free(both);
    return status;
}

/* A chain that is valid so far: has one of its certificates been revoked? */
static enum smime_status judge_revocation(struct attempt *best, STACK_OF(X509) * bundle,
                                          const struct open_request *request, char **why)
{
    struct revocation_finding finding;
    enum smime_status status = chain_revocation_check(best->chain, bundle, request, &finding, why);
    if (status != SMIME_OK)
        return status;
    if (finding.state == REVOCATION_REVOKED) {
        best->verdict = SIGNATURE_REVOKED;
        why_set(&best->reason, "%s%s", why_text(&finding.sentence),
                best->use == CHAIN_SIGN ? ", and nothing proves that the signature is older" : "");
    } else if (finding.state == REVOCATION_UNKNOWN) {
        best->verdict = request->revocation.hard ? SIGNATURE_UNTRUSTED : SIGNATURE_VALID;
        why_set(&best->reason, "revocation could not be checked: %s", why_text(&finding.sentence));
    }
    revocation_finding_clear(&finding);
    return SMIME_OK;
}

enum smime_status chain_verify(X509 *leaf, STACK_OF(X509) * bundle,
                               const struct open_request *request, enum chain_use use,
                               enum signature_verdict *verdict_out, STACK_OF(X509) * *chain_out,
                               char **reason, char **why)
{
    struct attempt best = {.use = use};
    enum smime_status status = try_bundles(leaf, bundle, request, &best);
    if (status != SMIME_OK)
        why_set(why, "cannot build a certificate chain: out of memory");
    else if (best.verdict == SIGNATURE_VALID && request->revocation.find != NULL)
        status = judge_revocation(&best, bundle, request, why);
    *verdict_out = best.verdict;
    if (chain_out != NULL)
        *chain_out = NULL;
    if (status == SMIME_OK && (best.verdict != SIGNATURE_VALID || best.reason != NULL))
        why_set(reason, "%s", why_text(&best.reason));
    if (status == SMIME_OK && best.verdict == SIGNATURE_VALID && chain_out != NULL) {
        *chain_out = best.chain;
        best.chain = NULL;
    }
    attempt_clear(&best);
    return status;
}
