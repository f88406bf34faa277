/* Certificates as rows of the database: each once, whatever it is used for. Internal to store/. */
#ifndef STORE_CERTIFICATE_H
#define STORE_CERTIFICATE_H

#include <openssl/x509.h>

#include "sql.h"

/* The id of the row that holds `certificate`, made where there is none. Inside a transaction. */
enum store_status certificate_put(struct sql *sql, X509 *certificate, int64_t *id_out, char **why);

/* The id, or STORE_NONE. */
enum store_status certificate_find(struct sql *sql, X509 *certificate, int64_t *id_out, char **why);

/* Delete the row unless something refers to it. Inside a transaction. */
enum store_status certificate_drop_unused(struct sql *sql, int64_t id, char **why);

/* The certificate in DER that the database holds, with its extensions decoded, so that threads can
 * share it. STORE_ERROR when it cannot be read. */
enum store_status certificate_parse(const unsigned char *der, size_t length, X509 **out,
                                    char **why);
enum store_status certificate_column(sqlite3_stmt *row, int column, X509 **out, char **why);

/* All of `blobs`, in their order; *out: sk_X509_pop_free(). */
enum store_status certificate_parse_all(const struct blobs *blobs, STACK_OF(X509) * *out,
                                        char **why);

/* For the audit trail: subject, SHA-256 fingerprint and last day. A new string. */
enum store_status certificate_describe(X509 *certificate, char **out, char **why);

/* Fingerprint as a new string. */
enum store_status certificate_fingerprint(X509 *certificate, char **out, char **why);

#endif
