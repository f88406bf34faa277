/* Which mailboxes a command is for: addresses, and patterns with "*". */
#ifndef ADMIN_MAILBOX_TARGETS_H
#define ADMIN_MAILBOX_TARGETS_H

#include <stdbool.h>

#include "bulk.h"
#include "context.h"

struct target {
    const char *word; /* as the administrator wrote it */
    char *address;    /* canonical; NULL: `reason` */
    char *reason;     /* why the word names no mailbox; why_free() */
};

struct target_list {
    struct target *items;
    size_t count;
};

/* Is a word a pattern? */
bool target_is_pattern(const char *word);

/* What the words name. In a pattern each "*" stands for any characters of an address
 * ("*@example.com", "sales-*@example.com", "*"); it gives every mailbox whose first address it
 * matches, or one entry with a reason. An address is not looked up. Returns 0, or -1 told. */
int targets_expand(struct context *context, char *const *words, size_t count,
                   struct target_list *out);
void target_list_clear(struct target_list *list);

/* Do something to one mailbox, and tell `bulk` what became of it. */
typedef void target_do(void *data, struct bulk *bulk, const struct target *target);
/* Do it to every mailbox that the words of the command name; words that name none are failures. For
 * `outcomes` and `failure` see bulk.h. Returns an exit code. */
int targets_each(struct context *context, const char *const *outcomes, const char *failure,
                 target_do *one, void *data);

#endif
