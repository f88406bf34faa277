/* Opening, making and closing a store; its generation. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "crl.h"
#include "handle.h"
#include "schema.h"
#include "system_anchors.h"
#include "why.h"

enum store_status store_no_memory(char **why)
{
    why_set(why, "out of memory");
    return STORE_ERROR;
}

/* ---- Making ---- */

/* A log that a former database left behind would be played back into the new one. */
static enum store_status refuse_leftovers(const char *path, char **why)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s", path, suffixes[i]) < 0) {
            return store_no_memory(why);
        }
        bool there = access(name, F_OK) == 0;
        if (there) {
            why_set(why, "%s is left over from another store: remove it first", name);
        }
        free(name);
        if (there) {
            return STORE_REFUSED;
        }
    }
    return STORE_OK;
}

enum store_status store_make_file(const char *path, char **why)
{
    if (access(path, F_OK) == 0) {
        why_set(why, "the store %s exists already", path);
        return STORE_REFUSED;
    }
    enum store_status status = refuse_leftovers(path, why);
    if (status != STORE_OK) {
        return status;
    }
    /* Made here and not by SQLite, so that its mode does not depend on the umask; SQLite gives its
     * log and shared memory the same mode. */
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        why_set(why, "cannot make the store %s: %s", path, strerror(errno));
        return errno == EEXIST ? STORE_REFUSED : STORE_ERROR;
    }
    close(file);
    return STORE_OK;
}

static enum store_status fill(struct sql *sql, const struct secret *secret, char **why)
{
    unsigned char check[SECRET_CHECK_BYTES];
    enum store_status status = secret_check_value(secret, check, why);
    if (status != STORE_OK) {
        return status;
    }
    /* WAL: readers, the daemon, never wait for a writer, smimectl. Kept in the file. */
    status = sql_script(sql, "PRAGMA journal_mode = WAL", why);
    if (status == STORE_OK) {
        status = sql_begin(sql, why);
    }
    if (status != STORE_OK) {
        return status;
    }
    status = schema_create(sql, why);
    if (status == STORE_OK) {
        status = sql_run(sql, "INSERT INTO meta (one, generation, secret_check) VALUES (1, 1, ?1)",
                         SQL_VALUES(SQL_BLOB(check, sizeof check)), why);
    }
    status = sql_end(sql, status, why);
    sql_unlock(sql);
    return status;
}

enum store_status store_create(const struct store_options *options, char **why)
{
    struct secret secret;
    bool made_secret = false;
    struct sql *sql = NULL;

    enum store_status status = store_make_file(options->path, why);
    if (status != STORE_OK) {
        return status;
    }
    status = secret_create(options->secret_path, &secret, &made_secret, why);
    if (status == STORE_OK) {
        status = sql_open(options->path, options->timeout_ms, &sql, why);
    }
    if (status == STORE_OK) {
        status = fill(sql, &secret, why);
    }
    sql_close(&sql);
    secret_wipe(&secret);
    if (status != STORE_OK) {
        unlink(options->path);
        if (made_secret) {
            unlink(options->secret_path);
        }
    }
    return status;
}

/* ---- Opening ---- */

static enum store_status examine_file(struct store *store, char **why)
{
    struct stat about;
    if (stat(store->path, &about) != 0) {
        why_set(why, "%s: %s", store->path, strerror(errno));
        return STORE_ERROR;
    }
    if (!S_ISREG(about.st_mode)) {
        why_set(why, "the store %s is not a regular file", store->path);
        return STORE_ERROR;
    }
    if (faccessat(AT_FDCWD, store->path, R_OK | W_OK, AT_EACCESS) != 0) {
        why_set(why, "the store %s may not be read and written: %s", store->path, strerror(errno));
        return STORE_ERROR;
    }
    if (about.st_mode & S_IRWXO) {
        why_set(why, "the store %s is open to everybody (mode %04o): chmod o= %s", store->path,
                (unsigned)(about.st_mode & 07777), store->path);
        return STORE_ERROR;
    }
    store->device = about.st_dev;
    store->inode = about.st_ino;
    return STORE_OK;
}

static enum store_status check_secret(struct store *store, char **why)
{
    unsigned char expected[SECRET_CHECK_BYTES];
    sqlite3_stmt *row = NULL;
    enum store_status status = secret_check_value(&store->secret, expected, why);
    if (status == STORE_OK) {
        status = sql_query(store->sql, "SELECT secret_check FROM meta", SQL_NO_VALUES, &row, why);
    }
    if (status == STORE_NONE) {
        why_set(why, "the store %s is damaged: its master record is missing", store->path);
        status = STORE_ERROR;
    }
    if (status == STORE_OK &&
        (sqlite3_column_bytes(row, 0) != SECRET_CHECK_BYTES ||
         CRYPTO_memcmp(sqlite3_column_blob(row, 0), expected, SECRET_CHECK_BYTES) != 0)) {
        why_set(why, "the master secret is not the one that the store %s was made with",
                store->path);
        status = STORE_ERROR;
    }
    sql_done(row);
    return status;
}

static enum store_status check_contents(struct store *store, char **why)
{
    enum store_status status = schema_migrate(store->sql, schema_steps, schema_step_count, why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
    }
    if (status != STORE_OK) {
        why_prefix(why, "%s", store->path);
        return status;
    }
    status = check_secret(store, why);
    sql_unlock(store->sql);
    return status;
}

