/* Files and passwords that an administrator hands over. */
#ifndef ADMIN_INPUT_H
#define ADMIN_INPUT_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "context.h"

/* A file's bytes; wiped on release, because a file may hold a key. */
struct input {
    unsigned char *bytes;
    size_t length;
};

/* Read all of `path` ("-" is standard input). Returns 0, or -1 with a sentence that names the file:
 * unreadable, or larger than a credential may be. */
int input_read(const char *path, struct input *out, char **why);
void input_clear(struct input *input);

/* Certificates of `path` in file order: a new stack (sk_X509_pop_free(stack, X509_free)), or NULL
 * with a sentence that names the file. */
STACK_OF(X509) * input_certificates(const char *path, char **why);

/* Where a password comes from: the first of these that is not NULL; without any the terminal is
 * asked, once and when needed. */
struct password_source {
    const char *text; /* as it is; "" is none */
    const char *file; /* its first line */
};

/* A key with its certificate and chain: from PKCS#12, or from a key and certificates in PEM, DER or
 * PKCS#7. `certificate_path` NULL: they stand in the file of the key. Returns 0 with all three set,
 * the caller owns them; -1 with a sentence that names the file. */
int input_pkcs12(const char *path, const struct password_source *password, EVP_PKEY **key_out,
                 X509 **certificate_out, STACK_OF(X509) * *chain_out, char **why);
int input_key_and_certificates(const char *key_path, const char *certificate_path,
                               const struct option_values *chain_paths,
                               const struct password_source *password, EVP_PKEY **key_out,
                               X509 **certificate_out, STACK_OF(X509) * *chain_out, char **why);

/* Add the certificates of `path` to `all`. Returns 0, or -1 with a sentence. */
int input_add_certificates(const char *path, STACK_OF(X509) * all, char **why);

/* Does `path` begin like PEM (1), or hold something else (0)? -1 with a sentence. */
int input_is_pem(const char *path, char **why);

#endif
