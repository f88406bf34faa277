/* Building the chain as a recipient's program would, and saying where that ends. */
#include "chain_notice.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "certificate.h"
#include "why.h"

/* The certificate where verification stopped. */
static X509 *stopped_at(X509_STORE_CTX *attempt, X509 *leaf)
{
    X509 *current = X509_STORE_CTX_get_current_cert(attempt);
    return current ? current : leaf;
}

static void say(X509_STORE_CTX *attempt, X509 *leaf, char **sentence_out)
{
    int error = X509_STORE_CTX_get_error(attempt);
    X509 *last = stopped_at(attempt, leaf);
    char *subject = certificate_subject(last), *issuer = certificate_issuer(last);
    const char *named = subject ? subject : "?";
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        why_set(sentence_out,
                "the chain is incomplete: the CA %s, which issued %s, is neither in it nor a trust "
                "anchor. Recipients whose programs do not know that CA will see the signatures as "
                "not trusted. Hand over the CA's certificates as well, with --chain",
                issuer ? issuer : "?", named);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        why_set(
            sentence_out,
            "the chain ends at %s, which is no trust anchor here. Recipients who do not believe "
            "it either will see the signatures as not trusted",
            named);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        why_set(sentence_out,
                "the CA certificate %s in the chain is not valid now. Recipients will see the "
                "signatures as not trusted. Ask the CA for a valid one",
                named);
        break;
    default:
        why_set(sentence_out,
                "the chain cannot be verified at %s: %s. Recipients will see the signatures as not "
                "trusted",
                named, X509_verify_cert_error_string(error));
        break;
    }
    OPENSSL_free(subject);
    OPENSSL_free(issuer);
}

int chain_notice(struct context *context, X509 *certificate, STACK_OF(X509) * chain,
                 char **sentence_out)
{
    struct trust trust = {NULL, NULL};
    X509_STORE_CTX *attempt = NULL;
    int rc = -1;
    if (store_trust(context->store, &trust, sentence_out) != STORE_OK) {
        goto out;
    }
    attempt = X509_STORE_CTX_new();
    if (!attempt || X509_STORE_CTX_init(attempt, trust.anchors, certificate, chain) != 1) {
        why_set(sentence_out, "out of memory");
        goto out;
    }
    X509_STORE_CTX_set_time(attempt, 0, context->now);
    /* Intermediate anchors are anchors, too. */
    X509_STORE_CTX_set_flags(attempt, X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_verify_cert(attempt) != 1) {
        say(attempt, certificate, sentence_out);
    }
    rc = 0;
out:
    X509_STORE_CTX_free(attempt);
    store_trust_clear(&trust);
    ERR_clear_error();
    return rc;
}
