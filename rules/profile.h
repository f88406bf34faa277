/* Profiles: which algorithms signed and encrypted mail may use (RFC 8551 section 2).
 *
 * A profile is a policy, not a choice: of what it allows each recipient gets what his certificate
 * and his own signed mail (smimeCapabilities) say he can read. */
#ifndef RULES_PROFILE_H
#define RULES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct settings;

enum profile_digest { PROFILE_SHA256, PROFILE_SHA384, PROFILE_SHA512 };

enum profile_signature {
    PROFILE_RSA_PKCS1, /* RSASSA-PKCS1-v1_5 */
    PROFILE_RSA_PSS,
    PROFILE_ECDSA,
};

enum profile_key_encryption {
    PROFILE_KEY_PKCS1, /* RSAES-PKCS1-v1_5 */
    PROFILE_KEY_OAEP,  /* with SHA-256 */
    PROFILE_KEY_ECDH,
};

/* The strongest first. */
enum profile_cipher {
    PROFILE_AES_256_GCM,
    PROFILE_AES_192_GCM,
    PROFILE_AES_128_GCM,
    PROFILE_AES_256_CBC,
    PROFILE_AES_192_CBC,
    PROFILE_AES_128_CBC,
};

/* What of the header encrypted mail hides: as the setting `header_confidentiality` says, or by
 * what the profile says itself. */
enum profile_confidentiality {
    PROFILE_HIDES_AS_SET,
    PROFILE_HIDES_NONE,
    PROFILE_HIDES_BASELINE,
};

#define PROFILE_MAX_ITEMS 6 /* of one of its lists */
#define PROFILE_MIN_RSA_BITS 2048
#define PROFILE_MAX_RSA_BITS 16384
#define PROFILE_MIN_EC_BITS 256
#define PROFILE_MAX_EC_BITS 521

/* Each value once, the preferred one first; at least one. */
struct profile_items {
    int items[PROFILE_MAX_ITEMS]; /* of the enumeration that belongs to the list */
    size_t count;
};

struct profile {
    char *name;
    struct profile_items digests;        /* enum profile_digest */
    struct profile_items signatures;     /* enum profile_signature */
    struct profile_items key_encryption; /* enum profile_key_encryption */
    struct profile_items ciphers;        /* enum profile_cipher */
    int minimum_rsa_bits;                /* of the keys of recipients, and of our own */
    int minimum_ec_bits;
    enum profile_confidentiality header_confidentiality;
};

#define PROFILE_DEFAULT "default"

/* The lists of a profile: their names in the configuration, and those of their values. */
struct profile_member {
    const char *name;
    size_t offset;             /* of a struct profile_items in struct profile */
    const char *const *values; /* names by value, ended by NULL */
};
extern const struct profile_member profile_members[];
extern const size_t profile_member_count;

/* Names of `header_confidentiality` in a profile, by value, ended by NULL; the first, which is not
 * said, is "". */
extern const char *const profile_confidentiality_names[];

/* The i-th profile that comes with smimed, NULL past the end. The first is PROFILE_DEFAULT. */
const struct profile *profile_shipped(size_t i);

/* The profile of this name: one that comes with smimed, or of the setting `profiles`. NULL: there
 * is none. It lives as long as the settings. */
const struct profile *profile_find(const struct settings *settings, const char *name);

bool profile_allows(const struct profile_items *items, int value);

/* "digests sha256, sha384; signatures ...": a new string, NULL when out of memory. */
char *profile_text(const struct profile *profile);

#endif
