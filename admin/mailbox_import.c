/* smimectl mailbox import: mailboxes from a file of comma-separated values. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "csv.h"
#include "mailbox_commands.h"
#include "mailbox_source.h"
#include "tell.h"
#include "text_file.h"
#include "why.h"

enum column { COLUMN_ADDRESS, COLUMN_ALIASES, COLUMN_NEVER_DECRYPT };

static const struct csv_column columns[] = {
    [COLUMN_ADDRESS] = {{"address", "mailbox"}, true, false},
    [COLUMN_ALIASES] = {{"aliases", "alias"}, false, true},
    [COLUMN_NEVER_DECRYPT] = {{"never_decrypt"}, false, false},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

/* ---- Fields ---- */

/* A managed address: 0 with *out set, or with a reason in `entry`. -1 out of memory. */
static int read_address(const struct context *context, struct source_entry *entry, const char *text,
                        size_t length, char **out)
{
    enum address_status status = address_canonical(text, length, out);
    if (status == ADDRESS_ERROR) {
        return -1;
    }
    if (status != ADDRESS_OK) {
        why_set(&entry->reason, "\"%.*s\" is no mail address", (int)length, text);
        *out = NULL;
    } else if (!context_manages(context, *out)) {
        why_set(&entry->reason, "%s is not in a managed domain", *out);
        free(*out);
        *out = NULL;
    }
    return 0;
}

/* The bytes up to the next blank, comma or semicolon that is not in quotes (RFC 5321 local parts
 * may be quoted). */
static size_t address_bytes(const char *text)
{
    bool quoted = false;
    size_t i = 0;
    for (; text[i]; i++) {
        if (quoted && text[i] == '\\' && text[i + 1]) {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && strchr(" \t\r\n,;", text[i])) {
            break;
        }
    }
    return i;
}

static int read_aliases(const struct context *context, struct source_entry *entry, const char *text)
{
    while (*(text += strspn(text, " \t\r\n,;"))) {
        size_t length = address_bytes(text);
        char *alias = NULL;
        if (read_address(context, entry, text, length, &alias) ||
            (alias && source_entry_add_alias(entry, alias))) {
            return -1;
        }
        text += length;
    }
    return 0;
}

/* As people and programs write it; Excel has its own words where it speaks German. */
static void read_never_decrypt(struct source_entry *entry, const char *text)
{
    static const char *const words[2][6] = {{"no", "false", "0", "off", "nein", "falsch"},
                                            {"yes", "true", "1", "on", "ja", "wahr"}};
    if (!*text) {
        return;
    }
    for (size_t i = 0; i < sizeof words[0] / sizeof *words[0]; i++) {
        for (int value = 0; value < 2; value++) {
            if (!strcasecmp(words[value][i], text)) {
                entry->never_decrypt = value;
                return;
            }
        }
    }
    why_set(&entry->reason, "never_decrypt is \"%s\" and must be yes or no", text);
}

/* ---- The file ---- */

static int read_record(const struct context *context, struct source_entry *entry,
                       const struct csv_record *record, const size_t *map)
{
    int rc = 0;
    for (size_t i = 0; !rc && !entry->reason && i < record->count; i++) {
        const char *field = csv_trim(record->fields[i]);
        switch ((enum column)map[i]) {
        case COLUMN_ADDRESS:
            rc = read_address(context, entry, field, strlen(field), &entry->address);
            break;
        case COLUMN_ALIASES:
            rc = read_aliases(context, entry, field);
            break;
        case COLUMN_NEVER_DECRYPT:
            read_never_decrypt(entry, field);
            break;
        }
    }
    return rc;
}

static int read_records(const struct context *context, struct csv *csv, size_t header_count,
                        const size_t *map, struct mailbox_source *out, char **why)
{
    struct csv_record record;
    enum csv_status status = CSV_OK;
    while (status == CSV_OK || status == CSV_REFUSED) {
        char *reason = NULL;
        status = csv_next(csv, &record, &reason);
        if (status == CSV_END || status == CSV_ERROR) {
            why_set(why, "%s", why_text(&reason));
            why_free(&reason);
            break;
        }
        struct source_entry *entry = mailbox_source_add(out, record.line);
        int rc = entry ? 0 : -1;
        if (entry && status == CSV_REFUSED) {
            entry->reason = reason;
            reason = NULL;
        } else if (entry && record.count != header_count) {
            why_set(&entry->reason, "the line has %zu fields, the header has %zu", record.count,
                    header_count);
        } else if (entry) {
            rc = read_record(context, entry, &record, map);
        }
        why_free(&reason);
        if (rc) {
            why_set(why, "out of memory");
            return -1;
        }
    }
    return status == CSV_END ? 0 : -1;
}

static int read_file(const struct context *context, const char *path, struct mailbox_source *out,
                     char **why)
{
    struct text_file file = {0};
    struct csv_record header;
    size_t map[CSV_MAX_FIELDS];
    struct csv *csv = NULL;
    int rc = -1;
    if (text_file_read(path, &file, why)) {
        return -1;
    }
    csv = csv_new(file.text, file.length);
    if (!csv) {
        why_set(why, "out of memory");
        goto out;
    }
    enum csv_status status = csv_next(csv, &header, why);
    if (status == CSV_END) {
        why_set(why, "the file is empty; its first line names the columns: address, aliases, "
                     "never_decrypt");
    } else if (status == CSV_OK && csv_map_header(&header, columns, COLUMN_COUNT, map, why) == 0) {
        rc = read_records(context, csv, header.count, map, out, why);
    }
    if (rc) {
        why_prefix(why, "%s", path);
    }
out:
    csv_free(&csv);
    text_file_clear(&file);
    return rc;
}

int mailbox_import(struct context *context)
{
    const char *path = context->words[0];
    struct mailbox_source source = {0};
    struct bulk *bulk = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        goto out;
    }
    if (read_file(context, path, &source, &why)) {
        tell_error("%s", why_text(&why));
        tell_next("Nothing was changed.");
        goto out;
    }
    bulk = bulk_new(context, merge_outcomes, merge_failure, path, source.count);
    if (!bulk) {
        goto out;
    }
    int rc = mailbox_source_merge(context, &source, bulk);
    code = bulk_finish(&bulk);
    code = rc && code == EXIT_DONE ? EXIT_PARTLY : code;
out:
    bulk_free(&bulk);
    mailbox_source_clear(&source);
    why_free(&why);
    return code;
}
