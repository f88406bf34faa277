/* Credentials: any bytes as PKCS#12, as a private key and as certificates. The seeds have the
 * password "fuzz". */
#include <stdint.h>
#include <stdlib.h>

#include "credential.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition) {
        abort();
    }
}

static void read_pkcs12(const uint8_t *data, size_t size)
{
    char *why = NULL;
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *chain = NULL;
    enum credential_status status =
        credential_read_pkcs12(data, size, "fuzz", &key, &certificate, &chain, &why);
    if (status == CREDENTIAL_OK) {
        demand(key && certificate && chain);
        demand(X509_check_private_key(certificate, key) == 1);
    } else {
        demand(!key && !certificate && !chain && why);
    }
    EVP_PKEY_free(key);
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    why_free(&why);
}

static void read_key(const uint8_t *data, size_t size, const char *password)
{
    char *why = NULL;
    EVP_PKEY *key = NULL;
    enum credential_status status = private_key_read(data, size, password, &key, &why);
    demand((status == CREDENTIAL_OK) == (key != NULL));
    demand(status == CREDENTIAL_OK || why);
    EVP_PKEY_free(key);
    why_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *why = NULL;
    STACK_OF(X509) *list = NULL;
    read_pkcs12(data, size);
    read_key(data, size, "fuzz");
    read_key(data, size, NULL);
    enum credential_status status = certificates_read(data, size, &list, &why);
    demand((status == CREDENTIAL_OK) == (list != NULL && sk_X509_num(list) > 0));
    demand(status == CREDENTIAL_OK || why);
    sk_X509_pop_free(list, X509_free);
    why_free(&why);
    return 0;
}
