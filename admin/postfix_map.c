/* Reading Postfix maps. */
#include "postfix_map.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "postfix_text.h"
#include "program.h"
#include "text_file.h"
#include "why.h"

#define MAX_ALIAS_HOPS 16    /* an alias of an alias of ... */
#define POSTMAP_TIMEOUT_S 60 /* until postmap has listed a map */

struct alias {
    char *address;
    char *target;
    size_t line;
};

struct reading {
    const struct context *context;
    const char *domain; /* NULL: all managed ones */
    struct mailbox_source *out;
    struct alias *aliases;
    size_t alias_count;
};

/* ---- Keys and values ---- */

static int pass_over(struct reading *reading)
{
    reading->out->passed_over++;
    return 0;
}

/* Takes both strings over. */
static int add_alias(struct reading *reading, char *address, char *target, size_t line)
{
    size_t count = reading->alias_count;
    if ((count & (count + 1)) == 0) {
        struct alias *aliases =
            reallocarray(reading->aliases, 2 * count + 2, sizeof *reading->aliases);
        if (!aliases) {
            free(address);
            free(target);
            return -1;
        }
        reading->aliases = aliases;
    }
    reading->aliases[reading->alias_count++] = (struct alias){address, target, line};
    return 0;
}

/* Takes `address` over. */
static int add_mailbox(struct reading *reading, char *address, size_t line)
{
    struct source_entry *entry = mailbox_source_add(reading->out, line);
    if (!entry) {
        free(address);
        return -1;
    }
    entry->address = address;
    return 0;
}

/* The address that a key is: ADDRESS_OK, or ADDRESS_NULL for what is none of ours. */
static enum address_status read_key(const struct reading *reading, const char *key, char **out)
{
    char *completed = NULL;
    if (*key == '@' || (!strchr(key, '@') && !reading->domain)) {
        return ADDRESS_NULL;
    }
    if (!strchr(key, '@') && asprintf(&completed, "%s@%s", key, reading->domain) < 0) {
        return ADDRESS_ERROR;
    }
    const char *text = completed ? completed : key;
    enum address_status status = address_canonical(text, strlen(text), out);
    free(completed);
    if (status == ADDRESS_OK &&
        (!context_manages(reading->context, *out) ||
         (reading->domain && strcmp(address_domain(*out), reading->domain) != 0))) {
        free(*out);
        *out = NULL;
        status = ADDRESS_NULL;
    }
    return status;
}

/* The one address that a value is; *out NULL where it is something else. *several_out: it has more
 * than one word, and an address among them. */
static enum address_status read_value(const char *value, char **out, bool *several_out)
{
    size_t words = 0;
    const char *address = NULL;
    size_t length = 0;
    *several_out = false;
    *out = NULL;
    while (*(value += strspn(value, " \t,"))) {
        size_t bytes = postfix_word_bytes(value, ",");
        words++;
        if (memchr(value, '@', bytes)) {
            address = value;
            length = bytes;
        }
        value += bytes;
    }
    *several_out = address && words > 1;
    if (!address || words > 1) {
        return ADDRESS_OK;
    }
    enum address_status status = address_canonical(address, length, out);
    return status == ADDRESS_ERROR ? status : ADDRESS_OK;
}

/* Takes `address` over. */
static int add_pair(struct reading *reading, char *address, const char *value, size_t line)
{
    char *target = NULL;
    bool several = false;
    if (read_value(value, &target, &several) == ADDRESS_ERROR) {
        free(address);
        return -1;
    }
    if (!several && (!target || !strcmp(target, address))) {
        free(target);
        return add_mailbox(reading, address, line);
    }
    if (several || !context_manages(reading->context, target)) {
        free(address);
        free(target);
        return pass_over(reading);
    }
    return add_alias(reading, address, target, line);
}

static int take_pair(void *context, const char *key, const char *value, size_t line)
{
    struct reading *reading = context;
    char *address = NULL;
    switch (read_key(reading, key, &address)) {
    case ADDRESS_OK:
        return add_pair(reading, address, value, line);
    case ADDRESS_NULL:
        return pass_over(reading);
    case ADDRESS_ERROR:
        return -1;
    case ADDRESS_INVALID:
        break;
    }
    struct source_entry *entry = mailbox_source_add(reading->out, line);
    if (!entry) {
        return -1;
    }
    why_set(&entry->reason, "\"%s\" is no mail address", key);
    return 0;
}

/* ---- From aliases to mailboxes ---- */

static int compare_aliases(const void *one, const void *other)
{
    return strcmp(((const struct alias *)one)->address, ((const struct alias *)other)->address);
}

static int compare_entries(const void *one, const void *other)
{
    const char *left = ((const struct source_entry *)one)->address;
    const char *right = ((const struct source_entry *)other)->address;
    return strcmp(left ? left : "", right ? right : "");
}

