/* Finding the signer of a CRL by its name and its key. */
#include "crl_signer.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "why.h"

static bool has_signed(X509 *certificate, X509_CRL *crl)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key != NULL &&
           X509_NAME_cmp(X509_get_subject_name(certificate), X509_CRL_get_issuer(crl)) == 0 &&
           X509_CRL_verify(crl, key) == 1;
}

static X509 *among(STACK_OF(X509) * certificates, X509_CRL *crl)
{
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        if (has_signed(certificate, crl) && X509_up_ref(certificate) == 1)
            return certificate;
    }
    return NULL;
}

static bool chains(X509 *certificate, const struct crl_signers *signers)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool valid = false;
    if (context != NULL &&
        X509_STORE_CTX_init(context, signers->anchors, certificate, signers->unverified) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_time(param, signers->now);
        valid = X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
                X509_verify_cert(context) == 1;
    }
    X509_STORE_CTX_free(context);
    return valid;
}

X509 *crl_signer_find(X509_CRL *crl, const struct crl_signers *signers, char **why)
{
    STACK_OF(X509) *anchors = NULL;
    X509 *found = among(signers->believed, crl);
    if (found == NULL) {
        anchors = X509_STORE_get1_all_certs(signers->anchors);
        found = among(anchors, crl);
        sk_X509_pop_free(anchors, X509_free);
    }
    for (int i = 0; found == NULL && i < sk_X509_num(signers->unverified); i++) {
        X509 *certificate = sk_X509_value(signers->unverified, i);
        if (has_signed(certificate, crl) && chains(certificate, signers) &&
            X509_up_ref(certificate) == 1)
            found = certificate;
    }
    ERR_clear_error();
    if (found == NULL)
        why_set(why, "it is not signed by a CA that we believe");
    return found;
}
