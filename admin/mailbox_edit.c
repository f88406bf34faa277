/* smimectl mailbox add, list, show, alias, delete, never-decrypt. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "mailbox_commands.h"
#include "mailbox_listing.h"
#include "mailbox_targets.h"
#include "tell.h"
#include "why.h"

char *mailbox_managed_argument(const struct context *context, const char *text)
{
    char *canonical = canonical_argument(text);
    if (canonical && !context_manages(context, canonical)) {
        tell_error("%s is not in a managed domain", canonical);
        tell_next("Add its domain to \"managed_domains\" in %s. Other people's certificates are "
                  "imported with: smimectl pubkey import",
                  context->config_path);
        free(canonical);
        canonical = NULL;
    }
    return canonical;
}

void mailbox_tell_failure(const char *address, enum store_status status, char *const *why)
{
    if (status == STORE_NONE) {
        tell_error("there is no mailbox %s", address);
        tell_next("Mailboxes are listed by: smimectl mailbox list");
    } else {
        tell_error("%s: %s", address, why_text(why));
    }
}

/* ---- add ---- */

static void free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(strings[i]);
    }
    free(strings);
}

/* RFC 5322 allows it in an address, but whoever writes one here means a pattern, and a mailbox of
 * that name could not be told from one. */
static int refuse_pattern(const char *word)
{
    if (!target_is_pattern(word)) {
        return 0;
    }
    tell_error("\"%s\" is a pattern, no mailbox", word);
    tell_next("Many mailboxes are added by: smimectl mailbox import FILE.csv, or mailbox sync");
    return -1;
}

int mailbox_add(struct context *context)
{
    const struct option_values *given = &context->arguments->options[OPTION_ALIAS];
    int code = EXIT_REFUSED;
    char *why = NULL, *address = NULL;
    char **aliases = calloc(given->count + 1, sizeof *aliases);
    if (!aliases) {
        tell_error("out of memory");
        goto out;
    }
    if (context_store(context)) {
        goto out;
    }
    address = refuse_pattern(context->words[0])
                  ? NULL
                  : mailbox_managed_argument(context, context->words[0]);
    if (!address) {
        goto out;
    }
    for (size_t i = 0; i < given->count; i++) {
        aliases[i] = mailbox_managed_argument(context, given->items[i]);
        if (!aliases[i]) {
            goto out;
        }
    }
    enum store_status status = store_mailbox_add(context->store, address,
                                                 (const char *const *)aliases, given->count, &why);
    if (status != STORE_OK) {
        tell_error("%s cannot be added: %s", address, why_text(&why));
        goto out;
    }
    code = mailbox_show_one(context, address) ? EXIT_REFUSED : EXIT_DONE;
out:
    if (aliases) {
        free_strings(aliases, given->count);
    }
    free(address);
    why_free(&why);
    return code;
}

/* ---- list, show ---- */

static int state_argument(const char *state, int *out)
{
    for (int i = MAILBOX_INACTIVE; i <= MAILBOX_ACTIVE; i++) {
        if (!strcmp(state, mailbox_state_name((enum mailbox_state)i))) {
            *out = i;
            return 0;
        }
    }
    tell_error("\"%s\" is no state; there are inactive, activating and active", state);
    return -1;
}

int mailbox_list(struct context *context)
{
    const char *state = argument_value(context->arguments, OPTION_STATE);
    const char *domain = argument_value(context->arguments, OPTION_DOMAIN);
    const char *sort_name = argument_value(context->arguments, OPTION_SORT);
    struct mailbox_filter filter = {.state = -1};
    enum mailbox_sort sort = SORT_ADDRESS;
    char *canonical = NULL;
    int code = EXIT_REFUSED;
    if (state && state_argument(state, &filter.state)) {
        return EXIT_USAGE;
    }
    if (sort_name && mailbox_sort_named(sort_name, &sort)) {
        tell_error("\"%s\" cannot be sorted by; there are address, domain, state, expires and "
                   "certificate",
                   sort_name);
        return EXIT_USAGE;
    }
    if (domain) {
        if (address_canonical_domain(domain, strlen(domain), &canonical) != ADDRESS_OK) {
            tell_error("\"%s\" is no domain", domain);
            return EXIT_USAGE;
        }
        filter.domain = canonical;
    }
    if (context_store(context) == 0 && mailbox_show_list(context, &filter, sort) == 0) {
        code = EXIT_DONE;
    }
    free(canonical);
    return code;
}

