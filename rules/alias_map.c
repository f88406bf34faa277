/* A virtual alias map: read, sorted, followed. */
#include "alias_map.h"
#include "address.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ADDRESSES 1000 /* that one address leads to; Postfix expands no further */

/* Keys and targets have one of three forms: an address, "@domain", a local part alone. */
struct entry {
    char *key;
    size_t order; /* the first of several with the same key counts */
    char **targets;
    size_t target_count;
};

struct alias_map {
    struct entry *entries; /* sorted by key */
    size_t count, room;
};

struct reader {
    struct alias_map *map;
    const char *name;
    unsigned line;
    unsigned entry_line; /* of the entry that is read; 0: none */
    bool wrong;          /* the line before began an entry that cannot be read */
    struct problems *problems;
};

/* ---- reading ---- */

static char *lower(const char *text, size_t length)
{
    char *copy = strndup(text, length);

    for (char *p = copy; p && *p; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    return copy;
}

/* An address, "@domain" or local part in the form in which they compare: a new string; NULL with
 * the mistake told. */
static char *read_name(struct reader *reader, const char *text, size_t length)
{
    enum address_status status = ADDRESS_INVALID;
    char *canonical = NULL, *name = NULL;
    const char *at = memrchr(text, '@', length);

    if (!at && text[length - 1] != ':' && !memchr("|/:\"", text[0], 4)) {
        name = lower(text, length);
        status = name ? ADDRESS_OK : ADDRESS_ERROR;
    } else if (at == text) {
        status = address_canonical_domain(text + 1, length - 1, &canonical);
        name = status == ADDRESS_OK ? malloc(strlen(canonical) + 2) : NULL;
        if (name)
            stpcpy(stpcpy(name, "@"), canonical);
        else if (status == ADDRESS_OK)
            status = ADDRESS_ERROR;
        free(canonical);
    } else if (at) {
        status = address_canonical(text, length, &name);
    }
    if (status == ADDRESS_OK)
        return name;
    if (status == ADDRESS_ERROR)
        problems_add(reader->problems, reader->name, reader->line, "out of memory");
    else
        problems_add(reader->problems, reader->name, reader->line,
                     "\"%.*s\": expected an address, @domain or a local part, as in a Postfix "
                     "virtual alias map",
                     (int)(length < 200 ? length : 200), text);
    return NULL;
}

static bool is_separator(char c)
{
    return strchr(" \t\r\n,", c) != NULL;
}

/* The next word from *at on; blanks and commas within quotes belong to it. False at the end. */
static bool next_word(const char *text, size_t length, size_t *at, size_t *start_out)
{
    bool quoted = false;

    while (*at < length && is_separator(text[*at]))
        (*at)++;
    *start_out = *at;
    while (*at < length && (quoted || !is_separator(text[*at]))) {
        if (text[*at] == '\\' && *at + 1 < length)
            (*at)++;
        else if (text[*at] == '"')
            quoted = !quoted;
        (*at)++;
    }
    return *at > *start_out;
}

static bool add_target(struct entry *entry, char *target)
{
    char **targets = reallocarray(entry->targets, entry->target_count + 1, sizeof *targets);

    if (!targets)
        return false;
    entry->targets = targets;
    targets[entry->target_count++] = target;
    return true;
}

static bool add_entry(struct alias_map *map, char *key)
{
    struct entry *entries = map->entries;

    if (map->count == map->room) {
        size_t room = map->room ? 2 * map->room : 64;

        entries = reallocarray(map->entries, room, sizeof *entries);
        if (!entries)
            return false;
        map->entries = entries;
        map->room = room;
    }
    entries[map->count] = (struct entry){.key = key, .order = map->count};
    map->count++;
    return true;
}

static void out_of_memory(struct reader *reader)
{
    problems_add(reader->problems, reader->name, reader->line, "out of memory");
}

/* The entry that is read is at its end. */
static void end_entry(struct reader *reader)
{
    if (reader->entry_line > 0 && reader->map->entries[reader->map->count - 1].target_count == 0)
        problems_add(reader->problems, reader->name, reader->entry_line,
                     "an entry without a target: expected \"address target, target\"");
    reader->entry_line = 0;
}

static void read_targets(struct reader *reader, const char *text, size_t length, size_t at)
{
    struct alias_map *map = reader->map;
    size_t start = 0;

    while (next_word(text, length, &at, &start)) {
        char *target = read_name(reader, text + start, at - start);

        if (target && !add_target(&map->entries[map->count - 1], target)) {
            free(target);
            out_of_memory(reader);
        }
    }
}

/* A line that begins with a blank continues the entry before it. */
static void read_line(struct reader *reader, const char *text, size_t length)
{
    size_t at = 0, start = 0;
    char *key;

    if (text[0] == ' ' || text[0] == '\t') {
        if (reader->entry_line > 0)
            read_targets(reader, text, length, 0);
        else if (!reader->wrong)
            problems_add(reader->problems, reader->name, reader->line,
                         "continues no entry: a line begins with an address");
        return;
    }
    end_entry(reader);
    key = next_word(text, length, &at, &start) ? read_name(reader, text + start, at - start) : NULL;
    reader->wrong = !key;
    if (!key)
        return;
    if (!add_entry(reader->map, key)) {
        free(key);
        out_of_memory(reader);
        return;
    }
    reader->entry_line = reader->line;
    read_targets(reader, text, length, at);
}

static size_t line_length(const char *text, size_t length)
{
    const char *newline = memchr(text, '\n', length);

    return newline ? (size_t)(newline + 1 - text) : length;
}

/* Empty lines and comments, which do not end an entry (postmap(1)). */
static bool says_nothing(const char *line, size_t length)
{
    size_t i = 0;

    while (i < length && strchr(" \t\r\n", line[i]))
        i++;
    return i == length || line[i] == '#';
}

static void read_lines(struct reader *reader, const char *text, size_t length)
{
    while (length > 0) {
        size_t line = line_length(text, length);

        if (!says_nothing(text, line))
            read_line(reader, text, line);
        reader->line++;
        text += line;
        length -= line;
    }
    end_entry(reader);
}

/* Where the text ends for the functions of C. */
static unsigned line_of_nul(const char *text)
{
    unsigned line = 1;

    for (; *text; text++)
        line += *text == '\n';
    return line;
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);

    return order != 0 ? order : x->order < y->order ? -1 : 1;
}

