/* The subject that certificates are asked for, as the settings describe it. */
#ifndef DAEMON_ENROLMENT_SUBJECT_TEMPLATE_H
#define DAEMON_ENROLMENT_SUBJECT_TEMPLATE_H

#include <openssl/x509.h>

/* The distinguished name `text` (RFC 4514) in whose values "{address}" is replaced by `address`. It
 * is replaced in values that have been taken apart, so no address adds an attribute. NULL with a
 * sentence; X509_NAME_free(). */
X509_NAME *subject_from_template(const char *text, const char *address, char **why);

#endif
