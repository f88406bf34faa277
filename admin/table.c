/* Tables: every cell is kept as its JSON value; the text for people is made from that. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "iso8601.h"
#include "tell.h"

#define COLUMN_GAP 2

struct table {
    const struct column *columns;
    size_t column_count;
    json_t *rows;  /* array of objects */
    size_t filled; /* cells in the last row */
    bool broken;
};

struct table *table_new(const struct column *columns)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table) {
        return NULL;
    }
    table->columns = columns;
    while (columns[table->column_count].key) {
        table->column_count++;
    }
    table->rows = json_array();
    table->broken = !table->rows;
    return table;
}

void table_free(struct table **table)
{
    if (*table) {
        json_decref((*table)->rows);
        free(*table);
        *table = NULL;
    }
}

/* Takes `value` over. */
static void add_cell(struct table *table, enum cell_kind kind, json_t *value)
{
    size_t at = table->filled % table->column_count;
    if (!value || table->broken || table->columns[at].kind != kind) {
        json_decref(value);
        table->broken = true;
        return;
    }
    if (at == 0 && json_array_append_new(table->rows, json_object())) {
        json_decref(value);
        table->broken = true;
        return;
    }
    json_t *row = json_array_get(table->rows, json_array_size(table->rows) - 1);
    table->broken = json_object_set_new(row, table->columns[at].key, value) != 0;
    table->filled = at + 1;
}

void table_text(struct table *table, const char *text)
{
    add_cell(table, CELL_TEXT, json_text(text));
}

void table_integer(struct table *table, long long number)
{
    add_cell(table, CELL_INTEGER, number ? json_integer(number) : json_null());
}

void table_count(struct table *table, size_t number)
{
    add_cell(table, CELL_INTEGER, json_integer((json_int_t)number));
}

void table_boolean(struct table *table, bool value)
{
    add_cell(table, CELL_BOOLEAN, json_boolean(value));
}

void table_time(struct table *table, time_t time)
{
    add_cell(table, CELL_TIME, json_time(time));
}

void table_list(struct table *table, char *const *items, size_t count)
{
    add_cell(table, CELL_LIST, json_texts(items, count));
}

/* A list as "a, b": a new string, NULL when out of memory. */
static char *join(const json_t *list)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        fprintf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
    }
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}

/* The text of a cell for people, not yet escaped: a new string, NULL when out of memory. */
static char *cell_text(const json_t *value, enum cell_kind kind)
{
    char *text = NULL;
    if (json_is_null(value) || (kind == CELL_LIST && json_array_size(value) == 0)) {
        return strdup("-");
    }
    switch (kind) {
    case CELL_TEXT:
        return strdup(json_string_value(value));
    case CELL_INTEGER:
        return asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0 ? NULL : text;
    case CELL_BOOLEAN:
        return strdup(json_is_true(value) ? "yes" : "no");
    case CELL_TIME:
        text = strdup(json_string_value(value));
        if (text) {
            text[strcspn(text, "T")] = '\0';
        }
        return text;
    case CELL_LIST:
        return join(value);
    }
    return NULL;
}

/* A cell as it is written, and how wide it is. */
struct shown {
    char *text;
    size_t width;
};

static int show(const struct table *table, size_t row, size_t column, struct shown *out)
{
    const struct column *described = &table->columns[column];
    const json_t *value = json_object_get(json_array_get(table->rows, row), described->key);
    char *text = cell_text(value, described->kind);
    out->text = text ? tell_escape(text, &out->width) : NULL;
    free(text);
    return out->text ? 0 : -1;
}

/* Whole rows, or out of memory on the way? */
static bool complete(const struct table *table)
{
    return !table->broken && table->filled % table->column_count == 0;
}

static void pad(FILE *out, size_t blanks)
{
    for (size_t i = 0; i < blanks; i++) {
        fputc(' ', out);
    }
}

static size_t last_shown(const struct table *table)
{
    size_t last = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        last = table->columns[i].title ? i : last;
    }
    return last;
}

