/* Files with certificates, keys and secrets that settings name. */
#ifndef DAEMON_ENROLMENT_CREDENTIAL_FILE_H
#define DAEMON_ENROLMENT_CREDENTIAL_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Read a regular file of at most `max_bytes`. Of one that is `secret` nobody but its owner may have
 * any access. *out is new memory with a NUL behind it: OPENSSL_clear_free(*out, length + 1).
 * Returns 0, or -1 with a sentence that names the file. */
int credential_file_read(const char *path, bool secret, size_t max_bytes, unsigned char **out,
                         size_t *length_out, char **why);

#endif
