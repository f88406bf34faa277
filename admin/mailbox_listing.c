/* The table of mailboxes, and everything about one. */
#include "mailbox_listing.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cert_use.h"
#include "certificate.h"
#include "enrolment.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* Fills a row of either table below: the columns are the same, their titles differ. `enrolment` may
 * be NULL. */
static void fill(struct table *table, const struct mailbox *mailbox,
                 const struct enrolment *enrolment)
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
    table_text(table, enrolment ? enrolment_phase_name(enrolment->phase) : NULL);
    table_text(table, enrolment ? enrolment->ca : NULL);
    table_time(table,
               enrolment && enrolment->phase == ENROLMENT_PENDING ? enrolment->next_attempt : 0);
    table_text(table, enrolment && enrolment->error[0] ? enrolment->error : NULL);
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
                                             {NULL, "enrolment", CELL_TEXT},
                                             {NULL, "enrolment_ca", CELL_TEXT},
                                             {NULL, "next_attempt", CELL_TIME},
                                             {NULL, "enrolment_error", CELL_TEXT},
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
                                               {"enrolment", "enrolment", CELL_TEXT},
                                               {"CA that is asked", "enrolment_ca", CELL_TEXT},
                                               {"next attempt", "next_attempt", CELL_TIME},
                                               {"last error", "enrolment_error", CELL_TEXT},
                                               {NULL, NULL, CELL_TEXT}};

static const struct column key_columns[] = {
    {"SIGNS", "signs", CELL_BOOLEAN},  {"CERTIFICATE", "certificate_id", CELL_INTEGER},
    {"ADDED", "added", CELL_TIME},     {NULL, "not_before", CELL_TIME},
    {"EXPIRES", "expires", CELL_TIME}, {"ISSUER", "issuer", CELL_TEXT},
    {NULL, "subject", CELL_TEXT},      {NULL, "serial", CELL_TEXT},
    {NULL, "fingerprint", CELL_TEXT},  {NULL, "cmp_ca", CELL_TEXT},
    {"REVOKED", "revoked", CELL_TIME}, {NULL, NULL, CELL_TEXT}};

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

static int compare_enrolment(const void *address, const void *enrolment)
{
    return strcmp(address, ((const struct enrolment *)enrolment)->address);
}

/* The enrolment of a mailbox among all, which are sorted; NULL if it has none. */
static const struct enrolment *enrolment_of(const struct enrolment_list *list, const char *address)
{
    return list->count > 0
               ? bsearch(address, list->items, list->count, sizeof *list->items, compare_enrolment)
               : NULL;
}

int mailbox_show_list(struct context *context, const struct mailbox_filter *filter,
                      enum mailbox_sort sort)
{
    struct mailbox_list list = {0};
    struct enrolment_list enrolments = {0};
    struct table *table = NULL;
    char *why = NULL;
    int rc = -1;
    if (store_mailbox_list(context->store, filter, &list, &why) != STORE_OK ||
        store_enrolment_list(context->store, &enrolments, &why) != STORE_OK) {
        tell_error("the mailboxes cannot be listed: %s", why_text(&why));
        goto out;
    }
    if (list.count > 0) {
        qsort_r(list.items, list.count, sizeof *list.items, compare, &sort);
    }
    table = table_new(list_columns);
    for (size_t i = 0; table && i < list.count; i++) {
        fill(table, &list.items[i], enrolment_of(&enrolments, list.items[i].address));
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the mailboxes cannot be written");
        goto out;
    }
    rc = 0;
out:
    table_free(&table);
    mailbox_list_clear(&list);
    enrolment_list_clear(&enrolments);
    why_free(&why);
    return rc;
}

/* ---- One mailbox ---- */

/* What is shown of it. */
struct subject {
    struct mailbox *mailbox;
    struct mailbox_key_list keys;
    struct enrolment enrolment;
    bool enrols; /* there is an enrolment */
    struct enrolled_list enrolled;
};

static void subject_clear(struct subject *subject)
{
    mailbox_key_list_clear(&subject->keys);
    mailbox_free(&subject->mailbox);
    enrolment_clear(&subject->enrolment);
    enrolled_list_clear(&subject->enrolled);
}

static enum store_status subject_read(struct store *store, const char *canonical,
                                      struct subject *out, char **why)
{
    enum store_status status = store_mailbox_find(store, canonical, &out->mailbox, why);
    if (status == STORE_OK) {
        status = store_mailbox_keys(store, canonical, &out->keys, why);
    }
    if (status == STORE_OK) {
        status = store_enrolled_list(store, canonical, &out->enrolled, why);
    }
    if (status == STORE_OK) {
        status = store_enrolment_find(store, canonical, &out->enrolment, why);
        out->enrols = status == STORE_OK;
        return status == STORE_NONE ? STORE_OK : status;
    }
    return status;
}

/* Where a key's certificate came from by CMP; NULL if it did not. */
static const struct enrolled *origin_of(const struct subject *subject,
                                        const struct mailbox_key *key)
{
    for (size_t i = 0; i < subject->enrolled.count; i++) {
        if (subject->enrolled.items[i].certificate_id == key->certificate_id) {
            return &subject->enrolled.items[i];
        }
    }
    return NULL;
}

static void fill_key(struct table *table, const struct mailbox_key *key, bool signs,
                     const struct enrolled *origin)
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
    table_text(table, origin ? origin->ca : NULL);
    table_time(table, origin ? origin->revoked : 0);
    OPENSSL_free(issuer);
    OPENSSL_free(subject);
    OPENSSL_free(serial);
    free(fingerprint);
}

/* Which key signs now: the chosen one of an active mailbox while its certificate is valid. */
static struct table *key_table(const struct context *context, const struct subject *subject)
{
    struct table *table = table_new(key_columns);
    for (size_t i = 0; table && i < subject->keys.count; i++) {
        const struct mailbox_key *key = &subject->keys.items[i];
        bool signs = key->chosen && subject->mailbox->state == MAILBOX_ACTIVE &&
                     certificate_not_before(key->certificate) <= context->now &&
                     context->now <= certificate_not_after(key->certificate);
        fill_key(table, key, signs, origin_of(subject, key));
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
    struct subject subject = {0};
    struct table *record = NULL, *keys = NULL;
    char *why = NULL;
    int rc = -1;
    enum store_status status = subject_read(context->store, canonical, &subject, &why);
    if (status == STORE_NONE) {
        tell_error("there is no mailbox %s", canonical);
        tell_next("Mailboxes are listed by: smimectl mailbox list");
        goto out;
    }
    if (status != STORE_OK) {
        tell_error("%s: %s", canonical, why_text(&why));
        goto out;
    }
    record = table_new(record_columns);
    if (record) {
        fill(record, subject.mailbox, subject.enrols ? &subject.enrolment : NULL);
    }
    keys = key_table(context, &subject);
    if (!record || !keys || print_one(context, record, keys)) {
        tell_error("the mailbox cannot be written");
        goto out;
    }
    rc = 0;
out:
    table_free(&record);
    table_free(&keys);
    subject_clear(&subject);
    why_free(&why);
    return rc;
}
