/* What a file, a map or a directory says of mailboxes: put together here, then merged into the
 * store. */
#ifndef ADMIN_MAILBOX_SOURCE_H
#define ADMIN_MAILBOX_SOURCE_H

#include <stdbool.h>

#include "bulk.h"
#include "context.h"

struct source_entry {
    size_t line;    /* 0: none */
    char *name;     /* what a refusal calls it where there is no address; may be NULL */
    char *address;  /* canonical; NULL: `reason` */
    char **aliases; /* canonical */
    size_t alias_count;
    int never_decrypt; /* as in struct mailbox_merge */
    char *reason;      /* why it is refused; why_free() */
};

struct mailbox_source {
    struct source_entry *entries;
    size_t count;
    size_t passed_over; /* what is no mailbox of ours */
};

/* A new, empty entry at the end, valid until the next one; NULL when out of memory. */
struct source_entry *mailbox_source_add(struct mailbox_source *source, size_t line);
/* Takes `alias` over; one that is there already is dropped. Returns 0, -1 out of memory. */
int source_entry_add_alias(struct source_entry *entry, char *alias);
void mailbox_source_clear(struct mailbox_source *source);

/* Outcomes of bulk_new() for a merge, and what its failures are called. */
extern const char *const merge_outcomes[];
extern const char *const merge_failure;

/* Merge all of it into the store and count what became of each. Returns 0, or -1 told when the
 * store failed on the way. */
int mailbox_source_merge(struct context *context, const struct mailbox_source *source,
                         struct bulk *bulk);

/* Which mailboxes of the store the source knows no more, and which further addresses of those that
 * it knows, if it has any: two lists of the run. Only domains that the source has, or `domain`,
 * count. Returns 0, -1 told. */
int mailbox_source_report_gone(struct context *context, const struct mailbox_source *source,
                               const char *domain, struct bulk *bulk);

#endif
