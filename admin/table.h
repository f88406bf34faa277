/* A listing: written as an aligned table for people, or as JSON, from one description. */
#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

enum cell_kind {
    CELL_TEXT,
    CELL_INTEGER, /* an id or a position, from 1; 0: "-" and null */
    CELL_BOOLEAN,
    CELL_TIME, /* a date in the table, date and time in JSON; 0: "-" and null */
    CELL_LIST, /* of texts */
};

struct column {
    const char *title; /* NULL: only in JSON */
    const char *key;   /* in JSON */
    enum cell_kind kind;
};

struct table;

/* `columns` ends with a column whose key is NULL; it must outlive the table. NULL when out of
 * memory. */
struct table *table_new(const struct column *columns);

/* Fill the next cell, row by row; the kind must be that of its column. Trouble is kept until the
 * table is written. */
void table_text(struct table *table, const char *text); /* NULL: "-" and null */
void table_integer(struct table *table, long long number);
void table_count(struct table *table, size_t number); /* in a column of CELL_INTEGER; 0 is 0 */
void table_boolean(struct table *table, bool value);
void table_time(struct table *table, time_t time);
void table_list(struct table *table, char *const *items, size_t count);

/* Write all rows. As a table: a line of titles, then the rows, or nothing at all when there are no
 * rows. As JSON: an array of objects. Returns 0; -1 when out of memory or a row is not full, or
 * writing fails. */
int table_print(const struct table *table, bool json, FILE *out);

/* The same, but each row as lines "title: value", or one JSON object: for a single thing. */
int table_print_record(const struct table *table, bool json, FILE *out);

/* The rows as a JSON array of objects, borrowed from the table; NULL when out of memory or a row is
 * not full. */
json_t *table_rows(const struct table *table);

void table_free(struct table **table);

/* Write a JSON value: sorted keys, ASCII only, a line end. Takes `value` over; NULL (out of memory)
 * gives -1. */
int json_write(json_t *value, FILE *out);

/* A JSON string; bytes that are not UTF-8 are escaped. NULL text: null. */
json_t *json_text(const char *text);
json_t *json_texts(char *const *items, size_t count);

/* "2026-01-02T03:04:05Z", null for 0. */
json_t *json_time(time_t time);

#endif
