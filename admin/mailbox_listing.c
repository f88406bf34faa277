/* The table of mailboxes, and everything about one. */
#include "mailbox_listing.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cert_use.h"
#include "certificate.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* Fills a row of either table below: the columns are the same, their titles differ. */
static void fill(struct table *table, const struct mailbox *mailbox)
{
    table_integer(table, mailbox->certificate_id);
    table_text(table, mailbox->address);
    table_text(table, address_domain(mailbox->address));
    table_text(table, mailbox_state_name(mailbox->state));
    table_time(table, mailbox->expires);
    table_list(table, mailbox->aliases, mailbox->alias_count);
    table_boolean(table, mailbox->never_decrypt);
    table_time(table, mailbox->requested);
    table_text(table, mailbox->fingerprint);
}

static const struct column list_columns[] = {{"CERTIFICATE", "certificate_id", CELL_INTEGER},
                                             {"MAILBOX", "mailbox", CELL_TEXT},
                                             {"DOMAIN", "domain", CELL_TEXT},
                                             {"STATE", "state", CELL_TEXT},
                                             {"EXPIRES", "expires", CELL_TIME},
                                             {NULL, "aliases", CELL_LIST},
                                             {NULL, "never_decrypt", CELL_BOOLEAN},
                                             {NULL, "requested", CELL_TIME},
                                             {NULL, "fingerprint", CELL_TEXT},
                                             {NULL, NULL, CELL_TEXT}};

static const struct column record_columns[] = {{"certificate", "certificate_id", CELL_INTEGER},
                                               {"mailbox", "mailbox", CELL_TEXT},
                                               {"domain", "domain", CELL_TEXT},
                                               {"state", "state", CELL_TEXT},
                                               {"expires", "expires", CELL_TIME},
                                               {"further addresses", "aliases", CELL_LIST},
                                               {"never decrypt", "never_decrypt", CELL_BOOLEAN},
                                               {"request pending since", "requested", CELL_TIME},
                                               {"fingerprint", "fingerprint", CELL_TEXT},
                                               {NULL, NULL, CELL_TEXT}};

static const struct column key_columns[] = {
    {"SIGNS", "signs", CELL_BOOLEAN},  {"CERTIFICATE", "certificate_id", CELL_INTEGER},
    {"ADDED", "added", CELL_TIME},     {NULL, "not_before", CELL_TIME},
    {"EXPIRES", "expires", CELL_TIME}, {"ISSUER", "issuer", CELL_TEXT},
    {NULL, "subject", CELL_TEXT},      {NULL, "serial", CELL_TEXT},
    {NULL, "fingerprint", CELL_TEXT},  {NULL, NULL, CELL_TEXT}};

/* ---- The list ---- */

static const char *const sort_names[] = {
    [SORT_ADDRESS] = "address", [SORT_DOMAIN] = "domain",           [SORT_STATE] = "state",
    [SORT_EXPIRES] = "expires", [SORT_CERTIFICATE] = "certificate",
};

int mailbox_sort_named(const char *name, enum mailbox_sort *out)
{
    for (size_t i = 0; i < sizeof sort_names / sizeof *sort_names; i++) {
        if (!strcmp(sort_names[i], name)) {
            *out = (enum mailbox_sort)i;
            return 0;
        }
    }
    return -1;
}

static int compare_numbers(long long one, long long other)
{
    return (one > other) - (one < other);
}

/* 0, which is none, comes last. */
static int compare_known(long long one, long long other)
{
    if ((one == 0) != (other == 0)) {
        return one == 0 ? 1 : -1;
    }
    return compare_numbers(one, other);
}

static int compare(const void *left, const void *right, void *context)
{
    const struct mailbox *one = left;
    const struct mailbox *other = right;
    int order = 0;
    switch (*(const enum mailbox_sort *)context) {
    case SORT_ADDRESS:
        break;
    case SORT_DOMAIN:
        order = strcmp(address_domain(one->address), address_domain(other->address));
        break;
    case SORT_STATE:
        order = compare_numbers(one->state, other->state);
        break;
    case SORT_EXPIRES:
        order = compare_known(one->expires, other->expires);
        break;
    case SORT_CERTIFICATE:
        order = compare_known(one->certificate_id, other->certificate_id);
        break;
    }
    return order ? order : strcmp(one->address, other->address);
}

