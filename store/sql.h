/* One SQLite connection, used by one thread at a time.
 *
 * Whoever holds the connection (sql_lock(), sql_begin()) may run statements; waiting for it and for
 * locks of other processes together ends at the timeout. Statements are prepared once and kept.
 * Internal to store/. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "store.h"

struct sql;

/* A value for a placeholder; bytes are borrowed until sql_done(). */
struct sql_value {
    enum { SQL_KIND_INTEGER, SQL_KIND_TEXT, SQL_KIND_BLOB, SQL_KIND_NULL } kind;
    int64_t integer;
    const void *bytes;
    size_t length; /* of a blob */
};

#define SQL_INT(value)                                                                             \
    {                                                                                              \
        .kind = SQL_KIND_INTEGER, .integer = (value)                                               \
    }
#define SQL_TEXT(text)                                                                             \
    {                                                                                              \
        .kind = SQL_KIND_TEXT, .bytes = (text)                                                     \
    }
#define SQL_BLOB(start, size)                                                                      \
    {                                                                                              \
        .kind = SQL_KIND_BLOB, .bytes = (start), .length = (size)                                  \
    }
#define SQL_NULL                                                                                   \
    {                                                                                              \
        .kind = SQL_KIND_NULL                                                                      \
    }
/* The values for ?1, ?2, ... in order: SQL_VALUES(SQL_INT(7), SQL_TEXT("x")). */
#define SQL_VALUES(...)                                                                            \
    (const struct sql_value[]){__VA_ARGS__},                                                       \
        sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value)
#define SQL_NO_VALUES NULL, 0

/* Open an existing database file for reading and writing. */
enum store_status sql_open(const char *path, int timeout_ms, struct sql **out, char **why);
void sql_close(struct sql **sql);

/* Copy the database as it is at one moment into the empty file `path`; others go on meanwhile. The
 * connection is taken. */
enum store_status sql_copy(struct sql *sql, const char *path, char **why);

/* Take the connection; STORE_ERROR when it is not free within the timeout. */
enum store_status sql_lock(struct sql *sql, char **why);
void sql_unlock(struct sql *sql);

/* Take the connection and begin a transaction: one that will write, or one that sees one state in
 * all its reads. Nothing is held after a failure. */
enum store_status sql_begin(struct sql *sql, char **why);
enum store_status sql_begin_read(struct sql *sql, char **why);
/* End the transaction: commit with STORE_OK, undo otherwise. The connection stays taken. Returns
 * `status`, or STORE_ERROR when the commit failed (nothing is written then). */
enum store_status sql_end(struct sql *sql, enum store_status status, char **why);

/* Bind `values` to the statement `text` (a string literal: statements are kept by its address) and
 * run it to its first row. STORE_OK with a row in *out, STORE_NONE without one; sql_done(*out) in
 * either case. STORE_ERROR: *out is NULL. */
enum store_status sql_query(struct sql *sql, const char *text, const struct sql_value *values,
                            size_t count, sqlite3_stmt **out, char **why);
/* The next row: STORE_OK, or STORE_NONE after the last. */
enum store_status sql_next(struct sql *sql, sqlite3_stmt *statement, char **why);
/* Accepts NULL. */
void sql_done(sqlite3_stmt *statement);

/* Take in one row: STORE_OK, or anything else to stop. */
typedef enum store_status sql_row(void *context, sqlite3_stmt *row, char **why);
/* Run a statement as sql_query() does and have each row taken in. STORE_OK when all were, and when
 * there are none; else what made it stop. */
enum store_status sql_each(struct sql *sql, const char *text, const struct sql_value *values,
                           size_t count, sql_row *take, void *context, char **why);

/* Run a statement that gives no row. */
enum store_status sql_run(struct sql *sql, const char *text, const struct sql_value *values,
                          size_t count, char **why);
/* Run several statements, not kept. */
enum store_status sql_script(struct sql *sql, const char *text, char **why);
/* The one integer that a statement gives; STORE_NONE without a row. */
enum store_status sql_integer(struct sql *sql, const char *text, const struct sql_value *values,
                              size_t count, int64_t *out, char **why);
/* Copies of the first column of all rows. blobs_clear() in any case. */
struct blob {
    unsigned char *start;
    size_t length;
};
struct blobs {
    struct blob *items;
    size_t count;
};
enum store_status sql_blobs(struct sql *sql, const char *text, const struct sql_value *values,
                            size_t count, struct blobs *out, char **why);
void blobs_clear(struct blobs *blobs);

int64_t sql_last_id(struct sql *sql);
int sql_changes(struct sql *sql);
/* Rows changed since the connection was opened. */
int64_t sql_total_changes(struct sql *sql);

/* A column as a new string, or its bytes as new memory; NULL out of memory, with a sentence. An SQL
 * NULL is the empty string, and no bytes. */
char *sql_text(sqlite3_stmt *statement, int column, char **why);
unsigned char *sql_blob(sqlite3_stmt *statement, int column, size_t *length_out, char **why);

#endif
