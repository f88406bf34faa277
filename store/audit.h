/* Writing the audit trail: who changed what. Internal to store/.
 *
 * Between change_begin() and change_end(); what is recorded stands or falls with the change. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include <sys/types.h>

#include "store.h"

/* Longer texts are cut: a command line may name thousands of files. */
#define AUDIT_MAX_TEXT_BYTES 1024

struct audit_actor {
    char *name;
    int64_t uid;
    char *sudo_user;
    char *command;
};

void audit_actor_clear(struct audit_actor *actor);

/* Record one change: what was done ("public key imported"), to what ("bob@partner.test"), and
 * details, made as printf() makes them. */
enum store_status audit_record(struct store *store, const char *action, const char *object,
                               char **why, const char *details, ...)
    __attribute__((format(printf, 5, 6)));

/* The same for a certificate: details are its description. `id` is its number there, 0: none. */
enum store_status audit_certificate(struct store *store, const char *action, const char *object,
                                    int64_t id, X509 *certificate, char **why);

/* The same for the certificate of a row of that table. */
enum store_status audit_certificate_row(struct store *store, const char *action, const char *object,
                                        int64_t id, int64_t row, char **why);

/* The change is none that anybody wants to read of: that a certificate was seen again. */
void audit_nothing(struct store *store);

#endif
