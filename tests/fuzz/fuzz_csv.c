/* Comma-separated values: any bytes. Fields lie inside of the text, and each ends there. */
#include "csv.h"
#include "why.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition)
        abort();
}

static void check_record(const struct csv_record *record, const char *text, size_t size)
{
    demand(record->count > 0 && record->count <= CSV_MAX_FIELDS);
    for (size_t i = 0; i < record->count; i++) {
        demand(record->fields[i] >= text);
        demand(record->fields[i] + strlen(record->fields[i]) <= text + size);
        demand(i == 0 || record->fields[i] > record->fields[i - 1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct csv_column columns[] = {{{"address", "mailbox"}, true, false},
                                                {{"aliases"}, false, true}};
    char *text = malloc(size + 1);
    size_t map[CSV_MAX_FIELDS], last = 0;
    struct csv_record record;
    enum csv_status status = CSV_OK;

    demand(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    struct csv *csv = csv_new(text, size);
    demand(csv != NULL);
    while (status == CSV_OK || status == CSV_REFUSED) {
        char *why = NULL;
        status = csv_next(csv, &record, &why);
        demand((status == CSV_OK || status == CSV_END) == (why == NULL));
        if (status == CSV_OK) {
            check_record(&record, text, size);
            if (last == 0)
                csv_map_header(&record, columns, 2, map, &why);
        }
        if (status == CSV_OK || status == CSV_REFUSED) {
            demand(record.line > last);
            last = record.line;
        }
        why_free(&why);
    }
    csv_free(&csv);
    free(text);
    return 0;
}