/* Where an alias leads in the end; NULL: round in a circle. */
static const char *final_target(const struct reading *reading, const struct alias *alias)
{
    for (int hops = 0; hops < MAX_ALIAS_HOPS; hops++) {
        const struct alias wanted = {.address = alias->target};
        const struct alias *next = bsearch(&wanted, reading->aliases, reading->alias_count,
                                           sizeof *reading->aliases, compare_aliases);
        if (!next) {
            return alias->target;
        }
        alias = next;
    }
    return NULL;
}

static struct source_entry *find_entry(struct mailbox_source *source, const char *address)
{
    const struct source_entry wanted = {.address = (char *)(uintptr_t)address};
    return source->count > 0 ? bsearch(&wanted, source->entries, source->count,
                                       sizeof *source->entries, compare_entries)
                             : NULL;
}

static void sort_entries(struct mailbox_source *source)
{
    if (source->count > 0) {
        qsort(source->entries, source->count, sizeof *source->entries, compare_entries);
    }
}

/* A target that no key names is a mailbox that another map has, and an alias in a circle a refusal.
 */
static int add_missing(struct reading *reading, const struct alias *alias, const char *target,
                       size_t sorted)
{
    struct mailbox_source before = *reading->out;
    before.count = sorted;
    if (target && find_entry(&before, target)) {
        return 0;
    }
    char *address = strdup(target ? target : alias->address);
    if (!address || add_mailbox(reading, address, alias->line)) {
        return -1;
    }
    if (!target) {
        why_set(&reading->out->entries[reading->out->count - 1].reason,
                "it leads round in a circle, or over more than %d aliases", MAX_ALIAS_HOPS);
    }
    return 0;
}

/* Of sorted entries with one address, keep one: several aliases may have brought it, and what
 * stands in a map twice is one mailbox. None has further addresses yet. */
static void drop_repeated(struct mailbox_source *source)
{
    size_t kept = 0;
    for (size_t i = 0; i < source->count; i++) {
        struct source_entry *entry = &source->entries[i];
        const struct source_entry *last = kept > 0 ? &source->entries[kept - 1] : NULL;
        if (last && last->address && entry->address && !strcmp(last->address, entry->address)) {
            free(entry->address);
            why_free(&entry->reason);
        } else {
            source->entries[kept++] = *entry;
        }
    }
    source->count = kept;
}

static int attach_aliases(struct reading *reading)
{
    if (reading->alias_count > 0) {
        qsort(reading->aliases, reading->alias_count, sizeof *reading->aliases, compare_aliases);
    }
    sort_entries(reading->out);
    size_t sorted = reading->out->count;
    for (size_t i = 0; i < reading->alias_count; i++) {
        const struct alias *alias = &reading->aliases[i];
        if (add_missing(reading, alias, final_target(reading, alias), sorted)) {
            return -1;
        }
    }
    sort_entries(reading->out);
    drop_repeated(reading->out);
    for (size_t i = 0; i < reading->alias_count; i++) {
        const char *target = final_target(reading, &reading->aliases[i]);
        struct source_entry *entry = target ? find_entry(reading->out, target) : NULL;
        char *address = entry ? strdup(reading->aliases[i].address) : NULL;
        if (entry && (!address || source_entry_add_alias(entry, address))) {
            return -1;
        }
    }
    return 0;
}

static int read_text(const struct context *context, struct text_file *text, const char *domain,
                     struct mailbox_source *out, char **why)
{
    struct reading reading = {.context = context, .domain = domain, .out = out};
    int rc = postfix_text_read(text->text, text->length, take_pair, &reading, why);
    if (rc == 0 && attach_aliases(&reading)) {
        why_set(why, "out of memory");
        rc = -1;
    }
    for (size_t i = 0; i < reading.alias_count; i++) {
        free(reading.aliases[i].address);
        free(reading.aliases[i].target);
    }
    free(reading.aliases);
    return rc;
}

int postfix_map_read_text(const struct context *context, const char *path, const char *domain,
                          struct mailbox_source *out, char **why)
{
    struct text_file text = {0};
    if (text_file_read(path, &text, why)) {
        return -1;
    }
    int rc = read_text(context, &text, domain, out, why);
    if (rc) {
        why_prefix(why, "%s", path);
    }
    text_file_clear(&text);
    return rc;
}

/* ---- postmap ---- */

static int run_postmap(const char *name, struct text_file *text, char **why)
{
    const char *const arguments[] = {"postmap", "-s", name, NULL};
    int rc = program_run(arguments, POSTMAP_TIMEOUT_S, text, why);
    if (rc) {
        why_prefix(why, "postmap cannot list %s", name);
    }
    return rc;
}

int postfix_map_read(const struct context *context, const char *name, const char *domain,
                     struct mailbox_source *out, char **why)
{
    struct text_file text = {0};
    const char *colon = strchr(name, ':');
    if (!colon || colon == name || !isalpha((unsigned char)*name)) {
        why_set(why, "\"%s\" is no map; one is named like hash:/etc/postfix/virtual", name);
        return -1;
    }
    if (run_postmap(name, &text, why)) {
        return -1;
    }
    int rc = read_text(context, &text, domain, out, why);
    text_file_clear(&text);
    return rc;
}
