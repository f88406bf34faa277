/* One SQLite connection: waiting, kept statements, transactions, and errors as sentences. */
#include "sql.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "why.h"

#define SQL_MAX_STATEMENTS 192
#define NANOSECONDS 1000000000L

struct sql {
    sqlite3 *database;
    pthread_mutex_t lock;
    char *path;
    int timeout_ms;
    struct timespec deadline; /* of the call that holds the lock */
    struct {
        const char *text;
        sqlite3_stmt *handle;
    } statements[SQL_MAX_STATEMENTS];
    size_t statement_count;
};

static struct timespec deadline_after(int milliseconds)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += milliseconds / 1000;
    at.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (at.tv_nsec >= NANOSECONDS) {
        at.tv_sec++;
        at.tv_nsec -= NANOSECONDS;
    }
    return at;
}

/* SQLite's own busy timeout would start anew with each statement; ours counts from the moment the
 * call began to wait for the connection, so a caller never waits for much more than the timeout. */
static int wait_for_lock(void *context, int attempt)
{
    static const long pauses_us[] = {200, 500, 1000, 2000, 5000, 10000};
    const struct sql *sql = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long left_us = (long long)(sql->deadline.tv_sec - now.tv_sec) * 1000000 +
                        (sql->deadline.tv_nsec - now.tv_nsec) / 1000;
    if (left_us <= 0) {
        return 0;
    }
    size_t step = (size_t)attempt < sizeof pauses_us / sizeof *pauses_us
                      ? (size_t)attempt
                      : sizeof pauses_us / sizeof *pauses_us - 1;
    long pause_us = left_us < pauses_us[step] ? (long)left_us : pauses_us[step];
    nanosleep(&(struct timespec){0, pause_us * 1000}, NULL);
    return 1;
}

static enum store_status failed(const struct sql *sql, int code, char **why)
{
    int primary = code & 0xff;
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
        why_set(why, "the store %s stayed locked by another process for %d ms", sql->path,
                sql->timeout_ms);
    } else {
        why_set(why, "the store %s cannot be used: %s", sql->path, sqlite3_errmsg(sql->database));
    }
    return STORE_ERROR;
}

static enum store_status out_of_memory(char **why)
{
    why_set(why, "out of memory");
    return STORE_ERROR;
}

