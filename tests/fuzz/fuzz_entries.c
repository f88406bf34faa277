/* Certificates in LDIF, vCards and PEM: any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certificate_entries.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition) {
        abort();
    }
}

static void take_certificates(void *context, const char *entry, STACK_OF(X509) * certificates)
{
    (void)context;
    demand(entry != NULL && strlen(entry) < SIZE_MAX && sk_X509_num(certificates) > 0);
}

static void take_trouble(void *context, const char *entry, const char *sentence)
{
    (void)context;
    demand(entry != NULL && *sentence != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct entry_taker taker = {take_certificates, take_trouble, NULL};
    char *why = NULL;
    /* A copy of exactly this size, for AddressSanitizer to see a byte read too many. */
    char *text = malloc(size > 0 ? size : 1);
    demand(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    ldif_begins(text, size);
    vcards_begin(text, size);
    pem_stands_in(text, size);
    demand(ldif_read(text, size, &taker, &why) == CREDENTIAL_OK || why);
    demand(vcards_read(text, size, &taker, &why) == CREDENTIAL_OK || why);
    demand(pem_read(text, size, &taker, &why) == CREDENTIAL_OK || why);
    why_free(&why);
    free(text);
    return 0;
}