struct alias_map *alias_map_parse(const char *name, const char *text, size_t length,
                                  struct problems *problems)
{
    struct problems found = {0};
    struct alias_map *map = calloc(1, sizeof *map);
    struct reader reader = {.map = map, .name = name, .line = 1, .problems = &found};

    if (!map)
        problems_add(&found, name, 0, "out of memory");
    else if (length > ALIAS_MAP_MAX_BYTES)
        problems_add(&found, name, 0, "a map may have %lu bytes", ALIAS_MAP_MAX_BYTES);
    else if (memchr(text, '\0', length))
        problems_add(&found, name, line_of_nul(text),
                     "a NUL byte; expected text, as postmap -s writes it");
    else
        read_lines(&reader, text, length);
    if (problems_any(&found))
        alias_map_free(&map);
    else if (map->count > 0)
        qsort(map->entries, map->count, sizeof *map->entries, by_key);
    problems_move(problems, &found);
    return map;
}

void alias_map_free(struct alias_map **map)
{
    if (!*map)
        return;
    for (size_t i = 0; i < (*map)->count; i++) {
        struct entry *entry = &(*map)->entries[i];

        for (size_t k = 0; k < entry->target_count; k++)
            free(entry->targets[k]);
        free(entry->targets);
        free(entry->key);
    }
    free((*map)->entries);
    free(*map);
    *map = NULL;
}

/* ---- following ---- */

static const struct entry *find_key(const struct alias_map *map, const char *key)
{
    size_t low = 0, high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(map->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < map->count && strcmp(map->entries[low].key, key) == 0 ? &map->entries[low] : NULL;
}

/* The entry that counts for an address. Returns 0, or -1 out of memory. */
static int find_entry(const struct alias_map *map, const char *address, const char *delimiters,
                      const struct entry **out)
{
    const char *domain = address_domain(address);
    char *plain = address_without_tag(address, delimiters);
    char *local = strndup(address, (size_t)(domain - 1 - address));
    int rc = -1;

    *out = find_key(map, address);
    if (!plain || !local)
        goto out;
    if (!*out)
        *out = find_key(map, plain);
    if (!*out)
        *out = find_key(map, local);
    if (!*out)
        *out = find_key(map, domain - 1);
    rc = 0;
out:
    free(plain);
    free(local);
    return rc;
}

/* What a target means for an address: itself, the same local part in "@domain", a local part in the
 * domain of the address. A new string; NULL out of memory. */
static char *target_address(const char *target, const char *address)
{
    const char *domain = address_domain(address);
    size_t local = (size_t)(domain - 1 - address);
    char *result;

    if (target[0] == '@') {
        result = malloc(local + strlen(target) + 1);
        if (result)
            strcpy((char *)mempcpy(result, address, local), target);
        return result;
    }
    if (strchr(target, '@'))
        return strdup(target);
    result = malloc(strlen(target) + 1 + strlen(domain) + 1);
    if (result)
        stpcpy(stpcpy(stpcpy(result, target), "@"), domain);
    return result;
}

/* Addresses to be looked up, each once. */
struct queue {
    char *items[MAX_ADDRESSES];
    size_t count;
};

/* Takes `address` over. */
static void put(struct queue *queue, char *address)
{
    for (size_t i = 0; i < queue->count; i++) {
        if (strcmp(queue->items[i], address) == 0) {
            free(address);
            return;
        }
    }
    if (queue->count < MAX_ADDRESSES)
        queue->items[queue->count++] = address;
    else
        free(address);
}

/* 1, 0, -1 as alias_map_outside(): the targets of one entry. */
static int follow(const struct entry *entry, const char *address, const struct settings *settings,
                  struct queue *queue, char **target_out)
{
    const struct string_list *domains = &settings->managed_domains;

    for (size_t i = 0; i < entry->target_count; i++) {
        char *next = target_address(entry->targets[i], address);

        if (!next)
            return -1;
        if (!address_in_domains(next, domains->items, domains->count)) {
            *target_out = next;
            return 1;
        }
        put(queue, next);
    }
    return 0;
}

int alias_map_outside(const struct alias_map *map, const char *address,
                      const struct settings *settings, char **target_out)
{
    struct queue *queue = calloc(1, sizeof *queue);
    char *first = strdup(address);
    int found = queue && first ? 0 : -1;

    if (found == 0)
        put(queue, first);
    else
        free(first);
    for (size_t i = 0; found == 0 && i < queue->count; i++) {
        const struct entry *entry = NULL;

        found = find_entry(map, queue->items[i], settings->recipient_delimiter, &entry);
        if (found == 0 && entry)
            found = follow(entry, queue->items[i], settings, queue, target_out);
    }
    for (size_t i = 0; queue && i < queue->count; i++)
        free(queue->items[i]);
    free(queue);
    return found;
}
