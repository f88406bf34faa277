/* A reader for comma-separated values. It works in the caller's memory: quotes are taken out in
 * place, so there is one copy of a password to be wiped. */
#include "csv.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"

#define SEPARATORS ";,\t"

struct csv {
    char *at;
    char *end;
    size_t line;
    char separator;
    bool started;
    char *fields[CSV_MAX_FIELDS];
};

struct csv *csv_new(char *text, size_t length)
{
    struct csv *csv = calloc(1, sizeof *csv);
    if (csv) {
        csv->at = text;
        csv->end = text + length;
        csv->line = 1;
    }
    return csv;
}

void csv_free(struct csv **csv)
{
    free(*csv);
    *csv = NULL;
}

/* ---- Before the first record ---- */

static bool begins_with(const struct csv *csv, const char *text, size_t length)
{
    return (size_t)(csv->end - csv->at) >= length && !memcmp(csv->at, text, length);
}

/* How many bytes the UTF-8 character at `at` has; 0: it is none (RFC 3629 section 4). */
static size_t character_bytes(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        size_t bytes;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*at < forms[i].first || *at > forms[i].last) {
            continue;
        }
        size_t bytes = forms[i].bytes;
        if (left < bytes || (bytes > 1 && (at[1] < forms[i].low || at[1] > forms[i].high))) {
            return 0;
        }
        for (size_t k = 2; k < bytes; k++) {
            if ((at[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return bytes;
    }
    return 0;
}

/* Returns the line of what is no UTF-8 or a NUL, 0 if all is well. */
static size_t find_fault(const struct csv *csv)
{
    size_t line = 1;
    const unsigned char *at = (const unsigned char *)csv->at;
    const unsigned char *end = (const unsigned char *)csv->end;
    while (at < end) {
        size_t bytes = *at ? character_bytes(at, (size_t)(end - at)) : 0;
        if (bytes == 0) {
            return line;
        }
        line += *at == '\n';
        at += bytes;
    }
    return 0;
}

/* The separator is the first of those that can be one in the first line: names of columns have
 * none. */
static void find_separator(struct csv *csv)
{
    static const char announcement[] = "sep=";
    char *line_end = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
    size_t length = (size_t)((line_end ? line_end : csv->end) - csv->at);
    csv->separator = ',';
    if (length > sizeof announcement - 1 &&
        !strncasecmp(csv->at, announcement, sizeof announcement - 1) &&
        strchr(SEPARATORS, csv->at[sizeof announcement - 1])) {
        csv->separator = csv->at[sizeof announcement - 1];
        csv->at = line_end ? line_end + 1 : csv->end;
        csv->line++;
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (strchr(SEPARATORS, csv->at[i])) {
            csv->separator = csv->at[i];
            return;
        }
    }
}

static enum csv_status start(struct csv *csv, char **why)
{
    if (begins_with(csv, "\xff\xfe", 2) || begins_with(csv, "\xfe\xff", 2)) {
        why_set(why, "the file is UTF-16; save it as \"CSV UTF-8\"");
        return CSV_ERROR;
    }
    if (begins_with(csv, "\xef\xbb\xbf", 3)) {
        csv->at += 3;
    }
    size_t fault = find_fault(csv);
    if (fault) {
        why_set(why, "line %zu is not UTF-8 text; save the file as \"CSV UTF-8\"", fault);
        return CSV_ERROR;
    }
    find_separator(csv);
    csv->started = true;
    return CSV_OK;
}

/* ---- Records ---- */

static bool at_line_end(const struct csv *csv)
{
    return csv->at == csv->end || *csv->at == '\n' ||
           (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

/* Go behind the line end at csv->at. */
static void pass_line_end(struct csv *csv)
{
    if (csv->at < csv->end && *csv->at == '\r') {
        csv->at++;
    }
    if (csv->at < csv->end) {
        csv->at++;
        csv->line++;
    }
}

static void pass_rest_of_line(struct csv *csv)
{
    while (!at_line_end(csv)) {
        csv->at++;
    }
    pass_line_end(csv);
}

/* A field in quotes, csv->at behind the first one; its text goes to `to`. Returns the end of
 * the text, NULL when the quotes are never closed. */
static char *take_quoted(struct csv *csv, char *to)
{
    while (csv->at < csv->end) {
        if (*csv->at == '"' && csv->at + 1 < csv->end && csv->at[1] == '"') {
            csv->at++;
        } else if (*csv->at == '"') {
            csv->at++;
            return to;
        }
        csv->line += *csv->at == '\n';
        *to++ = *csv->at++;
    }
    return NULL;
}

/* One field; csv->at is left on the separator or the line end behind it. The NUL is set by the
 * caller once that is passed: it may fall on it. */
static enum csv_status take_field(struct csv *csv, char **end_out, char **why)
{
    if (csv->at < csv->end && *csv->at == '"') {
        size_t opened = csv->line;
        *end_out = take_quoted(csv, ++csv->at);
        if (!*end_out) {
            why_set(why, "the quotes that are opened in line %zu are never closed", opened);
            return CSV_REFUSED;
        }
        if (!at_line_end(csv) && *csv->at != csv->separator) {
            why_set(why, "something follows the closing quotes of a field");
            return CSV_REFUSED;
        }
        return CSV_OK;
    }
    while (!at_line_end(csv) && *csv->at != csv->separator) {
        if (*csv->at == '"' || *csv->at == '\r') {
            why_set(why, *csv->at == '"' ? "quotes stand inside of a field that is not quoted"
                                         : "a carriage return stands inside of a line");
            return CSV_REFUSED;
        }
        csv->at++;
    }
    *end_out = csv->at;
    return CSV_OK;
}

static enum csv_status take_record(struct csv *csv, struct csv_record *out, char **why)
{
    bool more = true;
    while (more) {
        char *field = csv->at + (csv->at < csv->end && *csv->at == '"');
        char *field_end = NULL;
        if (out->count == CSV_MAX_FIELDS) {
            why_set(why, "there are more than %d fields", CSV_MAX_FIELDS);
            return CSV_REFUSED;
        }
        enum csv_status status = take_field(csv, &field_end, why);
        if (status != CSV_OK) {
            return status;
        }
        more = csv->at < csv->end && *csv->at == csv->separator;
        if (more) {
            csv->at++;
        } else {
            pass_line_end(csv);
        }
        *field_end = '\0';
        csv->fields[out->count++] = field;
    }
    return CSV_OK;
}

enum csv_status csv_next(struct csv *csv, struct csv_record *out, char **why)
{
    *out = (struct csv_record){.fields = csv->fields};
    enum csv_status status = csv->started ? CSV_OK : start(csv, why);
    if (status != CSV_OK) {
        return status;
    }
    while (csv->at < csv->end && at_line_end(csv)) {
        pass_line_end(csv);
    }
    out->line = csv->line;
    if (csv->at == csv->end) {
        return CSV_END;
    }
    status = take_record(csv, out, why);
    if (status == CSV_REFUSED) {
        pass_rest_of_line(csv);
    }
    return status;
}

/* ---- Columns ---- */

char *csv_trim(char *text)
{
    while (isblank((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isblank((unsigned char)text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* "address, alias and never_decrypt": a new string, NULL when out of memory. */
static char *list_columns(const struct csv_column *known, size_t count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : i + 1 == count ? " and " : ", ", known[i].names[0]);
    }
    if (fclose(out) == EOF) {
        free(text);
        text = NULL;
    }
    return text;
}

static size_t find_column(const char *name, const struct csv_column *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof known->names / sizeof *known->names; k++) {
            if (known[i].names[k] && !strcasecmp(known[i].names[k], name)) {
                return i;
            }
        }
    }
    return count;
}

static int map_columns(const struct csv_record *header, const struct csv_column *known,
                       size_t known_count, size_t *map_out, const char *list, char **why)
{
    for (size_t i = 0; i < header->count; i++) {
        const char *name = csv_trim(header->fields[i]);
        size_t found = find_column(name, known, known_count);
        if (found == known_count) {
            why_set(why, "there is no column \"%s\"; the first line names the columns: %s", name,
                    list);
            return -1;
        }
        for (size_t k = 0; k < i; k++) {
            if (map_out[k] == found && !known[found].repeatable) {
                why_set(why, "the column \"%s\" stands there twice", known[found].names[0]);
                return -1;
            }
        }
        map_out[i] = found;
    }
    for (size_t i = 0; i < known_count; i++) {
        size_t k = 0;
        while (k < header->count && map_out[k] != i) {
            k++;
        }
        if (known[i].required && k == header->count) {
            why_set(why, "the column \"%s\" is missing; the first line names the columns: %s",
                    known[i].names[0], list);
            return -1;
        }
    }
    return 0;
}

int csv_map_header(const struct csv_record *header, const struct csv_column *known,
                   size_t known_count, size_t *map_out, char **why)
{
    char *list = list_columns(known, known_count);
    int rc = -1;
    if (list) {
        rc = map_columns(header, known, known_count, map_out, list, why);
    } else {
        why_set(why, "out of memory");
    }
    free(list);
    return rc;
}
