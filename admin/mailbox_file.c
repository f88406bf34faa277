/* Reading the list of mailboxes and their keys. */
#include "mailbox_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "address.h"
#include "csv.h"
#include "why.h"

enum column { COLUMN_ADDRESS, COLUMN_KEY, COLUMN_PASSWORD, COLUMN_CERTIFICATE, COLUMN_CHAIN };

static const struct csv_column columns[] = {
    [COLUMN_ADDRESS] = {{"address", "mailbox"}, true, false},
    [COLUMN_KEY] = {{"key", "pkcs12"}, false, false},
    [COLUMN_PASSWORD] = {{"password"}, false, false},
    [COLUMN_CERTIFICATE] = {{"certificate", "cert"}, false, false},
    [COLUMN_CHAIN] = {{"chain"}, false, false},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

static struct mailbox_row *push(struct mailbox_file *file, size_t line)
{
    if ((file->count & (file->count + 1)) == 0) {
        struct mailbox_row *rows =
            reallocarray(file->rows, 2 * file->count + 2, sizeof *file->rows);
        if (!rows) {
            return NULL;
        }
        file->rows = rows;
    }
    struct mailbox_row *row = &file->rows[file->count++];
    *row = (struct mailbox_row){.line = line, .password = ""};
    return row;
}

/* `name` as seen from the directory of the file `path`: a new string, NULL when out of memory. */
static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    char *joined = NULL;
    if (*name == '/' || !slash) {
        return strdup(name);
    }
    return asprintf(&joined, "%.*s/%s", (int)(slash - path), path, name) < 0 ? NULL : joined;
}

static int set_path(char **path_out, const char *file, const char *name)
{
    if (*name) {
        *path_out = beside(file, name);
    }
    return *name && !*path_out ? -1 : 0;
}

/* Returns 0, -1 out of memory. */
static int set_address(struct mailbox_row *row, const char *text)
{
    switch (address_canonical(text, strlen(text), &row->address)) {
    case ADDRESS_OK:
        return 0;
    case ADDRESS_ERROR:
        return -1;
    case ADDRESS_NULL:
    case ADDRESS_INVALID:
        break;
    }
    why_set(&row->reason, "\"%s\" is no mail address", text);
    return 0;
}

static int fill_row(struct mailbox_row *row, const struct csv_record *record, const size_t *map,
                    const char *path)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < record->count; i++) {
        /* Blanks may belong to a password. */
        char *field = map[i] == COLUMN_PASSWORD ? record->fields[i] : csv_trim(record->fields[i]);
        switch ((enum column)map[i]) {
        case COLUMN_ADDRESS:
            rc = set_address(row, field);
            break;
        case COLUMN_KEY:
            rc = set_path(&row->key, path, field);
            break;
        case COLUMN_PASSWORD:
            row->password = field;
            break;
        case COLUMN_CERTIFICATE:
            rc = set_path(&row->certificate, path, field);
            break;
        case COLUMN_CHAIN:
            rc = set_path(&row->chain, path, field);
            break;
        }
    }
    return rc;
}

static int add_record(struct mailbox_file *file, const struct csv_record *record,
                      size_t header_count, const size_t *map, const char *path)
{
    struct mailbox_row *row = push(file, record->line);
    if (!row) {
        return -1;
    }
    if (record->count != header_count) {
        why_set(&row->reason, "the line has %zu fields, the header has %zu", record->count,
                header_count);
        return 0;
    }
    return fill_row(row, record, map, path);
}

/* The header was read. */
static int read_rows(struct csv *csv, struct mailbox_file *file, size_t header_count,
                     const size_t *map, const char *path, char **why)
{
    struct csv_record record;
    enum csv_status status = CSV_OK;
    while (status == CSV_OK || status == CSV_REFUSED) {
        char *reason = NULL;
        int rc = 0;
        status = csv_next(csv, &record, &reason);
        if (status == CSV_OK) {
            rc = add_record(file, &record, header_count, map, path);
        } else if (status == CSV_REFUSED) {
            struct mailbox_row *row = push(file, record.line);
            rc = row ? 0 : -1;
            if (row) {
                row->reason = reason;
                reason = NULL;
            }
        } else if (status == CSV_ERROR) {
            why_set(why, "%s", why_text(&reason));
        }
        why_free(&reason);
        if (rc) {
            why_set(why, "out of memory");
            return -1;
        }
    }
    return status == CSV_END ? 0 : -1;
}

static int read_file(const char *path, struct mailbox_file *file, char **why)
{
    struct csv_record header;
    size_t map[CSV_MAX_FIELDS];
    int rc = -1;
    struct csv *csv = csv_new(file->text.text, file->text.length);
    if (!csv) {
        why_set(why, "out of memory");
        return -1;
    }
    enum csv_status status = csv_next(csv, &header, why);
    if (status == CSV_END) {
        why_set(why, "the file is empty; its first line names the columns: address, key, password");
    } else if (status == CSV_OK && csv_map_header(&header, columns, COLUMN_COUNT, map, why) == 0) {
        rc = read_rows(csv, file, header.count, map, path, why);
    }
    csv_free(&csv);
    return rc;
}

int mailbox_file_read(const char *path, struct mailbox_file *out, char **why)
{
    struct stat about;
    *out = (struct mailbox_file){0};
    if (text_file_read(path, &out->text, why)) {
        return -1;
    }
    if (read_file(path, out, why)) {
        mailbox_file_clear(out);
        return -1;
    }
    bool readable = stat(path, &about) == 0 && (about.st_mode & S_IROTH);
    for (size_t i = 0; readable && i < out->count; i++) {
        out->open_passwords = out->open_passwords || *out->rows[i].password;
    }
    return 0;
}

void mailbox_file_clear(struct mailbox_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        struct mailbox_row *row = &file->rows[i];
        free(row->address);
        free(row->key);
        free(row->certificate);
        free(row->chain);
        why_free(&row->reason);
    }
    free(file->rows);
    text_file_clear(&file->text);
    *file = (struct mailbox_file){0};
}
