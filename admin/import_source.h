/* Where certificates to be imported come from: files in any of the formats, and folders of them. */
#ifndef ADMIN_IMPORT_SOURCE_H
#define ADMIN_IMPORT_SOURCE_H

#include <stdbool.h>

#include <openssl/x509.h>

/* Who is handed what is found in `file`. `entry` is what it stands under there, "" in files without
 * entries; `certificates` belong together and are borrowed. */
struct import_taker {
    void (*certificates)(void *context, const char *file, const char *entry,
                         STACK_OF(X509) * certificates);
    /* What cannot be read: a sentence that names the file. */
    void (*refused)(void *context, const char *file, const char *sentence);
    /* A file of a folder that holds no certificate. */
    void (*skipped)(void *context, const char *file, const char *sentence);
    /* A file is done. */
    void (*done)(void *context);
    void *context;
};

/* Read `path`: a file, "-" for standard input, or, where `wide`, a folder with all that is in it,
 * in the order of names. PEM, DER and PKCS#7 are read, and where `wide` LDIF and vCards. */
void import_source_read(const char *path, bool wide, const struct import_taker *taker);

#endif
