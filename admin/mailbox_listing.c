/* The table of mailboxes, and everything about one. */
#include "mailbox_listing.h"

#include <stdlib.h>

#include "address.h"
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
    table_text(table, mailbox->fingerprint);
}

static const struct column list_columns[] = {{"CERTIFICATE", "certificate_id", CELL_INTEGER},
                                             {"MAILBOX", "mailbox", CELL_TEXT},
                                             {"DOMAIN", "domain", CELL_TEXT},
                                             {"STATE", "state", CELL_TEXT},
                                             {"EXPIRES", "expires", CELL_TIME},
                                             {NULL, "aliases", CELL_LIST},
                                             {NULL, "never_decrypt", CELL_BOOLEAN},
                                             {NULL, "fingerprint", CELL_TEXT},
                                             {NULL, NULL, CELL_TEXT}};

static const struct column record_columns[] = {{"certificate", "certificate_id", CELL_INTEGER},
                                               {"mailbox", "mailbox", CELL_TEXT},
                                               {"domain", "domain", CELL_TEXT},
                                               {"state", "state", CELL_TEXT},
                                               {"expires", "expires", CELL_TIME},
                                               {"further addresses", "aliases", CELL_LIST},
                                               {"never decrypt", "never_decrypt", CELL_BOOLEAN},
                                               {"fingerprint", "fingerprint", CELL_TEXT},
                                               {NULL, NULL, CELL_TEXT}};

int mailbox_show_list(struct context *context, const struct mailbox_filter *filter)
{
    struct mailbox_list list = {0};
    struct table *table = NULL;
    char *why = NULL;
    int rc = -1;
    if (store_mailbox_list(context->store, filter, &list, &why) != STORE_OK) {
        tell_error("the mailboxes cannot be listed: %s", why_text(&why));
        goto out;
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

int mailbox_show_one(struct context *context, const char *canonical)
{
    struct mailbox *mailbox = NULL;
    struct table *table = NULL;
    char *why = NULL;
    int rc = -1;
    enum store_status status = store_mailbox_find(context->store, canonical, &mailbox, &why);
    if (status == STORE_NONE) {
        tell_error("there is no mailbox %s", canonical);
        tell_next("Mailboxes are listed by: smimectl mailbox list");
        goto out;
    }
    if (status != STORE_OK) {
        tell_error("%s: %s", canonical, why_text(&why));
        goto out;
    }
    table = table_new(record_columns);
    if (table) {
        fill(table, mailbox);
    }
    if (!table || table_print_record(table, context->json, stdout)) {
        tell_error("the mailbox cannot be written");
        goto out;
    }
    rc = 0;
out:
    table_free(&table);
    mailbox_free(&mailbox);
    why_free(&why);
    return rc;
}
