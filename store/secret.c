/* The master secret, and keys sealed under it. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "why.h"

/* Stretching makes a guessable password dearer to guess. The secret has 256 random bits, nobody
 * guesses it, and every iteration would be paid each time a key is loaded. */
#define KEY_KDF_ITERATIONS 1

#define SECRET_TEXT_BYTES (2 * (size_t)SECRET_BYTES)

static enum store_status openssl_failed(const char *what, char **why)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    why_set(why, "cannot %s: %s", what, reason ? reason : "unknown reason");
    ERR_clear_error();
    return STORE_ERROR;
}

static void to_hex(const unsigned char *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * length] = '\0';
}

static int write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, text, length);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return fsync(file);
}

enum store_status secret_create(const char *path, struct secret *out, bool *made_out, char **why)
{
    enum store_status status = STORE_ERROR;
    unsigned char random[SECRET_BYTES];
    char line[SECRET_TEXT_BYTES + 2];
    *made_out = false;

    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0 && errno == EEXIST) {
        return secret_read(path, out, why);
    }
    if (file < 0) {
        why_set(why, "cannot make the master secret %s: %s", path, strerror(errno));
        return STORE_ERROR;
    }
    if (RAND_priv_bytes(random, sizeof random) != 1) {
        openssl_failed("make random numbers", why);
        goto out;
    }
    to_hex(random, sizeof random, out->text);
    memcpy(line, out->text, SECRET_TEXT_BYTES);
    line[SECRET_TEXT_BYTES] = '\n';
    if (write_all(file, line, SECRET_TEXT_BYTES + 1) != 0) {
        why_set(why, "cannot write the master secret %s: %s", path, strerror(errno));
        goto out;
    }
    *made_out = true;
    status = STORE_OK;

out:
    OPENSSL_cleanse(random, sizeof random);
    OPENSSL_cleanse(line, sizeof line);
    close(file);
    if (status != STORE_OK) {
        secret_wipe(out);
        unlink(path);
    }
    return status;
}

static enum store_status check_file(const char *path, int file, char **why)
{
    struct stat about;
    if (fstat(file, &about) != 0) {
        why_set(why, "cannot examine the master secret %s: %s", path, strerror(errno));
        return STORE_ERROR;
    }
    if (!S_ISREG(about.st_mode)) {
        why_set(why, "the master secret %s is not a regular file", path);
        return STORE_ERROR;
    }
    if (about.st_mode & (S_IRWXG | S_IRWXO)) {
        why_set(why,
                "the master secret %s is open to others than its owner (mode %04o): "
                "chmod 0600 %s",
                path, (unsigned)(about.st_mode & 07777), path);
        return STORE_ERROR;
    }
    return STORE_OK;
}

/* Exactly 64 hexadecimal digits, one line end allowed. */
static bool parse_line(const char *line, size_t length, struct secret *out)
{
    if (length == SECRET_TEXT_BYTES + 1 && line[SECRET_TEXT_BYTES] == '\n') {
        length--;
    }
    if (length != SECRET_TEXT_BYTES || strspn(line, "0123456789abcdef") < SECRET_TEXT_BYTES) {
        return false;
    }
    memcpy(out->text, line, SECRET_TEXT_BYTES);
    out->text[SECRET_TEXT_BYTES] = '\0';
    return true;
}

enum store_status secret_read(const char *path, struct secret *out, char **why)
{
    char line[SECRET_TEXT_BYTES + 3];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        why_set(why, "cannot open the master secret %s: %s", path, strerror(errno));
        return STORE_ERROR;
    }
    enum store_status status = check_file(path, file, why);
    if (status == STORE_OK) {
        ssize_t length = read(file, line, sizeof line - 1);
        line[length > 0 ? length : 0] = '\0';
        if (length < 0) {
            why_set(why, "cannot read the master secret %s: %s", path, strerror(errno));
            status = STORE_ERROR;
        } else if (!parse_line(line, (size_t)length, out)) {
            why_set(why,
                    "the master secret %s is damaged: it is not a line of %zu hexadecimal digits",
                    path, SECRET_TEXT_BYTES);
            status = STORE_ERROR;
        }
    }
    OPENSSL_cleanse(line, sizeof line);
    close(file);
    return status;
}

