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

/* Where a password comes from. */
struct password_source {
    const char *file; /* its first line; NULL: the terminal is asked, once and when needed */
};

/* A key with its certificate and chain, from --pkcs12, or from --key, --cert and --chain.
 * Returns 0 with all three set, the caller owns them; -1 told. */
int input_pkcs12(const char *path, const struct password_source *password, EVP_PKEY **key_out,
                 X509 **certificate_out, STACK_OF(X509) * *chain_out);
int input_key_and_certificates(const char *key_path, const char *certificate_path,
                               const struct option_values *chain_paths,
                               const struct password_source *password, EVP_PKEY **key_out,
                               X509 **certificate_out, STACK_OF(X509) * *chain_out);

#endif
