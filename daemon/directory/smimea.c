/* SMIMEA records, without the network. */
#include "smimea.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "why.h"

#define HASH_BYTES 28 /* RFC 8162 section 3: SHA-256, truncated */
#define SHA256_BYTES 32
#define LABEL "_smimecert"
#define OWNER_MAX_BYTES 253 /* RFC 1035 section 3.1: 255 octets on the wire */
#define FIXED_BYTES 3       /* usage, selector, matching type */

static void put_hex(FILE *out, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        fprintf(out, "%02x", bytes[i]);
}

char *smimea_owner(const char *local, size_t length, const char *domain, char **why)
{
    unsigned char digest[SHA256_BYTES];
    char hex[2 * HASH_BYTES + 1];
    char *owner = NULL;
    if (domain[0] == '[') {
        why_set(why, "%s is no domain, so the DNS has nothing of it", domain);
        return NULL;
    }
    if (EVP_Digest(local, length, digest, NULL, EVP_sha256(), NULL) != 1) {
        why_set(why, "the digest of the local part cannot be made");
        return NULL;
    }
    for (size_t i = 0; i < HASH_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (asprintf(&owner, "%s." LABEL ".%s", hex, domain) < 0) {
        why_set(why, "out of memory");
        return NULL;
    }
    if (strlen(owner) > OWNER_MAX_BYTES) {
        why_set(why, "the domain %s is too long for an SMIMEA record", domain);
        free(owner);
        return NULL;
    }
    return owner;
}

int smimea_read(const unsigned char *rdata, size_t length, struct smimea *out, char **why)
{
    if (length <= FIXED_BYTES || length > SMIMEA_MAX_BYTES) {
        why_set(why, "the record has %zu bytes, which is none of RFC 8162", length);
        return -1;
    }
    *out = (struct smimea){.usage = rdata[0],
                           .selector = rdata[1],
                           .matching = rdata[2],
                           .data = rdata + FIXED_BYTES,
                           .length = length - FIXED_BYTES};
    return 0;
}

static int refuse(const struct smimea *record, const char *sentence, char **why)
{
    why_set(why, "the record %u %u %u %s", record->usage, record->selector, record->matching,
            sentence);
    return -1;
}

int smimea_certificate(const struct smimea *record, X509 **out, bool *needs_anchor_out, char **why)
{
    const unsigned char *at = record->data;
    *out = NULL;
    *needs_anchor_out = record->usage == SMIMEA_PKIX_EE;
    if (record->usage == SMIMEA_PKIX_TA || record->usage == SMIMEA_DANE_TA)
        return refuse(record, "names a CA, which is no certificate to encrypt to", why);
    if (record->usage > SMIMEA_DANE_EE)
        return refuse(record, "has a usage that RFC 6698 does not know", why);
    if (record->matching != SMIMEA_MATCHING_FULL)
        return refuse(record, "is a digest, which is no certificate to encrypt to", why);
    if (record->selector != SMIMEA_SELECTOR_CERTIFICATE)
        return refuse(record, "holds a public key alone, which S/MIME cannot encrypt to", why);
    *out = record->length <= LONG_MAX ? d2i_X509(NULL, &at, (long)record->length) : NULL;
    if (*out == NULL) {
        ERR_clear_error();
        return refuse(record, "holds no certificate in DER", why);
    }
    if (at != record->data + record->length) {
        X509_free(*out);
        *out = NULL;
        return refuse(record, "has bytes behind its certificate", why);
    }
    return 0;
}

char *smimea_zone_line(const char *owner, X509 *certificate, bool generic)
{
    static const unsigned char fixed[FIXED_BYTES] = {SMIMEA_DANE_EE, SMIMEA_SELECTOR_CERTIFICATE,
                                                     SMIMEA_MATCHING_FULL};
    unsigned char *der = NULL;
    char *line = NULL;
    size_t length = 0;
    int der_length = i2d_X509(certificate, &der);
    FILE *out = der_length > 0 ? open_memstream(&line, &length) : NULL;
    bool failed = true;
    if (out != NULL) {
        if (generic) {
            fprintf(out, "%s. IN TYPE%d \\# %d ", owner, SMIMEA_TYPE, FIXED_BYTES + der_length);
            put_hex(out, fixed, sizeof fixed);
        } else {
            fprintf(out, "%s. IN SMIMEA %d %d %d ", owner, fixed[0], fixed[1], fixed[2]);
        }
        put_hex(out, der, (size_t)der_length);
        failed = ferror(out) != 0;
        failed = fclose(out) != 0 || failed;
    }
    OPENSSL_free(der);
    if (failed) {
        free(line);
        return NULL;
    }
    return line;
}
