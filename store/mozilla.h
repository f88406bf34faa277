/* Mozilla's roots that carry the e-mail trust bit, from NSS's built-in module. Internal to store/.
 */
#ifndef STORE_MOZILLA_H
#define STORE_MOZILLA_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include <openssl/x509.h>

#include "store.h"

#define MOZILLA_MAX_OBJECTS 4096 /* of one class in the module */

/* Which file a module was read from. */
struct mozilla_module {
    char *path; /* as it was found: what may be replaced; free(). NULL: it was not found */
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec modified;
};

/* Read them from `module`: a path, or a bare file name that the dynamic linker finds
 * ("libnssckbi.so"). *out: sk_X509_pop_free(). STORE_ERROR with a sentence that names the module
 * and the setting. *module_out is set as far as the file was found, whatever came of it.
 *
 * A file that has replaced another one of its name is read as it is; one that is overwritten in its
 * place cannot be, as long as the process maps it. */
enum store_status mozilla_roots_read(const char *module, struct mozilla_module *module_out,
                                     STACK_OF(X509) * *out, char **why);

/* Is there another file now? */
bool mozilla_module_changed(const struct mozilla_module *module);

#endif
