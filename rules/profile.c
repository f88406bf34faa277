/* The profiles that come with smimed, and finding one by its name. */
#include "profile.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const digest_names[] = {
    [PROFILE_SHA256] = "sha256", [PROFILE_SHA384] = "sha384", [PROFILE_SHA512] = "sha512", NULL};

static const char *const signature_names[] = {
    [PROFILE_RSA_PKCS1] = "pkcs1", [PROFILE_RSA_PSS] = "pss", [PROFILE_ECDSA] = "ecdsa", NULL};

static const char *const key_encryption_names[] = {
    [PROFILE_KEY_PKCS1] = "pkcs1", [PROFILE_KEY_OAEP] = "oaep", [PROFILE_KEY_ECDH] = "ecdh", NULL};

static const char *const cipher_names[] = {[PROFILE_AES_256_GCM] = "aes-256-gcm",
                                           [PROFILE_AES_192_GCM] = "aes-192-gcm",
                                           [PROFILE_AES_128_GCM] = "aes-128-gcm",
                                           [PROFILE_AES_256_CBC] = "aes-256-cbc",
                                           [PROFILE_AES_192_CBC] = "aes-192-cbc",
                                           [PROFILE_AES_128_CBC] = "aes-128-cbc",
                                           NULL};

const char *const profile_confidentiality_names[] = {[PROFILE_HIDES_AS_SET] = "",
                                                     [PROFILE_HIDES_NONE] = "none",
                                                     [PROFILE_HIDES_BASELINE] = "baseline",
                                                     NULL};

_Static_assert(COUNT(cipher_names) == PROFILE_MAX_ITEMS + 1, "the longest list");

const struct profile_member profile_members[] = {
    {"digests", offsetof(struct profile, digests), digest_names},
    {"signatures", offsetof(struct profile, signatures), signature_names},
    {"key_encryption", offsetof(struct profile, key_encryption), key_encryption_names},
    {"ciphers", offsetof(struct profile, ciphers), cipher_names},
};
const size_t profile_member_count = COUNT(profile_members);

#define ITEMS(count_, ...)                                                                         \
    {                                                                                              \
        .items = {__VA_ARGS__}, .count = count_                                                    \
    }
#define ALL_DIGESTS ITEMS(3, PROFILE_SHA256, PROFILE_SHA384, PROFILE_SHA512)
#define ALL_CIPHERS                                                                                \
    ITEMS(6, PROFILE_AES_256_GCM, PROFILE_AES_192_GCM, PROFILE_AES_128_GCM, PROFILE_AES_256_CBC,   \
          PROFILE_AES_192_CBC, PROFILE_AES_128_CBC)

static char default_name[] = PROFILE_DEFAULT;
static char strict_name[] = "strict";
static char compatible_name[] = "compatible";
static char edi_energy_name[] = "edi-energy";

static const struct profile shipped[] = {
    {.name = default_name,
     .digests = ALL_DIGESTS,
     .signatures = ITEMS(3, PROFILE_RSA_PKCS1, PROFILE_RSA_PSS, PROFILE_ECDSA),
     .key_encryption = ITEMS(3, PROFILE_KEY_PKCS1, PROFILE_KEY_OAEP, PROFILE_KEY_ECDH),
     .ciphers = ALL_CIPHERS,
     .minimum_rsa_bits = PROFILE_MIN_RSA_BITS,
     .minimum_ec_bits = PROFILE_MIN_EC_BITS},
    {.name = strict_name,
     .digests = ALL_DIGESTS,
     .signatures = ITEMS(2, PROFILE_RSA_PSS, PROFILE_ECDSA),
     .key_encryption = ITEMS(2, PROFILE_KEY_OAEP, PROFILE_KEY_ECDH),
     .ciphers = ITEMS(3, PROFILE_AES_256_GCM, PROFILE_AES_192_GCM, PROFILE_AES_128_GCM),
     .minimum_rsa_bits = PROFILE_MIN_RSA_BITS,
     .minimum_ec_bits = PROFILE_MIN_EC_BITS},
    /* What S/MIME 3.1 programs read, whatever they declare. */
    {.name = compatible_name,
     .digests = ITEMS(1, PROFILE_SHA256),
     .signatures = ITEMS(3, PROFILE_RSA_PKCS1, PROFILE_RSA_PSS, PROFILE_ECDSA),
     .key_encryption = ITEMS(2, PROFILE_KEY_PKCS1, PROFILE_KEY_ECDH),
     .ciphers = ITEMS(3, PROFILE_AES_128_CBC, PROFILE_AES_192_CBC, PROFILE_AES_256_CBC),
     .minimum_rsa_bits = PROFILE_MIN_RSA_BITS,
     .minimum_ec_bits = PROFILE_MIN_EC_BITS},
    /* EDI@Energy, "Regelungen zum Uebertragungsweg": RSA alone, since 2018 by PSS and OAEP; of the
     * ciphers only AES-128 GCM since 2025-10-01, before that AES-128 and AES-256 CBC. They also say
     * what the Subject is, and the other side goes by it. */
    {.name = edi_energy_name,
     .digests = ITEMS(2, PROFILE_SHA256, PROFILE_SHA512),
     .signatures = ITEMS(1, PROFILE_RSA_PSS),
     .key_encryption = ITEMS(1, PROFILE_KEY_OAEP),
     .ciphers = ITEMS(1, PROFILE_AES_128_GCM),
     .minimum_rsa_bits = PROFILE_MIN_RSA_BITS,
     .minimum_ec_bits = PROFILE_MIN_EC_BITS,
     .header_confidentiality = PROFILE_HIDES_NONE},
};

const struct profile *profile_shipped(size_t i)
{
    return i < COUNT(shipped) ? &shipped[i] : NULL;
}

const struct profile *profile_find(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < COUNT(shipped); i++) {
        if (strcmp(shipped[i].name, name) == 0)
            return &shipped[i];
    }
    for (size_t i = 0; i < settings->profile_count; i++) {
        if (strcmp(settings->profiles[i].name, name) == 0)
            return &settings->profiles[i];
    }
    return NULL;
}

bool profile_allows(const struct profile_items *items, int value)
{
    for (size_t i = 0; i < items->count; i++) {
        if (items->items[i] == value)
            return true;
    }
    return false;
}

char *profile_text(const struct profile *profile)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    for (size_t m = 0; m < profile_member_count; m++) {
        const struct profile_member *member = &profile_members[m];
        const struct profile_items *items = (const void *)((const char *)profile + member->offset);

        fprintf(out, "%s%s", m > 0 ? "; " : "", member->name);
        for (size_t i = 0; i < items->count; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", member->values[items->items[i]]);
    }
    fprintf(out, "; minimum_rsa_bits %d; minimum_ec_bits %d", profile->minimum_rsa_bits,
            profile->minimum_ec_bits);
    if (profile->header_confidentiality != PROFILE_HIDES_AS_SET)
        fprintf(out, "; header_confidentiality %s",
                profile_confidentiality_names[profile->header_confidentiality]);
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}
