/* CRLs and OCSP responses in the bytes that somebody handed over. */
#ifndef REVOCATION_BYTES_H
#define REVOCATION_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ocsp.h>
#include <openssl/x509.h>

/* A CRL in DER, or in PEM, alone in `bytes`. NULL with a sentence in *why. X509_CRL_free(). */
X509_CRL *crl_from_bytes(const unsigned char *bytes, size_t length, char **why);

/* An OCSPResponse in DER, alone. NULL with a sentence in *why. OCSP_RESPONSE_free(). */
OCSP_RESPONSE *ocsp_from_bytes(const unsigned char *bytes, size_t length, char **why);

#endif
