/* Comma-separated values (RFC 4180), as programs for tables write them: also with ";" or a
 * tabulator between the fields (Excel where the comma is the decimal separator), with a UTF-8 byte
 * order mark, with a first line "sep=;", and with LF alone at line ends. */
#ifndef ADMIN_CSV_H
#define ADMIN_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_MAX_FIELDS 1100 /* of one record */

enum csv_status {
    CSV_OK = 0,
    CSV_END,     /* no further record */
    CSV_REFUSED, /* this record is malformed; the next one can be read */
    CSV_ERROR,   /* nothing further can be read: not UTF-8, out of memory */
};

struct csv_record {
    size_t line;   /* where it begins, from 1 */
    char **fields; /* without quotes; borrowed from the reader until the next record */
    size_t count;
};

struct csv;

/* Read `text`, which must outlive the reader and is written to, up to and with the NUL at
 * text[length]. NULL when out of memory. */
struct csv *csv_new(char *text, size_t length);

/* The next record that is not an empty line. Its line is set with CSV_REFUSED, too; then, and with
 * CSV_ERROR, *why has a sentence without the line. */
enum csv_status csv_next(struct csv *csv, struct csv_record *out, char **why);
void csv_free(struct csv **csv);

/* What the columns of a file are. */
struct csv_column {
    const char *names[4]; /* lower case, NULL at the end: the first is what messages call it */
    bool required;
    bool repeatable;
};

/* Which of the `known` columns each field of the header is (an index into `known`): 0 with
 * map_out[0..header->count) set, or -1 with a sentence that names the columns there are: unknown,
 * missing or repeated. Names are compared without regard to case and blanks around them. */
int csv_map_header(const struct csv_record *header, const struct csv_column *known,
                   size_t known_count, size_t *map_out, char **why);

/* `text` without blanks around it, in place. */
char *csv_trim(char *text);

#endif
