/* Parsing CRLs of the database. Internal to store/. */
#ifndef STORE_CRL_H
#define STORE_CRL_H

#include "revocation.h"

/* STORE_ERROR when it cannot be read. */
enum store_status crl_parse(const unsigned char *der, size_t length, X509_CRL **out, char **why);

/* Parsed CRLs that are kept: by the size of their DER, which takes some times as much parsed. */
#define CRL_CACHE_KIB (32 * 1024)

#endif
