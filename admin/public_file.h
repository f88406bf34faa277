/* Files for everybody: CRLs and certificates that a web server hands out. */
#ifndef ADMIN_PUBLIC_FILE_H
#define ADMIN_PUBLIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* DER as PEM ("-----BEGIN `label`-----"): a new string (OPENSSL_free()), NULL when out of memory.
 */
char *pem_of(const char *label, const unsigned char *der, size_t length);

/* Write DER to `path` (mode 0644), or to standard output where `path` is NULL; as PEM unless
 * `as_der`. Whoever reads the file meanwhile has the old or the new one as a whole. Returns 0; -1
 * with a sentence, and what was there before is there still. */
int public_write(const char *path, const char *label, const unsigned char *der, size_t length,
                 bool as_der, char **why);

#endif
