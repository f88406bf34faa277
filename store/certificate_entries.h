/* Certificates in directory exports, address books and long lists: LDIF (RFC 2849) with
 * userCertificate (RFC 4523) and userSMIMECertificate (RFC 2798), vCards (RFC 6350, RFC 2426, vCard
 * 2.1) with KEY, and PEM (RFC 7468) with any number of certificates and PKCS#7 bundles.
 *
 * What one entry holds is handed on together: CA certificates accompany that of the person. PEM has
 * no entries; of it some hundred certificates are handed on at a time. */
#ifndef STORE_CERTIFICATE_ENTRIES_H
#define STORE_CERTIFICATE_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "credential.h"

#define ENTRIES_MAX_BYTES (512L * 1024 * 1024) /* of one input */
/* Base64 of one value, line ends included: what a credential may have, and some. */
#define ENTRIES_MAX_VALUE_BYTES (2 * CREDENTIAL_MAX_BYTES)

/* Who is handed what is found. `entry` names it ("cn=Bob,o=Partner", "Bob Brown"; may be "");
 * certificates are borrowed, never none. */
struct entry_taker {
    void (*certificates)(void *context, const char *entry, STACK_OF(X509) * certificates);
    /* A value that cannot be read: a sentence. */
    void (*trouble)(void *context, const char *entry, const char *sentence);
    void *context;
};

/* By how it begins, is it LDIF, or are they vCards? */
bool ldif_begins(const char *text, size_t length);
bool vcards_begin(const char *text, size_t length);
/* Anywhere: people put text before. */
bool pem_stands_in(const char *text, size_t length);

/* Go through all entries. CREDENTIAL_REFUSED with a sentence when the input is too large or has NUL
 * bytes, CREDENTIAL_ERROR out of memory. Values that stand elsewhere (LDIF ":<", vCard URLs) are
 * never fetched, but told as trouble. OpenPGP keys are passed over. */
enum credential_status ldif_read(const char *text, size_t length, const struct entry_taker *taker,
                                 char **why);
enum credential_status vcards_read(const char *text, size_t length, const struct entry_taker *taker,
                                   char **why);
/* Blocks that hold no certificates are passed over; those that cannot be read are told by number.
 */
enum credential_status pem_read(const char *text, size_t length, const struct entry_taker *taker,
                                char **why);

#endif