static enum store_status set_up(struct sql *sql, char **why)
{
    int code = sqlite3_busy_handler(sql->database, wait_for_lock, sql);
    if (code == SQLITE_OK) {
        /* A handcrafted schema must not run functions, nor SQL of ours alter the file's structure.
         */
        code = sqlite3_db_config(sql->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_db_config(sql->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_db_config(sql->database, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    }
    if (code != SQLITE_OK) {
        return failed(sql, code, why);
    }
    /* FULL: writes are rare, and a private key that was reported as stored may exist nowhere else,
     * so it must survive a power failure. */
    return sql_script(sql, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;", why);
}

enum store_status sql_open(const char *path, int timeout_ms, struct sql **out, char **why)
{
    enum store_status status = STORE_ERROR;
    *out = NULL;
    struct sql *sql = calloc(1, sizeof *sql);
    if (!sql) {
        return out_of_memory(why);
    }
    pthread_mutex_init(&sql->lock, NULL);
    sql->timeout_ms = timeout_ms > 0 ? timeout_ms : 0;
    sql->deadline = deadline_after(sql->timeout_ms);
    sql->path = strdup(path);
    if (!sql->path) {
        out_of_memory(why);
        goto out;
    }
    /* NOMUTEX: the connection is guarded by our own lock. */
    int code =
        sqlite3_open_v2(path, &sql->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        failed(sql, code, why);
        goto out;
    }
    sqlite3_extended_result_codes(sql->database, 1);
    status = set_up(sql, why);

out:
    if (status == STORE_OK) {
        *out = sql;
        sql = NULL;
    }
    sql_close(&sql);
    return status;
}

void sql_close(struct sql **sql)
{
    if (!*sql) {
        return;
    }
    for (size_t i = 0; i < (*sql)->statement_count; i++) {
        sqlite3_finalize((*sql)->statements[i].handle);
    }
    sqlite3_close((*sql)->database);
    pthread_mutex_destroy(&(*sql)->lock);
    free((*sql)->path);
    free(*sql);
    *sql = NULL;
}

enum store_status sql_lock(struct sql *sql, char **why)
{
    struct timespec deadline = deadline_after(sql->timeout_ms);
    if (pthread_mutex_clocklock(&sql->lock, CLOCK_MONOTONIC, &deadline) != 0) {
        why_set(why, "the store %s was busy with other messages for %d ms", sql->path,
                sql->timeout_ms);
        return STORE_ERROR;
    }
    sql->deadline = deadline;
    return STORE_OK;
}

void sql_unlock(struct sql *sql)
{
    pthread_mutex_unlock(&sql->lock);
}

static enum store_status begin(struct sql *sql, const char *text, char **why)
{
    enum store_status status = sql_lock(sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_run(sql, text, SQL_NO_VALUES, why);
    if (status != STORE_OK) {
        sql_unlock(sql);
    }
    return status;
}

enum store_status sql_begin(struct sql *sql, char **why)
{
    return begin(sql, "BEGIN IMMEDIATE", why);
}

enum store_status sql_begin_read(struct sql *sql, char **why)
{
    return begin(sql, "BEGIN", why);
}

enum store_status sql_end(struct sql *sql, enum store_status status, char **why)
{
    if (status == STORE_OK) {
        status = sql_run(sql, "COMMIT", SQL_NO_VALUES, why);
        if (status == STORE_OK) {
            return STORE_OK;
        }
    }
    /* Some errors end the transaction by themselves; ROLLBACK would complain then. */
    if (!sqlite3_get_autocommit(sql->database)) {
        sql_run(sql, "ROLLBACK", SQL_NO_VALUES, NULL);
    }
    return status;
}

static sqlite3_stmt *prepared(struct sql *sql, const char *text, char **why)
{
    for (size_t i = 0; i < sql->statement_count; i++) {
        if (sql->statements[i].text == text) {
            return sql->statements[i].handle;
        }
    }
    if (sql->statement_count == SQL_MAX_STATEMENTS) {
        why_set(why, "more than %d kinds of statements", SQL_MAX_STATEMENTS);
        return NULL;
    }
    sqlite3_stmt *handle = NULL;
    int code =
        sqlite3_prepare_v3(sql->database, text, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
    if (code != SQLITE_OK) {
        failed(sql, code, why);
        return NULL;
    }
    sql->statements[sql->statement_count].text = text;
    sql->statements[sql->statement_count].handle = handle;
    sql->statement_count++;
    return handle;
}

static int bind(sqlite3_stmt *statement, int place, const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_KIND_INTEGER:
        return sqlite3_bind_int64(statement, place, value->integer);
    case SQL_KIND_TEXT:
        return sqlite3_bind_text(statement, place, value->bytes, -1, SQLITE_STATIC);
    case SQL_KIND_BLOB:
        return sqlite3_bind_blob64(statement, place, value->bytes, value->length, SQLITE_STATIC);
    case SQL_KIND_NULL:
        break;
    }
    return sqlite3_bind_null(statement, place);
}

enum store_status sql_next(struct sql *sql, sqlite3_stmt *statement, char **why)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return STORE_OK;
    }
    return code == SQLITE_DONE ? STORE_NONE : failed(sql, code, why);
}

enum store_status sql_query(struct sql *sql, const char *text, const struct sql_value *values,
                            size_t count, sqlite3_stmt **out, char **why)
{
    *out = NULL;
    sqlite3_stmt *statement = prepared(sql, text, why);
    if (!statement) {
        return STORE_ERROR;
    }
    for (size_t i = 0; i < count; i++) {
        int code = bind(statement, (int)i + 1, &values[i]);
        if (code != SQLITE_OK) {
            sql_done(statement);
            return failed(sql, code, why);
        }
    }
    enum store_status status = sql_next(sql, statement, why);
    if (status == STORE_ERROR) {
        sql_done(statement);
        return status;
    }
    *out = statement;
    return status;
}

void sql_done(sqlite3_stmt *statement)
{
    if (statement) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
}

enum store_status sql_each(struct sql *sql, const char *text, const struct sql_value *values,
                           size_t count, sql_row *take, void *context, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(sql, text, values, count, &row, why);
    while (status == STORE_OK) {
        status = take(context, row, why);
        if (status == STORE_OK) {
            status = sql_next(sql, row, why);
        }
    }
    sql_done(row);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status sql_run(struct sql *sql, const char *text, const struct sql_value *values,
                          size_t count, char **why)
{
    sqlite3_stmt *statement = NULL;
    enum store_status status = sql_query(sql, text, values, count, &statement, why);
    sql_done(statement);
    return status == STORE_ERROR ? STORE_ERROR : STORE_OK;
}

enum store_status sql_script(struct sql *sql, const char *text, char **why)
{
    int code = sqlite3_exec(sql->database, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? STORE_OK : failed(sql, code, why);
}

enum store_status sql_integer(struct sql *sql, const char *text, const struct sql_value *values,
                              size_t count, int64_t *out, char **why)
{
    sqlite3_stmt *statement = NULL;
    enum store_status status = sql_query(sql, text, values, count, &statement, why);
    if (status == STORE_OK) {
        *out = sqlite3_column_int64(statement, 0);
    }
    sql_done(statement);
    return status;
}

int64_t sql_last_id(struct sql *sql)
{
    return sqlite3_last_insert_rowid(sql->database);
}

int sql_changes(struct sql *sql)
{
    return sqlite3_changes(sql->database);
}

int64_t sql_total_changes(struct sql *sql)
{
    return sqlite3_total_changes64(sql->database);
}

char *sql_text(sqlite3_stmt *statement, int column, char **why)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    char *copy = strdup(text ? (const char *)text : "");
    if (!copy) {
        out_of_memory(why);
    }
    return copy;
}

unsigned char *sql_blob(sqlite3_stmt *statement, int column, size_t *length_out, char **why)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    *length_out = 0;
    /* One byte more: an empty value is no failure. */
    unsigned char *copy = malloc(length + 1);
    if (!copy) {
        out_of_memory(why);
        return NULL;
    }
    if (bytes && length > 0) {
        memcpy(copy, bytes, length);
        *length_out = length;
    }
    return copy;
}

static enum store_status push_blob(void *context, sqlite3_stmt *row, char **why)
{
    struct blobs *blobs = context;
    struct blob *items = realloc(blobs->items, (blobs->count + 1) * sizeof *items);
    if (!items) {
        return out_of_memory(why);
    }
    blobs->items = items;
    struct blob blob = {NULL, 0};
    blob.start = sql_blob(row, 0, &blob.length, why);
    if (!blob.start) {
        return STORE_ERROR;
    }
    items[blobs->count++] = blob;
    return STORE_OK;
}

enum store_status sql_blobs(struct sql *sql, const char *text, const struct sql_value *values,
                            size_t count, struct blobs *out, char **why)
{
    *out = (struct blobs){NULL, 0};
    return sql_each(sql, text, values, count, push_blob, out, why);
}

void blobs_clear(struct blobs *blobs)
{
    for (size_t i = 0; i < blobs->count; i++) {
        free(blobs->items[i].start);
    }
    free(blobs->items);
    *blobs = (struct blobs){NULL, 0};
}

enum store_status sql_copy(struct sql *sql, const char *path, char **why)
{
    sqlite3 *copy = NULL;
    enum store_status status = STORE_ERROR;
    int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *backup =
        code == SQLITE_OK ? sqlite3_backup_init(copy, "main", sql->database, "main") : NULL;
    if (backup) {
        /* All pages in one step: readers and writers of the log do not mind. */
        code = sqlite3_backup_step(backup, -1);
        int finished = sqlite3_backup_finish(backup);
        code = code == SQLITE_DONE ? finished : code;
    }
    if (backup && code == SQLITE_OK) {
        status = STORE_OK;
    } else {
        why_set(why, "the store %s cannot be copied to %s: %s", sql->path, path,
                sqlite3_errmsg(copy));
    }
    if (sqlite3_close(copy) != SQLITE_OK && status == STORE_OK) {
        why_set(why, "the copy of the store cannot be closed");
        status = STORE_ERROR;
    }
    return status;
}
