/* What OpenSSL last complained about. */
#ifndef SMIME_OPENSSL_REASON_H
#define SMIME_OPENSSL_REASON_H

/* The reason of the latest error of this thread ("unsupported"), "no reason given" if there is
 * none; the error queue is empty afterwards. A constant string. */
const char *openssl_reason(void);

#endif