int mailbox_show_list(struct context *context, const struct mailbox_filter *filter,
                      enum mailbox_sort sort)
{
    struct mailbox_list list = {0};
    struct table *table = NULL;
    char *why = NULL;
    int rc = -1;
    if (store_mailbox_list(context->store, filter, &list, &why) != STORE_OK) {
        tell_error("the mailboxes cannot be listed: %s", why_text(&why));
        goto out;
    }
    if (list.count > 0) {
        qsort_r(list.items, list.count, sizeof *list.items, compare, &sort);
    }
    table = table_new(list_columns);
    for (size_t i = 0; table && i < list.count; i++) {
        fill(table, &list.items[i]);
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the mailboxes cannot be written");
        goto out;
    }
    rc = 0;
out:
    table_free(&table);
    mailbox_list_clear(&list);
    why_free(&why);
    return rc;
}

/* ---- One mailbox ---- */

static void fill_key(struct table *table, const struct mailbox_key *key, bool signs)
{
    char *issuer = certificate_issuer(key->certificate);
    char *subject = certificate_subject(key->certificate);
    char *serial = certificate_serial(key->certificate);
    char *fingerprint = cert_fingerprint(key->certificate);
    table_boolean(table, signs);
    table_integer(table, key->certificate_id);
    table_time(table, key->added);
    table_time(table, certificate_not_before(key->certificate));
    table_time(table, certificate_not_after(key->certificate));
    table_text(table, issuer);
    table_text(table, subject);
    table_text(table, serial);
    table_text(table, fingerprint);
    OPENSSL_free(issuer);
    OPENSSL_free(subject);
    OPENSSL_free(serial);
    free(fingerprint);
}

/* Which key signs now: the chosen one of an active mailbox while its certificate is valid. */
static struct table *key_table(const struct context *context, const struct mailbox *mailbox,
                               const struct mailbox_key_list *keys)
{
    struct table *table = table_new(key_columns);
    for (size_t i = 0; table && i < keys->count; i++) {
        const struct mailbox_key *key = &keys->items[i];
        bool signs = key->chosen && mailbox->state == MAILBOX_ACTIVE &&
                     certificate_not_before(key->certificate) <= context->now &&
                     context->now <= certificate_not_after(key->certificate);
        fill_key(table, key, signs);
    }
    return table;
}

static int print_one(const struct context *context, const struct table *record,
                     const struct table *keys)
{
    if (context->json) {
        json_t *object = json_copy(json_array_get(table_rows(record), 0));
        if (!object || json_object_set(object, "keys", table_rows(keys))) {
            json_decref(object);
            return -1;
        }
        return json_write(object, stdout);
    }
    if (table_print_record(record, false, stdout)) {
        return -1;
    }
    if (json_array_size(table_rows(keys)) > 0) {
        puts("keys, all of which decrypt:");
    }
    return table_print(keys, false, stdout);
}

int mailbox_show_one(struct context *context, const char *canonical)
{
    struct mailbox *mailbox = NULL;
    struct mailbox_key_list list = {NULL, 0};
    struct table *record = NULL, *keys = NULL;
    char *why = NULL;
    int rc = -1;
    enum store_status status = store_mailbox_find(context->store, canonical, &mailbox, &why);
    if (status == STORE_NONE) {
        tell_error("there is no mailbox %s", canonical);
        tell_next("Mailboxes are listed by: smimectl mailbox list");
        goto out;
    }
    if (status == STORE_OK) {
        status = store_mailbox_keys(context->store, canonical, &list, &why);
    }
    if (status != STORE_OK) {
        tell_error("%s: %s", canonical, why_text(&why));
        goto out;
    }
    record = table_new(record_columns);
    if (record) {
        fill(record, mailbox);
    }
    keys = key_table(context, mailbox, &list);
    if (!record || !keys || print_one(context, record, keys)) {
        tell_error("the mailbox cannot be written");
        goto out;
    }
    rc = 0;
out:
    table_free(&record);
    table_free(&keys);
    mailbox_key_list_clear(&list);
    mailbox_free(&mailbox);
    why_free(&why);
    return rc;
}
