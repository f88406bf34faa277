/* Writes as many certificates as are asked for to standard output, for tests and measurements of an
 * import: make_certificates COUNT pem|ldif. They differ in serial number, subject and address
 * (user0@partner.test, user1@partner.test, ...), and have one key and one issuer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_pki.h"

#define MAX_COUNT 10000000UL

static void write_ldif(X509 *certificate, unsigned long number)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    unsigned char *text = length > 0 ? malloc(4 * ((size_t)length / 3 + 1) + 1) : NULL;
    pki_need(text != NULL, "base64");
    EVP_EncodeBlock(text, der, length);
    printf("dn: uid=user%lu,o=Partner\nuserCertificate;binary:: %s\n\n", number, text);
    free(text);
    OPENSSL_free(der);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    errno = 0;
    unsigned long count = argc == 3 ? strtoul(argv[1], &end, 10) : 0;
    bool ldif = argc == 3 && !strcmp(argv[2], "ldif");
    if (count == 0 || count > MAX_COUNT || errno || *end ||
        (!ldif && strcmp(argv[2], "pem") != 0)) {
        fputs("usage: make_certificates COUNT pem|ldif\n", stderr);
        return 2;
    }
    struct pki ca = pki_ca("Test CA");
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    for (unsigned long i = 0; i < count; i++) {
        char address[64];
        snprintf(address, sizeof address, "user%lu@partner.test", i);
        struct pki made = pki_make(&(struct pki_spec){.addresses = {address}, .use_key = key}, &ca);
        if (ldif) {
            write_ldif(made.certificate, i);
        } else {
            pki_need(PEM_write_X509(stdout, made.certificate) == 1, "PEM");
        }
        pki_clear(&made);
    }
    EVP_PKEY_free(key);
    pki_clear(&ca);
    return fflush(stdout) == EOF || ferror(stdout) ? 1 : 0;
}
