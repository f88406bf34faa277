/* Writing PKCS#12 files (RFC 7292) for the owner of a key. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "credential.h"
#include "why.h"

/* Of the key, of the certificates and of the MAC: a quarter of a second in all for us, and for
 * everybody who guesses. Well below what credential_read_pkcs12() takes. */
#define WRITE_KDF_ITERATIONS 100000

/* What goes into a file. */
struct identity_parts {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * chain;
    const char *name;
};

/* How a file is encrypted. */
struct algorithms {
    int cipher; /* of key and certificates */
    const EVP_MD *mac;
};

static enum credential_status write_file(const struct identity_parts *parts,
                                         const struct algorithms *algorithms, const char *password,
                                         unsigned char **out, size_t *length_out, char **why)
{
    enum credential_status status = CREDENTIAL_ERROR;
    *out = NULL;
    *length_out = 0;
    if (strlen(password) > CREDENTIAL_MAX_PASSWORD_BYTES) {
        why_set(why, "the password has more than %d bytes", CREDENTIAL_MAX_PASSWORD_BYTES);
        return CREDENTIAL_PASSWORD;
    }
    /* The MAC is set apart, because only so its digest can be named. */
    PKCS12 *file =
        PKCS12_create(password, parts->name, parts->key, parts->certificate, parts->chain,
                      algorithms->cipher, algorithms->cipher, WRITE_KDF_ITERATIONS, -1, 0);
    if (file &&
        PKCS12_set_mac(file, password, -1, NULL, 0, WRITE_KDF_ITERATIONS, algorithms->mac)) {
        int length = i2d_PKCS12(file, out);
        if (length > 0) {
            *length_out = (size_t)length;
            status = CREDENTIAL_OK;
        }
    }
    if (status != CREDENTIAL_OK) {
        why_set(why, "OpenSSL cannot make the PKCS#12 file");
    }
    ERR_clear_error();
    PKCS12_free(file);
    return status;
}

enum credential_status credential_write_pkcs12(EVP_PKEY *key, X509 *certificate,
                                               STACK_OF(X509) * chain, const char *name,
                                               const char *password, unsigned char **out,
                                               size_t *length_out, char **why)
{
    /* A cipher stands for PBES2 with PBKDF2 and HMAC-SHA-256. */
    const struct algorithms algorithms = {NID_aes_256_cbc, EVP_sha256()};
    return write_file(&(struct identity_parts){key, certificate, chain, name}, &algorithms,
                      password, out, length_out, why);
}

enum credential_status credential_write_pkcs12_for_apple(EVP_PKEY *key, X509 *certificate,
                                                         STACK_OF(X509) * chain, const char *name,
                                                         const char *password, unsigned char **out,
                                                         size_t *length_out, char **why)
{
    const struct algorithms algorithms = {NID_pbe_WithSHA1And3_Key_TripleDES_CBC, EVP_sha1()};
    return write_file(&(struct identity_parts){key, certificate, chain, name}, &algorithms,
                      password, out, length_out, why);
}