static int measure(const struct table *table, size_t *widths)
{
    for (size_t column = 0; column < table->column_count; column++) {
        const char *title = table->columns[column].title;
        widths[column] = title ? strlen(title) : 0;
        for (size_t row = 0; title && row < json_array_size(table->rows); row++) {
            struct shown cell;
            if (show(table, row, column, &cell)) {
                return -1;
            }
            widths[column] = cell.width > widths[column] ? cell.width : widths[column];
            free(cell.text);
        }
    }
    return 0;
}

static int print_row(const struct table *table, size_t row, const size_t *widths, FILE *out)
{
    size_t last = last_shown(table);
    for (size_t column = 0; column <= last; column++) {
        if (!table->columns[column].title) {
            continue;
        }
        struct shown cell;
        if (show(table, row, column, &cell)) {
            return -1;
        }
        size_t blanks = widths[column] - cell.width;
        bool right = table->columns[column].kind == CELL_INTEGER;
        pad(out, right ? blanks : 0);
        fputs(cell.text, out);
        pad(out, column == last ? 0 : (right ? 0 : blanks) + COLUMN_GAP);
        free(cell.text);
    }
    fputc('\n', out);
    return 0;
}

static void print_titles(const struct table *table, const size_t *widths, FILE *out)
{
    size_t last = last_shown(table);
    for (size_t column = 0; column <= last; column++) {
        const char *title = table->columns[column].title;
        if (!title) {
            continue;
        }
        size_t blanks = widths[column] - strlen(title);
        bool right = table->columns[column].kind == CELL_INTEGER;
        pad(out, right ? blanks : 0);
        fputs(title, out);
        pad(out, column == last ? 0 : (right ? 0 : blanks) + COLUMN_GAP);
    }
    fputc('\n', out);
}

int table_print(const struct table *table, bool json, FILE *out)
{
    if (!complete(table)) {
        return -1;
    }
    if (json) {
        return json_write(json_incref(table->rows), out);
    }
    size_t rows = json_array_size(table->rows);
    size_t *widths = calloc(table->column_count, sizeof *widths);
    int rc = -1;
    if (!widths || measure(table, widths)) {
        goto out;
    }
    if (rows > 0) {
        print_titles(table, widths, out);
    }
    for (size_t row = 0; row < rows; row++) {
        if (print_row(table, row, widths, out)) {
            goto out;
        }
    }
    rc = ferror(out) || fflush(out) == EOF ? -1 : 0;
out:
    free(widths);
    return rc;
}

int table_print_record(const struct table *table, bool json, FILE *out)
{
    if (!complete(table)) {
        return -1;
    }
    if (json) {
        return json_write(json_incref(json_array_get(table->rows, 0)), out);
    }
    for (size_t row = 0; row < json_array_size(table->rows); row++) {
        for (size_t column = 0; column < table->column_count; column++) {
            struct shown cell;
            if (!table->columns[column].title) {
                continue;
            }
            if (show(table, row, column, &cell)) {
                return -1;
            }
            fprintf(out, "%s: %s\n", table->columns[column].title, cell.text);
            free(cell.text);
        }
    }
    return ferror(out) || fflush(out) == EOF ? -1 : 0;
}

json_t *table_rows(const struct table *table)
{
    return complete(table) ? table->rows : NULL;
}

int json_write(json_t *value, FILE *out)
{
    if (!value) {
        return -1;
    }
    int rc = json_dumpf(value, out, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    json_decref(value);
    fputc('\n', out);
    return rc || ferror(out) || fflush(out) == EOF ? -1 : 0;
}

json_t *json_text(const char *text)
{
    if (!text) {
        return json_null();
    }
    json_t *value = json_string(text);
    if (!value) { /* not UTF-8, most likely */
        char *escaped = tell_escape(text, NULL);
        value = escaped ? json_string(escaped) : NULL;
        free(escaped);
    }
    return value;
}

json_t *json_texts(char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        if (json_array_append_new(list, json_text(items[i]))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *json_time(time_t time)
{
    char text[ISO8601_BYTES];
    if (time == 0) {
        return json_null();
    }
    iso8601_time(time, text);
    return json_string(text);
}
