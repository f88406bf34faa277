/* Subjects as an administrator writes them (RFC 4514). */
#ifndef DAEMON_ENROLMENT_DISTINGUISHED_NAME_H
#define DAEMON_ENROLMENT_DISTINGUISHED_NAME_H

#include <openssl/x509.h>

/* "CN=Alice Smith,O=Example,C=DE": a new name (X509_NAME_free()) whose last part stands first in
 * the certificate, as RFC 4514 has it; NULL with a sentence. */
X509_NAME *distinguished_name_read(const char *text, char **why);

#endif
