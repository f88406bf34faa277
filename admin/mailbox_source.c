/* Lists of mailboxes on their way into the store. */
#include "mailbox_source.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "tell.h"
#include "why.h"

#define MERGE_BATCH 500 /* mailboxes in one transaction: some milliseconds */

const char *const merge_outcomes[] = {
    [MERGE_ADDED] = "added", [MERGE_CHANGED] = "changed", [MERGE_UNCHANGED] = "unchanged", NULL};
const char *const merge_failure = "refused";

/* ---- Entries ---- */

struct source_entry *mailbox_source_add(struct mailbox_source *source, size_t line)
{
    /* Grown in powers of two: there may be many thousands. */
    if ((source->count & (source->count + 1)) == 0) {
        struct source_entry *entries =
            reallocarray(source->entries, 2 * source->count + 2, sizeof *source->entries);
        if (!entries) {
            return NULL;
        }
        source->entries = entries;
    }
    struct source_entry *entry = &source->entries[source->count++];
    *entry = (struct source_entry){.line = line, .never_decrypt = -1};
    return entry;
}

int source_entry_add_alias(struct source_entry *entry, char *alias)
{
    bool known = entry->address && !strcmp(entry->address, alias);
    for (size_t i = 0; !known && i < entry->alias_count; i++) {
        known = !strcmp(entry->aliases[i], alias);
    }
    if (known) {
        free(alias);
        return 0;
    }
    char **aliases = reallocarray(entry->aliases, entry->alias_count + 1, sizeof *entry->aliases);
    if (!aliases) {
        free(alias);
        return -1;
    }
    entry->aliases = aliases;
    aliases[entry->alias_count++] = alias;
    return 0;
}

void mailbox_source_clear(struct mailbox_source *source)
{
    for (size_t i = 0; i < source->count; i++) {
        struct source_entry *entry = &source->entries[i];
        for (size_t k = 0; k < entry->alias_count; k++) {
            free(entry->aliases[k]);
        }
        free(entry->aliases);
        free(entry->name);
        free(entry->address);
        why_free(&entry->reason);
    }
    free(source->entries);
    *source = (struct mailbox_source){0};
}

/* ---- Merging ---- */

/* Merge up to MERGE_BATCH entries; those with a reason are told in their place. */
static int merge_batch(struct context *context, const struct source_entry *entries, size_t count,
                       struct bulk *bulk)
{
    struct mailbox_merge merges[MERGE_BATCH];
    size_t used = 0;
    char *why = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!entries[i].reason) {
            merges[used++] = (struct mailbox_merge){
                .address = entries[i].address,
                .aliases = (const char *const *)entries[i].aliases,
                .alias_count = entries[i].alias_count,
                .never_decrypt = entries[i].never_decrypt,
            };
        }
    }
    enum store_status status = STORE_OK;
    if (used > 0) {
        status = store_mailbox_merge(context->store, merges, used, &why);
    }
    size_t next = 0;
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        const struct source_entry *entry = &entries[i];
        if (entry->reason) {
            bulk_fail(bulk, entry->line, entry->address ? entry->address : entry->name,
                      why_text(&entry->reason));
            continue;
        }
        const struct mailbox_merge *merge = &merges[next++];
        if (merge->result == MERGE_REFUSED) {
            bulk_fail(bulk, entry->line, entry->address, why_text(&merge->reason));
        } else {
            bulk_count(bulk, merge->result);
        }
    }
    if (status != STORE_OK) {
        tell_error("the store failed: %s", why_text(&why));
    }
    for (size_t i = 0; i < used; i++) {
        why_free(&merges[i].reason);
    }
    why_free(&why);
    return status == STORE_OK ? 0 : -1;
}

int mailbox_source_merge(struct context *context, const struct mailbox_source *source,
                         struct bulk *bulk)
{
    for (size_t at = 0; at < source->count; at += MERGE_BATCH) {
        size_t left = source->count - at;
        if (merge_batch(context, source->entries + at, left < MERGE_BATCH ? left : MERGE_BATCH,
                        bulk)) {
            return -1;
        }
    }
    return 0;
}

