/* Algorithms that are broken, or nearly so. */
#include "weakness.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

static const struct {
    unsigned bit;
    const char *text;
} names[] = {
    {WEAKNESS_SHA1, "SHA-1"},
    {WEAKNESS_3DES, "triple DES"},
    {WEAKNESS_RC2, "RC2"},
    {WEAKNESS_RSA_1024, "an RSA or DSA key of less than 2048 bits"},
};

unsigned weakness_of_key(const EVP_PKEY *key)
{
    switch (key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
    case EVP_PKEY_DSA:
        return EVP_PKEY_get_bits(key) < WEAKNESS_STRONG_BITS ? WEAKNESS_RSA_1024 : 0;
    default:
        return 0;
    }
}

unsigned weakness_of_certificate(X509 *certificate, bool anchor)
{
    unsigned weak = weakness_of_key(X509_get0_pubkey(certificate));
    int digest = NID_undef;
    if (!anchor && X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) == 1 &&
        digest == NID_sha1)
        weak |= WEAKNESS_SHA1;
    return weak;
}

unsigned weakness_of_chain(STACK_OF(X509) * chain)
{
    unsigned weak = 0;
    int last = sk_X509_num(chain) - 1;
    for (int i = 0; i <= last; i++)
        weak |= weakness_of_certificate(sk_X509_value(chain, i), i == last);
    return weak;
}

char *weakness_text(unsigned weak)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = weak != 0 ? open_memstream(&text, &length) : NULL;
    const char *between = "";
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (weak & names[i].bit) {
            (void)fprintf(out, "%s%s", between, names[i].text);
            between = ", ";
        }
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}
