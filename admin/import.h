/* Importing certificates from files: every certificate of every file is tried, whatever becomes of
 * the others; only a store that fails ends it. */
#ifndef ADMIN_IMPORT_H
#define ADMIN_IMPORT_H

#include <openssl/x509.h>

#include "context.h"

enum import_result { IMPORT_DONE, IMPORT_PASSED_OVER, IMPORT_REFUSED };

/* One certificate and what became of it. */
struct import_item {
    X509 *certificate;
    enum import_result result; /* IMPORT_DONE to begin with */
    int64_t id;                /* of what is IMPORT_DONE */
    char *why;                 /* a sentence, of what is not */
};

/* How one kind of certificates is imported. */
struct importer {
    /* Is it of no use among those of its file, or of its entry there? Then a sentence is set. NULL:
     * each is taken by itself. */
    bool (*passes_over)(X509 *certificate, const STACK_OF(X509) * together, char **why);
    /* Import some, each by itself, and say what became of it; those that are not IMPORT_DONE
     * already are left alone. STORE_ERROR: the store failed, and there is no going on. */
    enum store_status (*import)(struct context *context, struct import_item *items, size_t count,
                                char **why);
};

/* Import the files that are named by the words of the command, and report each certificate on
 * standard output. Returns an exit code. */
int import_files(struct context *context, const struct importer *importer);

/* The same for certificates of people: folders are read with all that is in them, and LDIF and
 * vCards, too. Shows progress on a terminal. */
int import_people(struct context *context, const struct importer *importer);

#endif