/* ---- What is no longer there ---- */

struct words {
    const char **items; /* borrowed; sorted by words_sort() */
    size_t count;
};

static int words_add(struct words *words, const char *text)
{
    if ((words->count & (words->count + 1)) == 0) {
        const char **items = reallocarray(words->items, 2 * words->count + 2, sizeof *words->items);
        if (!items) {
            return -1;
        }
        words->items = items;
    }
    words->items[words->count++] = text;
    return 0;
}

static int compare_words(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void words_sort(struct words *words)
{
    if (words->count > 0) {
        qsort(words->items, words->count, sizeof *words->items, compare_words);
    }
}

static bool words_have(const struct words *words, const char *text)
{
    return words->count > 0 &&
           bsearch(&text, words->items, words->count, sizeof *words->items, compare_words) != NULL;
}

struct known {
    struct words addresses; /* of mailboxes, and further ones */
    struct words domains;
    bool aliases; /* are there further ones */
};

/* Entries with a reason count as well: a mailbox that was refused is not gone. */
static int collect(const struct mailbox_source *source, struct known *out)
{
    for (size_t i = 0; i < source->count; i++) {
        const struct source_entry *entry = &source->entries[i];
        if (entry->address && (words_add(&out->addresses, entry->address) ||
                               words_add(&out->domains, address_domain(entry->address)))) {
            return -1;
        }
        for (size_t k = 0; k < entry->alias_count; k++) {
            out->aliases = true;
            if (words_add(&out->addresses, entry->aliases[k])) {
                return -1;
            }
        }
    }
    words_sort(&out->addresses);
    words_sort(&out->domains);
    return 0;
}

static int find_gone(const struct mailbox_list *mailboxes, const struct known *known,
                     const char *domain, struct words *gone, struct words *gone_aliases)
{
    for (size_t i = 0; i < mailboxes->count; i++) {
        const struct mailbox *mailbox = &mailboxes->items[i];
        const char *its_domain = address_domain(mailbox->address);
        bool covered =
            domain ? !strcmp(domain, its_domain) : words_have(&known->domains, its_domain);
        if (!covered) {
            continue;
        }
        if (!words_have(&known->addresses, mailbox->address)) {
            if (words_add(gone, mailbox->address)) {
                return -1;
            }
            continue;
        }
        for (size_t k = 0; known->aliases && k < mailbox->alias_count; k++) {
            if (!words_have(&known->addresses, mailbox->aliases[k]) &&
                words_add(gone_aliases, mailbox->aliases[k])) {
                return -1;
            }
        }
    }
    return 0;
}

int mailbox_source_report_gone(struct context *context, const struct mailbox_source *source,
                               const char *domain, struct bulk *bulk)
{
    struct known known = {0};
    struct words gone = {NULL, 0}, gone_aliases = {NULL, 0};
    struct mailbox_list mailboxes = {NULL, 0};
    char *why = NULL;
    int rc = -1;
    if (store_mailbox_list(context->store, NULL, &mailboxes, &why) != STORE_OK) {
        tell_error("the mailboxes cannot be listed: %s", why_text(&why));
        goto out;
    }
    if (collect(source, &known) || find_gone(&mailboxes, &known, domain, &gone, &gone_aliases)) {
        tell_error("out of memory");
        goto out;
    }
    bulk_list(bulk, "gone", "no longer there", gone.items, gone.count);
    bulk_list(bulk, "gone_aliases", "no longer there as a further address", gone_aliases.items,
              gone_aliases.count);
    rc = 0;
out:
    free(known.addresses.items);
    free(known.domains.items);
    free(gone.items);
    free(gone_aliases.items);
    mailbox_list_clear(&mailboxes);
    why_free(&why);
    return rc;
}