int mailbox_show(struct context *context)
{
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[0]);
    int code = address && mailbox_show_one(context, address) == 0 ? EXIT_DONE : EXIT_REFUSED;
    free(address);
    return code;
}

/* ---- alias ---- */

typedef enum store_status alias_function(struct store *store, const char *address,
                                         const char *alias, char **why);

static int change_alias(struct context *context, const char *address, const char *word,
                        alias_function *change)
{
    char *why = NULL;
    bool adds = change == store_mailbox_add_alias;
    char *alias = adds ? mailbox_managed_argument(context, word) : canonical_argument(word);
    int rc = -1;
    if (alias) {
        enum store_status status = change(context->store, address, alias, &why);
        rc = status == STORE_OK ? 0 : -1;
        if (rc) {
            mailbox_tell_failure(alias, status, &why);
        }
    }
    free(alias);
    why_free(&why);
    return rc;
}

int mailbox_alias(struct context *context)
{
    bool adds = !strcmp(context->words[0], "add");
    size_t failed = 0;
    char *why = NULL;
    struct mailbox *mailbox = NULL;
    int code = EXIT_REFUSED;
    if (!adds && strcmp(context->words[0], "remove") != 0) {
        tell_error("\"%s\" must be add or remove", context->words[0]);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[1]);
    if (!address) {
        goto out;
    }
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
    if (status != STORE_OK) {
        mailbox_tell_failure(address, status, &why);
        goto out;
    }
    for (size_t i = 2; i < context->word_count; i++) {
        if (change_alias(context, mailbox->address, context->words[i],
                         adds ? store_mailbox_add_alias : store_mailbox_remove_alias)) {
            failed++;
        }
    }
    code = exit_code_of(context->word_count - 2 - failed, failed);
    if (code != EXIT_REFUSED && mailbox_show_one(context, mailbox->address)) {
        code = EXIT_REFUSED;
    }
out:
    mailbox_free(&mailbox);
    free(address);
    why_free(&why);
    return code;
}

/* ---- delete, never-decrypt ---- */

static int delete_one(struct context *context, const char *word)
{
    char *why = NULL;
    int rc = -1;
    struct mailbox *mailbox = NULL;
    char *address = canonical_argument(word);
    if (!address) {
        return -1;
    }
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
    if (status == STORE_OK && strcmp(mailbox->address, address) != 0) {
        why_set(&why,
                "this is a further address of the mailbox %s; remove it with: smimectl "
                "mailbox alias remove",
                mailbox->address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK) {
        status = store_mailbox_delete(context->store, address, &why);
    }
    if (status == STORE_OK) {
        rc = 0;
    } else {
        mailbox_tell_failure(address, status, &why);
    }
    mailbox_free(&mailbox);
    free(address);
    why_free(&why);
    return rc;
}

int mailbox_delete(struct context *context)
{
    size_t failed = 0;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        if (delete_one(context, context->words[i])) {
            failed++;
        }
    }
    return exit_code_of(context->word_count - failed, failed);
}

int mailbox_never_decrypt(struct context *context)
{
    bool never = !strcmp(context->words[1], "on");
    char *why = NULL;
    if (!never && strcmp(context->words[1], "off") != 0) {
        tell_error("\"%s\" must be on or off", context->words[1]);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[0]);
    if (!address) {
        return EXIT_REFUSED;
    }
    enum store_status status =
        store_mailbox_set_never_decrypt(context->store, address, never, &why);
    if (status != STORE_OK) {
        mailbox_tell_failure(address, status, &why);
    }
    free(address);
    why_free(&why);
    return status == STORE_OK ? EXIT_DONE : EXIT_REFUSED;
}
