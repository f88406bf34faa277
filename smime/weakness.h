/* Algorithms that are broken, or nearly so, and that mail still comes with (RFC 8551 appendix B).
 *
 * What is broken altogether (MD2, MD4, MD5, DES) is never accepted and has no name here. */
#ifndef SMIME_WEAKNESS_H
#define SMIME_WEAKNESS_H

#include <stdbool.h>

#include <openssl/x509.h>

/* Bits of a set. */
enum smime_weakness {
    WEAKNESS_SHA1 = 1,     /* of a signature: of the message, or of a certificate in its chain */
    WEAKNESS_3DES = 2,     /* of content, or of what wraps its key */
    WEAKNESS_RC2 = 4,      /* of content; what 40 bits hide anybody can read */
    WEAKNESS_RSA_1024 = 8, /* an RSA or DSA key of less than WEAKNESS_STRONG_BITS */
};

#define WEAKNESS_STRONG_BITS 2048

unsigned weakness_of_key(const EVP_PKEY *key);

/* Of a certificate's key and, unless it is an anchor, whose signature nobody relies on, of its
 * signature. */
unsigned weakness_of_certificate(X509 *certificate, bool anchor);

/* Of a chain, leaf first, anchor last; NULL has none. */
unsigned weakness_of_chain(STACK_OF(X509) * chain);

/* "SHA-1, triple DES": a new string; NULL when out of memory, and for the empty set. */
char *weakness_text(unsigned weak);

#endif