static enum store_status fill_handle(struct store *store, const struct store_options *options,
                                     char **why)
{
    const char *module = options->mozilla_roots;
    store->path = strdup(options->path);
    store->mozilla_roots = module && *module ? strdup(module) : NULL;
    store->cache = cache_new(CACHE_MAX_OBJECTS);
    store->crls = cache_new(CRL_CACHE_KIB);
    store->system_anchors = sk_X509_new_null();
    if (!store->path || !store->cache || !store->crls || !store->system_anchors ||
        (module && *module && !store->mozilla_roots)) {
        return store_no_memory(why);
    }
    enum store_status status = examine_file(store, why);
    if (status == STORE_OK) {
        status = secret_read(options->secret_path, &store->secret, why);
    }
    if (status == STORE_OK) {
        status = sql_open(store->path, options->timeout_ms, &store->sql, why);
    }
    if (status == STORE_OK) {
        status = check_contents(store, why);
    }
    if (status == STORE_OK) {
        status = store_reload_anchors(store, why);
    }
    return status == STORE_OK ? store_refresh(store, why) : status;
}

enum store_status store_open(const struct store_options *options, struct store **out, char **why)
{
    *out = NULL;
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        return store_no_memory(why);
    }
    pthread_mutex_init(&store->system_lock, NULL);
    enum store_status status = fill_handle(store, options, why);
    if (status == STORE_OK) {
        *out = store;
        store = NULL;
    }
    store_close(&store);
    return status;
}

void store_close(struct store **store)
{
    if (!*store) {
        return;
    }
    sql_close(&(*store)->sql);
    cache_free(&(*store)->cache);
    cache_free(&(*store)->crls);
    secret_wipe(&(*store)->secret);
    sk_X509_pop_free((*store)->system_anchors, X509_free);
    free((*store)->module.path);
    why_free(&(*store)->notice);
    pthread_mutex_destroy(&(*store)->system_lock);
    audit_actor_clear(&(*store)->actor);
    free((*store)->mozilla_roots);
    free((*store)->path);
    free(*store);
    *store = NULL;
}

/* ---- Generation ---- */

/* SQLite goes on with a removed file as if nothing had happened. What is written to it is lost, and
 * what is read is not what the administrator sees. */
enum store_status store_check_file(struct store *store, char **why)
{
    struct stat about;
    if (stat(store->path, &about) != 0) {
        why_set(why, "the store %s is gone: %s", store->path, strerror(errno));
        return STORE_ERROR;
    }
    if (about.st_dev != store->device || about.st_ino != store->inode) {
        why_set(why, "the store %s was replaced by another file while it was open: reload smimed",
                store->path);
        return STORE_ERROR;
    }
    if (faccessat(AT_FDCWD, store->path, R_OK | W_OK, AT_EACCESS) != 0) {
        why_set(why, "the store %s may no longer be read and written: %s", store->path,
                strerror(errno));
        return STORE_ERROR;
    }
    return STORE_OK;
}

static enum store_status read_generation(struct store *store, int64_t *out, char **why)
{
    enum store_status status =
        sql_integer(store->sql, "SELECT generation FROM meta", SQL_NO_VALUES, out, why);
    if (status == STORE_NONE) {
        why_set(why, "the store %s is damaged: its master record is missing", store->path);
        status = STORE_ERROR;
    }
    return status;
}

enum store_status store_generation(struct store *store, int64_t *out, char **why)
{
    enum store_status status = store_check_file(store, why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
    }
    if (status == STORE_OK) {
        status = read_generation(store, out, why);
        sql_unlock(store->sql);
    }
    return status;
}

enum store_status store_refresh(struct store *store, char **why)
{
    int64_t generation = 0;
    enum store_status status = store_check_file(store, why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
    }
    if (status != STORE_OK) {
        return status;
    }
    status = read_generation(store, &generation, why);
    if (status == STORE_OK) {
        /* Still under the lock: what two threads read reaches the cache in the order of reading. */
        cache_obey(store->cache, generation);
    }
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        system_anchors_follow(store);
    }
    return status;
}

enum store_status change_begin(struct store *store, char **why)
{
    enum store_status status = store_check_file(store, why);
    if (status == STORE_OK) {
        status = sql_begin(store->sql, why);
    }
    if (status == STORE_OK) {
        store->changes_before = sql_total_changes(store->sql);
        store->audited = false;
    }
    return status;
}

static enum store_status raise_generation(struct store *store, int64_t *out, char **why)
{
    enum store_status status =
        sql_run(store->sql, "UPDATE meta SET generation = generation + 1", SQL_NO_VALUES, why);
    return status == STORE_OK ? read_generation(store, out, why) : status;
}

enum store_status change_end(struct store *store, enum store_status status,
                             const struct change *change, char **why)
{
    int64_t generation = 0;
    if (status == STORE_OK && !store->audited &&
        sql_total_changes(store->sql) != store->changes_before) {
        status = audit_record(store, "changed", "", why, "%s", "");
    }
    if (status == STORE_OK && change->effect != CHANGE_NOTHING) {
        status = raise_generation(store, &generation, why);
    }
    status = sql_end(store->sql, status, why);
    if (status == STORE_OK && change->effect == CHANGE_ADDRESSES) {
        cache_advance(store->cache, generation, change->kind, change->addresses, change->count);
    } else if (status == STORE_OK && change->effect == CHANGE_ALL) {
        cache_obey(store->cache, generation);
    }
    sql_unlock(store->sql);
    return status;
}

enum store_status store_derive_key(const struct store *store, const char *purpose,
                                   unsigned char out[STORE_DERIVED_KEY_BYTES], char **why)
{
    return secret_derive(&store->secret, purpose, out, why);
}
