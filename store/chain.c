/* Putting certificates in the order of a chain. */
#include "chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

bool chain_is_self_signed(X509 *certificate)
{
    return (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
}

static bool contains(STACK_OF(X509) * stack, X509 *certificate)
{
    for (int i = 0; i < sk_X509_num(stack); i++) {
        if (X509_cmp(sk_X509_value(stack, i), certificate) == 0) {
            return true;
        }
    }
    return false;
}

/* Two CA certificates may have one name (a renewed key): only the signature tells them apart. */
static X509 *find_issuer(X509 *certificate, STACK_OF(X509) * pool)
{
    for (int i = 0; i < sk_X509_num(pool); i++) {
        X509 *candidate = sk_X509_value(pool, i);
        EVP_PKEY *key = X509_get0_pubkey(candidate);
        if (key && X509_check_issued(candidate, certificate) == X509_V_OK &&
            X509_verify(certificate, key) == 1) {
            return candidate;
        }
    }
    return NULL;
}

int chain_above(X509 *leaf, STACK_OF(X509) * pool, STACK_OF(X509) * *out,
                STACK_OF(X509) * *rest_out)
{
    int result = -1;
    STACK_OF(X509) *chain = sk_X509_new_null();
    STACK_OF(X509) *rest = sk_X509_new_null();
    if (!chain || !rest) {
        goto out;
    }
    X509 *issuer = chain_is_self_signed(leaf) ? NULL : find_issuer(leaf, pool);
    while (issuer && !chain_is_self_signed(issuer) && !contains(chain, issuer) &&
           sk_X509_num(chain) < CHAIN_MAX_LENGTH) {
        if (X509_add_cert(chain, issuer, X509_ADD_FLAG_UP_REF) != 1) {
            goto out;
        }
        issuer = find_issuer(issuer, pool);
    }
    for (int i = 0; rest_out && i < sk_X509_num(pool); i++) {
        X509 *certificate = sk_X509_value(pool, i);
        if (X509_cmp(certificate, leaf) != 0 && !contains(chain, certificate) &&
            X509_add_cert(rest, certificate, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1) {
            goto out;
        }
    }
    result = 0;

out:
    ERR_clear_error(); /* of signatures that did not fit */
    *out = NULL;
    if (result == 0) {
        *out = chain;
        chain = NULL;
    }
    if (rest_out) {
        *rest_out = result == 0 ? rest : NULL;
        rest = result == 0 ? NULL : rest;
    }
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(rest, X509_free);
    return result;
}
