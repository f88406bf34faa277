/* Mozilla's roots that carry the e-mail trust bit, from NSS's built-in module. Internal to store/.
 */
#ifndef STORE_MOZILLA_H
#define STORE_MOZILLA_H

#include <openssl/x509.h>

#include "store.h"

#define MOZILLA_MAX_OBJECTS 4096 /* of one class in the module */

/* Read them from `module`: a path, or a bare file name that the dynamic linker finds
 * ("libnssckbi.so"). *out: sk_X509_pop_free(). STORE_ERROR with a sentence that names the module
 * and the setting. */
enum store_status mozilla_roots_read(const char *module, STACK_OF(X509) * *out, char **why);

#endif
