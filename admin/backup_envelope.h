/* What a backup file is made of, looked at before anything in it is believed. */
#ifndef ADMIN_BACKUP_ENVELOPE_H
#define ADMIN_BACKUP_ENVELOPE_H

#include <openssl/bio.h>

/* Iterations of key derivation that a backup may ask for: some seconds. */
#define BACKUP_MAX_KDF_ITERATIONS 5000000

/* Is what `file` holds from here on to its end one AuthEnvelopedData (RFC 5083) for one password
 * (RFC 3211), to be tried at a bounded price? Returns 0, or -1 with what to say behind the name of
 * the file. `file` is read to its end. */
int backup_envelope_check(BIO *file, char **why);

#endif
