/* The file of a backup: CMS AuthEnvelopedData (RFC 5083) for a password (PasswordRecipientInfo,
 * RFC 3211, PBKDF2), content encrypted with AES-256-GCM (RFC 5084).
 *
 * The content is the line of the master secret and, behind it, the database. It can be had without
 * smimed: "openssl cms -decrypt -inform DER -pwri_password ... ", then the first line and the rest.
 */
#ifndef ADMIN_BACKUP_FILE_H
#define ADMIN_BACKUP_FILE_H

#include <stdio.h>

#include <openssl/bio.h>

#include "store.h"

/* A backup is read into memory; so large is a store of about a million public keys. */
#define BACKUP_MAX_BYTES (1L << 30)

/* Encrypt secret line and the file `database` under `password` into `out`. Returns 0, or -1 with a
 * sentence. */
int backup_write(const char secret_line[STORE_SECRET_LINE_BYTES], const char *database,
                 const char *password, FILE *out, char **why);

/* Decrypt a backup: a memory BIO whose bytes are the secret line and the database, at least one
 * byte of it; they are authentic. To be freed by backup_free(). NULL with a sentence: not a backup,
 * the wrong password, altered, or too large. */
BIO *backup_read(FILE *in, const char *password, char **why);

/* Wipes. Accepts NULL. */
void backup_free(BIO *content);

#endif
