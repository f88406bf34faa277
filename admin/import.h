/* Importing certificates from files: every certificate of every file is tried, whatever becomes of
 * the others. */
#ifndef ADMIN_IMPORT_H
#define ADMIN_IMPORT_H

#include <openssl/x509.h>

#include "context.h"

enum import_result { IMPORT_DONE, IMPORT_PASSED_OVER, IMPORT_REFUSED };

/* Import one certificate; `file` are all of its file, or of its entry there. *id_out is set with
 * IMPORT_DONE, a sentence in *why otherwise. */
typedef enum import_result import_function(struct context *context, X509 *certificate,
                                           const STACK_OF(X509) * file, int64_t *id_out,
                                           char **why);

/* Import the files that are named by the words of the command, and report each certificate on
 * standard output. Returns an exit code. */
int import_files(struct context *context, import_function *import);

/* The same for certificates of people: folders are read with all that is in them, and LDIF and
 * vCards, too. Shows progress on a terminal. */
int import_people(struct context *context, import_function *import);

#endif
