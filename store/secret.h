/* The master secret: 32 random bytes in a file of their own, outside the database.
 *
 * The file holds them as one line of 64 hexadecimal digits. That text is the password of every
 * stored key, so that keys can be recovered without smimed:
 * `openssl pkcs8 -inform DER -in key.p8 -passin file:master.secret`. Internal to store/. */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#include "store.h"

#define SECRET_BYTES 32
#define SECRET_CHECK_BYTES 32

struct secret {
    char text[2 * SECRET_BYTES + 1]; /* lower-case hex */
};

/* Make a new secret in a new file with mode 0600; an existing file is read instead. *made_out says
 * which. */
enum store_status secret_create(const char *path, struct secret *out, bool *made_out, char **why);

/* Make the file of a secret that is known already, from its line; a file that holds the same is
 * left as it is. STORE_REFUSED when it holds another one, or the line is none. */
enum store_status secret_put(const char *path, const char *line, size_t length, bool *made_out,
                             char **why);

/* STORE_ERROR, with a sentence that says what to do, for a file that is missing, unreadable, open
 * to group or others, or that holds something else. */
enum store_status secret_read(const char *path, struct secret *out, char **why);

/* A value that tells whether two secrets are the same and nothing else about them. */
enum store_status secret_check_value(const struct secret *secret,
                                     unsigned char out[SECRET_CHECK_BYTES], char **why);

/* A key that follows from the secret, another one for every purpose, and that does not give the
 * secret away. */
enum store_status secret_derive(const struct secret *secret, const char *purpose,
                                unsigned char out[STORE_DERIVED_KEY_BYTES], char **why);

/* PKCS#8 EncryptedPrivateKeyInfo of `key` in DER (OPENSSL_free()), and back. */
enum store_status secret_seal_key(const struct secret *secret, EVP_PKEY *key, unsigned char **out,
                                  size_t *length_out, char **why);
enum store_status secret_open_key(const struct secret *secret, const unsigned char *sealed,
                                  size_t length, EVP_PKEY **out, char **why);

void secret_wipe(struct secret *secret);

#endif
