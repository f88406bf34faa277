/* Copies of a store, and a store from a copy. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "handle.h"
#include "why.h"

enum store_status store_copy(struct store *store, const char *path, char **why)
{
    enum store_status status = store_check_file(store, why);
    if (status == STORE_OK) {
        status = sql_lock(store->sql, why);
    }
    if (status == STORE_OK) {
        status = sql_copy(store->sql, path, why);
        sql_unlock(store->sql);
    }
    return status;
}

void store_secret_line(const struct store *store, char out[STORE_SECRET_LINE_BYTES])
{
    _Static_assert(sizeof store->secret.text == STORE_SECRET_LINE_BYTES,
                   "the line end takes the place of the NUL");
    memcpy(out, store->secret.text, STORE_SECRET_LINE_BYTES - 1);
    out[STORE_SECRET_LINE_BYTES - 1] = '\n';
}

/* ---- Restoring ---- */

static enum store_status write_database(const char *path, const unsigned char *bytes, size_t length,
                                        char **why)
{
    int file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = file < 0 ? -1 : 0;
    while (rc == 0 && length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR) {
            rc = -1;
        } else if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    if (rc == 0) {
        rc = fsync(file);
    }
    if (rc != 0) {
        why_set(why, "cannot write the store %s: %s", path, strerror(errno));
    }
    if (file >= 0) {
        close(file);
    }
    return rc == 0 ? STORE_OK : STORE_ERROR;
}

static enum store_status check_integrity(struct store *store, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql, "PRAGMA integrity_check(1)", SQL_NO_VALUES, &row, why);
    if (status == STORE_OK) {
        const char *answer = (const char *)sqlite3_column_text(row, 0);
        if (!answer || strcmp(answer, "ok") != 0) {
            why_set(why, "the database is damaged: %s", answer ? answer : "?");
            status = STORE_ERROR;
        }
    }
    sql_done(row);
    sql_unlock(store->sql);
    return status;
}

/* What opens, belongs to its secret and is sound, is a store; all else is refused. */
static enum store_status try_out(const struct store_options *options, char **why)
{
    struct store_options plain = *options;
    struct store *store = NULL;
    plain.mozilla_roots = NULL; /* another matter */
    enum store_status status = store_open(&plain, &store, why);
    if (status == STORE_OK) {
        status = check_integrity(store, why);
    }
    store_close(&store);
    return status == STORE_OK ? STORE_OK : STORE_REFUSED;
}

static void remove_store(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s", path, suffixes[i]) >= 0) {
            unlink(name);
            free(name);
        }
    }
}

enum store_status store_restore(const struct store_options *options,
                                const char secret_line[STORE_SECRET_LINE_BYTES],
                                const unsigned char *database, size_t length, char **why)
{
    bool made_secret = false;
    enum store_status status = store_make_file(options->path, why);
    if (status != STORE_OK) {
        return status;
    }
    status =
        secret_put(options->secret_path, secret_line, STORE_SECRET_LINE_BYTES, &made_secret, why);
    if (status == STORE_OK) {
        status = write_database(options->path, database, length, why);
    }
    if (status == STORE_OK) {
        status = try_out(options, why);
    }
    if (status != STORE_OK) {
        remove_store(options->path);
        if (made_secret) {
            unlink(options->secret_path);
        }
    }
    return status;
}
