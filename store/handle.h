/* What a store handle holds, and how its database is changed. Internal to store/.
 *
 * Locks: that of the connection (sql_lock()) and, inside it or alone, that of the cache, or that of
 * the system anchors. What messages look up is copied under the first and parsed outside it. */
#ifndef STORE_HANDLE_H
#define STORE_HANDLE_H

#include <pthread.h>
#include <sys/types.h>

#include "audit.h"
#include "cache.h"
#include "mozilla.h"
#include "secret.h"
#include "sql.h"
#include "store.h"

struct store {
    struct sql *sql;
    struct cache *cache;
    struct cache *crls; /* parsed CRLs, by version: no generation concerns it */
    struct secret secret;
    char *path;
    dev_t device; /* of the database file that is open */
    ino_t inode;
    char *mozilla_roots; /* NULL: none */
    pthread_mutex_t system_lock;
    STACK_OF(X509) * system_anchors; /* replaced as a whole */
    struct mozilla_module module;    /* whence they were read, or could not be */
    bool following;                  /* a thread is reading them anew */
    char *notice;                    /* what is worth logging of that; NULL: nothing */
    /* Guarded by the lock of the connection. */
    struct audit_actor actor;
    int64_t changes_before; /* of the transaction that is open */
    bool audited;           /* what it changes was recorded, or is not worth it */
};

/* Which change a transaction made. */
enum change_effect {
    CHANGE_NOTHING,   /* that a message would see: the generation stays */
    CHANGE_ADDRESSES, /* encryption certificates or capabilities of some addresses */
    CHANGE_ALL,
};

struct change {
    enum change_effect effect;
    enum cache_kind kind; /* of CHANGE_ADDRESSES */
    char *const *addresses;
    size_t count;
};

/* Begin a transaction that writes; nothing is held after a failure. */
enum store_status change_begin(struct store *store, char **why);
/* End it. What was changed and not audited (audit.h) is recorded as "changed" with the command of
 * the actor. With STORE_OK the generation is raised as `change` says, everything is committed and
 * the cache told; otherwise all is undone. Returns `status`, or STORE_ERROR when that failed. */
enum store_status change_end(struct store *store, enum store_status status,
                             const struct change *change, char **why);

/* Make the empty file of a new store. STORE_REFUSED when there is one, or the log of a former one.
 */
enum store_status store_make_file(const char *path, char **why);

/* Is the database file still the one that is open? */
enum store_status store_check_file(struct store *store, char **why);

/* Sets "out of memory" and returns STORE_ERROR. */
enum store_status store_no_memory(char **why);

#endif
