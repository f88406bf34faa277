/* Password-based encryption as it stands in files: what it would cost, and decrypting it.
 *
 * A library context of its own holds OpenSSL's legacy provider: RC2 and friends become readable
 * here and nowhere else in the program. Internal to store/. */
#ifndef STORE_PASSWORD_BASED_H
#define STORE_PASSWORD_BASED_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "credential.h"

/* What is left to spend on key derivation for one file, in iterations. */
struct kdf_budget {
    long left;
};
void kdf_budget_init(struct kdf_budget *budget);
/* Take off what `algorithm` costs, before it is run. -1 when that is more than is left. */
int kdf_budget_take(struct kdf_budget *budget, const X509_ALGOR *algorithm);
int kdf_budget_take_iterations(struct kdf_budget *budget, long iterations);

/* Name of the algorithm, for sentences: "PBES2", "pbeWithSHA1And40BitRC2-CBC". */
const char *algorithm_name(const X509_ALGOR *algorithm, char *buffer, size_t size);

/* Do OpenSSL's last errors say that an algorithm is unknown (and not that the password is wrong)?
 */
bool errors_say_unsupported(void);

/* The context with the legacy provider; NULL when that is not installed. OSSL_LIB_CTX_free() does
 * not unload it: release with legacy_context_free(). */
struct legacy_context;
struct legacy_context *legacy_context_new(void);
OSSL_LIB_CTX *legacy_context_get(const struct legacy_context *legacy); /* accepts NULL */
void legacy_context_free(struct legacy_context **legacy);

/* Decrypt a PKCS#8 EncryptedPrivateKeyInfo. `password` may be NULL when there is none. */
enum credential_status encrypted_key_open(const X509_SIG *encrypted, const char *password,
                                          EVP_PKEY **key_out, char **why);

#endif
