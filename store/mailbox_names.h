/* How a mailbox is named in a certificate or in the request for one. Internal to store/. */
#ifndef STORE_MAILBOX_NAMES_H
#define STORE_MAILBOX_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

/* Add CN = `address` to `subject` where it fits into one (ub-common-name, RFC 5280 appendix A.1);
 * a longer one leaves the subject as it is. Returns 0, or -1 when out of memory. */
int mailbox_names_subject(X509_NAME *subject, const char *address);

/* subjectAltName of `addresses` (canonical, at least one): rfc822Name, or SmtpUTF8Mailbox where the
 * local part is not ASCII (RFC 9598). `critical` is due where the subject is empty (RFC 5280
 * section 4.2.1.6). A new extension (X509_EXTENSION_free()), NULL when out of memory. */
X509_EXTENSION *mailbox_names_extension(const char *const *addresses, size_t count, bool critical);

#endif
