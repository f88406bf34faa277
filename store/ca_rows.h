/* CAs and what they issued as rows of the database. Internal to store/. */
#ifndef STORE_CA_ROWS_H
#define STORE_CA_ROWS_H

#include "ca.h"
#include "sql.h"

/* A CA with what it signs with. */
struct ca_signer {
    int64_t id;
    X509 *certificate;
    EVP_PKEY *key;
    char *crl_url; /* "" if none */
};

/* Load one, 0: that issues. STORE_REFUSED with a sentence when there is none. */
enum store_status ca_signer_load(struct store *store, int64_t id, struct ca_signer *out,
                                 char **why);
void ca_signer_clear(struct ca_signer *signer);

/* STORE_REFUSED when a CA of the store has revoked the certificate. Inside a transaction. */
enum store_status ca_refuse_revoked(struct sql *sql, X509 *certificate, char **why);

/* Lower-case hex without leading zeros: a new string, NULL out of memory. */
char *ca_serial_text(const ASN1_INTEGER *serial);

#endif
