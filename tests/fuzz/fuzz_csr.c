/* Certification requests: any bytes as a request, and the addresses of what was read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "csr.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition) {
        abort();
    }
}

static void read_addresses(X509_REQ *request)
{
    char *why = NULL;
    struct cert_addresses addresses;
    enum store_status status = csr_addresses(request, &addresses, &why);
    demand(status == STORE_OK || (status == STORE_REFUSED && why && addresses.count == 0));
    demand(addresses.count <= CERT_MAX_ADDRESSES);
    for (size_t i = 0; i < addresses.count; i++) {
        demand(strchr(addresses.items[i], '@') != NULL);
    }
    cert_addresses_clear(&addresses);
    why_free(&why);
}

/* No mutation keeps the signature good, so that names are read from unsigned ones too. */
static void read_unsigned(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509_REQ *request = size <= CSR_MAX_BYTES ? d2i_X509_REQ(NULL, &at, (long)size) : NULL;
    if (request) {
        read_addresses(request);
    }
    X509_REQ_free(request);
    ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *why = NULL;
    X509_REQ *request = NULL;
    enum store_status status = csr_read(data, size, &request, &why);
    demand((status == STORE_OK) == (request != NULL));
    demand(status == STORE_OK || (status == STORE_REFUSED && why));
    demand(ERR_peek_error() == 0);
    if (request) {
        read_addresses(request);
    }
    X509_REQ_free(request);
    why_free(&why);
    read_unsigned(data, size);
    return 0;
}