enum store_status secret_put(const char *path, const char *line, size_t length, bool *made_out,
                             char **why)
{
    struct secret wanted;
    struct secret present;
    enum store_status status = STORE_OK;
    *made_out = false;
    if (!parse_line(line, length, &wanted)) {
        why_set(why, "the master secret is not a line of %zu hexadecimal digits",
                SECRET_TEXT_BYTES);
        return STORE_REFUSED;
    }
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0) {
        *made_out = true;
        if (write_all(file, line, length) != 0) {
            why_set(why, "cannot write the master secret %s: %s", path, strerror(errno));
            status = STORE_ERROR;
        }
        close(file);
    } else if (errno != EEXIST) {
        why_set(why, "cannot make the master secret %s: %s", path, strerror(errno));
        status = STORE_ERROR;
    } else if ((status = secret_read(path, &present, why)) == STORE_OK) {
        if (CRYPTO_memcmp(present.text, wanted.text, SECRET_TEXT_BYTES) != 0) {
            why_set(why, "the file %s exists already, and holds another master secret", path);
            status = STORE_REFUSED;
        }
        secret_wipe(&present);
    }
    secret_wipe(&wanted);
    if (status != STORE_OK && *made_out) {
        unlink(path);
        *made_out = false;
    }
    return status;
}

/* HMAC-SHA-256 of the label under the secret. */
static enum store_status keyed_digest(const struct secret *secret, const char *label,
                                      unsigned char out[SECRET_CHECK_BYTES], char **why)
{
    unsigned length = 0;
    if (!HMAC(EVP_sha256(), secret->text, (int)SECRET_TEXT_BYTES, (const unsigned char *)label,
              strlen(label), out, &length) ||
        length != SECRET_CHECK_BYTES) {
        return openssl_failed("compute a digest under the master secret", why);
    }
    return STORE_OK;
}

enum store_status secret_check_value(const struct secret *secret,
                                     unsigned char out[SECRET_CHECK_BYTES], char **why)
{
    return keyed_digest(secret, "smimed store: check of the master secret, version 1", out, why);
}

enum store_status secret_derive(const struct secret *secret, const char *purpose,
                                unsigned char out[STORE_DERIVED_KEY_BYTES], char **why)
{
    _Static_assert(STORE_DERIVED_KEY_BYTES == SECRET_CHECK_BYTES, "both are SHA-256");
    char *label = NULL;
    if (asprintf(&label, "smimed store: key for %s, version 1", purpose) < 0) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    enum store_status status = keyed_digest(secret, label, out, why);
    free(label);
    return status;
}

enum store_status secret_seal_key(const struct secret *secret, EVP_PKEY *key, unsigned char **out,
                                  size_t *length_out, char **why)
{
    enum store_status status = STORE_ERROR;
    X509_SIG *sealed = NULL;
    *out = NULL;
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    if (plain) {
        /* NID -1 with a cipher: PBES2 with PBKDF2, HMAC-SHA-256 (RFC 8018 section 6.2). */
        sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), secret->text, (int)SECRET_TEXT_BYTES, NULL, 0,
                               KEY_KDF_ITERATIONS, plain);
    }
    int length = sealed ? i2d_X509_SIG(sealed, out) : -1;
    if (length > 0) {
        *length_out = (size_t)length;
        status = STORE_OK;
    } else {
        openssl_failed("encrypt a private key", why);
    }
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return status;
}

enum store_status secret_open_key(const struct secret *secret, const unsigned char *sealed,
                                  size_t length, EVP_PKEY **out, char **why)
{
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    *out = NULL;
    const unsigned char *at = sealed;
    X509_SIG *structure = length <= LONG_MAX ? d2i_X509_SIG(NULL, &at, (long)length) : NULL;
    if (structure && at == sealed + length) {
        plain = PKCS8_decrypt(structure, secret->text, (int)SECRET_TEXT_BYTES);
    }
    if (plain) {
        *out = EVP_PKCS82PKEY(plain);
    }
    PKCS8_PRIV_KEY_INFO_free(plain);
    X509_SIG_free(structure);
    return *out ? STORE_OK : openssl_failed("decrypt a private key with the master secret", why);
}

void secret_wipe(struct secret *secret)
{
    OPENSSL_cleanse(secret, sizeof *secret);
}
