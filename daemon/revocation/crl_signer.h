/* Who signed a CRL. */
#ifndef REVOCATION_CRL_SIGNER_H
#define REVOCATION_CRL_SIGNER_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

/* Whose CRLs are believed. */
struct crl_signers {
    STACK_OF(X509) * believed;   /* as they are: a valid chain; may be NULL */
    STACK_OF(X509) * unverified; /* if they chain to an anchor; may be NULL */
    X509_STORE *anchors;
    time_t now;
};

/* The certificate among them with whose key `crl` is signed: X509_free(). NULL with a sentence in
 * *why when there is none. That it may sign CRLs is judged where the CRL is used. */
X509 *crl_signer_find(X509_CRL *crl, const struct crl_signers *signers, char **why);

#endif
