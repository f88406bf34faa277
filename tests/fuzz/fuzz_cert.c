/* Certificates: any bytes. What is read out of one has to keep its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "address.h"
#include "cert_use.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_addresses(X509 *certificate)
{
    struct cert_addresses addresses;
    demand(cert_addresses(certificate, &addresses) == 0);
    demand(addresses.count <= CERT_MAX_ADDRESSES);
    for (size_t i = 0; i < addresses.count; i++) {
        char *again = NULL;
        const char *address = addresses.items[i];
        demand(strchr(address, '@') != NULL);
        demand(cert_names_address(certificate, address));
        enum address_status status = address_canonical(address, strlen(address), &again);
        demand(status == ADDRESS_OK && strcmp(again, address) == 0);
        free(again);
    }
    demand(!cert_names_address(certificate, ""));
    cert_addresses_clear(&addresses);
}

static void check_use(X509 *certificate, enum cert_use use, time_t now)
{
    char *why = NULL;
    time_t not_before = 0;
    time_t not_after = 0;
    if (cert_check_use(certificate, use, now, &why) == 0) {
        struct cert_addresses addresses;
        demand(cert_addresses(certificate, &addresses) == 0 && addresses.count > 0);
        cert_addresses_clear(&addresses);
        demand(cert_validity(certificate, &not_before, &not_after) == 0);
        demand(not_before <= now && now <= not_after);
        demand(why == NULL);
    } else {
        demand(why != NULL);
    }
    why_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    if (certificate) {
        time_t now = 1767225600;
        time_t not_before = 0;
        time_t not_after = 0;
        if (cert_validity(certificate, &not_before, &not_after) == 0) {
            check_use(certificate, CERT_USE_ENCRYPT, not_before);
            check_use(certificate, CERT_USE_SIGN, not_after);
        }
        check_addresses(certificate);
        check_use(certificate, CERT_USE_SIGN, now);
        check_use(certificate, CERT_USE_ENCRYPT, now);
        char *fingerprint = cert_fingerprint(certificate);
        demand(fingerprint && strlen(fingerprint) == 64);
        free(fingerprint);
        char *why = NULL;
        demand((cert_check_anchor(certificate, now, &why) != 0) == (why != NULL));
        why_free(&why);
    }
    X509_free(certificate);
    ERR_clear_error();
    return 0;
}
