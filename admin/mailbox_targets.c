/* From words to addresses. */
#include "mailbox_targets.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "tell.h"
#include "why.h"

bool target_is_pattern(const char *word)
{
    return strchr(word, '*') != NULL;
}

static struct target *push(struct target_list *list, const char *word)
{
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct target *items = reallocarray(list->items, 2 * list->count + 2, sizeof *list->items);
        if (!items) {
            return NULL;
        }
        list->items = items;
    }
    struct target *target = &list->items[list->count++];
    *target = (struct target){.word = word};
    return target;
}

/* "*" stands for any characters, none included. After a mismatch the last "*" takes one more. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* The pattern in the form that canonical addresses have: a new string, NULL when out of memory. */
static char *canonical_pattern(const char *word)
{
    char *pattern = NULL, *domain = NULL;
    const char *at = strrchr(word, '@');
    size_t local = at ? (size_t)(at - word) : strlen(word);
    if (at && !strchr(at, '*') &&
        address_canonical_domain(at + 1, strlen(at + 1), &domain) == ADDRESS_OK) {
        if (asprintf(&pattern, "%.*s@%s", (int)local, word, domain) < 0) {
            pattern = NULL;
        }
    } else {
        pattern = strdup(word);
    }
    for (char *c = pattern; c && *c; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    free(domain);
    return pattern;
}

static int add_matches(struct target_list *list, const char *word, const char *pattern,
                       const struct mailbox_list *mailboxes)
{
    bool found = false;
    for (size_t i = 0; i < mailboxes->count; i++) {
        if (!matches(pattern, mailboxes->items[i].address)) {
            continue;
        }
        struct target *target = push(list, word);
        if (!target || !(target->address = strdup(mailboxes->items[i].address))) {
            return -1;
        }
        found = true;
    }
    if (!found) {
        struct target *target = push(list, word);
        if (!target) {
            return -1;
        }
        why_set(&target->reason, "no mailbox matches this pattern");
    }
    return 0;
}

static int add_pattern(struct context *context, const char *word, struct target_list *out)
{
    struct mailbox_list mailboxes = {NULL, 0};
    char *why = NULL, *pattern = canonical_pattern(word);
    int rc = -1;
    if (!pattern) {
        tell_error("out of memory");
        goto out;
    }
    if (store_mailbox_list(context->store, NULL, &mailboxes, &why) != STORE_OK) {
        tell_error("the mailboxes cannot be listed: %s", why_text(&why));
        goto out;
    }
    rc = add_matches(out, word, pattern, &mailboxes);
    if (rc) {
        tell_error("out of memory");
    }
out:
    mailbox_list_clear(&mailboxes);
    free(pattern);
    why_free(&why);
    return rc;
}

static int add_address(const char *word, struct target_list *out)
{
    struct target *target = push(out, word);
    if (!target) {
        tell_error("out of memory");
        return -1;
    }
    enum address_status status = address_canonical(word, strlen(word), &target->address);
    if (status == ADDRESS_ERROR) {
        tell_error("out of memory");
        return -1;
    }
    if (status != ADDRESS_OK) {
        why_set(&target->reason, "this is no mail address");
    }
    return 0;
}

int targets_expand(struct context *context, char *const *words, size_t count,
                   struct target_list *out)
{
    *out = (struct target_list){NULL, 0};
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        rc = target_is_pattern(words[i]) ? add_pattern(context, words[i], out)
                                         : add_address(words[i], out);
    }
    if (rc) {
        target_list_clear(out);
    }
    return rc;
}

void target_list_clear(struct target_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].address);
        why_free(&list->items[i].reason);
    }
    free(list->items);
    *list = (struct target_list){NULL, 0};
}

int targets_each(struct context *context, const char *const *outcomes, const char *failure,
                 target_do *one, void *data)
{
    struct target_list targets = {NULL, 0};
    struct bulk *bulk = NULL;
    int code = EXIT_REFUSED;
    if (targets_expand(context, context->words, context->word_count, &targets) == 0) {
        bulk = bulk_new(context, outcomes, failure, NULL, targets.count);
    }
    for (size_t i = 0; bulk && i < targets.count; i++) {
        struct target *target = &targets.items[i];
        if (target->address) {
            one(data, bulk, target);
        } else {
            bulk_fail(bulk, 0, target->word, why_text(&target->reason));
        }
    }
    if (bulk) {
        code = bulk_finish(&bulk);
    }
    target_list_clear(&targets);
    return code;
}
