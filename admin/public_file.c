/* Files for everybody: CRLs and certificates that a web server hands out. */
#include "public_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "why.h"
#include "write_all.h"

#define PUBLIC_MODE 0644 /* whatever the umask of an administrator is */

static int write_file(const char *path, const void *bytes, size_t length, char **why)
{
    char *beside = NULL;
    int descriptor = -1;
    int rc = -1;
    if (asprintf(&beside, "%s.XXXXXX", path) < 0) {
        why_set(why, "out of memory");
        return -1;
    }
    descriptor = mkostemp(beside, O_CLOEXEC);
    if (descriptor < 0) {
        why_set(why, "%s cannot be made: %s", path, strerror(errno));
        goto out;
    }
    rc = write_all(descriptor, bytes, length) || fchmod(descriptor, PUBLIC_MODE) ||
                 fsync(descriptor) || rename(beside, path)
             ? -1
             : 0;
    if (rc) {
        why_set(why, "%s cannot be written: %s", path, strerror(errno));
        unlink(beside);
    }
    close(descriptor); /* what it holds was synced */
out:
    free(beside);
    return rc;
}

char *pem_of(const char *label, const unsigned char *der, size_t length)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL, *bytes = NULL;
    if (out && PEM_write_bio(out, label, "", der, (long)length) > 0) {
        long size = BIO_get_mem_data(out, &bytes);
        text = size > 0 ? OPENSSL_strndup(bytes, (size_t)size) : NULL;
    }
    BIO_free(out);
    ERR_clear_error();
    return text;
}

int public_write(const char *path, const char *label, const unsigned char *der, size_t length,
                 bool as_der, char **why)
{
    char *text = as_der ? NULL : pem_of(label, der, length);
    const void *bytes = as_der ? (const void *)der : (const void *)text;
    int rc = -1;
    if (!bytes) {
        why_set(why, "out of memory");
        return -1;
    }
    length = as_der ? length : strlen(text);
    if (path) {
        rc = write_file(path, bytes, length, why);
    } else if (fwrite(bytes, 1, length, stdout) == length && fflush(stdout) == 0) {
        rc = 0;
    } else {
        why_set(why, "standard output cannot be written: %s", strerror(errno));
    }
    OPENSSL_free(text);
    return rc;
}
