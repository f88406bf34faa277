/* Reading files, passwords, keys and certificates. Everything that may be secret is wiped. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "credential.h"
#include "password.h"
#include "why.h"

static int read_all(int descriptor, unsigned char *bytes, size_t room, size_t *length_out)
{
    size_t length = 0;
    while (length < room) {
        ssize_t got = read(descriptor, bytes + length, room - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    *length_out = length;
    return 0;
}

int input_read(const char *path, struct input *out, char **why)
{
    const size_t room = CREDENTIAL_MAX_BYTES + 1; /* one more tells that the file is too large */
    bool standard = !strcmp(path, "-");
    int descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct input input = {0};
    int rc = -1;
    if (descriptor < 0) {
        why_set(why, "%s cannot be opened: %s", path, strerror(errno));
        goto out;
    }
    input.bytes = OPENSSL_malloc(room);
    if (!input.bytes) {
        why_set(why, "out of memory");
        goto out;
    }
    if (read_all(descriptor, input.bytes, room, &input.length)) {
        why_set(why, "%s cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (input.length == room) {
        why_set(why, "%s is larger than %d bytes, so it is no key and no certificate", path,
                CREDENTIAL_MAX_BYTES);
        goto out;
    }
    *out = input;
    input.bytes = NULL;
    rc = 0;
out:
    OPENSSL_clear_free(input.bytes, room);
    if (!standard && descriptor >= 0) {
        close(descriptor);
    }
    return rc;
}

void input_clear(struct input *input)
{
    OPENSSL_clear_free(input->bytes, CREDENTIAL_MAX_BYTES + 1);
    *input = (struct input){0};
}

STACK_OF(X509) * input_certificates(const char *path, char **why)
{
    struct input input;
    STACK_OF(X509) *certificates = NULL;
    if (input_read(path, &input, why)) {
        return NULL;
    }
    if (certificates_read(input.bytes, input.length, &certificates, why) != CREDENTIAL_OK) {
        why_prefix(why, "%s", path);
    }
    input_clear(&input);
    return certificates;
}

/* What reading a protected file with one password gives. */
struct unlocked {
    EVP_PKEY *key;
    X509 *certificate;      /* PKCS#12 only */
    STACK_OF(X509) * chain; /* PKCS#12 only */
};

typedef enum credential_status unlock_function(const struct input *input, const char *password,
                                               struct unlocked *out, char **why);

static enum credential_status unlock_pkcs12(const struct input *input, const char *password,
                                            struct unlocked *out, char **why)
{
    return credential_read_pkcs12(input->bytes, input->length, password, &out->key,
                                  &out->certificate, &out->chain, why);
}

static enum credential_status unlock_key(const struct input *input, const char *password,
                                         struct unlocked *out, char **why)
{
    return private_key_read(input->bytes, input->length, password, &out->key, why);
}

/* Try without a password where none was given, and ask only when that was not enough. */
static int unlock(const char *path, const struct password_source *source, unlock_function *function,
                  struct unlocked *out, char **why)
{
    struct input input = {0};
    struct password password = {0};
    const char *text = source->text && *source->text ? source->text : NULL;
    int rc = -1;
    if (input_read(path, &input, why)) {
        goto out;
    }
    if (!source->text && source->file) {
        if (password_from_file(source->file, &password, why)) {
            goto out;
        }
        text = password.text;
    }
    enum credential_status status = function(&input, text, out, why);
    if (status == CREDENTIAL_PASSWORD && !source->text && !source->file) {
        if (password_from_terminal(path, &password, why)) {
            goto out;
        }
        status = function(&input, password.text, out, why);
    }
    if (status != CREDENTIAL_OK) {
        why_prefix(why, "%s", path);
        goto out;
    }
    rc = 0;
out:
    password_clear(&password);
    input_clear(&input);
    return rc;
}

int input_pkcs12(const char *path, const struct password_source *password, EVP_PKEY **key_out,
                 X509 **certificate_out, STACK_OF(X509) * *chain_out, char **why)
{
    struct unlocked unlocked = {0};
    if (unlock(path, password, unlock_pkcs12, &unlocked, why)) {
        return -1;
    }
    *key_out = unlocked.key;
    *certificate_out = unlocked.certificate;
    *chain_out = unlocked.chain;
    return 0;
}

int input_add_certificates(const char *path, STACK_OF(X509) * all, char **why)
{
    STACK_OF(X509) *read = input_certificates(path, why);
    int rc = -1;
    if (!read) {
        return -1;
    }
    if (X509_add_certs(all, read, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1) {
        rc = 0;
    } else {
        why_set(why, "out of memory");
    }
    sk_X509_pop_free(read, X509_free);
    return rc;
}

int input_key_and_certificates(const char *key_path, const char *certificate_path,
                               const struct option_values *chain_paths,
                               const struct password_source *password, EVP_PKEY **key_out,
                               X509 **certificate_out, STACK_OF(X509) * *chain_out, char **why)
{
    struct unlocked unlocked = {0};
    const char *certificates = certificate_path ? certificate_path : key_path;
    int rc = -1;
    STACK_OF(X509) *all = sk_X509_new_null();
    if (!all) {
        why_set(why, "out of memory");
        goto out;
    }
    if (unlock(key_path, password, unlock_key, &unlocked, why) ||
        input_add_certificates(certificates, all, why)) {
        goto out;
    }
    for (size_t i = 0; i < chain_paths->count; i++) {
        if (input_add_certificates(chain_paths->items[i], all, why)) {
            goto out;
        }
    }
    if (certificates_split(all, unlocked.key, certificate_out, chain_out, why) != CREDENTIAL_OK) {
        why_prefix(why, "%s and %s", key_path, certificates);
        goto out;
    }
    *key_out = unlocked.key;
    unlocked.key = NULL;
    rc = 0;
out:
    EVP_PKEY_free(unlocked.key);
    sk_X509_pop_free(all, X509_free);
    return rc;
}

int input_is_pem(const char *path, char **why)
{
    static const char begin[] = "-----BEGIN ";
    struct input input;
    if (input_read(path, &input, why)) {
        return -1;
    }
    int found = memmem(input.bytes, input.length, begin, sizeof begin - 1) != NULL;
    input_clear(&input);
    return found;
}
