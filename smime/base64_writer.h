/* A BIO that writes base64 to a spool, in CRLF lines of 76 (RFC 2045 section 6.8). */
#ifndef SMIME_BASE64_WRITER_H
#define SMIME_BASE64_WRITER_H

#include <openssl/bio.h>

#include "spool.h"

/* NULL when out of memory. The spool must outlive it. BIO_write() returns -1 with errno when the
 * spool fails. BIO_flush() writes nothing: only base64_writer_end() knows the end. */
BIO *base64_writer(struct spool *out);

/* Write what is left, with its line end. Returns 0, or -1 with errno if this or any earlier write
 * failed. BIO_free() comes after that. */
int base64_writer_end(BIO *writer);

#endif
