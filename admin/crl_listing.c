/* crl list and show. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/bn.h>

#include "chain_revocation.h"
#include "command.h"
#include "crl_commands.h"
#include "revocation.h"
#include "table.h"
#include "tell.h"
#include "why.h"

static const struct column list_columns[] = {
    {"ID", "id", CELL_INTEGER},         {"SOURCE", "source", CELL_TEXT},
    {"KIND", "kind", CELL_TEXT},        {"MADE", "this_update", CELL_TIME},
    {"NEXT", "next_update", CELL_TIME}, {"ENTRIES", "entries", CELL_TEXT},
    {"ISSUER", "issuer", CELL_TEXT},    {NULL, "number", CELL_TEXT},
    {NULL, "fetched", CELL_TIME},       {NULL, "bytes", CELL_INTEGER},
    {NULL, "url", CELL_TEXT},           {NULL, NULL, CELL_TEXT}};

static const struct column record_columns[] = {
    {"id", "id", CELL_INTEGER},         {"source", "source", CELL_TEXT},
    {"kind", "kind", CELL_TEXT},        {"made", "this_update", CELL_TIME},
    {"next", "next_update", CELL_TIME}, {"entries", "entries", CELL_TEXT},
    {"issuer", "issuer", CELL_TEXT},    {"number", "number", CELL_TEXT},
    {"taken", "fetched", CELL_TIME},    {"bytes", "bytes", CELL_INTEGER},
    {"from", "url", CELL_TEXT},         {NULL, NULL, CELL_TEXT}};

/* In the order of both lists of columns. */
static void fill(struct table *table, const struct stored_crl *crl)
{
    char entries[24];
    snprintf(entries, sizeof entries, "%lld", (long long)crl->entries);
    table_integer(table, crl->id);
    table_text(table, crl_source_name(crl->source));
    table_text(table, crl->delta ? "delta" : "complete");
    table_time(table, crl->this_update);
    table_time(table, crl->next_update);
    table_text(table, entries);
    table_text(table, crl->issuer);
    table_text(table, *crl->number ? crl->number : NULL);
    table_time(table, crl->fetched);
    table_integer(table, crl->bytes);
    table_text(table, *crl->url ? crl->url : NULL);
}

int crl_list(struct context *context)
{
    struct crl_list list = {0};
    struct table *table = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    if (store_crl_list(context->store, 0, &list, &why) != STORE_OK) {
        tell_error("the CRLs cannot be listed: %s", why_text(&why));
        goto out;
    }
    table = table_new(list_columns);
    for (size_t i = 0; table && i < list.count; i++) {
        fill(table, &list.items[i]);
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the CRLs cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    crl_list_clear(&list);
    why_free(&why);
    return code;
}

/* ---- show ---- */

static const struct column entry_columns[] = {{"SERIAL", "serial", CELL_TEXT},
                                              {"REVOKED", "revoked_at", CELL_TIME},
                                              {"REASON", "reason", CELL_TEXT},
                                              {NULL, NULL, CELL_TEXT}};

static void fill_entry(struct table *table, const X509_REVOKED *entry)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(entry), NULL);
    char *serial = number ? BN_bn2hex(number) : NULL;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    time_t at = 0;
    for (char *p = serial; p && *p; p++) {
        *p = *p >= 'A' && *p <= 'F' ? (char)(*p + 'a' - 'A') : *p;
    }
    table_text(table, serial);
    table_time(table, revocation_time(X509_REVOKED_get0_revocationDate(entry), &at) == 0 ? at : 0);
    table_text(table, reason ? revocation_reason_name((int)ASN1_ENUMERATED_get(reason)) : NULL);
    ASN1_ENUMERATED_free(reason);
    OPENSSL_free(serial);
    BN_free(number);
}

static struct table *entries_of(X509_CRL *crl)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
    struct table *table = table_new(entry_columns);
    for (int i = 0; table && i < sk_X509_REVOKED_num(entries); i++) {
        fill_entry(table, sk_X509_REVOKED_value(entries, i));
    }
    return table;
}

/* One object: the record, with the entries as "revoked". */
static int write_json(const struct table *record, const struct table *entries)
{
    json_t *rows = table_rows(record), *list = table_rows(entries);
    json_t *object = rows ? json_deep_copy(json_array_get(rows, 0)) : NULL;
    if (!object || !list || json_object_set(object, "revoked", list)) {
        json_decref(object);
        return -1;
    }
    return json_write(object, stdout);
}

static int write_text(const struct table *record, const struct table *entries)
{
    if (table_print_record(record, false, stdout)) {
        return -1;
    }
    putchar('\n');
    return table_print(entries, false, stdout);
}

int crl_show(struct context *context)
{
    struct crl_list list = {0};
    struct table *record = NULL, *entries = NULL;
    char *why = NULL;
    int64_t id = 0;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    enum store_status status = STORE_NONE;
    if (id_argument(context->words[0], &id) == 0) {
        status = store_crl_list(context->store, id, &list, &why);
    }
    if (status != STORE_OK) {
        tell_error("there is no CRL %s%s%s", context->words[0], why ? ": " : "", why ? why : "");
        tell_next("Ids are listed by: smimectl crl list");
        goto out;
    }
    record = table_new(record_columns);
    entries = entries_of(list.items[0].crl);
    if (record) {
        fill(record, &list.items[0]);
    }
    if (!record || !entries ||
        (context->json ? write_json(record, entries) : write_text(record, entries))) {
        tell_error("the CRL cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&record);
    table_free(&entries);
    crl_list_clear(&list);
    why_free(&why);
    return code;
}
