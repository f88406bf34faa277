/* A bounded cache of parsed objects: a hash table with a list from the least to the most recently
 * used. */
#include "cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <openssl/lhash.h>

struct entry {
    enum cache_kind kind;
    char *address;
    struct cached *value;
    TAILQ_ENTRY(entry) link;
};

TAILQ_HEAD(entry_list, entry);
typedef struct entry cache_entry; /* LHASH wants a name of one word */
DEFINE_LHASH_OF(cache_entry);

struct cache {
    pthread_mutex_t lock;
    LHASH_OF(cache_entry) * table;
    struct entry_list by_use; /* the least recently used first */
    size_t values;
    size_t objects;
    size_t max_objects;
    int64_t generation;
    uint64_t epoch;
};

static unsigned long entry_hash(const struct entry *entry)
{
    return OPENSSL_LH_strhash(entry->address) ^ (unsigned long)entry->kind;
}

static int entry_compare(const struct entry *left, const struct entry *right)
{
    return left->kind == right->kind ? strcmp(left->address, right->address) : 1;
}

struct cache *cache_new(size_t max_objects)
{
    struct cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return NULL;
    }
    cache->table = lh_cache_entry_new(entry_hash, entry_compare);
    if (!cache->table) {
        free(cache);
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    TAILQ_INIT(&cache->by_use);
    cache->max_objects = max_objects;
    return cache;
}

static struct entry *find(struct cache *cache, enum cache_kind kind, const char *address)
{
    struct entry wanted = {.kind = kind, .address = (char *)(uintptr_t)address};
    return lh_cache_entry_retrieve(cache->table, &wanted);
}

/* Every value counts as one object at least, so that those without any are bounded too. */
static size_t size_of(const struct cached *value)
{
    return value->objects > 0 ? value->objects : 1;
}

static void drop(struct cache *cache, struct entry *entry)
{
    lh_cache_entry_delete(cache->table, entry);
    TAILQ_REMOVE(&cache->by_use, entry, link);
    cache->values--;
    cache->objects -= size_of(entry->value);
    cached_release(entry->value);
    free(entry->address);
    free(entry);
}

static void drop_all(struct cache *cache)
{
    struct entry *entry = NULL;
    while ((entry = TAILQ_FIRST(&cache->by_use))) {
        drop(cache, entry);
    }
}

void cache_free(struct cache **cache)
{
    if (!*cache) {
        return;
    }
    drop_all(*cache);
    lh_cache_entry_free((*cache)->table);
    pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

struct cached *cache_get(struct cache *cache, enum cache_kind kind, const char *address,
                         uint64_t *epoch_out)
{
    struct cached *value = NULL;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, kind, address);
    if (entry) {
        TAILQ_REMOVE(&cache->by_use, entry, link);
        TAILQ_INSERT_TAIL(&cache->by_use, entry, link);
        value = entry->value;
        atomic_fetch_add(&value->references, 1);
    }
    *epoch_out = cache->epoch;
    pthread_mutex_unlock(&cache->lock);
    return value;
}

static struct entry *new_entry(enum cache_kind kind, const char *address, struct cached *value)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        return NULL;
    }
    entry->kind = kind;
    entry->address = strdup(address);
    if (!entry->address) {
        free(entry);
        return NULL;
    }
    entry->value = value;
    return entry;
}

static void insert(struct cache *cache, struct entry *entry)
{
    struct entry *former = find(cache, entry->kind, entry->address);
    if (former) {
        drop(cache, former);
    }
    lh_cache_entry_insert(cache->table, entry);
    if (lh_cache_entry_error(cache->table)) {
        free(entry->address);
        free(entry);
        return;
    }
    atomic_fetch_add(&entry->value->references, 1);
    TAILQ_INSERT_TAIL(&cache->by_use, entry, link);
    cache->values++;
    cache->objects += size_of(entry->value);
    while (cache->objects > cache->max_objects) {
        drop(cache, TAILQ_FIRST(&cache->by_use));
    }
}

void cache_put(struct cache *cache, enum cache_kind kind, const char *address, uint64_t epoch,
               struct cached *value)
{
    if (size_of(value) > cache->max_objects) {
        return;
    }
    struct entry *entry = new_entry(kind, address, value);
    if (!entry) {
        return;
    }
    pthread_mutex_lock(&cache->lock);
    if (cache->epoch == epoch) {
        insert(cache, entry);
        entry = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    if (entry) {
        free(entry->address);
        free(entry);
    }
}

void cache_obey(struct cache *cache, int64_t generation)
{
    pthread_mutex_lock(&cache->lock);
    if (cache->generation != generation) {
        drop_all(cache);
        cache->generation = generation;
        cache->epoch++;
    }
    pthread_mutex_unlock(&cache->lock);
}

static void forget(struct cache *cache, enum cache_kind kind, const char *address)
{
    struct entry *entry = find(cache, kind, address);
    if (entry) {
        drop(cache, entry);
    }
    cache->epoch++;
}

void cache_advance(struct cache *cache, int64_t generation, enum cache_kind kind,
                   char *const *addresses, size_t count)
{
    pthread_mutex_lock(&cache->lock);
    if (cache->generation == generation - 1) {
        for (size_t i = 0; i < count; i++) {
            forget(cache, kind, addresses[i]);
        }
    } else {
        drop_all(cache);
    }
    cache->generation = generation;
    cache->epoch++;
    pthread_mutex_unlock(&cache->lock);
}

void cache_forget(struct cache *cache, enum cache_kind kind, const char *address)
{
    pthread_mutex_lock(&cache->lock);
    forget(cache, kind, address);
    pthread_mutex_unlock(&cache->lock);
}

void cache_measure(struct cache *cache, size_t *values_out, size_t *objects_out)
{
    pthread_mutex_lock(&cache->lock);
    *values_out = cache->values;
    *objects_out = cache->objects;
    pthread_mutex_unlock(&cache->lock);
}

void cached_init(struct cached *value, size_t objects, void (*destroy)(struct cached *value))
{
    atomic_init(&value->references, 1);
    value->objects = objects;
    value->destroy = destroy;
}

void cached_release(struct cached *value)
{
    if (value && atomic_fetch_sub(&value->references, 1) == 1) {
        value->destroy(value);
    }
}
