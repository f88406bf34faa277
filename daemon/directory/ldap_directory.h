/* Asking one LDAP directory for the certificates of an address. */
#ifndef DIRECTORY_LDAP_DIRECTORY_H
#define DIRECTORY_LDAP_DIRECTORY_H

#include "answer.h"
#include "deadline.h"
#include "settings.h"

/* Ask `directory` for `address` (canonical). *answer (its source is set) gets what it said; that it
 * cannot be asked is an answer, too. Returns 0, -1 for an error of ours (*why). */
int ldap_directory_ask(const struct settings *settings, const struct directory_setting *directory,
                       const char *address, struct deadline deadline, struct answer *answer,
                       char **why);

#endif
